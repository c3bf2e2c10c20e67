//! Queues of tasks that are waited for: when a join ends, and how many tasks it says are lost.

#[path = "support/common.rs"]
mod common;
mod support;

use common::{join, kill, resume, stop, without_descriptors};
use ipc_codec::{Limits, encode};
use ipc_queue::{Finished, GetError, JoinError, JoinableQueue, Queue, TaskDoneError, WhenFull};
use ipc_sys::clock::Deadline;
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::Child;
use ipc_testkit::kill::{Ending, sweep, sweep_stops};
use ipc_testkit::{Rng, isolated, isolated_within, watchdog};
use serde::{Deserialize, Deserializer, Serialize};
use std::fs::File;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use support::fork_child;

const PAUSE: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn smoke() {
    let _guard = watchdog(LONG);
    let tasks = JoinableQueue::bounded(4).expect("a small queue");
    assert_eq!(lost(&tasks), 0, "there is nothing to wait for");
    tasks.put(1).expect("there is room");
    assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)), "nobody has taken it");
    assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)), "it is in the queue");
    assert_eq!(tasks.get().expect("there is one"), 1);
    assert!(matches!(tasks.join_deadline(Instant::now() + PAUSE), Err(JoinError::TimedOut)), "it is in hand");
    tasks.task_done().expect("it was taken");
    assert_eq!(lost(&tasks), 0);
    assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
    tasks.put_many(vec![2, 3, 4]).expect("there is room");
    assert_eq!(tasks.get_many(9).expect("there are three"), [2, 3, 4]);
    for _ in 0..3 {
        assert!(matches!(tasks.join_timeout(Duration::ZERO), Err(JoinError::TimedOut)));
        tasks.task_done().expect("three were taken");
    }
    assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
    assert_eq!(lost(&tasks), 0);
    assert!(format!("{tasks:?}").contains("JoinableQueue"));
}

#[test]
fn threads_share_their_tasks() {
    let _guard = watchdog(LONG);
    let tasks = JoinableQueue::bounded(100).expect("a small queue");
    (0..100).for_each(|task| tasks.put(task).expect("there is room"));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!((0..25).filter_map(|_| tasks.get().ok()).count(), 25));
        }
    });
    thread::scope(|scope| {
        let joiner = scope.spawn(|| lost(&tasks));
        for _ in 0..2 {
            scope.spawn(|| (0..50).for_each(|_| tasks.task_done().expect("this process has taken them")));
        }
        assert_eq!(joiner.join().expect("it does not panic"), 0);
    });
    assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
}

/// Each task makes two smaller ones before it is done, so there is no moment at which all seems done.
#[test]
fn tasks_that_make_tasks() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(1000).expect("a small queue");
        let n_done = SharedMapping::create(8).expect("memory is left");
        let workers = [(); 3].map(|()| {
            fork_child(|| {
                for depth in tasks.iter().map(|task: Result<u32, _>| task.expect("a number")) {
                    n_done.atomic_u64(0).fetch_add(1, SeqCst);
                    if depth > 0 {
                        tasks.put(depth - 1).expect("there is room");
                        tasks.put(depth - 1).expect("there is room");
                    }
                    tasks.task_done().expect("it was taken");
                }
            })
        });
        for round in 1..=50 {
            tasks.put(6).expect("there is room");
            assert_eq!(lost(&tasks), 0);
            assert_eq!(n_done.atomic_u64(0).load(SeqCst), round * 127);
        }
        tasks.close();
        workers.iter().for_each(join);
    });
}

/// A worker stands still at each instruction of taking a task and saying that it is done: either it is waited for, or nothing is
/// lost. Once it was, between "one less in hand" and "one more was done", as if a task had been lost.
#[test]
fn a_worker_that_stands_still_has_lost_nothing() {
    isolated_within(Duration::from_secs(180), || {
        let mut n_waits = 0;
        let swept = sweep_stops(
            3,
            one_task,
            work,
            |tasks, point| match tasks.join_timeout(Duration::ZERO) {
                Ok(finished) => assert_eq!(finished.lost, 0, "at {point}"),
                Err(JoinError::TimedOut) => n_waits += 1,
                Err(other) => panic!("at {point}: {other}"),
            },
            |tasks, point, ending| {
                assert_eq!((ending, lost(&tasks)), (Ending::Returned, 0), "at {point}");
            },
        );
        println!("{} points, waited for at {n_waits}", swept.points);
        assert!(swept.points == 0 || (1..swept.points).contains(&n_waits));
    });
}

/// A worker dies at each instruction of taking a task and saying that it is done: the task is still there, lost, or done.
#[test]
fn a_worker_may_die_anywhere() {
    isolated_within(Duration::from_secs(180), || {
        let mut seen = [0; 3];
        let swept = sweep(3, one_task, work, |tasks, point| {
            let is_there = tasks.try_get().is_ok();
            if is_there {
                assert!(matches!(tasks.join_timeout(Duration::ZERO), Err(JoinError::TimedOut)), "at {point}");
                tasks.task_done().expect("it was taken");
            }
            let lost = lost(&tasks);
            assert!(lost <= u64::from(!is_there), "at {point}");
            seen[if is_there { 0 } else { 2 - lost as usize }] += 1;
            assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)), "at {point}");
            tasks.put(2).expect("there is room");
            tasks.get().expect("there is one");
            tasks.task_done().expect("it was taken");
            assert_eq!(tasks.join().expect("it ends").lost, lost, "at {point}");
        });
        println!("{} points: still there, lost, done {seen:?}", swept.points);
        assert!(swept.points == 0 || seen.iter().all(|&n| n > 0));
    });
}

fn one_task() -> JoinableQueue<u32> {
    let tasks = JoinableQueue::bounded(4).expect("a small queue");
    tasks.put(1).expect("there is room");
    tasks
}

fn work(tasks: &JoinableQueue<u32>) {
    tasks.get().expect("there is one");
    tasks.task_done().expect("it was taken");
}

#[test]
fn all_joiners_are_woken() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(4).expect("a small queue");
        for _ in 0..20 {
            tasks.put(1).expect("there is room");
            tasks.get().expect("there is one");
            let joiners = [(); 3].map(|()| fork_child(|| assert_eq!(lost(&tasks), 0)));
            sleep(Duration::from_millis(3));
            assert!(joiners.iter().all(|joiner| !joiner.has_ended(Deadline::NOW).expect("it is our child")));
            tasks.task_done().expect("it was taken");
            joiners.iter().for_each(join);
        }
    });
}

#[test]
fn what_the_dead_had_in_hand_is_lost() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        tasks.put_many((0..5).collect()).expect("there is room");
        // Takes three, does one.
        let worker = fork_child(|| {
            tasks.get_many(3).expect("there are five");
            tasks.task_done().expect("there are three");
            tasks.put(7).expect("there is room");
            sleep(LONG);
        });
        while tasks.len() != 3 {
            sleep(Duration::from_millis(1));
        }
        tasks.get_many(3).expect("two of the first, and one of the worker's");
        (0..3).for_each(|_| tasks.task_done().expect("there are three"));
        assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)), "the worker lives");
        stop(&worker);
        assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)), "it is stopped, and lives");
        thread::scope(|scope| {
            let joiner = scope.spawn(|| lost(&tasks));
            sleep(PAUSE);
            kill(&worker);
            assert_eq!(joiner.join().expect("it does not panic"), 2);
        });
        assert_eq!(lost(&tasks), 2, "it is said again");
        tasks.put(8).expect("there is room");
        tasks.get().expect("there is one");
        tasks.task_done().expect("there is one");
        assert_eq!(lost(&tasks), 2);
    });
}

#[test]
fn a_stopped_worker_is_waited_for() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        let (go, gone) = (Queue::bounded(1).expect("small"), Queue::bounded(1).expect("small"));
        let worker = fork_child(|| {
            tasks.get().expect("there is one");
            gone.put(()).expect("there is room");
            go.get().expect("the parent says when");
            tasks.task_done().expect("it was taken");
        });
        tasks.put(1).expect("there is room");
        gone.get().expect("the worker has it");
        stop(&worker);
        go.put(()).expect("there is room");
        assert!(matches!(tasks.join_timeout(5 * PAUSE), Err(JoinError::TimedOut)));
        resume(&worker);
        assert_eq!(lost(&tasks), 0);
        join(&worker);
    });
}

#[test]
fn a_forked_child_has_no_task_of_its_parent() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        tasks.put_many(vec![1, 2]).expect("there is room");
        tasks.get().expect("there is one");
        join(&fork_child(|| {
            assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
            assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)), "the parent lives");
            tasks.get().expect("there is one");
            tasks.task_done().expect("it was taken");
            assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
        }));
        assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)), "one is in hand here");
        tasks.task_done().expect("it was taken");
        assert_eq!(lost(&tasks), 0);
        // The parent of whom has a task dies, and the child goes on.
        let (orphan_done, go) = (Queue::bounded(1).expect("small"), Queue::<()>::bounded(1).expect("small"));
        tasks.put(3).expect("there is room");
        join(&fork_child(|| {
            tasks.get().expect("there is one");
            fork_child(|| {
                go.get().expect("the grandparent says when");
                let is_none = matches!(tasks.task_done(), Err(TaskDoneError::NoTask));
                orphan_done.put(is_none).expect("there is room");
            });
        }));
        assert_eq!(lost(&tasks), 1);
        go.put(()).expect("there is room");
        assert!(orphan_done.get().expect("the orphan answers"));
        assert_eq!(lost(&tasks), 1);
    });
}

/// A slot of the table of hands serves many processes, one after the other.
#[test]
fn hands_of_former_owners_count_for_nothing() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        let mut n_lost = 0;
        for generation in 0..150 {
            tasks.put_many(vec![1, 2, 3]).expect("there is room");
            let worker = fork_child(|| {
                assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)), "those were another's");
                let n_taken = tasks.get_many(1 + generation % 3).expect("there are three").len();
                if generation % 2 == 0 {
                    (0..n_taken).for_each(|_| tasks.task_done().expect("they were taken"));
                }
                assert_eq!(tasks.task_done().is_err(), generation % 2 == 0);
            });
            join(&worker);
            if generation % 2 == 1 {
                // All but the last, which it has done.
                n_lost += generation as u64 % 3;
            }
            let rest = tasks.try_iter().count();
            assert_eq!(rest, 2 - generation % 3);
            (0..rest).for_each(|_| tasks.task_done().expect("they were taken"));
            assert_eq!(lost(&tasks), n_lost, "generation {generation}");
        }
    });
}

#[test]
fn dropped_tasks_are_done() {
    isolated(|| {
        let tasks = dropping();
        for task in 0..10 {
            tasks.put(task).expect("it makes room");
        }
        assert!(matches!(tasks.join_timeout(PAUSE), Err(JoinError::TimedOut)));
        assert_eq!(tasks.get_many(9).expect("there are three"), [7, 8, 9]);
        tasks.put_many((10..20).collect()).expect("it makes room");
        assert_eq!(tasks.get_many(9).expect("there are three"), [17, 18, 19]);
        (0..6).for_each(|_| tasks.task_done().expect("six were taken"));
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
        assert_eq!(lost(&tasks), 0);

        // Whether or not this process could have their handles.
        let tasks = dropping();
        let file = Log(File::open("/dev/null").expect("it is there"));
        for _ in 0..10 {
            tasks.put(file.again()).expect("it makes room");
        }
        drop((tasks.get(), tasks.get(), tasks.get()));
        (0..3).for_each(|_| tasks.task_done().expect("three were taken"));
        assert_eq!(lost(&tasks), 0);
    });
}

#[test]
fn what_cannot_be_decoded_is_lost() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        let odd = |n| Picky(n);
        tasks.put(odd(1)).expect("there is room");
        assert!(matches!(tasks.get(), Err(GetError::Failed(error)) if error.is_of_item()));
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)), "nobody has it");
        assert_eq!(lost(&tasks), 1);
        tasks.put_many(vec![odd(2), odd(3), odd(4)]).expect("there is room");
        assert!(tasks.get_many(9).is_err());
        assert_eq!(lost(&tasks), 4);
        tasks.put_many(vec![odd(2), odd(4)]).expect("there is room");
        assert_eq!(tasks.get_many(9).expect("there are two").len(), 2);
        (0..2).for_each(|_| tasks.task_done().expect("two were taken"));
        assert_eq!(lost(&tasks), 4);
    });
}

#[test]
fn tasks_without_their_handles_are_lost() {
    isolated(|| {
        let tasks = JoinableQueue::bounded(10).expect("a small queue");
        let file = Log(File::open("/dev/null").expect("it is there"));
        tasks.put(file.again()).expect("there is room");
        tasks.put(file.again()).expect("there is room");
        without_descriptors(|| assert!(tasks.get().is_err()));
        tasks.get().expect("there is one");
        tasks.task_done().expect("one was taken");
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
        assert_eq!(lost(&tasks), 1);
    });
}

#[test]
fn a_message_brings_the_same_tasks() {
    let tasks = JoinableQueue::<u32>::bounded(10).expect("a small queue");
    let limits = Limits::default();
    let message = encode(&tasks, &limits).expect("it can be sent");
    let there: JoinableQueue<u32> = message.decode(&limits).expect("it is one");
    there.put(1).expect("there is room");
    assert_eq!(tasks.get().expect("there is one"), 1);
    assert!(matches!(there.join_timeout(PAUSE), Err(JoinError::TimedOut)));
    there.task_done().expect("it is the same process");
    assert_eq!(lost(&tasks), 0);
    let error = encode(&tasks, &limits).expect("it can be sent").decode::<Queue<u32>>(&limits).unwrap_err();
    assert!(error.to_string().contains("joinable"), "{error}");
    let queue = Queue::<u32>::bounded(1).expect("a small queue");
    let error =
        encode(&queue, &limits).expect("it can be sent").decode::<JoinableQueue<u32>>(&limits).unwrap_err();
    assert!(error.to_string().contains("a queue"), "{error}");
}

/// Workers are killed at random, and the ledger tells which tasks they said they were done with.
#[test]
fn random_kills() {
    isolated_within(Duration::from_secs(180), || {
        const ROUNDS: u64 = 200;
        const TASKS: u64 = 20;
        let tasks = JoinableQueue::<u64>::bounded(8).expect("a small queue");
        // For each task: how often it was taken, whether a worker was about to say that it is done, whether it has said so.
        let ledger = SharedMapping::create((ROUNDS * TASKS * 3 * 8) as usize).expect("memory is left");
        let entry = |task: u64, column: u64| ledger.atomic_u64(((task * 3 + column) * 8) as usize);
        let start_worker = || {
            fork_child(|| {
                for task in tasks.iter().map(|task| task.expect("a number")) {
                    entry(task, 0).fetch_add(1, SeqCst);
                    (0..task % 7 * 2000).for_each(|_| std::hint::spin_loop());
                    entry(task, 1).store(1, SeqCst);
                    tasks.task_done().expect("it was taken");
                    entry(task, 2).store(1, SeqCst);
                }
            })
        };
        let mut rng = Rng::from_env();
        let mut workers: Vec<Child> = (0..3).map(|_| start_worker()).collect();
        let (mut n_kills, mut n_lost) = (0, 0);
        for round in 0..ROUNDS {
            for task in round * TASKS..(round + 1) * TASKS {
                tasks.put(task).expect("the workers take them");
                if rng.one_in(12) {
                    sleep(Duration::from_micros(rng.below(300)));
                    let victim = rng.below(3) as usize;
                    kill(&workers[victim]);
                    workers[victim] = start_worker();
                    n_kills += 1;
                }
            }
            n_lost = lost(&tasks);
            let count = |column| {
                (0..(round + 1) * TASKS).filter(|&task| entry(task, column).load(SeqCst) > 0).count()
            };
            let n_done = (round + 1) * TASKS - n_lost;
            assert!((count(2) as u64..=count(1) as u64).contains(&n_done), "round {round}: {n_done} done");
            assert!(n_lost <= n_kills);
        }
        for task in 0..ROUNDS * TASKS {
            assert!(entry(task, 0).load(SeqCst) <= 1, "task {task} was taken twice");
        }
        println!("{n_lost} tasks lost in {n_kills} kills");
        tasks.close();
        workers.iter().for_each(join);
    });
}

/// Several join while workers are killed; each join ends.
#[test]
fn joins_end_under_kills() {
    isolated_within(Duration::from_secs(180), || {
        let tasks = JoinableQueue::<u64>::bounded(8).expect("a small queue");
        let mut rng = Rng::from_env();
        for _ in 0..200 {
            let worker = fork_child(|| {
                while tasks.get().is_ok() {
                    tasks.task_done().expect("it was taken");
                }
            });
            let joiners = [(); 2].map(|()| {
                fork_child(|| {
                    tasks.join().expect("it ends");
                })
            });
            let n_put = rng.below(20);
            for task in 0..n_put {
                tasks.put_timeout(task, Duration::from_secs(10)).expect("the worker takes them");
            }
            sleep(Duration::from_micros(rng.below(500)));
            kill(&worker);
            for _ in tasks.try_iter() {
                tasks.task_done().expect("it was taken");
            }
            joiners.iter().for_each(join);
            tasks.join().expect("it ends");
        }
    });
}

fn dropping<T>() -> JoinableQueue<T> {
    let builder = Queue::builder().capacity(3).when_full(WhenFull::DropOldest);
    builder.create_joinable().expect("a small queue")
}

fn lost<T>(tasks: &JoinableQueue<T>) -> u64 {
    let Finished { lost, .. } = tasks.join().expect("it ends");
    lost
}

/// A number that cannot be decoded if it is odd.
#[derive(Debug, Serialize)]
struct Picky(u32);

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Picky, D::Error> {
        match u32::deserialize(deserializer)? {
            number if number % 2 == 0 => Ok(Picky(number)),
            _ => Err(serde::de::Error::custom("odd")),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Log(#[serde(with = "ipc_codec::handle")] File);

impl Log {
    fn again(&self) -> Log {
        Log(self.0.try_clone().expect("descriptors are left"))
    }
}
