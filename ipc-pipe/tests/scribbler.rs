//! A process that has a pipe and writes whatever it likes into its memory and sockets, while another one calls everything: what
//! comes of it are errors, or messages that the first has made up. No panic, no signal, no call that does not end.
//!
//! `IPC_QUEUE_LONG=1` has each of them go on for a minute.

// What several processes of a test tell each other is the same as in those of the queue.
#[path = "../../ipc-queue/tests/support/common.rs"]
mod common;
mod support;

use common::{Board, is_long, join, long_or};
use ipc_codec::{Limits, Message, decode, encode};
use ipc_pipe::{Builder, Receiver, Sender};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::{FrozenBytes, SharedMapping};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::MessageSocket;
use ipc_testkit::{Rng, isolated_within};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use support::fork_child;

const TIMEOUT: Duration = Duration::from_micros(500);
/// How much later than its timeout a call may end.
const LATE: Duration = Duration::from_millis(100);
/// Of each attack, in the short form.
const SHORT: Duration = Duration::from_millis(1000);
/// No message may be larger.
const MOST: usize = 64 << 10;

// The smallest ring, and where things stand in its memory, as `docs/queue.md` has it.
const BYTES: usize = 4096;
const CAPACITY: usize = BYTES / 256;
const N_UNITS: usize = BYTES / 8 + 3 * CAPACITY + 1;
const PUTS_AT: usize = 112;
const GETS_AT: usize = 240;
const BELL: usize = 8;
const END: usize = 24;
const TICKET: usize = 40;
const RING_AT: usize = 368;
/// One generation for each process that takes part, from here on.
const SLOTS_AT: usize = 4096;
const SLOT_BITS: u32 = 12;

type Ends = (Sender<Vec<u8>>, Receiver<Vec<u8>>);

/// What a process can reach that has an end.
struct Reach {
    memory: SharedMapping,
    sockets: [MessageSocket; 2],
    /// What travels when an end is sent.
    messages: [Message; 2],
    start: usize,
    ring: usize,
    /// The words from the start on, as they were when nobody had sent anything.
    image: Vec<u64>,
}

impl Reach {
    fn new((sender, receiver): &Ends) -> Reach {
        let limits = Limits::default();
        let messages = [encode(sender, &limits), encode(receiver, &limits)].map(|end| end.expect("an end"));
        let copy = |end: usize, idx: usize| -> OwnedHandle {
            messages[end].handles()[idx].as_fd().try_clone_to_owned().expect("handles are left")
        };
        let memory = SharedMapping::from_handle(copy(0, 0)).expect("the first is the memory");
        let sockets =
            [0, 1].map(|end| MessageSocket::from_handle(copy(end, 1)).expect("the other is a socket"));
        let word = |at: usize| memory.atomic_u64(at).load(Relaxed);
        let is_start = |at: &usize| word(*at) >> 32 == 3 && word(at + 16) == CAPACITY as u64;
        let start = (16..memory.size() - 64).step_by(4096).find(is_start).expect("the plan stands there");
        let ring = (start + RING_AT).next_multiple_of(64);
        let image = (start..memory.size() / 8 * 8).step_by(8).map(word).collect();
        Reach { memory, sockets, messages, start, ring, image }
    }

    /// Stores a word, if there is such a place.
    fn store(&self, at: usize, word: u64) {
        if at < self.memory.size() / 8 * 8 {
            self.memory.atomic_u64(at).store(word, Relaxed);
        }
    }

    /// Makes it an empty pipe again, so that what is called goes on beyond the first look.
    fn restore(&self) {
        for (idx, &word) in self.image.iter().enumerate() {
            self.store(self.start + 8 * idx, word);
        }
    }

    /// What a process gets to which an end is sent now.
    fn ends(&self) -> Option<Ends> {
        let handles = |message: &Message| {
            let copies = message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
            copies.collect::<Result<Vec<_>, _>>().expect("handles are left")
        };
        let [sender, receiver] = &self.messages;
        let sender = decode(sender.bytes(), handles(sender), &limits()).ok()?;
        Some((sender, decode(receiver.bytes(), handles(receiver), &limits()).ok()?))
    }

    /// Where the word stands that is so many behind the head.
    fn head(&self, idx: usize) -> usize {
        let head = self.memory.atomic_u64(self.start + GETS_AT + END).load(Relaxed) as u32;
        self.ring + 8 * ((head as usize + idx) % N_UNITS)
    }

    /// The name of somebody who takes part, or nearly.
    fn name(&self, rng: &mut Rng) -> u64 {
        let slot = rng.below(8);
        let generation = self.memory.atomic_u64(SLOTS_AT + 8 * slot as usize).load(Relaxed);
        (generation << SLOT_BITS | slot) + *rng.pick(&[0, 0, 0, 1, 1 << SLOT_BITS])
    }
}

fn limits() -> Limits {
    Limits { max_frame: MOST, ..Limits::default() }
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

/// How long this process has waited for a processor.
fn run_delay() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("procfs is there");
    let nanoseconds = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the second number is the time in the row for a processor"))
}

/// Sends and receives in every way, messages of one item and of several.
fn use_ends((sender, receiver): &Ends, watch: &Watch<'_>) {
    let _ = watch.time("try_send", || sender.try_send(vec![1; 20]).is_ok());
    let _ = watch.time("send_timeout", || sender.send_timeout(vec![2; 300], TIMEOUT).is_ok());
    let _ = watch.time("send_bytes_timeout", || sender.send_bytes_timeout(&[3; 40], TIMEOUT).is_ok());
    let _ = watch.time("a large send", || sender.send_bytes_timeout(&[4; 1700], TIMEOUT).is_ok());
    let _ = watch.time("poll", || receiver.poll(TIMEOUT).is_ok());
    let size = watch.time("recv_bytes_into", || receiver.recv_bytes_into_timeout(&mut [0; 600], TIMEOUT));
    assert!(size.is_ok_and(|size| size <= 600) || size_is_small(receiver, watch));
    for _ in 0..2 {
        if let Ok(message) = watch.time("try_recv", || receiver.try_recv()) {
            assert!(message.len() <= MOST);
        }
    }
    let _ = watch.time("a send beyond the ring", || sender.send_bytes_timeout(&[5; 9000], TIMEOUT).is_ok());
    let _ = watch.time("recv_timeout", || receiver.recv_timeout(TIMEOUT).is_ok());
    if let Ok(handle) = watch.time("pollable", || receiver.pollable()) {
        let _ = watch.time("wait", || wait_one(handle, Interest::Read, Deadline::after(TIMEOUT)));
    }
}

fn size_is_small(receiver: &Receiver<Vec<u8>>, watch: &Watch<'_>) -> bool {
    watch
        .time("recv_bytes", || receiver.recv_bytes_timeout(TIMEOUT))
        .map_or(true, |bytes| bytes.len() <= MOST)
}

/// Calls everything, until the time is over.
fn victim(ends: &Ends, reach: &Reach, board: &Board, end: Instant) {
    let room = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(1 << 30), ..room }).expect("a lower limit");
    let (watch, calm) = (Watch { board, slot: 0 }, Watch { board, slot: 1 });
    let untouched: Ends = Builder::new().ring_size(BYTES).simplex().expect("a small pipe");
    while Instant::now() < end {
        use_ends(ends, &watch);
        // Ends that are opened now, with whatever stands there, and closed.
        if let Some(ends) = watch.time("decode", || reach.ends()) {
            use_ends(&ends, &watch);
            watch.time("drop", || drop(ends));
        }
        // Neighbours notice nothing.
        calm.time("send", || untouched.0.send(vec![7; 100])).expect("there is room");
        assert_eq!(calm.time("recv", || untouched.1.recv()).expect("it was sent"), [7; 100]);
        calm.time("sleep", || untouched.1.recv_timeout(TIMEOUT)).expect_err("it is empty");
        board.add(2);
    }
}

/// Has a victim call everything while somebody attacks.
fn attacked(attack: fn(&Reach, &mut Rng)) {
    let ends: Ends = Builder::new().ring_size(BYTES).limits(limits()).simplex().expect("a small pipe");
    let (reach, board) = (Reach::new(&ends), Board::new(4));
    let end = Instant::now() + long_or(SHORT);
    let attacker = fork_child(|| {
        let mut rng = Rng::from_env();
        while board.get(3) == 0 {
            attack(&reach, &mut rng);
        }
    });
    let caller = fork_child(|| victim(&ends, &reach, &board, end));
    join(&caller);
    board.set(3, 1);
    join(&attacker);
    let [longest, calm, rounds] = [0, 1, 2].map(|idx| board.get(idx));
    println!("{rounds} rounds; the longest call took {longest} us; on a pipe that is left alone, {calm} us");
    assert!(rounds > 0);
    if is_long() {
        // What delays both is not the pipe's.
        let allowed = (TIMEOUT + LATE).as_micros() as u64 + calm;
        assert!(longest <= allowed, "{longest} us, more than {allowed}");
    }
}

/// A word that means something somewhere.
fn telling_word(reach: &Reach, rng: &mut Rng) -> u64 {
    let n_units = N_UNITS as u64;
    match rng.below(7) {
        0 => *rng.pick(&[
            0,
            1,
            2,
            7,
            8,
            511,
            512,
            513,
            BYTES as u64 - 1,
            BYTES as u64,
            MOST as u64,
            MOST as u64 + 1,
        ]),
        1 => *rng.pick(&[
            n_units - 1,
            n_units,
            n_units + 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 63,
            u64::MAX - 7,
            u64::MAX,
        ]),
        // A place in the ring.
        2 => rng.below(40) << 32 | rng.below(n_units + 2),
        // A record, of a part as often as of all others.
        3 => 1 | 4 << 1 | (40 + rng.below(600)) << 8,
        4 => 1 | rng.below(8) << 1 | rng.below(8 * n_units + 20) << 8,
        // The word of a lock, and of a part.
        5 => reach.name(rng),
        _ => rng.next_u64() >> rng.below(64),
    }
}

#[test]
fn random_words_everywhere() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            reach.restore();
            for _ in 0..rng.below(2000) {
                let at = rng.below(reach.memory.size() as u64 / 8) as usize * 8;
                let behind = reach.start + rng.below(700) as usize * 8;
                reach.store(if rng.one_in(4) { at } else { behind }, rng.next_u64() >> rng.below(64));
            }
        })
    });
}

#[test]
fn telling_words_in_every_field() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            reach.restore();
            // Where many do not fit, one of them is found by every call, and the others by none.
            for _ in 0..*rng.pick(&[1, 3, 30, 300]) {
                let at = match rng.below(4) {
                    0 => PUTS_AT + 8 * rng.below(8) as usize,
                    1 => GETS_AT + 8 * rng.below(8) as usize,
                    // What is taken next.
                    2 => reach.head(rng.below(2) as usize) - reach.start,
                    _ => reach.ring - reach.start + 8 * rng.below(N_UNITS as u64) as usize,
                };
                reach.store(reach.start + at, telling_word(reach, rng));
            }
        })
    });
}

/// The words of the part at the head say one thing and then another, as fast as it goes.
#[test]
fn parts_that_change_while_they_are_read() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            if rng.one_in(10) {
                reach.restore();
            }
            let place = |idx: usize| reach.head(idx);
            let (sender, number) = (reach.name(rng), rng.below(2));
            for round in 0..300 {
                let len = *rng.pick(&[16, 40, 41, 140, 552, 552, 552, 553, 40_000]);
                reach.store(place(0), 1 | 4 << 1 | len << 8);
                let at = *rng.pick(&[0, 0, 100, 512, 512, 1024, u64::MAX]);
                let total = *rng.pick(&[0, 100, 100, 600, 600, 1700, MOST as u64 + 1, u64::MAX]);
                let words = [rng.below(2) * round, sender, number, at, total];
                words.iter().enumerate().for_each(|(idx, &word)| reach.store(place(1 + idx), word));
            }
        })
    });
}

/// The lock is said to be somebody's: of one who lives and keeps it, of the caller itself, of one who never was. And the bell rings
/// all the time.
#[test]
fn locks_that_lie() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let end = Instant::now() + Duration::from_millis(rng.below(30));
            let (side, word, is_steady) = (*rng.pick(&[PUTS_AT, GETS_AT]), reach.name(rng), rng.one_in(2));
            let mut bell = 0;
            while Instant::now() < end {
                reach.store(reach.start + side, if is_steady || bell % 2 == 0 { word } else { 0 });
                reach.store(reach.start + side + BELL, bell);
                bell += 1;
            }
            reach.store(reach.start + side, 0);
        })
    });
}

/// Messages of all lengths with all kinds of handles, tickets that nobody has given, and those of others taken away.
#[test]
fn sockets_that_are_fed() {
    isolated_within(Duration::from_secs(240), || {
        attacked(|reach, rng| {
            let null = File::open("/dev/null").expect("Linux has it");
            let frozen = FrozenBytes::freeze(&[&[7; 100]]).expect("memory is left");
            let handles: [Vec<BorrowedHandle<'_>>; 3] =
                [vec![], vec![null.as_fd()], vec![null.as_fd(), frozen.as_fd(), reach.memory.handle()]];
            for _ in 0..rng.below(30) {
                let ticket = reach.memory.atomic_u64(reach.start + PUTS_AT + TICKET).load(Relaxed);
                let near = ticket.wrapping_add(rng.below(5)).wrapping_sub(2).to_le_bytes();
                let mut junk = vec![0; 1 + rng.below(40) as usize];
                rng.fill(&mut junk);
                let bytes = if rng.one_in(2) { &near[..] } else { &junk };
                let handles: &Vec<_> = rng.pick(&handles);
                let _ = rng.pick(&reach.sockets).send(&[bytes], handles, Deadline::NOW);
            }
            if rng.one_in(2) {
                let _ = rng.pick(&reach.sockets).recv(&mut [0; 100], Deadline::NOW);
            }
            if rng.one_in(20) {
                reach.restore();
            }
            std::thread::sleep(Duration::from_micros(rng.below(2000)));
        })
    });
}
