//! An array with a lock.

use super::{BoundsError, ElementError};
use crate::arena::{AllocError, Arena, Kind, Object};
use crate::elements::{receive, shape_of};
use crate::sync::guard::{DATA_AT, Held};
use crate::sync::{LockError, LockTimeoutError, MutexGuard, Refusal, TryLockError};
use bytemuck::Pod;
use ipc_sys::clock::Deadline;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// An array in shared memory, of a fixed length and with a lock: Python's `Array`.
///
/// Under the lock it is a slice. What its elements may be is told [here](crate::value#types). Clones are the same array. Its
/// length is counted in elements, 2³² - 1 at most, each smaller than 16 MiB. Up to 64 KiB it has no descriptor; a larger one
/// has two of its own.
///
/// # Blocking
///
/// Every operation but [`len`](Self::len) takes the lock and waits as [`Mutex::lock`](crate::sync::Mutex::lock) does.
///
/// # Other processes
///
/// It can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. When a process is killed with the lock held, the array may be half changed, and the next operation is told: it
/// fails with [`LockError::OwnerDied`], and those after it with [`LockError::Poisoned`], until somebody who
/// [locks](Self::lock) it says that the data is in order.
///
/// # Examples
///
/// ```
/// use ipc_shared::Array;
///
/// let array = Array::new(&[3, 1, 2])?;
/// array.lock().unwrap().sort();
/// assert_eq!(array.to_vec()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How do I repair what a dead process left half changed?
///
/// ```
/// use ipc_shared::Array;
/// use ipc_shared::sync::LockError;
///
/// let array = Array::<f64>::zeroed(1000)?;
/// let mut guard = match array.lock() {
///     Err(LockError::OwnerDied(mut guard) | LockError::Poisoned(mut guard)) => {
///         guard.fill(0.0);
///         guard.recover();
///         guard
///     }
///     other => other.map_err(LockError::without_guard)?,
/// };
/// guard[10..20].fill(0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Array<T> {
    object: Object,
    element: PhantomData<fn() -> T>,
}

impl<T: Pod> Array<T> {
    /// Makes an array with the given elements, in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors, or the array is too large.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::Array;
    ///
    /// let array = Array::new(&[1.0, 2.0])?;
    /// assert_eq!(array.len(), 2);
    /// let squares: Vec<u64> = (0..10).map(|n| n * n).collect();
    /// assert_eq!(Array::new(&squares)?.get(9)?, 81);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(elements: &[T]) -> Result<Array<T>, AllocError> {
        Array::new_in(&Arena::default(), elements)
    }

    /// Makes an array in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(arena: &Arena, elements: &[T]) -> Result<Array<T>, AllocError> {
        let array = Array::zeroed_in(arena, elements.len())?;
        // Nobody else has it yet, so it is free, and healthy.
        if let Ok(mut guard) = array.try_lock() {
            guard.copy_from_slice(elements);
        }
        Ok(array)
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
    /// let array = ipc_shared::Array::<i32>::zeroed(3)?;
    /// assert_eq!(array.to_vec()?, [0, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn zeroed(len: usize) -> Result<Array<T>, AllocError> {
        Array::zeroed_in(&Arena::default(), len)
    }

    /// Makes an array of so many elements that are zero, in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn zeroed_in(arena: &Arena, len: usize) -> Result<Array<T>, AllocError> {
        let (shape, size) = shape_of::<T>(Kind::Array, len)?;
        let object = Object::create(arena, shape, DATA_AT.saturating_add(size))?;
        Ok(Array { object, element: PhantomData })
    }

    /// A copy of one element.
    ///
    /// # Errors
    ///
    /// [`ElementError::Bounds`]: there is none at this index. [`ElementError::Lock`]: the lock is released, and poisoned if
    /// it was not.
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::Array::new(&[1, 2, 3])?;
    /// array.set(1, 7)?;
    /// assert_eq!(array.get(1)?, 7);
    /// assert_eq!(array.get(3).unwrap_err().to_string(), "no element 3 in an array of 3");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, index: usize) -> Result<T, ElementError> {
        self.with(index, 1, |elements| elements[0])
    }

    /// Sets one element.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn set(&self, index: usize, value: T) -> Result<(), ElementError> {
        self.with(index, 1, |elements| elements[0] = value)
    }

    /// Copies the elements from `start` on into `target`, as many as it has.
    ///
    /// # Errors
    ///
    /// [`ElementError::Bounds`]: the array does not have so many there; [`ElementError::Lock`].
    pub fn read_range(&self, start: usize, target: &mut [T]) -> Result<(), ElementError> {
        self.with(start, target.len(), |elements| target.copy_from_slice(elements))
    }

    /// Copies `source` over the elements from `start` on.
    ///
    /// # Errors
    ///
    /// As [`read_range`](Self::read_range).
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::Array::new(&[0; 5])?;
    /// array.write_range(1, &[7, 8])?;
    /// assert_eq!(array.to_vec()?, [0, 7, 8, 0, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_range(&self, start: usize, source: &[T]) -> Result<(), ElementError> {
        self.with(start, source.len(), |elements| elements.copy_from_slice(source))
    }

    /// A copy of all elements, taken under the lock.
    ///
    /// # Errors
    ///
    /// [`LockError`], without a guard: the lock is released, and poisoned if it was not.
    pub fn to_vec(&self) -> Result<Vec<T>, LockError<()>> {
        self.update(|elements| elements.to_vec())
    }

    /// Changes the array by a function, under the lock, and returns what the function does.
    ///
    /// If the function panics, the array is poisoned.
    ///
    /// # Errors
    ///
    /// As [`to_vec`](Self::to_vec); the function was not called.
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::Array::new(&[1, 2, 3])?;
    /// let sum: i32 = array.update(|elements| {
    ///     elements.swap(0, 2);
    ///     elements.iter().sum()
    /// })?;
    /// assert_eq!((sum, array.to_vec()?), (6, vec![3, 2, 1]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<R>(&self, change: impl FnOnce(&mut [T]) -> R) -> Result<R, LockError<()>> {
        let mut guard = self.lock().map_err(LockError::without_guard)?;
        Ok(change(&mut guard))
    }

    /// Takes the lock, as [`Mutex::lock`](crate::sync::Mutex::lock) does. The guard is a slice.
    ///
    /// # Errors
    ///
    /// [`LockError`]. In all but one case the lock is held, and the error has the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// let array = ipc_shared::Array::<u32>::zeroed(6)?;
    /// let mut guard = array.lock().unwrap();
    /// let (left, right) = guard.split_at_mut(3);
    /// left.fill(1);
    /// right.copy_from_slice(left);
    /// assert_eq!(*guard, [1; 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, [T]>, LockError<MutexGuard<'_, [T]>>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the lock if it is free, as [`Mutex::try_lock`](crate::sync::Mutex::try_lock) does.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] when somebody else has it; otherwise as [`lock`](Self::lock).
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, [T]>, TryLockError<MutexGuard<'_, [T]>>> {
        self.lock_until(Deadline::NOW)
    }

    /// Takes the lock if it is free within a time, as [`Mutex::lock_timeout`](crate::sync::Mutex::lock_timeout) does.
    ///
    /// # Errors
    ///
    /// [`LockTimeoutError::TimedOut`] when the time is over; otherwise as [`lock`](Self::lock).
    pub fn lock_timeout(
        &self,
        timeout: Duration,
    ) -> Result<MutexGuard<'_, [T]>, LockTimeoutError<MutexGuard<'_, [T]>>> {
        self.lock_until(Deadline::after(timeout))
    }

    /// Takes the lock if it is free before an instant, as [`Mutex::lock_deadline`](crate::sync::Mutex::lock_deadline) does.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Self::lock_timeout).
    pub fn lock_deadline(
        &self,
        deadline: Instant,
    ) -> Result<MutexGuard<'_, [T]>, LockTimeoutError<MutexGuard<'_, [T]>>> {
        self.lock_until(Deadline::at(deadline))
    }

    /// Locks, as [`Mutex`](crate::sync::Mutex) does.
    #[inline]
    fn lock_until<'a, E: From<Refusal<MutexGuard<'a, [T]>>>>(
        &'a self,
        deadline: Deadline,
    ) -> Result<MutexGuard<'a, [T]>, E> {
        let guard = |held| MutexGuard::of_slice(held, self.len());
        match Held::lock_free(&self.object) {
            Some(held) => Ok(guard(held)),
            None => {
                Held::lock(&self.object, deadline).map(guard).map_err(|refusal| refusal.map(guard).into())
            }
        }
    }

    /// Lends some elements to a function, under the lock.
    fn with<R>(
        &self,
        start: usize,
        count: usize,
        work: impl FnOnce(&mut [T]) -> R,
    ) -> Result<R, ElementError> {
        BoundsError::check(start, count, self.len())?;
        Ok(self.update(|elements| work(&mut elements[start..start + count]))?)
    }
}

impl<T> Array<T> {
    /// How many elements it has, always. Each process has this number for itself: nobody else can change it.
    #[inline]
    pub fn len(&self) -> usize {
        self.object.shape().len()
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Array<T> {
    /// Another handle to the same array.
    fn clone(&self) -> Self {
        Array { object: self.object.clone(), element: PhantomData }
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: Pod> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not an array with elements of the same size.
impl<'de, T: Pod> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = receive::<T, D>(Kind::Array, true, DATA_AT, deserializer)?;
        Ok(Array { object, element: PhantomData })
    }
}
