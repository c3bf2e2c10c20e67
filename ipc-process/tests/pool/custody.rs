//! Whose a task is: a worker that begins it has it for good, whatever becomes of it; one that does not may lose it to another.

use super::{Held, PATIENCE, assert_ends, double, eventually, hold, pool, signal, stay, submit_held};
use ipc_pipe::{Pipe, Receiver, RecvTimeoutError, Sender, pipe, simplex};
use ipc_process::{Pool, StartMethod, TaskError};
use rustix::process::Signal;

/// Tells each of its runs, and stays until it is let go.
type Told = (Sender<u32>, Pipe<u32, ()>);

fn told((runs, gate): Told) -> u32 {
    runs.send(std::process::id()).expect("somebody counts");
    stay(gate)
}

/// A task that stays, and the pipe on which each of its runs is told.
fn submit_told(pool: &Pool) -> (Held, Receiver<u32>) {
    let (runs, counted) = simplex().expect("a pipe");
    let (gate, there) = pipe().expect("a pipe");
    (Held { task: pool.apply_async(told, (runs, there)), gate }, counted)
}

#[track_caller]
fn assert_killed(result: Result<u32, TaskError>) {
    match result {
        Err(TaskError::WorkerDied { status }) if status.signal() == Some(9) => {}
        other => panic!("it did not die in its task: {other:?}"),
    }
}

/// The words on the board were chosen by the number of the task alone. After a task had been taken back from a worker, the next
/// one for that worker got the number after that, and thereby the word of the task that it was running. When it died, the
/// board said that it had begun nothing, and the task was run a second time.
pub(crate) fn a_task_is_not_run_again_after_another_was_taken_back(method: StartMethod) {
    let pool = pool(method, 2);
    let (slow, runs) = submit_told(&pool);
    let worker = hold(slow.pid());
    runs.recv().expect("the first run");
    for _ in 0..5 {
        // One to run on the other worker, one at hand on either; then that one is idle, and takes back what it can.
        let busy = submit_held(&pool);
        busy.pid();
        let tasks: Vec<_> = (0..4).map(|n| pool.apply_async(double, n)).collect();
        busy.release().expect("it was let go");
        tasks.into_iter().for_each(|task| _ = task.get().expect("a number"));
    }
    // Now both have one at hand again.
    let busy = submit_held(&pool);
    busy.pid();
    let at_hand: Vec<_> = (0..2).map(|n| pool.apply_async(double, n)).collect();
    signal(&worker, Signal::KILL);
    assert_ends(&worker);
    assert_killed(slow.task.get());
    at_hand.into_iter().for_each(|task| _ = task.get().expect("it had not begun"));
    busy.release().expect("it was let go");
    pool.join();
    match runs.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Recv(_)) => {}
        other => panic!("it ran again: {other:?}"),
    }
}

pub(crate) fn a_task_taken_back_is_run_once(method: StartMethod) {
    let pool = pool(method, 2);
    for _ in 0..50 {
        let (slow, other) = (submit_held(&pool), submit_held(&pool));
        slow.pid();
        other.pid();
        // One at hand on each.
        let (runs, counted) = simplex::<u32>().expect("a pipe");
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let count = |runs: Sender<u32>| runs.send(std::process::id()).expect("somebody counts");
                pool.apply_async(count, copy_of(&runs))
            })
            .collect();
        drop(runs);
        // The other one has both now: its own, and what it takes back.
        let pid = other.release().expect("it was let go");
        tasks.into_iter().for_each(|task| task.get().expect("it ran"));
        assert_eq!(counted.iter().map(|pid| pid.expect("a number")).collect::<Vec<_>>(), [pid; 2]);
        slow.release().expect("it was let go");
    }
    assert_eq!(pool.deaths(), 0);
}

/// The same end once more, as if it had come from another process.
fn copy_of(end: &Sender<u32>) -> Sender<u32> {
    let limits = ipc_codec::Limits::default();
    let message = ipc_codec::encode(end, &limits).expect("room");
    message.decode(&limits).expect("an end")
}

/// Every task that was taken back left its message in the pipe of the worker that was slow. They filled it, with all the
/// handles and all the memory that they carried.
pub(crate) fn many_tasks_pass_by_one_slow_task(method: StartMethod) {
    let pool = pool(method, 2);
    let (slow, runs) = submit_told(&pool);
    let pid = slow.pid();
    let before = ipc_testkit::leaks::Snapshot::take().descriptors();
    for n in 0..100 {
        let tasks: Vec<_> =
            (0..3).map(|_| pool.apply_async(|text: String| text.len(), "x".repeat(40_000))).collect();
        tasks.into_iter().for_each(|task| assert_eq!(task.get().expect("a number"), 40_000, "round {n}"));
    }
    let shared = messages_with_memory_for(pid);
    assert!(shared < 4, "{shared} large messages wait for the slow worker");
    let after = ipc_testkit::leaks::Snapshot::take().descriptors();
    assert!(after <= before, "{after} descriptors, were {before}");
    slow.release().expect("it was let go");
    assert_eq!(runs.iter().count(), 1);
    assert_eq!(pool.deaths(), 0);
}

/// How many handles wait to be received by a process, each of them the memory of a large message here.
fn messages_with_memory_for(pid: u32) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("it lives");
    let infos = descriptors.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    let counts = infos.filter_map(|info| {
        info.lines().find_map(|line| line.strip_prefix("scm_fds:")?.trim().parse::<usize>().ok())
    });
    counts.sum()
}

/// The dispatcher kept a copy of the arguments until the task had ended, and with it every handle among them. Whoever waited for
/// the end of a pipe that the task had closed waited for the end of the task.
pub(crate) fn a_handle_among_the_arguments_is_the_tasks_alone(method: StartMethod) {
    let pool = pool(method, 1);
    let (tx, rx) = simplex::<u64>().expect("a pipe");
    let (gate, there) = pipe::<(), u32>().expect("a pipe");
    let task = pool.apply_async(
        |(tx, gate): (Sender<u64>, Pipe<u32, ()>)| {
            tx.send(7).expect("somebody reads");
            drop(tx);
            stay(gate)
        },
        (tx, there),
    );
    assert_eq!(rx.recv().expect("a number"), 7);
    match rx.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Recv(ipc_pipe::RecvError::Eof)) => {}
        other => panic!("the end of the pipe waits for the task: {other:?}"),
    }
    assert!(!task.ready());
    gate.send(()).expect("it runs");
    task.get().expect("it was let go");
}

pub(crate) fn a_task_behind_the_dead_one_is_run_once(method: StartMethod) {
    let pool = pool(method, 1);
    for round in 1..=20 {
        let (slow, _runs) = submit_told(&pool);
        let worker = hold(slow.pid());
        let (behind, runs) = submit_told(&pool);
        signal(&worker, Signal::KILL);
        assert_killed(slow.task.get());
        let pid = behind.pid();
        assert_eq!(behind.release().expect("it had not begun"), pid);
        assert_eq!(runs.iter().map(|pid| pid.expect("a number")).collect::<Vec<_>>(), [pid]);
        eventually("the death is counted", || pool.deaths() == round);
    }
}
