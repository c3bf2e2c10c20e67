//! What is in a cell, in one word: so that a receiver does not take one thing for another.

use std::fmt;

/// Declares the kinds, their numbers in a cell, and what messages call them.
macro_rules! kinds {
    ($($kind:ident = $number:literal, $name:literal;)*) => {
        /// What kind of thing is in a cell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Kind {
            $(#[doc = $name] $kind = $number,)*
        }

        fn name(number: u8) -> &'static str {
            match number {
                $($number => $name,)*
                _ => "unknown thing",
            }
        }
    };
}

kinds! {
    Mutex = 1, "mutex";
    ReentrantMutex = 2, "reentrant mutex";
    RwLock = 3, "read-write lock";
    Semaphore = 4, "semaphore";
    BoundedSemaphore = 5, "bounded semaphore";
    Condvar = 6, "condition variable";
    Event = 7, "event";
    Barrier = 8, "barrier";
    Value = 9, "value";
    Array = 10, "array";
    RawValue = 11, "raw value";
    RawArray = 12, "raw array";
    Queue = 13, "queue";
}

/// The kind of a thing, the size of its elements in bytes, and how many there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape(u64);

/// The largest size of an element in bytes.
const MAX_ELEMENT: usize = (1 << 24) - 1;
/// The largest number of elements.
const MAX_LEN: usize = u32::MAX as usize;

impl Shape {
    /// A shape, unless the element is larger than [`MAX_ELEMENT`] or there are more than [`MAX_LEN`].
    pub fn new(kind: Kind, element_size: usize, len: usize) -> Option<Shape> {
        let fits = element_size <= MAX_ELEMENT && len <= MAX_LEN;
        fits.then_some(Shape(kind as u64 | (element_size as u64) << 8 | (len as u64) << 32))
    }

    /// How many elements there are.
    pub(crate) fn len(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// The same with another number of elements.
    pub(crate) fn with_len_of(self, other: Shape) -> Shape {
        Shape(self.0 & u64::from(u32::MAX) | other.0 >> 32 << 32)
    }

    pub(super) fn to_word(self) -> u64 {
        self.0
    }

    pub(super) fn from_word(word: u64) -> Shape {
        Shape(word)
    }

    fn element_size(self) -> u64 {
        self.0 >> 8 & MAX_ELEMENT as u64
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(self.0 as u8);
        write!(f, "{name} of {} elements of {} bytes", self.len(), self.element_size())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_what_it_is() {
        let shape = Shape::new(Kind::Array, 8, 1000).expect("it fits");
        assert_eq!(shape.to_string(), "array of 1000 elements of 8 bytes");
        assert_eq!((shape.len(), Shape::from_word(shape.to_word())), (1000, shape));
        assert_eq!(Shape::from_word(200).to_string(), "unknown thing of 0 elements of 0 bytes");
        assert!(Shape::new(Kind::Array, MAX_ELEMENT + 1, 1).is_none());
        assert!(Shape::new(Kind::Array, 1, MAX_LEN + 1).is_none());
    }
}
