//! Readiness by `ppoll`: no limit of descriptor numbers, nanosecond timeouts.

use super::{Interest, Watch};
use crate::handle::{BorrowedHandle, OwnedHandle};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use std::io;
use std::time::Duration;

pub(super) fn wait(watches: &mut [Watch<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    let mut fds: Vec<PollFd<'_>> = watches
        .iter()
        .map(|watch| {
            let flags = match watch.interest {
                Interest::Read => PollFlags::IN,
                Interest::Write => PollFlags::OUT,
                // That both directions have ended is always reported; over TCP, who is gone has ended one of them.
                Interest::End => PollFlags::RDHUP,
            };
            PollFd::from_borrowed_fd(watch.handle, flags)
        })
        .collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let n_ready = match poll(&mut fds, timeout.as_ref()) {
        Err(Errno::INTR) => 0,
        other => other?,
    };
    let found: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    for (watch, ready) in watches.iter_mut().zip(found) {
        watch.ready = n_ready > 0 && ready;
    }
    Ok(n_ready)
}

pub(super) fn group(members: &[BorrowedHandle<'_>]) -> io::Result<OwnedHandle> {
    let group = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (idx, member) in members.iter().enumerate() {
        epoll::add(&group, member, epoll::EventData::new_u64(idx as u64), epoll::EventFlags::IN)?;
    }
    Ok(group)
}

pub(super) fn add(group: &OwnedHandle, member: BorrowedHandle<'_>) -> io::Result<()> {
    Ok(epoll::add(group, member, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?)
}

pub(super) fn remove(group: &OwnedHandle, member: BorrowedHandle<'_>) {
    // It fails only for what is no member, and then there is nothing to take out.
    let _ = epoll::delete(group, member);
}
