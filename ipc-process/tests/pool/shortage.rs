//! Systems without room, and workers that cannot start: tasks end, and a pool that can go on does.
//!
//! # Safety
//!
//! Sets a variable of the environment, which only the standard library reads meanwhile, under its lock; runs code when the
//! program is loaded.
#![allow(unsafe_code)]

use super::{assert_full, double, eventually, hold, pool, signal, submit_held};
use ipc_process::{Pool, StartMethod, TaskError};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::time::{Duration, Instant};

/// Lets this process open no more than `n_handles`; the limit before.
fn limit_handles(n_handles: u64) -> Rlimit {
    let limit = getrlimit(Resource::Nofile);
    let less = Rlimit { current: Some(n_handles), maximum: limit.maximum };
    setrlimit(Resource::Nofile, less).expect("less is allowed");
    limit
}

fn kill_all(pool: &Pool) {
    pool.workers().iter().for_each(|worker| worker.kill().expect("it is a child"));
}

pub(crate) fn a_pool_without_room_breaks_and_says_so(method: StartMethod) {
    let pool = pool(method, 2);
    let held = submit_held(&pool);
    held.pid();
    let limit = limit_handles(3);
    let queued: Vec<_> = (0..20).map(|n| pool.apply_async(double, n)).collect();
    kill_all(&pool);
    // The one that was begun has died; the others may have been done before the kill, or cannot be done at all.
    assert!(matches!(held.task.get(), Err(TaskError::WorkerDied { .. })));
    for task in queued {
        match task.get() {
            Ok(_) | Err(TaskError::WorkerDied { .. } | TaskError::Broken { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    eventually("the pool gives up", || matches!(pool.apply(double, 1), Err(TaskError::Broken { .. })));
    setrlimit(Resource::Nofile, limit).expect("as it was");
    let error = pool.apply(double, 1).expect_err("it stays so");
    assert!(error.to_string().contains("no workers left"), "{error}");
    assert!(pool.workers().is_empty());
}

pub(crate) fn a_pool_recovers_from_shortage(method: StartMethod) {
    let pool = pool(method, 3);
    // For longer than the pool would try if nobody worked, and for less.
    for patience in [1000, 50] {
        let held = submit_held(&pool);
        let busy = held.pid();
        let limit = limit_handles(3);
        let idle: Vec<_> = pool.workers().into_iter().filter(|worker| worker.pid() != busy).collect();
        idle.iter().for_each(|worker| worker.kill().expect("it is a child"));
        held.release().expect("it is not concerned");
        let start = Instant::now();
        for n in 0.. {
            assert_eq!(pool.apply(double, n).expect("one works"), n * 2);
            if start.elapsed() > Duration::from_millis(patience) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        setrlimit(Resource::Nofile, limit).expect("as it was");
        assert_full(&pool, 3);
    }
}

pub(crate) fn a_pool_that_cannot_be_made_leaves_nothing(method: StartMethod) {
    let n_open = std::fs::read_dir("/proc/self/fd").expect("Linux has it").count() as u64;
    let mut n_failed = 0;
    for room in 0..60 {
        let before = ipc_testkit::leaks::Snapshot::take();
        let limit = limit_handles(n_open + room);
        let made = Pool::builder().method(method).workers(4).build();
        setrlimit(Resource::Nofile, limit).expect("as it was");
        match made {
            Ok(pool) => {
                assert_full(&pool, 4);
                break;
            }
            Err(error) => n_failed += usize::from(!error.to_string().is_empty()),
        }
        ipc_process::stop_forkserver();
        before.assert_no_growth();
    }
    assert!(n_failed > 5, "{n_failed} failed");
}

/// Has spawned processes of this program end as soon as they are loaded.
const SABOTAGE: &str = "IPC_PROCESS_TEST_SABOTAGE";

// SAFETY of the attribute: the section holds addresses of functions of this type. It is run before that of `init`.
#[used]
#[unsafe(link_section = ".init_array.00100")]
static SABOTEUR: extern "C" fn() = {
    extern "C" fn run() {
        if std::env::var_os(SABOTAGE).is_some() {
            std::process::exit(33);
        }
    }
    run
};

fn sabotage(on: bool) {
    match on {
        // SAFETY: the other threads of this process read the environment by the standard library alone.
        true => unsafe { std::env::set_var(SABOTAGE, "1") },
        // SAFETY: as above.
        false => unsafe { std::env::remove_var(SABOTAGE) },
    }
}

pub(crate) fn workers_that_cannot_start_break_the_pool(method: StartMethod) {
    if method != StartMethod::Spawn {
        // A copy of this process is not loaded.
        return;
    }
    let pool = pool(method, 2);
    sabotage(true);
    kill_all(&pool);
    let queued: Vec<_> = (0..20).map(|n| pool.apply_async(double, n)).collect();
    for task in queued {
        match task.get() {
            Ok(_) | Err(TaskError::WorkerDied { .. }) => {}
            Err(TaskError::Broken { reason }) => assert!(reason.contains("exit code 33"), "{reason}"),
            Err(error) => panic!("{error}"),
        }
    }
    sabotage(false);
    assert!(matches!(pool.apply(double, 1), Err(TaskError::Broken { .. })));
}

/// Workers that ended by themselves before they had started broke the pool, though others were at work.
pub(crate) fn one_working_worker_keeps_the_pool_alive(method: StartMethod) {
    if method != StartMethod::Spawn {
        return;
    }
    let pool = pool(method, 2);
    let held = submit_held(&pool);
    let busy = held.pid();
    sabotage(true);
    let idle = pool.workers().into_iter().find(|worker| worker.pid() != busy).expect("the other one");
    idle.kill().expect("it is a child");
    eventually("some did not start", || pool.deaths() >= 6);
    held.release().expect("it is not concerned");
    for n in 0..20 {
        assert_eq!(pool.apply(double, n).expect("one works"), n * 2);
    }
    sabotage(false);
    assert_full(&pool, 2);
}

/// A copy of this process cannot be made again; the fork server of the method of that name can.
pub(crate) fn a_killed_fork_server_is_replaced_or_breaks_the_pool_when_the_workers_are_gone(
    method: StartMethod,
) {
    if method == StartMethod::Spawn {
        return;
    }
    let pool = pool(method, 2);
    let children = ipc_testkit::proc::children();
    let [server] = children[..] else { panic!("the fork server is the only child: {children:?}") };
    let server = hold(server as u32);
    signal(&server, Signal::KILL);
    super::assert_ends(&server);
    // The workers go on, and one of them alone, too.
    assert_full(&pool, 2);
    pool.workers()[0].kill().expect("it is ours");
    eventually("the death is counted", || pool.deaths() == 1);
    pool.map(double, 0..50).into_iter().for_each(|result| _ = result.expect("one works"));
    if method == StartMethod::ForkServer {
        assert_full(&pool, 2);
        kill_all(&pool);
        eventually("the deaths are counted", || pool.deaths() == 3);
        assert_full(&pool, 2);
        return;
    }
    kill_all(&pool);
    eventually("the pool gives up", || matches!(pool.apply(double, 1), Err(TaskError::Broken { .. })));
}
