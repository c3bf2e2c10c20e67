//! What a process does to itself: its threads, streams, name, environment, channel and end.
//!
//! # Safety
//!
//! Changes the environment, which is sound while no other thread can read it: there is none.
#![allow(unsafe_code)]

use super::imp;
use crate::handle::{BorrowedHandle, OwnedHandle};
use std::ffi::{CString, OsStr};
use std::io;

/// The number of threads of this process.
///
/// # Errors
///
/// The system's error when it does not tell.
///
/// # Examples
///
/// ```
/// assert!(ipc_sys::process::thread_count()? >= 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[inline]
pub fn thread_count() -> io::Result<usize> {
    imp::thread_count()
}

/// How many bytes of memory the system holds for this process at the moment, shared memory included.
///
/// # Errors
///
/// The system's error when it does not tell.
///
/// # Platform
///
/// Linux: `/proc/self/statm`.
///
/// # Examples
///
/// ```
/// assert!(ipc_sys::process::resident_memory()? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn resident_memory() -> io::Result<u64> {
    imp::resident_memory()
}

/// Ends the process at once: no destructor, no exit handler, no flushing.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
///
/// /// Would end the process with another code.
/// struct Loud;
/// impl Drop for Loud {
///     fn drop(&mut self) {
///         exit_now(1);
///     }
/// }
///
/// // SAFETY: the child only exits.
/// match unsafe { fork() }? {
///     Forked::Child => {
///         let _loud = Loud;
///         exit_now(0)
///     }
///     Forked::Parent(child) => assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0))),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[inline]
pub fn exit_now(code: i32) -> ! {
    imp::exit_now(code)
}

/// Puts a copy of `handle` in the place of standard input (0), output (1) or error (2) of this process.
///
/// # Errors
///
/// The system's error.
///
/// # Panics
///
/// When `number` is above 2.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::replace_stdio;
/// use std::os::fd::AsFd;
///
/// let nothing = std::fs::File::open("/dev/null")?;
/// replace_stdio(0, nothing.as_fd())?;
/// assert_eq!(std::io::read_to_string(std::io::stdin())?, "");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn replace_stdio(number: usize, handle: BorrowedHandle<'_>) -> io::Result<()> {
    imp::replace_stdio(number, handle)
}

/// The same object by a handle that is not in the place of a standard stream, where [`replace_stdio`] and a program that is
/// started would overwrite it.
///
/// # Errors
///
/// The system's error when the table of handles is full.
///
/// # Examples
///
/// ```
/// use std::os::fd::AsRawFd;
///
/// let file = std::fs::File::open("/dev/null")?;
/// let handle = ipc_sys::process::above_stdio(file.into())?;
/// assert!(handle.as_raw_fd() > 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn above_stdio(handle: OwnedHandle) -> io::Result<OwnedHandle> {
    imp::above_stdio(handle)
}

/// The name under which tools such as `ps` and `top` list a process; the system may cut it short.
///
/// # Platform
///
/// Linux: names belong to threads, and a process goes by that of its main thread; 15 bytes are kept.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::DisplayName;
///
/// DisplayName::of("a name that is too long").set();
/// let shown = std::fs::read_to_string("/proc/thread-self/comm")?;
/// assert_eq!(shown, "a name that is \n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DisplayName(CString);

impl DisplayName {
    /// This name, without its zeros.
    pub fn of(name: &str) -> DisplayName {
        DisplayName(imp::display_name(name))
    }

    /// Has this process go by it, when the main thread calls.
    #[inline]
    pub fn set(&self) {
        imp::set_display_name(&self.0);
    }
}

/// Has a write to a pipe that nobody reads be an error instead of the end of the process.
///
/// The standard library does so before `main`; a child that runs before `main` does it by this call.
///
/// # Examples
///
/// ```
/// use std::io::{ErrorKind, Write};
///
/// ipc_sys::process::ignore_broken_pipes();
/// let (mut here, there) = std::os::unix::net::UnixStream::pair()?;
/// drop(there);
/// assert_eq!(here.write(b"anybody?").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ignore_broken_pipes() {
    imp::ignore_broken_pipes();
}

/// Writes out what C code of this process has printed and its library still holds, if no other thread could be using it at the
/// moment: one that waits for input holds its stream for as long.
///
/// # Examples
///
/// ```
/// // Before a fork, so that the copy does not print it once more.
/// ipc_sys::process::flush_c_streams();
/// ```
#[inline]
pub fn flush_c_streams() {
    if thread_count().is_ok_and(|n_threads| n_threads == 1) {
        imp::flush_c_streams();
    }
}

/// A name for `handle` by which a program started with it as its channel finds it, in an environment variable say.
///
/// # Errors
///
/// The system's error.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::memory::FrozenBytes;
/// use ipc_sys::process::{ExitStatus, Program, name_channel, spawn};
/// use std::ffi::CString;
/// use std::os::fd::AsFd;
///
/// let channel = FrozenBytes::freeze(&[b"for the child"])?;
/// let name = name_channel(channel.as_fd())?;
/// // A program of the family calls `claim_channel`; here a shell reads, on Linux, what the number in front belongs to.
/// let script = c"test \"$(cat /proc/self/fd/${CHANNEL%%:*})\" = 'for the child'";
/// let child = spawn(&Program {
///     path: c"/bin/sh".into(),
///     args: [c"sh", c"-c", script].map(Into::into).to_vec(),
///     env: vec![c"PATH=/usr/bin:/bin".into(), CString::new(format!("CHANNEL={name}"))?],
///     current_dir: None,
///     stdio: [None; 3],
///     channel: Some(channel.as_fd()),
/// })?;
/// assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn name_channel(handle: BorrowedHandle<'_>) -> io::Result<String> {
    imp::name_channel(handle)
}

/// The channel of this process by the name that it was told, once.
///
/// `None` when this process was not started with that channel: the name was inherited from an ancestor, made up, or
/// used already.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{claim_channel, name_channel};
/// use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
///
/// let file = std::fs::File::open("/dev/null")?;
/// let name = name_channel(file.as_fd())?;
/// // This program opened the file itself: it is no channel.
/// assert!(claim_channel(&name).is_none());
/// # // As if it had come across exec.
/// # rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
/// # let number = file.into_raw_fd();
///
/// // In a program that was started with it, under the same name:
/// let channel = claim_channel(&name).expect("it came with this program");
/// assert_eq!(channel.as_raw_fd(), number);
/// // It has its owner now.
/// assert!(claim_channel(&name).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn claim_channel(name: &str) -> Option<OwnedHandle> {
    imp::claim_channel(name)
}

/// Sets or, with `None`, removes a variable of this process's environment, if no other thread could be reading it at
/// the moment; whether it did.
///
/// # Examples
///
/// ```
/// use ipc_sys::process::{set_variable, thread_count};
/// use std::ffi::{CString, OsStr};
///
/// let name = OsStr::new("GREETING");
/// let was_set = set_variable(name, Some(OsStr::new("hello")));
/// assert_eq!(was_set, thread_count()? == 1);
/// assert_eq!(std::env::var_os(name).is_some(), was_set);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_variable(name: &OsStr, value: Option<&OsStr>) -> bool {
    let is_alone = thread_count().is_ok_and(|n_threads| n_threads == 1);
    if is_alone {
        match value {
            // SAFETY: this is the only thread.
            Some(value) => unsafe { std::env::set_var(name, value) },
            // SAFETY: as above.
            None => unsafe { std::env::remove_var(name) },
        }
    }
    is_alone
}
