//! How a waiter spends its time: looks, then gives way, then sleeps, and learns which of them is worth while.
//!
//! A wake-up from sleep takes some 50 us on a virtual machine, and what is waited for often comes within one. So a waiter
//! looks some times first: one look right after the other while an answer may be on its way, then with doubled pauses in
//! between. Then it gives way to others that want its processor, who may be the ones it waits for. Then it sleeps.
//!
//! Where one puts and another gets as fast as they can, the faster one catches up and then waits for each single item, and each look
//! and each item takes a cache line away from the other: both are slower than either of them alone. So a waiter rests before it
//! looks, if its last waits were over at once: then there are some items, or there is room for some.
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

/// How many looks there are at most.
const LOOKS: u32 = 20;
/// How many of them come one right after the other, while an answer may be on its way.
const QUICK_LOOKS: u32 = 15;
/// In how many pauses stores of others arrive.
const SETTLED: u32 = 128;
/// How often a waiter gives way after that. In a model that would be a look more, and nobody would give way.
const YIELDS: u32 = if cfg!(all(test, loom)) { 0 } else { 4 };
/// How long a waiter goes on looking that tries whether the other one was only asleep.
const LONG_LOOK: Duration = Duration::from_micros(80);
/// The longest sleep after which it is worth while to try.
const SHORT_SLEEP: Duration = Duration::from_micros(200);
/// After how many short sleeps.
const TRIES: u32 = 8;

/// After so many looks at most an item has come so soon that the next ones can be on their way.
const QUICK: u32 = 3;
/// As much room is worth one pause of a rest.
const ROOM_WORTH_A_REST: usize = 16;
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

/// The looks at the beginning of a wait.
#[derive(Debug)]
pub(crate) struct Looks<'a> {
    eagerness: &'a Eagerness,
    made: u32,
    most: u32,
}

/// The rest of a wait: what comes before sleep.
#[derive(Debug)]
pub(crate) struct Pause<'a> {
    eagerness: &'a Eagerness,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Yielding { left: u32 },
    LookingOn { since: Instant },
    Sleeping { since: Instant },
}

impl Eagerness {
    /// Begins a wait for room, with a rest in which there will be room for some: one by one, each would take the head from who
    /// gets. The capacity is that in items.
    pub(crate) fn looks_for_room(&self, capacity: usize) -> Looks<'_> {
        self.looks_after((capacity / ROOM_WORTH_A_REST).min(LONGEST_REST as usize / 2) as u32)
    }

    /// Begins a wait for an item, when so many have gone by now, with a rest if it was worth while.
    pub(crate) fn looks_for_item(&self, n_gone: u32) -> Looks<'_> {
        self.looks_after(self.next_rest(n_gone))
    }

    /// Goes on with a wait for which looks were not enough.
    pub(crate) fn go_on(&self) -> Pause<'_> {
        Pause { eagerness: self, phase: Phase::Yielding { left: YIELDS } }
    }

    fn looks_after(&self, rest: u32) -> Looks<'_> {
        let most = if has_company() { self.looks.load(Relaxed).min(LOOKS) } else { 0 };
        if most > 0 {
            pause(rest);
        }
        Looks { eagerness: self, made: 0, most }
    }

    /// How long the wait should rest that begins now: a while, if the last ones were quick and some items came at a time; longer, if
    /// they were few.
    fn next_rest(&self, n_gone: u32) -> u32 {
        let n_since = n_gone.wrapping_sub(self.n_gone.load(Relaxed));
        self.n_gone.store(n_gone, Relaxed);
        let rest = self.rest.load(Relaxed);
        let next = match rest {
            0 if !self.was_quick.load(Relaxed) => 0,
            0 if self.n_restless.load(Relaxed) > 0 => {
                self.n_restless.fetch_sub(1, Relaxed);
                0
            }
            0 => FIRST_REST,
            _ if n_since < 2 => {
                self.n_restless.store(RESTLESS, Relaxed);
                0
            }
            _ if n_since < ENOUGH => (2 * rest).min(LONGEST_REST),
            _ => rest,
        };
        if next != rest {
            self.rest.store(next, Relaxed);
        }
        next
    }

    /// After a wait that had no need to sleep.
    fn praise(&self) {
        if self.looks.load(Relaxed) != LOOKS {
            self.looks.store(LOOKS, Relaxed);
        }
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

impl Looks<'_> {
    /// Lets a moment pass; false if another look is not worth while.
    #[inline]
    pub(crate) fn is_worth_another(&mut self) -> bool {
        if self.made == self.most {
            self.eagerness.was_quick.store(false, Relaxed);
            return false;
        }
        pause(pauses_before(self.made));
        self.made += 1;
        true
    }

    /// The last look has found something.
    #[inline]
    pub(crate) fn end(self) {
        let is_quick = self.made <= QUICK;
        if is_quick != self.eagerness.was_quick.load(Relaxed) {
            self.eagerness.was_quick.store(is_quick, Relaxed);
        }
        self.eagerness.praise();
    }
}

impl Pause<'_> {
    /// Spends a moment; false if it is time to sleep.
    pub(crate) fn spend(&mut self) -> bool {
        self.phase = match self.phase {
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
                pause(pauses_before(LOOKS));
                Phase::LookingOn { since }
            }
            sleeping @ Phase::Sleeping { .. } => sleeping,
        };
        !matches!(self.phase, Phase::Sleeping { .. })
    }

    /// The wait is over.
    #[inline]
    pub(crate) fn end(self) {
        match self.phase {
            Phase::Sleeping { since } => self.eagerness.learn(since.elapsed()),
            Phase::Yielding { .. } | Phase::LookingOn { .. } => self.eagerness.praise(),
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
        pause(pauses_before(look));
    }
    if !is_there() {
        std::thread::yield_now();
    }
}

/// Waits until what other processors have stored by now should have arrived here: as long as several answers of a neighbour take.
pub(super) fn settle() {
    if has_company() {
        pause(SETTLED);
    }
}

/// Waits for so many pauses of the processor.
#[inline]
fn pause(n_pauses: u32) {
    (0..n_pauses).for_each(|_| std::hint::spin_loop());
}

/// How many pauses come before a look.
fn pauses_before(look: u32) -> u32 {
    2 << look.saturating_sub(QUICK_LOOKS)
}

/// Whether another process can run while this one looks.
fn has_company() -> bool {
    !cfg!(all(test, loom)) && ipc_sys::processors::online() > 1
}
