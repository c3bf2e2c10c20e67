//! Which object a handle refers to.

use super::{SharedMapping, imp};
use crate::handle::BorrowedHandle;
use std::io;

/// Which object a handle refers to: equal for all handles to one object, wherever they came from.
///
/// Meaningful as long as somebody here holds or maps the object; a later object may get the number of one that is gone.
///
/// # Other processes
///
/// The same in all of them, as long as they run on one machine. It is no proof: whoever sends a number may have made it
/// up.
///
/// # Platform
///
/// Linux: the numbers of device and inode.
///
/// # Examples
///
/// ```
/// use ipc_sys::handle::AsHandle;
/// use ipc_sys::memory::{SharedMapping, object_id};
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// let memory = Arc::new(SharedMapping::create(64)?);
/// let mapped = HashMap::from([(memory.id(), memory.clone())]);
///
/// // A handle that came in a message is to memory that is mapped already.
/// let handle = memory.duplicate_handle()?;
/// assert!(mapped.contains_key(&object_id(handle.as_fd())?));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    device: u64,
    number: u64,
}

/// Tells which object a handle refers to.
///
/// # Errors
///
/// The system's error, which it gives for no handle that is open.
///
/// # Examples
///
/// ```
/// use ipc_sys::handle::{AsHandle, duplicate};
/// use ipc_sys::memory::{SharedMapping, object_id};
///
/// let (one, other) = (SharedMapping::create(64)?, SharedMapping::create(64)?);
/// let copy = duplicate(one.handle())?;
/// assert_eq!(object_id(copy.as_fd())?, one.id());
/// assert_ne!(object_id(copy.as_fd())?, other.id());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn object_id(handle: BorrowedHandle<'_>) -> io::Result<ObjectId> {
    let (device, number) = imp::object_id(handle)?;
    Ok(ObjectId { device, number })
}

impl SharedMapping {
    /// Which object this is, so that one that is mapped already need not be mapped again.
    pub fn id(&self) -> ObjectId {
        self.id
    }
}
