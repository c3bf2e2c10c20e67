//! Local sockets by name: a folder that only its user may enter, and the names in it.
//!
//! # What a port provides
//!
//! - `default_path()`: where the user's listeners have their names.
//! - `open(path, make)`: the folder, if it belongs to this user and nobody else may enter it.
//! - `lock(folder)`: keeps others of this family from changing names in it, until dropped; nothing if somebody does so.
//! - `probe(folder, name)`: whether somebody listens by that name, without disturbing them.
//! - `identity(folder, name)`: which object has the name at present.
//! - `listen(folder, name)`, `connect(folder, name)`, `remove(folder, name)`.

mod linux;
use linux as imp;

use crate::clock::Deadline;
use crate::family::{HeldForks, hold_forks};
use crate::handle::OwnedHandle;
use crate::stream::{ListeningSocket, StreamSocket};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a sleep is between two looks at what nothing tells the end of: a lock of a folder, a full queue of a listener.
const PAUSE: Duration = Duration::from_millis(2);

/// A folder that belongs to this user and that nobody else may enter.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::rendezvous::Folder;
///
/// # let outer = ipc_testkit::temp_dir();
/// # let path = outer.path().join("sockets");
/// let folder = Folder::open_or_create(&path)?;
/// let (listener, identity) = folder.listen("answers", Deadline::NEVER)?;
/// assert_eq!(folder.listen("answers", Deadline::NEVER).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
///
/// let (client, found) = folder.connect("answers", Deadline::NEVER)?;
/// assert_eq!(found, identity);
/// assert!(client.peer_is_own_user()?);
/// assert!(listener.accept()?.is_some());
/// folder.remove("answers", identity)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Folder(OwnedHandle);

/// Which object a name stands for: no other has the same while this one exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device that the object is on.
    pub device: u64,
    /// Its number there.
    pub number: u64,
}

/// What is behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// A socket whose process is gone.
    Dead,
    /// A socket that somebody has, or something that is no socket at all.
    InUse,
}

/// The folder in which this user's listeners have their names, unless they say otherwise.
///
/// # Platform
///
/// Linux: `/run/user/<uid>/multiproc` where the first part is there, else `/tmp/multiproc-<uid>`.
///
/// # Examples
///
/// ```
/// assert!(ipc_sys::rendezvous::default_path().is_absolute());
/// ```
pub fn default_path() -> PathBuf {
    imp::default_path()
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when it belongs to somebody else or others may enter it, and the system's error, also when the path
    /// is that of a link.
    ///
    /// # Examples
    ///
    /// ```
    /// let refused = ipc_sys::rendezvous::Folder::open("/".as_ref()).unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    /// ```
    pub fn open(path: &Path) -> io::Result<Self> {
        imp::open(path, false).map(Folder)
    }

    /// Opens a folder, which is made if it is not there; those above it have to be there.
    ///
    /// # Errors
    ///
    /// As [`open`](Folder::open).
    pub fn open_or_create(path: &Path) -> io::Result<Self> {
        imp::open(path, true).map(Folder)
    }

    /// Listens by a name. One that a dead process left behind is taken over.
    ///
    /// # Blocking
    ///
    /// While another process is in the middle of the same, until the deadline.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when somebody listens by that name, `TimedOut`, and the system's error.
    pub fn listen(&self, name: &str, deadline: Deadline) -> io::Result<(ListeningSocket, Identity)> {
        loop {
            // A forked child would keep the lock.
            let held = hold_forks();
            if let Some(_lock) = imp::lock(&self.0)? {
                return self.listen_locked(name, held);
            }
            drop(held);
            pause(deadline)?;
        }
    }

    /// Connects to whoever listens by a name; also, what the name stood for.
    ///
    /// # Blocking
    ///
    /// While the queue of the listener is full, until the deadline.
    ///
    /// # Errors
    ///
    /// `NotFound` and `ConnectionRefused` when nobody listens, `TimedOut`, and the system's error.
    pub fn connect(&self, name: &str, deadline: Deadline) -> io::Result<(StreamSocket, Identity)> {
        loop {
            // Before the connection: who changes what the name stands for in between makes the two differ.
            let identity = imp::identity(&self.0, name)?;
            let mut held = hold_forks();
            if let Some(handle) = imp::connect(&self.0, name)? {
                let handle = held.adopt(handle);
                return Ok((StreamSocket::of_parts(handle, true), identity));
            }
            drop(held);
            pause(deadline)?;
        }
    }

    /// Removes a name if it still stands for that object.
    ///
    /// # Errors
    ///
    /// The system's error; not when the name is gone already.
    pub fn remove(&self, name: &str, identity: Identity) -> io::Result<()> {
        match imp::identity(&self.0, name) {
            Ok(found) if found == identity => imp::remove(&self.0, name),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn listen_locked(&self, name: &str, mut held: HeldForks) -> io::Result<(ListeningSocket, Identity)> {
        match imp::probe(&self.0, name)? {
            Found::InUse => return Err(io::ErrorKind::AddrInUse.into()),
            Found::Dead => imp::remove(&self.0, name)?,
            Found::Nothing => {}
        }
        let handle = imp::listen(&self.0, name)?;
        let identity = imp::identity(&self.0, name)?;
        Ok((ListeningSocket::local(held.adopt(handle)), identity))
    }
}

fn pause(deadline: Deadline) -> io::Result<()> {
    if deadline.is_over() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    std::thread::sleep(deadline.remaining_at_most(PAUSE));
    Ok(())
}
