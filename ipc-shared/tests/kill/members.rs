//! Processes that are killed while they fork, and while they make, send, receive and drop things by the thousand.
//!
//! After each and after all nothing is in the arena but what the living hold.

use crate::inside::{LIMIT, row_of};
use crate::support::{fork_child, join};
use ipc_codec::{Limits, Message, encode};
use ipc_shared::Arena;
use ipc_shared::sync::{LockError, Mutex};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Signal;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::kill::{Args, Ending, Moment, Row, storm, sweep, sweep_pairs, sweep_stops};
use std::cell::Cell;
use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

type Thing = Mutex<u64>;

fn new_in(arena: &Arena) -> Thing {
    Mutex::new_in(arena, 7).expect("memory is left")
}

/// Whether nothing is in use but so many things, as soon as those that end have ended.
fn holds(arena: &Arena, n_things: usize) -> bool {
    let start = Instant::now();
    while arena.in_use() != n_things {
        if start.elapsed() > LIMIT {
            eprintln!("{} things are in use, not {n_things}", arena.in_use());
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}

/// A process that forks: its child has all that it has, or is not born.
///
/// Without optimization a fork is half a million instructions, so that the quick form kills at random.
pub(crate) fn fork(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let make = || (new_in(&arena), new_in(&arena));
    // The kit looks after its own children, and init after this one.
    let call = |(one, _): &(Thing, Thing)| {
        let child = fork_child(|| assert_eq!(*one.lock().expect("nobody dies with it"), 7));
        drop(child);
    };
    let mut check = |things: &(Thing, Thing)| {
        let is_whole = holds(&arena, 2) && things.1.lock_timeout(LIMIT).is_ok_and(|data| *data == 7);
        losses += u64::from(!is_whole);
    };
    let swept = if args.quick {
        storm(
            100,
            2,
            make,
            |things, _| call(things),
            |_| (),
            |things, moment| {
                if moment == Moment::Over {
                    check(things);
                }
            },
        )
    } else {
        sweep(29, make, call, |things, _point| check(&things))
    };
    let row = row_of(&swept, "fork");
    Row { losses, ok: row.ok && holds(&arena, 0), ..row }
}

/// What a process leaves to its child is the child's, until that is killed.
pub(crate) fn inherited(args: &Args) -> Row {
    let arena = Arena::new();
    let mut row = Row::new("inherited");
    for _ in 0..args.scale(5, 500) {
        let thing = new_in(&arena);
        // Whoever takes the seat of a dead process takes nothing that was its own.
        join(&fork_child(|| std::mem::forget(new_in(&arena))));
        let child = fork_child(|| sleep(Duration::from_secs(1000)));
        drop(thing);
        let others: Vec<_> = (0..10).map(|_| new_in(&arena)).collect();
        let is_kept = arena.in_use() == 1 + others.len();
        drop(others);
        child.signal(Signal::Kill).expect("it lives");
        child.wait(Deadline::NEVER).expect("a child can be waited for");
        row.losses += u64::from(!(is_kept && holds(&arena, 0)));
        (row.points, row.kills) = (row.points + 1, row.kills + 1);
    }
    row
}

/// Two receive the same thing, and let go of it.
pub(crate) fn twins(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let message = |thing: &Thing| Cell::new(Some(encode(thing, &Limits::default()).expect("it can be sent")));
    let receive = |message: &Cell<Option<Message>>| {
        let message = message.take().expect("it is there once");
        drop(message.decode::<Thing>(&Limits::default()).expect("it is held by the message"));
    };
    let swept = sweep_pairs(
        args.scale(4999, 97),
        args.scale(5003, 101),
        || {
            let thing = new_in(&arena);
            (message(&thing), message(&thing))
        },
        |(first, _)| receive(first),
        |(_, second)| receive(second),
        |(first, second), pair| {
            let is_there = holds(&arena, 1);
            drop((first, second));
            if !(is_there && holds(&arena, 0)) {
                eprintln!("twins: something is lost after {pair:?}");
                losses += 1;
            }
        },
    );
    Row { losses, ..row_of(&swept, "twins") }
}

/// Six who make things, send them, receive those of others and let go, of which one is killed every millisecond.
pub(crate) fn traffic(args: &Args) -> Row {
    let arena = Arena::new();
    let kept = new_in(&arena);
    let mut losses = 0;
    let swept = storm(
        args.scale(150, 10_000),
        6,
        || MessageSocket::pair().expect("a socket"),
        |(there, here), _| {
            send(there, &new_in(&arena));
            receive(here);
        },
        |(there, _)| send(there, &kept),
        |(_, here), moment| {
            if moment == Moment::Over {
                while receive(here) {}
                let is_whole = kept.lock().or_else(LockError::recover).is_ok_and(|data| *data == 7);
                losses += u64::from(!(is_whole && holds(&arena, 1)));
            }
        },
    );
    let row = row_of(&swept, "traffic");
    Row { losses, ok: row.ok, ..row }
}

/// Sends a thing if there is room.
/// A process does not die, but stands still while it lets go of something; meanwhile the only other holder puts it into a message
/// and lets go, too. The message holds it all the same.
///
/// The one that stands still looks at the slots in order. So that it may have passed the message's slot before there was
/// a message, and not yet the other holder's, the things come from a third process, which has had the first slot.
pub(crate) fn drop_slowly(args: &Args) -> Row {
    let message = Cell::new(None);
    let mut losses = 0;
    let swept = sweep_stops(
        args.scale(29, 1),
        || Cell::new(Some(from_elsewhere())),
        |thing| drop(thing.take()),
        |thing, _point| {
            let thing = thing.take().expect("it is here, too");
            message.set(Some(encode(&thing, &Limits::default()).expect("it can be sent")));
        },
        |_thing, point, ending| {
            let message = message.take().expect("it was made");
            let arrived = message.decode::<Thing>(&Limits::default());
            if !arrived.is_ok_and(|thing| thing.try_lock().is_ok_and(|data| *data == 7))
                || ending != Ending::Returned
            {
                eprintln!("drop_slowly: the message is empty after one stood at {point}");
                losses += 1;
            }
        },
    );
    let row = row_of(&swept, "drop_slowly");
    Row { losses, ..row }
}

/// A thing in the arena of a process that has ended.
fn from_elsewhere() -> Thing {
    let (there, here) = MessageSocket::pair().expect("a socket");
    let maker = fork_child(|| {
        send(&there, &new_in(&Arena::new()));
        sleep(LIMIT);
    });
    let message = receive_message(&here, Deadline::after(LIMIT)).expect("it was sent");
    let thing = message.decode(&Limits::default()).expect("it is held by the message");
    maker.signal(Signal::Kill).expect("it sleeps");
    maker.wait(Deadline::after(LIMIT)).expect("it is a child");
    thing
}

fn send(socket: &MessageSocket, thing: &Thing) {
    let message = encode(thing, &Limits::default()).expect("it can be sent");
    let handles: Vec<_> = message.handles().iter().map(|handle| handle.as_fd()).collect();
    let _ = socket.send(&[message.bytes()], &handles, Deadline::NOW);
}

/// Receives a thing and lets go of it; false if there is none.
fn receive(socket: &MessageSocket) -> bool {
    let Some(message) = receive_message(socket, Deadline::NOW) else { return false };
    let thing: Thing = message.decode(&Limits::default()).expect("it is held by the message");
    // The same thing comes to several of them, and one may die with the lock.
    assert_eq!(*thing.lock().or_else(LockError::recover).expect("this process takes part"), 7);
    true
}

fn receive_message(socket: &MessageSocket, deadline: Deadline) -> Option<Message> {
    let mut bytes = [0; 256];
    let received = socket.recv(&mut bytes, deadline).ok()?;
    Some(Message::from_parts(bytes[..received.size].to_vec(), received.handles))
}
