//! Processes that are stopped, killed and forked behind our back, and what they tell each other meanwhile.
//!
//! # Safety
//!
//! Sends signals to children that nobody has collected yet, and forks like a library that knows nothing of us: what the
//! child runs is given by the test, and keeps to what is safe there.
#![allow(unsafe_code)]
// Each test file uses some of these.
#![allow(dead_code)]

use super::support::{LONG, fork_child};
use ipc_codec::{Limits, decode, encode};
use ipc_shared::SharedMemory;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, ExitStatus, Signal, exit_now, thread_count};
use ipc_sys::socket::MessageSocket;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Long enough for a waiter to fall asleep, and to look again.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

/// Numbers that all processes of a test see.
pub(crate) struct Board(SharedMemory);

impl Board {
    pub(crate) fn new() -> Board {
        Board(SharedMemory::unnamed(4096).expect("memory is left"))
    }

    pub(crate) fn number(&self, idx: usize) -> &AtomicU64 {
        self.0.atomic_u64(8 * idx).expect("it is on the board")
    }

    pub(crate) fn add(&self, idx: usize) {
        self.number(idx).fetch_add(1, SeqCst);
    }

    pub(crate) fn get(&self, idx: usize) -> u64 {
        self.number(idx).load(SeqCst)
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, idx: usize, number: u64) {
        eventually(|| self.get(idx) >= number);
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "it never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until the threads that were joined are gone for the system, too: many take their time on a busy machine.
#[track_caller]
pub(crate) fn wait_for_threads() {
    eventually(|| thread_count().expect("procfs is there") == 1);
}

/// Waits until it is killed.
pub(crate) fn sleep_for_ever() -> ! {
    loop {
        std::thread::sleep(LONG);
    }
}

#[track_caller]
pub(crate) fn kill(child: &Child) {
    child.signal(Signal::Kill).expect("it is a child");
    let status = child.wait(Deadline::after(LONG)).expect("a child can be waited for");
    assert_eq!(status.and_then(ExitStatus::signal), Some(libc::SIGKILL));
}

/// Stops a child, and returns when it stands still.
pub(crate) fn stop(child: &Child) {
    send(child, libc::SIGSTOP);
    // SAFETY: all zero is a valid record.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: the record is ours, and the call ends no child: it is about those that stop.
    let stopped = unsafe { libc::waitid(libc::P_PID, child.pid(), &mut info, libc::WSTOPPED) };
    assert_eq!(stopped, 0);
}

pub(crate) fn resume(child: &Child) {
    send(child, libc::SIGCONT);
}

fn send(child: &Child, signal: i32) {
    // SAFETY: nobody has collected the child, so the number is its own.
    assert_eq!(unsafe { libc::kill(child.pid() as i32, signal) }, 0);
}

/// How long the owner of a lock is stopped: long enough for many looks, or 30 s with the variable `IPC_SHARED_LONG`.
pub(crate) fn stop_time() -> Duration {
    if std::env::var_os("IPC_SHARED_LONG").is_some() { LONG } else { Duration::from_millis(300) }
}

/// Forks as any library may, whatever threads there are and however many descriptors; the child exits with 0 if the body
/// says that all was well. To be collected by [`collect`].
pub(crate) fn foreign_fork(body: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the body does what its test is about; it starts no thread, and takes no lock of another thread of ours.
    match unsafe { libc::fork() } {
        0 => exit_now(if body() { 0 } else { 1 }),
        pid => {
            assert!(pid > 0, "the process can be made");
            pid
        }
    }
}

/// Waits for the end of a child of [`foreign_fork`]: its exit code, or its signal as a negative number.
pub(crate) fn collect(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the number is that of a child that nobody has collected.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -libc::WTERMSIG(status) }
}

/// Sends a value to a process that was there before it.
pub(crate) struct Stranger {
    socket: MessageSocket,
    child: Child,
}

impl Stranger {
    /// Starts the process, which waits for a value and does something with it.
    pub(crate) fn start<T: DeserializeOwned>(body: impl FnOnce(T)) -> Stranger {
        let (ours, theirs) = MessageSocket::pair().expect("handles are left");
        let child = fork_child(|| {
            let mut buffer = [0; 1000];
            let received = theirs.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
            body(
                decode(&buffer[..received.size], received.handles, &Limits::default()).expect("as was sent"),
            );
        });
        Stranger { socket: ours, child }
    }

    pub(crate) fn send(self, value: &impl Serialize) -> Child {
        let message = encode(value, &Limits::default()).expect("it can be sent");
        let handles: Vec<_> = message.handles().iter().map(|handle| handle.as_fd()).collect();
        self.socket.send(&[message.bytes()], &handles, Deadline::NEVER).expect("the child is there");
        self.child
    }
}

/// Sends a value to this process itself.
pub(crate) fn travel<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, String> {
    let message = encode(value, &Limits::default()).expect("it can be sent");
    message.decode(&Limits::default()).map_err(|error| error.to_string())
}

/// While this lives, the process cannot open another descriptor.
pub(crate) struct NoDescriptors {
    limit: Rlimit,
    _fillers: Vec<File>,
}

impl NoDescriptors {
    pub(crate) fn new() -> NoDescriptors {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).expect("a lower limit");
        let fillers = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        NoDescriptors { limit, _fillers: fillers }
    }
}

impl Drop for NoDescriptors {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, self.limit).expect("the old limit");
    }
}
