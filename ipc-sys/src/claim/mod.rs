//! Claims to numbers, which the system gives back when whoever made them is gone.
//!
//! A shared table has slots; whoever uses a slot claims its number, and everybody can ask whether a number is claimed. The
//! claim itself is kept by the system and not by the memory, so that no death can leave it behind.
//!
//! # What a port provides
//!
//! - `open(object) -> handle`: a claimant of a shared memory object, with claims of its own.
//! - `claim(claimant, number) -> bool`: claims a number, unless another claimant has it; never waits.
//! - `is_claimed(claimant, number) -> bool`: whether another claimant has it.
//! - `release(claimant, number)`: gives it back.
//! - `replace(claimant, successor)`: makes one handle a copy of another in one step, keeping its number.
//!
//! All claims of a claimant end when the last copy of its handle is closed, in whatever process or message it is, and in
//! whatever way that comes about; and never before that because of anything done with other handles to the object.

mod linux;
use linux as imp;

use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::io;

/// Somebody who claims numbers of a shared memory object.
///
/// A claim belongs to the claimant, not to a process: to all copies of its handle together, also those in a forked child
/// or in a message that nobody has received yet. It ends by [`release`](Claimant::release) on any copy, or when the last
/// copy is closed. A process that is killed closes its copies; one that is stopped keeps them.
///
/// # Other processes
///
/// The handle may be sent, and is then a further copy. A forked child has a copy of every claimant; what it should not
/// keep claimed it drops, or replaces by [`become_copy_of`](Claimant::become_copy_of). It is not a member of the
/// [`family`](crate::family) set.
///
/// # Platform
///
/// Linux: an open file description of its own, with locks of one byte each (`F_OFD_SETLK`). Unlike the older record locks
/// they do not vanish when the process closes some other descriptor of the same file.
///
/// # Examples
///
/// ```
/// use ipc_sys::claim::Claimant;
/// use ipc_sys::memory::SharedMapping;
///
/// let memory = SharedMapping::create(64)?;
/// let (one, other) = (Claimant::new(memory.handle())?, Claimant::new(memory.handle())?);
/// assert!(one.try_claim(7)?);
/// assert!(!other.try_claim(7)?);
/// assert!(other.is_claimed(7)?);
/// drop(one); // As the death of its process would.
/// assert!(!other.is_claimed(7)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Claimant(OwnedHandle);

impl Claimant {
    /// Makes a claimant that has claimed nothing.
    ///
    /// # Errors
    ///
    /// The system's error, when the table of handles is full or the object is not open for writing to this user.
    ///
    /// # Platform
    ///
    /// Linux: opens the object anew through `/proc/self/fd`.
    pub fn new(object: BorrowedHandle<'_>) -> io::Result<Claimant> {
        imp::open(object).map(Claimant)
    }

    /// Takes a copy of a claimant that came from another process.
    ///
    /// Nothing is checked: on a handle of another kind, the calls below return errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::claim::Claimant;
    /// use ipc_sys::handle::duplicate;
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let here = Claimant::new(memory.handle())?;
    /// here.try_claim(7)?;
    /// let there = Claimant::from_handle(duplicate(&here)?); // Perhaps in another process.
    /// drop(here);
    /// let watcher = Claimant::new(memory.handle())?;
    /// assert!(watcher.is_claimed(7)?);
    /// drop(there);
    /// assert!(!watcher.is_claimed(7)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> Claimant {
        Claimant(handle)
    }

    /// The handle alone, with all claims, to hand to another process.
    pub fn into_handle(self) -> OwnedHandle {
        self.0
    }

    /// Claims a number, unless another claimant has it.
    ///
    /// True if it is this claimant's now, also when it was before. Numbers are not bounded by the size of the object.
    /// Never waits.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a number that is no offset in a file (2^63 and more); the system's error when it is out of
    /// memory for locks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::claim::Claimant;
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let claimant = Claimant::new(memory.handle())?;
    /// assert!(claimant.try_claim(1 << 40)?);
    /// assert!(claimant.try_claim(1 << 40)?);
    /// assert!(claimant.try_claim(1 << 63).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_claim(&self, byte: u64) -> io::Result<bool> {
        imp::claim(&self.0, byte)
    }

    /// Whether another claimant has the number; a claim of this one is not seen.
    ///
    /// # Errors
    ///
    /// As [`try_claim`](Claimant::try_claim).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::claim::Claimant;
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let (one, other) = (Claimant::new(memory.handle())?, Claimant::new(memory.handle())?);
    /// one.try_claim(7)?;
    /// assert!(!one.is_claimed(7)?);
    /// assert!(other.is_claimed(7)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_claimed(&self, byte: u64) -> io::Result<bool> {
        imp::is_claimed(&self.0, byte)
    }

    /// Gives a number back; nothing happens if it is not claimed by this claimant.
    ///
    /// # Errors
    ///
    /// As [`try_claim`](Claimant::try_claim).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::claim::Claimant;
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let (one, other) = (Claimant::new(memory.handle())?, Claimant::new(memory.handle())?);
    /// one.try_claim(7)?;
    /// one.release(7)?;
    /// assert!(other.try_claim(7)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn release(&self, byte: u64) -> io::Result<()> {
        imp::release(&self.0, byte)
    }

    /// Lets go of the claims that this copy stands for, and becomes a copy of `successor`, in one step: of another claimant,
    /// or of any handle to the same object.
    ///
    /// For a forked child: its copy of the parent's claimant would keep the parent's claims when the parent dies. Values
    /// in the copied memory that refer to this claimant are then values of the successor. Nobody else may be using this
    /// claimant meanwhile, which in a child just forked nobody can.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when `successor` is this very value. Otherwise none that an open handle could cause.
    ///
    /// # Platform
    ///
    /// Linux: `dup3`, which is safe between fork and exec in a process that had threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::claim::Claimant;
    /// use ipc_sys::memory::SharedMapping;
    ///
    /// let memory = SharedMapping::create(64)?;
    /// let (mine, parents) = (Claimant::new(memory.handle())?, Claimant::new(memory.handle())?);
    /// parents.try_claim(1)?;
    /// mine.try_claim(2)?;
    /// parents.become_copy_of(&mine)?;
    ///
    /// let watcher = Claimant::new(memory.handle())?;
    /// assert!(!watcher.is_claimed(1)?);
    /// drop(mine);
    /// assert!(watcher.is_claimed(2)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn become_copy_of(&self, successor: &impl AsHandle) -> io::Result<()> {
        imp::replace(&self.0, successor.as_fd())
    }
}

impl AsHandle for Claimant {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }
}
