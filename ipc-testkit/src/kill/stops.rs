//! Stops a process at each instruction of one call, looks what the others can do, and lets it go on.
//!
//! A stopped process is alive and may stay so for hours: nobody may take what it has, and nobody else may wait for it who
//! does not need that.

use super::forked::can_sweep;
use super::route::Route;
use super::sweep::{BEHIND, WARM_UP, walk_on};
use super::tracee::Tracee;
use super::{Ending, Sweep};

/// Stops a child before every `stride`-th instruction of `call`, and once after it, and has it checked then and later.
///
/// For each point, `make` makes what the call works on; the child calls and stands still at the point; `check_stopped` sees
/// what is there, with the number of the point; then the child goes on to the end of its process, and `check_resumed` sees
/// what is left, and how the call has ended. Calls in `check_stopped` that need what the child has should be timed ones,
/// and so should `call`, if what `check_stopped` does may keep it waiting.
///
/// The child is stopped by its tracer, which for itself and all others is as if it were stopped by a signal: alive, and
/// still. [`Sweep::kills`] counts the stops.
///
/// # Panics
///
/// If the process has more than one thread, or if the call panics or hangs when nobody stops it.
///
/// # Platform
///
/// Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::{Ending, sweep_stops};
/// use std::fs::File;
///
/// sweep_stops(
///     1,
///     || File::create("/tmp/stops").expect("the folder is there"),
///     |file| file.lock().expect("locks are left"),
///     |file, point| println!("{point}: {:?}", file.try_lock()),
///     |_file, _point, ending| assert_eq!(ending, Ending::Returned),
/// );
/// ```
pub fn sweep_stops<S>(
    stride: u64,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    mut check_stopped: impl FnMut(&S, u64),
    mut check_resumed: impl FnMut(S, u64, Ending),
) -> Sweep {
    let mut swept = Sweep::default();
    if !can_sweep() {
        return swept;
    }
    // Looks at a child that stands still, and again when it has gone on to its end.
    let mut look = |state: S, tracee: Tracee, point: u64, swept: &mut Sweep| {
        check_stopped(&state, point);
        let ending = tracee.finish();
        drop(tracee);
        swept.ended(ending);
        check_resumed(state, point, ending);
    };
    // The way is written down once it has settled, as in `sweep`.
    for _ in 0..WARM_UP {
        let state = make();
        let tracee = Tracee::start(|| call(&state));
        swept.arrived(Route::lead_to_the_end(&tracee, &mut || true));
        look(state, tracee, BEHIND, &mut swept);
    }
    let state = make();
    let (route, tracee) = walk_on(&state, &call, &mut |_| true);
    look(state, tracee, route.n_steps() as u64, &mut swept);
    for point in route.points(0, stride) {
        if swept.is_over() {
            break;
        }
        let state = make();
        let tracee = Tracee::start(|| call(&state));
        swept.arrived(route.lead(&tracee, point, &mut || true));
        swept.points += 1;
        look(state, tracee, point as u64, &mut swept);
    }
    swept.steps = route.n_steps() as u64;
    swept.kills = swept.points;
    swept
}
