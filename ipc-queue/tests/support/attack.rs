//! A process that has the memory and the sockets and writes there whatever it likes, while another one calls everything: how both are
//! run and measured, and the attacks that a queue and a pipe have in common.

use crate::common::{Board, is_long, join, limit_memory, long_or};
use crate::ground::{BELL, ENDED, GETS_AT, Ground, HANDS_AT, LOCK, PUTS_AT, TICKET};
use crate::support::fork_child;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::memory::FrozenBytes;
use ipc_testkit::{Rng, Stopwatch};
use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the calls are given.
pub(crate) const TIMEOUT: Duration = Duration::from_micros(500);
/// How much later than its timeout a call may end.
const LATE: Duration = Duration::from_millis(100);

// What is on the board.
const ATTACKED: usize = 0;
const CALM: usize = 1;
const ROUNDS: usize = 2;
const IS_OVER: usize = 3;

/// Measures calls.
pub(crate) struct Watch<'a> {
    board: &'a Board,
    slot: usize,
}

impl Watch<'_> {
    pub(crate) fn time<T>(&self, what: &str, call: impl FnOnce() -> T) -> T {
        let watch = Stopwatch::start();
        let result = call();
        let took = watch.elapsed();
        if took > TIMEOUT + LATE {
            println!("{what} took {took:?}");
        }
        self.board.raise(self.slot, took.as_micros() as u64);
        result
    }
}

/// Has one process attack again and again while another goes through rounds of calls, for so long, or a minute in the long form.
///
/// A round is given two watches: one for what is attacked, one for what nobody touches. In the long form no call may take longer than it
/// was told, beyond what those on the untouched took: what delays both is not the attack's.
pub(crate) fn attacked(
    short: Duration,
    mut attack: impl FnMut(&mut Rng),
    mut round: impl FnMut(&Watch<'_>, &Watch<'_>),
) {
    let board = Board::new(4);
    let end = Instant::now() + long_or(short);
    let attacker = fork_child(|| {
        let mut rng = Rng::from_env();
        while board.get(IS_OVER) == 0 {
            attack(&mut rng);
        }
    });
    let caller = fork_child(|| {
        limit_memory(1 << 30);
        let [watch, calm] = [ATTACKED, CALM].map(|slot| Watch { board: &board, slot });
        while board.get(ROUNDS) == 0 || Instant::now() < end {
            round(&watch, &calm);
            board.add(ROUNDS);
        }
    });
    join(&caller);
    board.set(IS_OVER, 1);
    join(&attacker);
    let [longest, calm, rounds] = [ATTACKED, CALM, ROUNDS].map(|idx| board.get(idx));
    println!("{rounds} rounds; the longest call took {longest} us; on what is left alone, {calm} us");
    if is_long() {
        let allowed = (TIMEOUT + LATE).as_micros() as u64 + calm;
        assert!(longest <= allowed, "{longest} us, more than {allowed}");
    }
}

/// Random words everywhere.
pub(crate) fn random_words(ground: &Ground, rng: &mut Rng) {
    ground.restore();
    for _ in 0..rng.below(2000) {
        let at = rng.below(ground.memory.size() as u64 / 8) as usize * 8;
        let behind = ground.start + rng.below(1000) as usize * 8;
        ground.store(if rng.one_in(4) { at } else { behind }, rng.next_u64() >> rng.below(64));
    }
}

/// Words that mean something somewhere, in every field.
pub(crate) fn telling_words(ground: &Ground, rng: &mut Rng) {
    ground.restore();
    // Where many do not fit, one of them is found by every call, and the others by none.
    for _ in 0..*rng.pick(&[1, 3, 30, 300]) {
        let at = match rng.below(5) {
            0 => ground.start + PUTS_AT + 8 * rng.below(10) as usize,
            1 => ground.start + GETS_AT + 8 * rng.below(9) as usize,
            2 => ground.start + HANDS_AT + 8 * rng.below(20) as usize,
            // What is taken next.
            3 => ground.head(rng.below(2) as usize),
            _ => ground.ring + 8 * rng.below(ground.size.n_units() as u64) as usize,
        };
        ground.store(at, ground.telling_word(rng));
    }
}

/// The lock is said to be somebody's: of one who lives and keeps it, of the caller itself, of one who never was. And the bell rings
/// all the time.
pub(crate) fn lying_locks(ground: &Ground, rng: &mut Rng) {
    let end = Instant::now() + Duration::from_millis(rng.below(30));
    let side = ground.start + *rng.pick(&[PUTS_AT, GETS_AT]);
    let (word, is_steady) = (ground.name(rng), rng.one_in(2));
    let mut bell = 0;
    while Instant::now() < end {
        ground.store(side + LOCK, if is_steady || bell % 2 == 0 { word } else { 0 });
        ground.store(side + BELL, bell);
        bell += 1;
    }
    ground.store(side + LOCK, 0);
    ground.store(ground.start + PUTS_AT + ENDED, 0);
}

/// Messages of all lengths with all kinds of handles, tickets that nobody has given, and those of others taken away.
pub(crate) fn fed_sockets(ground: &Ground, rng: &mut Rng) {
    let null = File::open("/dev/null").expect("Linux has it");
    let frozen = FrozenBytes::freeze(&[&[7; 100]]).expect("memory is left");
    let huge = FrozenBytes::freeze(&[&vec![7; 2 * ground.size.most]]).expect("memory is left");
    let handles: [Vec<BorrowedHandle<'_>>; 5] = [
        vec![],
        vec![null.as_fd()],
        vec![frozen.as_fd()],
        vec![huge.as_fd()],
        vec![null.as_fd(), frozen.as_fd(), ground.memory.handle()],
    ];
    for _ in 0..rng.below(30) {
        let near = ground.load(PUTS_AT + TICKET).wrapping_add(rng.below(5)).wrapping_sub(2).to_le_bytes();
        let mut junk = vec![0; 1 + rng.below(40) as usize];
        rng.fill(&mut junk);
        let bytes = if rng.one_in(2) { &near[..] } else { &junk };
        let handles: &Vec<_> = rng.pick(&handles);
        let _ = rng.pick(&ground.sockets).send(&[bytes], handles, Deadline::NOW);
    }
    if rng.one_in(2) {
        let _ = rng.pick(&ground.sockets).recv(&mut [0; 100], Deadline::NOW);
    }
    if rng.one_in(20) {
        ground.restore();
    }
    sleep(Duration::from_micros(rng.below(2000)));
}
