//! The handles of the family that a forked child has to let go of, unless it was given them.
//!
//! A fork copies every descriptor. For most it does not matter, but where the end of a pipe tells its other
//! side that everybody is gone, a forgotten copy in a forked child keeps the pipe open for ever. Handles of this
//! kind are therefore members of a set. A child that the family forks replaces the ones it was not given by
//! *tombstones*: the number stays taken, so that a value which still refers to it in the copied memory cannot
//! touch a stranger's file, and every use reports that the other side is gone.
//!
//! # What a port provides
//!
//! Nothing, where processes cannot be forked; else `replace(tombstone, member)` and a way to make a tombstone.
//!
//! # Safety
//!
//! Descriptors are named by their number here. A number in the set belongs to a live [`FamilyHandle`].
#![allow(unsafe_code)]

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::collections::BTreeSet;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

static MEMBERS: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// An owned handle that forked children of the family do not keep.
///
/// # Examples
///
/// ```
/// use ipc_sys::family::FamilyHandle;
/// use ipc_sys::handle::OwnedHandle;
///
/// let file = std::fs::File::open("/dev/null")?;
/// let member = FamilyHandle::new(OwnedHandle::from(file));
/// // Handing it to somebody else takes it out of the set again.
/// let handle: OwnedHandle = member.into_handle();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FamilyHandle {
    handle: ManuallyDrop<OwnedHandle>,
}

impl FamilyHandle {
    /// Takes a handle into the set.
    pub fn new(handle: OwnedHandle) -> Self {
        hold_forks().adopt(handle)
    }

    /// Takes the handle out of the set, to hand it on.
    pub fn into_handle(self) -> OwnedHandle {
        let mut this = ManuallyDrop::new(self);
        members().remove(&this.handle.as_raw_fd());
        take(&mut this.handle)
    }
}

impl AsHandle for FamilyHandle {
    #[inline]
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }
}

impl Drop for FamilyHandle {
    fn drop(&mut self) {
        // Out of the set before the number is free again: another thread may get the same number at once. And closed while
        // the set is locked: a fork in between would copy a handle that is in no set any more.
        let mut members = members();
        members.remove(&self.handle.as_raw_fd());
        drop(take(&mut self.handle));
    }
}

/// Keeps the family's forks of this process away until the result is dropped: what is made meanwhile can be taken into the
/// set before anybody copies it.
///
/// # Examples
///
/// ```
/// let mut held = ipc_sys::family::hold_forks();
/// let file = std::fs::File::open("/dev/null")?;
/// let member = held.adopt(file.into());
/// // Dropping a member needs the set, too.
/// drop(held);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hold_forks() -> HeldForks {
    HeldForks { members: members() }
}

/// What [`hold_forks`] gives.
#[derive(Debug)]
#[must_use = "forks are kept away until this is dropped"]
pub struct HeldForks {
    members: MutexGuard<'static, BTreeSet<RawFd>>,
}

impl HeldForks {
    /// Takes a handle into the set.
    pub fn adopt(&mut self, handle: OwnedHandle) -> FamilyHandle {
        self.members.insert(handle.as_raw_fd());
        FamilyHandle { handle: ManuallyDrop::new(handle) }
    }
}

/// The set, locked for the length of a fork, and the tombstone that replaces its members in the child.
///
/// Made before the fork, so that a lack of descriptors is an error in the parent and not a surprise in the child.
#[derive(Debug)]
pub struct ForkPreparation {
    members: MutexGuard<'static, BTreeSet<RawFd>>,
    /// None where no member needs one.
    tombstone: Option<OwnedHandle>,
    closing: Vec<RawFd>,
    /// What the set is to be in the child.
    left: BTreeSet<RawFd>,
}

impl ForkPreparation {
    /// Locks the set and makes the tombstone.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::family::ForkPreparation;
    /// // In the parent nothing more is to do: dropping the preparation unlocks the set.
    /// drop(ForkPreparation::new()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        ForkPreparation::prepare(&[], BTreeSet::new())
    }

    /// The same for a child to which one handle is given, and which has no use for these members at all: they are closed there instead
    /// of replaced.
    ///
    /// # Errors
    ///
    /// As for [`new`](ForkPreparation::new).
    ///
    /// # Safety
    ///
    /// The child neither uses nor drops its copies of whatever owns the unused handles.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::family::ForkPreparation;
    /// use ipc_sys::handle::AsHandle;
    /// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
    /// use ipc_sys::socket::MessageSocket;
    ///
    /// let (here, there) = MessageSocket::pair()?;
    /// let there = there.into_handle();
    /// // SAFETY: the child exits without returning from here.
    /// let family = unsafe { ForkPreparation::giving(there.as_fd(), &[here.handle()]) }?;
    /// // SAFETY: there is no other thread.
    /// match unsafe { fork() }? {
    ///     Forked::Child => {
    ///         let (there, buried) = family.bury_others(there);
    ///         let sent = MessageSocket::from_member(there).send(&[b"hello"], &[], Deadline::NEVER);
    ///         exit_now(if buried.is_ok() && sent.is_ok() { 0 } else { 1 })
    ///     }
    ///     Forked::Parent(child) => {
    ///         drop((family, there));
    ///         assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0)));
    ///         assert_eq!(here.recv(&mut [0; 5], Deadline::NOW)?.size, 5);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn giving(given: BorrowedHandle<'_>, unused: &[BorrowedHandle<'_>]) -> io::Result<Self> {
        ForkPreparation::prepare(unused, BTreeSet::from([given.as_raw_fd()]))
    }

    fn prepare(unused: &[BorrowedHandle<'_>], left: BTreeSet<RawFd>) -> io::Result<Self> {
        let members = members();
        let closing: Vec<_> =
            unused.iter().map(AsRawFd::as_raw_fd).filter(|fd| members.contains(fd)).collect();
        let tombstone = if members.len() == closing.len() { None } else { Some(make_tombstone()?) };
        Ok(ForkPreparation { members, tombstone, closing, left })
    }

    /// In the child: replaces every member by the tombstone.
    ///
    /// # Errors
    ///
    /// The system's error, which the kernel gives for no descriptor that is in use.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::family::ForkPreparation;
    /// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
    /// use ipc_sys::socket::{MessageSocket, RecvError};
    ///
    /// let (here, there) = MessageSocket::pair()?;
    /// let family = ForkPreparation::new()?;
    /// // SAFETY: there is no other thread.
    /// match unsafe { fork() }? {
    ///     Forked::Child => {
    ///         let buried = family.bury_members().is_ok();
    ///         // What the copied memory refers to tells now that the other side is gone, which it is for this process.
    ///         let is_gone = matches!(here.recv(&mut [0; 8], Deadline::NOW), Err(RecvError::Closed));
    ///         exit_now(if buried && is_gone { 0 } else { 1 })
    ///     }
    ///     Forked::Parent(child) => {
    ///         drop(family);
    ///         assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0)));
    ///     }
    /// }
    /// // Here it is as ever; and once this end is dropped, no copy of it keeps the socket open.
    /// drop(there);
    /// assert!(matches!(here.recv(&mut [0; 8], Deadline::NEVER), Err(RecvError::Closed)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline(always)]
    pub fn bury_members(self) -> io::Result<()> {
        let ForkPreparation { mut members, tombstone, closing, left } = self;
        for &fd in &closing {
            // SAFETY: a member is open, and its owner is never used again, as the caller of `giving` promised.
            unsafe { rustix::io::close(fd) };
        }
        let buried = match tombstone {
            Some(tombstone) => bury_under(tombstone, &members, &closing),
            None => Ok(()),
        };
        // What is in memory stays there: to give it back is to copy the pages that it is on.
        mem::forget((mem::replace(&mut *members, left), closing));
        buried
    }

    /// In a child to which a handle is [given](Self::giving): the same, and takes it into the set.
    // Inline, as is all that a forked child does by itself: it has no page of the code at first, and gets sixteen with each that it
    // touches, which takes some 5 us.
    #[inline(always)]
    pub fn bury_others(self, given: OwnedHandle) -> (FamilyHandle, io::Result<()>) {
        debug_assert!(self.left.contains(&given.as_raw_fd()), "another handle was to be given");
        (FamilyHandle { handle: ManuallyDrop::new(given) }, self.bury_members())
    }
}

/// Replaces the members by the tombstone but for those that are closed already.
#[cold]
fn bury_under(tombstone: OwnedHandle, members: &BTreeSet<RawFd>, closed: &[RawFd]) -> io::Result<()> {
    members.iter().filter(|fd| !closed.contains(fd)).try_for_each(|&fd| replace(&tombstone, fd))
}

/// A message socket whose other side is gone: reading gives the end, writing says that nobody listens.
fn make_tombstone() -> io::Result<OwnedHandle> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (tombstone, _gone) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok(tombstone)
}

fn members() -> MutexGuard<'static, BTreeSet<RawFd>> {
    // A panic cannot leave a set of numbers half changed.
    MEMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn replace(tombstone: &OwnedHandle, member: RawFd) -> io::Result<()> {
    // SAFETY: the members of the set are open, and the value is forgotten below: the number stays with its owner.
    let mut target = ManuallyDrop::new(unsafe { OwnedHandle::from_raw_fd(member) });
    rustix::io::dup3(tombstone, &mut target, rustix::io::DupFlags::CLOEXEC)?;
    Ok(())
}

fn take(slot: &mut ManuallyDrop<OwnedHandle>) -> OwnedHandle {
    // SAFETY: called once per value, from `into_handle` (which forgets the rest) or from `drop`.
    unsafe { ManuallyDrop::take(slot) }
}
