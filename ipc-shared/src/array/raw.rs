//! An array without a lock.

use super::BoundsError;
use crate::arena::{AllocError, Arena, Kind};
use crate::elements::Elements;
use crate::value::{Atomic, AtomicCell};
use bytemuck::{NoUninit, Pod, Zeroable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An array in shared memory, of a fixed length and without a lock: Python's `RawArray`.
///
/// Numbers are changed in one step each, by their [`cells`](Self::cells). Elements of any [plain type](crate::value#types) are
/// copied in and out, one or many; so several processes can work on an array, each on its part. Clones are the same
/// array. Its length is counted in elements, 2³² - 1 at most, each smaller than 16 MiB. Up to 64 KiB it has no descriptor;
/// a larger one has two of its own.
///
/// # Blocking
///
/// No operation waits for anybody.
///
/// # Other processes
///
/// It can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. Whoever is killed while it copies has copied a part.
///
/// # Examples
///
/// How does one process sort its part?
///
/// ```
/// use ipc_shared::RawArray;
///
/// let array = RawArray::new(&[4, 3, 2, 1])?;
/// let mut part = [0; 2];
/// array.read_range(2, &mut part)?;
/// part.sort();
/// array.write_range(2, &part)?;
/// assert_eq!(array.to_vec(), [4, 3, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RawArray<T>(Elements<T>);

impl<T: NoUninit> RawArray<T> {
    /// Makes an array with the given elements, in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors, or the array is too large.
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::RawArray::new(&[1.0, 2.0])?;
    /// assert_eq!((array.len(), array.to_vec()), (2, vec![1.0, 2.0]));
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(elements: &[T]) -> Result<RawArray<T>, AllocError> {
        RawArray::new_in(&Arena::default(), elements)
    }

    /// Makes an array in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(arena: &Arena, elements: &[T]) -> Result<RawArray<T>, AllocError> {
        Elements::new(Kind::RawArray, arena, elements).map(RawArray)
    }

    /// Makes an array of so many elements that are zero, in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::RawArray::<bool>::zeroed(3)?;
    /// assert!(array.cells().iter().all(|flag| !flag.load()));
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn zeroed(len: usize) -> Result<RawArray<T>, AllocError>
    where
        T: Zeroable,
    {
        RawArray::zeroed_in(&Arena::default(), len)
    }

    /// Makes an array of so many elements that are zero, in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn zeroed_in(arena: &Arena, len: usize) -> Result<RawArray<T>, AllocError>
    where
        T: Zeroable,
    {
        Elements::zeroed(Kind::RawArray, arena, len).map(RawArray)
    }

    /// Copies `source` over the elements from `start` on. Others may see some words of it before the rest.
    ///
    /// # Errors
    ///
    /// [`BoundsError`]: the array does not have so many elements there. Nothing is copied.
    pub fn write_range(&self, start: usize, source: &[T]) -> Result<(), BoundsError> {
        self.0.write(start, source)
    }

    /// Sets one element. Others may see some words of it before the rest.
    ///
    /// # Errors
    ///
    /// [`BoundsError`]: there is none at this index.
    pub fn write(&self, index: usize, value: T) -> Result<(), BoundsError> {
        self.0.write(index, &[value])
    }
}

impl<T: Pod> RawArray<T> {
    /// Copies the elements from `start` on into `target`, as many as it has.
    ///
    /// While others write, the copy may have some words of the old elements and some of the new. A word is as wide as the
    /// type is aligned, up to 8 bytes, and is never torn: a number is whole, and of a struct each field of that width.
    ///
    /// # Errors
    ///
    /// [`BoundsError`]: the array does not have so many elements there. Nothing is copied.
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::RawArray::new(&[1, 2, 3])?;
    /// let mut pair = [0; 2];
    /// array.read_range(1, &mut pair)?;
    /// assert_eq!(pair, [2, 3]);
    /// assert!(array.read_range(2, &mut pair).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_range(&self, start: usize, target: &mut [T]) -> Result<(), BoundsError> {
        self.0.read(start, target)
    }

    /// A copy of one element, with as little promise as [`read_range`](Self::read_range).
    ///
    /// # Errors
    ///
    /// [`BoundsError`]: there is none at this index.
    pub fn read(&self, index: usize) -> Result<T, BoundsError> {
        self.0.read_one(index)
    }

    /// A copy of all elements, with as little promise as [`read_range`](Self::read_range).
    pub fn to_vec(&self) -> Vec<T> {
        let mut elements = vec![T::zeroed(); self.len()];
        // It asks for what there is.
        let _ = self.0.read(0, &mut elements);
        elements
    }
}

impl<T: Atomic> RawArray<T> {
    /// All elements, as numbers that are changed in one step each.
    ///
    /// # Examples
    ///
    /// ```
    /// let histogram = ipc_shared::RawArray::<u64>::zeroed(256)?;
    /// for &byte in b"to be or not to be" {
    ///     histogram.cells()[usize::from(byte)].fetch_add(1);
    /// }
    /// assert_eq!(histogram.at(usize::from(b'o'))?.load(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn cells(&self) -> &[AtomicCell<T>] {
        self.0.cells()
    }

    /// One element, as a number that is changed in one step.
    ///
    /// # Errors
    ///
    /// [`BoundsError`]: there is none at this index.
    #[inline]
    pub fn at(&self, index: usize) -> Result<&AtomicCell<T>, BoundsError> {
        self.cells().get(index).ok_or(BoundsError { start: index, count: 1, len: self.len() })
    }
}

impl<T> RawArray<T> {
    /// How many elements it has, always. Each process has this number for itself: nobody else can change it.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for RawArray<T> {
    /// Another handle to the same array.
    fn clone(&self) -> Self {
        RawArray(self.0.clone())
    }
}

impl<T> fmt::Debug for RawArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArray").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: NoUninit> Serialize for RawArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.object().send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a raw array with elements of the same size.
impl<'de, T: NoUninit> Deserialize<'de> for RawArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Elements::receive(Kind::RawArray, true, deserializer).map(RawArray)
    }
}
