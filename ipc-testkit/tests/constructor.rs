//! The body of an isolated test runs after the constructors that have a number, so that crates under test are ready.
//!
//! # Safety
//!
//! 1. The constructor stores one atomic flag and needs nothing of the runtime, so the system may call it before `main`.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

static IS_READY: AtomicBool = AtomicBool::new(false);

extern "C" fn get_ready() {
    IS_READY.store(true, Ordering::Relaxed);
}

#[used]
#[unsafe(link_section = ".init_array.00500")]
static GET_READY: extern "C" fn() = get_ready;

#[test]
fn a_numbered_constructor_has_run_before_the_body() {
    ipc_testkit::isolated(|| assert!(IS_READY.load(Ordering::Relaxed)));
}

#[test]
fn the_process_has_the_name_of_the_program_and_no_arguments() {
    let output =
        ipc_testkit::Isolated::new().try_run(|| print!("{:?}", std::env::args().collect::<Vec<_>>()));
    let own: Vec<String> = std::env::args().take(1).collect();
    assert_eq!(output.expect("the body is good"), format!("{own:?}"));
}
