//! The read-write lock: many readers or one writer, and what is left of either when its process ends.
//!
//! # State
//!
//! | `writer` | `held` in the cells of the living | the lock |
//! | --- | --- | --- |
//! | none | 0 | is free |
//! | none | more | is read |
//! | lives | 0 | is written |
//! | dead | 0 | is free, once the death stands in `health` |
//!
//! `pending` is the name of a process that waits to write. While it lives no new reader comes in, so that readers who follow
//! each other cannot keep writers out. It is a courtesy and protects nothing: it may be lost, and is then stored again. `beat`
//! counts the looks of the pending writer; a reader that does not see it change for two `RECHECK` takes that writer for
//! stopped, and its name away.
//!
//! | `health` | means | left by |
//! | --- | --- | --- |
//! | 0 | the data is in order | the death of a writer, to 1; `poison`, to 2 |
//! | 1 | a writer has died, and no writer was told | the next writer, which is told, to 2 |
//! | 2, or any other | nobody has repaired the data | `recover`, to 0; the death of a writer, to 1 |
//!
//! # What a survivor finds
//!
//! Taking needs the mutex, giving back does not.
//!
//! | operation | store | after it a survivor finds |
//! | --- | --- | --- |
//! | bury a writer | `health` becomes 1 | a dead writer, and that it has died: the same again changes nothing |
//! | | **`writer` becomes none** | a free lock whose next writer is told |
//! | read | the cell is claimed | as before: it holds nothing (see `cells`) |
//! | | **`held` is counted up** | as before: the dead hold nothing |
//! | write | `pending` is stored, `beat` counts | as before: a dead pending writer keeps nobody out |
//! | | `held` of dead readers becomes 0 | as before |
//! | | **`writer` is stored** | a dead writer: if it should have been told of a death, the next is |
//! | | `health` goes from 1 to 2 | a dead writer |
//! | | `pending` becomes none | a dead writer |
//! | stop reading | **`held` is counted down** | what its death would have led to; sleepers look within `RECHECK` |
//! | stop writing | **`writer` becomes none** | a free lock; sleepers look within `RECHECK` |
//!
//! A writer that dies before it could change anything is reported as one that did: nobody can tell the two apart.
//!
//! # Reading twice
//!
//! A thread that reads, and waits for another thread of its process that wants to read, too, would wait for ever if a writer
//! were pending in between. So a reader whose process reads already waits for a pending writer for no longer than `RECHECK`.
//! It holds for the threads of one process; two processes that wait for each other so, do. The price: if the reads of one
//! process are longer than `RECHECK` and overlap without end, they keep writers out. Writers that follow each other
//! without end keep readers out.

use super::bell::{Bell, Serves};
use super::cells::{self, Cell};
use super::spin::Patience;
use super::words::{Word32, Word64};
use super::{Acquired, Id, Peers, RawLockError, RawMutex, State, shim};
use ipc_sys::clock::Deadline;
use ipc_sys::futex::RECHECK;

/// The shared part of a read-write lock, beside its cells. All zero is a fresh one; any other bytes are one, too.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawRwLock {
    mutex: RawMutex,
    writer: Word64,
    pending: Word64,
    health: Word32,
    bell: Bell,
    beat: Word32,
    _pad: Word32,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<RawRwLock>() == 48 && align_of::<RawRwLock>() == 8);

const NOBODY: u64 = 0;
/// The data is in order.
const WELL: u32 = 0;
/// A writer has died, and no writer was told.
const DIED: u32 = 1;
/// Nobody has repaired the data.
const POISONED: u32 = 2;

/// Why the lock was not taken for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The deadline has passed.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
    /// As many other processes as there are cells read.
    TooManyReaders,
}

/// For how long a reader that was kept out goes on being polite to a pending writer.
struct Courtesy {
    /// How long if the reader's process reads already.
    nested: Deadline,
    /// The beat that was last seen, and how long it may stay the same.
    beat: u32,
    stopped: Deadline,
}

/// What came of a reader's look.
enum ReadLook {
    Taken(State),
    /// Somebody writes or will write: what the bell showed before.
    KeptOut(u32),
    NoCell,
}

impl RawRwLock {
    /// A free one.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn new() -> RawRwLock {
        RawRwLock {
            mutex: RawMutex::new(),
            writer: Word64::new(NOBODY),
            pending: Word64::new(NOBODY),
            health: Word32::new(WELL),
            bell: Bell::new(),
            beat: Word32::new(0),
            _pad: Word32::new(0),
        }
    }

    /// Takes the lock beside other readers, or waits for it until the deadline, which may be missed by 50 ms.
    ///
    /// The state is clean or poisoned: it is a writer that is told of a death.
    pub(crate) fn read(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Acquired, ReadError> {
        let mut courtesy = None;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            let (me, look) = cells::locked(&self.mutex, peers, deadline, |me| {
                (me, self.look_to_read(cells, peers, me, &mut courtesy))
            })?;
            match look {
                ReadLook::Taken(state) => return Ok(Acquired { me, state }),
                ReadLook::NoCell => return Err(ReadError::TooManyReaders),
                ReadLook::KeptOut(_) if shim::is_over(deadline) => return Err(ReadError::TimedOut),
                ReadLook::KeptOut(heard) => self.bell.sleep(heard, deadline),
            }
        }
    }

    /// Takes the lock alone, or waits for it until the deadline, which may be missed by 50 ms.
    pub(crate) fn write(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Acquired, RawLockError> {
        let mut waits = None;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            let look = |me| (me, self.look_to_write(cells, peers, me, deadline));
            let heard = match cells::locked(&self.mutex, peers, deadline, look) {
                Ok((me, Ok(state))) => return Ok(Acquired { me, state }),
                Ok((me, Err(heard))) => {
                    waits = Some(me);
                    heard
                }
                Err(error) => {
                    self.withdraw(waits);
                    return Err(error);
                }
            };
            if shim::is_over(deadline) {
                self.withdraw(waits);
                return Err(RawLockError::TimedOut);
            }
            self.bell.sleep(heard, deadline);
        }
    }

    /// Stops reading, if `reader` does. A copy in a forked child stops nothing.
    pub(crate) fn unlock_read(&self, cells: &[Cell], peers: &impl Peers, reader: Id) {
        if peers.me() != Some(reader) {
            return;
        }
        let left = cells::own(cells, reader).and_then(|cell| cell.give_back(1)); // READ DONE
        if left == Some(0) {
            self.bell.ring();
        }
    }

    /// Stops writing, if `writer` does. A copy in a forked child stops nothing.
    pub(crate) fn unlock_write(&self, peers: &impl Peers, writer: Id) {
        if peers.me() == Some(writer) && self.writer.exchange(writer.get(), NOBODY) {
            self.bell.ring();
        }
    }

    /// Says that the data was left in disorder. The caller writes.
    pub(crate) fn poison(&self) {
        self.health.set(POISONED);
    }

    /// Says that the data is in order. The caller writes.
    pub(crate) fn recover(&self) {
        self.health.set(WELL);
    }

    /// Whether a writer has died or left the data in disorder, and nobody has repaired it.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.health.get() != WELL
    }

    fn look_to_read(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        me: Id,
        courtesy: &mut Option<Courtesy>,
    ) -> ReadLook {
        if !self.lets_read(cells, peers, me, courtesy) {
            let heard = self.bell.listen(Serves::All);
            if !self.lets_read(cells, peers, me, courtesy) {
                return ReadLook::KeptOut(heard);
            }
        }
        let Some(cell) = cells::claim(cells, peers, me) else { return ReadLook::NoCell };
        cell.word.add(1); // READ
        ReadLook::Taken(if self.is_poisoned() { State::Poisoned } else { State::Clean })
    }

    /// The state, or what the bell showed before the lock was seen to be taken.
    fn look_to_write(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        me: Id,
        deadline: Deadline,
    ) -> Result<State, u32> {
        if !self.lets_write(cells, peers, me) {
            if !shim::is_over(deadline) {
                self.apply(peers, me);
            }
            let heard = self.bell.listen(Serves::All);
            if !self.lets_write(cells, peers, me) {
                return Err(heard);
            }
        }
        Ok(self.take(me))
    }

    fn take(&self, me: Id) -> State {
        self.writer.set(me.get()); // WRITE
        let state = match self.health.get() {
            WELL => State::Clean,
            DIED => State::OwnerDied,
            _ => State::Poisoned,
        };
        if state == State::OwnerDied {
            self.health.set(POISONED);
        }
        if self.pending.get() == me.get() {
            self.pending.set(NOBODY);
        }
        state
    }

    fn lets_read(&self, cells: &[Cell], peers: &impl Peers, me: Id, courtesy: &mut Option<Courtesy>) -> bool {
        if self.is_written(peers, me) {
            return false;
        }
        if !self.is_pending(peers, me) {
            return true;
        }
        let beat = self.beat.get();
        let courtesy = courtesy.get_or_insert_with(|| Courtesy::new(beat));
        if courtesy.has_stopped(beat) {
            self.pending.set(NOBODY);
            return true;
        }
        courtesy.nested.is_over() && cells::own(cells, me).is_some_and(|cell| cell.held() != 0)
    }

    fn lets_write(&self, cells: &[Cell], peers: &impl Peers, me: Id) -> bool {
        if self.is_written(peers, me) {
            return false;
        }
        cells::reap(cells, peers, me);
        cells.iter().all(|cell| cell.held() == 0)
    }

    /// Whether a living process writes. One that has died is buried. The caller has the mutex.
    fn is_written(&self, peers: &impl Peers, me: Id) -> bool {
        let word = self.writer.get();
        if word == NOBODY {
            return false;
        }
        let lives = Id::new(word).is_some_and(|writer| writer == me || !peers.is_dead(writer));
        if !lives {
            self.health.set(DIED);
            self.writer.set(NOBODY);
        }
        lives
    }

    /// Whether a living process waits to write.
    fn is_pending(&self, peers: &impl Peers, me: Id) -> bool {
        Id::new(self.pending.get()).is_some_and(|pending| pending == me || !peers.is_dead(pending))
    }

    /// Keeps new readers out, if nobody else does.
    fn apply(&self, peers: &impl Peers, me: Id) {
        if !self.is_pending(peers, me) {
            self.pending.set(me.get());
        }
        if self.pending.get() == me.get() {
            self.beat.add(1);
        }
    }

    /// Lets readers in again that were kept out for a writer that gives up.
    fn withdraw(&self, waits: Option<Id>) {
        if waits.is_some_and(|me| self.pending.exchange(me.get(), NOBODY)) {
            self.bell.ring();
        }
    }
}

impl Courtesy {
    fn new(beat: u32) -> Courtesy {
        Courtesy { nested: Deadline::after(RECHECK), beat, stopped: Deadline::after(2 * RECHECK) }
    }

    /// Whether the pending writer has not looked for a while.
    fn has_stopped(&mut self, beat: u32) -> bool {
        if beat != self.beat {
            (self.beat, self.stopped) = (beat, Deadline::after(2 * RECHECK));
        }
        self.stopped.is_over()
    }
}

impl From<RawLockError> for ReadError {
    fn from(error: RawLockError) -> Self {
        match error {
            RawLockError::TimedOut => ReadError::TimedOut,
            RawLockError::Forked => ReadError::Forked,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
