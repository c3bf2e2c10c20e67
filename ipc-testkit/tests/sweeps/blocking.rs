//! A process that is killed before, in and after a sleep.

use crate::token::{Slip, Token};
use crate::toy::LIMIT;
use ipc_testkit::isolated;
use ipc_testkit::kill::{Phase, Sweep, sweep_blocking};
use std::collections::HashMap;
use std::time::Duration;

/// The phases in which a kill loses the token, and how many kills there were in each.
fn lost_in(stride: u64, slip: Slip) -> (Sweep, HashMap<Phase, u64>, HashMap<Phase, u64>) {
    let (mut n_lost, mut n_kills) = (HashMap::new(), HashMap::new());
    let take = |token: &Token| assert!(token.take(LIMIT));
    let check = |token: Token, _point, phase| {
        if phase != Phase::Woken {
            token.give();
        }
        *n_kills.entry(phase).or_insert(0) += 1;
        // It is there at once, or never.
        if !token.take(Duration::from_millis(30)) {
            *n_lost.entry(phase).or_insert(0) += 1;
        }
    };
    let swept = sweep_blocking(stride, || Token::new(slip), take, Token::give, check);
    (swept, n_lost, n_kills)
}

#[test]
fn a_good_token_is_never_lost() {
    isolated(|| {
        let (swept, n_lost, n_kills) = lost_in(1, Slip::None);
        assert!(n_lost.is_empty(), "{n_lost:?}");
        assert_eq!((swept.hangs, n_kills[&Phase::Asleep]), (0, 1));
        assert!(n_kills[&Phase::Before] > 50 && n_kills[&Phase::Woken] > 50, "{n_kills:?}");
        assert!(swept.row("token").passed(), "{swept:?}");
    });
}

#[test]
fn a_token_that_is_lost_by_who_was_woken_is_found() {
    isolated(|| {
        let (_, n_lost, _) = lost_in(1, Slip::Swallowed);
        assert!(n_lost.contains_key(&Phase::Woken) && n_lost.len() == 1, "{n_lost:?}");
    });
}

#[test]
fn a_token_that_goes_to_the_dead_is_found_asleep_whatever_the_stride() {
    isolated(|| {
        let (_, n_lost, _) = lost_in(1_000_000, Slip::HandedOver);
        assert!(n_lost.contains_key(&Phase::Asleep), "{n_lost:?}");
    });
}

#[test]
#[should_panic(expected = "does not sleep")]
fn a_call_that_does_not_sleep_is_refused() {
    isolated(|| {
        sweep_blocking(1, || (), |()| (), |()| (), |(), _, _| {});
    });
}
