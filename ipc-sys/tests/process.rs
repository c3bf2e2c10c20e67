//! Children: how they start, what they get, how they end, and that nobody is mistaken for them.
//!
//! # Safety
//!
//! Sets a signal handler and the signal mask by the C library's calls, on records of their own.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::process::{
    Child, ExitStatus, OWN_IMAGE, Program, Signal, SpawnError, SpawnStep, claim_channel, exit_now,
    name_channel, spawn,
};
use ipc_sys::socket::MessageSocket;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, temp_dir};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::sync::Barrier;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::{FullTable, LONG, fork_child, join, output, pipe, program, shell, status, wait_until};

fn start(program: &Program<'_>) -> Child {
    spawn(program).expect("the program is there")
}

fn refusal(program: &Program<'_>) -> (SpawnStep, Option<i32>) {
    let SpawnError { step, source } = spawn(program).expect_err("it cannot start");
    (step, source.raw_os_error())
}

const KILLED: ExitStatus = ExitStatus::Signaled { signal: 9, core_dumped: false };

/// A thread that was joined runs nothing any more, though the system lists it for a moment longer.
#[test]
fn a_joined_thread_does_not_count() {
    isolated(|| {
        for round in 0..5000 {
            let thread = std::thread::spawn(|| ipc_sys::process::thread_count().expect("it can be counted"));
            assert_eq!(thread.join().expect("no panic"), 2, "round {round}");
            assert_eq!(ipc_sys::process::thread_count().expect("it can be counted"), 1, "round {round}");
        }
    });
}

#[test]
fn exit_codes_and_signals() {
    isolated(|| {
        for code in [0, 1, 3, 127, 255] {
            assert_eq!(status(&start(&shell(&format!("exit {code}")))), ExitStatus::Exited(code));
            assert_eq!(status(&fork_child(|| exit_now(code))), ExitStatus::Exited(code));
        }
        for (name, signal) in [("KILL", 9), ("TERM", 15), ("INT", 2), ("USR1", 10)] {
            let status = status(&start(&shell(&format!("kill -{name} $$"))));
            assert_eq!(status, ExitStatus::Signaled { signal, core_dumped: false });
            assert_eq!((status.success(), status.code(), status.signal()), (false, None, Some(signal)));
        }
        for (signal, number) in [(Signal::Interrupt, 2), (Signal::Terminate, 15), (Signal::Kill, 9)] {
            let child = fork_child(|| sleep(LONG));
            child.signal(signal).expect("it is our child");
            assert_eq!(status(&child).signal(), Some(number));
        }
    });
}

#[test]
fn arguments_and_environment_are_those_given() {
    isolated(|| {
        let mut echo = program("/bin/sh", &["-c", r#"echo "$0|$1|$2|$3""#, "name", "", "two words", "ü"]);
        assert_eq!(output(echo), "name||two words|ü\n");
        echo = program("/usr/bin/env", &[]);
        echo.env = ["A=1", "B=", "C=x=y"].map(|text| CString::new(text).expect("no zero inside")).to_vec();
        assert_eq!(output(echo), "A=1\nB=\nC=x=y\n");
        assert_eq!(output(program("/usr/bin/env", &[])), "");
    });
}

#[test]
fn what_cannot_start_is_an_error_and_leaves_nothing() {
    isolated(|| {
        let folder = temp_dir();
        let file = folder.path().join("file");
        std::fs::write(&file, "no program").expect("the folder is ours");
        let file = file.to_str().expect("the name is text");
        let before = Snapshot::take();
        assert_eq!(refusal(&program("/no/such/program", &[])), (SpawnStep::Exec, Some(libc::ENOENT)));
        assert_eq!(refusal(&program(file, &[])), (SpawnStep::Exec, Some(libc::EACCES)));
        let mut lost = shell("exit 0");
        lost.current_dir = Some(c"/no/such/folder".into());
        assert_eq!(refusal(&lost), (SpawnStep::CurrentDir, Some(libc::ENOENT)));
        lost.current_dir = Some(CString::new(file).expect("no zero inside"));
        assert_eq!(refusal(&lost), (SpawnStep::CurrentDir, Some(libc::ENOTDIR)));
        let long = "x".repeat(200_000);
        assert_eq!(refusal(&program("/bin/true", &[&long])), (SpawnStep::Exec, Some(libc::E2BIG)));
        // No descriptor, and no child that nobody would ever wait for.
        let left = before.diff(&Snapshot::take());
        assert!(left.is_empty(), "{left}");
        let none = waitpid(None, WaitOptions::NOHANG);
        assert_eq!(none.err(), Some(rustix::io::Errno::CHILD));
    });
}

#[test]
fn a_full_table_of_handles_is_an_error() {
    isolated(|| {
        let null = File::open("/dev/null").expect("Linux has it");
        let full = FullTable::with_room_for(0);
        assert_eq!(refusal(&shell("exit 0")), (SpawnStep::Clone, Some(libc::EMFILE)));
        let mut redirected = shell("exit 0");
        redirected.stdio[1] = Some(null.as_fd());
        assert_eq!(refusal(&redirected), (SpawnStep::Handles, Some(libc::EMFILE)));
        drop(full);
        join(&start(&redirected));
    });
}

#[test]
fn the_working_directory() {
    isolated(|| {
        let folder = temp_dir();
        let path = folder.path().canonicalize().expect("the folder is there");
        let path = path.to_str().expect("the name is text");
        let mut child = program("/bin/pwd", &["-P"]);
        child.current_dir = Some(CString::new(path).expect("no zero inside"));
        assert_eq!(output(child).trim_end(), path);
        let here = std::env::current_dir().expect("it is there");
        assert_eq!(output(program("/bin/pwd", &[])).trim_end(), here.to_str().expect("the name is text"));
    });
}

#[test]
fn the_standard_streams_are_replaced() {
    isolated(|| {
        let (to, mut writer) = pipe();
        let (mut out, from_out) = pipe();
        let (mut err, from_err) = pipe();
        let mut child = shell("read line; echo \"out $line\"; echo \"err $line\" >&2");
        child.stdio = [Some(to.as_fd()), Some(from_out.as_fd()), Some(from_err.as_fd())];
        let child = start(&child);
        drop((to, from_out, from_err));
        writer.write_all(b"text\n").expect("the child reads");
        let mut text = String::new();
        out.read_to_string(&mut text).expect("text");
        err.read_to_string(&mut text).expect("text");
        assert_eq!(text, "out text\nerr text\n");
        join(&child);
    });
}

/// The handles for the streams may be streams themselves, in another order: none overwrites another before its turn.
#[test]
fn the_standard_streams_may_change_places() {
    isolated(|| {
        let (mut reader, writer) = pipe();
        let null = File::open("/dev/null").expect("Linux has it");
        // In this process 0 is the pipe, 1 and 2 are something else.
        ipc_sys::process::replace_stdio(0, writer.as_fd()).expect("both are open");
        drop(writer);
        let mut child = shell("echo 1; echo 2 >&2");
        let (stdin, stdout) = (io::stdin(), io::stdout());
        child.stdio = [Some(stdout.as_fd()), Some(stdin.as_fd()), Some(stdin.as_fd())];
        join(&start(&child));
        ipc_sys::process::replace_stdio(0, null.as_fd()).expect("both are open");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        assert_eq!(text, "1\n2\n");
    });
}

#[test]
fn only_the_channel_survives() {
    isolated(|| {
        // The three streams, and what whoever started the tests left open for all.
        let inherited = numbers_in(&output(shell("ls /proc/$$/fd")));
        assert!([0, 1, 2].iter().all(|number| inherited.contains(number)));
        let files: Vec<File> = (0..20).map(|_| File::open("/dev/null").expect("Linux has it")).collect();
        let (channel, other) = MessageSocket::pair().expect("handles are left");
        let number = channel.handle().as_raw_fd();
        let mut list = shell("ls /proc/$$/fd");
        list.channel = Some(channel.handle());
        let mut expected = inherited.clone();
        expected.insert(number);
        assert_eq!(numbers_in(&output(list)), expected);
        assert_eq!(numbers_in(&output(shell("ls /proc/$$/fd"))), inherited);
        // Here it is as it was.
        assert!(support::is_close_on_exec(channel.handle()));
        drop((files, other));
    });
}

#[test]
fn a_child_starts_with_clean_signals() {
    isolated(|| {
        let before = signal_state("/proc/self/status");
        let mask = block(&[libc::SIGUSR1, libc::SIGTERM, libc::SIGCHLD]);
        on_signal(libc::SIGUSR2);
        let child = output(program("/bin/cat", &["/proc/self/status"]));
        let [blocked, ignored, caught] = signals_in(&child);
        assert_eq!((blocked, caught), (0, 0));
        // What is ignored stays so across any exec.
        assert_eq!(ignored, before[1]);
        // The calling thread is as it was.
        let now = signal_state("/proc/self/status");
        assert_eq!(
            now[0],
            before[0] | 1 << (libc::SIGUSR1 - 1) | 1 << (libc::SIGTERM - 1) | 1 << (libc::SIGCHLD - 1)
        );
        assert_ne!(now[2] & 1 << (libc::SIGUSR2 - 1), 0);
        unblock(mask);
    });
}

#[test]
fn the_status_is_the_same_for_all_threads() {
    for _ in 0..20 {
        let child = start(&shell("exit 42"));
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        child.wait(Deadline::after(LONG)).expect("memory is left")
                    })
                })
                .collect();
            for thread in threads {
                assert_eq!(thread.join().expect("wait does not panic"), Some(ExitStatus::Exited(42)));
            }
        });
        assert_eq!(child.wait(Deadline::NOW).expect("it is remembered"), Some(ExitStatus::Exited(42)));
    }
}

#[test]
fn waiting_for_a_child_that_lives_times_out() {
    isolated(|| {
        let child = fork_child(|| sleep(LONG));
        assert_eq!(child.wait(Deadline::NOW).expect("memory is left"), None);
        let (begin, timeout) = (Instant::now(), Duration::from_millis(40));
        assert_eq!(child.wait(Deadline::after(timeout)).expect("memory is left"), None);
        assert!(begin.elapsed() >= timeout);
        child.signal(Signal::Kill).expect("it is our child");
        assert_eq!(status(&child), KILLED);
    });
}

/// Another part of the program waits for any child. Newer kernels keep the status for whoever has the handle.
#[test]
fn a_status_that_was_collected_by_others() {
    isolated(|| {
        let is_kept = kernel() >= (6, 15);
        for (line, expected) in [("exit 5", ExitStatus::Exited(5)), ("kill -KILL $$", KILLED)] {
            let child = start(&shell(line));
            let pid = Pid::from_raw(child.pid() as i32).expect("not zero");
            waitpid(Some(pid), WaitOptions::empty()).expect("it is our child");
            assert_eq!(status(&child), if is_kept { expected } else { ExitStatus::Unknown });
            child.signal(Signal::Kill).expect("nothing, for it has ended");
        }
        // The same when the system itself collects children.
        ignore(libc::SIGCHLD);
        let child = start(&shell("exit 5"));
        assert_eq!(status(&child), if is_kept { ExitStatus::Exited(5) } else { ExitStatus::Unknown });
    });
}

#[test]
fn a_signal_to_an_ended_child_is_nothing() {
    isolated(|| {
        let child = start(&shell("exit 7"));
        wait_until(|| support::state(child.pid()) == Some('Z'));
        child.signal(Signal::Kill).expect("it has ended");
        assert_eq!(status(&child), ExitStatus::Exited(7));
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::Kill] {
            child.signal(signal).expect("it was waited for");
            ipc_sys::process::signal(child.handle(), signal).expect("it was waited for");
        }
    });
}

#[test]
fn a_forked_child_is_a_copy_of_one_thread() {
    let child = fork_one_of_many();
    join(&child);
    isolated(|| {
        let mut number = 1;
        let child = fork_child(|| {
            number += 1;
            assert_eq!(number, 2);
            assert_eq!(ipc_sys::process::thread_count().ok(), Some(1));
        });
        join(&child);
        assert_eq!(number, 1);
        assert_ne!(child.pid(), std::process::id());
        assert!(support::is_close_on_exec(child.handle()));
    });
}

#[test]
fn many_children_leave_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        for _ in 0..100 {
            join(&start(&shell("exit 0")));
            join(&fork_child(|| {}));
        }
        before.assert_no_growth();
    });
}

#[test]
fn children_are_started_from_many_threads_at_once() {
    thread::scope(|scope| {
        for idx in 0..4 {
            scope.spawn(move || {
                for round in 0..20 {
                    let code = idx * 20 + round;
                    assert_eq!(status(&start(&shell(&format!("exit {code}")))), ExitStatus::Exited(code));
                }
            });
        }
    });
}

#[test]
fn a_channel_is_claimed_once_and_by_its_name() {
    let (mine, other) = MessageSocket::pair().expect("handles are left");
    let name = name_channel(mine.handle()).expect("the handle is open");
    assert!(claim_channel(&name).is_none(), "a handle that this program opened itself is close-on-exec");
    // As after an exec.
    let handle: OwnedHandle = mine.into_handle();
    rustix::io::fcntl_setfd(&handle, rustix::io::FdFlags::empty()).expect("the handle is open");
    let number = handle.into_raw_fd();
    for wrong in ["", ":", "3", "x:y", "-1:5", "99999999999:1", "1000000:1", &format!("{number}:1")] {
        assert!(claim_channel(wrong).is_none(), "{wrong:?}");
    }
    let claimed = claim_channel(&name).expect("the channel");
    assert!(support::is_close_on_exec(claimed.as_fd()));
    assert!(claim_channel(&name).is_none(), "claimed already");
    let claimed = MessageSocket::from_handle(claimed).expect("the end of a socket");
    other.send(&[b"x"], &[], Deadline::NOW).expect("there is room");
    assert_eq!(claimed.recv(&mut [0; 9], Deadline::NOW).expect("it is there").size, 1);
}

#[test]
fn this_program_can_be_run_again() {
    isolated(|| {
        let path = OWN_IMAGE.to_str().expect("text");
        let list = output(program(path, &["--list"]));
        assert!(list.contains("this_program_can_be_run_again: test"), "{list}");
    });
}

#[test]
fn the_display_name() {
    isolated(|| {
        for (name, expected) in
            [("short", "short"), ("a name that is too long", "a name that is "), ("z\0ero", "zero")]
        {
            ipc_sys::process::DisplayName::of(name).set();
            let shown = std::fs::read_to_string("/proc/self/comm").expect("procfs is there");
            assert_eq!(shown.trim_end_matches('\n'), expected);
        }
    });
}

#[test]
fn a_variable_is_changed_when_nobody_can_be_reading() {
    isolated(|| {
        use ipc_sys::process::set_variable;
        let (name, value) = (OsStr::new("IPC_SYS_TEST"), OsStr::new("x"));
        thread::scope(|scope| {
            scope.spawn(|| assert!(!set_variable(name, Some(value)), "there are two threads"));
        });
        assert_eq!(std::env::var_os(name), None);
        wait_until(|| ipc_sys::process::thread_count().is_ok_and(|n_threads| n_threads == 1));
        assert!(set_variable(name, Some(value)));
        assert_eq!(std::env::var_os(name).as_deref(), Some(value));
        assert!(set_variable(name, None));
        assert_eq!(std::env::var_os(name), None);
    });
}

/// The descriptors in a list of `/proc/.../fd`.
fn numbers_in(list: &str) -> BTreeSet<i32> {
    list.lines().map(|line| line.parse().expect("a number")).collect()
}

fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs is there");
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Blocked, ignored and caught signals of a process, as its status file tells.
fn signal_state(path: &str) -> [u64; 3] {
    signals_in(&std::fs::read_to_string(path).expect("procfs is there"))
}

fn signals_in(status: &str) -> [u64; 3] {
    ["SigBlk:", "SigIgn:", "SigCgt:"].map(|field| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux has it");
        u64::from_str_radix(line.trim(), 16).expect("a number")
    })
}

#[allow(unsafe_code)]
fn block(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: plain data, for which zero is a value.
    let (mut set, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    for &signal in signals {
        // SAFETY: the set is this function's own.
        unsafe { libc::sigaddset(&mut set, signal) };
    }
    // SAFETY: both sets are this function's own.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut before) };
    before
}

#[allow(unsafe_code)]
fn unblock(mask: libc::sigset_t) {
    // SAFETY: the set came from the system.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut()) };
}

#[allow(unsafe_code)]
fn on_signal(signal: i32) {
    extern "C" fn nothing(_signal: i32) {}
    let handler = nothing as extern "C" fn(i32);
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(signal, handler as libc::sighandler_t) };
}

#[allow(unsafe_code)]
fn ignore(signal: i32) {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// A child of a process that has other threads, which calls nothing but what a signal handler may.
#[allow(unsafe_code)]
fn fork_one_of_many() -> Child {
    // SAFETY: the child exits at once.
    match unsafe { ipc_sys::process::fork() }.expect("the process can be made") {
        ipc_sys::process::Forked::Parent(child) => child,
        ipc_sys::process::Forked::Child => exit_now(0),
    }
}
