//! Kills a process at each instruction of one call: every point, where random kills meet the rare ones never.
//!
//! A first child runs the call in single steps, and the address of each is written down. Then, for each point, a
//! fresh child runs to it by a breakpoint and is killed there. The children are forks of one process, so that their
//! code stands at the same addresses and takes the same way, unless it depends on the time.

use super::Sweep;
use super::forked::{WaitsOn, can_sweep};
use super::route::{Arrival, Route};
use super::tracee::Tracee;

/// Rounds before the way of the call is written down.
pub(super) const WARM_UP: usize = 6;

/// The number of the point behind a call whose instructions nobody has counted yet.
pub(super) const BEHIND: u64 = u64::MAX;

/// Kills a child before every `stride`-th instruction of `call`, and once after it, and has each result checked.
///
/// For each point, `make` makes what the call works on, shared with the child; the child calls; and after its death
/// `check` sees what is left, with the number of the point. The first few are killed behind the call before its instructions are
/// counted, which is the point `u64::MAX`. A call that sleeps until somebody else acts is one for
/// [`sweep_blocking`](super::sweep_blocking).
///
/// # Panics
///
/// If the process has more than one thread, or if the call panics or hangs when nobody kills it.
///
/// # Platform
///
/// Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::sweep;
///
/// let swept = sweep(1, || std::fs::File::open("/dev/null"), |_file| (), |_file, point| println!("{point}"));
/// assert_eq!(swept.missed, 0);
/// ```
pub fn sweep<S>(
    stride: u64,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    mut check: impl FnMut(S, u64),
) -> Sweep {
    let mut swept = Sweep::default();
    if !can_sweep() {
        return swept;
    }
    // The way of a call depends on what the allocator has at hand, which the first rounds change. So they kill behind the call,
    // and the way is written down once it has settled.
    for _ in 0..WARM_UP {
        check(kill_behind(&make, &call, &mut |_| true, &mut swept), BEHIND);
    }
    let (route, state) = walk(&make, &call, &mut |_| true);
    check(state, route.n_steps() as u64);
    for point in route.points(0, stride) {
        if swept.is_over() {
            break;
        }
        check(kill_at(&route, point, &make, &call, &mut |_| true, &mut swept), point as u64);
    }
    swept.steps = route.n_steps() as u64;
    swept
}

/// What to do when the call on a state is found asleep, and whether to wait on then.
pub(super) type Asleep<'a, S> = &'a mut dyn FnMut(&S) -> bool;

/// The way of a call at this moment, and what it leaves.
pub(super) fn walk<S>(make: impl Fn() -> S, call: impl Fn(&S), asleep: Asleep<'_, S>) -> (Route, S) {
    let state = make();
    let (route, _tracee) = walk_on(&state, call, asleep);
    (route, state)
}

/// The way of a call on a state, and the child that has gone it.
pub(super) fn walk_on<S>(state: &S, call: impl Fn(&S), asleep: Asleep<'_, S>) -> (Route, Tracee) {
    let tracee = Tracee::start(|| call(state));
    let route = Route::of(&tracee, usize::MAX, &mut || asleep(state));
    (route.unwrap_or_else(|ending| panic!("the call that is to be swept: {ending:?}")), tracee)
}

/// One child, killed at one point of the way; what is left.
pub(super) fn kill_at<S>(
    route: &Route,
    point: usize,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    asleep: Asleep<'_, S>,
    swept: &mut Sweep,
) -> S {
    kill_where(|tracee, waits_on| route.lead(tracee, point, waits_on), make, call, asleep, swept)
}

/// One child, killed behind the call; what is left.
pub(super) fn kill_behind<S>(
    make: impl Fn() -> S,
    call: impl Fn(&S),
    asleep: Asleep<'_, S>,
    swept: &mut Sweep,
) -> S {
    kill_where(Route::lead_to_the_end, make, call, asleep, swept)
}

/// One child, killed where somebody leads it; what is left.
fn kill_where<S>(
    lead: impl FnOnce(&Tracee, WaitsOn<'_>) -> Arrival,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    asleep: Asleep<'_, S>,
    swept: &mut Sweep,
) -> S {
    let state = make();
    let tracee = Tracee::start(|| call(&state));
    swept.arrived(lead(&tracee, &mut || asleep(&state)));
    drop(tracee);
    swept.points += 1;
    swept.kills += 1;
    state
}
