//! Many processes, killed at random.

use crate::toy::{Fault, Toy};
use ipc_testkit::kill::{Moment, Sweep, storm};
use ipc_testkit::{isolated, proc};

fn raged(n_kills: u64, fault: Fault) -> (Sweep, u64) {
    let mut n_bad = 0;
    let make = || Toy::slow(fault);
    let watch = |toy: &Toy| assert!(toy.is_well());
    let swept = storm(
        n_kills,
        3,
        make,
        |toy, _worker| toy.update(),
        watch,
        |toy, moment| {
            // The dead one is gone, the next one not there yet; the third one is who watches.
            assert!(moment == Moment::Over || proc::children().len() == 3);
            n_bad += u64::from(moment == Moment::Over && !toy.is_well());
        },
    );
    eprintln!("{swept:?}, {n_bad} bad");
    (swept, n_bad)
}

#[test]
fn a_good_lock_passes() {
    isolated(|| {
        let (swept, n_bad) = raged(250, Fault::None);
        assert_eq!((swept.kills, n_bad), (250, 0));
        assert!(swept.row("storm").passed(), "{swept:?}");
    });
}

#[test]
fn two_stores_without_a_log_are_found() {
    isolated(|| {
        let (swept, n_bad) = raged(100, Fault::NoLog);
        assert!(swept.failed > 0 && n_bad > 0, "{swept:?}");
    });
}

#[test]
fn a_lock_that_stays_with_the_dead_is_found() {
    isolated(|| assert!(raged(100, Fault::NoTakeOver).0.hangs > 0));
}
