//! The barrier: a number of threads of any processes that leave together, or learn that one will not come.
//!
//! # State
//!
//! `phase` is one word: the generation that gathers (from bit 2 on), whether it is `BROKEN` (bit 0), and whether the generation
//! before it ended by `RESET` (bit 1) and not by all having come. Each cell belongs to a member, a process; `held` counts its
//! threads that wait, and the high half is the generation that they wait in.
//!
//! | the living wait in | `phase` | the barrier |
//! | --- | --- | --- |
//! | nothing | not broken | is empty |
//! | its generation | not broken | gathers |
//! | the generation before | not broken | drains: who comes waits until all have left |
//! | either, or nothing | broken | lets nobody in; who waits in its generation leaves with an error |
//!
//! Nobody enters while others have to leave, so that no more than these two generations ever occur, and who leaves reads from
//! `phase` how its generation ended:
//!
//! | `phase` | who waits in generation `g` |
//! | --- | --- |
//! | `g` | goes on waiting |
//! | `g`, broken | leaves: broken |
//! | `g + 1`, broken or not | leaves: all have come |
//! | `g + 1`, by reset, broken or not | leaves: broken |
//!
//! # Transitions
//!
//! Each is one store of `phase`. Entering and resetting need the mutex; breaking and leaving do not.
//!
//! | by | from | to |
//! | --- | --- | --- |
//! | the last to come | `g` | `g + 1` |
//! | a waiter out of time, or that finds a member dead | `g` | `g`, broken |
//! | `abort` | any | the same, broken |
//! | `reset`, not draining | `g`, broken or not | `g + 1`, by reset |
//! | `reset`, draining | `g`, broken or not | `g`, not broken; those who drain keep their verdict |
//!
//! # What a survivor finds
//!
//! | operation | store | after it a survivor finds |
//! | --- | --- | --- |
//! | enrol | the cell becomes 0, **the name is stored** | a dead member: the barrier breaks |
//! | wait, not the last | **`held` is counted up** | a dead member |
//! | wait, the last | **`phase` is stored** | all have come: the waiters leave, the next ones find a dead member |
//! | time out | **`phase` is stored** | the barrier is broken |
//! | leave the wait | **`held` is counted down** | a dead member |
//! | leave the barrier | **the name becomes none** | one member less |
//! | reset, and a member is dead | **`phase` becomes broken** | a broken barrier |
//! | | cells of the dead become 0, their names none | a broken barrier, with less to do for the next reset |
//! | reset | **`phase` is stored** | a fresh barrier |
//!
//! The bell is rung after each; if it is not, sleepers look within `RECHECK`.
//!
//! # Source
//!
//! Generations, draining and the effects of a timeout, `abort` and `reset` are those of `Barrier` in Python's `threading`.
//! There a count says who waits, and the death of a waiter stays in it for ever.

use super::bell::{Bell, Serves};
use super::cells::{self, Cell};
use super::spin::Patience;
use super::words::Word32;
use super::{Id, Peers, RawLockError, RawMutex, shim};
use ipc_sys::clock::Deadline;

/// The shared part of a barrier, beside its cells. All zero is one that holds nobody up.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawBarrier {
    mutex: RawMutex,
    parties: Word32,
    phase: Word32,
    bell: Bell,
    _pad: Word32,
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<RawBarrier>() == 32 && align_of::<RawBarrier>() == 8);

/// The generation will not be complete.
const BROKEN: u32 = 1;
/// The generation before was not complete.
const RESET: u32 = 2;
/// How far the generation is from the right end of the phase.
const GENERATION: u32 = 2;

/// How one came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// How many had come before.
    pub(crate) index: u32,
    /// Whether this was the last to come: one of each generation is.
    pub(crate) is_leader: bool,
}

/// Why one did not come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarrierError {
    /// A member has ended, has run out of time, or somebody has aborted or reset the barrier.
    Broken,
    /// The deadline has passed, and the barrier is broken now.
    TimedOut,
    /// This is a forked child that has no name.
    Forked,
    /// The barrier has as many other members as cells.
    TooManyMembers,
}

/// Who has come and does not know yet how it ends.
struct Waiter<'a> {
    me: Id,
    cell: &'a Cell,
    generation: u32,
    index: u32,
}

/// What comes of a look at the door.
enum Door<'a> {
    /// This was the last.
    Last(Passed),
    In(Waiter<'a>),
    /// Others have to leave first: what the bell showed before.
    Draining(u32),
    Shut(BarrierError),
}

impl RawBarrier {
    /// A barrier that lets through as many threads at once.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn new(parties: u32) -> RawBarrier {
        RawBarrier {
            mutex: RawMutex::new(),
            parties: Word32::new(parties),
            phase: Word32::new(0),
            bell: Bell::new(),
            _pad: Word32::new(0),
        }
    }

    /// Makes a new one of what is all zero, before anybody else knows of it.
    pub(crate) fn init(&self, parties: u32) {
        self.parties.set(parties);
    }

    /// Waits until as many as the parties have come, or until the deadline, which may be missed by 50 ms.
    ///
    /// The process is a member from now on, until [`RawBarrier::leave`]. If a member has died the barrier breaks, also if it
    /// is not one of those who wait, and if all the others have come.
    pub(crate) fn wait(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Passed, BarrierError> {
        let mut has_slept = false;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            let door = cells::locked(&self.mutex, peers, deadline, |me| {
                self.look_at_door(cells, peers, me, has_slept)
            });
            match door {
                Ok(Door::Last(passed)) => return Ok(passed),
                Ok(Door::In(waiter)) => return self.stay(&waiter, cells, peers, deadline),
                Ok(Door::Shut(error)) => return Err(error),
                Ok(Door::Draining(heard)) if !shim::is_over(deadline) => self.bell.sleep(heard, deadline),
                // The others will miss who has given up here as well as one inside.
                Ok(Door::Draining(_)) | Err(RawLockError::TimedOut) => {
                    self.abort();
                    return Err(BarrierError::TimedOut);
                }
                Err(RawLockError::Forked) => return Err(BarrierError::Forked),
            }
            has_slept = true;
        }
    }

    /// Makes the process a member, whose death breaks the barrier. It may be one already.
    pub(crate) fn enroll(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<(), BarrierError> {
        let enrolled =
            cells::locked(&self.mutex, peers, deadline, |me| self.seat(cells, peers, me).is_some());
        match enrolled {
            Ok(true) => Ok(()),
            Ok(false) => Err(BarrierError::TooManyMembers),
            Err(RawLockError::TimedOut) => Err(BarrierError::TimedOut),
            Err(RawLockError::Forked) => Err(BarrierError::Forked),
        }
    }

    /// Lets a process that waits in no thread be a member no longer. A copy in a forked child changes nothing.
    pub(crate) fn leave(&self, cells: &[Cell], peers: &impl Peers, member: Id) {
        if peers.me() != Some(member) {
            return;
        }
        if let Some(cell) = cells::own(cells, member).filter(|cell| cell.held() == 0) {
            cell.owner.exchange(member.get(), 0); // LEFT
        }
    }

    /// Breaks the barrier.
    pub(crate) fn abort(&self) {
        self.phase.set_bits(BROKEN);
        self.bell.ring();
    }

    /// Makes the barrier whole again. Who waits leaves with an error; who has died is no longer a member.
    pub(crate) fn reset(
        &self,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<(), RawLockError> {
        cells::locked(&self.mutex, peers, deadline, |me| {
            self.bury(cells, peers, me);
            let phase = self.phase.get();
            if gathered(cells, generation(phase)).is_none() {
                self.phase.clear_bits(BROKEN);
            } else {
                self.phase.set(after(phase) | RESET);
            }
        })?;
        self.bell.ring();
        Ok(())
    }

    /// Whether it is broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.phase.get() & BROKEN != 0
    }

    /// How many threads have to come.
    pub(crate) fn parties(&self) -> u32 {
        self.parties.get()
    }

    /// How many threads waited a moment ago for others to come.
    pub(crate) fn n_waiting(&self, cells: &[Cell]) -> u32 {
        let gathered = gathered(cells, generation(self.phase.get())).unwrap_or(0);
        gathered.min(u64::from(self.parties())) as u32
    }

    fn look_at_door<'a>(&self, cells: &'a [Cell], peers: &impl Peers, me: Id, has_slept: bool) -> Door<'a> {
        let heard = self.bell.listen(Serves::All);
        let Some(cell) = self.seat(cells, peers, me) else { return Door::Shut(BarrierError::TooManyMembers) };
        let phase = self.phase.get();
        if phase & BROKEN != 0 || has_slept && self.breaks(phase, cells, peers, me) {
            return Door::Shut(BarrierError::Broken);
        }
        let generation = generation(phase);
        let Some(others) = gathered(cells, generation) else { return Door::Draining(heard) };
        let parties = self.parties();
        if others + 1 < u64::from(parties) {
            enter(cell, generation);
            return Door::In(Waiter { me, cell, generation, index: others as u32 });
        }
        if self.breaks(phase, cells, peers, me) || !self.phase.exchange(phase, after(phase)) {
            return Door::Shut(BarrierError::Broken);
        }
        self.bell.ring(); // ALL HAVE COME is the exchange above.
        Door::Last(Passed { index: parties.saturating_sub(1), is_leader: true })
    }

    /// Waits until the generation has ended, and leaves.
    fn stay(
        &self,
        waiter: &Waiter<'_>,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Passed, BarrierError> {
        let ended = self.sleep_through(waiter, cells, peers, deadline);
        if waiter.cell.give_back(1) == Some(0) {
            self.bell.ring();
        }
        ended
    }

    fn sleep_through(
        &self,
        waiter: &Waiter<'_>,
        cells: &[Cell],
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<Passed, BarrierError> {
        let mut has_slept = false;
        let mut patience = Patience::default();
        loop {
            patience.turn();
            let heard = self.bell.listen(Serves::All);
            let phase = self.phase.get();
            if let Some(verdict) = waiter.verdict(phase) {
                return verdict;
            }
            if shim::is_over(deadline) {
                return self.time_out(waiter, phase);
            }
            if has_slept && self.breaks(phase, cells, peers, waiter.me) {
                return Err(BarrierError::Broken);
            }
            self.bell.sleep(heard, deadline);
            has_slept = true;
        }
    }

    /// Breaks the generation, unless it has ended another way in the last moment.
    fn time_out(&self, waiter: &Waiter<'_>, phase: u32) -> Result<Passed, BarrierError> {
        if self.phase.exchange(phase, phase | BROKEN) {
            self.bell.ring();
            return Err(BarrierError::TimedOut);
        }
        waiter.verdict(self.phase.get()).unwrap_or(Err(BarrierError::TimedOut))
    }

    /// The cell of `me`, which makes it a member. The caller has the mutex.
    fn seat<'a>(&self, cells: &'a [Cell], peers: &impl Peers, me: Id) -> Option<&'a Cell> {
        if let Some(cell) = cells::own(cells, me) {
            return Some(cell);
        }
        let vacant = || cells.iter().find(|cell| Id::new(cell.owner.get()).is_none());
        if vacant().is_none() {
            self.bury(cells, peers, me);
        }
        let cell = vacant()?;
        cell.word.set(0);
        cell.owner.set(me.get()); // ENROLLED
        Some(cell)
    }

    /// Breaks the barrier as it was at `phase`, if a member has ended. Asks the kernel for each.
    ///
    /// If the barrier has changed since, it is not broken: another generation may have another end.
    fn breaks(&self, phase: u32, cells: &[Cell], peers: &impl Peers, me: Id) -> bool {
        let broken = cells.iter().any(|cell| is_dead_member(cell, peers, me))
            && self.phase.exchange(phase, phase | BROKEN);
        if broken {
            self.bell.ring();
        }
        broken
    }

    /// Takes their membership from the dead, once the barrier is broken for it. The caller has the mutex.
    fn bury(&self, cells: &[Cell], peers: &impl Peers, me: Id) {
        for cell in cells.iter().filter(|cell| is_dead_member(cell, peers, me)) {
            self.abort();
            cell.word.set(0);
            cell.owner.set(0);
        }
    }
}

impl Waiter<'_> {
    /// How the generation has ended, if it has.
    fn verdict(&self, phase: u32) -> Option<Result<Passed, BarrierError>> {
        let passed = Passed { index: self.index, is_leader: false };
        if generation(phase) == self.generation {
            return (phase & BROKEN != 0).then_some(Err(BarrierError::Broken));
        }
        let is_next = generation(after(self.generation << GENERATION)) == generation(phase);
        Some(if is_next && phase & RESET == 0 { Ok(passed) } else { Err(BarrierError::Broken) })
    }
}

fn generation(phase: u32) -> u32 {
    phase >> GENERATION
}

/// The next generation, and the one before complete.
fn after(phase: u32) -> u32 {
    (phase | BROKEN | RESET).wrapping_add(1)
}

/// How many wait in the generation; nothing if somebody has yet to leave another.
fn gathered(cells: &[Cell], generation: u32) -> Option<u64> {
    let mut sum = 0;
    for cell in cells.iter().filter(|cell| Id::new(cell.owner.get()).is_some()) {
        match cell.halves() {
            (0, _) => {}
            (held, of) if of == generation => sum += u64::from(held),
            _ => return None,
        }
    }
    Some(sum)
}

/// Counts one more waiter in the cell of its own process. The caller has the mutex.
fn enter(cell: &Cell, generation: u32) {
    // While one waits, all of the process wait in the same generation. While none does, nobody changes the cell.
    if cell.held() == 0 {
        cell.word.set(u64::from(generation) << 32 | 1); // ENTERED
    } else {
        cell.word.add(1); // ENTERED
    }
}

fn is_dead_member(cell: &Cell, peers: &impl Peers, me: Id) -> bool {
    Id::new(cell.owner.get()).is_some_and(|owner| owner != me && peers.is_dead(owner))
}

#[cfg(all(test, not(loom)))]
mod tests;
