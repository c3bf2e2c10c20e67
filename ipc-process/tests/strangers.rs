//! Other code in the same program and on the same machine: forks that are not the family's, and processes with the numbers of
//! those that have ended.
//!
//! With `IPC_PROCESS_LONG` set, numbers go round a thousand times, and there are five thousand forks.
//!
//! # Safety
//!
//! Forks by the C library, and signals processes by their number while they are this process's children.
#![allow(unsafe_code)]

use ipc_process::{Builder, Process, StartMethod, active_children, stop_forkserver};
use ipc_queue::Queue;
use ipc_testkit::proc::descriptors;
use ipc_testkit::{isolated, isolated_within};
use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(240);

fn scaled(quick: usize, long: usize) -> usize {
    if std::env::var_os("IPC_PROCESS_LONG").is_some() { long } else { quick }
}

/// Forks by the C library; the exit code of the child.
fn fork_and_wait(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child does what the test is about, and exits.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            let code = child();
            // SAFETY: the end of the child, and of nothing else.
            unsafe { libc::_exit(code) }
        }
        pid => exit_code(pid),
    }
}

fn exit_code(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: writes to the status only.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -libc::WTERMSIG(status) }
}

/// Has 16 threads use what they have, until the flag is set.
fn among_busy_threads(work: impl FnOnce()) {
    static STOP: AtomicBool = AtomicBool::new(false);
    let threads: Vec<_> = (0..16_u64)
        .map(|number| {
            std::thread::spawn(move || {
                let queue = Queue::bounded(4).expect("a queue");
                let (tx, rx) = ipc_pipe::simplex::<u64>().expect("a pipe");
                while !STOP.load(Ordering::Relaxed) {
                    queue.put(number).expect("room");
                    tx.send(queue.get().expect("a number")).expect("room");
                    assert_eq!(rx.recv().expect("a number"), number);
                    std::thread::sleep(Duration::from_micros(100));
                }
            })
        })
        .collect();
    work();
    STOP.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// A program that was started by anybody has nothing of ours, at no moment.
#[test]
fn a_foreign_child_that_runs_a_program_has_no_handle() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        // Whoever ran this test may have left some inheritable.
        let before = fork_and_wait(count_descriptors);
        let sleep = |(): ()| std::thread::sleep(Duration::MAX);
        let process: Process<()> = Builder::new().spawn(sleep, ()).expect("a process");
        let served: Process<()> =
            Builder::new().method(StartMethod::ForkServer).spawn(sleep, ()).expect("a process");
        let _kept = (Queue::<u8>::bounded(4).expect("a queue"), ipc_pipe::pipe::<u8, u8>().expect("a pipe"));
        among_busy_threads(|| {
            for _ in 0..scaled(30, 1000) {
                assert_eq!(fork_and_wait(count_descriptors), before, "of {:?}", descriptors());
            }
        });
        for process in [process, served] {
            assert!(process.is_alive(), "the children of others ended it");
            process.kill().expect("it is there");
            process.join().expect_err("it was killed");
        }
        stop_forkserver();
    });
}

/// Becomes a program whose exit code is how many descriptors it has.
fn count_descriptors() -> i32 {
    let _ = Command::new("/bin/sh").args(["-c", "exit $(ls /proc/self/fd | wc -l)"]).exec();
    127
}

/// A foreign child uses its copies, and exits: the queue works there, and nothing of its parent's ends with it.
#[test]
fn a_foreign_child_takes_part_and_releases_nothing() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        Builder::new().spawn(own_and_fork, ()).expect("a process").join().expect("a test that passes");
    });
}

fn own_and_fork((): ()) {
    let echo = |(ask, answer): (Queue<u64>, Queue<u64>)| {
        for number in &ask {
            answer.put(number.expect("a number") + 1).expect("room");
        }
    };
    let (ask, answer) = (Queue::bounded(4).expect("a queue"), Queue::bounded(4).expect("a queue"));
    let daemons: Vec<_> = StartMethod::ALL
        .iter()
        .map(|&method| {
            let builder = Builder::new().method(method).daemon(true);
            builder.spawn(echo, (ask.clone(), answer.clone())).expect("a process")
        })
        .collect();
    among_busy_threads(|| {
        for number in 0..scaled(50, 5000) as u64 {
            let code = fork_and_wait(|| {
                let has_asked = ask.put(number).is_ok();
                let is_answered = answer.get_timeout(Duration::from_secs(20)).is_ok_and(|n| n == number + 1);
                // The children of its parent are not its own.
                let has_children = !active_children().is_empty();
                i32::from(!has_asked) + 2 * i32::from(!is_answered) + 4 * i32::from(has_children)
            });
            assert_eq!(code, 0, "fork {number}");
            ask.put(number).expect("room");
            assert_eq!(answer.get().expect("a number"), number + 1);
        }
    });
    assert_eq!(active_children().len(), 3);
    daemons.iter().for_each(|daemon| daemon.kill().expect("it is there"));
    daemons.into_iter().for_each(|daemon| drop(daemon.join().expect_err("it was killed")));
}

/// A daemon ends with its owner though a copy of the owner, which it knows nothing of, lives on.
#[test]
fn a_foreign_child_does_not_keep_the_daemons_of_its_killed_parent() {
    fn own_a_daemon_and_a_stranger(pids: ipc_pipe::Sender<(u32, i32)>) {
        let sleep = |(): ()| std::thread::sleep(Duration::MAX);
        let daemon: Process<()> = Builder::new().daemon(true).spawn(sleep, ()).expect("a process");
        // SAFETY: the child sleeps.
        let stranger = match unsafe { libc::fork() } {
            0 => loop {
                std::thread::sleep(Duration::MAX);
            },
            pid => pid,
        };
        pids.send((daemon.pid(), stranger)).expect("the test is there");
        std::thread::sleep(Duration::MAX);
    }
    isolated(|| {
        ipc_process::init();
        let (pids, told) = ipc_pipe::simplex().expect("a pipe");
        let owner = Builder::new().spawn(own_a_daemon_and_a_stranger, pids).expect("a process");
        let (daemon, stranger) = told.recv().expect("numbers");
        let [daemon, stranger] = [daemon as i32, stranger].map(|pid| {
            let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
            rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).expect("it is there")
        });
        owner.kill().expect("it is there");
        owner.join().expect_err("it was killed");
        let deadline = ipc_sys::clock::Deadline::after(Duration::from_secs(30));
        let has_ended = ipc_sys::readiness::wait_one(
            std::os::fd::AsFd::as_fd(&daemon),
            ipc_sys::readiness::Interest::Read,
            deadline,
        );
        rustix::process::pidfd_send_signal(&stranger, rustix::process::Signal::KILL).expect("it is there");
        assert!(has_ended.expect("it can be waited for"), "the daemon did not end");
    });
}

/// The most processes that there are at a time, where the numbers of processes are to come round soon.
const FEW_NUMBERS: &[u8] = b"400";

#[test]
fn a_signal_never_hits_who_has_the_number_now() {
    isolated_within(LIMIT, || {
        ipc_process::init();
        let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWPID;
        // SAFETY: this process has one thread, and its next child is the first of a world of its own.
        if unsafe { libc::unshare(flags) } != 0 {
            eprintln!("skipped: the system allows no numbers of processes of one's own");
            return;
        }
        let code = fork_and_wait(|| {
            // Older systems have one such limit for all, and let nobody from here change it.
            if std::fs::write("/proc/sys/kernel/pid_max", FEW_NUMBERS).is_err() {
                eprintln!("skipped: the system has no limit of processes for a part of it");
                return 0;
            }
            go_round(scaled(10, 1000));
            0
        });
        assert_eq!(code, 0);
    });
}

/// Keeps handles of processes that have ended until strangers have their numbers, and signals by them.
fn go_round(n_times: usize) {
    // The lowest numbers are given once, and never again.
    while fork_quietly() < LOWEST_AGAIN {}
    for _ in 0..n_times {
        let ended: Vec<Process<()>> = [StartMethod::Fork, StartMethod::ForkServer]
            .into_iter()
            .map(|method| {
                let process = Builder::new().method(method).spawn(|(): ()| (), ()).expect("a process");
                assert!(process.wait().expect("a status").success());
                process
            })
            .collect();
        let numbers: Vec<i32> = ended.iter().map(|process| process.pid() as i32).collect();
        let strangers = strangers_with(&numbers);
        for process in &ended {
            process.interrupt().expect("nothing to do");
            process.terminate().expect("nothing to do");
            process.kill().expect("nothing to do");
            assert!(!process.is_alive());
        }
        // A signal that was sent has ended who got it by the time that another one, of this process's own, has.
        for pid in strangers {
            // SAFETY: a child of this process that nobody has waited for.
            unsafe { libc::kill(pid, libc::SIGUSR1) };
            assert_eq!(exit_code(pid), -libc::SIGUSR1, "something else ended process {pid}");
        }
    }
    stop_forkserver();
}

/// The first number that comes again.
const LOWEST_AGAIN: i32 = 301;

/// The number of a process that is gone.
fn fork_quietly() -> i32 {
    // SAFETY: the child exits at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the end of the child, and of nothing else.
        unsafe { libc::_exit(0) }
    }
    assert_eq!(exit_code(pid), 0);
    pid
}

/// Makes processes until there is one with each of these numbers, and lets those live.
fn strangers_with(numbers: &[i32]) -> Vec<i32> {
    let mut found = Vec::new();
    while found.len() < numbers.len() {
        // SAFETY: the child waits for its end.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: waits for a signal.
                unsafe { libc::pause() };
            },
            pid if numbers.contains(&pid) => found.push(pid),
            pid => {
                // SAFETY: a child of this process that nobody has waited for.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                assert_eq!(exit_code(pid), -libc::SIGKILL);
            }
        }
    }
    found
}

/// As other languages do it: a thread that waits for any child.
#[test]
fn who_waits_for_any_child_takes_no_result() {
    isolated(|| {
        let process = Builder::new().method(StartMethod::Fork).spawn(|n: u64| n + 1, 1).expect("a process");
        // SAFETY: writes nowhere.
        let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
        assert_eq!(pid, process.pid() as i32);
        assert_eq!(process.join().expect("a number"), 2);
    });
}

/// C code prints into a buffer of its own, which a fork copies.
#[test]
fn what_c_code_had_not_flushed_is_printed_once() {
    isolated(|| {
        let folder = ipc_testkit::temp_dir();
        let path = folder.path().join("stdout");
        let before = ipc_sys::process::copy_stream(1).expect("a descriptor");
        rustix::stdio::dup2_stdout(std::fs::File::create(&path).expect("room")).expect("a descriptor");
        let print = |text: &str| {
            let text = CString::new(text).expect("no NUL");
            // SAFETY: a format without places, and a text for it.
            unsafe { libc::printf(c"%s".as_ptr(), text.as_ptr()) };
        };
        for _ in 0..3 {
            print("parent;");
            Builder::new().fork(|()| print("child;"), ()).expect("a process").join().expect("an end");
        }
        ipc_sys::process::flush_c_streams();
        rustix::stdio::dup2_stdout(before).expect("a descriptor");
        let text = std::fs::read_to_string(path).expect("text");
        assert_eq!((text.matches("parent;").count(), text.matches("child;").count()), (3, 3), "{text:?}");
    });
}
