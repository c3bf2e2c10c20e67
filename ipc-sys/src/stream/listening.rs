//! The socket that waits for others to connect.

use super::{StreamSocket, imp};
use crate::family::{FamilyHandle, hold_forks};
use crate::handle::{AsHandle, BorrowedHandle};
use std::io;
use std::net::SocketAddr;

/// A socket to which other processes connect.
///
/// # Other processes
///
/// Children forked by the family do not hold it.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, wait_one};
/// use ipc_sys::stream::{ListeningSocket, StreamSocket};
///
/// let listener = ListeningSocket::bind("[::1]:0".parse()?);
/// # let listener = listener.or_else(|_| ListeningSocket::bind("127.0.0.1:0".parse().unwrap()));
/// let listener = listener?;
/// assert!(listener.accept()?.is_none());
/// let client = StreamSocket::connect(listener.own_address()?, Deadline::NEVER)?;
/// wait_one(listener.handle(), Interest::Read, Deadline::NEVER)?;
/// let server = listener.accept()?.expect("somebody connected");
/// assert_eq!(server.peer_address()?, client.own_address()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ListeningSocket {
    handle: FamilyHandle,
    is_local: bool,
}

impl ListeningSocket {
    /// Listens at a TCP address; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// `AddrInUse`, `AddrNotAvailable`, and what else the system says.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let mut held = hold_forks();
        let handle = held.adopt(imp::listen(address)?);
        Ok(ListeningSocket { handle, is_local: false })
    }

    /// Takes the next connection, if there is one.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full; the connection then waits on.
    pub fn accept(&self) -> io::Result<Option<StreamSocket>> {
        let mut held = hold_forks();
        let Some(handle) = imp::accept(self.handle())? else {
            return Ok(None);
        };
        let handle = held.adopt(handle);
        drop(held);
        if !self.is_local {
            imp::tune(handle.as_fd())?;
        }
        Ok(Some(StreamSocket::of_parts(handle, self.is_local)))
    }

    /// The address of a TCP socket, with the port that it got.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a local socket, and the system's error.
    pub fn own_address(&self) -> io::Result<SocketAddr> {
        imp::own_address(self.handle())
    }

    /// The handle, readable when somebody has connected.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_fd()
    }

    /// A local socket that listens already.
    pub(crate) fn local(handle: FamilyHandle) -> Self {
        ListeningSocket { handle, is_local: true }
    }
}
