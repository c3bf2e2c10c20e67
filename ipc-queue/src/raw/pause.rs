//! How a waiter spends its time: looks, then gives way, then sleeps, and learns which of them is worth while.
//!
//! A wake-up from sleep takes some 50 us on a virtual machine, and what is waited for often comes within one. So a waiter
//! looks some times first, with doubled pauses in between: a look takes the cache line from whoever is about to change it.
//! Then it gives way to others that want its processor, who may be the ones it waits for. Then it sleeps.
//!
//! After a long sleep looking was for nothing, so the next wait begins with fewer looks, down to none. A wait that did not have
//! to sleep brings all of them back.
//!
//! Where two processes answer each other, each may sleep only because the other one was asleep and takes its time to wake up,
//! for ever. So after every eighth sleep that was short a waiter goes on looking for as long as a wake-up takes: then it is
//! awake when the answer comes, and the other one when the next question does.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::{Duration, Instant};

/// How many looks there are at most, with pauses of 1, 2, 4, .. in between.
const LOOKS: u32 = 7;
/// How often a waiter gives way after that. In a model that would be a look more, and nobody would give way.
const YIELDS: u32 = if cfg!(all(test, loom)) { 0 } else { 4 };
/// How long a waiter goes on looking that tries whether the other one was only asleep.
const LONG_LOOK: Duration = Duration::from_micros(80);
/// The longest sleep after which it is worth while to try.
const SHORT_SLEEP: Duration = Duration::from_micros(200);
/// After how many short sleeps.
const TRIES: u32 = 8;

/// How long the first rest is, and the longest; in pauses of the processor.
const FIRST_REST: u32 = 16;
const LONGEST_REST: u32 = 128;
/// As many items are worth a rest.
const ENOUGH: u32 = 16;
/// After how many waits a rest is tried again that gained nothing.
const RESTLESS: u32 = 64;

/// What the last waits have taught. In cache lines of its own: others of the process read what is beside it all the time.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Eagerness {
    /// How many looks are worth while.
    looks: AtomicU32,
    /// How many sleeps were short since the last one that was not.
    short_sleeps: AtomicU32,
    /// Whether the last wait was over after a look or two.
    was_quick: AtomicBool,
    /// How long the next quick wait rests before it looks.
    rest: AtomicU32,
    /// How many waits are left before a rest is tried again.
    n_restless: AtomicU32,
    /// How many items had gone when the last wait began.
    n_gone: AtomicU32,
}

impl Default for Eagerness {
    fn default() -> Eagerness {
        Eagerness {
            looks: AtomicU32::new(LOOKS),
            short_sleeps: AtomicU32::new(0),
            was_quick: AtomicBool::new(false),
            rest: AtomicU32::new(0),
            n_restless: AtomicU32::new(0),
            n_gone: AtomicU32::new(0),
        }
    }
}

/// One wait: what comes before sleep.
#[derive(Debug)]
pub(crate) struct Pause<'a> {
    eagerness: &'a Eagerness,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    New,
    Looking { left: u32 },
    Yielding { left: u32 },
    LookingOn { since: Instant },
    Sleeping { since: Instant },
}

impl Eagerness {
    /// A wait that has just begun.
    #[inline]
    pub(crate) fn begin(&self) -> Pause<'_> {
        Pause { eagerness: self, phase: Phase::New }
    }

    /// How long a wait should rest before its first look, if so many items have gone by now.
    pub(crate) fn rest(&self, n_gone: u32) -> u32 {
        let since = n_gone.wrapping_sub(self.n_gone.load(Relaxed));
        self.n_gone.store(n_gone, Relaxed);
        let rest = match self.rest.load(Relaxed) {
            0 if !self.was_quick.load(Relaxed) => 0,
            0 => match self.n_restless.load(Relaxed) {
                0 => FIRST_REST,
                left => {
                    self.n_restless.store(left - 1, Relaxed);
                    0
                }
            },
            _ if since < 2 => {
                self.n_restless.store(RESTLESS, Relaxed);
                0
            }
            rest if since < ENOUGH => (2 * rest).min(LONGEST_REST),
            rest => rest,
        };
        self.rest.store(rest, Relaxed);
        rest
    }

    fn n_looks(&self) -> u32 {
        if has_company() { self.looks.load(Relaxed).min(LOOKS) } else { 0 }
    }

    /// After a wait that had no need to sleep.
    fn praise(&self) {
        self.looks.store(LOOKS, Relaxed);
    }

    fn learn(&self, slept: Duration) {
        if slept <= SHORT_SLEEP {
            self.short_sleeps.fetch_add(1, Relaxed);
        } else {
            self.short_sleeps.store(0, Relaxed);
            self.looks.store(self.looks.load(Relaxed).saturating_sub(1), Relaxed);
        }
    }

    fn is_worth_a_try(&self) -> bool {
        has_company() && self.short_sleeps.load(Relaxed) % TRIES == TRIES - 1
    }
}

impl Pause<'_> {
    /// Spends a moment; false if it is time to sleep.
    pub(crate) fn spend(&mut self) -> bool {
        self.phase = match self.phase {
            Phase::New => Phase::Looking { left: self.eagerness.n_looks() },
            Phase::Looking { left: 0 } => Phase::Yielding { left: YIELDS },
            Phase::Looking { left } => {
                (0..1_u32 << (LOOKS - left)).for_each(|_| std::hint::spin_loop());
                Phase::Looking { left: left - 1 }
            }
            Phase::Yielding { left: 0 } if self.eagerness.is_worth_a_try() => {
                Phase::LookingOn { since: Instant::now() }
            }
            Phase::Yielding { left: 0 } => Phase::Sleeping { since: Instant::now() },
            Phase::Yielding { left } => {
                std::thread::yield_now();
                Phase::Yielding { left: left - 1 }
            }
            Phase::LookingOn { since } if since.elapsed() > LONG_LOOK => {
                Phase::Sleeping { since: Instant::now() }
            }
            Phase::LookingOn { since } => {
                (0..1 << (LOOKS - 1)).for_each(|_| std::hint::spin_loop());
                Phase::LookingOn { since }
            }
            sleeping @ Phase::Sleeping { .. } => sleeping,
        };
        !matches!(self.phase, Phase::Sleeping { .. })
    }

    /// The wait is over.
    #[inline]
    pub(crate) fn end(self) {
        let is_quick = matches!(self.phase, Phase::New)
            || matches!(self.phase, Phase::Looking { left } if left + 3 > self.eagerness.n_looks());
        self.eagerness.was_quick.store(is_quick, Relaxed);
        match self.phase {
            Phase::New => {}
            Phase::Sleeping { since } => self.eagerness.learn(since.elapsed()),
            Phase::Looking { .. } | Phase::Yielding { .. } | Phase::LookingOn { .. } => {
                self.eagerness.praise()
            }
        }
    }
}

/// Looks for a while, until what is looked for is there.
pub(super) fn look_until(mut is_there: impl FnMut() -> bool) {
    let most = if has_company() { LOOKS } else { 0 };
    for look in 0..most {
        if is_there() {
            return;
        }
        (0..1_u32 << look).for_each(|_| std::hint::spin_loop());
    }
    if !is_there() {
        std::thread::yield_now();
    }
}

/// Waits until what other processors have stored by now must have arrived here: they hold a store back for some hundred
/// nanoseconds at most, and this takes about two thousand.
pub(super) fn settle() {
    let most = if has_company() { 1 << LOOKS } else { 0 };
    (0..most).for_each(|_| std::hint::spin_loop());
}

/// Waits for so many pauses without a look.
pub(super) fn rest(n_pauses: u32) {
    let n_pauses = if has_company() { n_pauses } else { 0 };
    (0..n_pauses).for_each(|_| std::hint::spin_loop());
}

/// Whether another process can run while this one looks.
fn has_company() -> bool {
    !cfg!(all(test, loom)) && ipc_sys::processors::online() > 1
}
