//! A small random generator for tests, whose seed is printed and can be set.

use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that sets the seed of [`Rng::from_env`].
pub const SEED_VARIABLE: &str = "IPC_TESTKIT_SEED";

/// A generator of pseudo-random numbers: the same seed gives the same numbers on every machine, for ever.
///
/// Not for secrets.
///
/// # Source
///
/// SplitMix64 by Sebastiano Vigna (<https://prng.di.unimi.it/splitmix64.c>, public domain), unchanged.
///
/// # Examples
///
/// ```
/// use ipc_testkit::Rng;
///
/// let mut left = Rng::seeded(7);
/// let mut right = Rng::seeded(7);
/// assert_eq!(left.next_u64(), right.next_u64());
/// assert!(left.below(10) < 10);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Makes a generator from a seed.
    pub fn seeded(seed: u64) -> Rng {
        Rng { state: seed }
    }

    /// Makes a generator from the seed in `IPC_TESTKIT_SEED`, or from the clock, and prints the seed on stderr.
    ///
    /// A failed test shows the line, and the same seed replays it.
    ///
    /// # Panics
    ///
    /// If the variable is set and is no number.
    pub fn from_env() -> Rng {
        Rng::seeded(seed_from_env())
    }

    /// The next number, any of the 2^64 being equally likely.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    ///
    /// The numbers are equally likely up to `bound` in 2^64, which no test notices.
    ///
    /// # Panics
    ///
    /// If `bound` is 0: there is no such number.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below 0");
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// True once in `odds` calls, on average.
    ///
    /// # Panics
    ///
    /// If `odds` is 0.
    pub fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// Picks an item.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Fills a buffer.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// Puts the items in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

/// The seed in the variable, or that of the moment; printed.
///
/// # Panics
///
/// If the variable is set and is no number.
pub(crate) fn seed_from_env() -> u64 {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} is no number: {text:?}")),
        Err(_) => seed_of_the_moment(),
    };
    eprintln!("seed: set {SEED_VARIABLE}={seed} to run with the same numbers");
    seed
}

/// A seed that differs from run to run and from process to process.
fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(48)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_program() {
        let mut rng = Rng::seeded(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423_u64];
        assert_eq!([rng.next_u64(), rng.next_u64(), rng.next_u64()], expected);
    }

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut rng = Rng::seeded(1);
        let mut seen = [0; 5];
        for _ in 0..1_000 {
            seen[rng.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
    }

    #[test]
    fn shuffle_keeps_the_items() {
        let mut items: Vec<u32> = (0..50).collect();
        Rng::seeded(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn fill_reaches_the_last_byte() {
        let mut bytes = [0_u8; 13];
        Rng::seeded(9).fill(&mut bytes);
        assert_ne!(bytes[12], 0);
    }
}
