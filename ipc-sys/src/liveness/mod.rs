//! Learning that a process is gone, and dying with it.
//!
//! A [`Keeper`] is held by one process and by nobody else: it is close-on-exec, and forked children have something else in its
//! place, also those of other code than the family's. When that process ends in whatever way, the kernel closes the keeper, and every [`Lifeline`] of it is
//! cut. That the *thread* which made the keeper ended means nothing.
//!
//! # What a port provides
//!
//! - `pair() -> (keeper, lifeline)`: two handles; the second becomes readable when the last copy of the first is
//!   gone.
//! - `die_when_cut(lifeline)`: has the kernel end this process when the lifeline is cut, also when the process is
//!   stopped or busy, without a thread that watches.
//! - `replace(keeper)`: in a child that was just forked, whatever its parent was doing: puts something harmless in the place of the
//!   copy of a keeper.

mod copies;
mod linux;
use copies::Listed;
use linux as imp;

use crate::clock::Deadline;
use crate::family::{FamilyHandle, hold_forks};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::readiness::{Interest, wait_one};
use std::io;

/// The end that the watched process holds.
///
/// # Examples
///
/// ```
/// let (keeper, lifeline) = ipc_sys::liveness::lifeline()?;
/// assert!(!lifeline.is_cut()?);
/// drop(keeper); // As the end of its process would.
/// assert!(lifeline.is_cut()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Keeper {
    // Out of the list before it is closed.
    _listed: Listed,
    _handle: FamilyHandle,
}

/// The end that watches; any number of processes may hold it.
///
/// # Examples
///
/// ```
/// use ipc_sys::liveness::{Lifeline, lifeline};
///
/// let (keeper, lifeline) = lifeline()?;
/// let lifeline = Lifeline::from_handle(lifeline.into_handle()); // Perhaps in another process.
/// assert!(!lifeline.is_cut()?);
/// drop(keeper);
/// assert!(lifeline.is_cut()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Lifeline(OwnedHandle);

/// Makes a keeper for this process and a lifeline to hand to others.
///
/// # Errors
///
/// The system's error when the table of handles is full.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, wait_one};
///
/// let (keeper, lifeline) = ipc_sys::liveness::lifeline()?;
/// assert!(!wait_one(lifeline.handle(), Interest::Read, Deadline::NOW)?);
/// drop(keeper);
/// assert!(wait_one(lifeline.handle(), Interest::Read, Deadline::NEVER)?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn lifeline() -> io::Result<(Keeper, Lifeline)> {
    copies::notice_forks()?;
    // A copy of the keeper in a child of another thread would keep the lifeline whole.
    let mut held = hold_forks();
    let (keeper, lifeline) = imp::pair()?;
    let listed = Listed::new(&keeper);
    Ok((Keeper { _listed: listed, _handle: held.adopt(keeper) }, Lifeline(lifeline)))
}

impl Lifeline {
    /// Takes a lifeline that came from another process.
    pub fn from_handle(handle: OwnedHandle) -> Self {
        Lifeline(handle)
    }

    /// The handle alone, to hand to another process.
    pub fn into_handle(self) -> OwnedHandle {
        self.0
    }

    /// The handle, readable once the lifeline is cut.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.0.as_fd()
    }

    /// Whether the process that held the keeper is gone.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    ///
    /// # Examples
    ///
    /// ```
    /// let (keeper, lifeline) = ipc_sys::liveness::lifeline()?;
    /// assert!(!lifeline.is_cut()?);
    /// drop(keeper);
    /// assert!(lifeline.is_cut()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_cut(&self) -> io::Result<bool> {
        wait_one(self.handle(), Interest::Read, Deadline::NOW)
    }

    /// Has the kernel kill this process when the lifeline is cut; at once when it is cut already.
    ///
    /// # Errors
    ///
    /// The system's error when the handle cannot signal.
    ///
    /// # Other processes
    ///
    /// Holds for this process alone: it ends when the process executes another program, and a forked child does
    /// not inherit it.
    ///
    /// # Platform
    ///
    /// Linux: `F_SETSIG` with `SIGKILL` and `O_ASYNC` on a pipe. `PR_SET_PDEATHSIG` would fire when the thread that
    /// made this process ends, which is not what a parent's death means here.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::family::ForkPreparation;
    /// use ipc_sys::liveness::lifeline;
    /// use ipc_sys::process::{Forked, exit_now, fork};
    ///
    /// let (keeper, lifeline) = lifeline()?;
    /// let family = ForkPreparation::new()?;
    /// // SAFETY: there is no other thread.
    /// match unsafe { fork() }? {
    ///     Forked::Child => {
    ///         // Its copy of the keeper would keep the lifeline whole.
    ///         let ready = family.bury_members().and_then(|()| lifeline.die_when_cut());
    ///         if ready.is_ok() {
    ///             std::thread::sleep(std::time::Duration::from_secs(60));
    ///         }
    ///         exit_now(1)
    ///     }
    ///     Forked::Parent(child) => {
    ///         drop(family);
    ///         drop(keeper);
    ///         assert_eq!(child.wait(Deadline::NEVER)?.and_then(|status| status.signal()), Some(9));
    ///     }
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn die_when_cut(self) -> io::Result<()> {
        imp::die_when_cut(self.0)
    }
}
