//! The loop of all fuzz targets, and the changes that they make to honest bytes.
//!
//! A fuzz target is a test that gives hostile input to a decoder, round after round. In `cargo test` it goes through a fixed
//! number of rounds, and `cargo xtask fuzz` gives it as many seconds as one likes, through [`SECONDS_VARIABLE`].
//!
//! Every round has a seed of its own. When one fails, the seed is printed, and the run that begins with it fails in its first
//! round.
//!
//! # Examples
//!
//! ```
//! use ipc_testkit::fuzz;
//!
//! let rounds = fuzz::rounds(1000, |rng| {
//!     let mut bytes = b"an honest message".to_vec();
//!     fuzz::mutate(rng, &mut bytes);
//!     // Whatever comes, this neither panics nor hangs.
//!     let _ = std::str::from_utf8(&bytes);
//! });
//! assert!(rounds > 0);
//! ```

use crate::rng::{Rng, SEED_VARIABLE, seed_from_env};
use std::time::{Duration, Instant};

/// The variable that says how many seconds a fuzz target has, in place of its number of rounds.
pub const SECONDS_VARIABLE: &str = "IPC_FUZZ_SECONDS";

/// Bytes over which decoders stumble: bombs, and the numbers at which lengths and indices go wrong.
///
/// The numbers are there as varints, and as integers of both byte orders.
///
/// # Examples
///
/// ```
/// // 2^60 elements, announced in nine bytes.
/// let bomb = b"\x80\x80\x80\x80\x80\x80\x80\x80\x10".as_slice();
/// assert!(ipc_testkit::fuzz::BOMBS.contains(&bomb));
/// ```
pub const BOMBS: &[&[u8]] = &[
    // Lengths and indices of varints: 0, 1, 127, 128, 2^16 - 1, 2^16 + 1, 2^20, 2^27, 2^32 - 1, 2^32, 2^60, 2^64 - 1.
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80\x01",
    b"\xff\xff\x03",
    b"\x81\x80\x04",
    b"\x80\x80\x40",
    b"\x80\x80\x80\x40",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x10",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x10",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    // Varints of more bits than there are, without an end, and longer than they have to be.
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    &[0x80; 64],
    b"\x80\0",
    // A level for a byte, and a long list at every level.
    &[1; 300],
    &[2; 300],
    b"\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f\xa0\x1f",
    // Many elements of little input: 500 and the zeros that they are.
    &zeros_behind([0xf4, 3]),
    // Integers of a fixed size: the largest ones, and those about the sign, from either end.
    &[0xff; 4],
    &[0xff; 8],
    &[0xff; 12],
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\x80",
    b"\0\0\0\0\0\0\0\x80",
    b"\x80\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xfe",
    // No text.
    b"\x02\xc3\x28",
    b"\x03\xed\xa0\x80",
];

/// Goes through a fuzz target: `one` runs `plain` times, or for as long as [`SECONDS_VARIABLE`] says. Returns how many
/// rounds there were, at least one, and prints the number.
///
/// The generator is a new one in each round. The first has the seed of `IPC_TESTKIT_SEED`, or one of the moment.
///
/// # Panics
///
/// Whenever `one` does; the seed of the round is on stderr then. And if a variable is set and is no number.
///
/// # Examples
///
/// ```
/// let mut sum = 0;
/// let rounds = ipc_testkit::fuzz::rounds(10, |rng| sum += rng.below(3));
/// assert!(sum <= 2 * rounds);
/// ```
pub fn rounds(plain: u64, one: impl FnMut(&mut Rng)) -> u64 {
    let n_rounds = rounds_from(seed_from_env(), plain, time(), one);
    println!("fuzz: {n_rounds} rounds");
    n_rounds
}

/// The time that a test with one fuzz loop in it needs at most, for the watchdog of [`isolated_within`](crate::isolated_within).
///
/// # Panics
///
/// If [`SECONDS_VARIABLE`] is set and is no number.
///
/// # Examples
///
/// ```
/// assert!(ipc_testkit::fuzz::limit().as_secs() >= 60);
/// ```
pub fn limit() -> Duration {
    Duration::from_secs(60) + time().unwrap_or_default()
}

/// Makes one to four changes, as [`change`] does.
///
/// # Examples
///
/// ```
/// use ipc_testkit::{Rng, fuzz};
///
/// let mut bytes = b"honest".to_vec();
/// fuzz::mutate(&mut Rng::seeded(1), &mut bytes);
/// assert_ne!(bytes, b"honest");
/// ```
pub fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        change(rng, bytes);
    }
}

/// Changes one thing: a bit, a byte, a cut, bytes left out, added, repeated, or replaced by one of [`BOMBS`].
///
/// # Examples
///
/// ```
/// use ipc_testkit::{Rng, fuzz};
///
/// let mut bytes = Vec::new();
/// fuzz::change(&mut Rng::seeded(1), &mut bytes);
/// assert_eq!(bytes.len(), 1);
/// ```
pub fn change(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(rng.next_u64() as u8);
        return;
    }
    let at = rng.below(bytes.len() as u64) as usize;
    let end = (at + rng.below(16) as usize).min(bytes.len());
    match rng.below(9) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.next_u64() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..=at)),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.insert(at, rng.next_u64() as u8),
        6 => bytes.extend_from_within(at..end),
        // In place of a byte, such as a length, and in place of everything from there on.
        7 => drop(bytes.splice(at..=at, rng.pick(BOMBS).iter().copied())),
        _ => drop(bytes.splice(at.., rng.pick(BOMBS).iter().copied())),
    }
}

fn rounds_from(first: u64, plain: u64, time: Option<Duration>, mut one: impl FnMut(&mut Rng)) -> u64 {
    let begin = Instant::now();
    let mut n_rounds = 0;
    loop {
        let seed = first.wrapping_add(n_rounds);
        let told = SeedOfFailure(seed);
        one(&mut Rng::seeded(seed));
        drop(told);
        n_rounds += 1;
        if time.map_or(n_rounds >= plain, |time| begin.elapsed() >= time) {
            return n_rounds;
        }
    }
}

/// Tells the seed of a round, if it is dropped because the round has panicked.
struct SeedOfFailure(u64);

impl Drop for SeedOfFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fuzz: set {SEED_VARIABLE}={} to begin with the round that failed", self.0);
        }
    }
}

/// The time of a loop, if it has one.
fn time() -> Option<Duration> {
    let text = std::env::var(SECONDS_VARIABLE).ok()?;
    let seconds = text.parse().unwrap_or_else(|_| panic!("{SECONDS_VARIABLE} is no number: {text:?}"));
    Some(Duration::from_secs(seconds))
}

const fn zeros_behind(len: [u8; 2]) -> [u8; 502] {
    let mut bytes = [0; 502];
    [bytes[0], bytes[1]] = len;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_round_is_had_again_by_its_seed() {
        let numbers = |first: u64| {
            let mut numbers = Vec::new();
            rounds_from(first, 3, None, |rng| numbers.push([rng.next_u64(), rng.next_u64()]));
            numbers
        };
        assert_eq!(numbers(7)[2], numbers(9)[0]);
        assert_ne!(numbers(7)[0], numbers(7)[1]);
    }

    #[test]
    fn time_takes_the_place_of_the_number() {
        let begin = Instant::now();
        // So long that one round does not take all of it on any machine.
        let time = Duration::from_millis(300);
        assert!(rounds_from(1, 1, Some(time), |_| ()) > 1);
        assert!(begin.elapsed() >= time);
        assert_eq!(rounds_from(1, 1000, Some(Duration::ZERO), |_| ()), 1);
    }

    #[test]
    fn every_bomb_is_thrown_whole() {
        let mut rng = Rng::seeded(5);
        let mut thrown = HashSet::new();
        for _ in 0..20_000 {
            let mut bytes = vec![0x55; 20];
            change(&mut rng, &mut bytes);
            thrown.extend(
                (0..BOMBS.len()).filter(|&idx| bytes.windows(BOMBS[idx].len()).any(|w| w == BOMBS[idx])),
            );
        }
        assert_eq!(thrown.len(), BOMBS.len());
    }

    #[test]
    fn changes_go_everywhere() {
        let mut rng = Rng::seeded(6);
        let honest: Vec<u8> = (0..20).collect();
        let mut changed = HashSet::new();
        for _ in 0..2000 {
            let mut bytes = honest.clone();
            change(&mut rng, &mut bytes);
            changed.extend((0..20).find(|&at| bytes.get(at) != honest.get(at)));
        }
        assert_eq!(changed.len(), honest.len());
    }
}
