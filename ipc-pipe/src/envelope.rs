//! An end as one bare handle: a socket in which a message lies that has the end in it.
//!
//! An end has several handles, and a program that is started by something else than the family inherits them one by one. So
//! the end is put into a message, and whoever has the socket can take it out. Until then the kernel holds the end, and closes it
//! with the last copy of the socket.

use crate::half::SendFailure;
use crate::transport;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::socket::MessageSocket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io;

/// Puts an end into an envelope.
pub(crate) fn seal<E: Serialize>(end: &E) -> io::Result<OwnedHandle> {
    let (inside, outside) = MessageSocket::pair()?;
    match transport::send(&inside, end, &Limits::default(), Deadline::NOW) {
        Ok(()) => Ok(outside.into_handle()),
        Err(SendFailure::Os(error)) => Err(error),
        Err(SendFailure::Encode(error)) => Err(cause(error)),
        Err(_) => Err(io::Error::other("the envelope could not be closed")),
    }
}

/// Takes an end out of its envelope.
pub(crate) fn open<E: DeserializeOwned>(handle: OwnedHandle) -> io::Result<E> {
    let socket = MessageSocket::from_handle(handle)?;
    match transport::recv(&socket, &Limits::default(), Deadline::NOW) {
        Ok(Some(end)) => Ok(end),
        Ok(None) => Err(io::Error::new(io::ErrorKind::InvalidData, "the handle has no end of a pipe in it")),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// What the system said, if that is behind an error; else the error.
pub(crate) fn cause(error: impl Error + Send + Sync + 'static) -> io::Error {
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(link) = next {
        if let Some(code) = link.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        next = link.source();
    }
    io::Error::other(error)
}
