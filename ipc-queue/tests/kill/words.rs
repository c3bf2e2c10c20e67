//! The words of a queue as they stand in shared memory: to begin anywhere in the ring, and to tell apart what kills leave.

use ipc_codec::{Limits, encode};
use ipc_sys::memory::SharedMapping;
use serde::Serialize;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

/// Where the parts begin, in words behind the plan, which has the capacities as its third and fourth word.
const PUTS: usize = 14;
const GETS: usize = 30;
const REST: usize = 46;
/// Behind the lock of either side.
const TAIL: usize = PUTS + 2;
const HEAD_SEEN: usize = PUTS + 3;
const HEAD: usize = GETS + 2;

/// The memory of a queue.
pub(crate) struct Words {
    memory: SharedMapping,
    plan: usize,
    n_words: usize,
}

impl Words {
    /// The words of a queue of these capacities.
    pub(crate) fn of(queue: &impl Serialize, capacity: usize, byte_capacity: usize) -> Words {
        let message = encode(queue, &Limits::default()).expect("a queue can be sent");
        let handle = message.handles()[0].try_clone().expect("handles are left");
        let memory = SharedMapping::from_handle(handle).expect("it is memory");
        let n_words = memory.size() / 8;
        let read = |word: usize| memory.atomic_u64(word * 8).load(SeqCst);
        let is_plan =
            |&word: &usize| read(word + 2) == capacity as u64 && read(word + 3) == byte_capacity as u64;
        let plan = (0..n_words - 3).find(is_plan).expect("the plan is somewhere");
        Words { memory, plan, n_words }
    }

    /// Has an empty queue go on as if so many items had been put and taken, and the next one stood at this position.
    pub(crate) fn begin_at(&self, count: u32, position: u32) {
        let place = u64::from(count) << 32 | u64::from(position);
        [TAIL, HEAD_SEEN, HEAD].into_iter().for_each(|idx| self.word(idx).store(place, SeqCst));
    }

    /// All words behind the plan, of which those that name processes say only that they do.
    pub(crate) fn state(&self, n_words: usize) -> Vec<u64> {
        let words = (PUTS..REST + n_words).map(|idx| (idx, self.word(idx).load(SeqCst)));
        words
            .map(|(idx, word)| match idx {
                PUTS | GETS => word & 15 | u64::from(word > 15) << 4,
                _ => word,
            })
            .collect()
    }

    fn word(&self, idx: usize) -> &AtomicU64 {
        assert!(self.plan + idx < self.n_words);
        self.memory.atomic_u64((self.plan + idx) * 8)
    }
}
