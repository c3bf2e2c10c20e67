//! Tasks that do what no task should: they cost themselves, and nobody else.
//!
//! # Safety
//!
//! Closes and copies what belongs to the worker, which is the point.
#![allow(unsafe_code)]

use super::{PATIENCE, assert_full, double, eventually, pool, stay};
use ipc_codec::Limits;
use ipc_codec::handle::Handle;
use ipc_pipe::pipe;
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_sys::handle::OwnedHandle;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::time::Duration;

fn close_everything() {
    for fd in 0..100 {
        // SAFETY: whoever owned it finds it gone, and says so.
        unsafe { libc::close(fd) };
    }
}

pub(crate) fn a_task_that_closes_all_handles_fails_alone(method: StartMethod) {
    let pool = pool(method, 2);
    for round in 1..=10 {
        let others: Vec<_> = (0..20).map(|n| pool.apply_async(double, n)).collect();
        let closing = pool.apply_async(|(): ()| close_everything(), ());
        let more: Vec<_> = (0..20).map(|n| pool.apply_async(double, n)).collect();
        // It needs no handle to say how it went, but the standard library minds in debug builds, and aborts.
        assert!(matches!(closing.get(), Ok(()) | Err(TaskError::WorkerDied { .. })));
        others.into_iter().chain(more).for_each(|task| _ = task.get().expect("it is not concerned"));
        eventually("its worker is replaced", || pool.deaths() == round);
        assert_full(&pool, 2);
    }
}

/// The end of a worker's pipe was taken for the end of the worker, for which the dispatcher then waited without sleeping.
pub(crate) fn a_task_that_closes_all_handles_costs_no_processor(method: StartMethod) {
    let pool = pool(method, 1);
    let (gate, there) = pipe::<(), u32>().expect("a pipe");
    let task = pool.apply_async(
        |gate: ipc_pipe::Pipe<u32, ()>| {
            let stays = gate.into_handle().expect("room");
            // SAFETY: the number is free, or else it is the worker's, which loses it either way.
            unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&stays), 200) };
            close_everything();
            // SAFETY: made above.
            let gate = unsafe { <OwnedHandle as std::os::fd::FromRawFd>::from_raw_fd(200) };
            std::mem::forget(stays);
            stay(ipc_pipe::Pipe::from_handle(gate).expect("a pipe"))
        },
        there,
    );
    gate.recv_timeout(PATIENCE).expect("it runs");
    let before = processor_time();
    std::thread::sleep(Duration::from_millis(800));
    let used = processor_time() - before;
    assert!(used < Duration::from_millis(400), "{used:?} of processor time while nothing happens");
    gate.send(()).expect("it runs");
    assert!(matches!(task.get(), Ok(_) | Err(TaskError::WorkerDied { .. })));
    eventually("its worker is replaced", || pool.deaths() == 1);
}

fn processor_time() -> Duration {
    // SAFETY: plain data, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a valid record.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let micros = |time: libc::timeval| Duration::from_micros((time.tv_sec * 1_000_000 + time.tv_usec) as u64);
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

/// A copy of a worker that returns from the task answered the task a second time, and went on as a second worker.
pub(crate) fn a_task_that_forks_is_answered_once(method: StartMethod) {
    let pool = pool(method, 1);
    let before = assert_full(&pool, 1);
    for _ in 0..20 {
        // SAFETY: the worker has one thread; the copy returns from the task, as the worker does.
        let copy = pool.apply(|(): ()| unsafe { libc::fork() }, ()).expect("a process id");
        assert!(copy > 0, "the answer of the copy");
        assert_eq!(pool.apply(double, 3).expect("a number"), 6);
        eventually("the copy is gone", || ipc_testkit::proc::stat(copy).is_none_or(|stat| stat.state == 'Z'));
        // SAFETY: as above, and this time it is collected.
        let collect = |pid: i32| unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        assert_eq!(pool.apply(collect, copy).expect("a process id"), copy);
    }
    assert_eq!(assert_full(&pool, 1), before);
    assert_eq!(pool.deaths(), 0);
}

/// A copy of the owner waited for a thread that it does not have.
pub(crate) fn a_copy_of_the_owner_has_no_pool(method: StartMethod) {
    let pool = pool(method, 1);
    // SAFETY: the copy does nothing but use the pool, whose thread holds nothing while nobody does.
    match unsafe { libc::fork() } {
        0 => {
            let is_broken = matches!(pool.apply(double, 1), Err(TaskError::Broken { .. }));
            drop(pool);
            // SAFETY: the end of this process, and of nothing else.
            unsafe { libc::_exit(if is_broken { 42 } else { 1 }) }
        }
        copy => {
            let mut status = 0;
            // SAFETY: a child of this process, and a place for the status.
            unsafe { libc::waitpid(copy, &mut status, 0) };
            assert_eq!(libc::WEXITSTATUS(status), 42);
        }
    }
    assert_full(&pool, 1);
    assert_eq!(pool.deaths(), 0);
}

/// A worker that cannot receive a task ends before it begins it, so the task went to the next worker, and to the next, for ever.
pub(crate) fn a_task_that_nobody_can_receive_ends(method: StartMethod) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(60), maximum: limit.maximum })
        .expect("less is allowed");
    let limits = Limits { max_handles: 120, ..Limits::default() };
    let pool = Pool::builder().method(method).workers(1).limits(limits).build().expect("a pool");
    setrlimit(Resource::Nofile, limit).expect("as it was");
    let files = || (0..100).map(|_| Handle::from(File::open("/dev/null").expect("it is there"))).collect();
    let n_handles = |files: Vec<Handle<File>>| files.len();
    match pool.apply(n_handles, files()) {
        // A worker that was spawned later has the limit of this process now.
        Ok(n_handles) => assert_eq!((method, n_handles), (StartMethod::Spawn, 100)),
        Err(TaskError::WorkerDied { status }) => {
            assert_ne!(method, StartMethod::Spawn, "{status}");
            assert_eq!(pool.deaths(), 3);
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(pool.apply(double, 1).expect("the pool goes on"), 2);
    assert_full(&pool, 1);
}

/// A result whose handles this process has no room for was taken for nonsense, and its worker killed.
pub(crate) fn a_result_that_cannot_be_received_costs_no_worker(method: StartMethod) {
    let pool = pool(method, 2);
    let before = assert_full(&pool, 2);
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: limit.maximum })
        .expect("less is allowed");
    let open = |(): ()| Handle::from(File::open("/dev/null").expect("it is there"));
    let results: Vec<_> = (0..20).map(|_| pool.apply_async(open, ())).collect();
    let large: Vec<_> = (0..20).map(|_| pool.apply_async(|(): ()| vec![1_u8; 100_000], ())).collect();
    let numbers: Vec<_> = (0..20).map(|n| pool.apply_async(double, n)).collect();
    for result in results {
        let error = result.get().expect_err("there is no room for it");
        assert!(matches!(error, TaskError::Result { .. }), "{error}");
    }
    for result in large {
        let error = result.get().expect_err("there is no room for it");
        assert!(matches!(error, TaskError::Result { .. }), "{error}");
    }
    numbers.into_iter().for_each(|task| _ = task.get().expect("it needs no room"));
    setrlimit(Resource::Nofile, limit).expect("as it was");
    pool.apply(open, ()).expect("there is room again");
    assert_eq!(assert_full(&pool, 2), before);
    assert_eq!(pool.deaths(), 0);
}
