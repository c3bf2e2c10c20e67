//! What CPython's tests say of waiting for several, in our words and for ours, and processes among what is waited for, each by every
//! start method.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.13; Python Software Foundation License); what
//! they hold for right was read there, no code was taken.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `TestWait.test_wait` | `pipes_until_their_end` |
//! | `TestWait.test_wait_slow` | `slow_pipes_until_their_end` |
//! | `TestWait.test_wait_socket` | `sockets_until_their_end` |
//! | `TestWait.test_wait_socket_slow` | `slow_sockets_until_their_end` |
//! | `TestWait.test_wait_timeout` | `timeout`, in a fraction of Python's five seconds |
//! | `TestWait.test_wait_integer` | `pipe_ends_and_a_process`. The sentinel there is a number; here it is the process, and its sentinel has a test beside it: `a_sentinel` |
//! | `TestWait.test_neg_timeout` | `timeout`: no duration is negative here; a deadline that has passed is such a thing |
//! | `wait([])` of 3.15 | `no_objects` |
//! | `_TestProcess.test_sentinel` | `a_sentinel` |
//! | `_TestPoll.test_boundaries`, `test_strings` and their like | `poll` of the pipes, in `ipc-pipe` |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use ipc_testkit::isolated;
use multiproc::pipe::{Pipe, Receiver, RecvError, Sender};
use multiproc::queue::TryGetError;
use multiproc::shared::Arena;
use multiproc::sync::{Event, Semaphore};
use multiproc::{
    Builder, JoinableQueue, Process, Queue, Readable, StartMethod, WaitError, Waitable, channel, pipe,
    simplex, try_wait, wait, wait_deadline, wait_timeout,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(200);

by_every_method! {
    pipes_until_their_end slow_pipes_until_their_end sockets_until_their_end slow_sockets_until_their_end
    timeout pipe_ends_and_a_process a_sentinel
    the_first_process_to_end a_process_that_is_killed a_child_waits_for_everything
}

fn start<A, R>(method: StartMethod, child: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(child, args).expect("it was started")
}

/// Asserts that a call took at least so long.
#[track_caller]
fn at_least<R>(least: Duration, call: impl FnOnce() -> R) -> R {
    let begin = Instant::now();
    let result = call();
    assert!(begin.elapsed() >= least, "it took {:?} only", begin.elapsed());
    result
}

fn all<W: Waitable>(objects: &[W]) -> Vec<&dyn Waitable> {
    objects.iter().map(|object| object as _).collect()
}

fn nap(number: u32) {
    sleep(Duration::from_millis(u64::from(number * 7 % 20)));
}

fn pipes_until_their_end(method: StartMethod) {
    messages_of_four(method, false);
}

fn slow_pipes_until_their_end(method: StartMethod) {
    messages_of_four(method, true);
}

fn messages_of_four(method: StartMethod, is_slow: bool) {
    fn send_ten((sender, is_slow): (Sender<(u32, u32)>, bool)) {
        for number in 0..10 {
            if is_slow {
                nap(number);
            }
            sender.send((number, std::process::id())).expect("the reader is there");
        }
    }
    let (mut readers, mut processes, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let (sender, reader): (_, Receiver<(u32, u32)>) = simplex().expect("a pipe");
        processes.push(start(method, send_ten, (sender, is_slow)));
        readers.push(reader);
    }
    while !readers.is_empty() {
        for place in wait(&all(&readers)).expect("it can be waited for").into_iter().rev() {
            match readers[place].recv() {
                Ok(message) => messages.push(message),
                Err(RecvError::Eof) => drop(readers.remove(place)),
                Err(error) => panic!("{error}"),
            }
        }
    }
    messages.sort();
    let mut expected: Vec<_> =
        processes.iter().flat_map(|process| (0..10).map(|number| (number, process.pid()))).collect();
    expected.sort();
    assert_eq!(messages, expected);
    processes.into_iter().for_each(|process| process.join().expect("it returned"));
}

fn sockets_until_their_end(method: StartMethod) {
    lines_of_four(method, false);
}

fn slow_sockets_until_their_end(method: StartMethod) {
    lines_of_four(method, true);
}

fn lines_of_four(method: StartMethod, is_slow: bool) {
    fn write_ten((address, is_slow): (SocketAddr, bool)) {
        let mut socket = TcpStream::connect(address).expect("it listens");
        for number in 0..10 {
            if is_slow {
                nap(number);
            }
            socket.write_all(format!("{number}\n").as_bytes()).expect("the reader is there");
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is left");
    let address = listener.local_addr().expect("it has one");
    let processes: Vec<_> = (0..4).map(|_| start(method, write_ten, (address, is_slow))).collect();
    let mut readers = Vec::new();
    for _ in 0..4 {
        assert_eq!(wait_timeout(&[&listener], LONG).expect("it can be waited for"), [0]);
        readers.push((listener.accept().expect("one came").0, Vec::new()));
    }
    let mut texts = Vec::new();
    while !readers.is_empty() {
        let sockets: Vec<_> = readers.iter().map(|(socket, _)| Readable(socket)).collect();
        for place in wait(&all(&sockets)).expect("it can be waited for").into_iter().rev() {
            let mut buffer = [0; 32];
            match readers[place].0.read(&mut buffer).expect("it can be read") {
                0 => texts.push(readers.remove(place).1),
                size => readers[place].1.extend_from_slice(&buffer[..size]),
            }
        }
    }
    let expected: String = (0..10).map(|number| format!("{number}\n")).collect();
    assert_eq!(texts, vec![expected.into_bytes(); 4]);
    processes.into_iter().for_each(|process| process.join().expect("it returned"));
}

fn timeout(method: StartMethod) {
    fn send_one(end: Pipe<u8, u8>) -> u8 {
        end.send(1).expect("the other end is there");
        end.recv().expect("it comes")
    }
    let (here, there) = pipe::<u8, u8>().expect("a pipe");
    let (beside, _end) = pipe::<u8, u8>().expect("a pipe");
    let ends: [&dyn Waitable; 2] = [&beside, &here];
    assert_eq!(at_least(SHORT, || wait_timeout(&ends, SHORT)).expect("it can be waited for"), []);
    let deadline = Instant::now() + SHORT;
    assert_eq!(at_least(SHORT, || wait_deadline(&ends, deadline)).expect("it can be waited for"), []);
    // What has passed is looked at once, as Python's negative timeout is.
    assert_eq!(wait_deadline(&ends, deadline).expect("it can be waited for"), []);
    assert_eq!(wait_timeout(&ends, Duration::ZERO).expect("it can be waited for"), []);
    let child = start(method, send_one, there);
    assert_eq!(wait_timeout(&ends, LONG).expect("it can be waited for"), [1]);
    assert_eq!(wait_deadline(&ends, deadline).expect("it can be waited for"), [1]);
    here.send(2).expect("the child is there");
    assert_eq!(child.join().expect("it returned"), 2);
}

fn pipe_ends_and_a_process(method: StartMethod) {
    fn release_and_sleep((started, period): (Semaphore, Duration)) {
        started.add_permits(1).expect("few are enough");
        sleep(period);
    }
    let started = Semaphore::new_in(&Arena::new(), 0).expect("there is memory");
    let (a, b) = pipe::<(), ()>().expect("a pipe");
    let period = Duration::from_millis(500);
    let process = at_least(period, || {
        let process = start(method, release_and_sleep, (started.clone(), period));
        drop(started.acquire_timeout(LONG).expect("the child releases it"));
        let ended = wait_timeout(&[&a, &process, &b], LONG);
        assert_eq!(ended.expect("it can be waited for"), [1]);
        process
    });
    let objects: [&dyn Waitable; 3] = [&a, &process, &b];
    a.send(()).expect("the other end is there");
    assert_eq!(wait_timeout(&objects, LONG).expect("it can be waited for"), [1, 2]);
    b.send(()).expect("the other end is there");
    assert_eq!(wait_timeout(&objects, LONG).expect("it can be waited for"), [0, 1, 2]);
    process.terminate().expect("it has ended");
    process.join().expect("it returned");
}

fn a_sentinel(method: StartMethod) {
    let go = Event::new_in(&Arena::new()).expect("there is memory");
    let process = start(method, |go: Event| assert!(go.wait_timeout(LONG)), go.clone());
    assert_eq!(wait_timeout(&[&process.sentinel()], SHORT).expect("it can be waited for"), []);
    go.set();
    assert_eq!(wait_timeout(&[&process.sentinel(), &process], LONG).expect("it can be waited for"), [0, 1]);
    assert!(!process.is_alive());
    process.join().expect("it returned");
}

fn the_first_process_to_end(method: StartMethod) {
    fn wait_for(go: Event) -> u32 {
        assert!(go.wait_timeout(LONG));
        7
    }
    let arena = Arena::new();
    let events: Vec<Event> = (0..4).map(|_| Event::new_in(&arena).expect("there is memory")).collect();
    let mut processes: Vec<_> = events.iter().map(|go| start(method, wait_for, go.clone())).collect();
    assert_eq!(try_wait(&all(&processes)).expect("it can be waited for"), []);
    // From behind, so that the places stay.
    for place in (0..4).rev() {
        events[place].set();
        assert_eq!(wait(&all(&processes)).expect("it can be waited for"), [place]);
        assert_eq!(processes.remove(place).try_join().expect("it has ended"), 7);
    }
}

/// Its exit is told, and the end of what it held.
fn a_process_that_is_killed(method: StartMethod) {
    fn hold((sender, queue): (Sender<u8>, Queue<u8>)) {
        queue.put(1).expect("there is room");
        sleep(LONG);
        drop(sender);
    }
    let (sender, reader) = simplex::<u8>().expect("a pipe");
    let queue = Queue::<u8>::bounded(4).expect("there is memory");
    let process = start(method, hold, (sender, queue.clone()));
    let objects: [&dyn Waitable; 3] = [&process, &queue, &reader];
    assert_eq!(wait_timeout(&objects, LONG).expect("it can be waited for"), [1]);
    assert_eq!(queue.try_get().expect("it was told"), 1);
    process.kill().expect("it is a child");
    let mut ended = Vec::new();
    // One comes a moment before the other.
    while ended.len() < 2 {
        ended = wait_timeout(&objects, LONG).expect("it can be waited for");
        assert!(!ended.is_empty());
    }
    assert_eq!(ended, [0, 2]);
    assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
    assert!(matches!(reader.recv(), Err(RecvError::Eof)));
    assert!(process.join().is_err());
}

/// Everything was received in a message, and the parent does one thing after the other.
fn a_child_waits_for_everything(method: StartMethod) {
    type Things = (Queue<u32>, JoinableQueue<u32>, multiproc::queue::Receiver<u32>, Receiver<u32>, Event);
    fn serve((queue, tasks, receiver, reader, over): Things) -> Vec<(usize, u32)> {
        let (mut seen, mut is_over) = (Vec::new(), false);
        while !is_over || seen.len() < 4 * 20 {
            for place in wait(&[&queue, &tasks, &receiver, &reader, &over]).expect("it can be waited for") {
                let number = match place {
                    0 => queue.try_get().expect("nobody else takes them"),
                    1 => {
                        let task = tasks.try_get().expect("nobody else takes them");
                        tasks.task_done().expect("it was taken");
                        task
                    }
                    2 => receiver.try_recv().expect("nobody else receives"),
                    3 => reader.try_recv().expect("nobody else receives"),
                    _ => {
                        is_over = true;
                        continue;
                    }
                };
                seen.push((place, number));
            }
        }
        seen
    }
    let queue = Queue::bounded(4).expect("there is memory");
    let tasks = JoinableQueue::bounded(4).expect("there is memory");
    let (sender, receiver) = channel(4).expect("there is memory");
    let (writer, reader) = simplex().expect("a pipe");
    let over = Event::new_in(&Arena::new()).expect("there is memory");
    let things = (queue.clone(), tasks.clone(), receiver, reader, over.clone());
    let process = start(method, serve, things);
    for number in 0..20 {
        queue.put(number).expect("there is room");
        tasks.put(number).expect("there is room");
        sender.send(number).expect("the child is there");
        writer.send(number).expect("the child is there");
        tasks.join().expect("the child does it");
    }
    over.set();
    let seen = process.join().expect("it returned");
    for place in 0..4 {
        let numbers: Vec<u32> = seen.iter().filter(|seen| seen.0 == place).map(|seen| seen.1).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>(), "at place {place}");
    }
}

#[test]
fn no_objects() {
    assert!(matches!(wait(&[]), Err(WaitError::Nothing)));
    assert_eq!(at_least(SHORT, || wait_timeout(&[], SHORT)).expect("none is ready"), []);
}
