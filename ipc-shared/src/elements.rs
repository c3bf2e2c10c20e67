//! Elements in shared memory without a lock: what a raw value has one of, and a raw array many.
//!
//! Copies go word by word, each word by one relaxed load or store, so that a copy made while others write is a mixture of old
//! and new at worst. The word is as wide as the type is aligned, up to 8 bytes. Thus a field of a type is never torn, and all
//! who reach the same bytes as the same type reach them as the same words.

use crate::arena::{AllocError, Arena, Kind, Object, PAYLOAD_ALIGN, Shape};
use crate::array::BoundsError;
use crate::value::{Atomic, AtomicCell, Word};
use bytemuck::{AnyBitPattern, NoUninit, Pod};
use serde::de::{Deserializer, Error as _};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;

/// So many elements of a type, from the beginning of a payload on.
pub(crate) struct Elements<T> {
    object: Object,
    element: PhantomData<fn() -> T>,
}

impl<T: NoUninit> Elements<T> {
    /// Makes elements that are zero in every bit.
    pub(crate) fn zeroed(kind: Kind, arena: &Arena, len: usize) -> Result<Elements<T>, AllocError> {
        let (shape, size) = shape_of::<T>(kind, len)?;
        Ok(Elements { object: Object::create(arena, shape, size)?, element: PhantomData })
    }

    /// Makes elements with the given content.
    pub(crate) fn new(kind: Kind, arena: &Arena, content: &[T]) -> Result<Elements<T>, AllocError> {
        let elements = Elements::zeroed(kind, arena, content.len())?;
        elements.copy_in(0, content);
        Ok(elements)
    }

    /// Decodes elements.
    pub(crate) fn receive<'de, D: Deserializer<'de>>(
        kind: Kind,
        any_len: bool,
        deserializer: D,
    ) -> Result<Elements<T>, D::Error> {
        let object = receive::<T, D>(kind, any_len, 0, deserializer)?;
        Ok(Elements { object, element: PhantomData })
    }

    /// Copies content over the elements from `start` on.
    pub(crate) fn write(&self, start: usize, source: &[T]) -> Result<(), BoundsError> {
        BoundsError::check(start, source.len(), self.len())?;
        self.copy_in(start, source);
        Ok(())
    }

    fn copy_in(&self, start: usize, source: &[T]) {
        let offset = start * size_of::<T>();
        match align_of::<T>() {
            1 => store_words::<u8>(&self.object, offset, bytemuck::cast_slice(source)),
            2 => store_words::<u16>(&self.object, offset, bytemuck::cast_slice(source)),
            4 => store_words::<u32>(&self.object, offset, bytemuck::cast_slice(source)),
            _ => store_words::<u64>(&self.object, offset, bytemuck::cast_slice(source)),
        }
    }
}

impl<T: Pod> Elements<T> {
    /// Copies the elements from `start` on.
    pub(crate) fn read(&self, start: usize, target: &mut [T]) -> Result<(), BoundsError> {
        BoundsError::check(start, target.len(), self.len())?;
        let offset = start * size_of::<T>();
        match align_of::<T>() {
            1 => load_words::<u8>(&self.object, offset, bytemuck::cast_slice_mut(target)),
            2 => load_words::<u16>(&self.object, offset, bytemuck::cast_slice_mut(target)),
            4 => load_words::<u32>(&self.object, offset, bytemuck::cast_slice_mut(target)),
            _ => load_words::<u64>(&self.object, offset, bytemuck::cast_slice_mut(target)),
        }
        Ok(())
    }

    /// A copy of one element.
    pub(crate) fn read_one(&self, index: usize) -> Result<T, BoundsError> {
        let mut element = T::zeroed();
        self.read(index, std::slice::from_mut(&mut element))?;
        Ok(element)
    }
}

impl<T: Atomic> Elements<T> {
    /// The elements as numbers that are changed in one step each.
    #[inline]
    pub(crate) fn cells(&self) -> &[AtomicCell<T>] {
        self.object.get_slice(0, self.len())
    }

    /// The first of them, which a raw value has.
    #[inline]
    pub(crate) fn first_cell(&self) -> &AtomicCell<T> {
        self.object.get(0)
    }
}

impl<T> Elements<T> {
    /// How many elements there are. The number is this process's own: nobody else can change it.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.object.shape().len()
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }
}

impl<T> Clone for Elements<T> {
    fn clone(&self) -> Self {
        Elements { object: self.object.clone(), element: PhantomData }
    }
}

/// The shape of so many elements, and how many bytes they have, unless they are too large or too many.
pub(crate) fn shape_of<T>(kind: Kind, len: usize) -> Result<(Shape, usize), AllocError> {
    const { assert!(align_of::<T>() <= PAYLOAD_ALIGN, "data in shared memory is aligned to 16 at most") };
    let size = size_of::<T>().saturating_mul(len);
    let shape = Shape::new(kind, size_of::<T>(), len).ok_or(AllocError::TooLarge { size })?;
    Ok((shape, size))
}

/// Decodes a handle to elements that stand behind a head of so many bytes: one, or as many as the message says.
pub(crate) fn receive<'de, T, D: Deserializer<'de>>(
    kind: Kind,
    any_len: bool,
    head: usize,
    deserializer: D,
) -> Result<Object, D::Error> {
    let (shape, _) = shape_of::<T>(kind, 1).map_err(D::Error::custom)?;
    let needed = |len| size_of::<T>().checked_mul(len)?.checked_add(head);
    Object::receive_from(shape, any_len, needed, deserializer)
}

fn load_words<W: Word + AnyBitPattern>(object: &Object, offset: usize, target: &mut [W]) {
    let cells = object.get_slice::<W::Cell>(offset, target.len());
    for (word, cell) in target.iter_mut().zip(cells) {
        *word = W::load(cell, Relaxed);
    }
}

fn store_words<W: Word + NoUninit>(object: &Object, offset: usize, source: &[W]) {
    let cells = object.get_slice::<W::Cell>(offset, source.len());
    for (&word, cell) in source.iter().zip(cells) {
        W::store(cell, word, Relaxed);
    }
}
