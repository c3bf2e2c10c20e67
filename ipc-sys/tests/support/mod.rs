//! Forked children, programs to start, and a full table of handles, for tests that run in a process of their own.
//!
//! # Safety
//!
//! Forks. The callers are bodies of `ipc_testkit::isolated`, which run on the only thread of their process.
#![allow(unsafe_code)]
// Each test file uses some of these.
#![allow(dead_code)]

use ipc_sys::clock::Deadline;
use ipc_sys::handle::BorrowedHandle;
use ipc_sys::process::{Child, ExitStatus, Forked, Program, exit_now, fork, thread_count};
use std::ffi::CString;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Long enough for a machine that is busy; reached only when a test fails.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Runs `body` in a forked child, which exits with 0 when it returns and with 101 when it panics.
pub(crate) fn fork_child(body: impl FnOnce()) -> Child {
    assert_eq!(thread_count().expect("procfs is there"), 1, "only a process of one thread forks safely");
    // SAFETY: this is the only thread.
    match unsafe { fork() }.expect("the process can be made") {
        Forked::Parent(child) => child,
        Forked::Child => {
            let result = catch_unwind(AssertUnwindSafe(body));
            exit_now(if result.is_ok() { 0 } else { 101 })
        }
    }
}

/// The status of a child that ends soon.
#[track_caller]
pub(crate) fn status(child: &Child) -> ExitStatus {
    child.wait(Deadline::after(LONG)).expect("a child can be waited for").expect("the child ends soon")
}

/// Waits for the end of a child, which is that of its body.
#[track_caller]
pub(crate) fn join(child: &Child) {
    assert_eq!(status(child), ExitStatus::Exited(0));
}

/// A program with these arguments, the environment of none, and the standard streams of this process.
pub(crate) fn program<'a>(path: &str, args: &[&str]) -> Program<'a> {
    let text = |text: &str| CString::new(text).expect("no zero inside");
    Program {
        path: text(path),
        args: [path].iter().chain(args).map(|arg| text(arg)).collect(),
        env: vec![],
        current_dir: None,
        stdio: [None; 3],
        channel: None,
    }
}

/// A shell that runs a line.
pub(crate) fn shell<'a>(line: &str) -> Program<'a> {
    program("/bin/sh", &["-c", line])
}

/// A pipe: the end to read from and the end to write to.
pub(crate) fn pipe() -> (File, File) {
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("handles are left");
    (reader.into(), writer.into())
}

/// Starts a program and returns what it writes to its standard output.
pub(crate) fn output(program: Program<'_>) -> String {
    use std::io::Read;
    use std::os::fd::AsFd;
    let (mut reader, writer) = pipe();
    let child = {
        let mut program = program;
        program.stdio[1] = Some(writer.as_fd());
        ipc_sys::process::spawn(&program).expect("the program is there")
    };
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("the program writes text");
    join(&child);
    text
}

/// Lets this process open `room` more handles and then none.
pub(crate) struct FullTable {
    fillers: Vec<File>,
    limit: rustix::process::Rlimit,
}

impl FullTable {
    pub(crate) fn with_room_for(room: usize) -> FullTable {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).expect("a lower limit is allowed");
        let mut fillers = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            fillers.push(file);
        }
        fillers.truncate(fillers.len() - room);
        FullTable { fillers, limit }
    }
}

impl Drop for FullTable {
    fn drop(&mut self) {
        self.fillers.clear();
        rustix::process::setrlimit(rustix::process::Resource::Nofile, self.limit).expect("the old limit");
    }
}

/// Whether a handle is closed by an exec.
pub(crate) fn is_close_on_exec(handle: BorrowedHandle<'_>) -> bool {
    rustix::io::fcntl_getfd(handle).expect("the handle is open").contains(rustix::io::FdFlags::CLOEXEC)
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + LONG;
    while !condition() {
        assert!(std::time::Instant::now() < end, "the condition never came to hold");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The letter by which the system tells what a process is doing: `T` for stopped, `Z` for ended.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

/// Stops a process and waits until it stands, or lets it go on.
pub(crate) fn set_stopped(pid: u32, stopped: bool) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = if stopped { Signal::STOP } else { Signal::CONT };
    kill_process(Pid::from_raw(pid as i32).expect("not zero"), signal).expect("it is our child");
    wait_until(|| (state(pid) == Some('T')) == stopped);
}
