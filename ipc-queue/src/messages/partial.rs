//! Messages of which parts have come, and those whose rest will not.

use super::take::Header;
use crate::error::Corruption;
use crate::raw::{Kind, Ring};
use ipc_shared::internals::{Id, Peers};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// A message in the making.
#[derive(Debug)]
pub(super) struct Partial {
    /// The name of the process that sends it, and the number that it has there.
    pub(super) sender: u64,
    pub(super) number: u64,
    pub(super) total: u64,
    /// How much of it has come.
    pub(super) got: u64,
    pub(super) place: Place,
}

/// Where the bytes of a message go.
#[derive(Debug)]
pub(super) enum Place {
    Here(Vec<u8>),
    /// Into the buffer of the call with this number, in a thread of the process with this name.
    Buffer {
        call: u64,
        process: u64,
    },
    /// Nobody wants them.
    Nowhere,
}

/// The messages in the making of one receiver.
#[derive(Debug, Default)]
pub(super) struct Partials {
    list: Mutex<Vec<Partial>>,
    /// How many there are, to be seen without the lock.
    count: AtomicUsize,
}

/// So many at most: one for each process that holds the sending end, which is one as a rule.
const MOST: usize = 8;
/// How often, and how long each time, to wait for a list that a thread of this process keeps.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(1);
/// How often to look for the rest of a message while others take items.
const LOOKS: u32 = 16;

impl Partial {
    pub(super) fn new(sender: u64, number: u64, total: u64, got: u64, place: Place) -> Partial {
        Partial { sender, number, total, got, place }
    }

    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self.place, Place::Nowhere)
    }

    /// Whether the sender has ended, and the ring has nothing of the rest.
    fn is_truncated(&self, ring: Ring<'_>, peers: &impl Peers) -> bool {
        let is_dead = |id| peers.me() != Some(id) && peers.is_dead(id);
        // In this order: what it put before it ended is in the ring.
        Id::new(self.sender).is_none_or(is_dead) && matches!(self.has_rest(ring), Ok(false))
    }

    /// Whether a part of the message is in the ring; if others take items all the time, that may be so.
    fn has_rest(&self, ring: Ring<'_>) -> Result<bool, Corruption> {
        for _ in 0..LOOKS {
            let (mut reader, mut next) = ring.reader()?;
            while let Some(record) = next {
                let is_rest = |header: Header| (header.sender, header.number) == (self.sender, self.number);
                if record.kind() == Kind::Part && Header::read(&reader, record).is_ok_and(is_rest) {
                    return Ok(true);
                }
                reader.pass(record);
                next = reader.record()?;
            }
            // What was not taken was not written over.
            if reader.is_first() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Partials {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// Does something with the list.
    ///
    /// It is held for the time of a copy. In a child that was forked in just that time it is held for ever, by nobody; what is in
    /// it is the parent's, and the child begins with none.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Vec<Partial>) -> R) -> R {
        match self.lock() {
            Some(mut list) => {
                let result = work(&mut list);
                self.count.store(list.len(), Relaxed);
                result
            }
            None => work(&mut Vec::new()),
        }
    }

    /// Takes out a message whose sender has ended before it was whole; whether there was one.
    pub(super) fn settle(&self, ring: Ring<'_>, peers: &impl Peers) -> bool {
        !self.is_empty() && self.with(|list| settle(list, ring, peers))
    }

    /// Whether [`settle`](Partials::settle) would take one out.
    pub(super) fn has_truncated(&self, ring: Ring<'_>, peers: &impl Peers) -> bool {
        let is_told = |partial: &Partial| partial.is_wanted() && partial.is_truncated(ring, peers);
        !self.is_empty() && self.with(|list| list.iter().any(is_told))
    }

    /// Takes out the oldest; whether there was one. For the end of the channel.
    pub(super) fn drop_oldest(&self) -> bool {
        let drop_oldest = |list: &mut Vec<Partial>| {
            list.retain(Partial::is_wanted);
            !list.is_empty() && drop_first(list, |_| true)
        };
        !self.is_empty() && self.with(drop_oldest)
    }

    /// A call ends before the message is whole that it receives into its buffer: what it has of it is kept for the next one.
    pub(super) fn take_over(&self, call: u64, buffer: &[u8]) {
        if self.is_empty() {
            return;
        }
        self.with(|list| {
            let is_its =
                |one: &&mut Partial| matches!(one.place, Place::Buffer { call: found, .. } if found == call);
            if let Some(partial) = list.iter_mut().find(is_its) {
                partial.place = Place::Here(buffer[..partial.got as usize].to_vec());
            }
        });
    }

    fn lock(&self) -> Option<MutexGuard<'_, Vec<Partial>>> {
        for _ in 0..TRIES {
            match self.list.try_lock() {
                Ok(list) => return Some(list),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
        None
    }
}

/// Takes out of the list what is truncated, the first of it; whether there was something. Those that nobody wants go without a
/// word.
pub(super) fn settle(list: &mut Vec<Partial>, ring: Ring<'_>, peers: &impl Peers) -> bool {
    list.retain(|partial| partial.is_wanted() || !partial.is_truncated(ring, peers));
    drop_first(list, |partial| partial.is_truncated(ring, peers))
}

/// Takes the oldest out of the list if there are as many as there may be; whether anybody wanted it.
pub(super) fn make_room(list: &mut Vec<Partial>) -> bool {
    list.len() >= MOST && drop_first(list, |_| true)
}

fn drop_first(list: &mut Vec<Partial>, is_meant: impl FnMut(&Partial) -> bool) -> bool {
    let found = list.iter().position(is_meant);
    // One that nobody wants was told of already.
    found.is_some_and(|idx| list.remove(idx).is_wanted())
}
