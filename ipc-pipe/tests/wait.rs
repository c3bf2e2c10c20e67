//! Waiting for the first of many: each kind alone, all kinds together, and for what is not told.

#[path = "support/links.rs"]
#[allow(dead_code, unused_macros)]
mod links;
mod support;
#[path = "support/waited.rs"]
mod waited;

use ipc_pipe::{
    Look, RecvError, TryRecvError, WaitError, Waitable, pipe, simplex, try_wait, wait, wait_deadline,
    wait_timeout,
};
use ipc_queue::{Queue, TryGetError, channel};
use ipc_shared::Arena;
use ipc_shared::sync::Event;
use ipc_sys::clock::Deadline;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::BorrowedHandle;
use ipc_sys::process::Signal;
use ipc_testkit::{isolated, watchdog};
use links::{Family, LONG, Site};
use rustix::process::{Pid, kill_process};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::fork_child;
use waited::{Case, at_least, each_kind, kinds};

/// For what does not come.
const SHORT: Duration = Duration::from_millis(60);

/// Long enough for a waiter to fall asleep.
const PAUSE: Duration = Duration::from_millis(30);

/// The places that are ready, by `wait_timeout`, which has to be the answer at once of all four.
#[track_caller]
fn ready(objects: &[&dyn Waitable]) -> Vec<usize> {
    let ready = try_wait(objects).expect("it can be waited for");
    assert_eq!(wait_timeout(objects, Duration::ZERO).expect("it can be waited for"), ready);
    assert_eq!(wait_deadline(objects, Instant::now()).expect("it can be waited for"), ready);
    if !ready.is_empty() {
        assert_eq!(wait(objects).expect("it can be waited for"), ready);
        assert_eq!(wait_timeout(objects, LONG).expect("it can be waited for"), ready);
    }
    ready
}

fn event() -> Event {
    Event::new_in(&Arena::new()).expect("there is memory")
}

#[test]
fn each_kind_alone() {
    isolated(|| {
        each_kind(|case| {
            let name = case.name;
            assert_eq!(ready(&[&*case.object]), [], "{name}");
            let late = at_least(SHORT, || wait_timeout(&[&*case.object], SHORT));
            assert_eq!(late.expect("it can be waited for"), [], "{name}");
            let late = at_least(SHORT, || wait_deadline(&[&*case.object], Instant::now() + SHORT));
            assert_eq!(late.expect("it can be waited for"), [], "{name}");
            (case.make_ready)();
            // By way of the network it takes a moment.
            assert_eq!(wait(&[&*case.object]).expect("it can be waited for"), [0], "{name}");
            assert_eq!(ready(&[&*case.object]), [0], "{name}");
            assert_eq!(ready(&[&*case.object, &event(), &*case.object]), [0, 2], "{name}, given twice");
        });
    });
}

/// The same for who has fallen asleep, alone and beside all others.
#[test]
fn each_kind_wakes() {
    isolated(|| {
        let others = kinds();
        for n_others in [0, others.len()] {
            each_kind(|case| {
                let Case { name, object, make_ready } = case;
                let others = others[..n_others].iter();
                let mut objects: Vec<&dyn Waitable> = others.map(|other| &*other.object as _).collect();
                let place = name.len() % (n_others + 1);
                objects.insert(place, &*object);
                let wake = || {
                    sleep(PAUSE);
                    make_ready();
                };
                let found = at_least(PAUSE, || {
                    thread::scope(|scope| {
                        scope.spawn(wake);
                        wait(&objects)
                    })
                });
                assert_eq!(found.expect("it can be waited for"), [place], "{name}");
                assert_eq!(wait(&[&*object]).expect("it can be waited for"), [0], "{name}");
            });
        }
    });
}

#[test]
fn all_that_are_ready_are_told_in_order() {
    isolated(|| {
        for step in 2..5 {
            let mut cases = kinds();
            let n_cases = cases.len();
            let expected: Vec<usize> = (0..n_cases).filter(|place| place % step == 1).collect();
            for &place in &expected {
                let make_ready = std::mem::replace(&mut cases[place].make_ready, Box::new(|| {}));
                make_ready();
                wait(&[&*cases[place].object]).expect("it can be waited for");
            }
            let objects: Vec<&dyn Waitable> = cases.iter().map(|case| &*case.object as _).collect();
            assert_eq!(ready(&objects), expected);
        }
    });
}

#[test]
fn nothing_to_wait_for() {
    let _guard = watchdog(LONG);
    assert!(matches!(wait(&[]), Err(WaitError::Nothing)));
    assert_eq!(try_wait(&[]).expect("none is ready"), []);
    assert_eq!(at_least(SHORT, || wait_timeout(&[], SHORT)).expect("none is ready"), []);
    assert_eq!(at_least(SHORT, || wait_deadline(&[], Instant::now() + SHORT)).expect("none is ready"), []);
    assert_eq!(wait_deadline(&[], Instant::now()).expect("none is ready"), []);
}

#[test]
fn what_points_to_something_is_waited_for_as_that() {
    let _guard = watchdog(LONG);
    let queue = Queue::<u8>::bounded(4).expect("there is memory");
    let (boxed, shared): (Box<dyn Waitable>, _) = (Box::new(queue.clone()), Arc::new(queue.clone()));
    let pointers: [&dyn Waitable; 3] = [&&queue, &boxed, &shared];
    assert_eq!(wait_timeout(&pointers, SHORT).expect("it can be waited for"), []);
    thread::scope(|scope| {
        scope.spawn(|| {
            sleep(PAUSE);
            queue.put(1).expect("there is room");
        });
        assert_eq!(wait(&pointers).expect("it can be waited for"), [0, 1, 2]);
    });
}

/// What was read from the socket before it was asked for is waited for no less.
#[test]
fn a_message_that_was_polled_is_ready() {
    isolated(|| {
        for family in [Family::Local, Family::V4] {
            let mut site = Site::new(family);
            let (mut here, mut there) = site.connection::<u32, u32>();
            there.send(7).expect("it is there");
            assert!(here.poll(LONG).expect("it can be waited for"));
            assert_eq!(ready(&[&here]), [0]);
            assert_eq!(here.recv().expect("it came"), 7);
            assert_eq!(ready(&[&here]), []);
            let (sender, mut receiver) = here.split();
            there.send(8).expect("it is there");
            assert!(receiver.poll(LONG).expect("it can be waited for"));
            assert_eq!(ready(&[&receiver]), [0]);
            assert_eq!(receiver.recv().expect("it came"), 8);
            assert_eq!(ready(&[&receiver, &sender]), []);
        }
    });
}

/// The child has the other ends and is killed while it has them.
#[test]
fn a_killed_writer_is_the_end() {
    isolated(|| {
        let (tx, rx) = simplex::<u8>().expect("a pipe");
        let (sender, receiver) = channel::<u8>(4).expect("there is memory");
        let (here, there) = pipe::<u8, u8>().expect("a pipe");
        let (queue, never) = (Queue::<u8>::bounded(4).expect("there is memory"), event());
        let child = fork_child(|| {
            tx.send(1).expect("the reader is there");
            sleep(LONG);
        });
        drop((tx, sender, there));
        let objects: [&dyn Waitable; 5] = [&never, &rx, &queue, &receiver, &here];
        assert_eq!(wait(&objects).expect("it can be waited for"), [1]);
        assert_eq!(rx.recv().expect("it was sent"), 1);
        assert_eq!(wait_timeout(&objects, SHORT).expect("it can be waited for"), []);
        child.signal(Signal::Kill).expect("it is a child");
        let mut ended = wait(&objects).expect("it can be waited for");
        // The kernel closes one after the other.
        while ended.len() < 3 {
            ended = wait(&objects).expect("it can be waited for");
        }
        assert_eq!(ended, [1, 3, 4]);
        assert!(matches!(rx.recv(), Err(RecvError::Eof)));
        assert!(matches!(here.recv(), Err(RecvError::Eof)));
        assert!(receiver.recv().expect_err("nothing was sent").is_disconnected());
        child.wait(Deadline::NEVER).expect("it is a child");
    });
}

/// Who has the beginning of a message in hand, and nothing of the rest to come, is told that there is no more.
#[test]
fn a_writer_that_is_killed_in_the_middle_of_a_message() {
    isolated(|| {
        let (tx, rx) = simplex::<()>().expect("a pipe");
        let child = fork_child(|| drop(tx.send_bytes(&vec![7; 32 << 20])));
        assert_eq!(wait(&[&rx]).expect("it can be waited for"), [0]);
        let pid = child.pid() as i32;
        kill_process(Pid::from_raw(pid).expect("a number"), rustix::process::Signal::STOP).expect("it lives");
        while ipc_testkit::proc::stat(pid).is_none_or(|stat| stat.state != 'T') {
            sleep(Duration::from_millis(1));
        }
        while rx.poll(Duration::ZERO).expect("nothing is wrong") {
            assert!(matches!(rx.try_recv_bytes(), Err(TryRecvError::Empty)));
        }
        assert_eq!(wait_timeout(&[&rx], SHORT).expect("it can be waited for"), []);
        child.signal(Signal::Kill).expect("it is a child");
        // There is another sender, so that it is not the end.
        assert_eq!(wait(&[&rx]).expect("it can be waited for"), [0]);
        assert!(matches!(rx.try_recv_bytes(), Err(TryRecvError::Recv(RecvError::Truncated))));
        assert_eq!(wait_timeout(&[&rx], SHORT).expect("it can be waited for"), []);
        tx.send_bytes(&[1]).expect("the reader is there");
        assert_eq!(wait(&[&rx]).expect("it can be waited for"), [0]);
        assert_eq!(rx.recv_bytes().expect("it was sent"), [1]);
        child.wait(Deadline::NEVER).expect("it is a child");
    });
}

/// The descriptor of a queue becomes readable some times a second, item or not. That is nobody's business, and costs next to nothing.
#[test]
fn an_alarm_is_not_told() {
    isolated(|| {
        let long = Duration::from_millis(700);
        let (queue, (_sender, receiver)) =
            (Queue::<u8>::bounded(4).expect("there is memory"), channel::<u8>(4).expect("there is memory"));
        let (event, before) = (event(), processor_time());
        let found = at_least(long, || wait_timeout(&[&queue, &receiver], long));
        assert_eq!(found.expect("it can be waited for"), []);
        let found = at_least(long, || wait_timeout(&[&queue, &receiver, &event], long));
        assert_eq!(found.expect("it can be waited for"), []);
        let used = processor_time() - before;
        println!("{used:?} of {:?}", 2 * long);
        assert!(used < long / 5, "it spins: {used:?}");
    });
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.try_into().expect("a process has not run for less than nothing")
}

/// Its handle is always readable, whatever is true.
struct Liar {
    bell: Doorbell,
    n_lies: Cell<u32>,
    most: u32,
}

impl Liar {
    fn new(most: u32) -> Liar {
        let bell = Doorbell::new().expect("there are handles");
        bell.ring();
        Liar { bell, n_lies: Cell::new(0), most }
    }
}

impl Waitable for Liar {
    fn look(&self) -> io::Result<Look<'_>> {
        self.n_lies.set(self.n_lies.get() + 1);
        Ok(Look::from_bool(self.n_lies.get() > self.most))
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        Ok(Some(self.bell.handle()))
    }
}

#[test]
fn what_is_readable_for_nothing_is_not_told() {
    isolated(|| {
        let liar = Liar::new(100);
        assert_eq!(wait(&[&liar]).expect("it can be waited for"), [0]);
        assert_eq!(liar.n_lies.get(), 101);

        let (liar, before) = (Liar::new(u32::MAX), processor_time());
        let long = Duration::from_millis(600);
        let found = at_least(long, || wait_timeout(&[&liar], long));
        assert_eq!(found.expect("it can be waited for"), []);
        let used = processor_time() - before;
        println!("{used:?}, {} looks", liar.n_lies.get());
        assert!(used < long / 4, "it spins: {used:?}");

        // And whoever waits beside it is told at once.
        let bell = Doorbell::new().expect("there are handles");
        bell.ring();
        assert_eq!(wait(&[&liar, &bell.handle()]).expect("it can be waited for"), [1]);
    });
}

/// Has no handle, and is ready after so many looks.
struct Silent {
    n_looks: Cell<u32>,
    most: u32,
}

impl Silent {
    fn new(most: u32) -> Silent {
        Silent { n_looks: Cell::new(0), most }
    }
}

impl Waitable for Silent {
    fn look(&self) -> io::Result<Look<'_>> {
        self.n_looks.set(self.n_looks.get() + 1);
        Ok(Look::from_bool(self.n_looks.get() > self.most))
    }
}

/// At intervals that grow from 50 microseconds to 10 milliseconds.
#[test]
fn what_has_no_handle_is_looked_at_now_and_then() {
    isolated(|| {
        let (silent, queue) = (Silent::new(u32::MAX), Queue::<u8>::bounded(1).expect("there is memory"));
        let half = Duration::from_millis(500);
        let found = wait_timeout(&[&queue, &silent], half).expect("it can be waited for");
        let n_looks = silent.n_looks.get();
        println!("{n_looks} looks");
        assert_eq!(found, []);
        // A tick of the alarm of the queue makes one more, and so does falling asleep again.
        assert!(n_looks <= 50 + 8 + 3 * 5, "{n_looks} looks are too many");
        // How many there are in some time is the machine's business; that they go on is not.
        let silent = Silent::new(40);
        assert_eq!(wait(&[&queue, &silent]).expect("it can be waited for"), [1]);
        assert!(silent.n_looks.get() > 40);
    });
}

/// Many wait for one queue, and the items go to others, too. Each item is had once; who is told that there is one has it, or
/// somebody else has.
#[test]
fn items_that_somebody_else_takes() {
    isolated(|| {
        const ITEMS: usize = 3000;
        let queue = Queue::<usize>::bounded(8).expect("there is memory");
        let (n_had, n_missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let waiter = || {
            loop {
                assert_eq!(wait(&[&queue]).expect("it can be waited for"), [0]);
                match queue.try_get() {
                    Ok(_) => n_had.fetch_add(1, Relaxed),
                    Err(TryGetError::Empty) => n_missed.fetch_add(1, Relaxed),
                    Err(TryGetError::Closed) => return,
                    Err(other) => panic!("{other:?}"),
                };
            }
        };
        thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(waiter)));
            scope.spawn(|| {
                while queue.get().is_ok() {
                    n_had.fetch_add(1, Relaxed);
                }
            });
            (0..ITEMS).for_each(|number| queue.put(number).expect("it is open"));
            queue.close();
        });
        println!("{} had, {} missed", n_had.load(Relaxed), n_missed.load(Relaxed));
        assert_eq!(n_had.load(Relaxed), ITEMS);
    });
}

#[test]
fn a_queue_wakes_across_processes() {
    isolated(|| {
        const ITEMS: u32 = 1000;
        let (questions, answers) = (
            Queue::<u32>::bounded(4).expect("there is memory"),
            Queue::<u32>::bounded(4).expect("there is memory"),
        );
        let (here, there) = pipe::<u32, u32>().expect("a pipe");
        let child = fork_child(|| {
            loop {
                for place in wait(&[&there, &questions]).expect("it can be waited for") {
                    let question = match place {
                        0 => there.recv().expect("it is there"),
                        _ => questions.try_get().expect("nobody else takes them"),
                    };
                    answers.put(question + 1).expect("it is open");
                    if question == ITEMS {
                        return;
                    }
                }
            }
        });
        for number in 1..=ITEMS {
            if number % 3 == 0 {
                here.send(number).expect("room")
            } else {
                questions.put(number).expect("room")
            }
            assert_eq!(wait(&[&here, &answers]).expect("it can be waited for"), [1]);
            assert_eq!(answers.try_get().expect("it was told"), number + 1);
        }
        let status = child.wait(Deadline::NEVER).expect("it is a child");
        assert!(status.is_some_and(|status| status.success()));
    });
}
