//! Two processes, one of them killed: what only shows with somebody who is halfway, too.

use crate::toy::{Fault, Toy};
use ipc_testkit::isolated;
use ipc_testkit::kill::{Ending, Pair, Party, sweep, sweep_pairs};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What both call.
type Call = fn(&Toy);

/// Whether some pair ends well for the survivor and badly for the next one; the first one ends the sweep.
fn is_found(strides: (u64, u64), make: impl Fn() -> Toy, call: Call) -> bool {
    let check = |toy: Toy, pair: Pair| {
        assert!(pair.survivor != Ending::Returned || toy.is_well(), "found: {pair:?}");
    };
    catch_unwind(AssertUnwindSafe(|| sweep_pairs(strides.0, strides.1, make, call, call, check))).is_err()
}

/// Whether the sweep of a single process finds nothing.
fn is_well_alone(make: impl Fn() -> Toy, call: Call) -> bool {
    let mut is_well = true;
    sweep(3, make, call, |toy, _point| is_well &= toy.is_well());
    is_well
}

#[test]
fn a_good_lock_passes() {
    isolated(|| {
        let mut n_killed = [0; 2];
        let mut most = [0; 2];
        let make = || Toy::new(Fault::None);
        let swept = sweep_pairs(61, 67, make, Toy::update, Toy::update, |toy, pair| {
            assert!(toy.is_well() && pair.survivor == Ending::Returned, "{pair:?}");
            n_killed[usize::from(pair.killed == Party::Second)] += 1;
            if pair.first != u64::MAX {
                most = [most[0].max(pair.first), most[1].max(pair.second)];
            }
        });
        assert!(n_killed[0] > 100 && n_killed[1] > 100, "{n_killed:?}");
        assert!(most[0] + most[1] >= swept.steps && swept.points >= n_killed[0] + n_killed[1], "{swept:?}");
        assert!(swept.row("pairs").passed(), "{swept:?}");
    });
}

#[test]
fn one_is_killed_and_the_other_one_comes_to_its_end() {
    isolated(|| {
        let make = || UnixStream::pair().expect("a socket");
        let say = |text: &'static [u8]| {
            move |ends: &(UnixStream, UnixStream)| (&ends.0).write_all(text).expect("there is room")
        };
        let mut heard = HashSet::new();
        sweep_pairs(40, 40, make, say(b"a"), say(b"b"), |(ours, mut theirs), pair| {
            drop(ours);
            let mut text = String::new();
            theirs.read_to_string(&mut text).expect("all are gone");
            let (survivor, victim) = if pair.killed == Party::First { ('b', 'a') } else { ('a', 'b') };
            assert!(text.contains(survivor), "{text:?} after {pair:?}");
            let n_steps = if pair.killed == Party::First { pair.first } else { pair.second };
            assert!(n_steps > 0 || !text.contains(victim), "{text:?} after {pair:?}");
            heard.insert(text);
        });
        assert_eq!(heard, ["a", "b", "ab", "ba"].map(String::from).into());
    });
}

#[test]
fn a_good_take_over_passes() {
    isolated(|| assert!(!is_found((31, 101), || Toy::orphaned(Fault::None), Toy::recover)));
}

#[test]
fn a_sleeper_that_the_dead_should_have_woken_is_found() {
    isolated(|| {
        let make = || Toy::new(Fault::NoRecheck);
        assert!(is_well_alone(make, Toy::update));
        let mut n_hung = 0;
        let swept = sweep_pairs(29, 101, make, Toy::update, Toy::update, |_toy, pair| {
            // The second one was led to its point, which only works if its way to the sleep is known.
            n_hung +=
                u64::from(pair.survivor == Ending::Hung && pair.killed == Party::First && pair.second > 0);
        });
        assert_eq!((swept.hangs, n_hung), (2, 2));
    });
}

#[test]
fn a_death_that_two_inherit_is_found() {
    isolated(|| {
        let make = || Toy::orphaned(Fault::BlindTakeOver);
        assert!(is_well_alone(make, Toy::recover));
        assert!(is_found((7, 101), make, Toy::recover));
    });
}

#[test]
fn a_lock_that_two_can_take_is_found() {
    isolated(|| {
        let make = || Toy::new(Fault::TestThenSet);
        assert!(is_well_alone(make, Toy::update));
        assert!(is_found((13, 13), make, Toy::update));
    });
}
