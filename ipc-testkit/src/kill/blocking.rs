//! Kills a process at each instruction of a call that sleeps until somebody wakes it: before, in its sleep, and after.
//!
//! The ways to lose a wake-up are the commonest hidden hangs, and random kills meet few of them: the one who was woken
//! and dies before it has done a step holds what it was woken for.

use super::Sweep;
use super::forked::can_sweep;
use super::route::Arrival;
use super::sweep::{BEHIND, WARM_UP, kill_at, kill_behind, walk};
use super::tracee::{Stop, Tracee};
use std::cell::Cell;

/// How often the way of a call is gone before it is believed that it does not sleep.
const MOST_WALKS: usize = 10;

/// How far a call that sleeps once has come when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It has not slept yet, and nobody has woken it.
    Before,
    /// It sleeps, and nobody has woken it.
    Asleep,
    /// Somebody has woken it.
    Woken,
}

/// Kills a child before every `stride`-th instruction of a `call` that sleeps, once in its sleep, and once after it.
///
/// It is as [`sweep`](super::sweep()), except that `wake` runs in this process when the child is found asleep in a system
/// call for the first time, and has to end that sleep; it may fork helpers for it. `check` is told the number of the
/// point, which for a kill in the sleep is that of the next instruction, and whether `wake` has run. The first point after
/// the sleep is that of a process which was woken and has done nothing yet.
///
/// Sleeps that end by themselves after a while are awaited, up to some seconds in a row.
///
/// # Panics
///
/// If the process has more than one thread, or if the call does not sleep, panics, or does not end once it was woken.
///
/// # Platform
///
/// Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::{Phase, sweep_blocking};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let swept = sweep_blocking(
///     1,
///     || UnixStream::pair().expect("a socket"),
///     |pair| (&pair.1).read_exact(&mut [0]).expect("a byte comes"),
///     |pair| (&pair.0).write_all(b"!").expect("there is room"),
///     |pair, point, phase| {
///         pair.1.set_nonblocking(true).expect("it is open");
///         let is_left = (&pair.1).read(&mut [0]).is_ok();
///         assert!(phase == Phase::Woken || !is_left, "nobody has sent anything before point {point}");
///     },
/// );
/// assert_eq!((swept.missed, swept.hangs), (0, 0));
/// ```
pub fn sweep_blocking<S>(
    stride: u64,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    wake: impl Fn(&S),
    mut check: impl FnMut(S, u64, Phase),
) -> Sweep {
    let mut swept = Sweep::default();
    if !can_sweep() {
        return swept;
    }
    let is_woken = Cell::new(false);
    let mut asleep = |state: &S| {
        if !is_woken.replace(true) {
            wake(state);
        }
        true
    };
    let phase = || if is_woken.take() { Phase::Woken } else { Phase::Before };
    for _ in 0..WARM_UP {
        check(kill_behind(&make, &call, &mut asleep, &mut swept), BEHIND, phase());
    }
    // A sleep that ends by itself may be over before a busy machine lets anybody see it; then the way is gone once more.
    let mut walk_to_sleep = || {
        let (route, state) = walk(&make, &call, &mut asleep);
        check(state, route.n_steps() as u64, phase());
        route.slept_at().map(|slept_at| (route, slept_at))
    };
    let found = (0..MOST_WALKS).find_map(|_| walk_to_sleep());
    let (route, slept_at) = found.expect("the call that is to be swept does not sleep");
    check(kill_asleep(&make, &call, &mut swept), slept_at as u64, Phase::Asleep);
    // The instructions round the sleep are tried whatever the stride: there things go wrong.
    let around = slept_at.saturating_sub(2)..(slept_at + 2).min(route.n_steps());
    for point in route.points(0, stride).chain(around.filter(|_| stride > 1)) {
        if swept.is_over() {
            break;
        }
        let state = kill_at(&route, point, &make, &call, &mut asleep, &mut swept);
        check(state, point as u64, phase());
    }
    swept.steps = route.n_steps() as u64;
    swept
}

/// One child, killed in its sleep; what is left.
fn kill_asleep<S>(make: impl Fn() -> S, call: impl Fn(&S), swept: &mut Sweep) -> S {
    let state = make();
    let tracee = Tracee::start(|| call(&state));
    swept.arrived(match tracee.run(&mut || false) {
        Stop::Asleep => Arrival::There,
        Stop::Late => Arrival::Late,
        Stop::Trap | Stop::Ended => Arrival::Elsewhere,
    });
    drop(tracee);
    swept.points += 1;
    swept.kills += 1;
    state
}
