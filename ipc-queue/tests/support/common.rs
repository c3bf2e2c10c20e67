//! What several processes of a test tell each other, and a system that lacks something.
//!
//! # Safety
//!
//! Sends signals to children that nobody has collected yet, and forks like a library that knows nothing of us: what the
//! child runs is given by the test, and keeps to what is safe there.
#![allow(unsafe_code)]
// Each test file uses some of these.
#![allow(dead_code)]

use ipc_codec::{Limits, encode};
use ipc_sys::clock::Deadline;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::{Child, ExitStatus, Signal, exit_now, thread_count};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy; reached only when a test fails.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Long enough for a waiter to fall asleep, and to look again.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// How long a test that may be long takes: as said, or a minute with the variable `IPC_QUEUE_LONG`.
pub(crate) fn long_or(short: Duration) -> Duration {
    if is_long() { Duration::from_secs(60) } else { short }
}

/// Whether the long forms of the tests are wanted.
pub(crate) fn is_long() -> bool {
    std::env::var_os("IPC_QUEUE_LONG").is_some()
}

/// Numbers that all processes of a test see.
pub(crate) struct Board(SharedMapping);

impl Board {
    pub(crate) fn new(count: usize) -> Board {
        Board(SharedMapping::create(8 * count).expect("memory is left"))
    }

    pub(crate) fn number(&self, idx: usize) -> &AtomicU64 {
        self.0.atomic_u64(8 * idx)
    }

    pub(crate) fn add(&self, idx: usize) {
        self.number(idx).fetch_add(1, SeqCst);
    }

    pub(crate) fn get(&self, idx: usize) -> u64 {
        self.number(idx).load(SeqCst)
    }

    pub(crate) fn set(&self, idx: usize, number: u64) {
        self.number(idx).store(number, SeqCst);
    }

    pub(crate) fn raise(&self, idx: usize, number: u64) {
        self.number(idx).fetch_max(number, SeqCst);
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
        sleep(Duration::from_micros(200));
    }
}

/// Waits until the threads that were joined are gone for the system, too: many take their time on a busy machine.
#[track_caller]
pub(crate) fn wait_for_threads() {
    eventually(|| thread_count().expect("procfs is there") == 1);
}

/// Waits for the end of a child, which is that of its body.
#[track_caller]
pub(crate) fn join(child: &Child) {
    let status = child.wait(Deadline::NEVER).expect("a child can be waited for");
    assert_eq!(status, Some(ExitStatus::Exited(0)));
}

/// Kills a child, which lives until then.
#[track_caller]
pub(crate) fn kill(child: &Child) {
    child.signal(Signal::Kill).expect("it is a child");
    let status = child.wait(Deadline::NEVER).expect("a child can be waited for");
    let killed = ExitStatus::Signaled { signal: libc::SIGKILL, core_dumped: false };
    assert_eq!(status, Some(killed), "it had not ended before");
}

/// Waits until a child sleeps, in a call or between two.
#[track_caller]
pub(crate) fn wait_for_sleep(child: &Child) {
    let pid = i32::try_from(child.pid()).expect("a small number");
    eventually(|| ipc_testkit::proc::stat(pid).is_some_and(|stat| stat.state == 'S'));
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

/// Sends a value to this process itself.
pub(crate) fn travel<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, String> {
    let message = encode(value, &Limits::default()).expect("it can be sent");
    message.decode(&Limits::default()).map_err(|error| error.to_string())
}

/// From here on this process has so much address space and no more: what asks for more ends at once.
pub(crate) fn limit_memory(most: u64) {
    let room = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(most), ..room }).expect("a lower limit");
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

/// Does something while the process cannot open another descriptor, however many it has.
pub(crate) fn without_descriptors(body: impl FnOnce()) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).expect("less is allowed");
    body();
    setrlimit(Resource::Nofile, limit).expect("as it was");
}

/// How long this process has been on a processor.
pub(crate) fn processor_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime)
        .try_into()
        .expect("a process has not run for less than nothing")
}
