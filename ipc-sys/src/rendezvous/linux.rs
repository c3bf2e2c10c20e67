//! Names of local sockets on Linux: socket files in a folder, made and found by the crate `interprocess`.
//!
//! Every name is reached through the descriptor of the folder, by `/proc/self/fd/<n>/<name>`: the folder that was checked is
//! the one that is used, and no path is too long for a socket address.

use super::{Found, Identity};
use crate::handle::OwnedHandle;
use interprocess::ConnectWaitMode;
use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{
    ConnectOptions, GenericFilePath, ListenerNonblockingMode, ListenerOptions, Name,
};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, getpeername, socket_with};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

pub(super) fn default_path() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let of_session = PathBuf::from(format!("/run/user/{uid}"));
    if of_session.is_dir() {
        return of_session.join("multiproc");
    }
    PathBuf::from(format!("/tmp/multiproc-{uid}"))
}

pub(super) fn open(path: &Path, make: bool) -> io::Result<OwnedHandle> {
    if make {
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    // Not through a link, which in a folder for all may be anybody's.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let folder = openat(CWD, path, flags, Mode::empty())?;
    let status = fstat(&folder)?;
    let is_private = status.st_mode & 0o077 == 0;
    if status.st_uid != rustix::process::geteuid().as_raw() || !is_private {
        let text = "the folder must belong to this user, with no permission for others (mode 0700)";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(folder)
}

/// A second description of the folder, locked; it lets go when it is dropped, or its process is gone.
pub(super) fn lock(folder: &OwnedHandle) -> io::Result<Option<OwnedHandle>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let own = openat(folder, ".", flags, Mode::empty())?;
    match rustix::fs::flock(&own, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(own)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// A datagram socket cannot connect to one that listens, and the kernel tells so only while somebody has that one.
pub(super) fn probe(folder: &OwnedHandle, name: &str) -> io::Result<Found> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) if FileType::from_raw_mode(status.st_mode) == FileType::Socket => {}
        Ok(_) => return Ok(Found::InUse),
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(errno) => return Err(errno.into()),
    }
    let probe = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let address = SocketAddrUnix::new(path_of(folder, name))?;
    match rustix::net::connect(&probe, &address) {
        Err(Errno::CONNREFUSED) => Ok(Found::Dead),
        Err(Errno::NOENT) => Ok(Found::Nothing),
        Ok(()) | Err(Errno::PROTOTYPE) => Ok(Found::InUse),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn identity(folder: &OwnedHandle, name: &str) -> io::Result<Identity> {
    let status = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Identity { device: status.st_dev, number: status.st_ino })
}

pub(super) fn listen(folder: &OwnedHandle, name: &str) -> io::Result<OwnedHandle> {
    let path = path_of(folder, name);
    let listener = ListenerOptions::new()
        .name(socket_name(&path)?)
        .mode(0o600)
        .nonblocking(ListenerNonblockingMode::Accept)
        // It would remove whatever has the name by then, and in a forked child, too.
        .reclaim_name(false)
        .create_sync()?;
    let LocalSocketListener::UdSocket(listener) = listener;
    Ok(listener.into())
}

/// A connection, or nothing if the queue of the listener is full.
pub(super) fn connect(folder: &OwnedHandle, name: &str) -> io::Result<Option<OwnedHandle>> {
    let path = path_of(folder, name);
    let stream = ConnectOptions::new()
        .name(socket_name(&path)?)
        .wait_mode(ConnectWaitMode::Deferred)
        .connect_sync()?;
    let LocalSocketStream::UdSocket(stream) = stream;
    let handle = OwnedHandle::from(stream);
    // The crate takes a full queue for a connection that will be made, which for local sockets it is not.
    match getpeername(&handle) {
        Ok(_) => Ok(Some(handle)),
        Err(Errno::NOTCONN) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn remove(folder: &OwnedHandle, name: &str) -> io::Result<()> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

fn path_of(folder: &OwnedHandle, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", folder.as_raw_fd())
}

fn socket_name(path: &str) -> io::Result<Name<'_>> {
    path.to_fs_name::<GenericFilePath>()
}
