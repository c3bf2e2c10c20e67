//! Calls that wait: what ends them, and whom they do not hold up.

use crate::{PATIENCE, manager, tests, until};
use ipc_manager::{CallError, Lock, Manager, Queue, Value};
use ipc_process::Process;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

tests! {
    a_call_that_waits_holds_up_nobody
    no_wait_ends_too_early
    what_timed_out_is_as_before
    a_lock_excludes
    a_condition_wakes_so_many
    a_condition_takes_its_lock_again
    a_barrier_again_and_again
    a_barrier_is_broken_and_reset
    a_full_queue_lets_in_one_after_the_other
    closing_ends_all_waits
    nobody_works_while_all_wait
    a_crowd_of_processes_and_threads
    who_does_not_read_holds_up_nobody
}

const SHORT: Duration = Duration::from_millis(30);

fn a_call_that_waits_holds_up_nobody() {
    let manager = manager();
    let queue: Queue<u32> = manager.queue(0).expect("a queue");
    let list = manager.list::<u32>().expect("a list");
    std::thread::scope(|scope| {
        let getters: Vec<_> = (0..16).map(|_| scope.spawn(|| queue.get().expect("an item"))).collect();
        until("all wait", || manager.objects().expect("objects")[0].waiting == 16);
        (0..100).for_each(|n| list.push(&n).expect("push"));
        (0..16).for_each(|n| queue.put(&n).expect("put"));
        let mut items: Vec<u32> =
            getters.into_iter().map(|getter| getter.join().expect("a thread")).collect();
        items.sort_unstable();
        assert!(items.into_iter().eq(0..16));
    });
    assert_eq!(list.len().expect("a call"), 100);
}

fn no_wait_ends_too_early() {
    let manager = manager();
    let timed_out = |what: &str, wait: &dyn Fn(Duration) -> Result<(), CallError>| {
        assert!(wait(Duration::ZERO).unwrap_err().is_timeout(), "{what}");
        let start = Instant::now();
        assert!(wait(SHORT).unwrap_err().is_timeout(), "{what}");
        assert!(start.elapsed() >= SHORT, "{what}");
    };
    let lock = manager.lock().expect("a lock");
    let guard = lock.lock().expect("the lock");
    timed_out("lock", &|timeout| lock.lock_timeout(timeout).map(drop));
    drop(guard);
    let semaphore = manager.semaphore(0).expect("a semaphore");
    timed_out("semaphore", &|timeout| semaphore.acquire_timeout(timeout).map(drop));
    let event = manager.event().expect("an event");
    timed_out("event", &|timeout| event.wait_timeout(timeout));
    let queue: Queue<u8> = manager.queue(1).expect("a queue");
    timed_out("get", &|timeout| queue.get_timeout(timeout).map(drop));
    queue.put(&1).expect("put");
    timed_out("put", &|timeout| queue.put_timeout(&2, timeout));
    let tasks = manager.joinable_queue::<u8>(0).expect("a queue");
    tasks.put(&1).expect("put");
    timed_out("join", &|timeout| tasks.join_timeout(timeout));
    let condition = manager.condition().expect("a condition");
    let guard = condition.lock().expect("the lock");
    timed_out("condition", &|timeout| condition.lock_timeout(timeout).map(drop));
    let start = Instant::now();
    assert!(!guard.wait_timeout(SHORT).expect("a wait"));
    assert!(start.elapsed() >= SHORT);
}

fn what_timed_out_is_as_before() {
    let manager = manager();
    let queue: Queue<u8> = manager.queue(1).expect("a queue");
    assert!(queue.get_timeout(SHORT).is_err());
    queue.put(&1).expect("put");
    assert!(queue.put_timeout(&2, SHORT).is_err());
    assert_eq!(queue.get().expect("the first"), 1);
    assert!(queue.try_get().is_err());
    let lock = manager.lock().expect("a lock");
    let guard = lock.lock().expect("the lock");
    assert!(lock.lock_timeout(SHORT).is_err());
    guard.release().expect("release");
    assert!(!lock.is_locked().expect("a call"));
}

/// What the lock protects is read and written in two calls.
fn a_lock_excludes() {
    let manager = manager();
    let (lock, value) = (manager.lock().expect("a lock"), manager.value(0_u32).expect("a value"));
    let count = |(lock, value): (Lock, Value<u32>)| {
        for _ in 0..50 {
            let _guard = lock.lock().expect("the lock");
            let number = value.get().expect("get");
            value.set(&(number + 1)).expect("set");
        }
    };
    let children = [(); 3].map(|()| Process::spawn(count, (lock.clone(), value.clone())).expect("a child"));
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(value.get().expect("get"), 150);
}

fn a_condition_wakes_so_many() {
    let manager = manager();
    let condition = manager.condition().expect("a condition");
    let n_woken = AtomicU32::new(0);
    let sleepers = || manager.objects().expect("objects")[0].size;
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                condition.lock().expect("the lock").wait().expect("a wait");
                n_woken.fetch_add(1, SeqCst);
            });
        }
        until("all sleep", || sleepers() == Some(6));
        let notify = |most| condition.lock().expect("the lock").notify(most).expect("notify");
        assert_eq!(notify(2), 2);
        until("two are awake", || n_woken.load(SeqCst) == 2);
        assert_eq!(sleepers(), Some(4));
        assert_eq!(notify(100), 4);
    });
    assert_eq!(n_woken.load(SeqCst), 6);
    let guard = condition.lock().expect("the lock");
    assert_eq!(guard.notify_all().expect("nobody"), 0);
}

fn a_condition_takes_its_lock_again() {
    let manager = manager();
    let condition = manager.condition().expect("a condition");
    let guard = condition.lock().expect("the lock");
    assert!(!guard.wait_timeout(SHORT).expect("a wait"));
    assert!(condition.is_locked().expect("a call"));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| condition.lock().expect("the lock").notify_all().expect("notify"));
        assert!(guard.wait_timeout(PATIENCE).expect("a wait"));
        assert_eq!(other.join().expect("a thread"), 1);
    });
    let ready = guard.wait_while_timeout(|| Ok(true), SHORT).expect("a wait");
    assert!(!ready);
    drop(guard);
    assert!(!condition.is_locked().expect("a call"));
}

fn a_barrier_again_and_again() {
    let manager = manager();
    let barrier = manager.barrier(4).expect("a barrier");
    let (first, rounds) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..25 {
                    assert_eq!(rounds.load(SeqCst), round);
                    if barrier.wait().expect("a wait") == 0 {
                        first.fetch_add(1, SeqCst);
                        rounds.fetch_add(1, SeqCst);
                    }
                    barrier.wait().expect("a wait");
                }
            });
        }
    });
    assert_eq!(first.load(SeqCst), 25);
}

fn a_barrier_is_broken_and_reset() {
    let manager = manager();
    let barrier = manager.barrier(3).expect("a barrier");
    let waiting = || barrier.state().expect("a call").waiting;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        until("it waits", || waiting() == 1);
        assert!(barrier.wait_timeout(SHORT).unwrap_err().is_timeout());
        assert!(matches!(other.join().expect("a thread"), Err(CallError::Broken)));
        assert!(matches!(barrier.wait(), Err(CallError::Broken)));
        barrier.reset().expect("reset");
        let others = [scope.spawn(|| barrier.wait()), scope.spawn(|| barrier.wait())];
        until("they wait", || waiting() == 2);
        barrier.wait().expect("a wait");
        for other in others {
            other.join().expect("a thread").expect("a wait");
        }
        let other = scope.spawn(|| barrier.wait());
        until("it waits", || waiting() == 1);
        barrier.reset().expect("reset");
        assert!(matches!(other.join().expect("a thread"), Err(CallError::Broken)));
    });
    assert!(!barrier.state().expect("a call").is_broken);
    assert_eq!(manager.barrier(1).expect("a barrier").wait().expect("alone"), 0);
    assert!(matches!(manager.barrier(0), Err(CallError::Refused { .. })));
}

fn a_full_queue_lets_in_one_after_the_other() {
    let manager = manager();
    let queue: Queue<u32> = manager.queue(1).expect("a queue");
    queue.put(&0).expect("put");
    std::thread::scope(|scope| {
        for n in 1..5 {
            scope.spawn({
                let queue = &queue;
                move || queue.put(&n).expect("put")
            });
            until("it waits", || manager.objects().expect("objects")[0].waiting == n as usize);
        }
        let items: Vec<u32> = (0..5).map(|_| queue.get().expect("get")).collect();
        assert_eq!(items, [0, 1, 2, 3, 4]);
    });
}

fn closing_ends_all_waits() {
    let manager = manager();
    let (empty, full) = (manager.queue::<u8>(0).expect("a queue"), manager.queue::<u8>(1).expect("a queue"));
    full.put(&1).expect("put");
    std::thread::scope(|scope| {
        let waits = [scope.spawn(|| empty.get().map(drop)), scope.spawn(|| full.put(&2))];
        let waiting =
            || manager.objects().expect("objects").iter().map(|object| object.waiting).sum::<usize>();
        until("both wait", || waiting() == 2);
        empty.close().expect("close");
        full.close().expect("close");
        for wait in waits {
            assert!(matches!(wait.join().expect("a thread"), Err(CallError::Broken)));
        }
    });
    assert_eq!(full.get().expect("what was there"), 1);
    assert!(matches!(full.get(), Err(CallError::Broken)));
}

/// The time that both processes use while sixteen calls wait.
fn nobody_works_while_all_wait() {
    let manager = manager();
    let event = manager.event().expect("an event");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| event.wait().expect("a wait"));
        }
        until("all wait", || manager.clients().expect("clients")[0].waiting == 16);
        std::thread::sleep(Duration::from_millis(300));
        let before = ticks(&manager);
        std::thread::sleep(Duration::from_secs(1));
        let used = ticks(&manager) - before;
        assert!(used <= 1, "{used} ticks");
        event.set().expect("set");
    });
}

fn a_crowd_of_processes_and_threads() {
    let manager = manager();
    let (value, list) = (manager.value(0_u64).expect("a value"), manager.list::<u64>().expect("a list"));
    let work = |(value, list): (Value<u64>, ipc_manager::List<u64>)| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..50 {
                        value.fetch_add(n).expect("add");
                        list.push(&n).expect("push");
                    }
                });
            }
        });
    };
    let children: Vec<Process<()>> =
        (0..12).map(|_| Process::spawn(work, (value.clone(), list.clone())).expect("a child")).collect();
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(value.get().expect("get"), 12 * 4 * (49 * 50 / 2));
    assert_eq!(list.to_vec().expect("items").into_iter().sum::<u64>(), 12 * 4 * (49 * 50 / 2));
}

/// A client is stopped where it would read a reply that is larger than its line.
fn who_does_not_read_holds_up_nobody() {
    let manager = manager();
    let list = manager.list_from((0..80_000_u64).map(|n| n << 30)).expect("a list");
    let number = manager.value(0_u64).expect("a value");
    let read = |(list, number): (ipc_manager::List<u64>, Value<u64>)| {
        loop {
            number.fetch_add(1).expect("add");
            assert_eq!(list.to_vec().expect("items").len(), 80_000);
        }
    };
    let child: Process<()> = Process::spawn(read, (list.clone(), number.clone())).expect("a child");
    until("it reads", || number.get().expect("get") > 1);
    let signal = |name: &str| {
        let kill = std::process::Command::new("kill").args([name, &child.pid().to_string()]).status();
        assert!(kill.expect("every system has it").success());
    };
    for _ in 0..10 {
        signal("-STOP");
        for _ in 0..100 {
            assert_eq!(list.get(7).expect("get"), 7 << 30);
        }
        let before = number.get().expect("get");
        signal("-CONT");
        until("it goes on", || number.get().expect("get") > before);
    }
    child.kill().expect("a kill");
    child.wait().expect("its end");
    assert_eq!(list.len().expect("a call"), 80_000);
}

/// What the server has used of the processors, in hundredths of a second.
fn ticks(manager: &Manager) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", manager.pid())).expect("it lives");
    let (_, rest) = stat.rsplit_once(')').expect("its name ends");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}
