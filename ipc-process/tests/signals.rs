//! A process that is interrupted a thousand times a second starts, joins, sends and receives as any other.
//!
//! # Safety
//!
//! Sets a signal handler and a timer. The handler adds to a number.
#![allow(unsafe_code)]

use ipc_pipe::{RecvTimeoutError, TryRecvError, pipe, simplex};
use ipc_process::{Builder, JoinTimeoutError, StartMethod};
use ipc_testkit::isolated;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static N_SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    N_SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Interrupts this process every millisecond, also in calls that could be restarted.
fn interrupt_every_millisecond() {
    // SAFETY: plain data, for which zero is a value: no flags, so no `SA_RESTART`.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler may run at any time, and the record is valid.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, null_mut()) }, 0);
    let millisecond = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: millisecond, it_value: millisecond };
    // SAFETY: the record is valid.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, null_mut()) }, 0);
}

/// A test that no signal came near would pass as well.
#[track_caller]
fn assert_interrupted(least: u64) {
    let n_signals = N_SIGNALS.load(Ordering::Relaxed);
    assert!(n_signals >= least, "only {n_signals} signals came");
}

fn triple(number: u64) -> u64 {
    number * 3
}

fn hundred_processes(method: StartMethod) {
    ipc_process::init();
    interrupt_every_millisecond();
    for number in 0..100 {
        let process = Builder::new().method(method).spawn(triple, number).expect("a process");
        assert!(process.wait().expect("a status").success());
        assert_eq!(process.join().expect("a number"), number * 3);
    }
    assert_interrupted(20);
}

#[test]
fn hundred_processes_are_spawned_under_signals() {
    isolated(|| hundred_processes(StartMethod::Spawn));
}

#[test]
fn hundred_processes_are_forked_under_signals() {
    isolated(|| hundred_processes(StartMethod::Fork));
}

/// A spawned program begins without the handlers of its parent, and without its timers.
#[test]
fn a_child_is_not_interrupted_by_its_parents_timer() {
    fn sleep_through(millis: u64) -> (u64, bool) {
        let begin = Instant::now();
        let whole = libc::timespec { tv_sec: 0, tv_nsec: millis as i64 * 1_000_000 };
        // SAFETY: the record is valid, and the rest of the time is not asked for.
        let result = unsafe { libc::nanosleep(&whole, null_mut()) };
        (N_SIGNALS.load(Ordering::Relaxed), result == 0 && begin.elapsed().as_millis() >= millis.into())
    }
    isolated(|| {
        ipc_process::init();
        interrupt_every_millisecond();
        let process = Builder::new().spawn(sleep_through, 50).expect("a process");
        assert_eq!(process.join().expect("an answer"), (0, true));
    });
}

#[test]
fn timeouts_are_whole_under_signals() {
    isolated(|| {
        ipc_process::init();
        let timeout = Duration::from_millis(200);
        let (hold, go) = simplex::<()>().expect("a pipe");
        let wait = |go: ipc_pipe::Receiver<()>| drop(go.recv());
        let process = Builder::new().spawn(wait, go).expect("a process");
        interrupt_every_millisecond();
        let least = |begin: Instant| assert!(begin.elapsed() >= timeout, "after {:?}", begin.elapsed());

        let begin = Instant::now();
        let Err(JoinTimeoutError::TimedOut(process)) = process.join_timeout(timeout) else {
            panic!("it waits")
        };
        least(begin);
        let begin = Instant::now();
        assert_eq!(process.wait_timeout(timeout).expect("a wait"), None);
        least(begin);
        let begin = Instant::now();
        let (sender, receiver) = simplex::<u64>().expect("a pipe");
        assert!(matches!(receiver.recv_timeout(timeout), Err(RecvTimeoutError::TimedOut)));
        least(begin);
        let begin = Instant::now();
        assert!(!receiver.poll(timeout).expect("a wait"));
        least(begin);
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
        while sender.try_send(0).is_ok() {}
        let begin = Instant::now();
        assert!(sender.send_timeout(1, timeout).expect_err("it is full").is_timeout());
        least(begin);

        drop(hold);
        process.join().expect("an end");
        assert_interrupted(20);
    });
}

#[test]
fn messages_of_any_size_pass_under_signals() {
    fn echo(server: ipc_pipe::Pipe<String, String>) {
        interrupt_every_millisecond();
        server.iter().for_each(|text| server.send(text.expect("text")).expect("the client is there"));
    }
    isolated(|| {
        ipc_process::init();
        let (client, server) = pipe::<String, String>().expect("a pipe");
        let process = Builder::new().spawn(echo, server).expect("a process");
        interrupt_every_millisecond();
        for round in 0..20 {
            for size in [0, 1000, 30_000, 100_000, 5 << 20] {
                let text = "x".repeat(size + round);
                client.send(text.clone()).expect("the server is there");
                assert!(client.recv().expect("text") == text);
            }
        }
        drop(client);
        process.join().expect("an end");
        assert_interrupted(20);
    });
}
