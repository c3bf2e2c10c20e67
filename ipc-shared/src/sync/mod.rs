//! Locks between processes that survive their owners.
//!
//! Each lock is a handle to a few bytes of shared memory, without a descriptor of its own. It is made by `new` and sent to other
//! processes: as an argument, or in any other message of the family; a forked child has those of its parent. Clones are the
//! same lock. Everything that waits can be tried, and waited for with a timeout or a deadline.
//!
//! # Mutex
//!
//! [`Mutex`] has data, like that of the standard library, and whoever has locked it reaches the data by the guard. When
//! a process is killed with the lock, the next one who locks is told, once, with the lock held and the data in reach; nobody
//! waits for the dead.
//!
//! ```
//! use ipc_shared::sync::{LockError, Mutex};
//!
//! let total = Mutex::new(0_u64)?;
//! *total.lock().unwrap() += 1;
//!
//! // The same, whoever has died with it, where half a change does no harm.
//! let mut guard = total.lock().or_else(LockError::recover).map_err(LockError::without_guard)?;
//! *guard += 1;
//! assert_eq!(*guard, 2);
//! # drop(guard);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reentrant mutex
//!
//! A thread can lock a [`ReentrantMutex`] again that it has already. Several guards reach the data then, so they lend it as
//! a [`Cell`](std::cell::Cell).
//!
//! ```
//! use ipc_shared::sync::ReentrantMutex;
//!
//! let level = ReentrantMutex::new(1_u32)?;
//! let outer = level.lock().unwrap();
//! let inner = level.lock().unwrap();
//! inner.set(outer.get() + 1);
//! assert_eq!(outer.get(), 2);
//! # drop((outer, inner));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Condition variable
//!
//! With a [`Condvar`], a thread that has a mutex waits, without it, until somebody has changed the data.
//!
//! ```
//! use ipc_shared::sync::{Condvar, Mutex};
//!
//! let (jobs, changed) = (Mutex::new(0_u32)?, Condvar::new()?);
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         *jobs.lock().unwrap() = 2;
//!         changed.notify_all();
//!     });
//!     let mut jobs = changed.wait_while(jobs.lock().unwrap(), |jobs| *jobs == 0).unwrap();
//!     *jobs -= 1;
//! });
//! assert_eq!(*jobs.lock().unwrap(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Event
//!
//! An [`Event`] is a flag to wait for. It has no owner, and a signal handler may set it.
//!
//! ```
//! use ipc_shared::sync::Event;
//! use std::time::Duration;
//!
//! let stop = Event::new()?;
//! assert!(!stop.wait_timeout(Duration::from_millis(1)));
//! stop.set();
//! assert!(stop.wait());
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! # Semaphore
//!
//! A [`Semaphore`] has a number of permits. A permit comes back when it is dropped, and by itself when its process ends; what is
//! [forgotten](Permit::forget) comes back only if somebody [adds](Semaphore::add_permits) it.
//!
//! ```
//! use ipc_shared::sync::Semaphore;
//!
//! let downloads = Semaphore::new(2)?;
//! let (one, two) = (downloads.acquire()?, downloads.acquire()?);
//! assert!(downloads.try_acquire().is_err());
//! drop(one);
//! assert_eq!(downloads.available_permits(), 1);
//! # drop(two);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`BoundedSemaphore`] never has more than it was made with, and reports what is added beyond that.
//!
//! ```
//! use ipc_shared::sync::BoundedSemaphore;
//!
//! let slots = BoundedSemaphore::new(2)?;
//! assert!(slots.add_permits(1).is_err());
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! # Read-write lock
//!
//! An [`RwLock`] lets many look at its data, or one change it. A writer that dies is reported to the next writer; readers find
//! the lock poisoned until then.
//!
//! ```
//! use ipc_shared::sync::RwLock;
//!
//! let limits = RwLock::new([10_u32, 20])?;
//! limits.write().unwrap()[1] = 30;
//! let (one, two) = (limits.read().unwrap(), limits.read().unwrap());
//! assert_eq!(one[1] + two[1], 60);
//! # drop((one, two));
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! # Barrier
//!
//! At a [`Barrier`] a number of threads, of whichever processes, wait for each other. If a process dies that
//! [is a member](Barrier#members), all others learn that it will not come.
//!
//! ```
//! use ipc_shared::sync::{Barrier, BarrierError};
//! use std::time::Duration;
//!
//! let barrier = Barrier::new(2)?;
//! std::thread::scope(|scope| {
//!     let other = scope.spawn(|| barrier.wait());
//!     assert!(barrier.wait().is_ok() && other.join().unwrap().is_ok());
//! });
//! let alone = barrier.wait_timeout(Duration::from_millis(10));
//! assert_eq!(alone, Err(BarrierError::TimedOut));
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! # Python's names
//!
//! | Python | here | what differs |
//! | --- | --- | --- |
//! | `Lock` | [`Mutex<()>`](Mutex) | Only the owner releases, by its guard; there, anybody does. The death of the owner is told; there, the lock stays locked. |
//! | `RLock` | [`ReentrantMutex<()>`](ReentrantMutex) | As above. To release what one does not have is an error there, and cannot be written here. |
//! | `Value` or `Array` with `get_lock()` | [`Mutex<T>`](Mutex) and others | The data is reached by the guard, and not without. |
//! | `Condition` | [`Condvar`] and a [`Mutex`] | `wait_for` is [`wait_while`](Condvar::wait_while), with the opposite condition. Nobody waits for those who were notified, dead or alive; one thread more than [`MAX_WAITERS`](Condvar::MAX_WAITERS) is an error. It goes with a mutex that is not reentrant. |
//! | `Semaphore` | [`Semaphore`] | A permit is a guard, and comes back when its process ends. `release` by somebody who has none is [`add_permits`](Semaphore::add_permits); what is not to come back by itself is [forgotten](Permit::forget). |
//! | `BoundedSemaphore` | [`BoundedSemaphore`] | As above; beyond the bound is an error in both. |
//! | | [`RwLock`] | Python has none. |
//! | `Barrier` | [`Barrier`] | The death of a member breaks it. Who does the `action` is told by [`is_leader`](BarrierWaitResult::is_leader). |
//! | `Event` | [`Event`] | `set` takes no lock: a signal handler may call it. Who waits returns also if it is cleared at once. |
//!
//! # When a process is killed
//!
//! - A lock that it had: the next one who locks has it at once, and is told [`OwnerDied`](LockError::OwnerDied), once for each
//!   death. Until somebody says that the data is in order again, all others are told [`Poisoned`](LockError::Poisoned).
//!   However many locks it had, this holds for each.
//! - A wait for a lock: nobody misses it.
//! - A wait for a condition variable: it takes no notification from others. One that it had received and not used goes to
//!   another waiter, within 50 ms.
//! - Permits of a semaphore that it had are there again, and what it read or wrote is free; the death of a writer is told to
//!   one writer, as above.
//! - A barrier of which it was a member breaks, within 50 ms.
//! - An event that it was changing is as before or after.
//! - Memory: what nobody else has is free again.
//!
//! A process that was stopped, or takes long, is not dead: it keeps what it has. Nothing is decided by time.
//!
//! A forked child is another process: it owns nothing of what its parent has locked, and its copies of guards release nothing.
//! If it was forked while the parent lacked descriptors or memory for a part of its own, it uses none of the locks, and is told
//! [`Forked`](LockError::Forked).

mod acquire_error;
mod barrier;
mod bounded_semaphore;
mod condvar;
mod condvar_error;
mod error;
mod event;
pub(crate) mod guard;
mod holders;
mod mutex;
mod permit;
pub(crate) mod raw;
mod read_error;
mod reentrant_guard;
mod reentrant_mutex;
mod rw_guard;
mod rw_lock;
mod semaphore;

pub(crate) use condvar::MAX_WAITERS;
pub(crate) use error::Refusal;

pub use acquire_error::{AcquireError, AcquireTimeoutError, AddPermitsError, TryAcquireError};
pub use barrier::{Barrier, BarrierError, BarrierWaitResult};
pub use bounded_semaphore::BoundedSemaphore;
pub use condvar::Condvar;
pub use condvar_error::{CondvarError, CondvarTimeoutError};
pub use error::{LockError, LockTimeoutError, TryLockError};
pub use event::Event;
pub use guard::MutexGuard;
pub use mutex::Mutex;
pub use permit::Permit;
pub use read_error::{ReadError, ReadTimeoutError, TryReadError};
pub use reentrant_guard::ReentrantMutexGuard;
pub use reentrant_mutex::ReentrantMutex;
pub use rw_guard::{RwLockReadGuard, RwLockWriteGuard};
pub use rw_lock::RwLock;
pub use semaphore::Semaphore;
