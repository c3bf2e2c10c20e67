//! One handshake on one socket, for who has nothing else to do meanwhile.

use super::{Handshake, Refusal};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::{RecvError, SendError};
use ipc_sys::stream::StreamSocket;
use std::io;

/// Why a handshake came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Refusal),
    /// The other side went.
    Closed,
    TimedOut,
    Os(io::Error),
}

pub(crate) fn drive<H: Handshake>(
    socket: &StreamSocket,
    handshake: &mut H,
    deadline: Deadline,
) -> Result<H::Outcome, Failure> {
    let (mut message, mut reply) = (Vec::new(), Vec::new());
    handshake.begin(&mut reply);
    loop {
        send(socket, &reply, deadline)?;
        reply.clear();
        message.resize(handshake.wanted(), 0);
        recv(socket, &mut message, deadline)?;
        match handshake.advance(&message, &mut reply) {
            Ok(None) => {}
            Ok(Some(outcome)) => {
                send(socket, &reply, deadline)?;
                return Ok(outcome);
            }
            Err(refusal) => {
                // It is a courtesy, and the other side may be gone.
                let _ = send(socket, &reply, deadline);
                return Err(Failure::Refused(refusal));
            }
        }
    }
}

fn send(socket: &StreamSocket, mut bytes: &[u8], deadline: Deadline) -> Result<(), Failure> {
    while !bytes.is_empty() {
        match socket.send(&[bytes], &[]) {
            Ok(size) => bytes = &bytes[size..],
            Err(SendError::TimedOut) => wait(socket, Interest::Write, deadline)?,
            // It may have said why before it went.
            Err(SendError::Closed) => return Ok(()),
            Err(SendError::Os(source)) => return Err(Failure::Os(source)),
            Err(other) => return Err(Failure::Os(io::Error::other(other))),
        }
    }
    Ok(())
}

fn recv(socket: &StreamSocket, bytes: &mut [u8], deadline: Deadline) -> Result<(), Failure> {
    let mut filled = 0;
    while filled < bytes.len() {
        // Handles have no place here, and are closed.
        match socket.recv(&mut bytes[filled..], &mut Vec::new()) {
            Ok(chunk) => filled += chunk.size,
            Err(RecvError::TimedOut) => wait(socket, Interest::Read, deadline)?,
            Err(RecvError::Closed) => return Err(Failure::Closed),
            Err(RecvError::Os(source)) => return Err(Failure::Os(source)),
            Err(other) => return Err(Failure::Os(io::Error::other(other))),
        }
    }
    Ok(())
}

fn wait(socket: &StreamSocket, interest: Interest, deadline: Deadline) -> Result<(), Failure> {
    match wait_one(socket.handle(), interest, deadline) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::TimedOut),
        Err(source) => Err(Failure::Os(source)),
    }
}
