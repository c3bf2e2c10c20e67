//! A variable without a lock.

use super::{Atomic, AtomicCell};
use crate::arena::{AllocError, Arena, Kind};
use crate::elements::Elements;
use bytemuck::{NoUninit, Pod};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;

/// A variable in shared memory, without a lock: Python's `RawValue`.
///
/// A number is an [`AtomicCell`], whose operations are called on the variable: `load`, `store`, `fetch_add` and the others.
/// Other [plain data](crate::value#types) is copied in and out, and may be torn; [`Value`](crate::Value) is whole. Clones are
/// the same variable. It has 64 bytes of shared memory, if the data has up to 48, and no descriptor.
///
/// # Blocking
///
/// No operation waits for anybody.
///
/// # Other processes
///
/// It can be sent, as an argument of a process or in any other message of the family, and a forked child has those of its
/// parent. Whoever is killed leaves a number as it was before or after its operation.
///
/// # Examples
///
/// ```
/// use ipc_shared::RawValue;
///
/// let done = RawValue::new(0_u64)?;
/// // Sent to another process, this would be the same number.
/// let theirs = done.clone();
/// theirs.fetch_add(3);
/// assert_eq!(done.load(), 3);
///
/// let stop = RawValue::new(false)?;
/// stop.store(true);
/// assert!(stop.load());
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
pub struct RawValue<T>(Elements<T>);

impl<T: NoUninit> RawValue<T> {
    /// Makes a variable in the [arena of this process](Arena::default).
    ///
    /// # Errors
    ///
    /// [`AllocError`]: the system lacks memory or descriptors, or the data has 16 MiB or more.
    ///
    /// # Examples
    ///
    /// ```
    /// let number = ipc_shared::RawValue::new(7_i32)?;
    /// assert_eq!(number.load(), 7);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn new(value: T) -> Result<RawValue<T>, AllocError> {
        RawValue::new_in(&Arena::default(), value)
    }

    /// Makes a variable in an arena of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_in(arena: &Arena, value: T) -> Result<RawValue<T>, AllocError> {
        Elements::new(Kind::RawValue, arena, &[value]).map(RawValue)
    }
}

impl<T: Pod> RawValue<T> {
    /// A copy of the data, as it is just now.
    ///
    /// While others write, it may have some words of the old data and some of the new. A word is as wide as the type is
    /// aligned, up to 8 bytes, and is never torn: a number is whole, and of a struct each field of that width.
    ///
    /// # Examples
    ///
    /// ```
    /// let place = ipc_shared::RawValue::new([1.0, 2.0])?;
    /// place.write([3.0, 4.0]);
    /// assert_eq!(place.read(), [3.0, 4.0]);
    /// # Ok::<(), ipc_shared::AllocError>(())
    /// ```
    pub fn read(&self) -> T {
        // There always is a first element.
        self.0.read_one(0).unwrap_or_else(|_| T::zeroed())
    }

    /// Sets the data. Others may see some words of it before the rest.
    pub fn write(&self, value: T) {
        // As in `read`.
        let _ = self.0.write(0, &[value]);
    }
}

impl<T: Atomic> Deref for RawValue<T> {
    type Target = AtomicCell<T>;

    #[inline]
    fn deref(&self) -> &AtomicCell<T> {
        self.0.first_cell()
    }
}

impl<T> Clone for RawValue<T> {
    /// Another handle to the same variable.
    fn clone(&self) -> Self {
        RawValue(self.0.clone())
    }
}

impl<T> fmt::Debug for RawValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawValue").finish_non_exhaustive()
    }
}

/// As a handle in a message of the family; in any other format it is an error.
impl<T: NoUninit> Serialize for RawValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.object().send(serializer)
    }
}

/// From a handle in a message of the family, which is refused if it is not a raw value with data of the same size.
impl<'de, T: NoUninit> Deserialize<'de> for RawValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Elements::receive(Kind::RawValue, false, deserializer).map(RawValue)
    }
}
