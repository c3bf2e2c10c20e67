//! The parent of this process: who it is, and whether it still lives.

use crate::current;
use ipc_pipe::{Look, Waitable};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::process::open_parent;
use ipc_sys::readiness::{Interest, wait_one};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use std::{fmt, io};

/// The process that started this one.
///
/// # Other processes
///
/// That the parent has ended is seen however it ended, `SIGKILL` included, and no process that has its number by then is taken for
/// it. A process that the fork server made has for its parent the owner of the server, whom the system does not call so.
///
/// # Examples
///
/// ```
/// use ipc_process::{Process, parent};
/// # ipc_process::init();
///
/// assert!(parent()?.is_none()); // Nobody of the family started this one.
/// let who = |(): ()| {
///     let parent = parent().unwrap().unwrap();
///     (parent.name().to_owned(), parent.pid(), parent.is_alive())
/// };
/// let process = Process::spawn(who, ())?;
/// assert_eq!(process.join()?, ("MainProcess".to_string(), std::process::id(), true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Parent(Arc<Family>);

/// The process that started this one; `None` when the family did not start it.
///
/// # Errors
///
/// The system's error when the first call finds the table of handles full: the parent is one handle more.
///
/// # Examples
///
/// A child that has nothing to do without its parent, and no daemon's end at any moment:
///
/// ```
/// use ipc_pipe::wait;
/// use ipc_process::{Process, parent};
/// # ipc_process::init();
///
/// let process = Process::spawn(
///     |(): ()| {
///         let Ok(Some(parent)) = parent() else { return };
///         while parent.is_alive() {
///             // Some work; or nothing, until it ends: `wait(&[&parent])`.
///             # return;
///         }
///     },
///     (),
/// )?;
/// process.join()?;
/// # let _ = |parent: ipc_process::Parent| wait(&[&parent]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parent() -> io::Result<Option<Parent>> {
    let Some(family) = current::parent() else { return Ok(None) };
    family.open()?;
    Ok(Some(Parent(family)))
}

impl Parent {
    /// The name of the process.
    pub fn name(&self) -> &str {
        &self.0.names.name
    }

    /// The process id, which may be another process's once this one has ended.
    pub fn pid(&self) -> u32 {
        self.0.names.pid
    }

    /// Whether the process has not ended yet.
    pub fn is_alive(&self) -> bool {
        // Whether memory is short says nothing about the parent.
        !wait_one(self.sentinel(), Interest::Read, Deadline::NOW).unwrap_or(false)
    }

    /// A handle that is readable once the process has ended.
    pub fn sentinel(&self) -> BorrowedHandle<'_> {
        self.0.handle.get().expect("opened before a `Parent` was made").as_fd()
    }
}

impl AsHandle for Parent {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.sentinel()
    }
}

/// Ready once the process has ended.
impl Waitable for Parent {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.sentinel()))
    }
}

impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parent").field("name", &self.name()).field("pid", &self.pid()).finish_non_exhaustive()
    }
}

/// What a child is told of its parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ParentNames {
    pub(crate) pid: u32,
    pub(crate) name: String,
}

/// The parent of this process, with its handle once somebody asked for it.
#[derive(Debug)]
pub(crate) struct Family {
    names: ParentNames,
    handle: OnceLock<OwnedHandle>,
}

impl Family {
    pub(crate) fn new(names: ParentNames) -> Arc<Self> {
        Arc::new(Family { names, handle: OnceLock::new() })
    }

    /// Opens the handle, by which the copies of this process know its parent, too.
    pub(crate) fn open(&self) -> io::Result<()> {
        if self.handle.get().is_none() {
            let handle = match open_parent(self.names.pid)? {
                Some(handle) => handle,
                // It has ended. What shows that for ever is a lifeline whose keeper is gone.
                None => ipc_sys::liveness::lifeline()?.1.into_handle(),
            };
            // Another thread was first, perhaps.
            let _ = self.handle.set(handle);
        }
        Ok(())
    }
}
