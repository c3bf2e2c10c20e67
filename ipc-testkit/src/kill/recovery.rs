//! Kills a process in a call, then another one in its repair of what that has left, and so on.
//!
//! A repair that is good when it is finished may be the end when it is not: a list of what is to be undone that is cleared
//! before it is worked off, a count that is taken down twice.

use super::Sweep;
use super::forked::can_sweep;
use super::route::{Arrival, Route};
use super::sweep::{BEHIND, WARM_UP, kill_behind, walk};
use super::tracee::Tracee;
use std::collections::HashSet;
use std::hash::Hash;
use std::rc::Rc;

/// Kills a child before every `stride`-th instruction of `call`, then for each different state that this leaves another
/// child at those of `recover`, and so on, up to `depth` kills in a row; and has each result checked.
///
/// A depth of 1 is that of [`sweep`](super::sweep()); 2 kills a process that repairs, and 3 the next one, too. For each
/// chain of kills, `make` makes what the calls work on; `snapshot` tells the state after the last kill, from which the
/// caller leaves out what differs from run to run, such as numbers of processes; and `check` sees what is left, with the
/// numbers of the points at which the processes of the chain were killed. A state that was seen before is checked, too, but
/// no further chain goes out from it.
///
/// A state is told apart by its snapshot only. What that leaves out, such as what the kernel knows of the dead, has to
/// follow from the rest.
///
/// # Panics
///
/// If the process has more than one thread, or if `call` panics or hangs when nobody kills it. That `recover` does is
/// counted.
///
/// # Platform
///
/// Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::sweep_recovery;
/// use std::fs;
///
/// let swept = sweep_recovery(
///     2,
///     1,
///     || fs::write("/tmp/old", "1").expect("the folder is there"),
///     |()| fs::rename("/tmp/old", "/tmp/new").expect("it is there"),
///     |()| fs::rename("/tmp/new", "/tmp/old").or(Ok::<_, std::io::Error>(())).expect("it was never moved"),
///     |()| fs::exists("/tmp/old").expect("the folder is there"),
///     |(), points| assert!(fs::exists("/tmp/old").is_ok(), "after kills at {points:?}"),
/// );
/// println!("{} different states", swept.states);
/// ```
pub fn sweep_recovery<S, K: Eq + Hash>(
    depth: usize,
    stride: u64,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    recover: impl Fn(&S),
    snapshot: impl Fn(&S) -> K,
    mut check: impl FnMut(S, &[u64]),
) -> Sweep {
    let mut swept = Sweep::default();
    if !can_sweep() {
        return swept;
    }
    let story = Story { make, call, recover };
    for _ in 0..WARM_UP {
        check(kill_behind(&story.make, &story.call, &mut |_| true, &mut Sweep::default()), &[BEHIND]);
    }
    let mut seen = HashSet::new();
    let mut chains = vec![Chain::default()];
    for _ in 0..depth {
        let mut longer = Vec::new();
        for chain in &chains {
            if swept.is_over() {
                break;
            }
            let (route, state) = story.walk(chain, &mut swept);
            check(state, &chain.with(&route, route.n_steps()).points());
            for point in route.points(0, stride) {
                if swept.is_over() {
                    break;
                }
                let chain = chain.with(&route, point);
                let (state, arrival) = story.tell(&chain, &mut swept);
                swept.points += 1;
                swept.arrived(arrival);
                if arrival == Arrival::There && seen.insert(snapshot(&state)) {
                    longer.push(chain.clone());
                }
                check(state, &chain.points());
            }
        }
        chains = longer;
    }
    swept.states = seen.len() as u64;
    swept
}

/// The ways of processes that were killed one after the other, and the points where they were.
#[derive(Clone, Default)]
struct Chain {
    links: Vec<(Rc<Route>, usize)>,
}

impl Chain {
    fn with(&self, route: &Rc<Route>, point: usize) -> Chain {
        let mut links = self.links.clone();
        links.push((Rc::clone(route), point));
        Chain { links }
    }

    fn points(&self) -> Vec<u64> {
        self.links.iter().map(|&(_, point)| point as u64).collect()
    }
}

/// What is swept.
struct Story<M, C, R> {
    make: M,
    call: C,
    recover: R,
}

impl<S, M: Fn() -> S, C: Fn(&S), R: Fn(&S)> Story<M, C, R> {
    /// Forks the process that comes after `n_dead` others.
    fn start(&self, n_dead: usize, state: &S) -> Tracee {
        Tracee::start(|| if n_dead == 0 { (self.call)(state) } else { (self.recover)(state) })
    }

    /// Makes the state that a chain of kills leaves, and whether each of them was where it should be.
    fn tell(&self, chain: &Chain, swept: &mut Sweep) -> (S, Arrival) {
        let state = (self.make)();
        for (n_dead, (route, point)) in chain.links.iter().enumerate() {
            let tracee = self.start(n_dead, &state);
            let arrival = route.lead(&tracee, *point, &mut || true);
            drop(tracee);
            swept.kills += 1;
            if arrival != Arrival::There {
                return (state, arrival);
            }
        }
        (state, Arrival::There)
    }

    /// The way of the process that comes after a chain of kills, and what it leaves. A process that cannot go it to the end
    /// is counted, and its way is as long as nothing.
    fn walk(&self, chain: &Chain, swept: &mut Sweep) -> (Rc<Route>, S) {
        let n_dead = chain.links.len();
        if n_dead == 0 {
            let (route, state) = walk(&self.make, &self.call, &mut |_| true);
            swept.steps += route.n_steps() as u64;
            return (Rc::new(route), state);
        }
        let (state, arrival) = self.tell(chain, swept);
        swept.arrived(arrival);
        let tracee = self.start(n_dead, &state);
        let route = Route::of(&tracee, usize::MAX, &mut || true);
        drop(tracee);
        let route = route.unwrap_or_else(|ending| {
            swept.ended(ending);
            Route::nowhere()
        });
        swept.steps += route.n_steps() as u64;
        (Rc::new(route), state)
    }
}
