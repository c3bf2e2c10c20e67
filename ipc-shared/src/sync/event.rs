//! A flag between processes that can be waited for.

use super::raw::{Peers, RawEvent};
use crate::arena::{AllocError, Arena, Kind, Object, Shape};
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::{Duration, Instant};

/// A flag that any process sets and clears, and that any number of threads in any processes wait for.
///
/// What was written before [`set`](Event::set) is seen by whoever has waited. Clones are the same event. It has 64 bytes of
/// shared memory and no descriptor.
///
/// Nobody owns an event and there is no lock in it, so in contrast to Python's it is set by a signal handler without harm, and
/// a waiter returns also if the event was cleared right after it was set.
///
/// # Blocking
///
/// A waiter sleeps until the event is set, or the deadline. If the process that should set it has ended before, nobody does:
/// an event does not know who should. Wait with a timeout where that can happen, or for the process.
///
/// # Other processes
///
/// An event can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. A process that is killed in `set` or `clear` leaves the event as it was before or after; if it had set it and
/// not woken the waiters yet, they find that out themselves, within 50 ms.
///
/// A child that was forked when it could get no part of its own in the shared memory, for lack of descriptors or memory, has
/// an event in name only: it is never set, setting and clearing it do nothing, and no wait for it takes any time.
///
/// # Source
///
/// A word to sleep on that counts, as the event counts of Reed and Kanodia, *Synchronization with eventcounts and sequencers*
/// (1979); its lowest bit is the flag.
///
/// # Examples
///
/// How does a process wait until another is ready?
///
/// ```
/// use ipc_shared::sync::Event;
///
/// let ready = Event::new()?;
/// std::thread::scope(|scope| {
///     // Sent to another process, this would be the same event.
///     let theirs = ready.clone();
///     scope.spawn(move || theirs.set());
///     assert!(ready.wait());
/// });
/// assert!(ready.is_set());
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone)]
pub struct Event {
    object: Object,
}

impl Event {
    /// Makes an event that is not set in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = ipc_shared::sync::Event::new()?;
    /// assert!(!event.is_set());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new() -> Result<Event, AllocError> {
        Event::new_in(&Arena::default())
    }

    /// Makes an event in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::{Arena, sync::Event};
    ///
    /// let event = Event::new_in(&Arena::new())?;
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new_in(arena: &Arena) -> Result<Event, AllocError> {
        let size = size_of::<RawEvent>();
        let shape = shape().ok_or(AllocError::TooLarge { size })?;
        Ok(Event { object: Object::create(arena, shape, size)? })
    }

    /// Sets the flag and wakes all who wait.
    ///
    /// A signal handler may call this on an event that exists already: it is one atomic operation and one system call, takes no
    /// lock, allocates nothing, and leaves `errno` alone.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = ipc_shared::sync::Event::new()?;
    /// event.set();
    /// event.set();
    /// assert!(event.is_set());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn set(&self) {
        if let Some(raw) = self.raw() {
            raw.set();
        }
    }

    /// Takes the flag back. Whoever was waiting when it was set returns nevertheless.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = ipc_shared::sync::Event::new()?;
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn clear(&self) {
        if let Some(raw) = self.raw() {
            raw.clear();
        }
    }

    /// Whether the flag is set. This is the wait that takes no time.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = ipc_shared::sync::Event::new()?;
    /// assert!(!event.is_set());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn is_set(&self) -> bool {
        self.raw().is_some_and(RawEvent::is_set)
    }

    /// Waits until the flag is set, and says whether it was: always, but in a forked child that has no part in the event.
    ///
    /// # Blocking
    ///
    /// Until the flag is set. Nothing else ends the wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = ipc_shared::sync::Event::new()?;
    /// event.set();
    /// assert!(event.wait());
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn wait(&self) -> bool {
        self.wait_until(Deadline::NEVER)
    }

    /// Waits until the flag is set, for a time at most, and says whether it was. A flag that is set counts also when the time is
    /// zero.
    ///
    /// # Blocking
    ///
    /// As [`wait`](Self::wait), and at most for `timeout`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let event = ipc_shared::sync::Event::new()?;
    /// assert!(!event.wait_timeout(Duration::from_millis(10)));
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout))
    }

    /// Waits until the flag is set, until an instant at most, and says whether it was.
    ///
    /// # Blocking
    ///
    /// As [`wait`](Self::wait), and at most until `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let event = ipc_shared::sync::Event::new()?;
    /// event.set();
    /// assert!(event.wait_deadline(Instant::now() + Duration::from_secs(1)));
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Deadline::at(deadline))
    }

    fn wait_until(&self, deadline: Deadline) -> bool {
        self.raw().is_some_and(|raw| raw.wait(deadline))
    }

    /// The flag, unless it may belong to others: who takes no part holds no cell.
    fn raw(&self) -> Option<&RawEvent> {
        self.object.peers().me().map(|_| self.object.get(0))
    }
}

fn shape() -> Option<Shape> {
    Shape::new(Kind::Event, 0, 0)
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not an event.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = shape().ok_or_else(|| serde::de::Error::custom("there is no such shape"))?;
        Ok(Event {
            object: Object::receive_from(shape, false, |_| Some(size_of::<RawEvent>()), deserializer)?,
        })
    }
}
