//! Barriers.

use crate::{LONG, SHORT, isolated, manager, start, until};
use multiproc::manager::{Barrier, CallError, List, Queue};
use multiproc::{Manager, StartMethod};
use serde::Serialize;
use serde::de::DeserializeOwned;

by_every_method! {
    barrier_again_and_again barrier_results barrier_abort barrier_reset barrier_abort_and_reset
    barrier_timeout
}

by_every_method! { alone: StartMethod::Spawn;
    barrier_of_one
}

/// How many come to a barrier.
const N: usize = 5;

/// Has this process and four children do the same.
fn together<A: Clone + Serialize + DeserializeOwned>(method: StartMethod, work: fn(A), args: &A) {
    let children: Vec<_> = (1..N).map(|_| start(method, work, args.clone())).collect();
    work(args.clone());
    children.into_iter().for_each(|child| child.join().expect("it returned"));
}

/// A barrier for all of them, and where they say what they have seen.
type Meeting = (Barrier, List<bool>, List<bool>, List<bool>);

fn meeting(manager: &Manager) -> Meeting {
    let list = || manager.list().expect("a list");
    (manager.barrier(N).expect("a barrier"), list(), list(), list())
}

fn len(list: &List<bool>) -> usize {
    list.len().expect("a call")
}

fn barrier_again_and_again(method: StartMethod) {
    let manager = manager(method);
    let pass = |(barrier, before, after, _): Meeting| {
        for round in 0..10 {
            before.push(&true).expect("push");
            assert_eq!(len(&after), round * N);
            barrier.wait_timeout(LONG).expect("all come");
            after.push(&true).expect("push");
            assert_eq!(len(&before), (round + 1) * N);
            barrier.wait_timeout(LONG).expect("all come");
        }
        let state = barrier.state().expect("a call");
        assert!(state.waiting == 0 && !state.is_broken);
    };
    together(method, pass, &meeting(&manager));
}

fn barrier_results(method: StartMethod) {
    let manager = manager(method);
    let (barrier, queue) = (manager.barrier(N).expect("a barrier"), manager.queue(0).expect("a queue"));
    let come = |(barrier, queue): (Barrier, Queue<usize>)| {
        queue.put(&barrier.wait_timeout(LONG).expect("all come")).expect("put");
    };
    together(method, come, &(barrier, queue.clone()));
    let mut places = queue.get_available(N).expect("items");
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4]);
}

fn barrier_abort(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, broken, _): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            return barrier.abort().expect("abort");
        }
        let list = match barrier.wait_timeout(LONG) {
            Err(CallError::Broken) => broken,
            _ => passed,
        };
        list.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    let (barrier, passed, broken, _) = meeting;
    assert_eq!((len(&passed), len(&broken)), (0, N - 1));
    assert!(barrier.state().expect("a call").is_broken);
}

fn barrier_reset(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, broken, later): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            until("the others wait", || barrier.state().expect("a call").waiting == N - 1);
            barrier.reset().expect("reset");
        } else {
            let list = match barrier.wait_timeout(LONG) {
                Err(CallError::Broken) => broken,
                _ => passed,
            };
            list.push(&true).expect("push");
        }
        barrier.wait_timeout(LONG).expect("all come");
        later.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    let (_, passed, broken, later) = meeting;
    assert_eq!((len(&passed), len(&broken), len(&later)), (0, N - 1, N));
}

fn barrier_abort_and_reset(method: StartMethod) {
    let manager = manager(method);
    let come = |((barrier, passed, broken, later), other): (Meeting, Barrier)| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            barrier.abort().expect("abort");
        } else {
            let list = match barrier.wait_timeout(LONG) {
                Err(CallError::Broken) => broken,
                _ => passed,
            };
            list.push(&true).expect("push");
        }
        // All have left it before it is reset, and nobody comes before it was.
        if other.wait_timeout(LONG).expect("all come") == N / 2 {
            barrier.reset().expect("reset");
        }
        other.wait_timeout(LONG).expect("all come");
        barrier.wait_timeout(LONG).expect("all come");
        later.push(&true).expect("push");
    };
    let (meeting, other) = (meeting(&manager), manager.barrier(N).expect("a barrier"));
    together(method, come, &(meeting.clone(), other));
    let (_, passed, broken, later) = meeting;
    assert_eq!((len(&passed), len(&broken), len(&later)), (0, N - 1, N));
}

fn barrier_timeout(method: StartMethod) {
    let manager = manager(method);
    let come = |(barrier, passed, late, _): Meeting| {
        if barrier.wait_timeout(LONG).expect("all come") == N / 2 {
            until("it is broken", || barrier.state().expect("a call").is_broken);
        }
        let list = match barrier.wait_timeout(2 * SHORT) {
            Err(CallError::Broken | CallError::TimedOut) => late,
            _ => passed,
        };
        list.push(&true).expect("push");
    };
    let meeting = meeting(&manager);
    together(method, come, &meeting);
    assert_eq!((len(&meeting.1), len(&meeting.2)), (0, N));
}

fn barrier_of_one(method: StartMethod) {
    let manager = manager(method);
    let barrier = manager.barrier(1).expect("a barrier");
    assert_eq!((barrier.wait().expect("alone"), barrier.wait().expect("alone")), (0, 0));
}
