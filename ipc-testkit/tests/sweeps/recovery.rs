//! Processes that are killed one after the other: repairs that are not good before they are finished.

use crate::toy::{Fault, Toy};
use ipc_testkit::isolated;
use ipc_testkit::kill::{Sweep, sweep_recovery};

/// How many chains of each length end badly.
fn bad_chains(depth: usize, fault: Fault) -> (Sweep, [u64; 4]) {
    let mut n_bad = [0; 4];
    let (make, check) = (
        || Toy::new(fault),
        |toy: Toy, points: &[u64]| {
            // One change was begun, and no more.
            let is_well = toy.is_well() && toy.total() <= 1;
            n_bad[points.len()] += u64::from(!is_well);
        },
    );
    let swept = sweep_recovery(depth, 7, make, Toy::update, Toy::recover, Toy::snapshot, check);
    eprintln!("{swept:?}, {n_bad:?} bad");
    (swept, n_bad)
}

#[test]
fn a_good_repair_passes() {
    isolated(|| {
        let (swept, n_bad) = bad_chains(3, Fault::None);
        assert_eq!(n_bad, [0; 4]);
        assert!(swept.states >= 6 && swept.kills > swept.points, "{swept:?}");
        assert!(swept.row("recovery").passed());
    });
}

#[test]
fn a_log_that_is_cleared_too_early_is_found() {
    isolated(|| {
        let (_, n_bad) = bad_chains(2, Fault::ClearFirst);
        assert!(n_bad[1] == 0 && n_bad[2] > 0, "{n_bad:?}");
    });
}

#[test]
fn a_repair_that_counts_twice_is_found() {
    isolated(|| {
        let (_, n_bad) = bad_chains(2, Fault::CountsTwice);
        assert!(n_bad[1] == 0 && n_bad[2] > 0, "{n_bad:?}");
    });
}

#[test]
fn a_repair_of_a_repair_is_found() {
    isolated(|| {
        let (_, n_bad) = bad_chains(3, Fault::ClearFirstLater);
        assert!(n_bad[..3] == [0; 3] && n_bad[3] > 0, "{n_bad:?}");
    });
}

#[test]
fn a_repair_that_hangs_is_counted() {
    isolated(|| {
        let hang = |_: &Toy| std::thread::sleep(std::time::Duration::from_secs(1000));
        let make = || Toy::new(Fault::None);
        let swept = sweep_recovery(2, 31, make, Toy::update, hang, Toy::snapshot, |_, _| {});
        assert_eq!(swept.hangs, 2);
    });
}
