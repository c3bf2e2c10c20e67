//! The end of a pipe whose sender dies, in every way, by every start method, with much memory or little, while other processes are
//! started that have nothing to do with it.
//!
//! `IPC_PIPE_LONG=1` adds processes of 256 MB.
//!
//! # Safety
//!
//! Closes descriptors that it does not own, in a process that only waits to be killed after that.
#![allow(unsafe_code)]

use ipc_pipe::{Builder as PipeBuilder, Receiver, RecvError, RecvTimeoutError, SendError, Sender, simplex};
use ipc_process::{Builder, Process, StartMethod};
use ipc_testkit::isolated_within;
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use serde::{Deserialize, Serialize};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// What ends a wait that should not have been needed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a sender goes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Way {
    Kill,
    Segv,
    Exit,
    Abort,
    Return,
    Exec,
    Close,
    Drop,
    DropByThread,
}

use Way::{Abort, Close, Drop, DropByThread, Exec, Exit, Kill, Return, Segv};

const WAYS: [Way; 9] = [Kill, Segv, Exit, Abort, Return, Exec, Close, Drop, DropByThread];

/// Large enough to go in parts.
const LARGE: usize = 300_000;

/// A sender: some messages, of one part and of many, and then it goes.
fn send_and_go((way, size, sender): (Way, usize, Sender<Vec<u8>>)) {
    let memory = vec![1_u8; size];
    for number in 0..10 {
        sender.send(vec![number; 10]).expect("the reader is there");
    }
    sender.send(vec![10; LARGE]).expect("the reader is there");
    let nowhere = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, nowhere).expect("a core is not wanted");
    match way {
        Kill => kill_process(getpid(), Signal::KILL).expect("it is there"),
        // The first is for the handler of the standard library, which makes room for the second.
        Segv => (0..2).for_each(|_| kill_process(getpid(), Signal::SEGV).expect("it is there")),
        Exit => std::process::exit(3),
        Abort => std::process::abort(),
        Return => return,
        Exec => panic!("no other program: {}", Command::new("sleep").arg("1000").exec()),
        // SAFETY: of what is behind the standard streams nothing is used any more.
        Close => drop(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }),
        Drop => drop(sender),
        DropByThread => thread::spawn(move || drop(sender)).join().expect("no panic"),
    }
    // It goes on, without the end.
    std::hint::black_box(&memory);
    loop {
        thread::park();
    }
}

/// Receives all that was sent, and then the end.
#[track_caller]
fn assert_all_and_eof(receiver: &Receiver<Vec<u8>>, place: &dyn std::fmt::Debug) {
    for number in 0..=10 {
        let found = receiver.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{place:?}: {error:?}"));
        let size = if number == 10 { LARGE } else { 10 };
        assert!(found == vec![number; size], "{place:?}: message {number} is torn");
    }
    let end = receiver.recv_timeout(PATIENCE);
    assert!(matches!(end, Err(RecvTimeoutError::Recv(RecvError::Eof))), "{place:?}: {end:?}");
}

/// Programs that others start, and that outlive what is tested.
struct Strangers(Vec<std::process::Child>);

impl Strangers {
    fn start(&mut self) {
        self.0.push(Command::new("sleep").arg("1000").spawn().expect("the program is there"));
        // By a fork and an exec, where the one above has the two in one.
        let mut forked = Command::new("sleep");
        // SAFETY: it does nothing.
        unsafe { forked.arg("1000").pre_exec(|| Ok(())) };
        self.0.push(forked.spawn().expect("the program is there"));
    }
}

impl std::ops::Drop for Strangers {
    fn drop(&mut self) {
        for stranger in &mut self.0 {
            stranger.kill().expect("it is there");
            stranger.wait().expect("it can be waited for");
        }
    }
}

fn start<A: Serialize + for<'de> Deserialize<'de>>(
    method: StartMethod,
    function: fn(A),
    args: A,
) -> Process<()> {
    Builder::new().method(method).spawn(function, args).expect("a process")
}

/// All ways, one after the other, with strangers before and after each step.
fn all_ways(method: StartMethod, size: usize) {
    for way in WAYS {
        let mut strangers = Strangers(Vec::new());
        let (sender, receiver) = simplex().expect("a pipe");
        strangers.start();
        let process = start(method, send_and_go, (way, size, sender));
        strangers.start();
        assert_all_and_eof(&receiver, &(way, method, size));
        if matches!(way, Exec | Close | Drop | DropByThread) {
            process.kill().expect("it goes on without the end");
        }
        let _ = process.join();
    }
}

/// The same by spawn, while threads start programs all the time.
fn among_threads_that_start_programs(size: usize) {
    static STOP: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !STOP.load(Relaxed) {
                    let mut strangers = Strangers(Vec::new());
                    strangers.start();
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        all_ways(StartMethod::Spawn, size);
        STOP.store(true, Relaxed);
    });
}

#[test]
fn a_small_sender_that_was_spawned() {
    isolated_within(PATIENCE, || all_ways(StartMethod::Spawn, 0));
}

#[test]
fn a_small_sender_that_was_forked() {
    isolated_within(PATIENCE, || all_ways(StartMethod::Fork, 0));
}

#[test]
fn a_large_sender_that_was_spawned() {
    isolated_within(PATIENCE, || all_ways(StartMethod::Spawn, 64 << 20));
}

#[test]
fn a_large_sender_that_was_forked() {
    isolated_within(PATIENCE, || all_ways(StartMethod::Fork, 64 << 20));
}

#[test]
fn a_very_large_sender() {
    if std::env::var_os("IPC_PIPE_LONG").is_some() {
        isolated_within(3 * PATIENCE, || {
            StartMethod::ALL.iter().for_each(|method| all_ways(*method, 256 << 20));
            ipc_process::stop_forkserver();
        });
    }
}

#[test]
fn a_sender_among_threads_that_start_programs() {
    isolated_within(PATIENCE, || among_threads_that_start_programs(0));
}

/// Killed in the middle of a message: that one is cut short, and nobody waits for the rest.
#[test]
fn a_sender_killed_in_the_middle_of_a_message() {
    fn send_much(sender: Sender<Vec<u8>>) {
        sender.send(vec![1; 10]).expect("the reader is there");
        sender.send(vec![2; 8 << 20]).expect_err("it is killed before");
    }
    isolated_within(PATIENCE, || {
        for &method in StartMethod::ALL {
            let (sender, receiver) = simplex().expect("a pipe");
            let process = start(method, send_much, sender);
            assert_eq!(receiver.recv().expect("the first one"), [1; 10]);
            assert!(receiver.poll(PATIENCE).expect("it can be waited for"));
            process.kill().expect("it waits for room");
            assert!(matches!(
                receiver.recv_timeout(PATIENCE),
                Err(RecvTimeoutError::Recv(RecvError::Truncated))
            ));
            assert!(matches!(receiver.recv_timeout(PATIENCE), Err(RecvTimeoutError::Recv(RecvError::Eof))));
            process.join().expect_err("it was killed");
        }
        ipc_process::stop_forkserver();
    });
}

/// The other way round: the receiver goes in the middle of a message.
#[test]
fn a_receiver_killed_in_the_middle_of_a_message() {
    fn receive_some((receiver, ready): (Receiver<Vec<u8>>, Sender<()>)) {
        let _ = receiver.recv_timeout(Duration::from_millis(1));
        ready.send(()).expect("the parent is there");
        loop {
            thread::park();
        }
    }
    isolated_within(PATIENCE, || {
        for &method in StartMethod::ALL {
            let (sender, receiver) = PipeBuilder::new().ring_size(8192).simplex().expect("a pipe");
            let (ready, is_ready) = simplex().expect("a pipe");
            let process = start(method, receive_some, (receiver, ready));
            is_ready.recv().expect("it is there");
            let killer = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                process.kill().expect("it is there");
                process.join().expect_err("it was killed");
            });
            let error = sender.send(vec![7; 1 << 20]).expect_err("nobody receives it");
            assert!(matches!(&error, SendError::Closed(value) if value.len() == 1 << 20), "{error:?}");
            killer.join().expect("no panic");
        }
        ipc_process::stop_forkserver();
    });
}
