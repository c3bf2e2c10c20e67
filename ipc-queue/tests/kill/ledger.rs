//! What each process of a storm was doing and has done, in memory of its own beside the queue.

use ipc_sys::memory::SharedMapping;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

pub(crate) const PRODUCERS: usize = 2;
pub(crate) const CONSUMERS: usize = 2;
/// Items of one producer in one round, at most.
pub(crate) const ITEMS: usize = 1 << 18;

/// The states of an item, in the low bits of its word; above them is how often it was taken.
const INTENDED: u64 = 1;
const PUT: u64 = 2;
const TAKEN: u64 = 4;

/// Words: `STOP`, `HANGS`, `FAULTS`, for each consumer whether it is in a call, for each producer its next number,
/// then a word for each item.
const STOP: usize = 0;
const HANGS: usize = 1;
const FAULTS: usize = 2;
const IN_GET: usize = 8;
const NEXT: usize = IN_GET + CONSUMERS;
const FIRST_ITEM: usize = 16;

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
    /// Items whose producer was killed in the call, and that somebody took.
    pub(crate) put_by_the_dead: u64,
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        let words = FIRST_ITEM + PRODUCERS * ITEMS;
        Ledger { memory: SharedMapping::create(words * 8).expect("memory is left") }
    }

    pub(crate) fn stop(&self) {
        self.word(STOP).store(1, SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.word(STOP).load(SeqCst) != 0
    }

    /// A call has taken longer than it may.
    pub(crate) fn note_hang(&self) {
        self.word(HANGS).fetch_add(1, SeqCst);
    }

    /// An item was torn or out of order, or a call failed that cannot.
    pub(crate) fn note_fault(&self, what: &str) {
        eprintln!("storm: {what}");
        self.word(FAULTS).fetch_add(1, SeqCst);
    }

    pub(crate) fn hangs(&self) -> u64 {
        self.word(HANGS).load(SeqCst)
    }

    pub(crate) fn faults(&self) -> u64 {
        self.word(FAULTS).load(SeqCst)
    }

    /// The next number of a producer, which is not given again, whether or not the item comes to be put.
    pub(crate) fn next(&self, producer: usize) -> Option<usize> {
        let number = self.word(NEXT + producer).fetch_add(1, SeqCst) as usize;
        (number < ITEMS).then_some(number)
    }

    pub(crate) fn intend(&self, producer: usize, number: usize) {
        self.item(producer, number).fetch_or(INTENDED, SeqCst);
    }

    pub(crate) fn has_put(&self, producer: usize, number: usize) {
        self.item(producer, number).fetch_or(PUT, SeqCst);
    }

    /// The item came back from a put that gave up.
    pub(crate) fn has_not_put(&self, producer: usize, number: usize) {
        self.item(producer, number).fetch_and(!INTENDED, SeqCst);
    }

    pub(crate) fn set_in_get(&self, consumer: usize, is_in: bool) {
        self.word(IN_GET + consumer).store(u64::from(is_in), SeqCst);
    }

    pub(crate) fn is_in_get(&self, consumer: usize) -> bool {
        self.word(IN_GET + consumer).load(SeqCst) != 0
    }

    pub(crate) fn has_taken(&self, producer: usize, number: usize) {
        self.item(producer, number).fetch_add(TAKEN, SeqCst);
    }

    /// Adds up all items and clears the ledger for the next round.
    pub(crate) fn settle(&self) -> Account {
        let mut account = Account::default();
        for producer in 0..PRODUCERS {
            let end = (self.word(NEXT + producer).swap(0, SeqCst) as usize).min(ITEMS);
            for number in 0..end {
                let word = self.item(producer, number).swap(0, SeqCst);
                let taken = word / TAKEN;
                let (intended, put) = (word & INTENDED != 0, word & PUT != 0);
                account.put += u64::from(put);
                account.lost += u64::from(put && taken == 0);
                account.wrong += u64::from(taken > 1 || taken == 1 && !intended);
                account.put_by_the_dead += u64::from(!put && taken == 1);
            }
        }
        (0..CONSUMERS).for_each(|consumer| self.set_in_get(consumer, false));
        self.word(STOP).store(0, SeqCst);
        account
    }

    fn word(&self, idx: usize) -> &AtomicU64 {
        self.memory.atomic_u64(idx * 8)
    }

    fn item(&self, producer: usize, number: usize) -> &AtomicU64 {
        self.word(FIRST_ITEM + producer * ITEMS + number)
    }
}
