//! Why a wait for many ended without an answer.

use std::io;

/// Why [`wait`](crate::wait()) and its like did not wait.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{WaitError, wait};
///
/// assert!(matches!(wait(&[]), Err(WaitError::Nothing)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// There are no objects and there is no deadline, so that the wait would never end.
    #[error("there is nothing to wait for, and no deadline")]
    Nothing,
    /// One of the objects cannot be waited for: the table of handles is full, mostly.
    #[error("object {place} cannot be waited for")]
    Object {
        /// Which one.
        place: usize,
        /// What the system says.
        source: io::Error,
    },
    /// The system refuses to wait: memory is short, or there are more handles than the process may open.
    #[error("the system refuses to wait for so many handles")]
    Os(#[source] io::Error),
}
