//! What the sweeps do to the process that calls them: they leave nothing behind, whatever happens.

use crate::toy::{Fault, Toy};
use ipc_testkit::kill::{sweep, sweep_pairs, sweep_stops};
use ipc_testkit::{isolated, proc};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn n_children() -> usize {
    proc::children().len()
}

#[test]
fn a_check_that_panics_leaves_no_child() {
    isolated(|| {
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            let look = |_: &Toy, _| {
                assert_eq!(n_children(), 1, "the stopped one");
                panic!("the check is broken");
            };
            sweep_stops(1, || Toy::new(Fault::None), Toy::update, look, |_, _, _| {})
        }));
        assert!(stopped.is_err() && n_children() == 0);
        let paired = catch_unwind(AssertUnwindSafe(|| {
            let check = |_: Toy, _| panic!("the check is broken");
            sweep_pairs(1, 1, || Toy::new(Fault::None), Toy::update, Toy::update, check)
        }));
        assert!(paired.is_err() && n_children() == 0);
    });
}

#[test]
fn a_call_that_panics_is_no_sweep() {
    isolated(|| {
        let swept = catch_unwind(|| sweep(1, || (), |()| panic!("the call is broken"), |(), _| {}));
        assert!(swept.is_err() && n_children() == 0);
    });
}

#[test]
fn a_process_with_threads_is_refused() {
    isolated(|| {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || wait.recv());
        let swept = catch_unwind(|| sweep(1, || (), |()| (), |(), _| {}));
        drop(go);
        assert!(thread.join().expect("it does not panic").is_err() && swept.is_err());
    });
}
