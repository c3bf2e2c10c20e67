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
/// A name that no process has.
const NOBODY: u64 = 1 << 40;
/// Where the state of a buffer has a name.
const NAME_SHIFT: u32 = 4;
/// Behind the lock of either side.
const TAIL: usize = PUTS + 3;
const HEAD_SEEN: usize = PUTS + 4;
const HEAD: usize = GETS + 3;

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

    /// As if somebody had died with the lock of the puts, right after the item that came last.
    pub(crate) fn die_in_put(&self, units: u32) {
        let tail = self.word(TAIL).load(SeqCst);
        self.word(TAIL).store(tail - (1 << 32) - u64::from(units), SeqCst);
        self.word(PUTS).store(NOBODY, SeqCst);
    }

    /// The words behind the plan, so many of them those of buffers, which are the first ones behind the two sides, and so many
    /// of the ring. Of names they say only that there is one.
    pub(crate) fn state(&self, n_buffers: usize, n_units: usize) -> Vec<u64> {
        const LOCKS: [usize; 2] = [PUTS, GETS];
        let has_name = |word: u64| word & 15 | u64::from(word >> NAME_SHIFT != 0) << NAME_SHIFT;
        let units = self.units(n_buffers);
        let read = |idx: usize| self.word(idx).load(SeqCst);
        let is_name = |idx: usize| LOCKS.contains(&idx);
        let sides = (PUTS..REST).map(|idx| if is_name(idx) { u64::from(read(idx) != 0) } else { read(idx) });
        let buffers = (REST..REST + n_buffers).map(|idx| has_name(read(idx)));
        sides.chain(buffers).chain((units..units + n_units).map(read)).collect()
    }

    /// Where the ring begins: with a cache line, two words of which are before the plan.
    fn units(&self, n_buffers: usize) -> usize {
        (REST + n_buffers + 2).next_multiple_of(8) - 2
    }

    fn word(&self, idx: usize) -> &AtomicU64 {
        assert!(self.plan + idx < self.n_words);
        self.memory.atomic_u64((self.plan + idx) * 8)
    }
}
