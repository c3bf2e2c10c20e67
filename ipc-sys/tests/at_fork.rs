//! Functions around a fork: on every fork, in this order, each once.
//!
//! # Safety
//!
//! Forks by the C library's own call, from processes of one thread.
#![allow(unsafe_code)]

mod support;

use ipc_sys::at_fork::register;
use ipc_testkit::isolated;
use std::sync::Mutex;
use support::{fork_child, join};

/// What was called so far, in this process and, before the fork, in the one that it was copied from.
static CALLS: Mutex<String> = Mutex::new(String::new());

fn note(call: &str) {
    CALLS.lock().expect("nobody panics").push_str(call);
}

fn calls() -> String {
    std::mem::take(&mut *CALLS.lock().expect("nobody panics"))
}

fn register_two() {
    register(|| note("prepare1 "), || note("parent1 "), || note("child1 ")).expect("memory is left");
    register(|| note("prepare2 "), || note("parent2 "), || note("child2 ")).expect("memory is left");
}

#[test]
fn the_later_prepares_first_and_goes_on_last() {
    isolated(|| {
        register_two();
        let child = fork_child(|| assert_eq!(calls(), "prepare2 prepare1 child1 child2 "));
        join(&child);
        assert_eq!(calls(), "prepare2 prepare1 parent1 parent2 ");
    });
}

#[test]
fn every_fork_and_those_of_children() {
    isolated(|| {
        register_two();
        for _ in 0..3 {
            let child = fork_child(|| {
                assert_eq!(calls(), "prepare2 prepare1 child1 child2 ");
                register(|| note("prepare3 "), || note("parent3 "), || note("child3 ")).expect("left");
                let grandchild = fork_child(|| {
                    assert_eq!(calls(), "prepare3 prepare2 prepare1 child1 child2 child3 ");
                });
                join(&grandchild);
                assert_eq!(calls(), "prepare3 prepare2 prepare1 parent1 parent2 parent3 ");
            });
            join(&child);
            assert_eq!(calls(), "prepare2 prepare1 parent1 parent2 ");
        }
    });
}

/// A fork that other code makes, without asking this crate.
#[test]
fn forks_of_others_count() {
    isolated(|| {
        register_two();
        // SAFETY: there is no other thread.
        match unsafe { libc::fork() } {
            0 => {
                let is_right = calls() == "prepare2 prepare1 child1 child2 ";
                ipc_sys::process::exit_now(if is_right { 0 } else { 1 })
            }
            pid => {
                let pid = rustix::process::Pid::from_raw(pid).expect("the process was made");
                let options = rustix::process::WaitOptions::empty();
                let (_, status) = rustix::process::waitpid(Some(pid), options).expect("ours").expect("ended");
                assert_eq!(status.exit_status(), Some(0));
            }
        }
        assert_eq!(calls(), "prepare2 prepare1 parent1 parent2 ");
    });
}

/// The parent has to be told, too: what `prepare` took it would otherwise hold for ever.
#[test]
fn a_fork_that_fails_is_finished() {
    isolated(|| {
        // The limit is not for root, and nobody but a child becomes somebody else for good.
        join(&fork_child(|| {
            use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
            if rustix::process::geteuid().is_root() {
                // SAFETY: changes a number of this process, which has one thread.
                assert_eq!(unsafe { libc::setresuid(65_534, 65_534, 65_534) }, 0);
            }
            register_two();
            let limit = getrlimit(Resource::Nproc);
            setrlimit(Resource::Nproc, Rlimit { current: Some(0), ..limit }).expect("a lower limit");
            // SAFETY: there is no other thread.
            assert!(unsafe { ipc_sys::process::fork() }.is_err());
            assert_eq!(calls(), "prepare2 prepare1 parent1 parent2 ");
            setrlimit(Resource::Nproc, limit).expect("the old limit");
            join(&fork_child(|| assert_eq!(calls(), "prepare2 prepare1 child1 child2 ")));
        }));
    });
}

/// Without a lock that a fork could copy in its taken state: children can register, whatever other threads did.
#[test]
fn threads_register_while_others_fork() {
    isolated(|| {
        static COUNTS: [Mutex<(u32, u32)>; 4] = [const { Mutex::new((0, 0)) }; 4];
        fn prepare<const N: usize>() {
            COUNTS[N].lock().expect("nobody panics").0 += 1;
        }
        fn parent<const N: usize>() {
            COUNTS[N].lock().expect("nobody panics").1 += 1;
        }
        std::thread::scope(|scope| {
            scope.spawn(|| register(prepare::<0>, parent::<0>, || ()).expect("memory is left"));
            scope.spawn(|| register(prepare::<1>, parent::<1>, || ()).expect("memory is left"));
            scope.spawn(|| register(prepare::<2>, parent::<2>, || ()).expect("memory is left"));
            for _ in 0..20 {
                // SAFETY: the child calls nothing but what a signal handler may.
                match unsafe { ipc_sys::process::fork() }.expect("the process can be made") {
                    ipc_sys::process::Forked::Child => ipc_sys::process::exit_now(0),
                    ipc_sys::process::Forked::Parent(child) => join(&child),
                }
            }
        });
        register(prepare::<3>, parent::<3>, || ()).expect("memory is left");
        join(&fork_child(|| ()));
        for (idx, counts) in COUNTS.iter().enumerate() {
            let (prepared, finished) = *counts.lock().expect("nobody panics");
            assert_eq!(prepared, finished, "number {idx}");
            assert!((1..=21).contains(&prepared), "number {idx}");
        }
    });
}
