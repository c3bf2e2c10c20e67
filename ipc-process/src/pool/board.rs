//! The offers of a pool, in shared memory: who may run which task, settled by one store.
//!
//! Each worker has [`DEPTH`] words. A word holds the number of a task of that worker and one of these states:
//!
//! | state | meaning | left by |
//! | --- | --- | --- |
//! | `OFFERED` | the worker may begin the task | the worker, to `BEGUN`; the dispatcher, to `REVOKED` |
//! | `BEGUN` | the worker runs the task, or died in it | the dispatcher, by the next offer |
//! | `REVOKED` | the task goes to another worker; this one skips it | the dispatcher, by the next offer |
//!
//! Both ways out of `OFFERED` are one compare-and-swap, so a task is begun by one worker at most. A worker that is killed
//! before its swap has begun nothing; killed after it, it takes this task and no other with it. There is no state between
//! the two that would need a repair.

use ipc_codec::handle::Handle;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many tasks a worker has at most: one that it runs, one at hand.
pub(super) const DEPTH: u64 = 2;

const OFFERED: u64 = 1;
const BEGUN: u64 = 2;
const REVOKED: u64 = 3;
const STATE_BITS: u32 = 2;

/// The words of all workers of a pool.
#[derive(Debug)]
pub(super) struct Board(SharedMapping);

impl Board {
    pub(super) fn new(n_workers: usize) -> io::Result<Self> {
        SharedMapping::create(n_workers * DEPTH as usize * size_of::<u64>()).map(Board)
    }

    /// By the dispatcher, before it sends the task.
    pub(super) fn offer(&self, worker: usize, task: u64) {
        self.word(worker, task).store(word(task, OFFERED), Ordering::Release);
    }

    /// By the dispatcher: takes an offer back; whether the worker had not begun.
    pub(super) fn revoke(&self, worker: usize, task: u64) -> bool {
        self.swap(worker, task, REVOKED)
    }

    /// By the worker, before it touches the task; whether it may.
    pub(super) fn begin(&self, worker: usize, task: u64) -> bool {
        self.swap(worker, task, BEGUN)
    }

    /// By the dispatcher, once the worker is dead: whether it had begun the task.
    pub(super) fn was_begun(&self, worker: usize, task: u64) -> bool {
        self.word(worker, task).load(Ordering::Acquire) == word(task, BEGUN)
    }

    fn swap(&self, worker: usize, task: u64, to: u64) -> bool {
        let (offered, to) = (word(task, OFFERED), word(task, to));
        self.word(worker, task).compare_exchange(offered, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn word(&self, worker: usize, task: u64) -> &AtomicU64 {
        let index = worker * DEPTH as usize + (task % DEPTH) as usize;
        self.0.atomic_u64(index * size_of::<u64>())
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

fn word(task: u64, state: u64) -> u64 {
    task << STATE_BITS | state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_taken_once() {
        let board = Board::new(2).expect("memory");
        board.offer(1, 7);
        assert!(!board.was_begun(1, 7));
        assert!(board.begin(1, 7));
        assert!(!board.begin(1, 7));
        assert!(!board.revoke(1, 7));
        assert!(board.was_begun(1, 7));
    }

    #[test]
    fn a_revoked_offer_is_not_begun() {
        let board = Board::new(1).expect("memory");
        board.offer(0, 1);
        assert!(board.revoke(0, 1));
        assert!(!board.begin(0, 1));
        // Nor is it mistaken for the next task in the same word.
        board.offer(0, 1 + DEPTH);
        assert!(!board.begin(0, 1));
        assert!(board.begin(0, 1 + DEPTH));
    }

    #[test]
    fn worker_and_dispatcher_never_both_win() {
        let board = Board::new(1).expect("memory");
        for task in 1..2000 {
            board.offer(0, task);
            let (begun, revoked) = std::thread::scope(|scope| {
                let begun = scope.spawn(|| board.begin(0, task));
                (board.revoke(0, task), begun.join().expect("no panic"))
            });
            assert!(begun != revoked, "task {task}");
        }
    }
}
