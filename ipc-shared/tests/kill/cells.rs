//! A process that is killed at every instruction while it makes, sends, receives and drops something in an arena.
//!
//! After each nothing is in the arena but what others hold, and that is as it was.

use ipc_codec::{Limits, encode};
use ipc_shared::Arena;
use ipc_shared::sync::{LockError, Mutex, TryLockError};
use ipc_testkit::kill::{Args, Ending, Row, sweep, sweep_stops};
use std::cell::RefCell;

/// An arena, and something in it.
struct State {
    arena: Arena,
    kept: Mutex<u64>,
}

impl State {
    fn new() -> State {
        let arena = Arena::new();
        let kept = Mutex::new_in(&arena, 7).expect("memory is left");
        State { arena, kept }
    }

    /// Whether everything is there that should be, and nothing else.
    fn is_whole(&self, n_expected: usize) -> bool {
        let has_no_more = self.arena.in_use() == n_expected;
        let more: Vec<_> =
            (0..10).map(|_| Mutex::new_in(&self.arena, 1_u64).expect("memory is left")).collect();
        let has_room = self.arena.in_use() == n_expected + more.len();
        has_no_more && has_room && is_free(&self.kept, 7) && more.iter().all(|lock| is_free(lock, 1))
    }
}

/// Whether nobody living has the lock, and the data is as it should be.
fn is_free(lock: &Mutex<u64>, data: u64) -> bool {
    match lock.try_lock() {
        Ok(guard) | Err(TryLockError::Lock(LockError::OwnerDied(guard))) => *guard == data,
        Err(_) => false,
    }
}

pub(crate) fn make(args: &Args) -> Row {
    run(args.scale(53, 1), "make", State::new, |state| drop(Mutex::new_in(&state.arena, 1_u64)))
}

/// It does not die, but stands still, while another process looks for free cells and takes all it finds. Nobody gets what is
/// the other's.
pub(crate) fn make_slowly(args: &Args) -> Row {
    const N_MORE: usize = 5;
    let others: RefCell<Vec<Mutex<u64>>> = RefCell::default();
    let mut losses = 0;
    let swept = sweep_stops(
        args.scale(53, 1),
        State::new,
        |state| {
            let own = Mutex::new_in(&state.arena, 1_u64).expect("memory is left");
            assert_eq!(*own.try_lock().expect("nobody else has it"), 1);
        },
        |state, _point| {
            state.arena.in_use();
            let make = |_| Mutex::new_in(&state.arena, 2_u64).expect("memory is left");
            others.replace((0..N_MORE).map(make).collect());
        },
        |state, point, ending| {
            let others = others.take();
            let are_whole = others.iter().all(|lock| is_free(lock, 2)) && is_free(&state.kept, 7);
            let is_all = state.arena.in_use() == 1 + N_MORE;
            drop(others);
            if !(are_whole && is_all && ending == Ending::Returned && state.is_whole(1)) {
                eprintln!("make_slowly: two have got the same while one stood at {point}");
                losses += 1;
            }
        },
    );
    eprintln!("make_slowly: {} instructions, {} points, {} missed", swept.steps, swept.points, swept.missed);
    Row { losses, ..swept.row("make_slowly") }
}

pub(crate) fn send(args: &Args) -> Row {
    let call = |state: &State| drop(encode(&state.kept, &Limits::default()).expect("it can be sent"));
    run(args.scale(997, 7), "send", State::new, call)
}

pub(crate) fn receive(args: &Args) -> Row {
    let make = || {
        let state = State::new();
        let sent = Mutex::new_in(&state.arena, 2_u64).expect("memory is left");
        let message = encode(&sent, &Limits::default()).expect("it can be sent");
        (state, std::cell::Cell::new(Some(message)))
    };
    let call = |(_, message): &(State, std::cell::Cell<Option<ipc_codec::Message>>)| {
        let message = message.take().expect("it is there once");
        let received: Mutex<u64> = message.decode(&Limits::default()).expect("it is held by the message");
        assert_eq!(*received.try_lock().expect("nobody else has it"), 2);
    };
    let mut row = Row::new("receive");
    sweep_and_count(&mut row, args.scale(97, 1), make, call, |(state, message)| {
        // Here the message is still as it was: its copy in the child was not the last one.
        let received: Result<Mutex<u64>, _> = message.take().expect("it is there").decode(&Limits::default());
        let is_there = received.is_ok_and(|lock| is_free(&lock, 2));
        is_there && state.is_whole(1)
    });
    row
}

fn run(stride: u64, label: &str, make: fn() -> State, call: impl Fn(&State)) -> Row {
    let mut row = Row::new(label);
    sweep_and_count(&mut row, stride, make, call, |state| state.is_whole(1));
    row
}

fn sweep_and_count<T>(
    row: &mut Row,
    stride: u64,
    make: impl Fn() -> T,
    call: impl Fn(&T),
    mut is_whole: impl FnMut(&T) -> bool,
) {
    let label = row.scenario.clone();
    let swept = sweep(
        stride,
        make,
        |state| call(state),
        |state, point| {
            if !is_whole(&state) {
                eprintln!("{label}: something is lost after a kill at point {point}");
                row.losses += 1;
            }
        },
    );
    (row.points, row.kills) = (swept.points, swept.points);
    row.ok &= swept.missed <= swept.points / 10;
    eprintln!("{label}: {} instructions, {} points, {} missed", swept.steps, swept.points, swept.missed);
}
