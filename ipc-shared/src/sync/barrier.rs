//! A barrier between processes: all leave together, or all learn that one will not come.

use super::holders::{DEFAULT_HOLDERS, Plan, cells_at};
use super::raw::{self, Cell, Passed, Peers, RawBarrier, RawLockError};
use crate::arena::{AllocError, Arena, Held, Kind, Object};
use ipc_sys::clock::Deadline;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};
use thiserror::Error;

/// A place where a number of threads, the parties, wait for each other, in one process or in several.
///
/// When the last of them comes all go on, and the barrier gathers the next generation. Clones are the same barrier. It has
/// 1 KiB of shared memory, no descriptor, and room for 61 member processes, or for as many as it has parties.
///
/// # Members
///
/// A party that is dead never comes, so a barrier has to know whom it waits for. It knows its *members*, which are
/// processes: the death of a member breaks the barrier, whether it waits or has not come yet, killed or exited.
///
/// | a process | is a member |
/// | --- | --- |
/// | that has received the barrier in a message, as an argument for instance | from decoding it on |
/// | that has made the barrier | from its first wait on, or when it [enrolls](Self::enroll) |
/// | that was forked, and has the barrier of its parent | as the one that has made it: it may never mean to wait |
/// | that has dropped every handle by which it became one | no longer |
///
/// So a process that only makes the barrier and hands it out is none, and a child that returns, its arguments dropped, breaks
/// nothing, by whichever method it was started. A child that was forked otherwise, and waits at the barrier of its parent, ends
/// as a member unless it drops that: most ends of a process drop nothing. One that is killed before it has decoded its arguments was no member yet; who started it learns of that.
///
/// # Blocking
///
/// What ends a wait is that all have come, that the barrier breaks or is reset, or the deadline, which is missed by up to
/// 50 ms if a process was stopped in the middle of a call. A death is noticed within 100 ms. A process that was stopped is
/// waited for, however long.
///
/// # Other processes
///
/// A barrier can be sent, as an argument of a process or in any other message of the family. Once broken it stays so, and every
/// wait fails, until somebody [resets](Self::reset) it.
///
/// # Source
///
/// Generations, and what a timeout, `abort` and `reset` do, are those of `Barrier` in Python's `threading`, which stands behind
/// that of `multiprocessing`. There is no `action`, which the last to come runs before the others go on, and whose failure breaks
/// the barrier: the [leader](BarrierWaitResult::is_leader) runs something between two waits. Nor is there a timeout of the
/// barrier itself.
///
/// # Examples
///
/// How do I begin each step when all have finished the last one?
///
/// ```
/// use ipc_shared::sync::Barrier;
///
/// let barrier = Barrier::new(2)?;
/// // Sent to another process, this would be the same barrier.
/// let theirs = barrier.clone();
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| theirs.wait().unwrap().is_leader());
///     assert_ne!(barrier.wait().unwrap().is_leader(), other.join().unwrap());
/// });
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
///
/// How do I go on after one has died?
///
/// ```
/// use ipc_shared::sync::{Barrier, BarrierError};
///
/// let barrier = Barrier::new(1)?;
/// barrier.abort();
/// assert_eq!(barrier.wait().unwrap_err(), BarrierError::Broken);
/// // One of those who are left, when all have learnt of it:
/// barrier.reset()?;
/// assert!(barrier.wait().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Barrier {
    object: Object,
}

/// How a thread came through a barrier.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::Barrier;
///
/// let result = Barrier::new(1)?.wait()?;
/// assert!(result.is_leader() && result.index() == 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    passed: Passed,
}

/// Why a thread did not come through a barrier.
///
/// # Examples
///
/// ```
/// use ipc_shared::sync::{Barrier, BarrierError};
/// use std::time::Duration;
///
/// let barrier = Barrier::new(2)?;
/// let alone = barrier.wait_timeout(Duration::from_millis(10));
/// assert_eq!(alone, Err(BarrierError::TimedOut));
/// // Now for all others, too.
/// assert_eq!(barrier.wait(), Err(BarrierError::Broken));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// A member has ended or has run out of time, or somebody has aborted or reset the barrier: Python's
    /// `BrokenBarrierError`.
    #[error("the barrier is broken: not all will come")]
    Broken,
    /// Not all have come in time, and the barrier is broken now.
    #[error("not all came to the barrier until the time was over")]
    TimedOut,
    /// The barrier has as many other members as it has room for.
    #[error("too many other processes are members of the barrier")]
    TooManyMembers,
    /// This process was forked when it could get no part of its own in the shared memory: it lacked descriptors or memory.
    #[error("this process was forked without a part in the shared memory of the barrier")]
    Forked,
}

const BARRIER_AT: usize = 0;
const CELLS_AT: usize = size_of::<RawBarrier>();
const PLAN: Plan = Plan { kind: Kind::Barrier, data_size: 0, fixed: CELLS_AT };

/// For how long a decoder waits for others who enroll at the same time. Who takes longer for that was stopped.
const ENROLL_LIMIT: Duration = Duration::from_secs(1);

impl Barrier {
    /// Makes a barrier for so many threads in the [arena of this process](Arena::default). One for none is as one for one.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    ///
    /// assert_eq!(Barrier::new(3)?.parties(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(parties: u32) -> Result<Barrier, AllocError> {
        Barrier::new_in(&Arena::default(), parties)
    }

    /// Makes a barrier in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Barrier};
    ///
    /// let arena = Arena::new();
    /// assert_eq!(Barrier::new_in(&arena, 3)?.parties(), 3);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena, parties: u32) -> Result<Barrier, AllocError> {
        Barrier::with_max_members(arena, parties, DEFAULT_HOLDERS)
    }

    /// Makes a barrier with room for at least `max_members` processes, and for as many as it has parties: for more than
    /// these if some receive it that do not wait. It has never room for more than the 4,096 that can share an arena.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Barrier};
    ///
    /// let barrier = Barrier::with_max_members(&Arena::default(), 2, 200)?;
    /// assert_eq!(barrier.parties(), 2);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn with_max_members(arena: &Arena, parties: u32, max_members: usize) -> Result<Barrier, AllocError> {
        let object = PLAN.create(arena, max_members.max(parties as usize))?.with_farewell(leave);
        object.get::<RawBarrier>(BARRIER_AT).init(parties.max(1));
        Ok(Barrier { object })
    }

    /// Waits until as many threads as there are parties wait. The process is a [member](Self#members) from now on.
    ///
    /// # Blocking
    ///
    /// Until all have come, or it is known that one will not.
    ///
    /// # Errors
    ///
    /// [`BarrierError`], except [`TimedOut`](BarrierError::TimedOut).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    ///
    /// Barrier::new(1)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_until(Deadline::NEVER)
    }

    /// Waits for the others for a time, and breaks the barrier when it is over. A try is one for no time: it comes through
    /// if all the others wait already, and breaks the barrier if not.
    ///
    /// # Blocking
    ///
    /// As [`wait`](Self::wait), and at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`BarrierError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    /// use std::time::Duration;
    ///
    /// let barrier = Barrier::new(2)?;
    /// assert!(barrier.wait_timeout(Duration::from_millis(10)).is_err());
    /// assert!(barrier.is_broken());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits for the others until an instant, and breaks the barrier when it has passed.
    ///
    /// # Blocking
    ///
    /// As [`wait`](Self::wait), and at most until `deadline`.
    ///
    /// # Errors
    ///
    /// [`BarrierError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// assert!(Barrier::new(2)?.wait_deadline(soon).is_err());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult, BarrierError> {
        self.wait_until(Deadline::at(deadline))
    }

    /// Makes this process a [member](Self#members) before its first wait, until it drops the handle, its clones, and any
    /// other by which it became one. It may be one already.
    ///
    /// # Blocking
    ///
    /// No longer than another process takes for the same, unless that was stopped meanwhile.
    ///
    /// # Errors
    ///
    /// [`BarrierError::TooManyMembers`] and [`BarrierError::Forked`].
    ///
    /// # Examples
    ///
    /// What does a forked child do so that the others learn if it dies on the way?
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    ///
    /// let barrier = Barrier::new(1)?;
    /// barrier.enroll()?;
    /// // Something takes its time.
    /// barrier.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enroll(&self) -> Result<(), BarrierError> {
        self.enroll_until(Deadline::NEVER)
    }

    /// Breaks the barrier: whoever waits, and whoever comes, fails. For one that knows that it will not come.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Barrier, BarrierError};
    ///
    /// let barrier = Barrier::new(2)?;
    /// barrier.abort();
    /// assert_eq!(barrier.wait(), Err(BarrierError::Broken));
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn abort(&self) {
        self.raw().abort();
    }

    /// Makes the barrier whole again. Whoever waits fails; whoever has ended is no longer a member. There are as many parties
    /// as before.
    ///
    /// # Blocking
    ///
    /// As [`enroll`](Self::enroll).
    ///
    /// # Errors
    ///
    /// [`BarrierError::Forked`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::Barrier;
    ///
    /// let barrier = Barrier::new(2)?;
    /// barrier.abort();
    /// barrier.reset()?;
    /// assert!(!barrier.is_broken());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) -> Result<(), BarrierError> {
        let reset = self.raw().reset(self.cells(), self.object.peers(), Deadline::NEVER);
        reset.map_err(|error| match error {
            RawLockError::TimedOut => unreachable!("a deadline that never comes has passed"),
            RawLockError::Forked => BarrierError::Forked,
        })
    }

    /// How many threads have to come.
    pub fn parties(&self) -> u32 {
        self.raw().parties()
    }

    /// How many threads waited a moment ago for others to come. A dead one is counted until the barrier is reset.
    pub fn n_waiting(&self) -> u32 {
        self.raw().n_waiting(self.cells())
    }

    /// Whether it was broken a moment ago. A death breaks it when somebody waits, or comes, that notices.
    pub fn is_broken(&self) -> bool {
        self.raw().is_broken()
    }

    fn wait_until(&self, deadline: Deadline) -> Result<BarrierWaitResult, BarrierError> {
        self.object.bind();
        let passed = self.raw().wait(self.cells(), self.object.peers(), deadline)?;
        Ok(BarrierWaitResult { passed })
    }

    fn enroll_until(&self, deadline: Deadline) -> Result<(), BarrierError> {
        self.object.bind();
        Ok(self.raw().enroll(self.cells(), self.object.peers(), deadline)?)
    }

    fn raw(&self) -> &RawBarrier {
        self.object.get(BARRIER_AT)
    }

    fn cells(&self) -> &[Cell] {
        cells_at(&self.object, CELLS_AT)
    }
}

impl BarrierWaitResult {
    /// How many threads had come before this one: each number from 0 on comes once, as in Python.
    pub fn index(&self) -> u32 {
        self.passed.index
    }

    /// Whether this one was the last to come: one of each generation is.
    pub fn is_leader(&self) -> bool {
        self.passed.is_leader
    }
}

/// What a process does before it drops the last handle by which it became a member.
fn leave(object: &Held) {
    if let Some(me) = object.peers().me() {
        let barrier = object.get::<RawBarrier>(BARRIER_AT);
        barrier.leave(cells_at(object, CELLS_AT), object.peers(), me);
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("parties", &self.parties()).finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for Barrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a barrier, or has no room for another
/// [member](Barrier#members). It waits, for a second at most, for others who do the same.
impl<'de> Deserialize<'de> for Barrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let barrier = Barrier { object: PLAN.receive(deserializer)?.with_farewell(leave) };
        barrier.enroll_until(Deadline::after(ENROLL_LIMIT)).map_err(D::Error::custom)?;
        Ok(barrier)
    }
}

impl From<raw::BarrierError> for BarrierError {
    fn from(error: raw::BarrierError) -> BarrierError {
        match error {
            raw::BarrierError::Broken => BarrierError::Broken,
            raw::BarrierError::TimedOut => BarrierError::TimedOut,
            raw::BarrierError::Forked => BarrierError::Forked,
            raw::BarrierError::TooManyMembers => BarrierError::TooManyMembers,
        }
    }
}
