//! One process that is killed in a call: what a single one may leave.

use crate::toy::{Fault, Toy};
use ipc_testkit::isolated;
use ipc_testkit::kill::sweep;

/// Whether some point leaves something that is not well.
fn is_found(fault: Fault) -> bool {
    let mut is_found = false;
    // To see that something is not well may take seconds; once is enough.
    sweep(3, || Toy::new(fault), Toy::update, |toy, _point| is_found = is_found || !toy.is_well());
    is_found
}

#[test]
fn a_good_lock_passes() {
    isolated(|| {
        let mut totals = [0; 2];
        let swept = sweep(
            1,
            || Toy::new(Fault::None),
            Toy::update,
            |toy, point| {
                assert!(toy.is_well(), "after a kill at {point}");
                totals[toy.total() as usize] += 1;
            },
        );
        assert!(swept.steps > 100 && swept.points > swept.steps, "{swept:?}");
        assert!(totals[0] > 0 && totals[1] > 0, "both sides of the change were met: {totals:?}");
        assert_eq!((swept.hangs, swept.kills), (0, swept.points));
        // The clock takes another way now and then.
        assert!(swept.row("good").passed(), "{swept:?}");
    });
}

#[test]
fn two_stores_without_a_log_are_found() {
    isolated(|| assert!(is_found(Fault::NoLog)));
}

#[test]
fn a_log_that_comes_late_is_found() {
    isolated(|| assert!(is_found(Fault::LateLog)));
}

#[test]
fn a_lock_that_is_taken_before_its_owner_is_known_is_found() {
    isolated(|| assert!(is_found(Fault::LateOwner)));
}

#[test]
fn a_call_that_hangs_at_times_is_counted() {
    isolated(|| {
        // It sleeps for ever in every child after the seventh: the way was written down before.
        let n_made = std::cell::Cell::new(0);
        let make = || n_made.replace(n_made.get() + 1);
        let call = |&number: &u32| {
            if number > 7 {
                std::thread::sleep(std::time::Duration::from_secs(1000));
            }
        };
        let swept = sweep(1, make, call, |_, _| {});
        assert_eq!(swept.hangs, 2);
        assert!(swept.points < swept.steps && !swept.row("hangs").passed(), "{swept:?}");
    });
}

#[test]
fn a_call_that_goes_another_way_is_counted() {
    isolated(|| {
        let n_made = std::cell::Cell::new(0);
        let make = || n_made.replace(n_made.get() + 1);
        // The way is written down in the first rounds.
        let call = |&number: &u32| {
            if number <= 7 {
                Toy::new(Fault::None).update();
            }
        };
        let swept = sweep(3, make, call, |_, _| {});
        assert!(swept.missed > swept.points / 2 && !swept.row("elsewhere").passed(), "{swept:?}");
    });
}
