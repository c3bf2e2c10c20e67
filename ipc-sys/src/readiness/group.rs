//! Several handles as one.

use super::imp;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::io;

/// A handle that is readable while one of its members is: for those who can wait for a single one.
///
/// The members are watched until they are closed, here and in every process that has a copy.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::doorbell::Doorbell;
/// use ipc_sys::handle::AsHandle;
/// use ipc_sys::readiness::{Group, Interest, wait_one};
///
/// let bells = [Doorbell::new()?, Doorbell::new()?];
/// let group = Group::new(&[bells[0].handle(), bells[1].handle()])?;
/// assert!(!wait_one(group.as_fd(), Interest::Read, Deadline::NOW)?);
/// bells[1].ring();
/// assert!(wait_one(group.as_fd(), Interest::Read, Deadline::NEVER)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Group(OwnedHandle);

impl Group {
    /// Makes a group of handles that can be waited for.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    pub fn new(members: &[BorrowedHandle<'_>]) -> io::Result<Group> {
        imp::group(members).map(Group)
    }

    /// Takes one more handle in.
    ///
    /// # Errors
    ///
    /// The system's error: memory is short, or the handle is a member already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::doorbell::Doorbell;
    /// use ipc_sys::handle::AsHandle;
    /// use ipc_sys::readiness::{Group, Interest, wait_one};
    ///
    /// let (group, bell) = (Group::new(&[])?, Doorbell::new()?);
    /// bell.ring();
    /// group.add(bell.handle())?;
    /// assert!(wait_one(group.as_fd(), Interest::Read, Deadline::NOW)?);
    /// group.remove(bell.handle());
    /// assert!(!wait_one(group.as_fd(), Interest::Read, Deadline::NOW)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn add(&self, member: BorrowedHandle<'_>) -> io::Result<()> {
        imp::add(&self.0, member)
    }

    /// Takes a handle out. Closing it does the same, unless another process has a copy.
    pub fn remove(&self, member: BorrowedHandle<'_>) {
        imp::remove(&self.0, member);
    }
}

impl AsHandle for Group {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }
}
