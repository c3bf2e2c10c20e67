//! Waiting for many, under signals, and without handles to spare.
//!
//! # Safety
//!
//! Sets a timer and a handler that adds to an atomic number.
#![allow(unsafe_code)]

#[path = "support/links.rs"]
#[allow(dead_code, unused_macros)]
mod links;
mod support;
#[path = "support/waited.rs"]
#[allow(dead_code)]
mod waited;

use ipc_pipe::{WaitError, Waitable, simplex, try_wait, wait, wait_deadline, wait_timeout};
use ipc_queue::Queue;
use ipc_shared::Arena;
use ipc_shared::sync::Event;
use ipc_sys::clock::Deadline;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::BorrowedHandle;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::fork_child;
use waited::{at_least, kinds};

/// For what does not come.
const SHORT: Duration = Duration::from_millis(60);

/// Long enough for a waiter to fall asleep.
const PAUSE: Duration = Duration::from_millis(30);

#[test]
fn thousands() {
    isolated(|| {
        const MANY: usize = 3000;
        let limit = getrlimit(Resource::Nofile);
        let enough = limit.current.unwrap_or(u64::MAX).max(8000).min(limit.maximum.unwrap_or(u64::MAX));
        assert!(enough >= 5500, "the machine lets a process have {enough} descriptors only");
        setrlimit(Resource::Nofile, Rlimit { current: Some(enough), maximum: limit.maximum }).expect("less");
        let bells: Vec<Doorbell> = (0..MANY).map(|_| Doorbell::new().expect("handles are left")).collect();
        let handles: Vec<BorrowedHandle<'_>> = bells.iter().map(Doorbell::handle).collect();
        let queues: Vec<Queue<u8>> = (0..200).map(|_| Queue::bounded(1).expect("there is memory")).collect();
        let objects: Vec<&dyn Waitable> = handles
            .iter()
            .map(|handle| handle as &dyn Waitable)
            .chain(queues.iter().map(|queue| queue as &dyn Waitable))
            .collect();
        assert_eq!(at_least(SHORT, || wait_timeout(&objects, SHORT)).expect("it can be waited for"), []);
        for place in [0, 63, 64, 1023, 1024, 2999] {
            thread::scope(|scope| {
                scope.spawn(|| {
                    sleep(PAUSE);
                    bells[place].ring();
                });
                assert_eq!(wait(&objects).expect("it can be waited for"), [place]);
            });
            bells[place].silence();
        }
        bells.iter().for_each(Doorbell::ring);
        queues[199].put(1).expect("there is room");
        let expected: Vec<usize> = (0..MANY).chain([MANY + 199]).collect();
        assert_eq!(wait(&objects).expect("it can be waited for"), expected);
    });
}

static N_SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    N_SIGNALS.fetch_add(1, Relaxed);
}

/// From here on a signal comes every millisecond, whose handler ends whatever call it meets.
fn interrupt_every_millisecond() {
    // SAFETY: all zero is a valid record: no flags, so that calls are not begun again, and no further signals held back.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler adds to an atomic number, which is allowed anywhere.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()) }, 0);
    let millisecond = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: millisecond, it_value: millisecond };
    // SAFETY: the record is ours.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) }, 0);
}

#[test]
fn a_storm_of_signals_is_not_noticed() {
    isolated(|| {
        let cases = kinds();
        let objects: Vec<&dyn Waitable> = cases.iter().map(|case| &*case.object as _).collect();
        interrupt_every_millisecond();
        let half = Duration::from_millis(300);
        assert_eq!(at_least(half, || wait_timeout(&objects, half)).expect("no interruption"), []);
        let until = Instant::now() + half;
        assert_eq!(at_least(half, || wait_deadline(&objects, until)).expect("no interruption"), []);
        assert_eq!(at_least(half, || wait_timeout(&[], half)).expect("no interruption"), []);
        for _ in 0..1000 {
            assert_eq!(try_wait(&objects).expect("no interruption"), []);
        }
        let (tx, rx) = simplex::<u8>().expect("a pipe");
        let child = fork_child(|| {
            sleep(half);
            tx.send(1).expect("the reader is there");
        });
        assert_eq!(wait(&[&rx]).expect("no interruption"), [0]);
        child.wait(Deadline::NEVER).expect("it is a child");
        // A machine that is busy gives them not so often.
        while N_SIGNALS.load(Relaxed) < 300 {
            assert_eq!(at_least(half, || wait_timeout(&objects, half)).expect("no interruption"), []);
        }
    });
}

/// Waits leave no descriptor, and nothing registered: what is closed after one is closed.
#[test]
fn nothing_is_left() {
    isolated(|| {
        let cases = kinds();
        let objects: Vec<&dyn Waitable> = cases.iter().map(|case| &*case.object as _).collect();
        wait_timeout(&objects, Duration::from_millis(1)).expect("it can be waited for");
        let before = Snapshot::take();
        for _ in 0..300 {
            let (tx, rx) = simplex::<u8>().expect("a pipe");
            let mut more = objects.clone();
            more.push(&rx);
            assert_eq!(
                wait_timeout(&more, Duration::from_micros(100)).expect("it can be waited for"),
                [],
                "what was closed is not told"
            );
            drop(tx);
            assert_eq!(wait(&more).expect("it can be waited for"), [objects.len()]);
        }
        before.assert_no_growth();
    });
}

#[test]
fn a_full_table_of_handles_is_told_by_the_object() {
    isolated(|| {
        let queue = Queue::<u8>::bounded(1).expect("there is memory");
        let event = Event::new_in(&Arena::new()).expect("there is memory");
        let pipe = simplex::<u8>().expect("a pipe");
        let limit = getrlimit(Resource::Nofile);
        let n_open = Doorbell::new().map(|bell| bell.handle().as_raw_fd());
        let full = Rlimit { current: Some(n_open.expect("handles are left") as u64), maximum: limit.maximum };
        setrlimit(Resource::Nofile, full).expect("it is less");
        match wait_timeout(&[&event, &queue], SHORT) {
            Err(WaitError::Object { place: 1, source }) => {
                assert_eq!(source.raw_os_error(), Some(libc::EMFILE));
            }
            other => panic!("{other:?}"),
        }
        let (_, rx) = &pipe;
        assert!(matches!(wait_timeout(&[rx], SHORT), Err(WaitError::Object { place: 0, .. })));
        // Whoever does not sleep needs none.
        assert_eq!(try_wait(&[&event, &queue]).expect("no handle is needed"), []);
        queue.put(1).expect("there is room");
        assert_eq!(wait(&[&event, &queue]).expect("no handle is needed"), [1]);
        setrlimit(Resource::Nofile, limit).expect("as before");
    });
}
