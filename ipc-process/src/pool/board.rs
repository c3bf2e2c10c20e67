//! Who of the owner waits for news of the workers, and for which kind of knock: a word in memory that all of them share.
//!
//! | state | meaning | left by |
//! | --- | --- | --- |
//! | `AWAKE` | somebody of the owner looks, or nobody wants to know | the owner |
//! | `ASLEEP` | a thread sleeps on the bell | a worker with news, to `AWAKE`, which then wakes it; the owner |
//! | `LISTENING` | the keeper waits for the lines | a worker with news, to `AWAKE`, which then sends a word by its line; the owner |
//!
//! A worker may die between the store and the knock. The keeper learns of its death from the kernel, and looks at everything; a
//! thread that sleeps on the bell looks again after a while in any case, as does the keeper while tasks are under way, since the
//! worker may be stopped there.

use ipc_codec::handle::Handle;
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering, fence};

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
const LISTENING: u32 = 2;

const STATE: usize = 0;
const BELL: usize = 64;
const SIZE: usize = 128;

/// The word, and the bell.
#[derive(Debug)]
pub(super) struct Board(SharedMapping);

/// How a worker tells its news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knock {
    /// Nobody has to be woken, or somebody was.
    No,
    /// By a word on its line.
    ByLine,
}

impl Board {
    pub(super) fn new() -> io::Result<Self> {
        SharedMapping::create(SIZE).map(Board)
    }

    /// By a thread of the owner that is about to sleep: the bell as it is now. It looks at the desks after that, and sleeps if there
    /// is no news.
    pub(super) fn begin_sleep(&self) -> u32 {
        let bell = self.bell().load(Ordering::Relaxed);
        self.enter(ASLEEP);
        bell
    }

    /// Sleeps, unless somebody rang since.
    pub(super) fn sleep(&self, bell: u32, deadline: Deadline) {
        futex::wait(self.bell(), bell, deadline);
    }

    /// By the owner, before it looks at the desks for the last time: the keeper waits for the lines.
    pub(super) fn listen(&self) {
        self.enter(LISTENING);
    }

    /// By the owner: nobody has to be woken.
    pub(super) fn stay_awake(&self) {
        self.word().store(AWAKE, Ordering::Relaxed);
    }

    /// By the owner: wakes its thread that sleeps.
    pub(super) fn ring(&self) {
        self.bell().fetch_add(1, Ordering::Release);
        futex::wake_all(self.bell());
    }

    /// By a worker with news, which it made known before.
    pub(super) fn knock(&self) -> Knock {
        // The worker's fence stands in `Desk::pass`.
        let state = self.word().load(Ordering::Relaxed);
        if state == AWAKE
            || self.word().compare_exchange(state, AWAKE, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return Knock::No;
        }
        if state == LISTENING {
            return Knock::ByLine;
        }
        self.ring();
        Knock::No
    }

    fn enter(&self, state: u32) {
        self.word().store(state, Ordering::Relaxed);
        // NEWS
        fence(Ordering::SeqCst);
    }

    fn word(&self) -> &AtomicU32 {
        self.0.atomic_u32(STATE)
    }

    fn bell(&self) -> &AtomicU32 {
        self.0.atomic_u32(BELL)
    }
}

impl Serialize for Board {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ipc_codec::handle::serialize(&self.0.handle(), serializer)
    }
}

impl<'de> Deserialize<'de> for Board {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle = Handle::<OwnedHandle>::deserialize(deserializer)?;
        SharedMapping::from_handle(handle.into_inner()).map(Board).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_knocks() {
        let board = Board::new().expect("memory");
        assert_eq!(board.knock(), Knock::No);
        board.listen();
        assert_eq!(board.knock(), Knock::ByLine);
        assert_eq!(board.knock(), Knock::No);
    }

    #[test]
    fn a_knock_ends_the_sleep() {
        let board = Board::new().expect("memory");
        for _ in 0..100 {
            let bell = board.begin_sleep();
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(board.knock(), Knock::No));
                board.sleep(bell, Deadline::NEVER);
            });
        }
    }
}
