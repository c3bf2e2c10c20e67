//! Each detector of the kit fires: a bad body is reported, for the right reason, and nothing of it stays.
//!
//! # Safety
//!
//! `fork` is called in isolated bodies only, whose process has one thread: its child may do whatever any process may.

#![allow(unsafe_code)]

use ipc_testkit::{Failure, Isolated, Report, proc, unique_name};
use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs a body that must be reported, and returns the one failure it must have.
#[track_caller]
fn only_failure<F: FnOnce() + Copy>(body: F) -> Failure {
    let Report { failures, output } = Isolated::new().try_run(body).expect_err("a bad body passed");
    let [failure] = <[Failure; 1]>::try_from(failures)
        .unwrap_or_else(|failures| panic!("one failure was expected: {failures:#?}\n{output}"));
    failure
}

/// The text of the only failure, which must be something leaked.
#[track_caller]
fn only_leak<F: FnOnce() + Copy>(body: F) -> String {
    match only_failure(body) {
        Failure::Leaked { what } => what,
        other => panic!("a leak was expected: {other:?}"),
    }
}

/// Forks. True in the child.
fn fork() -> bool {
    // SAFETY: the process has one thread, see the head of the file.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    pid == 0
}

/// Starts a program. The one that sleeps does so for longer than any test takes.
fn start(program: &str) -> std::process::Child {
    Command::new(program).arg("1000").spawn().expect("the program is there")
}

#[test]
fn a_descriptor() {
    let what = only_leak(|| std::mem::forget(File::open("/dev/zero").expect("the device is there")));
    assert!(what.starts_with("descriptor ") && what.ends_with("/dev/zero"), "{what}");
}

#[test]
fn a_child_that_runs() {
    let report = Isolated::new().try_run(|| {
        drop(start("sleep"));
    });
    let failures = report.expect_err("a child is left").failures;
    assert!(
        matches!(&failures[0], Failure::Leaked { what } if what.contains("child ") && what.contains("sleep"))
    );
    assert!(matches!(&failures[1], Failure::Outlived { doing } if doing.contains("sleep")), "{failures:?}");
    assert_eq!(failures.len(), 2, "{failures:?}");
}

#[test]
fn a_zombie() {
    let what = only_leak(|| {
        drop(start("true"));
        std::thread::sleep(Duration::from_millis(100));
    });
    assert!(what.starts_with("child ") && what.contains("zombie"), "{what}");
}

#[test]
fn a_thread() {
    let what = only_leak(|| {
        let thread = std::thread::Builder::new().name("forgotten".to_owned());
        thread.spawn(|| std::thread::sleep(Duration::from_secs(1000))).expect("threads are left");
    });
    assert!(what.starts_with("thread ") && what.contains("forgotten"), "{what}");
}

#[test]
fn a_mapping() {
    let what = only_leak(|| {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let file = File::from(rustix::fs::memfd_create("forgotten", flags).expect("memory is left"));
        file.set_len(8192).expect("memory is left");
        let (read, shared) = (rustix::mm::ProtFlags::READ, rustix::mm::MapFlags::SHARED);
        // SAFETY: the address is the system's choice, and nobody uses the mapping.
        let mapped = unsafe { rustix::mm::mmap(std::ptr::null_mut(), 8192, read, shared, &file, 0) };
        mapped.expect("memory is left");
    });
    assert_eq!(what, "mapping /memfd:forgotten: 8192 bytes, were 0");
}

#[test]
fn a_name_in_dev_shm_that_the_process_can_see() {
    let report = Isolated::new().try_run(|| {
        File::create(format!("/dev/shm/{}", unique_name("left"))).expect("the folder is there");
    });
    let failures = report.expect_err("a name is left").failures;
    assert!(
        matches!(&failures[0], Failure::Leaked { what } if what.starts_with("name /dev/shm/")),
        "{failures:?}"
    );
    let Failure::Residue { path } = &failures[1] else { panic!("{failures:?}") };
    assert!(path.contains("-left-"), "{path}");
    assert!(!std::path::Path::new(path).exists());
}

#[test]
fn a_name_in_the_temp_folder() {
    let report = Isolated::new().try_run(|| std::mem::forget(ipc_testkit::temp_dir()));
    let failures = report.expect_err("a folder is left").failures;
    let Some(Failure::Residue { path }) = failures.last() else { panic!("{failures:?}") };
    assert!(!std::path::Path::new(path).exists());
}

#[test]
fn a_panic() {
    let report = Isolated::new().try_run(|| panic!("the reason of {}", 7)).expect_err("the body panics");
    assert_eq!(report.failures, [Failure::Panicked]);
    assert!(report.to_string().contains("the reason of 7"), "{report}");
}

#[test]
fn a_panic_reaches_the_test() {
    let caught = std::panic::catch_unwind(|| ipc_testkit::isolated(|| panic!("the reason")));
    let message = caught.expect_err("the body panics").downcast::<String>().expect("the message is text");
    assert!(message.contains("the body panicked") && message.contains("the reason"), "{message}");
}

#[test]
fn a_hang() {
    let start = Instant::now();
    let report = Isolated::new().watchdog(Duration::from_secs(1)).try_run(|| {
        println!("before");
        Command::new("sleep").arg("1000").status().expect("the program is there");
    });
    let report = report.expect_err("the body hangs");
    let [Failure::Hung { doing, .. }] = &report.failures[..] else { panic!("{report}") };
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(doing.lines().filter(|line| line.starts_with("process ")).count(), 2, "{doing}");
    assert!(doing.contains("`a_hang`") && doing.contains("`sleep`") && doing.contains("wchan "), "{doing}");
    assert_eq!(report.output, "before\n");
    assert_none_of(doing);
}

/// None of the processes described is alive.
fn assert_none_of(doing: &str) {
    for line in doing.lines().filter_map(|line| line.strip_prefix("process ")) {
        let (pid, _) = line.split_once(' ').expect("a description begins with the id");
        let pid = pid.parse().expect("an id is a number");
        // An id may have passed on to somebody else, who does not carry the token.
        assert!(!proc::has_variable(pid, "IPC_TESTKIT_RUN", |_| true), "{line}");
    }
}

#[test]
fn a_stopped_process_hangs_and_can_be_killed() {
    let report = Isolated::new().watchdog(Duration::from_secs(1)).try_run(|| {
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::STOP).expect("a process may stop itself");
    });
    let report = report.expect_err("the body is stopped");
    let [Failure::Hung { doing, .. }] = &report.failures[..] else { panic!("{report}") };
    assert!(doing.contains("state T"), "{doing}");
}

#[test]
fn a_grandchild_that_outlives() {
    let failure = only_failure(|| {
        if fork() {
            rustix::process::setsid().expect("a child may lead a session");
            if fork() {
                std::thread::sleep(Duration::from_secs(1000));
            }
            std::process::exit(0);
        }
        rustix::process::wait(rustix::process::WaitOptions::empty()).expect("there is a child");
    });
    let Failure::Outlived { doing } = failure else { panic!("{failure:?}") };
    assert!(doing.contains("`a_grandchild_th`"), "{doing}");
    assert_none_of(&doing);
}

#[test]
fn a_process_that_ends_well_before_its_body() {
    let failure = only_failure(|| std::process::exit(0));
    assert_eq!(failure, Failure::Unfinished { status: "exit status: 0".to_owned() });
}

#[test]
fn a_process_that_is_killed() {
    let failure = only_failure(|| std::process::abort());
    assert!(matches!(failure, Failure::Unfinished { status } if status.contains("signal: 6")));
}

extern "C" fn fail_late() {
    // SAFETY: the call takes no pointer and does not return.
    unsafe { libc::_exit(3) };
}

#[test]
fn a_process_that_fails_after_its_body() {
    let failure = only_failure(|| {
        // SAFETY: the function may be called at any time.
        unsafe { libc::atexit(fail_late) };
    });
    assert_eq!(failure, Failure::Failed { status: "exit status: 3".to_owned() });
}

#[test]
fn a_forked_child_that_comes_out_of_the_body() {
    let failure = only_failure(|| {
        if !fork() {
            rustix::process::wait(rustix::process::WaitOptions::empty()).expect("there is a child");
        }
    });
    assert!(matches!(failure, Failure::Escaped { .. }));
}

#[test]
fn an_allowed_leak_is_told_and_forgiven() {
    let output = Isolated::new().allow_leaks("it shows how").try_run(|| {
        drop(start("sleep"));
    });
    let output = output.expect("leaks are allowed");
    assert!(output.contains("allowed, since it shows how: alive after the test"), "{output}");
}

#[test]
fn an_allowed_leak_forgives_no_panic() {
    let report = Isolated::new().allow_leaks("it shows how").try_run(|| panic!("no"));
    assert_eq!(report.expect_err("the body panics").failures, [Failure::Panicked]);
}
