//! Message sockets on Linux: a Unix socket pair that keeps boundaries (`SOCK_SEQPACKET`).

use super::{MAX_HANDLES, Received, RecvError, SendError};
use crate::handle::{BorrowedHandle, OwnedHandle};
use rustix::io::Errno;
pub(super) use rustix::net::Shutdown;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::slice;
use std::time::Duration;

/// Room for the control message of [`MAX_HANDLES`] descriptors.
const CONTROL_SIZE: usize = rustix::cmsg_space!(ScmRights(MAX_HANDLES));

pub(super) fn pair() -> io::Result<(OwnedHandle, OwnedHandle)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

pub(super) fn verify(handle: BorrowedHandle<'_>) -> io::Result<()> {
    let is_one = sockopt::socket_type(handle).is_ok_and(|kind| kind == SocketType::SEQPACKET)
        && sockopt::socket_domain(handle).is_ok_and(|domain| domain == AddressFamily::UNIX);
    if is_one {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the handle is not a message socket"))
    }
}

/// Sends without waiting; a full socket is [`SendError::TimedOut`].
pub(super) fn send(
    handle: BorrowedHandle<'_>,
    parts: &[&[u8]],
    handles: &[BorrowedHandle<'_>],
) -> Result<(), SendError> {
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut space = [MaybeUninit::uninit(); CONTROL_SIZE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !handles.is_empty() && !control.push(SendAncillaryMessage::ScmRights(handles)) {
        return Err(SendError::Os(io::Error::new(io::ErrorKind::InvalidInput, "too many handles")));
    }
    loop {
        return match sendmsg(handle, &slices, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(_) => Ok(()),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Err(SendError::TimedOut),
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => Err(SendError::Closed),
            Err(Errno::MSGSIZE) => Err(SendError::TooLarge),
            Err(errno) => Err(SendError::Os(errno.into())),
        };
    }
}

#[inline]
pub(super) fn say(socket: BorrowedHandle<'_>, parts: [&[u8]; 2], handle: Option<BorrowedHandle<'_>>) -> bool {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let is_whole = handle
        .as_ref()
        .is_none_or(|handle| control.push(SendAncillaryMessage::ScmRights(slice::from_ref(handle))));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    is_whole && sendmsg(socket, &parts.map(IoSlice::new), &mut control, flags).is_ok()
}

/// Receives one message; without `blocking`, an empty socket is [`RecvError::TimedOut`].
pub(super) fn recv(
    handle: BorrowedHandle<'_>,
    buffer: &mut [u8],
    blocking: bool,
) -> Result<Received, RecvError> {
    let mut space = [MaybeUninit::uninit(); CONTROL_SIZE];
    let mut flags = RecvFlags::CMSG_CLOEXEC;
    flags.set(RecvFlags::DONTWAIT, !blocking);
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = match recvmsg(handle, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Ok(message) => message,
            Err(Errno::INTR) => continue,
            // The other side went while messages of ours were unread. The kernel reports that once, ahead of
            // the messages it sent before; they are still there, so look again.
            Err(Errno::CONNRESET) => continue,
            // The time of a nap is that of any wait.
            Err(Errno::AGAIN) if blocking => continue,
            Err(Errno::AGAIN) => return Err(RecvError::TimedOut),
            Err(errno) => return Err(RecvError::Os(errno.into())),
        };
        // Taken out first: on every path below they are either handed over or closed.
        let handles = take_handles(&mut control);
        if message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(RecvError::HandlesLost);
        }
        if message.flags.contains(ReturnFlags::TRUNC) {
            return Err(RecvError::TooLong);
        }
        // The family sends no empty message, so zero bytes are the end.
        return match message.bytes {
            0 => Err(RecvError::Closed),
            size => Ok(Received { size, handles }),
        };
    }
}

pub(super) fn peek(handle: BorrowedHandle<'_>, buffer: &mut [u8]) -> Result<Option<usize>, RecvError> {
    loop {
        return match rustix::net::recv(handle, &mut *buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => Err(RecvError::Closed),
            Ok((size, _)) => Ok(Some(size)),
            // As in `recv`.
            Err(Errno::INTR | Errno::CONNRESET) => continue,
            Err(Errno::AGAIN) => Ok(None),
            Err(errno) => Err(RecvError::Os(errno.into())),
        };
    }
}

pub(super) fn set_nap(handle: BorrowedHandle<'_>, longest: Duration) -> io::Result<()> {
    Ok(sockopt::set_socket_timeout(handle, sockopt::Timeout::Recv, Some(longest))?)
}

pub(super) fn nap(handle: BorrowedHandle<'_>) -> io::Result<bool> {
    match rustix::net::recv(handle, &mut [0_u8], RecvFlags::PEEK) {
        Ok(_) | Err(Errno::CONNRESET) => Ok(true),
        Err(Errno::AGAIN | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn shutdown(handle: BorrowedHandle<'_>, direction: Shutdown) -> io::Result<()> {
    match rustix::net::shutdown(handle, direction) {
        Err(Errno::NOTCONN) => Ok(()),
        other => Ok(other?),
    }
}

fn take_handles(control: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedHandle> {
    let mut handles = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            handles.extend(fds);
        }
    }
    handles
}
