//! Processes that start processes.

use super::{method_of, start};
use ipc_pipe::{Receiver, Sender, simplex};
use ipc_process::{Builder, StartMethod};

fn sum_of_squares((depth, method): (u32, String)) -> u64 {
    if depth == 0 {
        return 1;
    }
    let children: Vec<_> =
        (0..2).map(|_| start(method_of(&method), sum_of_squares, (depth - 1, method.clone()))).collect();
    children.into_iter().map(|child| child.join().expect("a number")).sum()
}

pub(crate) fn children_have_children(method: StartMethod) {
    for other in [StartMethod::Spawn, StartMethod::Fork] {
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
    for other in [StartMethod::Spawn, StartMethod::Fork] {
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
