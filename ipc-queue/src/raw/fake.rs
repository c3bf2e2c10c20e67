//! For tests and models: a queue in memory of its own, between processes that are threads.
//!
//! What stands above this folder does more than the ring needs (handles, buffers, counts of tasks). [`Queue`] makes the same
//! calls in the same order, and nothing else.

use super::{
    Eagerness, Gets, Items, Lock, Puts, Record, Ring, SHORT, Short, Taken, WaitingPlace, Wishes, Word,
};
use crate::error::Corruption;
use ipc_shared::internals::{Id, Peers};
use ipc_sys::clock::Deadline;
use ipc_testkit::mortal;
use std::convert::Infallible;
use std::ops::Deref;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

/// How long a test sleeps before it looks again; a model does not.
const LONGEST: Duration = Duration::from_millis(100);

/// One process of a test, with a name of the family.
#[derive(Clone)]
pub(super) struct Process(mortal::Process);

/// Processes, all alive.
pub(super) fn processes<const N: usize>() -> [Process; N] {
    mortal::processes().map(Process)
}

impl Process {
    pub(super) fn id(&self) -> Id {
        Id::new(self.number()).expect("small and not zero")
    }
}

impl Deref for Process {
    type Target = mortal::Process;

    fn deref(&self) -> &mortal::Process {
        &self.0
    }
}

impl Peers for Process {
    fn me(&self) -> Option<Id> {
        Some(self.id())
    }

    fn is_dead(&self, id: Id) -> bool {
        self.0.is_dead(id.get())
    }
}

/// A queue.
pub(super) struct Queue {
    pub(super) puts: Puts,
    pub(super) gets: Gets,
    pub(super) units: Vec<Word>,
    capacity: u32,
}

/// What came of an attempt to put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    NoRoom,
    Closed,
}

impl Queue {
    /// An empty one.
    pub(super) fn new(n_units: usize, capacity: u32) -> Queue {
        let units = (0..n_units).map(|_| Word::new(0)).collect();
        Queue { puts: Puts::default(), gets: Gets::default(), units, capacity }
    }

    pub(super) fn ring(&self) -> Ring<'_> {
        Ring::new(&self.puts, &self.gets, &self.units, self.capacity)
    }

    /// Puts all of the items together, or none.
    pub(super) fn try_put(&self, by: &Process, items: &[&[u8]]) -> Put {
        let taken = self.puts.lock.lock(by, || Deadline::NEVER).expect("has a name");
        let put = self.put_under_lock(taken, items).expect("is in order");
        let n_put = if put == Put::Done { items.len() as u32 } else { 0 };
        let _ = self.puts.lock.release(taken.changes(n_put));
        put
    }

    fn put_under_lock(&self, taken: Taken, items: &[&[u8]]) -> Result<Put, Corruption> {
        if taken == Taken::FromDead {
            self.ring().mend_tail()?;
        }
        if self.puts.ended.load(Relaxed) != 0 {
            return Ok(Put::Closed);
        }
        let mut writer = self.ring().writer()?;
        for bytes in items {
            let (record, bytes) = Record::of(bytes).expect("is short");
            if !writer.has_room(record)? {
                return Ok(Put::NoRoom);
            }
            writer.write(record, &[], bytes);
        }
        writer.publish();
        Ok(Put::Done)
    }

    /// Puts an item, and waits for room; false if the queue was closed.
    pub(super) fn put(&self, by: &Process, bytes: &[u8]) -> bool {
        let (ring, units) = (self.ring(), record(bytes.len()).units());
        loop {
            match self.try_put(by, &[bytes]) {
                Put::Done => return true,
                Put::Closed => return false,
                Put::NoRoom => {}
            }
            let wishes = if ring.is_at_capacity() { Wishes::ONE } else { Wishes::ALL };
            self.wait(&self.gets.lock, wishes, || ring.has_room(units) || self.is_closed());
        }
    }

    /// Takes the first item, if there is one.
    pub(super) fn try_get(&self, by: &Process) -> Option<Vec<u8>> {
        let (ring, mut bytes) = (self.ring(), [0; SHORT]);
        match ring.take_short(&mut bytes).expect("is in order") {
            Short::Taken(len) => {
                self.gets.lock.tell(1);
                Some(bytes[..len].to_vec())
            }
            Short::Empty => None,
            Short::Refused => self.try_get_locked(by),
        }
    }

    /// Takes up to `most` short items without the lock.
    pub(super) fn try_get_many(&self, most: usize) -> Vec<Vec<u8>> {
        let mut items = Items::default();
        match self.ring().take_many_short(most, &mut items).expect("is in order") {
            Short::Taken(count) => {
                self.gets.lock.tell(count as u32);
                let tiny = items.tiny().map(|(bytes, size)| bytes[..size].to_vec());
                tiny.chain(items.others().map(<[u8]>::to_vec)).collect()
            }
            Short::Empty | Short::Refused => Vec::new(),
        }
    }

    /// Takes the first item under the lock, however short it is.
    pub(super) fn try_get_locked(&self, by: &Process) -> Option<Vec<u8>> {
        let taken = self.gets.lock.lock(by, || Deadline::NEVER).expect("has a name");
        let item = self.get_under_lock().expect("is in order");
        let _ = self.gets.lock.release(taken.changes(u32::from(item.is_some())));
        item
    }

    fn get_under_lock(&self) -> Result<Option<Vec<u8>>, Corruption> {
        loop {
            let (mut reader, record) = self.ring().reader()?;
            let Some(record) = record else { return Ok(None) };
            let mut bytes = vec![0; record.size()];
            reader.read_inline(record, &mut bytes);
            reader.pass(record);
            if reader.publish() {
                return Ok(Some(bytes));
            }
        }
    }

    /// Takes the first item, and waits for one; nothing if the queue was closed and is empty.
    pub(super) fn get(&self, by: &Process) -> Option<Vec<u8>> {
        loop {
            if let Some(item) = self.try_get(by) {
                return Some(item);
            }
            let is_empty = || self.ring().is_empty().expect("is in order");
            self.wait(&self.puts.lock, Wishes::ONE, || !is_empty() || self.is_closed());
            if self.is_closed() && is_empty() {
                return None;
            }
        }
    }

    /// Ends the queue.
    pub(super) fn close(&self, by: &Process) {
        let taken = self.puts.lock.lock(by, || Deadline::NEVER).expect("has a name");
        if taken == Taken::FromDead {
            self.ring().mend_tail().expect("is in order");
        }
        self.puts.ended.store(1, Release);
        let _ = self.puts.lock.release(super::MANY);
        self.puts.lock.ring_for_all();
        self.gets.lock.ring_for_all();
    }

    /// All items that are in the queue, taken.
    pub(super) fn drain(&self, by: &Process) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.try_get(by)).collect()
    }

    fn is_closed(&self) -> bool {
        self.puts.ended.load(Acquire) != 0
    }

    fn wait(&self, lock: &Lock, wishes: Wishes, has_changed: impl FnMut() -> bool) {
        let place = WaitingPlace { lock, eagerness: &Eagerness::default(), wishes };
        let Ok(_) =
            place.wait(Deadline::NEVER, LONGEST, has_changed, |_| Ok::<_, Infallible>(()), |_| Ok(false));
    }
}

/// The record of an item with so many bytes.
pub(super) fn record(len: usize) -> Record {
    Record::of(&[0; 64][..len]).expect("is short").0
}
