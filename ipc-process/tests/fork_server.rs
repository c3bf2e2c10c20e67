//! The fork server itself: one for a process, what it was preloaded with, and what has changed since it began.
//!
//! # Safety
//!
//! Sets variables of the environment while there is one thread, and a limit of the system.
#![allow(unsafe_code)]

use ipc_process::{
    Builder, Pool, PoolError, Process, SpawnError, StartMethod, TaskError, set_forkserver_preload,
    stop_forkserver,
};
use ipc_testkit::proc::{children, descriptors};
use ipc_testkit::{isolated, isolated_within};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[track_caller]
fn start<A, R>(function: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(StartMethod::ForkServer).spawn(function, args).expect("a process")
}

/// Runs the body where processes can be spawned, and ends the server behind it.
fn with_a_server(body: fn()) {
    ipc_process::init();
    body();
    stop_forkserver();
}

/// The process that ran the preload; 0 in all others.
static PRELOADED_BY: AtomicU32 = AtomicU32::new(0);

fn note() {
    PRELOADED_BY.store(std::process::id(), Ordering::Relaxed);
}

#[test]
fn the_preload_runs_once_and_in_the_server() {
    isolated(|| {
        with_a_server(|| {
            set_forkserver_preload(note);
            let look = |(): ()| PRELOADED_BY.load(Ordering::Relaxed);
            let server = start(look, ()).join().expect("a number");
            assert_eq!(children(), [server as i32]);
            assert_eq!(start(look, ()).join().expect("a number"), server);
            assert_eq!(look(()), 0);
            // The next server has it as well.
            stop_forkserver();
            assert_eq!(children(), []);
            let next = start(look, ()).join().expect("a number");
            assert!(next != server && next != 0);
        });
    });
}

#[test]
fn a_preload_that_fails_is_told_by_every_start() {
    isolated(|| {
        with_a_server(|| {
            let failing: [(fn(), &str); 2] = [
                (|| panic!("nothing to load"), "the preload panicked"),
                (|| _ = std::thread::spawn(std::thread::park), "the preload left 2 threads"),
            ];
            for (preload, complaint) in failing {
                set_forkserver_preload(preload);
                for _ in 0..2 {
                    let result = Builder::new().method(StartMethod::ForkServer).spawn(|(): ()| (), ());
                    let Err(SpawnError::Setup { reason }) = result else { panic!("{result:?}") };
                    assert!(reason.contains(complaint), "{reason}");
                }
            }
            // And it is not for ever.
            set_forkserver_preload(note);
            start(|(): ()| (), ()).join().expect("an end");
        });
    });
}

/// Each pool had a server of its own, which knew of no preload.
#[test]
fn pools_share_the_server_and_its_preload() {
    isolated(|| {
        ipc_process::init();
        // The lifeline of the workers stays as long as the process.
        Process::spawn(pools_by_one_server, ()).expect("a process").join().expect("a test that passes");
    });
}

fn pools_by_one_server((): ()) {
    let look = |(): ()| PRELOADED_BY.load(Ordering::Relaxed);
    let pool = || Pool::builder().workers(2).method(StartMethod::ForkServer).build();
    set_forkserver_preload(note);
    let server = start(look, ()).join().expect("a number");
    let pools = [pool().expect("a pool"), pool().expect("a pool")];
    assert!(pools.iter().all(|pool| pool.apply(look, ()).expect("a number") == server));
    assert_eq!(children(), [server as i32]);
    // Those that run need no server. Those to come have another one.
    stop_forkserver();
    assert!(pools.iter().all(|pool| pool.apply(look, ()).expect("a number") == server));
    let [first, second] = pools;
    drop(second);
    for worker in first.workers() {
        worker.kill().expect("it is ours");
    }
    while first.deaths() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let next = first.apply(look, ()).expect("a number");
    assert!(next != server && next != 0, "by {next}, after {server}");
    assert_eq!(children(), [next as i32]);
    // The pool goes, and the server stays for others.
    drop(first);
    assert_eq!(start(look, ()).join().expect("a number"), next);
    stop_forkserver();
    set_forkserver_preload(|| panic!("nothing to load"));
    let refused = pool().map(|pool| pool.apply(look, ()).map_err(|error: TaskError| error.to_string()));
    let Err(PoolError::Spawn(SpawnError::Setup { reason })) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("the preload panicked"), "{reason}");
}

type Found = (Vec<(String, String)>, PathBuf);

fn look_around((): ()) -> Found {
    println!("seen");
    (std::env::vars().collect(), std::env::current_dir().expect("it is there"))
}

#[test]
fn what_changed_after_the_server_began_is_there_for_its_children() {
    isolated(|| {
        with_a_server(|| {
            start(|(): ()| (), ()).join().expect("an end");
            let folder = ipc_testkit::temp_dir();
            let before = std::env::current_dir().expect("it is there");
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var("LATE", "set after the server began") };
            // SAFETY: as above.
            unsafe { std::env::remove_var("PATH") };
            std::env::set_current_dir(folder.path()).expect("it is there");
            let path = folder.path().join("stdout");
            let stdout = ipc_sys::process::copy_stream(1).expect("a descriptor");
            rustix::stdio::dup2_stdout(std::fs::File::create(&path).expect("room")).expect("a descriptor");
            let (variables, dir) = start(look_around, ()).join().expect("what it found");
            // Where the settings say something, they say it of what is here now.
            let below = Builder::new().method(StartMethod::ForkServer).current_dir(".").env("MORE", "1");
            let found = below.spawn(look_around, ()).expect("a process").join().expect("what it found");
            rustix::stdio::dup2_stdout(stdout).expect("a descriptor");
            std::env::set_current_dir(before).expect("it is there");

            assert_eq!(std::fs::read_to_string(path).expect("text"), "seen\nseen\n");
            let expected = folder.path().canonicalize().expect("it is there");
            assert_eq!((&dir, &found.1), (&expected, &expected));
            let mut here: Vec<_> = std::env::vars().collect();
            let sorted = |mut variables: Vec<_>| {
                variables.sort();
                variables
            };
            here.sort();
            assert_eq!(sorted(variables), here);
            here.push(("MORE".into(), "1".into()));
            here.sort();
            assert_eq!(sorted(found.0), here);
        });
    });
}

#[test]
fn many_threads_start_processes_by_one_server() {
    isolated(|| {
        with_a_server(|| {
            let start_some = |thread: u64| {
                for number in 0..10 {
                    let process = start(|(a, b): (u64, u64)| a * b, (thread, number));
                    assert_eq!(process.join().expect("a number"), thread * number);
                }
            };
            std::thread::scope(|scope| {
                (0..16).for_each(|thread| drop(scope.spawn(move || start_some(thread))));
            });
            assert_eq!(children().len(), 1, "one server for all");
        });
    });
}

/// A fork copies all that this process knows of its server. A child that used it would order from its parent's.
#[test]
fn a_forked_child_has_a_server_of_its_own() {
    isolated(|| {
        with_a_server(|| {
            set_forkserver_preload(note);
            let look = |(): ()| PRELOADED_BY.load(Ordering::Relaxed);
            let ours = start(look, ()).join().expect("a number");
            let in_fork = |(): ()| {
                set_forkserver_preload(note);
                let look = |(): ()| PRELOADED_BY.load(Ordering::Relaxed);
                let theirs = start(look, ()).join().expect("a number");
                stop_forkserver();
                theirs
            };
            let forked = Builder::new().fork(in_fork, ()).expect("a process");
            let theirs = forked.join().expect("a number");
            assert!(theirs != ours && theirs != 0);
            // What the child ended was its own.
            assert_eq!(start(look, ()).join().expect("a number"), ours);
            // A child of the server has one, too.
            let nested = start(in_fork, ()).join().expect("a number");
            assert!(nested != ours && nested != 0);
        });
    });
}

/// Two for each process that runs here, and in a process no more than that it was given.
#[test]
fn descriptors_are_few() {
    isolated(|| {
        with_a_server(|| {
            let wait = |go: ipc_pipe::Receiver<()>| {
                let _ = go.recv();
                descriptors().len()
            };
            start(|(): ()| (), ()).join().expect("an end");
            let before = descriptors().len();
            let (holds, processes): (Vec<_>, Vec<_>) = (0..10)
                .map(|_| {
                    let (hold, go) = ipc_pipe::simplex::<()>().expect("a pipe");
                    (hold, start(wait, go))
                })
                .unzip();
            let ends = holds.len() * (descriptors_of_an_end());
            assert_eq!(descriptors().len(), before + ends + 2 * processes.len());
            drop(holds);
            let counts: Vec<_> =
                processes.into_iter().map(|process| process.join().expect("a count")).collect();
            // Its streams, its channel, the end of the pipe, the lifeline of the server and the handle of its owner.
            let most = 3 + 1 + descriptors_of_an_end() + 2;
            assert!(counts.iter().all(|&count| count <= most), "{counts:?}, and {most} at most");
            assert_eq!(descriptors().len(), before);
        });
    });
}

fn descriptors_of_an_end() -> usize {
    let before = descriptors().len();
    let (_sender, receiver) = ipc_pipe::simplex::<()>().expect("a pipe");
    drop(receiver);
    descriptors().len() - before
}

/// Whatever call it is that finds the table of descriptors full: an error that says so, and nothing is left.
#[test]
fn a_full_table_of_descriptors_is_an_error() {
    isolated_within(Duration::from_secs(120), || {
        with_a_server(|| {
            start(|(): ()| (), ()).join().expect("an end");
            let limit = getrlimit(Resource::Nofile);
            let mut n_failed = 0;
            for room in 0..12 {
                let highest = descriptors().keys().max().copied().unwrap_or(0) as u64;
                let tight = Rlimit { current: Some(highest + 20), maximum: limit.maximum };
                setrlimit(Resource::Nofile, tight).expect("a lower limit");
                let mut filled: Vec<_> =
                    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
                filled.truncate(filled.len() - room);
                let result = Builder::new().method(StartMethod::ForkServer).spawn(|n: u64| n + 1, 1);
                drop(filled);
                setrlimit(Resource::Nofile, limit).expect("as it was");
                match result {
                    Ok(process) => assert_eq!(process.join().expect("a number"), 2),
                    Err(SpawnError::Os { .. } | SpawnError::Setup { .. } | SpawnError::Encode(_)) => {
                        n_failed += 1;
                    }
                    Err(error) => panic!("{error:?}"),
                }
                // With room again it works again.
                assert_eq!(start(|n: u64| n + 2, 1).join().expect("a number"), 3);
            }
            assert!((1..12).contains(&n_failed), "{n_failed} failed");
        });
    });
}
