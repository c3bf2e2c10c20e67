//! What a process can reach that has a queue, or the ends of a channel: the memory and the sockets, and what means something there.

// Each test file uses some of these.
#![allow(dead_code)]

use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::Rng;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

// Where things stand behind the payload of the segment, as `docs/queue.md` has it.
pub(crate) const PUTS_AT: usize = 112;
pub(crate) const GETS_AT: usize = 240;
pub(crate) const LOCK: usize = 0;
pub(crate) const BELL: usize = 8;
pub(crate) const END: usize = 24;
pub(crate) const HEAD_SEEN: usize = 32;
pub(crate) const TICKET: usize = 40;
pub(crate) const ENDED: usize = 64;
pub(crate) const HANDS_AT: usize = 368;
/// One generation for each process that takes part, from here on in the segment.
const SLOTS_AT: usize = 4096;
pub(crate) const SLOT_BITS: u32 = 12;

/// The hands of a joinable queue: two words for each process.
const HANDS: usize = 2 * 4096;
/// So many words of the hands are made what they were. The first are enough.
const USED_HANDS: usize = 150;

/// How large a queue is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) capacity: usize,
    pub(crate) bytes: usize,
    /// No item or message may be larger.
    pub(crate) most: usize,
}

impl Size {
    /// How many words the ring has.
    pub(crate) const fn n_units(&self) -> usize {
        self.bytes.div_ceil(8) + 3 * self.capacity + self.bytes / 1016 + 1
    }
}

/// The memory and the sockets.
pub(crate) struct Ground {
    pub(crate) memory: SharedMapping,
    pub(crate) sockets: [MessageSocket; 2],
    pub(crate) size: Size,
    /// Where the payload begins.
    pub(crate) start: usize,
    /// Where the words of the ring begin.
    pub(crate) ring: usize,
    /// The words as they were when nobody had put anything.
    image: Vec<u64>,
    /// Those that stay as they are.
    left: Range<usize>,
}

impl Ground {
    pub(crate) fn new(memory: OwnedHandle, sockets: [OwnedHandle; 2], size: Size) -> Ground {
        let memory = SharedMapping::from_handle(memory).expect("the first is the memory");
        let sockets =
            sockets.map(|socket| MessageSocket::from_handle(socket).expect("the others are sockets"));
        let image: Vec<u64> =
            (0..memory.size() / 8).map(|idx| memory.atomic_u64(idx * 8).load(Relaxed)).collect();
        let is_start = |at: &usize| image[at / 8] >> 32 == 4 && image[at / 8 + 2] == size.capacity as u64;
        let start = (16..memory.size()).step_by(4096).find(is_start).expect("the plan stands there");
        let (is_joinable, n_buffers) = (image[start / 8] >> 8 & 1 == 1, image[start / 8 + 4] as usize);
        let (first, n_hands) = ((start + HANDS_AT) / 8, if is_joinable { HANDS } else { 0 });
        let ring = (8 * (first + n_hands + n_buffers)).next_multiple_of(64);
        let left = first + n_hands.min(USED_HANDS)..first + n_hands;
        Ground { memory, sockets, size, start, ring, image, left }
    }

    /// What stands at this place of the payload.
    pub(crate) fn load(&self, at: usize) -> u64 {
        self.memory.atomic_u64(self.start + at).load(Relaxed)
    }

    /// Stores a word, if there is such a place in the memory.
    pub(crate) fn store(&self, at: usize, word: u64) {
        if at < self.memory.size() / 8 * 8 {
            self.memory.atomic_u64(at).store(word, Relaxed);
        }
    }

    /// Makes it empty again, so that what is called goes on beyond the first look.
    pub(crate) fn restore(&self) {
        for (idx, &word) in self.image.iter().enumerate().skip(self.start / 8) {
            if !self.left.contains(&idx) {
                self.store(idx * 8, word);
            }
        }
    }

    /// Where the word stands that is so many behind the head.
    pub(crate) fn head(&self, idx: usize) -> usize {
        let head = self.load(GETS_AT + END) as u32;
        self.ring + 8 * ((head as usize + idx) % self.size.n_units())
    }

    /// The names of all who have ever taken part.
    pub(crate) fn names(&self) -> Vec<u64> {
        let generation = |slot: usize| self.memory.atomic_u64(SLOTS_AT + 8 * slot).load(Relaxed);
        let used = (0..20).filter(|&slot| generation(slot) != 0);
        used.map(|slot| generation(slot) << SLOT_BITS | slot as u64).collect()
    }

    /// One of these names, or nearly.
    pub(crate) fn name(&self, rng: &mut Rng) -> u64 {
        rng.pick(&self.names()) + *rng.pick(&[0, 0, 0, 1, 5, 1 << SLOT_BITS])
    }

    /// A word that means something somewhere.
    pub(crate) fn telling_word(&self, rng: &mut Rng) -> u64 {
        let Size { capacity, bytes, most } = self.size;
        let n_units = self.size.n_units() as u64;
        let near = |number: usize| [number as u64 - 1, number as u64, number as u64 + 1];
        let sizes = [near(capacity), near(bytes), near(most), near(512), [0, 1, 2]].concat();
        match rng.below(10) {
            0 => *rng.pick(&sizes),
            1 => *rng.pick(&near(n_units as usize)),
            2 => *rng.pick(&[1 << 31, (1 << 32) - 1, 1 << 63, u64::MAX, u64::MAX - 7]),
            // A place in the ring.
            3 => rng.below(40) << 32 | rng.below(n_units + 2),
            4 => (u64::from(u32::MAX) - rng.below(10)) << 32 | rng.below(n_units),
            // A record, of a part as often as of all others, with a word behind it that says nothing or without.
            5 => 1 | 4 << 1 | rng.below(2) << 7 | (40 + rng.below(600)) << 8,
            6 => 1 | rng.below(8) << 1 | rng.below(2) << 7 | rng.below(8 * n_units + 20) << 8,
            // The word of a lock, and of a buffer.
            7 => self.name(rng) - rng.below(2),
            8 => self.name(rng) << 4 | rng.below(16),
            _ => rng.next_u64() >> rng.below(64),
        }
    }
}
