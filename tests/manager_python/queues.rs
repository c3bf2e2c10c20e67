//! Queues, and tasks that are done.

use crate::{LONG, SHORT, assert_times_out, isolated, manager, start};
use multiproc::StartMethod;
use multiproc::manager::{CallError, Event, JoinableQueue, Queue};
use std::time::{Duration, Instant};

by_every_method! {
    queue_put queue_get queue_of_two_processes task_done
}

by_every_method! { alone: StartMethod::Spawn;
    queue_len
}

fn queue_put(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(6).expect("a queue");
    let (start_now, go_on) = (manager.event().expect("an event"), manager.event().expect("an event"));
    let child = |(queue, start_now, go_on): (Queue<u32>, Event, Event)| {
        start_now.wait().expect("wait");
        (1..=6).for_each(|n| assert_eq!(queue.get().expect("an item"), n));
        go_on.set().expect("set");
    };
    let child = start(method, child, (queue.clone(), start_now.clone(), go_on.clone()));
    assert!(queue.is_empty().expect("a call") && !queue.is_full().expect("a call"));
    (1..=2).for_each(|n| queue.put(&n).expect("room"));
    (3..=4).for_each(|n| queue.try_put(&n).expect("room"));
    (5..=6).for_each(|n| queue.put_timeout(&n, SHORT).expect("room"));
    assert!(!queue.is_empty().expect("a call") && queue.is_full().expect("a call"));
    assert!(matches!(queue.try_put(&7), Err(CallError::TimedOut)));
    assert_times_out(|time| queue.put_timeout(&7, time));
    assert_times_out(|time| queue.put_deadline(&7, Instant::now() + time));
    start_now.set().expect("set");
    go_on.wait_timeout(LONG).expect("six items were got");
    assert!(queue.is_empty().expect("a call") && !queue.is_full().expect("a call"));
    child.join().expect("it returned");
}

fn queue_get(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let (start_now, go_on) = (manager.event().expect("an event"), manager.event().expect("an event"));
    let child = |(queue, start_now, go_on): (Queue<u32>, Event, Event)| {
        start_now.wait().expect("wait");
        (2..6).for_each(|n| queue.put(&n).expect("room"));
        go_on.set().expect("set");
    };
    let child = start(method, child, (queue.clone(), start_now.clone(), go_on.clone()));
    assert!(queue.is_empty().expect("a call"));
    start_now.set().expect("set");
    go_on.wait_timeout(LONG).expect("four items were put");
    assert_eq!((queue.get().expect("2"), queue.get_timeout(LONG).expect("3")), (2, 3));
    assert_eq!(queue.get_deadline(Instant::now() + LONG).expect("4"), 4);
    assert_eq!(queue.try_get().expect("5"), 5);
    assert!(queue.is_empty().expect("a call"));
    assert!(matches!(queue.try_get(), Err(CallError::TimedOut)));
    assert_times_out(|time| queue.get_timeout(time));
    assert_times_out(|time| queue.get_deadline(Instant::now() + time));
    child.join().expect("it returned");
}

fn queue_of_two_processes(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    (0..10).for_each(|n| queue.put(&n).expect("room"));
    let child = |queue: Queue<u32>| (10..20).for_each(|n| queue.put(&n).expect("room"));
    let child = start(method, child, queue.clone());
    assert!((0..20).map(|_| queue.get_timeout(LONG).expect("an item")).eq(0..20));
    assert!(queue.try_get().is_err());
    child.join().expect("it returned");
}

fn queue_len(method: StartMethod) {
    let manager = manager(method);
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let len = || queue.len().expect("a call");
    assert_eq!(len(), 0);
    queue.put(&1).expect("room");
    assert_eq!(len(), 1);
    queue.put(&5).expect("room");
    assert_eq!(len(), 2);
    queue.get().expect("an item");
    assert_eq!(len(), 1);
    queue.get().expect("an item");
    assert_eq!(len(), 0);
}

fn task_done(method: StartMethod) {
    let manager = manager(method);
    let queue: JoinableQueue<Option<u32>> = manager.joinable_queue(0).expect("a queue");
    let work = |queue: JoinableQueue<Option<u32>>| {
        while queue.get().expect("an item").is_some() {
            std::thread::sleep(Duration::from_millis(5));
            queue.task_done().expect("it was got");
        }
    };
    let workers: Vec<_> = (0..4).map(|_| start(method, work, queue.clone())).collect();
    (0..10).for_each(|n| queue.put(&Some(n)).expect("room"));
    queue.join_timeout(LONG).expect("all are done");
    assert!(queue.is_empty().expect("a call"));
    workers.iter().for_each(|_| queue.put(&None).expect("room"));
    workers.into_iter().for_each(|worker| worker.join().expect("it returned"));
    assert!(matches!(queue.try_join(), Err(CallError::TimedOut)));
}
