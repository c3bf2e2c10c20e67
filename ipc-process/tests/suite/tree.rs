//! Processes that start processes.

use super::{method_of, start};
use ipc_pipe::{Pipe, Receiver, Sender, pipe, simplex};
use ipc_process::{Builder, StartMethod, parent};
use std::time::Duration;

fn sum_of_squares((depth, method): (u32, String)) -> u64 {
    if depth == 0 {
        return 1;
    }
    let children: Vec<_> =
        (0..2).map(|_| start(method_of(&method), sum_of_squares, (depth - 1, method.clone()))).collect();
    children.into_iter().map(|child| child.join().expect("a number")).sum()
}

pub(crate) fn children_have_children(method: StartMethod) {
    for &other in StartMethod::ALL {
        let process = start(method, sum_of_squares, (3, other.to_string()));
        assert_eq!(process.join().expect("a number"), 8);
    }
}

pub(crate) fn a_grandchild_outlives_its_parent(method: StartMethod) {
    fn leave_a_child((method, answers, go): (String, Sender<u32>, Receiver<()>)) -> u32 {
        start(method_of(&method), answer_when_told, (answers, go)).pid()
    }
    fn answer_when_told((answers, go): (Sender<u32>, Receiver<()>)) {
        let _ = go.recv();
        answers.send(std::process::id()).expect("the reader is there");
    }
    for &other in StartMethod::ALL {
        let (answers, answer) = simplex().expect("a pipe");
        let (hold, go) = simplex().expect("a pipe");
        let process = start(method, leave_a_child, (other.to_string(), answers, go));
        let pid = process.join().expect("a process id");
        let grandchild = super::hold(pid);
        drop(hold);
        assert_eq!(answer.recv().expect("a process id"), pid);
        super::assert_ends(&grandchild);
    }
}

/// A child has one thread at first, and may have many, which then start processes at the same time.
pub(crate) fn children_start_children_by_threads(method: StartMethod) {
    fn start_by_threads(count: u32) -> Vec<String> {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                std::thread::spawn(move || {
                    let builder = Builder::new().method(StartMethod::Spawn).name(format!("child {number}"));
                    let process = builder.spawn(|(): ()| ipc_process::current().name().to_owned(), ());
                    process.expect("a process").join().expect("a name")
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    }
    let names = start(method, start_by_threads, 8).join().expect("names");
    let expected: Vec<_> = (0..8).map(|number| format!("child {number}")).collect();
    assert_eq!(names, expected);
}

/// Who the parent is, and whether it lives.
type Seen = (String, u32, bool);

pub(crate) fn the_parent_is_seen_to_end(method: StartMethod) {
    fn watch_the_parent(pipe: Pipe<Seen, ()>) {
        let parent = parent().expect("room for a handle").expect("it was started");
        let look = || (parent.name().to_owned(), parent.pid(), parent.is_alive());
        pipe.send(look()).expect("the test is there");
        // Ready as soon as it has ended, and not before.
        assert_eq!(ipc_pipe::wait(&[&parent]).expect("it can be waited for"), [0]);
        pipe.send(look()).expect("the test is there");
    }
    fn own_a_watcher((method, end): (String, Pipe<Seen, ()>)) {
        let watcher = Builder::new().method(method_of(&method)).spawn(watch_the_parent, end);
        let _watcher = watcher.expect("a process");
        loop {
            std::thread::park();
        }
    }
    let (here, there) = pipe::<(), Seen>().expect("a pipe");
    let owner = Builder::new().method(StartMethod::Spawn).name("owner");
    let owner = owner.spawn(own_a_watcher, (method.to_string(), there)).expect("a process");
    let pid = owner.pid();
    assert_eq!(here.recv().expect("an answer"), ("owner".to_owned(), pid, true));
    assert!(!here.poll(Duration::from_millis(50)).expect("it can be waited for"), "it still lives");
    owner.kill().expect("it is there");
    owner.join().expect_err("it was killed");
    assert_eq!(here.recv().expect("an answer"), ("owner".to_owned(), pid, false));
}

/// Who asks for the first time when it is too late gets the same answer.
pub(crate) fn a_parent_that_has_ended_is_told_to_be_dead(method: StartMethod) {
    fn look_when_told(pipe: Pipe<Seen, ()>) {
        let _ = pipe.recv();
        let parent = parent().expect("room for a handle").expect("it was started");
        let _ = pipe.send((parent.name().to_owned(), parent.pid(), parent.is_alive()));
    }
    fn leave_a_child((method, end): (String, Pipe<Seen, ()>)) {
        let child = Builder::new().method(method_of(&method)).spawn(look_when_told, end);
        drop(child.expect("a process"));
    }
    let (here, there) = pipe::<(), Seen>().expect("a pipe");
    let owner = Builder::new().method(StartMethod::Spawn).name("owner");
    let owner = owner.spawn(leave_a_child, (method.to_string(), there)).expect("a process");
    let pid = owner.pid();
    owner.join().expect("an end");
    here.send(()).expect("it is there");
    assert_eq!(here.recv().expect("an answer"), ("owner".to_owned(), pid, false));
}
