//! Long waits for an item at the inner end of a channel: asleep at the socket instead of the bell, where the kernel tells of the end.
//!
//! Who dozes has left a wish with the lock of the puts, and whoever finds it sends a token. A token can get lost, as in
//! [polling](super::polling), so who dozes looks again from time to time.
//!
//! A *nap* is the cheaper way to sleep there, by a timer of the kernel's ticks, but of those who nap at one socket a message wakes
//! only one. So one may nap at a time, and all others wait as those do who poll, whom each message wakes. Who naps says so in
//! a word of the queue:
//!
//! | the one who naps is killed | what the others find |
//! | --- | --- |
//! | before its name is stored | nobody naps |
//! | afterwards | the name of a dead process, which the next one who would nap exchanges for its own |

use super::{LOOK, RawQueue, Stop};
use crate::raw::Wishes;
use ipc_shared::internals::{Id, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::MessageSocket;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a nap is: shorter than the longest sleep by more than the ticks that it may be late.
const NAP: Duration = Duration::from_millis(130);

/// The right to nap, which ends with this.
#[derive(Debug)]
struct Nap<'a> {
    word: &'a AtomicU64,
    me: Id,
}

impl RawQueue {
    /// Sleeps until a token is there, or handles, or the other side is gone, or something has changed. False if it did not: this is
    /// not the inner end of a channel, where nothing else waits than who takes items.
    ///
    /// Nobody has to ask for the end: whoever is woken by it sees it before the next sleep.
    pub(super) fn doze(
        &self,
        deadline: Deadline,
        has_changed: &mut dyn FnMut() -> bool,
    ) -> Result<bool, Stop> {
        let (None, Some(inner)) = (&self.freight.outer, &self.freight.inner) else { return Ok(false) };
        let lock = &self.ring().puts().lock;
        self.silence_tokens()?;
        let nap = self.begin_nap(inner);
        loop {
            // As long as the wish is there, all who have put something since have found it, and will send a token.
            if !lock.has_wished(Wishes::POLLED) {
                lock.wish(Wishes::POLLED);
            }
            if has_changed() {
                return Ok(true);
            }
            let longest = deadline.remaining_at_most(LOOK);
            let is_awake = match &nap {
                Some(_) if longest == LOOK => inner.nap(),
                _ => wait_one(inner.handle(), Interest::Read, Deadline::after(longest)),
            };
            // What cannot be waited for is left to the bell.
            if is_awake.unwrap_or(true) || deadline.is_over() {
                return Ok(true);
            }
        }
    }

    fn begin_nap(&self, inner: &MessageSocket) -> Option<Nap<'_>> {
        let (word, me) = (&self.ring().puts().napper, self.peers().me()?);
        let found = word.load(Relaxed);
        let is_free = Id::new(found).is_none_or(|id| id != me && self.peers().is_dead(id));
        let is_mine = is_free && word.compare_exchange(found, me.get(), Relaxed, Relaxed).is_ok();
        // Not made before: to drop it would take away the name of another thread of this process.
        let nap = is_mine.then(|| Nap { word, me })?;
        inner.set_nap(NAP).is_ok().then_some(nap)
    }
}

impl Drop for Nap<'_> {
    fn drop(&mut self) {
        // Another name is there if this process was taken for dead, or somebody writes what he likes.
        let _ = self.word.compare_exchange(self.me.get(), 0, Relaxed, Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::RawQueue;
    use crate::channel;
    use crate::raw::Wishes;
    use ipc_shared::internals::Peers;
    use ipc_testkit::isolated;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    /// Who waits at the end of a channel for long has the kernel tell of the end, and does not ask all the time.
    #[test]
    fn who_waits_for_long_hardly_looks() {
        let (_sender, receiver) = channel::<u32>(4).expect("there is memory");
        let n_sleeps = || -> u32 {
            let status = std::fs::read_to_string("/proc/thread-self/status").expect("there is one");
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|count| count.trim().parse().ok()).expect("it is a number")
        };
        let before = n_sleeps();
        assert!(receiver.recv_timeout(Duration::from_secs(1)).is_err());
        let count = n_sleeps() - before;
        // A look every 40 ms would be 25.
        assert!(count < 16, "{count} sleeps");
    }

    /// Who dozes is told by a token.
    #[test]
    fn who_dozes_finds_a_token() {
        isolated(|| {
            let (sender, receiver) = channel(4).expect("there is memory");
            let freight = receiver.raw().freight();
            std::thread::scope(|scope| {
                let wait = scope.spawn(|| receiver.recv());
                await_dozing(receiver.raw());
                sender.send(1).expect("there is room");
                assert_eq!(wait.join().expect("it does not panic").expect("there is an item"), 1);
            });
            assert_eq!(freight.inner.as_ref().and_then(|inner| inner.peek(&mut [0]).ok()), Some(Some(1)));
        });
    }

    /// The token of one item wakes all who doze, and those who find nothing are there for the next ones.
    #[test]
    fn many_who_doze_miss_nothing() {
        isolated(|| {
            let (sender, receiver) = channel(4).expect("there is memory");
            std::thread::scope(|scope| {
                let waits = [(); 4].map(|()| scope.spawn(|| receiver.recv()));
                await_dozing(receiver.raw());
                sender.send(0).expect("there is room");
                sender.send(1).expect("there is room");
                await_dozing(receiver.raw());
                sender.send(2).expect("there is room");
                await_dozing(receiver.raw());
                drop(sender);
                let found = waits.map(|wait| wait.join().expect("it does not panic").ok());
                let mut found: Vec<u32> = found.into_iter().flatten().collect();
                found.sort_unstable();
                assert_eq!(found, [0, 1, 2]);
            });
        });
    }

    /// One of those who doze naps, and no longer than that. A dead one's name keeps nobody from it.
    #[test]
    fn one_at_a_time_naps() {
        isolated(|| {
            let (sender, receiver) = channel::<u32>(4).expect("there is memory");
            let napper = &receiver.raw().ring().puts().napper;
            napper.store(0x77_0123, Relaxed);
            std::thread::scope(|scope| {
                let waits = [(); 3].map(|()| scope.spawn(|| receiver.recv()));
                await_dozing(receiver.raw());
                while napper.load(Relaxed) != receiver.raw().peers().me().expect("it takes part").get() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let (me, inner) = (napper.load(Relaxed), receiver.raw().freight().inner.as_ref());
                assert!(receiver.raw().begin_nap(inner.expect("an end")).is_none());
                // Who was refused leaves the name of the other one there.
                assert_eq!(napper.load(Relaxed), me);
                drop(sender);
                assert!(waits.into_iter().all(|wait| wait.join().expect("it does not panic").is_err()));
            });
            assert_eq!(napper.load(Relaxed), 0);
        });
    }

    /// Waits until somebody dozes.
    fn await_dozing(queue: &RawQueue) {
        while !queue.ring().puts().lock.has_wished(Wishes::POLLED) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
