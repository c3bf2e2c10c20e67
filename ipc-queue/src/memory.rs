//! The memory of a queue: a segment of its own, with a name for each part.
//!
//! # Safety
//!
//! 1. A [`Memory`] holds an object of the segment, so the addresses in it stay valid as long as it lives.
//! 2. Each address was taken from the object with the size of what lies there, by a [`Plan`] that fits into the memory.
//! 3. Other processes may write all of it at any time: what lies there are atomics, for which any bytes are a valid value,
//!    and bytes that are reached as the protocol of the buffers allows.
#![allow(unsafe_code)]

use crate::error::{CreateError, OpenError};
use crate::layout::{GETS_AT, HANDS_AT, N_HANDS, PLAN_WORDS, PUTS_AT, Plan};
use crate::raw::{Gets, Puts, Ring, Word};
use ipc_shared::AllocError;
use ipc_shared::internals::{Kind, Object, Overlay, Segment, Shape};
use serde::{Deserializer, Serializer};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The shared memory of one queue.
#[derive(Debug)]
pub(crate) struct Memory {
    object: Object,
    plan: Plan,
    puts: NonNull<Puts>,
    gets: NonNull<Gets>,
    units: NonNull<[Word]>,
    capacity: u32,
}

// SAFETY: the memory belongs to the process, not to a thread, and is reached by Invariant 3.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}
// SAFETY: `repr(C)`, atomics without padding, which mean the same everywhere.
unsafe impl Overlay for Puts {}
// SAFETY: as above.
unsafe impl Overlay for Gets {}

impl Memory {
    /// Makes the memory of a new, empty queue.
    pub(crate) fn create(plan: Plan, item_type: u64) -> Result<Memory, CreateError> {
        let shape = shape().ok_or(AllocError::TooLarge { size: plan.total_size() })?;
        let object = Object::create_alone(shape, plan.total_size())?;
        // Nobody else has it yet, so the order does not matter. All else begins at zero, which new memory holds already.
        for (idx, word) in plan.to_words(item_type).into_iter().enumerate() {
            object.get::<AtomicU64>(idx * 8).store(word, Relaxed);
        }
        Ok(Memory::new(object, plan))
    }

    /// Encodes it into a message.
    pub(crate) fn send<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }

    /// The memory that a message has.
    pub(crate) fn receive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Received, D::Error> {
        let shape = shape().ok_or_else(|| serde::de::Error::custom("there is no such shape"))?;
        Object::receive_from(shape, false, |_| Some(HANDS_AT), deserializer).map(Received)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who takes part.
    #[inline]
    pub(crate) fn peers(&self) -> &Segment {
        self.object.peers()
    }

    /// The ring.
    #[inline]
    pub(crate) fn ring(&self) -> Ring<'_> {
        // SAFETY: Invariants 1 to 3.
        let puts = unsafe { self.puts.as_ref() };
        // SAFETY: as above.
        let gets = unsafe { self.gets.as_ref() };
        // SAFETY: as above.
        let units = unsafe { self.units.as_ref() };
        Ring::new(puts, gets, units, self.capacity)
    }

    /// For each slot a name and a number of tasks, if the queue is joinable.
    pub(crate) fn hands(&self) -> &[AtomicU64] {
        let count = if self.plan.is_joinable { 2 * N_HANDS } else { 0 };
        self.object.get_slice(HANDS_AT, count)
    }

    /// The states of the buffers.
    pub(crate) fn states(&self) -> &[AtomicU64] {
        self.object.get_slice(self.plan.states_at(), self.plan.n_buffers)
    }

    /// The first byte of a buffer.
    ///
    /// # Panics
    ///
    /// If there is no such buffer.
    pub(crate) fn buffer(&self, idx: usize) -> NonNull<u8> {
        assert!(idx < self.plan.n_buffers, "there are {} buffers", self.plan.n_buffers);
        self.object.address(self.plan.buffers_at() + idx * self.plan.buffer_stride(), self.plan.buffer_size)
    }

    fn new(object: Object, plan: Plan) -> Memory {
        let puts = NonNull::from(object.get::<Puts>(PUTS_AT));
        let gets = NonNull::from(object.get::<Gets>(GETS_AT));
        let units = object.get_slice::<AtomicU64>(plan.units_at(), plan.n_units());
        // A word is such an atomic. In tests it has another type, around one; in a model it is something else, and no
        // model has a `Memory`.
        let units = NonNull::slice_from_raw_parts(NonNull::from(units).cast::<Word>(), units.len());
        Memory { object, capacity: plan.capacity as u32, plan, puts, gets, units }
    }
}

/// Memory that has come in a message and was not looked at yet.
#[derive(Debug)]
pub(crate) struct Received(Object);

impl Received {
    /// The memory, if it is that of a queue for items of this type.
    pub(crate) fn open(self, item_type: u64) -> Result<Memory, OpenError> {
        let mut words = [0; PLAN_WORDS];
        for (idx, word) in words.iter_mut().enumerate() {
            *word = self.0.get::<AtomicU64>(idx * 8).load(Relaxed);
        }
        let plan = Plan::from_words(words, item_type, self.0.payload_size())?;
        Ok(Memory::new(self.0, plan))
    }
}

fn shape() -> Option<Shape> {
    Shape::new(Kind::Queue, 0, 0)
}
