//! A process that has the queue and writes whatever it likes into its memory and sockets, while another one calls everything:
//! what comes of it are errors, or items that the first has made up. No panic, no signal, no call that does not end.
//!
//! `IPC_QUEUE_LONG=1` has each of them go on for a minute.

#[path = "support/common.rs"]
mod common;
#[path = "support/reach.rs"]
mod reach;
mod support;

use common::{Board, join, long_or};
use ipc_codec::{Limits, encode};
use ipc_queue::{JoinableQueue, Queue};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::memory::FrozenBytes;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::{Rng, isolated_within};
use reach::{
    BELL, BUFFER, BYTES, CAPACITY, END, ENDED, GETS_AT, HANDS_AT, HEAD_SEEN, LOCK, MOST, N_UNITS, PUTS_AT,
    Queues, Reach, SLOT_BITS,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use support::fork_child;

const TIMEOUT: Duration = Duration::from_micros(500);
/// How much later than its timeout a call may end.
const LATE: Duration = Duration::from_millis(100);

/// How long this process has waited for a processor.
fn run_delay() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("procfs is there");
    let nanoseconds = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the second number is the time in the row for a processor"))
}

/// Measures calls.
struct Watch<'a> {
    board: &'a Board,
    slot: usize,
}

impl Watch<'_> {
    fn time<T>(&self, what: &str, call: impl FnOnce() -> T) -> T {
        let (start, delay) = (Instant::now(), run_delay());
        let result = call();
        // Without the time for which it could have gone on and others had the processor.
        let took = start.elapsed().saturating_sub(run_delay() - delay);
        if took > TIMEOUT + LATE {
            println!("{what} took {took:?}");
        }
        self.board.raise(self.slot, took.as_micros() as u64);
        result
    }
}

fn use_bytes(queue: &Queue<[u8]>, watch: &Watch<'_>) {
    let _ = watch.time("try_put_bytes", || queue.try_put_bytes(&[1; 20]).is_ok());
    let _ = watch.time("a large put", || queue.put_bytes_timeout(&[2; 300], TIMEOUT).is_ok());
    let _ = watch.time("put_bytes_timeout", || queue.put_bytes_timeout(&[3; BYTES], TIMEOUT).is_ok());
    let loan = watch.time("loan_timeout", || queue.loan_timeout(BUFFER, TIMEOUT));
    if let Ok(mut loan) = loan {
        loan.fill(7);
        let _ = watch.time("Loan::put_timeout", || loan.put_timeout(TIMEOUT).is_ok());
    }
    if let Ok(taken) = watch.time("take_timeout", || queue.take_timeout(TIMEOUT)) {
        assert!(taken.len() <= MOST);
        let _ = taken.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    }
    for _ in 0..3 {
        if let Ok(bytes) = watch.time("try_get_bytes", || queue.try_get_bytes()) {
            assert!(bytes.len() <= MOST);
        }
    }
    let _ = watch.time("get_bytes_timeout", || queue.get_bytes_timeout(TIMEOUT).is_ok());
    let _ = watch.time("try_take", || queue.try_take().is_ok());
    use_numbers(queue, watch);
}

fn use_items(queue: &Queue<Vec<u8>>, watch: &Watch<'_>) {
    let _ = watch.time("try_put", || queue.try_put(vec![1; 20]).is_ok());
    let _ = watch.time("a large put", || queue.put_timeout(vec![2; 400], TIMEOUT).is_ok());
    let many = vec![vec![3; 30]; 2 * CAPACITY];
    let _ = watch.time("put_many_timeout", || queue.put_many_timeout(many, TIMEOUT).is_ok());
    let _ = watch.time("put_timeout", || queue.put_timeout(vec![4; BYTES - 2], TIMEOUT).is_ok());
    let check =
        |items: Vec<Vec<u8>>| assert!(items.len() <= N_UNITS && items.iter().all(|i| i.len() <= MOST));
    let _ = watch.time("try_get", || queue.try_get().map(|item| check(vec![item])));
    let _ = watch.time("get_many_timeout", || queue.get_many_timeout(3, TIMEOUT).map(check));
    let _ = watch.time("get_timeout", || queue.get_timeout(TIMEOUT).map(|item| check(vec![item])));
    let _ = watch.time("try_get_many", || queue.try_get_many(usize::MAX).map(check));
    let _ = watch.time("try_iter", || queue.try_iter().take(3).count());
    use_numbers(queue, watch);
}

fn use_numbers<T: ?Sized>(queue: &Queue<T>, watch: &Watch<'_>) {
    assert!(watch.time("len", || queue.len()) <= CAPACITY);
    let _ = watch.time("others", || {
        (queue.is_empty(), queue.is_full(), queue.is_closed(), format!("{queue:?}"), queue.clone().capacity())
    });
    if let Ok(handle) = watch.time("pollable", || queue.pollable()) {
        let _ = watch.time("poll", || wait_one(handle, Interest::Read, Deadline::after(TIMEOUT)));
    }
}

/// Calls everything, until the time is over.
fn victim(queues: &Queues, reach: &[Reach], board: &Board, end: Instant) {
    let room = getrlimit(Resource::As);
    let wide = 1 << 30;
    setrlimit(Resource::As, Rlimit { current: Some(wide), ..room }).expect("a lower limit");
    let (watch, calm) = (Watch { board, slot: 0 }, Watch { board, slot: 1 });
    let mut number = 0_u64;
    while Instant::now() < end {
        use_bytes(&queues.bytes, &watch);
        use_items(&queues.tasks, &watch);
        use_items(&queues.latest, &watch);
        let _ = watch.time("task_done", || queues.tasks.task_done().is_ok());
        let _ = watch.time("join_timeout", || queues.tasks.join_timeout(TIMEOUT).is_ok());
        // One that is opened now, with whatever stands there.
        if let Some(there) = watch.time("decode", || reach[1].decode::<JoinableQueue<Vec<u8>>>()) {
            use_items(&there, &watch);
            let _ = watch.time("encode", || encode(&there, &Limits::default()).is_ok());
        }
        // Neighbours notice nothing.
        for _ in 0..CAPACITY {
            calm.time("put", || queues.untouched.put_timeout(number, common::LONG)).expect("it is not full");
            assert_eq!(calm.time("get", || queues.untouched.try_get()).ok(), Some(number));
            number += 1;
        }
        calm.time("sleep", || queues.untouched.get_timeout(TIMEOUT)).expect_err("it is empty");
        board.add(2);
    }
}

/// Has a victim call everything while somebody attacks.
fn run(attack: impl Fn(&[Reach], &mut Rng)) {
    let (queues, board) = (Queues::new(), Board::new(4));
    let reach = queues.reach();
    let end = Instant::now() + long_or(Duration::from_secs(3));
    let attacker = fork_child(|| {
        let mut rng = Rng::from_env();
        while board.get(3) == 0 {
            attack(&reach, &mut rng);
        }
    });
    let caller = fork_child(|| victim(&queues, &reach, &board, end));
    join(&caller);
    board.set(3, 1);
    join(&attacker);
    let [longest, calm, rounds] = [0, 1, 2].map(|idx| board.get(idx));
    println!("{rounds} rounds; the longest call took {longest} us; on a queue that is left alone, {calm} us");
    assert!(rounds > 0);
    if common::is_long() {
        // What delays both is not the queue's.
        let allowed = (TIMEOUT + LATE).as_micros() as u64 + calm;
        assert!(longest <= allowed, "{longest} us, more than {allowed}");
    }
}

fn attacked(attack: fn(&[Reach], &mut Rng)) {
    run(attack);
}

/// Words that mean something somewhere.
fn telling_word(reach: &Reach, rng: &mut Rng) -> u64 {
    let n_units = N_UNITS as u64;
    let numbers = [0, 1, 2, 7, 8, CAPACITY as u64 - 1, CAPACITY as u64, CAPACITY as u64 + 1, BYTES as u64];
    match rng.below(9) {
        0 => *rng.pick(&numbers),
        1 => *rng.pick(&[
            n_units - 1,
            n_units,
            n_units + 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 63,
            u64::MAX,
            u64::MAX - 7,
        ]),
        // A place in the ring.
        2 => rng.below(20) << 32 | rng.below(n_units + 2),
        3 => (u64::from(u32::MAX) - rng.below(10)) << 32 | rng.below(n_units),
        // A record.
        4 => 1 | rng.below(5) << 1 | rng.below(8 * n_units + 20) << 8,
        5 => 1 | rng.below(4) << 1 | *rng.pick(&numbers) << 8,
        // The word of a lock, and of a buffer.
        6 => rng.pick(&reach.names()) + rng.below(3) - 1,
        7 => (rng.pick(&reach.names()) + rng.below(3) - 1) << 4 | rng.below(16),
        _ => rng.next_u64() >> rng.below(64),
    }
}

#[test]
fn random_words_everywhere() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let reach = rng.pick(reach);
            reach.restore();
            for _ in 0..rng.below(2000) {
                let at = rng.below(reach.memory.size() as u64 / 8) as usize * 8;
                let behind = reach.start + rng.below(1000) as usize * 8;
                reach.store(if rng.one_in(4) { at } else { behind }, rng.next_u64() >> rng.below(64));
            }
        });
    });
}

#[test]
fn telling_words_in_every_field() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let reach = rng.pick(reach);
            reach.restore();
            for _ in 0..rng.below(500) {
                let at = match rng.below(4) {
                    0 => PUTS_AT + 8 * rng.below(6) as usize,
                    1 => GETS_AT + 8 * rng.below(6) as usize,
                    2 => HANDS_AT + 8 * rng.below(20) as usize,
                    _ => reach.ring - reach.start + 8 * rng.below(N_UNITS as u64) as usize,
                };
                reach.store(reach.start + at, telling_word(reach, rng));
            }
        });
    });
}

/// The record at the head says one length and then another, and the words behind it too, as fast as it goes.
#[test]
fn lengths_that_change_while_they_are_read() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let reach = rng.pick(reach);
            if rng.one_in(10) {
                reach.restore();
            }
            let head = reach.memory.atomic_u64(reach.start + GETS_AT + END).load(Relaxed) as u32;
            let position = head as usize % N_UNITS;
            let kind = rng.below(4) << 1;
            let (short, long) = (1 | kind | 16 << 8, 1 | kind | rng.below(600) << 8);
            for round in 0..300_u64 {
                for at in [position, position + 1, position + 2, position + 3] {
                    let word = if round & 1 == 0 { short } else { long };
                    let word = if at == position { word } else { rng.below(4) * 100 };
                    reach.store(reach.ring + 8 * (at % N_UNITS), word);
                }
            }
        });
    });
}

/// The lock is said to be somebody's: of one who lives and keeps it, of the caller itself, of one who never was. And the bell
/// rings all the time.
#[test]
fn locks_that_lie() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let end = Instant::now() + Duration::from_millis(rng.below(30));
            let (reach, side) = (rng.pick(reach), *rng.pick(&[PUTS_AT, GETS_AT]));
            let name = rng.pick(&reach.names()) + *rng.pick(&[0, 0, 0, 1 << SLOT_BITS, 5]);
            let (word, is_steady) = (name, rng.one_in(2));
            let mut bell = 0;
            while Instant::now() < end {
                reach.store(reach.start + side + LOCK, if is_steady || bell % 2 == 0 { word } else { 0 });
                reach.store(reach.start + side + BELL, bell);
                bell += 1;
            }
            reach.store(reach.start + side + LOCK, 0);
            reach.store(reach.start + PUTS_AT + ENDED, 0);
        });
    });
}

/// A ring that has no end, one that is full and empty at once, and one that is said to have room.
#[test]
fn ends_that_do_not_fit() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let reach = rng.pick(reach);
            reach.restore();
            let end = Instant::now() + Duration::from_millis(rng.below(20));
            let everywhere = *rng.pick(&[0, 1, 1, 1 | 8 << 8, 1 | 80 << 8, 1 | 2 << 1 | 16 << 8]);
            let (head, tail) = (rng.below(4) << 32 | rng.below(57), rng.below(12) << 32 | rng.below(57));
            while Instant::now() < end {
                (0..N_UNITS).for_each(|idx| reach.store(reach.ring + 8 * idx, everywhere));
                reach.store(reach.start + GETS_AT + END, head);
                reach.store(reach.start + PUTS_AT + END, tail);
                reach.store(reach.start + PUTS_AT + HEAD_SEEN, head);
                std::thread::yield_now();
            }
        });
    });
}

/// Messages of all lengths with all kinds of handles, tickets that nobody has given, and those of others taken away.
#[test]
fn sockets_that_are_fed() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let reach = rng.pick(reach);
            let null = File::open("/dev/null").expect("Linux has it");
            let frozen = FrozenBytes::freeze(&[&[7; 100]]).expect("memory is left");
            let huge = FrozenBytes::freeze(&[&vec![7; 2 * MOST]]).expect("memory is left");
            let handles: [Vec<BorrowedHandle<'_>>; 5] = [
                vec![],
                vec![null.as_fd()],
                vec![frozen.as_fd()],
                vec![huge.as_fd()],
                vec![null.as_fd(), frozen.as_fd(), reach.memory.handle()],
            ];
            for _ in 0..rng.below(30) {
                let socket = rng.pick(&reach.sockets);
                let ticket = reach.memory.atomic_u64(reach.start + PUTS_AT + 32).load(Relaxed);
                let near = ticket.wrapping_add(rng.below(5)).wrapping_sub(2).to_le_bytes();
                let mut junk = vec![0; 1 + rng.below(40) as usize];
                rng.fill(&mut junk);
                let bytes = if rng.one_in(2) { &near[..] } else { &junk };
                let handles: &Vec<_> = rng.pick(&handles);
                let _ = socket.send(&[bytes], handles, Deadline::NOW);
            }
            if rng.one_in(2) {
                let _ = rng.pick(&reach.sockets).recv(&mut [0; 100], Deadline::NOW);
            }
            if rng.one_in(20) {
                reach.restore();
            }
            std::thread::sleep(Duration::from_micros(rng.below(2000)));
        });
    });
}
