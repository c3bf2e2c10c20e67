//! What the body of an isolated test finds, and that a good test passes.

use ipc_testkit::{Isolated, isolated, isolated_within, proc, temp_dir, unique_name};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_process_has_one_thread() {
    isolated(|| {
        let me = proc::own_pid();
        let tasks = proc::tasks(me);
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].tid, me);
    });
}

#[test]
fn the_process_is_called_like_the_test() {
    isolated(|| {
        let stat = proc::stat(proc::own_pid()).expect("the process is alive");
        assert_eq!(stat.name, "the_process_is_");
        assert_eq!(stat.group, proc::own_pid());
    });
}

fn a_body() {
    println!("said by a function");
}

#[test]
fn a_function_is_a_body_too() {
    let output = Isolated::new().try_run(a_body).expect("the body is good");
    assert_eq!(output, "said by a function\n");
}

fn a_body_for<T: Default + std::fmt::Debug>() {
    println!("{:?}", T::default());
}

#[test]
fn each_type_of_a_generic_body_is_a_body_of_its_own() {
    assert_eq!(Isolated::new().try_run(a_body_for::<u8>).expect("the body is good"), "0\n");
    assert_eq!(Isolated::new().try_run(a_body_for::<String>).expect("the body is good"), "\"\"\n");
}

#[test]
fn threads_and_children_that_are_waited_for_are_no_leak() {
    isolated(|| {
        std::thread::spawn(|| {}).join().expect("the thread does nothing");
        assert!(Command::new("true").status().expect("the program is there").success());
        let folder = temp_dir();
        std::fs::write(folder.path().join(unique_name("file")), "text").expect("the folder is there");
    });
}

#[test]
fn both_streams_of_all_processes_are_captured_in_order() {
    let output = Isolated::new().try_run(|| {
        println!("one");
        eprintln!("two");
        Command::new("echo").arg("three").status().expect("the program is there");
        println!("four");
    });
    assert_eq!(output.expect("the body is good"), "one\ntwo\nthree\nfour\n");
}

#[test]
fn more_output_than_a_pipe_holds_blocks_nobody() {
    let output = Isolated::new().try_run(|| print!("{}", "x".repeat(1 << 20)));
    assert_eq!(output.expect("the body is good").len(), 1 << 20);
}

#[test]
fn the_order_is_not_inherited() {
    isolated(|| {
        assert!(std::env::var_os("IPC_TESTKIT_INNER").is_none());
        // The test program, started by the body, is a test program again and not an inner process.
        let output = Command::new("/proc/self/exe").arg("--list").output().expect("the program is there");
        let list = String::from_utf8(output.stdout).expect("names of tests are text");
        assert!(list.contains("the_order_is_not_inherited: test"), "{list}");
    });
}

#[test]
fn a_run_within_a_run_is_judged_by_itself() {
    isolated(|| {
        isolated(|| println!("inside"));
        let report = Isolated::new().try_run(|| panic!("inside")).expect_err("the inner body panics");
        assert!(report.output.contains("inside"));
    });
}

#[test]
fn a_body_that_ends_in_time_ends_no_other() {
    isolated_within(Duration::from_secs(30), || std::thread::sleep(Duration::from_millis(20)));
}

#[test]
fn a_broken_pipe_is_an_error_and_not_a_signal() {
    isolated(|| {
        let (reader, writer) = rustix::pipe::pipe().expect("descriptors are left");
        drop(reader);
        let error = rustix::io::write(&writer, b"x").expect_err("nobody reads");
        assert_eq!(error, rustix::io::Errno::PIPE);
    });
}
