//! Waiting for many handles at once.
//!
//! # Safety
//!
//! Sets a signal handler that does nothing.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{Interest, Watch, wait, wait_one};
use ipc_sys::socket::MessageSocket;
use ipc_testkit::{isolated, watchdog};
use std::os::fd::{AsFd, AsRawFd};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{LONG, fork_child, join, pipe};

fn pair() -> (MessageSocket, MessageSocket) {
    MessageSocket::pair().expect("handles are left")
}

fn send(socket: &MessageSocket) {
    socket.send(&[b"x"], &[], Deadline::NOW).expect("there is room");
}

#[test]
fn the_ready_ones_are_marked_and_counted() {
    let pairs: Vec<_> = (0..10).map(|_| pair()).collect();
    let mut watches: Vec<_> = pairs.iter().map(|(a, _)| Watch::new(a.handle(), Interest::Read)).collect();
    let marks = |watches: &[Watch<'_>]| -> Vec<usize> {
        (0..watches.len()).filter(|&idx| watches[idx].is_ready()).collect()
    };
    assert_eq!(wait(&mut watches, Deadline::NOW).expect("memory is left"), 0);
    assert_eq!(marks(&watches), []);
    send(&pairs[3].1);
    send(&pairs[7].1);
    assert_eq!(wait(&mut watches, Deadline::NEVER).expect("memory is left"), 2);
    assert_eq!(marks(&watches), [3, 7]);
    // Marks are those of the last wait.
    pairs[3].0.recv(&mut [0; 9], Deadline::NOW).expect("it is there");
    assert_eq!(wait(&mut watches, Deadline::NOW).expect("memory is left"), 1);
    assert_eq!(marks(&watches), [7]);
    pairs[7].0.recv(&mut [0; 9], Deadline::NOW).expect("it is there");
    assert_eq!(wait(&mut watches, Deadline::NOW).expect("memory is left"), 0);
    assert_eq!(marks(&watches), []);
}

#[test]
fn the_end_of_the_other_side_is_ready_in_both_directions() {
    let _guard = watchdog(LONG);
    let (a, b) = pair();
    drop(b);
    for interest in [Interest::Read, Interest::Write] {
        assert!(wait_one(a.handle(), interest, Deadline::NEVER).expect("memory is left"));
    }
    let (reader, writer) = pipe();
    drop(reader);
    assert!(wait_one(writer.as_fd(), Interest::Write, Deadline::NEVER).expect("memory is left"));
}

#[test]
fn a_full_socket_is_not_ready_for_writing() {
    let (a, b) = pair();
    assert!(wait_one(a.handle(), Interest::Write, Deadline::NOW).expect("memory is left"));
    while a.send(&[&[0; 10_000]], &[], Deadline::NOW).is_ok() {}
    assert!(!wait_one(a.handle(), Interest::Write, Deadline::NOW).expect("memory is left"));
    while b.recv(&mut [0; 10_000], Deadline::NOW).is_ok() {}
    assert!(wait_one(a.handle(), Interest::Write, Deadline::NOW).expect("memory is left"));
}

#[test]
fn the_deadline_is_kept() {
    let _guard = watchdog(LONG);
    let (a, _b) = pair();
    for timeout in [0, 1, 30, 150].map(Duration::from_millis) {
        let start = Instant::now();
        assert!(!wait_one(a.handle(), Interest::Read, Deadline::after(timeout)).expect("memory is left"));
        assert!(start.elapsed() >= timeout);
    }
    let start = Instant::now();
    assert_eq!(wait(&mut [], Deadline::after(Duration::from_millis(20))).expect("memory is left"), 0);
    assert!(start.elapsed() >= Duration::from_millis(20), "a wait for nothing is a sleep");
}

#[test]
fn what_another_process_does_ends_the_wait() {
    isolated(|| {
        let (a, b) = pair();
        let child = fork_child(|| {
            sleep(Duration::from_millis(20));
            send(&b);
        });
        assert!(wait_one(a.handle(), Interest::Read, Deadline::NEVER).expect("memory is left"));
        join(&child);
        let child = fork_child(|| sleep(Duration::from_millis(20)));
        assert!(wait_one(child.handle(), Interest::Read, Deadline::NEVER).expect("memory is left"));
        join(&child);
    });
}

/// `select` ends at 1,024; this must not.
#[test]
fn large_numbers_of_handles_are_fine() {
    isolated(|| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.unwrap_or(4096).min(4096);
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }).expect("up to the maximum");
        let (a, b) = pair();
        let number = most as i32 - 10;
        let copy = rustix::io::fcntl_dupfd_cloexec(a.handle(), number).expect("the number is free");
        assert_eq!(copy.as_raw_fd(), number);
        assert!(!wait_one(copy.as_fd(), Interest::Read, Deadline::NOW).expect("memory is left"));
        send(&b);
        assert!(wait_one(copy.as_fd(), Interest::Read, Deadline::NEVER).expect("memory is left"));
        setrlimit(Resource::Nofile, limit).expect("the old limit");
    });
}

/// Signals with a handler, all the time: the wait ends neither early nor late.
#[test]
fn signals_do_not_end_the_wait() {
    isolated(|| {
        let me = rustix::process::getpid();
        on_signal(libc::SIGUSR1);
        let child = fork_child(|| {
            for _ in 0..200 {
                rustix::process::kill_process(me, rustix::process::Signal::USR1)
                    .expect("the parent is there");
                sleep(Duration::from_millis(1));
            }
        });
        let (a, _b) = pair();
        let (start, timeout) = (Instant::now(), Duration::from_millis(150));
        assert!(!wait_one(a.handle(), Interest::Read, Deadline::after(timeout)).expect("no interruption"));
        assert!(start.elapsed() >= timeout);
        let start = Instant::now();
        let result = a.recv(&mut [0; 9], Deadline::after(Duration::from_millis(30)));
        assert!(matches!(result, Err(ipc_sys::socket::RecvError::TimedOut)), "{result:?}");
        assert!(start.elapsed() >= Duration::from_millis(30));
        join(&child);
    });
}

#[allow(unsafe_code)]
fn on_signal(signal: i32) {
    extern "C" fn nothing(_signal: i32) {}
    let handler = nothing as extern "C" fn(i32);
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(signal, handler as libc::sighandler_t) };
}

/// Over TCP, who closes ends one direction only; what it has said before is nothing that End waits for.
#[test]
fn the_end_is_told_apart_from_what_was_said() {
    let _guard = watchdog(LONG);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut there =
        std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens");
    let (here, _) = listener.accept().expect("a client");
    let (near, far) = pair();
    std::io::Write::write_all(&mut there, b"x").expect("there is room");
    send(&far);
    for handle in [here.as_fd(), near.handle()] {
        assert!(wait_one(handle, Interest::Read, Deadline::NEVER).expect("memory is left"));
        assert!(!wait_one(handle, Interest::End, Deadline::NOW).expect("memory is left"));
    }
    drop((there, far));
    for handle in [here.as_fd(), near.handle()] {
        assert!(wait_one(handle, Interest::End, Deadline::NEVER).expect("memory is left"));
    }
}
