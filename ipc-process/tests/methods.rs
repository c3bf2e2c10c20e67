//! What only one start method can do, or must refuse.
//!
//! # Safety
//!
//! Forks processes with several threads, in which the functions do nothing that another thread could hinder.
#![allow(unsafe_code)]

#[path = "methods/parallelism.rs"]
mod parallelism;

use ipc_pipe::{Receiver, RecvError, RecvTimeoutError, SendError, Sender, pipe, simplex};
use ipc_process::{Builder, Context, SpawnError, StartMethod, set_start_method};
use ipc_testkit::proc::children;
use ipc_testkit::{isolated, isolated_within};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn the_method_of_the_program_is_that_of_its_children_and_set_once() {
    isolated(|| {
        ipc_process::init();
        let default = |(): ()| StartMethod::default().to_string();
        assert_eq!(default(()), "spawn");
        set_start_method(StartMethod::Fork).expect("nobody has set it");
        assert_eq!(default(()), "fork");
        set_start_method(StartMethod::Spawn).expect_err("it is set");
        for &method in StartMethod::ALL {
            let context = Context::new(method);
            assert_eq!(context.spawn(default, ()).expect("a process").join().expect("a name"), "fork");
            let set = |(): ()| set_start_method(StartMethod::Spawn).is_err();
            assert!(context.process().spawn(set, ()).expect("a process").join().expect("an answer"));
        }
        // It is used where no method is named, which shows by a global that only a copy has.
        LOADED.store(5, Ordering::Relaxed);
        let process = Builder::new().spawn(|(): ()| LOADED.load(Ordering::Relaxed), ());
        assert_eq!(process.expect("a process").join().expect("a number"), 5);
        // In a pool, whose thread must not fork, it is not. Elsewhere, since the lifeline of the workers stays.
        let in_pool = |(): ()| {
            LOADED.store(5, Ordering::Relaxed);
            let pool = Context::new(StartMethod::Spawn).pool().workers(1).build().expect("a pool");
            pool.apply(|(): ()| LOADED.load(Ordering::Relaxed), ()).expect("a number")
        };
        let process = Context::new(StartMethod::Spawn).spawn(in_pool, ());
        assert_eq!(process.expect("a process").join().expect("a number"), 0);
        ipc_process::stop_forkserver();
    });
}

fn double(number: u64) -> u64 {
    number * 2
}

fn fork() -> Builder {
    Builder::new().method(StartMethod::Fork)
}

/// Runs `work` while this process has a second thread.
fn with_a_second_thread(work: impl FnOnce()) {
    let (stop, stopped) = channel::<()>();
    let (there, is_there) = channel();
    let thread = std::thread::spawn(move || {
        there.send(()).expect("the test waits for this");
        let _ = stopped.recv();
    });
    is_there.recv().expect("the thread is there");
    work();
    drop(stop);
    thread.join().expect("no panic");
}

#[test]
fn a_process_with_threads_is_not_forked() {
    isolated(|| {
        with_a_second_thread(|| {
            let error = fork().spawn(double, 1).expect_err("it has two threads");
            assert!(matches!(error, SpawnError::MultiThreaded { threads: 2 }), "{error:?}");
            let error = Builder::new().fork(double, 1).expect_err("it has two threads");
            assert!(matches!(error, SpawnError::MultiThreaded { threads: 2 }), "{error:?}");
            assert_eq!(children(), []);
        });
        assert_eq!(fork().spawn(double, 4).expect("a process").join().expect("a number"), 8);
    });
}

#[test]
fn a_process_with_threads_can_spawn() {
    isolated(|| {
        ipc_process::init();
        with_a_second_thread(|| {
            let process = Builder::new().spawn(double, 4).expect("a process");
            assert_eq!(process.join().expect("a number"), 8);
        });
    });
}

#[test]
fn a_process_with_threads_can_be_forked_by_promise() {
    isolated(|| {
        with_a_second_thread(|| {
            // SAFETY: the other thread sleeps in a channel that the function does not use.
            let process = unsafe { fork().spawn_despite_threads(double, 4) };
            assert_eq!(process.expect("a process").join().expect("a number"), 8);
        });
    });
}

static LOADED: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_spawned_process_has_the_globals_of_the_program_and_a_forked_one_those_of_its_parent() {
    isolated(|| {
        ipc_process::init();
        LOADED.store(7, Ordering::Relaxed);
        let read = |(): ()| LOADED.load(Ordering::Relaxed);
        assert_eq!(Builder::new().spawn(read, ()).expect("a process").join().expect("a number"), 0);
        assert_eq!(fork().spawn(read, ()).expect("a process").join().expect("a number"), 7);
    });
}

#[test]
fn a_closure_has_what_it_captured() {
    isolated(|| {
        let table: Vec<u64> = (0..1000).map(|number| number * number).collect();
        let name = String::from("captured");
        let look_up = |index: usize| (table[index], name.clone());
        let process = Builder::new().fork(look_up, 30).expect("a process");
        assert_eq!(process.join().expect("a number"), (900, "captured".to_owned()));
        // What a closure owns is moved into the copy and dropped here.
        let owned = std::rc::Rc::new(5);
        let watcher = std::rc::Rc::downgrade(&owned);
        let process = Builder::new().fork(move |()| *owned, ()).expect("a process");
        assert!(watcher.upgrade().is_none());
        assert_eq!(process.join().expect("a number"), 5);
    });
}

#[test]
fn a_closure_gets_handles_as_arguments() {
    isolated(|| {
        let factor = 3;
        let (client, server) = pipe::<u64, u64>().expect("a pipe");
        let serve = |server: ipc_pipe::Pipe<u64, u64>| {
            server.iter().for_each(|number| server.send(number.expect("a number") * factor).expect("room"));
        };
        let process = Builder::new().fork(serve, server).expect("a process");
        client.send(5).expect("it is there");
        assert_eq!(client.recv().expect("a number"), 15);
        drop(client);
        process.join().expect("an end");
    });
}

#[test]
fn a_closure_that_panics_or_exits_is_an_error_of_the_join() {
    isolated(|| {
        let text = String::from("captured words");
        let process = Builder::new().fork(|()| -> u8 { panic!("{text}") }, ()).expect("a process");
        let error = process.join().expect_err("it panics");
        assert!(error.to_string().ends_with("captured words"), "{error}");
        let process = Builder::new().fork(|()| -> u8 { std::process::exit(9) }, ()).expect("a process");
        assert!(process.join().expect_err("it exits").to_string().contains("code 9"));
    });
}

/// A captured end is a copy that nobody passed, which would hold back the end of the pipe.
#[test]
fn a_captured_end_finds_its_other_side_gone() {
    isolated(|| {
        let (sender, receiver) = simplex::<u64>().expect("a pipe");
        let (hold, go) = simplex::<()>().expect("a pipe");
        let (answers, answer) = simplex::<(bool, bool)>().expect("a pipe");
        let captured = (&sender, &receiver);
        let look = |(answers, go): (Sender<(bool, bool)>, Receiver<()>)| {
            let (sender, receiver) = captured;
            let sends = matches!(sender.send(1), Err(SendError::Closed(1)));
            let receives = matches!(receiver.recv(), Err(RecvError::Eof));
            answers.send((sends, receives)).expect("the reader is there");
            let _ = go.recv();
        };
        let process = Builder::new().fork(look, (answers, go)).expect("a process");
        assert_eq!(answer.recv().expect("answers"), (true, true));
        // In the parent the pipe is as it was, and its end comes while the child lives.
        sender.send(2).expect("the receiver is here");
        assert_eq!(receiver.recv().expect("a number"), 2);
        drop(sender);
        assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
        assert!(process.is_alive());
        drop(hold);
        process.join().expect("an end");
    });
}

/// Passing an end leaves the child two copies, of which the captured one is buried. The passed one must work on.
#[test]
fn an_end_that_is_captured_and_passed_works_by_the_argument() {
    isolated(|| {
        let (sender, receiver) = simplex::<u64>().expect("a pipe");
        let limits = ipc_codec::Limits::default();
        let copy = ipc_codec::encode(&sender, &limits).expect("a message").decode(&limits).expect("an end");
        let captured = &sender;
        let send = |passed: Sender<u64>| {
            let by_capture = captured.send(1).is_ok();
            passed.send(2).expect("the reader is there");
            by_capture
        };
        let process = Builder::new().fork(send, copy).expect("a process");
        assert!(!process.join().expect("an answer"));
        assert_eq!(receiver.recv().expect("a number"), 2);
    });
}

/// Other threads start processes and make pipes while this one is forked again and again. Whatever lock of the family
/// they hold at that moment must not be missing in the child.
#[test]
fn forks_of_a_busy_process_do_not_hang() {
    isolated_within(Duration::from_secs(120), || {
        ipc_process::init();
        // Elsewhere, since the lifeline of its daemons stays as long as the process does.
        Builder::new().spawn(fork_while_busy, ()).expect("a process").join().expect("a test that passes");
    });
}

fn fork_while_busy((): ()) {
    static STOP: AtomicBool = AtomicBool::new(false);
    let threads: Vec<_> = (0..4)
        .map(|kind| {
            std::thread::spawn(move || {
                while !STOP.load(Ordering::Relaxed) {
                    match kind {
                        0 => drop(Builder::new().spawn(double, 1).expect("a process").join()),
                        3 => {
                            let served = Builder::new().method(StartMethod::ForkServer).spawn(double, 1);
                            drop(served.expect("a process").join());
                            ipc_process::stop_forkserver();
                        }
                        1 => drop((0..100).map(|_| simplex::<u8>()).collect::<Vec<_>>()),
                        _ => drop(Builder::new().daemon(true).executable("/none").spawn(double, 1)),
                    }
                }
            })
        })
        .collect();
    for number in 0..300 {
        // SAFETY: the function doubles a number. The rest is the family's own code, which is what is tested.
        let process = unsafe { fork().spawn_despite_threads(double, number) }.expect("a process");
        match process.join_timeout(Duration::from_secs(20)) {
            Ok(result) => assert_eq!(result, number * 2),
            Err(error) => panic!("fork {number}: {error:?}"),
        }
    }
    STOP.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// A pipe that another thread makes while this one is forked: the child must not keep ends that nobody gave it.
#[test]
fn pipes_made_during_a_fork_are_not_held_by_the_child() {
    static STOP: AtomicBool = AtomicBool::new(false);
    fn stand_by(go: Receiver<()>) {
        let _ = go.recv();
    }
    isolated(|| {
        let maker = std::thread::spawn(|| {
            while !STOP.load(Ordering::Relaxed) {
                let (sender, receiver) = simplex::<u8>().expect("a pipe");
                drop(sender);
                // The end is there at once, or not before the children end, which wait for this thread.
                let end = receiver.recv_timeout(Duration::from_secs(20));
                assert!(matches!(end, Err(RecvTimeoutError::Recv(RecvError::Eof))), "{end:?}");
            }
        });
        // Each fork gives the child a part of its own in all that this process has by then.
        let (holds, processes): (Vec<_>, Vec<_>) = (0..100)
            .map(|_| {
                let (hold, go) = simplex::<()>().expect("a pipe");
                // SAFETY: the function waits for a pipe that only this thread has.
                (hold, unsafe { fork().spawn_despite_threads(stand_by, go) }.expect("a process"))
            })
            .unzip();
        STOP.store(true, Ordering::Relaxed);
        maker.join().expect("no panic");
        drop(holds);
        processes.into_iter().for_each(|process| process.join().expect("an end"));
    });
}
