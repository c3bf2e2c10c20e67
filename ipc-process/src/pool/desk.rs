//! A worker's desk: tasks on their way in and results on their way out, in memory that the worker and the owner share.
//!
//! Tasks come in *chunks*. A chunk has one of [`N_SLOTS`] slots, in the order of the chunks, a stretch of the area of arguments, and a
//! stretch of the area of results. `docs/pool.md` has the states, and what a kill leaves after each store.
//!
//! | word | written by | meaning |
//! | --- | --- | --- |
//! | `published` | owner | how many chunks are there, since the desk was made |
//! | `passed` | worker | how many of them the worker is done with |
//! | `turn` of a slot | both, by compare-and-swap | how many tasks of the chunk were begun (low half), and how many there are to begin (high half) |
//! | `done` of a slot | worker | how many results are whole (low half), and how many bytes they take (high half) |
//! | `leave` | owner | the worker is to leave once there is no chunk |
//! | `bell`, `asleep` | owner, worker | the worker sleeps on the bell while `asleep` is set |
//! | `wake_at` | owner | from which chunk on the worker wakes an owner that waits |
//!
//! Counts of chunks wrap around; everything else of a slot is written by the owner before it publishes the chunk.

use ipc_codec::handle::Handle;
use ipc_sys::clock::Deadline;
use ipc_sys::futex;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::{SharedMapping, expect_to_write};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Duration;

/// How many chunks a worker has at most.
pub(super) const N_SLOTS: u32 = 128;
/// How many bytes of arguments it has at most.
pub(super) const ARGS_SIZE: usize = 128 << 10;
/// How many bytes of results there is room for.
pub(super) const RESULTS_SIZE: usize = 256 << 10;

/// So many bytes ahead of a result that is written, the memory is made ready to be written.
const AHEAD: usize = 512;

/// How long a worker sleeps until it looks again though nobody rang.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

const PUBLISHED: usize = 0;
const LEAVE: usize = 4;
const BELL: usize = 64;
const WAKE_AT: usize = 128;
const OVERDUE: usize = 136;
const ASLEEP: usize = 192;
const PASSED: usize = 256;
const FULL: usize = 260;
const SLOTS: usize = 512;

const SLOT_SIZE: usize = 128;
/// Beside each other in a slot: what the owner writes, and in a cache line of its own what changes with each task.
const PLACE: usize = 0;
const TURN: usize = 64;
const DONE: usize = 72;
const N_LETTERS: usize = 80;

const ARGS: usize = SLOTS + N_SLOTS as usize * SLOT_SIZE;
const RESULTS: usize = ARGS + ARGS_SIZE;
const SIZE: usize = RESULTS + RESULTS_SIZE;

/// The memory of a desk.
#[derive(Debug)]
pub(super) struct Desk(SharedMapping);

/// Where the parts of a chunk are, and what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) args_at: u32,
    pub(super) args_size: u32,
    pub(super) results_at: u32,
    pub(super) results_size: u32,
    /// How many tasks were published.
    pub(super) n_tasks: u32,
    /// Whether the arguments, of the one task, come by the line.
    pub(super) is_letter: bool,
}

/// How far a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// How many tasks were begun.
    pub(super) begun: u32,
    /// How many there are to begin, those included.
    pub(super) end: u32,
}

/// What of a chunk is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) n_results: u32,
    pub(super) n_bytes: u32,
}

impl Desk {
    pub(super) fn new() -> io::Result<Self> {
        SharedMapping::create(SIZE).map(Desk)
    }

    /// By the owner: puts a chunk on the desk and publishes it, without waking anybody.
    ///
    /// The parts of `args` go one after the other to the stretch of the arguments.
    pub(super) fn publish(&self, number: u32, place: Place, args: &[&[u8]]) {
        let mut at = ARGS + place.args_at as usize;
        for part in args {
            self.0.write(at, part);
            at += part.len();
        }
        for (index, field) in place.to_words().into_iter().enumerate() {
            self.slot_u32(number, PLACE + 4 * index).store(field, Ordering::Relaxed);
        }
        self.slot_u32(number, N_LETTERS).store(0, Ordering::Relaxed);
        self.slot_u64(number, DONE).store(0, Ordering::Relaxed);
        self.slot_u64(number, TURN).store(pack(0, place.n_tasks), Ordering::Relaxed);
        // PUBLISH: who sees the count sees the slot and the arguments.
        self.u32(PUBLISHED).store(number.wrapping_add(1), Ordering::Release);
    }

    /// By the owner, after it published something: wakes the worker if it sleeps.
    pub(super) fn ring(&self) {
        // SLEEP: either this load sees the worker asleep, or the worker's load after its store sees what was published.
        fence(Ordering::SeqCst);
        if self.u32(ASLEEP).load(Ordering::Relaxed) != 0 {
            self.u32(BELL).fetch_add(1, Ordering::Release);
            futex::wake_one(self.u32(BELL));
        }
    }

    /// By the owner: the worker is to leave when it has nothing more to do.
    pub(super) fn let_go(&self) {
        self.u32(LEAVE).store(1, Ordering::Release);
        self.ring();
    }

    /// By the owner: which tasks of a chunk were begun.
    pub(super) fn turn(&self, number: u32) -> Turn {
        unpack(self.slot_u64(number, TURN).load(Ordering::Acquire))
    }

    /// By the owner: has the chunk end after `end` tasks, if no more than those were begun; whether that is so.
    pub(super) fn shorten(&self, number: u32, end: u32) -> bool {
        let word = self.slot_u64(number, TURN);
        let shorter = |old| {
            let turn = unpack(old);
            (turn.begun <= end && end < turn.end).then(|| pack(turn.begun, end))
        };
        word.fetch_update(Ordering::AcqRel, Ordering::Acquire, shorter).is_ok()
    }

    /// By the owner: how many chunks the worker is done with.
    #[inline]
    pub(super) fn passed(&self) -> u32 {
        self.u32(PASSED).load(Ordering::Acquire)
    }

    /// By the owner: what of the results of a chunk is whole.
    pub(super) fn done(&self, number: u32) -> Done {
        // WHOLE: who sees the count sees the results.
        let Turn { begun: n_results, end: n_bytes } =
            unpack(self.slot_u64(number, DONE).load(Ordering::Acquire));
        Done { n_results, n_bytes }
    }

    /// By the owner: how many of the results of a chunk came by the line.
    pub(super) fn n_letters(&self, number: u32) -> u32 {
        self.slot_u32(number, N_LETTERS).load(Ordering::Relaxed)
    }

    /// By the owner: copies results out, as many bytes as were done; none if that is more than the place has.
    pub(super) fn take_results(&self, place: &Place, n_bytes: u32) -> Option<Vec<u8>> {
        if n_bytes > place.results_size {
            return None;
        }
        let mut bytes = vec![0; n_bytes as usize];
        self.0.read(RESULTS + place.results_at as usize, &mut bytes);
        Some(bytes)
    }

    /// By the owner: from which chunk on the worker is to wake it.
    pub(super) fn wake_at(&self, number: u32) {
        self.u32(WAKE_AT).store(number, Ordering::Relaxed);
    }

    /// By the owner: the task that the worker is in has been there for longer than it should.
    pub(super) fn set_overdue(&self, number: u32, begun: u32) {
        self.u64(OVERDUE).store(pack(number, begun), Ordering::Relaxed);
    }

    /// By the owner: whether the worker takes more memory than it should.
    pub(super) fn is_full(&self) -> bool {
        self.u32(FULL).load(Ordering::Relaxed) != 0
    }

    /// By the worker: whether there is chunk `number`.
    #[inline]
    pub(super) fn has(&self, number: u32) -> bool {
        // PUBLISH
        self.u32(PUBLISHED).load(Ordering::Acquire) != number
    }

    /// By the worker: whether it is to leave.
    pub(super) fn is_let_go(&self) -> bool {
        self.u32(LEAVE).load(Ordering::Acquire) != 0
    }

    /// By the worker: sleeps until chunk `number` may be there, it is to leave, or some time has passed.
    pub(super) fn sleep(&self, number: u32) {
        let bell = self.u32(BELL).load(Ordering::Relaxed);
        self.u32(ASLEEP).store(1, Ordering::Relaxed);
        // SLEEP
        fence(Ordering::SeqCst);
        if !self.has(number) && !self.is_let_go() {
            futex::wait_at_most(self.u32(BELL), bell, Deadline::NEVER, LOOK_AGAIN);
        }
        self.u32(ASLEEP).store(0, Ordering::Relaxed);
    }

    /// By the worker: where chunk `number` is.
    pub(super) fn place(&self, number: u32) -> Place {
        let word = |index: usize| self.slot_u32(number, PLACE + 4 * index).load(Ordering::Relaxed);
        Place::from_words([word(0), word(1), word(2), word(3), word(4), word(5)])
    }

    /// By the worker: copies the arguments of a chunk into `bytes`.
    pub(super) fn read_args(&self, place: &Place, bytes: &mut Vec<u8>) {
        // What was there is overwritten, so that it need not be cleared.
        bytes.resize(place.args_size as usize, 0);
        self.0.read(ARGS + place.args_at as usize, bytes);
    }

    /// By the worker: begins the next task of the chunk, if there is one; how far the chunk is then.
    #[inline]
    pub(super) fn begin(&self, number: u32) -> Option<Turn> {
        let word = self.slot_u64(number, TURN);
        let mut old = word.load(Ordering::Relaxed);
        loop {
            let Turn { begun, end } = unpack(old);
            if begun >= end {
                return None;
            }
            let next = pack(begun + 1, end);
            match word.compare_exchange_weak(old, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(unpack(next)),
                Err(other) => old = other,
            }
        }
    }

    /// By the worker: writes a part of a result. It is not there for the owner before [`Desk::commit`].
    #[inline]
    pub(super) fn write_result(&self, place: &Place, at: usize, bytes: &[u8]) {
        debug_assert!(at + bytes.len() <= place.results_size as usize);
        let at = RESULTS + place.results_at as usize + at;
        // The owner has read what was there last.
        expect_to_write(self.u64((at & !7).saturating_add(AHEAD).min(SIZE - 8)));
        self.0.write(at, bytes);
    }

    /// By the worker: one more result of the chunk is whole.
    #[inline]
    pub(super) fn commit(&self, number: u32, done: Done) {
        // WHOLE
        self.slot_u64(number, DONE).store(pack(done.n_results, done.n_bytes), Ordering::Release);
    }

    /// By the worker: one more result of the chunk is on the line.
    pub(super) fn count_letter(&self, number: u32) {
        self.slot_u32(number, N_LETTERS).fetch_add(1, Ordering::Relaxed);
    }

    /// By the worker: it is done with chunk `number`. Whether the owner wanted to know, if it waits.
    #[inline]
    pub(super) fn pass(&self, number: u32) -> bool {
        let next = number.wrapping_add(1);
        self.u32(PASSED).store(next, Ordering::Release);
        // NEWS: either the owner's look after it began to wait sees this count, or the worker sees that it waits.
        fence(Ordering::SeqCst);
        !self.has(next) || next.wrapping_sub(self.u32(WAKE_AT).load(Ordering::Relaxed)) as i32 >= 0
    }

    /// By the worker: whether the owner said that the task which is under way takes too long.
    pub(super) fn is_overdue(&self, number: u32, begun: u32) -> bool {
        self.u64(OVERDUE).load(Ordering::Relaxed) == pack(number, begun)
    }

    /// By the worker: it takes more memory than it should.
    pub(super) fn tell_full(&self) {
        self.u32(FULL).store(1, Ordering::Relaxed);
    }

    #[inline]
    fn u32(&self, at: usize) -> &AtomicU32 {
        self.0.atomic_u32(at)
    }

    #[inline]
    fn u64(&self, at: usize) -> &AtomicU64 {
        self.0.atomic_u64(at)
    }

    #[inline]
    fn slot_u32(&self, number: u32, at: usize) -> &AtomicU32 {
        self.u32(slot(number) + at)
    }

    #[inline]
    fn slot_u64(&self, number: u32, at: usize) -> &AtomicU64 {
        self.u64(slot(number) + at)
    }
}

impl Place {
    fn to_words(self) -> [u32; 6] {
        let Place { args_at, args_size, results_at, results_size, n_tasks, is_letter } = self;
        [args_at, args_size, results_at, results_size, n_tasks, is_letter.into()]
    }

    fn from_words([args_at, args_size, results_at, results_size, n_tasks, is_letter]: [u32; 6]) -> Self {
        Place { args_at, args_size, results_at, results_size, n_tasks, is_letter: is_letter != 0 }
    }
}

impl Serialize for Desk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ipc_codec::handle::serialize(&self.0.handle(), serializer)
    }
}

impl<'de> Deserialize<'de> for Desk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle = Handle::<OwnedHandle>::deserialize(deserializer)?;
        let memory = SharedMapping::from_handle(handle.into_inner()).map_err(D::Error::custom)?;
        if memory.size() < SIZE {
            return Err(D::Error::custom("memory that is too small for a desk"));
        }
        Ok(Desk(memory))
    }
}

#[inline]
fn slot(number: u32) -> usize {
    SLOTS + (number % N_SLOTS) as usize * SLOT_SIZE
}

#[inline]
fn pack(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[inline]
fn unpack(word: u64) -> Turn {
    Turn { begun: word as u32, end: (word >> 32) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n_tasks: u32) -> Place {
        Place { args_at: 64, args_size: 5, results_at: 8, results_size: 100, n_tasks, is_letter: false }
    }

    #[test]
    fn a_chunk_arrives_whole() {
        let desk = Desk::new().expect("memory");
        assert!(!desk.has(0));
        desk.publish(0, place(3), &[b"he", b"llo"]);
        assert!(desk.has(0));
        assert_eq!(desk.place(0), place(3));
        let mut args = Vec::new();
        desk.read_args(&desk.place(0), &mut args);
        assert_eq!(args, b"hello");
        assert_eq!(desk.turn(0), Turn { begun: 0, end: 3 });
    }

    #[test]
    fn results_are_there_one_by_one() {
        let desk = Desk::new().expect("memory");
        desk.publish(0, place(2), &[b"", b""]);
        assert_eq!(desk.begin(0), Some(Turn { begun: 1, end: 2 }));
        desk.write_result(&place(2), 0, b"one");
        assert_eq!(desk.done(0), Done { n_results: 0, n_bytes: 0 });
        desk.commit(0, Done { n_results: 1, n_bytes: 3 });
        assert_eq!(desk.begin(0), Some(Turn { begun: 2, end: 2 }));
        // As a worker that is killed here leaves it: one result, and one task that was begun.
        assert_eq!(desk.done(0), Done { n_results: 1, n_bytes: 3 });
        assert_eq!(desk.take_results(&place(2), 3).expect("in bounds"), b"one");
        assert_eq!(desk.take_results(&place(2), 101), None);
        assert_eq!(desk.begin(0), None);
        assert_eq!(desk.passed(), 0);
        desk.pass(0);
        assert_eq!(desk.passed(), 1);
    }

    #[test]
    fn what_was_begun_is_not_taken_back() {
        let desk = Desk::new().expect("memory");
        desk.publish(0, place(4), &[]);
        desk.begin(0);
        desk.begin(0);
        assert!(!desk.shorten(0, 1));
        assert!(desk.shorten(0, 2));
        assert!(!desk.shorten(0, 2));
        assert_eq!(desk.begin(0), None);
    }

    #[test]
    fn each_task_is_begun_or_taken_back() {
        const N_TASKS: u32 = 2000;
        for round in 0..50 {
            let desk = Desk::new().expect("memory");
            desk.publish(0, place(N_TASKS), &[]);
            let (n_begun, end) = std::thread::scope(|scope| {
                let worker = scope.spawn(|| std::iter::from_fn(|| desk.begin(0)).count() as u32);
                let mut end = N_TASKS;
                while end > 0 && desk.shorten(0, end - 1) {
                    end -= 1;
                }
                (worker.join().expect("no panic"), end)
            });
            assert_eq!(n_begun, end, "round {round}");
        }
    }

    #[test]
    fn the_owner_is_woken_when_it_asked_for_it() {
        let desk = Desk::new().expect("memory");
        (0..3).for_each(|number| desk.publish(number, place(1), &[]));
        desk.wake_at(2);
        assert!(!desk.pass(0));
        assert!(desk.pass(1));
        // Nothing more to do is always told.
        desk.wake_at(9);
        assert!(desk.pass(2));
    }
}
