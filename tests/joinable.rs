//! Queues of tasks between processes, by each start method: what is done, what is lost, and who is waited for.

use multiproc::queue::{JoinError, JoinableQueue, Queue, TaskDoneError};
use multiproc::shared::Arena;
use multiproc::{Array, Builder, Pipe, Process, RawArray, StartMethod, pipe};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::thread::sleep;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(30);

macro_rules! for_all_methods {
    ($($name:ident)*) => {
        mod spawned {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Spawn)); })*
        }
        mod forked {
            $(#[test] fn $name() { ipc_testkit::isolated(|| super::$name(super::StartMethod::Fork)); })*
        }
    };
}

for_all_methods! {
    workers_do_all_tasks
    workers_add_tasks
    a_worker_that_is_killed_loses_what_it_has
    a_worker_that_ends_with_a_task_loses_it
    who_joins_may_be_anybody
    through_a_pipe
    tasks_with_handles
}

type Counts = RawArray<u32>;

/// As Python's test: workers take tasks until they are told to end, and the parent joins in between.
fn workers_do_all_tasks(method: StartMethod) {
    let tasks = JoinableQueue::<Option<u32>>::bounded(50).expect("a small queue");
    let counts = Counts::zeroed_in(&Arena::new(), 300).expect("memory is left");
    let work = |(tasks, counts): (JoinableQueue<Option<u32>>, Counts)| {
        while let Some(task) = tasks.get().expect("a task") {
            counts.at(task as usize).expect("it has one").fetch_add(1);
            tasks.task_done().expect("it was taken");
        }
        tasks.task_done().expect("that was a task, too");
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
    };
    let workers = [(); 4].map(|()| run(method, work, (tasks.clone(), counts.clone())));
    for round in 0..3 {
        (round * 100..(round + 1) * 100).for_each(|task| tasks.put(Some(task)).expect("they are taken"));
        assert_eq!(tasks.join().expect("all are done").lost, 0);
        assert_eq!(counts.to_vec().iter().sum::<u32>(), (round + 1) * 100);
    }
    workers.iter().for_each(|_| tasks.put(None).expect("they are taken"));
    assert_eq!(tasks.join().expect("all are done").lost, 0);
    assert_eq!(counts.to_vec(), [1; 300]);
    workers.iter().for_each(assert_success);
}

fn workers_add_tasks(method: StartMethod) {
    let tasks = JoinableQueue::<u32>::bounded(500).expect("a small queue");
    let counts = Counts::zeroed_in(&Arena::new(), 9).expect("memory is left");
    let work = |(tasks, counts): (JoinableQueue<u32>, Counts)| {
        for depth in tasks.iter().map(|task| task.expect("a number")) {
            counts.at(depth as usize).expect("it has one").fetch_add(1);
            (0..2 * depth.min(1)).for_each(|_| tasks.put(depth - 1).expect("there is room"));
            tasks.task_done().expect("it was taken");
        }
    };
    let workers = [(); 2].map(|()| run(method, work, (tasks.clone(), counts.clone())));
    tasks.put(7).expect("there is room");
    assert_eq!(tasks.join().expect("all are done").lost, 0);
    assert_eq!(counts.to_vec(), [128, 64, 32, 16, 8, 4, 2, 1, 0]);
    tasks.close();
    workers.iter().for_each(assert_success);
}

fn a_worker_that_is_killed_loses_what_it_has(method: StartMethod) {
    let tasks = JoinableQueue::<u32>::bounded(10).expect("a small queue");
    let taken = Queue::<usize>::bounded(1).expect("a small queue");
    tasks.put_many((0..6).collect()).expect("there is room");
    let work = |(tasks, taken): (JoinableQueue<u32>, Queue<usize>)| {
        let count = tasks.get_many(4).expect("there are six").len();
        tasks.task_done().expect("they were taken");
        taken.put(count).expect("there is room");
        sleep(LONG);
    };
    let worker = run(method, work, (tasks.clone(), taken.clone()));
    let in_hand = taken.get().expect("the worker tells") - 1;
    for _ in tasks.try_iter() {
        tasks.task_done().expect("it was taken");
    }
    assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)));
    worker.kill().expect("it is our child");
    assert_eq!(tasks.join().expect("nobody has one").lost, in_hand as u64);
    worker.wait().expect("it is our child");
}

fn a_worker_that_ends_with_a_task_loses_it(method: StartMethod) {
    let tasks = JoinableQueue::<u32>::bounded(10).expect("a small queue");
    for n_lost in 1..5 {
        tasks.put(7).expect("there is room");
        let take = |tasks: JoinableQueue<u32>| assert_eq!(tasks.get().expect("there is one"), 7);
        let worker = run(method, take, tasks.clone());
        assert_success(&worker);
        assert_eq!(tasks.join().expect("nobody has one").lost, n_lost);
    }
}

fn who_joins_may_be_anybody(method: StartMethod) {
    let tasks = JoinableQueue::<u32>::bounded(10).expect("a small queue");
    tasks.put(1).expect("there is room");
    let wait = |tasks: JoinableQueue<u32>| assert_eq!(tasks.join().expect("it is done").lost, 0);
    let joiners = [(); 3].map(|()| run(method, wait, tasks.clone()));
    assert_eq!(tasks.get().expect("there is one"), 1);
    sleep(PAUSE);
    assert!(joiners.iter().all(Process::is_alive));
    tasks.task_done().expect("it was taken");
    joiners.iter().for_each(assert_success);
}

fn through_a_pipe(method: StartMethod) {
    let (here, there) = pipe::<JoinableQueue<u32>, ()>().expect("there are sockets");
    let work = |pipe: Pipe<(), JoinableQueue<u32>>| {
        let tasks = pipe.recv().expect("the parent sends one");
        for _ in &*tasks {
            tasks.task_done().expect("it was taken");
        }
    };
    let worker = run(method, work, there);
    let tasks = JoinableQueue::bounded(10).expect("a small queue");
    here.send(tasks.clone()).expect("the child receives");
    tasks.put_many((0..1000).collect()).expect("they are taken");
    assert_eq!(tasks.join().expect("all are done").lost, 0);
    tasks.close();
    assert_success(&worker);
}

fn tasks_with_handles(method: StartMethod) {
    let tasks = JoinableQueue::<(usize, Array<u64>)>::bounded(10).expect("a small queue");
    let work = |tasks: JoinableQueue<(usize, Array<u64>)>| {
        for task in &*tasks {
            let (place, numbers) = task.expect("a task");
            numbers.lock().expect("nobody dies")[place] += place as u64;
            tasks.task_done().expect("it was taken");
        }
    };
    let workers = [(); 2].map(|()| run(method, work, tasks.clone()));
    for _ in 0..10 {
        let numbers = Array::<u64>::zeroed_in(&Arena::new(), 5).expect("memory is left");
        (0..5).for_each(|place| tasks.put((place, numbers.clone())).expect("they are taken"));
        assert_eq!(tasks.join().expect("all are done").lost, 0);
        assert_eq!(numbers.to_vec().expect("it is in order"), [0, 1, 2, 3, 4]);
    }
    tasks.close();
    workers.iter().for_each(assert_success);
}

fn run<A: Serialize + DeserializeOwned>(method: StartMethod, work: fn(A), args: A) -> Process<()> {
    Builder::new().method(method).spawn(work, args).expect("it was started")
}

#[track_caller]
fn assert_success(process: &Process<()>) {
    let status = process.wait().expect("it can be waited for");
    assert!(status.success(), "{status:?}");
}
