//! What each process of a storm was doing and has done, in memory of its own beside the queue.

use ipc_sys::memory::SharedMapping;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

pub(crate) const PRODUCERS: usize = 4;
pub(crate) const CONSUMERS: usize = 4;
/// Items of one producer in one round, at most.
pub(crate) const ITEMS: u32 = 1 << 18;

/// The states of an item, in the low bits of its word; above them is how often it was taken.
const INTENDED: u64 = 1;
const PUT: u64 = 2;
const TAKEN: u64 = 4;

/// Words: how many faults there were, how many items each consumer may be taking, the next number of each producer, then a
/// word for each item.
const FAULTS: usize = 0;
const TAKING: usize = 1;
const NEXT: usize = TAKING + CONSUMERS;
const FIRST_ITEM: usize = NEXT + PRODUCERS;

#[derive(Debug)]
pub(crate) struct Ledger {
    memory: SharedMapping,
}

/// What the words of a finished round say.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Items that are certainly put, by the word of their producer.
    pub(crate) put: u64,
    /// Items of these that nobody took.
    pub(crate) lost: u64,
    /// Items that were taken twice, or taken and never put.
    pub(crate) wrong: u64,
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        let words = FIRST_ITEM + PRODUCERS * ITEMS as usize;
        Ledger { memory: SharedMapping::create(words * 8).expect("memory is left") }
    }

    /// An item was torn or out of order, or a call failed that cannot.
    pub(crate) fn note_fault(&self, what: &str) {
        eprintln!("storm: {what}");
        self.word(FAULTS).fetch_add(1, SeqCst);
    }

    pub(crate) fn faults(&self) -> u64 {
        self.word(FAULTS).load(SeqCst)
    }

    /// The numbers of the next items of a producer, as many as there are left, up to `most`. They are not given again, whether or
    /// not the items come to be put.
    pub(crate) fn next(&self, producer: usize, most: u32) -> Vec<u32> {
        let first = self.word(NEXT + producer).fetch_add(u64::from(most), SeqCst) as u32;
        let numbers: Vec<u32> = (first..(first + most).min(ITEMS)).collect();
        numbers.iter().for_each(|&number| _ = self.item(producer, number).fetch_or(INTENDED, SeqCst));
        numbers
    }

    pub(crate) fn has_put(&self, producer: usize, number: u32) {
        self.item(producer, number).fetch_or(PUT, SeqCst);
    }

    /// The item came back from a put that gave up.
    pub(crate) fn has_not_put(&self, producer: usize, number: u32) {
        self.item(producer, number).fetch_and(!INTENDED, SeqCst);
    }

    /// How many items a consumer is taking and has not noted; the count before.
    pub(crate) fn set_taking(&self, consumer: usize, most: u64) -> u64 {
        self.word(TAKING + consumer).swap(most, SeqCst)
    }

    pub(crate) fn has_taken(&self, producer: usize, number: u32) {
        self.item(producer, number).fetch_add(TAKEN, SeqCst);
    }

    /// Adds up all items and clears the ledger for the next round.
    pub(crate) fn settle(&self) -> Account {
        let mut account = Account::default();
        for producer in 0..PRODUCERS {
            let end = (self.word(NEXT + producer).swap(0, SeqCst) as u32).min(ITEMS);
            for number in 0..end {
                let word = self.item(producer, number).swap(0, SeqCst);
                let taken = word / TAKEN;
                let (intended, put) = (word & INTENDED != 0, word & PUT != 0);
                account.put += u64::from(put);
                account.lost += u64::from(put && taken == 0);
                account.wrong += u64::from(taken > 1 || taken == 1 && !intended);
            }
        }
        (0..CONSUMERS).for_each(|consumer| _ = self.set_taking(consumer, 0));
        account
    }

    fn word(&self, idx: usize) -> &AtomicU64 {
        self.memory.atomic_u64(idx * 8)
    }

    fn item(&self, producer: usize, number: u32) -> &AtomicU64 {
        self.word(FIRST_ITEM + producer * ITEMS as usize + number as usize)
    }
}
