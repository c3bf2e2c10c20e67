//! Why elements of an array were not reached.

use crate::sync::LockError;
use thiserror::Error;

/// Elements that an array does not have.
///
/// # Examples
///
/// ```
/// use ipc_shared::RawArray;
///
/// let array = RawArray::new(&[1, 2, 3])?;
/// let error = array.read(3).unwrap_err();
/// assert_eq!((error.start, error.count, error.len), (3, 1, 3));
/// assert_eq!(error.to_string(), "no element 3 in an array of 3");
/// assert_eq!(
///     array.write_range(1, &[0; 5]).unwrap_err().to_string(),
///     "no 5 elements from 1 on in an array of 3",
/// );
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no {} in an array of {len}", what(*.start, *.count))]
pub struct BoundsError {
    /// The index of the first element that was asked for.
    pub start: usize,
    /// How many were asked for.
    pub count: usize,
    /// How many elements the array has.
    pub len: usize,
}

/// Why an operation on elements of an [`Array`](crate::Array) was not done.
///
/// # Examples
///
/// ```
/// use ipc_shared::Array;
/// use ipc_shared::array::ElementError;
///
/// let array = Array::new(&[1, 2, 3])?;
/// assert!(matches!(array.get(3), Err(ElementError::Bounds(_))));
/// # Ok::<(), ipc_shared::AllocError>(())
/// ```
#[derive(Debug, Error)]
pub enum ElementError {
    /// The array does not have them. The lock was not touched.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// The lock has something to tell. Nothing was read or written.
    #[error(transparent)]
    Lock(#[from] LockError<()>),
}

impl BoundsError {
    /// Whether an array of `len` has `count` elements from `start` on.
    #[inline]
    pub(crate) fn check(start: usize, count: usize, len: usize) -> Result<(), BoundsError> {
        let fits = start.checked_add(count).is_some_and(|end| end <= len);
        if fits { Ok(()) } else { Err(BoundsError { start, count, len }) }
    }
}

fn what(start: usize, count: usize) -> String {
    if count == 1 { format!("element {start}") } else { format!("{count} elements from {start} on") }
}
