//! A condition variable between processes.

use super::condvar_error::{CondvarError, CondvarTimeoutError};
use super::error::LockError;
use super::guard::MutexGuard;
use super::raw::{RawCondvar, RawWaitError};
use crate::arena::{AllocError, Arena, Kind, Object, Shape};
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// As many can wait as there are cells in 4 KiB, beside what the arena and the condition variable need themselves.
pub(crate) const MAX_WAITERS: usize = 253;

#[cfg(not(all(test, loom)))]
const _: () = {
    // The bytes before the payload of a cell are as many as it is aligned to.
    let rest = 4096 - crate::arena::PAYLOAD_ALIGN;
    assert!(size_of::<RawCondvar<MAX_WAITERS>>() <= rest);
    assert!(size_of::<RawCondvar<{ MAX_WAITERS + 1 }>>() > rest);
};

/// A place to wait, without the lock, until somebody has changed what the lock protects.
///
/// It goes with the guards of any [`Mutex`](super::Mutex). Clones are the same condition variable. It has 4 KiB of shared
/// memory and no descriptor; [`MAX_WAITERS`](Condvar::MAX_WAITERS) threads can wait at a time.
///
/// Notifications go to those who have waited longest. Nobody needs to have the lock to notify, and nobody waits for those
/// who were notified: in Python's, a notifier does, and a waiter that was killed blocks it for ever. A wait may end without
/// a notification, as everywhere: what was waited for is to be looked at again, or [`wait_while`](Condvar::wait_while) does
/// it.
///
/// # Blocking
///
/// A waiter sleeps until it is notified, or the deadline, and then waits for the lock, without a deadline. To take a place in
/// the queue, and to notify, a short lock of the condition variable's own is taken: a process that is stopped in
/// the midst of that keeps the others from both for as long.
///
/// # Other processes
///
/// A condition variable can be sent, as an argument of a process or in any other message of the family, and a forked child
/// has those of its parent. A waiter that is killed waits for nothing any more. If it was notified and had not taken the
/// lock again, the notification goes to another waiter, within 50 ms; if it had the lock, the next one who locks is
/// told. If a forked child waits by its copy of a guard, it comes back with the lock in its own right.
///
/// # Source
///
/// Birrell, *Implementing condition variables with semaphores* (2003), which shows why waiters need a queue and what goes wrong
/// without; the table of named waiters, which the survivors can read, is our own.
///
/// # Examples
///
/// How does one process wait for a change that another makes?
///
/// ```
/// use ipc_shared::sync::{Condvar, Mutex};
///
/// let (jobs, changed) = (Mutex::new(0_u32)?, Condvar::new()?);
/// std::thread::scope(|scope| {
///     // Sent to another process, both would be the same there.
///     let (theirs, notify) = (jobs.clone(), changed.clone());
///     scope.spawn(move || {
///         *theirs.lock().unwrap() += 3;
///         notify.notify_one();
///     });
///     let jobs = changed.wait_while(jobs.lock().unwrap(), |jobs| *jobs == 0).unwrap();
///     assert_eq!(*jobs, 3);
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Condvar {
    object: Object,
}

/// What a wait returns.
type Waited<'a, T> = Result<MutexGuard<'a, T>, CondvarError<MutexGuard<'a, T>>>;
/// What a wait with a deadline returns.
type WaitedTimeout<'a, T> = Result<MutexGuard<'a, T>, CondvarTimeoutError<MutexGuard<'a, T>>>;

impl Condvar {
    /// How many threads can wait at a time.
    pub const MAX_WAITERS: usize = MAX_WAITERS;

    /// Makes a condition variable in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// let changed = ipc_shared::sync::Condvar::new()?;
    /// assert!(!changed.notify_one());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new() -> Result<Condvar, AllocError> {
        Condvar::new_in(&Arena::default())
    }

    /// Makes a condition variable in an arena of the caller's choice. It need not be that of the mutex.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Condvar};
    ///
    /// let changed = Condvar::new_in(&Arena::new())?;
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena) -> Result<Condvar, AllocError> {
        let size = size_of::<RawCondvar<MAX_WAITERS>>();
        let shape = shape().ok_or(AllocError::TooLarge { size })?;
        Ok(Condvar { object: Object::create(arena, shape, size)? })
    }

    /// Releases the lock, waits for a notification, and takes the lock again. Whoever notifies with the lock, or after having
    /// had it, finds this thread waiting.
    ///
    /// A guard that was to be recovered and was not leaves the lock poisoned, here as when it is dropped.
    ///
    /// # Blocking
    ///
    /// Until there is a notification, and then until the lock is free or its owner has ended.
    ///
    /// # Errors
    ///
    /// [`CondvarError`]. It has the guard, unless it is [`LockError::Forked`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(0_u8)?, Condvar::new()?);
    /// std::thread::scope(|scope| {
    ///     let mut guard = ready.lock().unwrap();
    ///     scope.spawn(|| {
    ///         *ready.lock().unwrap() = 1;
    ///         changed.notify_one();
    ///     });
    ///     while *guard == 0 {
    ///         guard = changed.wait(guard).unwrap();
    ///     }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> Waited<'a, T> {
        self.wait_until(guard, Deadline::NEVER).map_err(|error| match error {
            CondvarTimeoutError::TimedOut(_) => unreachable!("a deadline that never comes has passed"),
            CondvarTimeoutError::Condvar(error) => error,
        })
    }

    /// Waits as long as the condition holds. Python calls the opposite `wait_for`.
    ///
    /// # Blocking
    ///
    /// As [`wait`](Self::wait), as often as it takes. Returns at once if the condition does not hold.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); the condition may hold then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Condvar, Mutex};
    ///
    /// let (jobs, changed) = (Mutex::new(2_u8)?, Condvar::new()?);
    /// let mut guard = changed.wait_while(jobs.lock().unwrap(), |jobs| *jobs == 0).unwrap();
    /// *guard -= 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Self::wait), for a time at most.
    ///
    /// # Blocking
    ///
    /// Until there is a notification, for `timeout` at most, and then until the lock is free or its owner has ended.
    ///
    /// # Errors
    ///
    /// [`CondvarTimeoutError::TimedOut`] when the time is over, with the guard; otherwise as [`wait`](Self::wait), and what the
    /// lock has to tell comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (lock, changed) = (Mutex::new(())?, Condvar::new()?);
    /// let waited = changed.wait_timeout(lock.lock().unwrap(), Duration::from_millis(10));
    /// assert!(waited.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> WaitedTimeout<'a, T> {
        self.wait_until(guard, Deadline::after(timeout))
    }

    /// As [`wait`](Self::wait), until an instant at most.
    ///
    /// # Blocking
    ///
    /// As [`wait_timeout`](Self::wait_timeout), with `deadline` for the end of the time.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Condvar, Mutex};
    /// use std::time::{Duration, Instant};
    ///
    /// let (lock, changed) = (Mutex::new(())?, Condvar::new()?);
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// assert!(changed.wait_deadline(lock.lock().unwrap(), soon).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> WaitedTimeout<'a, T> {
        self.wait_until(guard, Deadline::at(deadline))
    }

    /// Waits as long as the condition holds, for a time at most.
    ///
    /// # Blocking
    ///
    /// As [`wait_timeout`](Self::wait_timeout), as often as it takes, for `timeout` in all.
    ///
    /// # Errors
    ///
    /// [`CondvarTimeoutError::TimedOut`] when the time is over and the condition still holds; otherwise as
    /// [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::sync::{Condvar, CondvarTimeoutError, Mutex};
    /// use std::time::Duration;
    ///
    /// let (jobs, changed) = (Mutex::new(0_u8)?, Condvar::new()?);
    /// let timeout = Duration::from_millis(10);
    /// let waited = changed.wait_timeout_while(jobs.lock().unwrap(), timeout, |jobs| *jobs == 0);
    /// assert!(matches!(waited, Err(CondvarTimeoutError::TimedOut(jobs)) if *jobs == 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> WaitedTimeout<'a, T> {
        let deadline = Deadline::after(timeout);
        while condition(&mut guard) {
            guard = match self.wait_until(guard, deadline) {
                // What was waited for may have come without a notification.
                Err(CondvarTimeoutError::TimedOut(mut guard)) => {
                    let holds = condition(&mut guard);
                    return if holds { Err(CondvarTimeoutError::TimedOut(guard)) } else { Ok(guard) };
                }
                waited => waited?,
            };
        }
        Ok(guard)
    }

    /// Notifies the one who has waited longest; false if nobody waits.
    ///
    /// In a forked child that has no part in the condition variable, this and the other two notify nobody.
    ///
    /// # Blocking
    ///
    /// For a moment, see [`Condvar`]. Not for those who are notified.
    ///
    /// # Examples
    ///
    /// ```
    /// let changed = ipc_shared::sync::Condvar::new()?;
    /// assert!(!changed.notify_one());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn notify_one(&self) -> bool {
        self.notify(1) == 1
    }

    /// Notifies all who wait; returns how many.
    ///
    /// # Blocking
    ///
    /// As [`notify_one`](Self::notify_one).
    ///
    /// # Examples
    ///
    /// ```
    /// let changed = ipc_shared::sync::Condvar::new()?;
    /// assert_eq!(changed.notify_all(), 0);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn notify_all(&self) -> usize {
        self.notify(MAX_WAITERS)
    }

    /// Notifies those who have waited longest, `count` at most; returns how many it were.
    ///
    /// # Blocking
    ///
    /// As [`notify_one`](Self::notify_one).
    ///
    /// # Examples
    ///
    /// ```
    /// let changed = ipc_shared::sync::Condvar::new()?;
    /// assert_eq!(changed.notify(3), 0);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn notify(&self, count: usize) -> usize {
        // A lock without a deadline fails in a process that takes no part, and nobody waits for its notifications.
        self.raw().notify(self.object.peers(), count).unwrap_or(0)
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> WaitedTimeout<'a, T> {
        let again = guard.again();
        let mut guard = Some(guard);
        let release = || drop(guard.take());
        let waited = self.raw().wait(self.object.peers(), deadline, release, || again.lock());
        match (waited, guard) {
            (Ok((Ok(guard), true)), _) => Ok(guard),
            (Ok((Ok(guard), false)), _) | (Err(RawWaitError::TimedOut), Some(guard)) => {
                Err(CondvarTimeoutError::TimedOut(guard))
            }
            (Ok((Err(error), _)), _) => Err(CondvarTimeoutError::Condvar(CondvarError::Lock(error))),
            (Err(RawWaitError::Full), Some(guard)) => {
                Err(CondvarTimeoutError::Condvar(CondvarError::TooManyWaiters(guard)))
            }
            // The guard is a copy of the parent's, and releases nothing.
            (Err(_), _) => Err(CondvarTimeoutError::Condvar(CondvarError::Lock(LockError::Forked))),
        }
    }

    fn raw(&self) -> &RawCondvar<MAX_WAITERS> {
        self.object.get(0)
    }
}

fn shape() -> Option<Shape> {
    Shape::new(Kind::Condvar, 0, 0)
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for Condvar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a condition variable.
impl<'de> Deserialize<'de> for Condvar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = shape().ok_or_else(|| serde::de::Error::custom("there is no such shape"))?;
        Ok(Condvar {
            object: Object::receive_from(
                shape,
                false,
                |_| Some(size_of::<RawCondvar<MAX_WAITERS>>()),
                deserializer,
            )?,
        })
    }
}
