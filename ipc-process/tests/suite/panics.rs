//! A panic in the function is an error of the join, with everything that it said.

use super::start;
use ipc_process::{JoinError, PanicReport, Process, StartMethod};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::panic::{catch_unwind, panic_any, resume_unwind};

#[track_caller]
fn report_of<R: Serialize + DeserializeOwned>(process: Process<R>) -> PanicReport {
    assert_eq!(process.wait().expect("a status").code(), Some(101));
    match process.join() {
        Err(JoinError::Panicked(report)) => report,
        Err(other) => panic!("no panic: {other:?}"),
        Ok(_) => panic!("a result instead of a panic"),
    }
}

pub(crate) fn a_panic_comes_back_with_all_it_said(method: StartMethod) {
    fn divide((number, divisor): (u32, u32)) -> u32 {
        assert!(divisor != 0, "cannot divide {number} by zero");
        number / divisor
    }
    assert_eq!(start(method, divide, (6, 2)).join().expect("a number"), 3);
    let report = report_of(start(method, divide, (6, 0)));
    assert_eq!(report.message(), "cannot divide 6 by zero");
    let location = report.location().expect("a place in the source");
    assert!(location.contains("panics.rs:"), "{location}");
    assert!(report.backtrace().contains("divide"), "{}", report.backtrace());
    assert_eq!(report.to_string(), format!("panicked at {location}: cannot divide 6 by zero"));
}

pub(crate) fn a_panic_with_any_payload_comes_back(method: StartMethod) {
    struct Opaque;
    let report = report_of(start(method, |(): ()| -> u8 { panic!("a literal") }, ()));
    assert_eq!(report.message(), "a literal");
    let report = report_of(start(method, |text: String| -> u8 { panic_any(text) }, "owned".to_owned()));
    assert_eq!(report.message(), "owned");
    let report = report_of(start(method, |(): ()| -> u8 { panic_any(Opaque) }, ()));
    assert_eq!(report.message(), "a panic whose payload is not a string");
    assert!(report.location().is_some());
    let report = report_of(start(method, |(): ()| -> u8 { panic!("{}", "x".repeat(1 << 20)) }, ()));
    assert_eq!(report.message().len(), 1 << 20);
    // An unwinding that did not begin with a panic passes no hook.
    let report = report_of(start(method, |(): ()| -> u8 { resume_unwind(Box::new("carried on")) }, ()));
    assert_eq!(report.message(), "carried on");
}

/// The hook notes every panic of the thread, and the function may have caught the one that was noted.
pub(crate) fn a_caught_panic_is_not_mistaken_for_a_later_one(method: StartMethod) {
    fn catch_one_and_resume_another((): ()) {
        catch_unwind(|| panic!("caught")).expect_err("it panics");
        resume_unwind(Box::new("another"))
    }
    fn catch_one_and_return((): ()) -> u8 {
        catch_unwind(|| panic!("caught")).expect_err("it panics");
        7
    }
    assert_eq!(start(method, catch_one_and_return, ()).join().expect("a number"), 7);
    let report = report_of(start(method, catch_one_and_resume_another, ()));
    assert_eq!(report.message(), "another");
}

pub(crate) fn a_panic_in_another_thread_is_no_panic_of_the_function(method: StartMethod) {
    fn ask_a_thread((): ()) -> bool {
        std::thread::spawn(|| panic!("in a thread")).join().is_err()
    }
    assert!(start(method, ask_a_thread, ()).join().expect("the function returns"));
}
