//! A handle to something in a cell: it holds the cell, and knows where its bytes are.
//!
//! # Safety
//!
//! 1. The payload of a [`Held`] lies in a segment that it keeps mapped, has `payload_size` bytes, and is aligned to 16.
//! 2. The cell is in the life that the handle is for, and is given to nobody else as long as the handle lives: this
//!    process holds it.
//! 3. Other processes may write the bytes at any time. They are reached as atomics, by [`Overlay`], or by a pointer whose
//!    user has a protocol.
#![allow(unsafe_code)]

use super::cells::Place;
use super::error::{AllocError, OpenError};
use super::segment::Segment;
use super::{Arena, Overlay, Shape, world};
use crate::sync::raw::Peers;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something in shared memory that this process holds. Clones are further handles to the same.
#[derive(Clone, Debug)]
pub struct Object(Arc<Held>);

/// What an [`Object`] is a handle to, and stands for.
#[derive(Debug)]
pub struct Held {
    segment: Arc<Segment>,
    place: Place,
    shape: Shape,
    payload: NonNull<u8>,
    payload_size: usize,
    farewell: Option<Farewell>,
    /// The name of the process that has bound the handle, or zero. In a forked child it is that of the parent.
    bound_by: AtomicU64,
}

/// What a process does to something before it lets go of its last bound handle. Called under the lock of the world, so that
/// no other is bound meanwhile: it makes, drops and decodes no handle.
pub(crate) type Farewell = fn(&Held);

// SAFETY: the payload belongs to the process, not to a thread, and by Invariant 3 is reached by means that several threads may
// use at once.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Object {
    /// Makes something with a payload of so many bytes, all of them zero.
    pub fn create(arena: &Arena, shape: Shape, payload_size: usize) -> Result<Object, AllocError> {
        let (segment, place) = arena.allocate(payload_size)?;
        segment.shape(place.cell).store(shape.to_word(), Ordering::Relaxed);
        let object = Object::new(segment, place, shape);
        // SAFETY: by Invariants 1 and 2; nobody else knows of the cell yet.
        unsafe { object.0.payload.write_bytes(0, object.0.payload_size) };
        Ok(object)
    }

    /// Makes something with a segment of its own, whose neighbours are nobody's. The payload is all zero.
    pub fn create_alone(shape: Shape, payload_size: usize) -> Result<Object, AllocError> {
        let (segment, place) = super::allocate_alone(payload_size)?;
        segment.shape(place.cell).store(shape.to_word(), Ordering::Relaxed);
        Ok(Object::new(segment, place, shape))
    }

    /// Comes to hold what a message is about, while the message still holds it.
    pub(super) fn receive(segment: Arc<Segment>, place: Place, shape: Shape) -> Result<Object, OpenError> {
        if !segment.retain(&world::lock(), place) {
            return Err(OpenError::Gone);
        }
        let found = Shape::from_word(segment.shape(place.cell).load(Ordering::Relaxed));
        let object = Object::new(segment, place, shape);
        if found == shape { Ok(object) } else { Err(OpenError::OtherShape { wanted: shape, found }) }
    }

    /// The same, with something to do before the process lets go of its last [bound](Held::bind) handle. For a handle that
    /// is new.
    pub(crate) fn with_farewell(mut self, farewell: Farewell) -> Object {
        if let Some(held) = Arc::get_mut(&mut self.0) {
            held.farewell = Some(farewell);
        }
        self
    }

    fn new(segment: Arc<Segment>, place: Place, shape: Shape) -> Object {
        let payload = segment.payload(place.cell);
        let payload_size = segment.payload_size();
        Object(Arc::new(Held {
            segment,
            place,
            shape,
            payload,
            payload_size,
            farewell: None,
            bound_by: AtomicU64::new(0),
        }))
    }
}

impl Deref for Object {
    type Target = Held;

    #[inline]
    fn deref(&self) -> &Held {
        &self.0
    }
}

impl Held {
    /// Has the process say farewell when it drops the last handle for which this was called. Clones are one handle; those of
    /// the parent of a forked child are not bound in the child.
    pub(crate) fn bind(&self) {
        let Some(me) = self.segment.me().filter(|_| !self.is_bound()) else { return };
        let world = world::lock();
        if self.bound_by.swap(me.get(), Ordering::Relaxed) != me.get() {
            self.segment.bind(&world, self.place.cell);
        }
    }

    fn is_bound(&self) -> bool {
        self.segment.me().is_some_and(|me| self.bound_by.load(Ordering::Relaxed) == me.get())
    }

    /// What is in the payload.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Who takes part.
    #[inline]
    pub fn peers(&self) -> &Segment {
        &self.segment
    }

    /// How many bytes the payload has: as many as were asked for, or some more.
    pub fn payload_size(&self) -> usize {
        self.payload_size
    }

    /// The address of `size` bytes at `offset` of the payload.
    ///
    /// # Panics
    ///
    /// If they do not lie in it.
    #[inline]
    pub fn address(&self, offset: usize, size: usize) -> NonNull<u8> {
        let fits = offset.checked_add(size).is_some_and(|end| end <= self.payload_size);
        assert!(fits, "{size} bytes at {offset} of {}", self.payload_size);
        // SAFETY: inside the payload, as was just seen (Invariant 1).
        unsafe { self.payload.add(offset) }
    }

    /// What stands at `offset` of the payload.
    ///
    /// # Panics
    ///
    /// If it does not lie in the payload, or not at a multiple of its alignment.
    #[inline]
    pub fn get<T: Overlay>(&self, offset: usize) -> &T {
        &self.get_slice(offset, 1)[0]
    }

    /// The `count` things that stand from `offset` of the payload on.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn get_slice<T: Overlay>(&self, offset: usize, count: usize) -> &[T] {
        assert!(
            offset % align_of::<T>() == 0 && align_of::<T>() <= super::PAYLOAD_ALIGN,
            "unaligned: {offset}"
        );
        let start = self.address(offset, count * size_of::<T>());
        // SAFETY: `address` saw that they lie in the payload, the line above that they are aligned. An `Overlay` may hold
        // any bytes and be written by others at any time. The borrow of `self` keeps all of it (Invariants 1 and 2).
        unsafe { std::slice::from_raw_parts(start.cast().as_ptr(), count) }
    }

    pub(super) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let world = world::lock();
        let is_last = || self.is_bound() && self.segment.unbind(&world, self.place.cell);
        if let Some(farewell) = self.farewell.filter(|_| is_last()) {
            farewell(self);
        }
        self.segment.release(&world, self.place.cell);
    }
}
