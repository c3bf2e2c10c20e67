//! Waiting until one of many handles has something to say.
//!
//! # What a port provides
//!
//! - `wait(watches, timeout)`: sleeps until at least one watched handle is ready or the time is over, and marks
//!   the ready ones; returns early for a signal.
//! - `group(handles) -> handle`: one that is readable while any of them is; `add` and `remove` change who they are.

mod group;
mod linux;
use linux as imp;

pub use group::Group;

use crate::clock::Deadline;
use crate::handle::BorrowedHandle;
use std::io;

/// A handle to wait for, and what was found.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, Watch, wait};
/// use ipc_sys::socket::MessageSocket;
///
/// let (a, b) = MessageSocket::pair()?;
/// a.send(&[b"x"], &[], Deadline::NEVER)?;
/// let mut watches = [Watch::new(a.handle(), Interest::Read), Watch::new(b.handle(), Interest::Read)];
/// assert_eq!(wait(&mut watches, Deadline::NEVER)?, 1);
/// assert!(!watches[0].is_ready());
/// assert!(watches[1].is_ready());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Watch<'a> {
    handle: BorrowedHandle<'a>,
    interest: Interest,
    ready: bool,
}

/// What a [`Watch`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something can be read, or the other side is gone.
    Read,
    /// Something can be written, or the other side is gone.
    Write,
    /// The other side is gone, or has ended what it says. What it has said before does not count.
    End,
}

impl<'a> Watch<'a> {
    /// Watches `handle` for `interest`.
    pub fn new(handle: BorrowedHandle<'a>, interest: Interest) -> Self {
        Watch { handle, interest, ready: false }
    }

    /// Whether the last [`wait`] found the handle ready.
    pub fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Sleeps until a watched handle is ready or the deadline passes; returns how many are ready, 0 for none.
///
/// # Blocking
///
/// Until a handle is ready, the other side of one is gone, or the deadline. Signals do not end the wait.
///
/// # Errors
///
/// The system's error, when memory is short or there are more handles than the process may open.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, Watch, wait};
/// use ipc_sys::socket::MessageSocket;
/// use std::time::Duration;
///
/// let (a, b) = MessageSocket::pair()?;
/// let (c, d) = MessageSocket::pair()?;
/// let mut watches = [&b, &d].map(|socket| Watch::new(socket.handle(), Interest::Read));
/// assert_eq!(wait(&mut watches, Deadline::after(Duration::from_millis(10)))?, 0);
///
/// drop(c); // The end is something to read, too.
/// assert_eq!(wait(&mut watches, Deadline::NEVER)?, 1);
/// assert!(watches[1].is_ready());
/// # drop(a);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait(watches: &mut [Watch<'_>], deadline: Deadline) -> io::Result<usize> {
    loop {
        let n_ready = imp::wait(watches, deadline.remaining())?;
        if n_ready > 0 || deadline.is_over() {
            return Ok(n_ready);
        }
    }
}

/// Waits for a single handle; whether it is ready.
///
/// # Blocking
///
/// As [`wait`].
///
/// # Errors
///
/// As [`wait`].
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::readiness::{Interest, wait_one};
/// use ipc_sys::socket::MessageSocket;
///
/// let (a, b) = MessageSocket::pair()?;
/// assert!(wait_one(a.handle(), Interest::Write, Deadline::NEVER)?);
/// assert!(!wait_one(b.handle(), Interest::Read, Deadline::NOW)?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_one(handle: BorrowedHandle<'_>, interest: Interest, deadline: Deadline) -> io::Result<bool> {
    Ok(wait(&mut [Watch::new(handle, interest)], deadline)? > 0)
}
