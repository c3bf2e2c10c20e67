//! Streams on Linux: `SOCK_STREAM` sockets of the Unix and the two internet families.

use super::Chunk;
use crate::clock::Deadline;
use crate::handle::{BorrowedHandle, OwnedHandle};
use crate::readiness::{Interest, wait_one};
use crate::socket::{MAX_HANDLES, RecvError, SendError};
use rustix::io::Errno;
pub(super) use rustix::net::Shutdown;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrAny, SocketFlags, SocketType, accept_with, bind, connect,
    getpeername, getsockname, recvmsg, sendmsg, socket_with, socketpair, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;

/// Room for the control message of [`MAX_HANDLES`] descriptors.
const CONTROL_SIZE: usize = rustix::cmsg_space!(ScmRights(MAX_HANDLES));

/// How many connections may wait to be accepted. The kernel caps it by `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

pub(super) fn pair() -> io::Result<(OwnedHandle, OwnedHandle)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

pub(super) fn verify(handle: BorrowedHandle<'_>) -> io::Result<bool> {
    let is_stream = sockopt::socket_type(handle).is_ok_and(|kind| kind == SocketType::STREAM)
        && !sockopt::socket_acceptconn(handle).unwrap_or(true);
    match sockopt::socket_domain(handle) {
        Ok(AddressFamily::UNIX) if is_stream => Ok(true),
        Ok(AddressFamily::INET | AddressFamily::INET6) if is_stream => Ok(false),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the handle is not an end of a stream")),
    }
}

/// The socket, and whether the connection is still being made.
pub(super) fn start_connect(address: SocketAddr) -> io::Result<(OwnedHandle, bool)> {
    let socket = tcp_socket(address)?;
    match connect(&socket, &address) {
        Ok(()) => Ok((socket, false)),
        Err(Errno::INPROGRESS | Errno::INTR) => Ok((socket, true)),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn finish_connect(handle: BorrowedHandle<'_>, deadline: Deadline) -> io::Result<()> {
    if !wait_one(handle, Interest::Write, deadline)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(sockopt::socket_error(handle)??)
}

/// Small messages leave at once, and a machine that vanished is noticed some day.
pub(super) fn tune(handle: BorrowedHandle<'_>) -> io::Result<()> {
    sockopt::set_tcp_nodelay(handle, true)?;
    Ok(sockopt::set_socket_keepalive(handle, true)?)
}

pub(super) fn listen(address: SocketAddr) -> io::Result<OwnedHandle> {
    let socket = tcp_socket(address)?;
    // Otherwise the connections of a listener that ended keep its port for a minute.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

pub(super) fn accept(handle: BorrowedHandle<'_>) -> io::Result<Option<OwnedHandle>> {
    loop {
        return match accept_with(handle, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => Ok(Some(socket)),
            Err(Errno::AGAIN) => Ok(None),
            // It was there, and is gone.
            Err(Errno::INTR | Errno::CONNABORTED) => continue,
            Err(errno) => Err(errno.into()),
        };
    }
}

pub(super) fn peer_is_own_user(handle: BorrowedHandle<'_>) -> io::Result<bool> {
    let peer = sockopt::socket_peercred(handle)?;
    Ok(peer.uid == rustix::process::geteuid())
}

pub(super) fn own_address(handle: BorrowedHandle<'_>) -> io::Result<SocketAddr> {
    internet(getsockname(handle)?)
}

pub(super) fn peer_address(handle: BorrowedHandle<'_>) -> io::Result<SocketAddr> {
    getpeername(handle)?.ok_or_else(|| io::ErrorKind::NotConnected.into()).and_then(internet)
}

pub(super) fn send(
    handle: BorrowedHandle<'_>,
    parts: &[&[u8]],
    handles: &[BorrowedHandle<'_>],
) -> Result<usize, SendError> {
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut space = [MaybeUninit::uninit(); CONTROL_SIZE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !handles.is_empty() && !control.push(SendAncillaryMessage::ScmRights(handles)) {
        return Err(SendError::Os(io::Error::new(io::ErrorKind::InvalidInput, "too many handles")));
    }
    loop {
        return match sendmsg(handle, &slices, &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(size) => Ok(size),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Err(SendError::TimedOut),
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN | Errno::TIMEDOUT) => Err(SendError::Closed),
            Err(errno) => Err(SendError::Os(errno.into())),
        };
    }
}

pub(super) fn recv(
    handle: BorrowedHandle<'_>,
    buffer: &mut [u8],
    handles: &mut Vec<OwnedHandle>,
) -> Result<Chunk, RecvError> {
    let mut space = [MaybeUninit::uninit(); CONTROL_SIZE];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = match recvmsg(handle, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Ok(message) => message,
            Err(Errno::INTR) => continue,
            // The other side went while bytes of ours were unread. The kernel reports that once; what it sent before
            // and the end come with the next calls.
            Err(Errno::CONNRESET | Errno::TIMEDOUT) => continue,
            Err(Errno::AGAIN) => return Err(RecvError::TimedOut),
            Err(errno) => return Err(RecvError::Os(errno.into())),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                handles.extend(fds);
            }
        }
        let handles_lost = message.flags.contains(ReturnFlags::CTRUNC);
        return match message.bytes {
            0 => Err(RecvError::Closed),
            size => Ok(Chunk { size, handles_lost }),
        };
    }
}

pub(super) fn shutdown(handle: BorrowedHandle<'_>, direction: Shutdown) -> io::Result<()> {
    match rustix::net::shutdown(handle, direction) {
        Err(Errno::NOTCONN) => Ok(()),
        other => Ok(other?),
    }
}

/// A socket that waits for nothing; who wants to wait uses `poll`.
fn tcp_socket(address: SocketAddr) -> io::Result<OwnedHandle> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?)
}

fn internet(address: SocketAddrAny) -> io::Result<SocketAddr> {
    address
        .try_into()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the socket has no internet address"))
}
