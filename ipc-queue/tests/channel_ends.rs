//! The end of a channel whose last sender or receiver goes away in another process, in whatever way; and no end before.

mod support;

use ipc_codec::{Limits, Message, encode};
use ipc_queue::{Queue, Receiver, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, channel};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::AsHandle;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::{Child, Signal};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::MessageSocket;
use ipc_testkit::kill::{Ending, sweep_stops};
use ipc_testkit::{Rng, isolated, isolated_within};
use rustix::process::{Pid, Resource, Rlimit, getpid, kill_process, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::fork_child;

const PAUSE: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(30);
/// More than any machine needs, also one that stands still for some seconds; what is promised is 50 ms.
const MUCH: Duration = Duration::from_secs(20);

/// How the last holder of an end lets go of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Drop,
    ThreadEnd,
    Exit,
    Panic,
    Abort,
    Kill,
    Segfault,
    Exec,
    MessageDropped,
    PipeDropped,
    QueueDropped,
}

const WAYS: [Way; 11] = [
    Way::Drop,
    Way::ThreadEnd,
    Way::Exit,
    Way::Panic,
    Way::Abort,
    Way::Kill,
    Way::Segfault,
    Way::Exec,
    Way::MessageDropped,
    Way::PipeDropped,
    Way::QueueDropped,
];

/// Both ends, or what is left of them.
struct Ends {
    sender: Option<Sender<Vec<u32>>>,
    receiver: Option<Receiver<Vec<u32>>>,
}

/// An end, whichever it is.
trait End: serde::Serialize + serde::de::DeserializeOwned + Send + 'static {}

impl End for Sender<Vec<u32>> {}
impl End for Receiver<Vec<u32>> {}

impl Ends {
    fn new(capacity: usize) -> Ends {
        let (sender, receiver) = channel(capacity).expect("a small channel");
        Ends { sender: Some(sender), receiver: Some(receiver) }
    }
}

#[test]
fn receivers_see_the_end_however_it_comes() {
    isolated(|| {
        for way in WAYS {
            for n_items in [0, 1, 3] {
                let latency = last_sender_goes(way, n_items, 0);
                assert!(latency < MUCH, "{way:?}: {latency:?}");
            }
        }
    });
}

#[test]
fn senders_see_the_end_however_it_comes() {
    isolated(|| {
        for way in WAYS {
            for how in 0..3 {
                let latency = last_receiver_goes(way, how, 0);
                assert!(latency < MUCH, "{way:?}: {latency:?}");
            }
        }
    });
}

/// How many deaths: with the variable `IPC_QUEUE_LONG` a thousand, of both sides together. Each of them is waited for.
fn n_deaths() -> usize {
    if std::env::var_os("IPC_QUEUE_LONG").is_some() { 500 } else { 150 }
}

const WAYS_TO_DIE: [Way; 6] = [Way::Kill, Way::Kill, Way::Kill, Way::Exit, Way::Abort, Way::Segfault];

#[test]
fn many_deaths_of_senders() {
    isolated_within(Duration::from_secs(300), || {
        let mut rng = Rng::from_env();
        let one = |_| last_sender_goes(*rng.pick(&WAYS_TO_DIE), rng.below(4) as usize, 0);
        report("a receiver returns after", (0..n_deaths()).map(one).collect());
    });
}

#[test]
fn many_deaths_of_receivers() {
    isolated_within(Duration::from_secs(300), || {
        let mut rng = Rng::from_env();
        let one = |_| last_receiver_goes(*rng.pick(&WAYS_TO_DIE), rng.below(3), 0);
        report("a sender returns after", (0..n_deaths()).map(one).collect());
    });
}

#[test]
fn deaths_of_large_processes() {
    isolated_within(Duration::from_secs(120), || {
        report(
            "256 MB, a receiver returns after",
            (0..8).map(|_| last_sender_goes(Way::Kill, 1, 256)).collect(),
        );
        report(
            "256 MB, a sender returns after",
            (0..8).map(|round| last_receiver_goes(Way::Kill, round, 256)).collect(),
        );
    });
}

/// The descriptor tells of a death at once, and not when somebody looks.
#[test]
fn the_descriptor_tells_of_deaths() {
    isolated(|| {
        let mut latencies = Vec::new();
        for round in 0..100 {
            let mut ends = Ends::new(4);
            let died_at = SharedMapping::create(8).expect("memory is left");
            let child = fork_child(|| {
                drop(ends.receiver.take());
                sleep(Duration::from_millis(round % 4));
                die(Way::Kill, ends.sender.take(), &died_at);
            });
            drop(ends.sender.take());
            let receiver = ends.receiver.take().expect("it is here");
            let descriptor = receiver.pollable().expect("descriptors are left");
            assert!(wait_one(descriptor, Interest::Read, Deadline::after(LONG)).expect("it can be polled"));
            latencies.push(since(&died_at));
            assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
            collect(&child);
        }
        report("the descriptor is readable after", latencies);
    });
}

/// A receiver stands still at each instruction of a look, while the last item comes and the last sender goes: it gets the item, and
/// the end after it.
#[test]
fn the_end_never_comes_before_the_last_item() {
    isolated_within(Duration::from_secs(120), || {
        let swept = sweep_stops(
            9,
            || RefCell::new(Ends::new(2)),
            |ends| {
                // A copy that counts.
                drop(ends.borrow_mut().sender.take());
                let ends = ends.borrow();
                let receiver = ends.receiver.as_ref().expect("it is here");
                if let Err(TryRecvError::Disconnected) = receiver.try_recv() {
                    assert!(receiver.is_empty(), "the end came first");
                }
            },
            |ends, _| {
                let sender = ends.borrow_mut().sender.take().expect("it is here");
                sender.send_timeout(vec![7], Duration::ZERO).expect("there is room");
            },
            |_, point, ending| assert_eq!(ending, Ending::Returned, "at {point}"),
        );
        println!("{} points", swept.points);
    });
}

/// A stopped process is not gone, nor is one that is busy with other things.
#[test]
fn a_stopped_process_keeps_its_ends() {
    isolated(|| {
        let mut ends = Ends::new(1);
        let (go, gone) = channel::<()>(1).expect("a small channel");
        let child = fork_child(|| {
            drop(ends.receiver.take());
            gone.recv().expect("the parent says when");
            ends.sender.take().expect("it is here").send(vec![7]).expect("there is room");
        });
        drop(ends.sender.take());
        let receiver = ends.receiver.take().expect("it is here");
        stop(&child);
        assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
        go.send(()).expect("there is room");
        assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
        resume(&child);
        assert_eq!(receiver.recv().expect("it goes on"), [7]);
        assert!(receiver.recv().unwrap_err().is_disconnected());
        child.wait(Deadline::NEVER).expect("it is our child");

        let mut ends = Ends::new(1);
        let child = fork_child(|| {
            drop(ends.sender.take());
            sleep(LONG);
        });
        drop(ends.receiver.take());
        let sender = ends.sender.take().expect("it is here");
        sender.send(vec![1]).expect("there is room");
        stop(&child);
        match sender.send_timeout(vec![2], PAUSE) {
            Err(SendTimeoutError::TimedOut(back)) => assert_eq!(back, [2]),
            other => panic!("{other:?}"),
        }
        assert!(!sender.is_disconnected());
        // It need not go on to die.
        collect(&child);
        assert!(sender.send(vec![3]).unwrap_err().is_disconnected());
    });
}

#[test]
fn every_sender_counts_wherever_it_is() {
    isolated(|| {
        let mut ends = Ends::new(1);
        let children = [(); 3].map(|()| {
            fork_child(|| {
                drop(ends.receiver.take());
                sleep(LONG);
            })
        });
        let message = pack(ends.sender.as_ref().expect("it is here"));
        drop(ends.sender.take());
        let receiver = ends.receiver.take().expect("it is here");
        let is_going_on = |receiver: &Receiver<Vec<u32>>| {
            matches!(receiver.recv_timeout(PAUSE / 2), Err(RecvTimeoutError::TimedOut))
                && matches!(receiver.try_recv(), Err(TryRecvError::Empty))
        };
        for child in &children {
            assert!(is_going_on(&receiver));
            collect(child);
        }
        // On its way to nobody in particular.
        assert!(is_going_on(&receiver));
        let (here, there) = MessageSocket::pair().expect("sockets can be made");
        post(message, &here);
        assert!(is_going_on(&receiver));
        drop(here);
        assert!(is_going_on(&receiver), "it can still be received");
        drop(there);
        assert!(receiver.recv().unwrap_err().is_disconnected());
    });
}

/// What other threads run meanwhile has a copy of everything for the moment before it becomes another program.
#[test]
fn programs_that_are_started_meanwhile_hold_nothing_back() {
    isolated_within(Duration::from_secs(120), || {
        static IS_OVER: AtomicBool = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut living = Vec::new();
                    while !IS_OVER.load(Acquire) {
                        living
                            .push(Command::new("sleep").arg("100").spawn().expect("there is such a program"));
                        sleep(Duration::from_millis(2));
                        if living.len() == 20 {
                            living.drain(..).for_each(end);
                        }
                    }
                    living.into_iter().for_each(end);
                });
            }
            for round in 0..200 {
                let (sender, receiver) = channel(2).expect("a small channel");
                let message = pack(&sender);
                sender.send(round).expect("there is room");
                if round % 2 == 0 {
                    drop((sender, message));
                    let start = Instant::now();
                    assert_eq!(receiver.iter().collect::<Result<Vec<_>, _>>().expect("a number"), [round]);
                    assert!(start.elapsed() < MUCH);
                } else {
                    drop(receiver);
                    let start = Instant::now();
                    // Until the copy is another program it counts.
                    while sender.send(round).is_ok() {
                        assert!(start.elapsed() < MUCH);
                    }
                    assert!(sender.send(round).unwrap_err().is_disconnected());
                }
            }
            IS_OVER.store(true, Release);
        });
    });
}

/// A child of a fork that the family knows nothing of may use the ends that it has copies of, so it counts like any other; once it
/// has let go of them, ended, or become another program, no more.
#[test]
fn the_copies_of_a_foreign_fork_count_while_they_are_there() {
    isolated(|| {
        for is_dropped in [false, true] {
            let mut ends = Ends::new(1);
            let child = fork_child(|| {
                sleep(PAUSE);
                ends.sender.as_ref().expect("it is here").send(vec![7]).expect("there is room");
                if is_dropped {
                    drop(ends.sender.take());
                }
                sleep(LONG);
            });
            drop(ends.sender.take());
            let receiver = ends.receiver.take().expect("it is here");
            assert_eq!(receiver.recv().expect("the child sends"), [7]);
            if !is_dropped {
                assert!(matches!(receiver.recv_timeout(PAUSE), Err(RecvTimeoutError::TimedOut)));
                collect(&child);
            }
            assert!(receiver.recv().unwrap_err().is_disconnected());
            collect(&child);
        }
    });
}

/// A child sends some items and goes; how long after that its parent, who receives, returns.
fn last_sender_goes(way: Way, n_items: usize, megabytes: usize) -> Duration {
    let mut ends = Ends::new(2);
    let died_at = SharedMapping::create(8).expect("memory is left");
    let child = fork_child(|| {
        drop(ends.receiver.take());
        let ballast = std::hint::black_box(vec![1_u8; megabytes << 20]);
        let sender = ends.sender.take().expect("it is here");
        (0..n_items)
            .for_each(|item| sender.send(vec![item as u32; 1000 * item]).expect("the parent receives"));
        sleep(Duration::from_millis(2));
        die(way, Some(sender), &died_at);
        drop(ballast);
    });
    drop(ends.sender.take());
    let receiver = ends.receiver.take().expect("it is here");
    for item in 0..n_items {
        assert_eq!(receiver.recv().expect("it was sent"), vec![item as u32; 1000 * item]);
    }
    let is_over = match n_items % 3 {
        0 => receiver.recv().is_err_and(|error| error.is_disconnected()),
        1 => receiver.recv_timeout(LONG).is_err_and(|error| error.is_disconnected()),
        _ => receiver.recv_many(2).is_err_and(|error| error.is_disconnected()),
    };
    let latency = since(&died_at);
    assert!(is_over, "{way:?}");
    collect(&child);
    latency
}

/// A child receives an item and goes; how long after that its parent, who sends, returns.
fn last_receiver_goes(way: Way, how: u64, megabytes: usize) -> Duration {
    let mut ends = Ends::new(2);
    let died_at = SharedMapping::create(8).expect("memory is left");
    let child = fork_child(|| {
        drop(ends.sender.take());
        let ballast = std::hint::black_box(vec![1_u8; megabytes << 20]);
        let receiver = ends.receiver.take().expect("it is here");
        assert_eq!(receiver.recv().expect("the parent sends"), [1]);
        // With the third item the parent is done with sending what is received, and begins to wait.
        while receiver.len() < 2 {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(2));
        die(way, Some(receiver), &died_at);
        drop(ballast);
    });
    drop(ends.receiver.take());
    let sender = ends.sender.take().expect("it is here");
    let item = || vec![9; 3];
    sender.send_many(vec![vec![1], vec![2], vec![3]]).expect("one is received");
    let back = match how % 3 {
        0 => sender.send(item()).map_err(|error| (error.is_disconnected(), error.into_inner())),
        1 => sender.send_timeout(item(), LONG).map_err(|error| (error.is_disconnected(), error.into_inner())),
        _ => {
            sender.send_many(vec![item()]).map_err(|error| (error.is_closed(), error.into_inner().remove(0)))
        }
    };
    let latency = since(&died_at);
    assert_eq!(back, Err((true, item())), "{way:?}");
    assert!(sender.send(item()).unwrap_err().is_disconnected());
    collect(&child);
    latency
}

/// In a child: lets go of an end. Some ways end the process; after the others it does nothing more.
fn die(way: Way, end: Option<impl End>, died_at: &SharedMapping) {
    let end = end.expect("it is here");
    let stamp = || died_at.atomic_u64(0).store(now(), Release);
    match way {
        Way::Drop => {
            stamp();
            drop(end);
        }
        Way::ThreadEnd => {
            stamp();
            drop(thread::spawn(move || {
                let _end = end;
            }));
        }
        Way::MessageDropped => {
            let message = pack(&end);
            drop(end);
            stamp();
            drop(message);
        }
        Way::PipeDropped => {
            let (here, there) = MessageSocket::pair().expect("sockets can be made");
            post(pack(&end), &here);
            drop(end);
            stamp();
            drop((here, there));
        }
        Way::QueueDropped => {
            let queue = Queue::bounded(1).expect("a small queue");
            assert!(queue.put(end).is_ok());
            stamp();
            drop(queue);
        }
        _ => {
            std::mem::forget(end);
            // A core would be written before the descriptors are closed.
            setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
                .expect("less is allowed");
            stamp();
            end_process(way);
        }
    }
    sleep(LONG);
}

fn end_process(way: Way) {
    match way {
        Way::Exit => ipc_sys::process::exit_now(0),
        Way::Panic => {
            std::panic::set_hook(Box::new(|_| {}));
            panic!("as was asked for");
        }
        Way::Abort => std::process::abort(),
        Way::Kill => kill_process(getpid(), rustix::process::Signal::KILL).expect("it is this process"),
        Way::Segfault => kill_process(getpid(), rustix::process::Signal::SEGV).expect("it is this process"),
        Way::Exec => panic!("{}", Command::new("sleep").arg("100").exec()),
        _ => unreachable!("these end no process"),
    }
}

fn report(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let (n, max) = (latencies.len(), latencies[latencies.len() - 1]);
    println!(
        "{what} {:?} (median), {:?} (99 of 100), {max:?} (most of {n})",
        latencies[n / 2],
        latencies[n * 99 / 100]
    );
    assert!(max < MUCH);
}

fn pack(value: &impl serde::Serialize) -> Message {
    encode(value, &Limits::default()).expect("the ends can be sent")
}

fn post(message: Message, socket: &MessageSocket) {
    let (bytes, handles) = message.into_parts();
    let handles: Vec<_> = handles.iter().map(AsHandle::as_fd).collect();
    socket.send(&[&bytes], &handles, Deadline::NOW).expect("the socket is empty");
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How long ago the child noted the time.
fn since(died_at: &SharedMapping) -> Duration {
    let returned_at = now();
    let died_at = died_at.atomic_u64(0).load(Acquire);
    assert_ne!(died_at, 0, "the end came before the child let go");
    Duration::from_nanos(returned_at - died_at)
}

fn stop(child: &Child) {
    let pid = pid_of(child);
    kill_process(pid, rustix::process::Signal::STOP).expect("it is our child");
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).expect("it is alive");
    while !stat().contains(") T") {
        thread::yield_now();
    }
}

fn resume(child: &Child) {
    kill_process(pid_of(child), rustix::process::Signal::CONT).expect("it is our child");
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.pid()).expect("a small number")).expect("no process is number 0")
}

/// Ends a child if it has not ended itself, and waits for it.
fn collect(child: &Child) {
    child.signal(Signal::Kill).expect("it is our child");
    child.wait(Deadline::NEVER).expect("it is our child");
}

fn end(mut program: std::process::Child) {
    program.kill().expect("it is our child");
    program.wait().expect("it is our child");
}
