//! Stops two processes, each at an instruction of its own, kills one of them, and lets the other one go on.
//!
//! What one process leaves may be whole for all who come later, and yet not for one that has come halfway already.

use super::forked::can_sweep;
use super::route::{Arrival, Route};
use super::sweep::{BEHIND, WARM_UP, walk};
use super::tracee::Tracee;
use super::{Ending, Sweep};

/// One of the two processes of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The one that calls first.
    First,
    /// The one that calls while the first one stands still.
    Second,
}

/// What was done to a pair, and how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The number of the instruction before which the first one stood; `u64::MAX` is the end of a call that was not counted yet.
    pub first: u64,
    /// The number of the instruction before which the second one stood; the last one is its sleep, if it sleeps.
    pub second: u64,
    /// Who was killed.
    pub killed: Party,
    /// What has become of the call of the other one.
    pub survivor: Ending,
}

/// Instructions of the second one that are followed while the first one stands still: it may spin for ever.
const MOST_STEPS: usize = 100_000;

/// Kills one of two children, of which one stands at an instruction of `call_a` and the other at one of `call_b`, and has
/// what is left checked when the other one has come to its end.
///
/// For each point of the first one, which are every `stride_a`-th instruction and the end of the call, the way of the
/// second one is written down anew, since it is another one as a rule: it may find a lock taken, and sleep, which is its
/// last point then. For each pair of points there are two rounds, in which the one or the other is killed. So the rounds
/// number twice the product of both calls' points. What is not tried: that the second one calls before the first one;
/// swap the calls for that.
///
/// For each round, `make` makes what the calls work on. The survivor runs to the end of its process; it is a hang when that
/// takes it some seconds, and then it is killed, too. `check` sees what is left when both are gone.
///
/// # Panics
///
/// If the process has more than one thread, or if a call panics or hangs when it is alone.
///
/// # Platform
///
/// Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::{Ending, sweep_pairs};
/// use std::fs::File;
///
/// let make = || File::create("/tmp/pairs").expect("the folder is there");
/// let lock = |file: &File| file.lock().expect("locks are left");
/// let swept = sweep_pairs(7, 7, make, lock, lock, |_file, pair| {
///     assert_eq!(pair.survivor, Ending::Returned, "{pair:?}");
/// });
/// assert_eq!(swept.hangs, 0);
/// ```
pub fn sweep_pairs<S>(
    stride_a: u64,
    stride_b: u64,
    make: impl Fn() -> S,
    call_a: impl Fn(&S),
    call_b: impl Fn(&S),
    mut check: impl FnMut(S, Pair),
) -> Sweep {
    if !can_sweep() {
        return Sweep::default();
    }
    let mut duo = Duo { make, call_a, call_b, swept: Sweep::default() };
    for _ in 0..WARM_UP {
        let (state, pair) = duo.first_alone();
        check(state, pair);
    }
    let (first, state, pair) = duo.walk_first();
    check(state, pair);
    let mut most_steps = 0;
    for (row, point) in first.points(0, stride_a).enumerate() {
        if duo.swept.is_over() {
            break;
        }
        let (second, state, pair) = duo.walk_second(&first, point);
        check(state, pair);
        most_steps = most_steps.max(second.n_steps());
        // Each row begins one later, so that in the end no instruction of the second one is passed over.
        let others = second.points(row % stride_b.max(1) as usize, stride_b);
        for (other, killed) in others.flat_map(|other| [(other, Party::First), (other, Party::Second)]) {
            if duo.swept.is_over() {
                break;
            }
            let (state, pair) = duo.round((&first, point), (&second, other), killed);
            check(state, pair);
        }
    }
    duo.swept.steps = (first.n_steps() + most_steps) as u64;
    duo.swept
}

/// What is swept, and the counts so far.
struct Duo<M, A, B> {
    make: M,
    call_a: A,
    call_b: B,
    swept: Sweep,
}

impl<S, M: Fn() -> S, A: Fn(&S), B: Fn(&S)> Duo<M, A, B> {
    /// The first one is killed behind its call, before the second one calls.
    fn first_alone(&mut self) -> (S, Pair) {
        let state = (self.make)();
        let first = Tracee::start(|| (self.call_a)(&state));
        let arrival = Route::lead_to_the_end(&first, &mut || true);
        drop(first);
        let pair = self.second_alone(&state, BEHIND, arrival);
        (state, pair)
    }

    /// The same, with the way of the first one.
    fn walk_first(&mut self) -> (Route, S, Pair) {
        let (first, state) = walk(&self.make, &self.call_a, &mut |_| true);
        let pair = self.second_alone(&state, first.n_steps() as u64, Arrival::There);
        (first, state, pair)
    }

    fn second_alone(&mut self, state: &S, first: u64, arrival: Arrival) -> Pair {
        let survivor = Tracee::start(|| (self.call_b)(state)).finish();
        let pair = Pair { first, second: 0, killed: Party::First, survivor };
        self.count([arrival, Arrival::There], pair);
        pair
    }

    /// The way of the second one while the first one stands at `point`, which is killed afterwards. A second one that cannot
    /// go on is counted, and its way is as long as nothing.
    fn walk_second(&mut self, first: &Route, point: usize) -> (Route, S, Pair) {
        let state = (self.make)();
        let a = Tracee::start(|| (self.call_a)(&state));
        let arrival = first.lead(&a, point, &mut || true);
        let b = Tracee::start(|| (self.call_b)(&state));
        let second = Route::of(&b, MOST_STEPS, &mut || false);
        a.kill();
        let survivor = match &second {
            Ok(_) => b.finish(),
            &Err(ending) => ending,
        };
        drop(b);
        let second = second.unwrap_or_else(|_| Route::nowhere());
        let n_steps = second.n_steps() as u64;
        let pair = Pair { first: point as u64, second: n_steps, killed: Party::First, survivor };
        self.count([arrival, Arrival::There], pair);
        (second, state, pair)
    }

    /// Both at their points, the one killed and the other at its end.
    fn round(&mut self, a: (&Route, usize), b: (&Route, usize), killed: Party) -> (S, Pair) {
        let state = (self.make)();
        let first = Tracee::start(|| (self.call_a)(&state));
        let first_arrival = a.0.lead(&first, a.1, &mut || true);
        let second = Tracee::start(|| (self.call_b)(&state));
        let second_arrival = b.0.lead(&second, b.1, &mut || false);
        let (victim, other) = match killed {
            Party::First => (first, second),
            Party::Second => (second, first),
        };
        drop(victim);
        let pair = Pair { first: a.1 as u64, second: b.1 as u64, killed, survivor: other.finish() };
        drop(other);
        self.count([first_arrival, second_arrival], pair);
        (state, pair)
    }

    fn count(&mut self, arrivals: [Arrival; 2], pair: Pair) {
        self.swept.points += 1;
        self.swept.kills += 1;
        // One that is late to its point is no hang yet: it may wait for the other one, without a sleep.
        self.swept.missed += u64::from(arrivals != [Arrival::There; 2]);
        self.swept.ended(pair.survivor);
    }
}
