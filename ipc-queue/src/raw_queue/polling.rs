//! A descriptor for those who wait with `poll`: armed when they have found nothing, so that nobody pays for it otherwise.
//!
//! It is readable while the inner end of the sockets is, or the own doorbell, or the own alarm. Whoever finds the queue empty
//! arms it: empties them, leaves a wish with the lock of the puts, and looks again. An item that comes before the wish is
//! seen by that look, which rings the doorbell; whoever puts one after it finds the wish and sends a token.
//!
//! A token can get lost: whoever was to send it is killed, or another process that takes handles receives it on the way. So the
//! alarm is set when the descriptor is armed; it goes off after the longest sleep, and whoever waits looks again.

use super::{LOOK, RawQueue, Stop, at_the_lock, was_locked};
use crate::raw::Wishes;
use ipc_shared::internals::Peers;
use ipc_sys::alarm::Alarm;
use ipc_sys::clock::Deadline;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::readiness::Group;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

/// What one process needs to be polled.
#[derive(Debug)]
pub(super) struct Poller {
    group: Group,
    doorbell: Doorbell,
    /// Goes off some time after the descriptor was armed.
    alarm: Alarm,
}

impl RawQueue {
    /// Whether a get would not wait: for an item, the end, or what is wrong.
    pub(crate) fn is_ready(&self) -> bool {
        let is_part = self.peers().me().is_some();
        !is_part || !matches!(self.has_nothing(), Ok(true)) || self.freight.has_no_putter()
    }

    /// The descriptor, armed.
    pub(crate) fn pollable(&self) -> io::Result<BorrowedHandle<'_>> {
        let poller = match self.poller.get() {
            Some(poller) => poller,
            None => {
                let poller = self.new_poller()?;
                self.poller.get_or_init(|| poller)
            }
        };
        // What is wrong with the queue will be told by the next get.
        if self.arm(poller).is_err() {
            poller.doorbell.ring();
        }
        Ok(poller.group.as_fd())
    }

    /// Arms the inner end of the sockets alone, for who waits for that and looks by itself from time to time; whether there is an item
    /// already, or the end.
    pub(crate) fn arm_inner(&self) -> Result<bool, Stop> {
        if self.has_nothing()? {
            self.silence_tokens()?;
            self.ring().puts().lock.wish(Wishes::POLLED);
        }
        self.has_nothing().map(|has_nothing| !has_nothing)
    }

    /// Arms the descriptor if there is one. For who has found the queue empty.
    pub(super) fn rearm(&self) -> Result<(), Stop> {
        self.poller.get().map_or(Ok(()), |poller| self.arm(poller))
    }

    fn arm(&self, poller: &Poller) -> Result<(), Stop> {
        if self.has_nothing()? {
            poller.doorbell.silence();
            poller.alarm.set(LOOK);
            self.silence_tokens()?;
            self.ring().puts().lock.wish(Wishes::POLLED);
        }
        if !self.has_nothing()? {
            poller.doorbell.ring();
        }
        Ok(())
    }

    fn has_nothing(&self) -> Result<bool, Stop> {
        Ok(self.ring().is_empty()? && !self.is_closed())
    }

    /// Receives the tokens in front of the first handles, and handles that are nobody's.
    pub(super) fn silence_tokens(&self) -> Result<(), Stop> {
        let gets = self.ring().gets();
        // What is received is received under the lock of the gets.
        let locked = gets.lock.lock(self.peers(), || at_the_lock(Deadline::NOW));
        let Some(taken) = was_locked(locked)? else { return Ok(()) };
        let mended = self.mend_after(taken);
        let is_silent = self.freight.discard(gets.ticket.load(Relaxed));
        let _ = gets.lock.release(taken.changes(0));
        mended?;
        if is_silent { Ok(()) } else { self.discard_strays().map(drop) }
    }

    /// Receives handles that are nobody's, if the first message looks like that; whether there were some. For who has found the
    /// queue empty, or its sockets full.
    pub(super) fn see_strays(&self) -> Result<bool, Stop> {
        if self.ring().is_empty()? && self.freight.has_handles() { self.discard_strays() } else { Ok(false) }
    }

    /// Receives the handles of whoever ended before it put their item, which would make the descriptor readable for ever, and those
    /// of items that a sender has dropped to make room, which lacks the end where they arrive; whether it could look.
    ///
    /// As long as nobody is putting, which is sure with the lock, and there is no item, all handles are such.
    #[cold]
    fn discard_strays(&self) -> Result<bool, Stop> {
        let mut is_done = false;
        self.with_both_locks(Deadline::NOW, |queue, _, numbers| {
            if numbers.is_empty() {
                queue.freight.discard(u64::MAX);
                is_done = true;
            }
        })?;
        Ok(is_done)
    }

    fn new_poller(&self) -> io::Result<Poller> {
        let (doorbell, alarm) = (Doorbell::new()?, Alarm::new()?);
        let inner = self.freight.inner.as_ref().map(|inner| inner.handle());
        let handles: Vec<BorrowedHandle<'_>> =
            inner.into_iter().chain([doorbell.handle(), alarm.handle()]).collect();
        let group = Group::new(&handles)?;
        Ok(Poller { group, doorbell, alarm })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::LOOK;
    use crate::Queue;
    use ipc_sys::clock::Deadline;
    use ipc_sys::handle::AsHandle;
    use ipc_sys::readiness::{Interest, wait_one};
    use ipc_sys::socket::MessageSocket;
    use std::sync::atomic::Ordering::Relaxed;

    /// Somebody was killed after it had sent the handles of an item and before it put the item. Whoever polls is not told of an item
    /// time after time, and the handles are closed.
    #[test]
    fn handles_of_an_item_that_never_came_are_closed() {
        let queue = Queue::<u32>::bounded(4).expect("there is memory");
        let (here, there) = MessageSocket::pair().expect("there are sockets");
        let raw = queue.raw();
        raw.freight().send(1, &[there.handle().as_fd()]).expect("there is room");
        drop(there);
        let is_readable = |_| {
            let pollable = queue.pollable().expect("there are descriptors");
            wait_one(pollable, Interest::Read, Deadline::NOW).expect("it can be waited for")
        };
        // Once it can be the alarm, on a machine that has other things to do.
        assert!(!(0..10).all(is_readable));
        assert!(here.is_abandoned().expect("it can be asked"));
        queue.put(1).expect("there is room");
        assert!(is_readable(0));
    }

    /// The same, and nobody polls, but somebody waits: it looks when it has slept once.
    #[test]
    fn who_waits_closes_handles_of_an_item_that_never_came() {
        let queue = Queue::<u32>::bounded(4).expect("there is memory");
        let (here, there) = MessageSocket::pair().expect("there are sockets");
        queue.raw().ring().puts().ticket.store(1, Relaxed);
        queue.raw().freight().send(1, &[there.handle().as_fd()]).expect("there is room");
        drop(there);
        let is_closed = |_| {
            assert!(queue.get_timeout(3 * LOOK).is_err());
            here.is_abandoned().expect("it can be asked")
        };
        // Once it can have no time to look again.
        assert!((0..10).any(is_closed));
    }
}
