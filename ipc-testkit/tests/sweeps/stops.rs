//! A process that stands still and is not dead.

use crate::toy::{Fault, Toy};
use ipc_testkit::isolated;
use ipc_testkit::kill::{Ending, Sweep, sweep_stops};
use std::time::Duration;

/// How often the others got the lock, how often they did not, and how many points were bad.
fn swept(stride: u64, fault: Fault) -> (Sweep, [u64; 2], u64) {
    let mut n_locked = [0; 2];
    let mut n_bad = 0;
    let others = |toy: &Toy, _point| {
        let is_locked = toy.lock(Some(Duration::from_millis(2)));
        if is_locked {
            toy.unlock();
        }
        n_locked[usize::from(is_locked)] += 1;
    };
    let after = |toy: Toy, _point, ending| {
        n_bad += u64::from(ending != Ending::Returned || !toy.is_well() || toy.total() != 1);
    };
    let swept = sweep_stops(stride, || Toy::new(fault), Toy::update, others, after);
    eprintln!("{swept:?}, {n_locked:?}, {n_bad} bad");
    (swept, n_locked, n_bad)
}

#[test]
fn a_good_lock_is_left_to_who_stands_still() {
    isolated(|| {
        let (swept, n_locked, n_bad) = swept(2, Fault::None);
        assert_eq!(n_bad, 0);
        assert!(n_locked[0] > 0 && n_locked[1] > 0, "{n_locked:?}");
        assert!(swept.row("stops").passed(), "{swept:?}");
    });
}

#[test]
fn a_lock_that_time_breaks_is_found() {
    isolated(|| assert!(swept(5, Fault::StolenByTime).2 > 0));
}

#[test]
fn stopped_taken_for_dead_is_found() {
    isolated(|| assert!(swept(5, Fault::StoppedIsDead).2 > 0));
}

#[test]
fn one_that_cannot_go_on_is_counted() {
    isolated(|| {
        // Whoever looks breaks the lock for ever, and the call is in need of it.
        let spoil = |toy: &Toy, _point| assert!(toy.lock(Some(Duration::from_millis(2))) || toy.total() == 0);
        let swept = sweep_stops(1, || Toy::new(Fault::None), Toy::update, spoil, |_, _, _| {});
        assert_eq!(swept.hangs, 2);
    });
}
