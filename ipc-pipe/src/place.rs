//! Where a listener stands: its socket, its name among the names of others, and the name's removal.

use crate::address::{Address, split};
use crate::auth::Endpoint;
use crate::link_error::BindError;
use ipc_sys::clock::Deadline;
use ipc_sys::rendezvous::{Folder, Identity};
use ipc_sys::stream::{ListeningSocket, StreamSocket};
use std::io;
use std::net::SocketAddr;
use std::process;
use std::time::Duration;

/// How long to wait for another process that is changing names in the folder.
const FOLDER_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Place {
    address: Address,
    name: Option<Name>,
}

/// The name of a local socket.
#[derive(Debug)]
struct Name {
    folder: Folder,
    name: String,
    identity: Identity,
    /// The process that made it: a forked child has a copy of the value, and not the name.
    owner: u32,
}

impl Place {
    pub(crate) fn bind(address: &Address, insecure: bool) -> Result<(ListeningSocket, Self), BindError> {
        match address {
            Address::Tcp(at) if !insecure && !at.ip().to_canonical().is_loopback() => {
                Err(BindError::Plaintext)
            }
            Address::Tcp(at) => bind_tcp(*at).map_err(of_os),
            Address::Local(path) => {
                let invalid = || BindError::Folder(io::ErrorKind::InvalidInput.into());
                let (folder, name) = split(path).ok_or_else(invalid)?;
                let folder = Folder::open_or_create(folder).map_err(BindError::Folder)?;
                let deadline = Deadline::after(FOLDER_TIMEOUT);
                let (socket, identity) = folder.listen(name, deadline).map_err(of_os)?;
                let name = Name { folder, name: name.to_owned(), identity, owner: process::id() };
                Ok((socket, Place { address: address.clone(), name: Some(name) }))
            }
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The listener as a client knows it that came in by this connection.
    pub(crate) fn endpoint(&self, socket: &StreamSocket) -> io::Result<Endpoint> {
        match &self.name {
            Some(name) => Ok(Endpoint::Local(name.identity)),
            // Not the address of the listener, which may stand for many.
            None => socket.own_address().map(Endpoint::Tcp),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.owner == process::id() {
            // It fails where the folder was taken away, and the name with it.
            let _ = self.folder.remove(&self.name, self.identity);
        }
    }
}

fn bind_tcp(at: SocketAddr) -> io::Result<(ListeningSocket, Place)> {
    let socket = ListeningSocket::bind(at)?;
    let address = Address::Tcp(socket.own_address()?);
    Ok((socket, Place { address, name: None }))
}

fn of_os(error: io::Error) -> BindError {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse,
        _ => BindError::Os(error),
    }
}
