//! A queue of byte strings and handles: the ring, the sockets beside it, and how those who wait sleep and are woken.

mod dozing;
mod getting;
mod polling;
mod putting;
mod watch;

pub(crate) use getting::{Arrival, Arrivals, Bytes, Take};
pub(crate) use putting::Attempt;

use crate::error::{Corruption, CreateError};
use crate::freight::Freight;
use crate::memory::Memory;
use crate::raw::{Eagerness, LockError, MANY, Ring, WaitingPlace, Wishes};
use ipc_shared::internals::Segment;
use ipc_sys::clock::Deadline;
use polling::Poller;
use std::io;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use watch::Watch;

/// How long a call without a wait stays at a lock that another process keeps.
///
/// A lock is held for the time of one copy. A process that is stopped by a signal while it is inside keeps it
/// longer, and calls with a deadline then give up.
const LOCK_PATIENCE: Duration = Duration::from_millis(50);

/// The longest sleep. A process that is killed after it was woken, or before it could wake others, takes a wake-up with it;
/// whoever sleeps looks again after this time, so that the loss is a delay and never a hang.
const LOOK: Duration = Duration::from_millis(140);

/// The longest sleep on the bell of who can be left alone by the other side: an end is to be seen within 50 ms of a machine that has
/// the time. Who takes items and has slept for some time has its end told by the kernel (`RawQueue::doze`).
const END_LOOK: Duration = Duration::from_millis(40);

/// One process's part in a queue.
#[derive(Debug)]
pub(crate) struct RawQueue {
    /// Shared with the buffers that are in use.
    memory: Arc<Memory>,
    /// How many bytes of an item go into the ring at most.
    max_inline: usize,
    is_joinable: bool,
    freight: Freight,
    /// When the other side was looked after, if it can be gone and this side has to notice.
    watch: Option<Watch>,
    /// When it was looked whether the owner of the lock of the gets is alive.
    owner_watch: Watch,
    eager_to_put: Eagerness,
    eager_to_get: Eagerness,
    /// There is one once somebody of this process has asked for the descriptor.
    poller: OnceLock<Poller>,
}

/// Why neither an item nor "not now" came back.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The queue is closed, and for a get also drained.
    Closed,
    /// All who could get are gone; or all who could put, and it is drained.
    Abandoned,
    /// The memory holds what no process of the family writes.
    Corrupt(Corruption),
    /// The handles of an item that was taken are lost, and the item with them.
    HandlesLost,
    /// A byte string that was taken is larger than this process wants it, and lost.
    TooLarge { size: usize, limit: usize },
    /// This is a forked child that has no part in the queue.
    Forked,
    /// The system refused.
    Os(io::Error),
}

/// This is a forked child that has no part in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forked;

impl From<Forked> for Stop {
    fn from(_: Forked) -> Stop {
        Stop::Forked
    }
}

impl From<Corruption> for Stop {
    fn from(corruption: Corruption) -> Stop {
        Stop::Corrupt(corruption)
    }
}

impl RawQueue {
    /// A process's part in a queue whose memory and sockets it has.
    pub(crate) fn new(memory: Arc<Memory>, freight: Freight) -> RawQueue {
        RawQueue {
            watch: freight.inner.is_none().then(Watch::default),
            owner_watch: Watch::default(),
            max_inline: memory.plan().byte_capacity,
            is_joinable: memory.plan().is_joinable,
            memory,
            freight,
            eager_to_put: Eagerness::default(),
            eager_to_get: Eagerness::default(),
            poller: OnceLock::new(),
        }
    }

    /// Makes a queue.
    pub(crate) fn create(plan: crate::layout::Plan, item_type: u64) -> Result<RawQueue, CreateError> {
        let freight = Freight::new().map_err(CreateError::Sockets)?;
        Ok(RawQueue::new(Arc::new(Memory::create(plan, item_type)?), freight))
    }

    /// The two ends of a queue that nobody else has yet.
    pub(crate) fn split(mut self) -> (RawQueue, RawQueue) {
        let (memory, outer, inner) =
            (Arc::clone(&self.memory), self.freight.outer.take(), self.freight.inner.take());
        let sender = RawQueue::new(Arc::clone(&memory), Freight { outer, inner: None });
        (sender, RawQueue::new(memory, Freight { outer: None, inner }))
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn freight(&self) -> &Freight {
        &self.freight
    }

    #[inline]
    pub(crate) fn ring(&self) -> Ring<'_> {
        self.memory.ring()
    }

    /// How many bytes of an item go into the ring at most. A larger one has memory of its own.
    #[inline]
    pub(crate) fn max_inline(&self) -> usize {
        self.max_inline
    }

    #[inline]
    pub(crate) fn is_joinable(&self) -> bool {
        self.is_joinable
    }

    #[inline]
    pub(crate) fn peers(&self) -> &Segment {
        self.memory.peers()
    }

    /// Ends the queue for all.
    pub(crate) fn close(&self) {
        let ring = self.ring();
        let puts = ring.puts();
        // Under the lock, so that no put that found the queue open is still on its way when this returns. A child without a
        // part in the queue closes nothing.
        let Ok(taken) = puts.lock.lock(self.peers(), || Deadline::NEVER) else { return };
        // If the tail cannot be mended nobody can put anyway.
        let _ = self.mend_puts(taken);
        puts.ended.store(1, Release);
        let wishes = puts.lock.release(MANY);
        puts.lock.ring_for_all();
        ring.gets().lock.ring_for_all();
        if wishes.is_polled() {
            self.freight.send_token();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.ring().puts().ended.load(Acquire) != 0
    }

    /// Tells all who wait that something may have ended.
    pub(crate) fn tell_of_end(&self) {
        let ring = self.ring();
        ring.puts().news.fetch_add(1, Release);
        ring.puts().lock.ring_for_all();
        ring.gets().lock.ring_for_all();
    }

    /// Calls `f` with both locks, the buffer of the first item if it has one, and the numbers of the items that are in the queue.
    /// Does not if the locks are not to be had in time.
    pub(crate) fn with_both_locks(
        &self,
        deadline: Deadline,
        f: impl FnOnce(&RawQueue, Option<u64>, Numbers),
    ) -> Result<(), Stop> {
        let (puts, gets) = (self.ring().puts(), self.ring().gets());
        let Some(taken) = was_locked(puts.lock.lock(self.peers(), || at_the_lock(deadline)))? else {
            return Ok(());
        };
        let mut result = self.mend_puts(taken);
        if result.is_ok() {
            match was_locked(gets.lock.lock(self.peers(), || at_the_lock(deadline))) {
                Ok(Some(taken)) => {
                    result = self.first_buffer(taken).map(|first| {
                        let (tail, head) = self.ring().counts();
                        f(self, first, Numbers { head, tail });
                    });
                    let _ = gets.lock.release(taken.changes(0));
                }
                Ok(None) => {}
                Err(stop) => result = Err(stop),
            }
        }
        self.release_puts(taken.changes(0));
        result
    }

    /// Waits until a buffer is free, the deadline has passed, or a moment.
    pub(crate) fn wait_for_buffer(&self, deadline: Deadline) {
        let lock = &self.ring().gets().lock;
        let heard = lock.listen(Wishes::ALL, None);
        if !self.has_free_buffer() {
            lock.sleep(heard, deadline, self.longest_sleep());
        }
    }

    /// Waits until something has changed, or the deadline has passed; `look` is asked before each sleep. As
    /// [`WaitingPlace::wait`].
    fn wait_at(
        &self,
        place: WaitingPlace<'_>,
        deadline: Deadline,
        has_changed: impl FnMut() -> bool,
        look: impl Fn(bool) -> Result<(), Stop>,
    ) -> Result<bool, Stop> {
        let doze = |has_changed: &mut dyn FnMut() -> bool| self.doze(deadline, has_changed);
        place.wait(deadline, self.longest_sleep(), has_changed, look, doze)
    }

    /// The longest sleep.
    fn longest_sleep(&self) -> Duration {
        if self.freight.outer.is_some() && self.freight.inner.is_some() { LOOK } else { END_LOOK }
    }

    /// Releases the lock of the puts after so many changes, and tells those who wait for items.
    #[inline]
    fn release_puts(&self, n_changes: u32) {
        if self.ring().puts().lock.release(n_changes).is_polled() {
            self.freight.send_token();
        }
    }
}

/// Who lets go of an end of a channel tells the others, who see then whether it was the last one.
impl Drop for RawQueue {
    fn drop(&mut self) {
        let ends = (self.freight.outer.take(), self.freight.inner.take());
        let is_end = ends.0.is_some() != ends.1.is_some();
        drop(ends);
        if is_end {
            self.tell_of_end();
        }
    }
}

/// The numbers of the items from the head to the tail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    head: u32,
    tail: u32,
}

impl Numbers {
    pub(crate) fn is_empty(self) -> bool {
        self.head == self.tail
    }

    pub(crate) fn contains(self, number: u32) -> bool {
        number.wrapping_sub(self.head) < self.tail.wrapping_sub(self.head)
    }
}

/// Until when a call with this deadline stays at a lock.
fn at_the_lock(deadline: Deadline) -> Deadline {
    match deadline.remaining() {
        Some(left) if left < LOCK_PATIENCE => Deadline::after(LOCK_PATIENCE),
        _ => deadline,
    }
}

/// Whether a lock was had, or the time was over.
fn was_locked<T>(locked: Result<T, LockError>) -> Result<Option<T>, Stop> {
    match locked {
        Ok(taken) => Ok(Some(taken)),
        Err(LockError::TimedOut) => Ok(None),
        Err(LockError::Forked) => Err(Stop::Forked),
    }
}
