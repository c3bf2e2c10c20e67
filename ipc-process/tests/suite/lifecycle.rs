//! The life of a process as its parent sees it: name, alive, waited for, ended, dropped.

use super::{assert_ends, eventually, hold, readable_within, start};
use ipc_pipe::{Receiver, Sender, simplex};
use ipc_process::{
    Builder, ExitStatus, JoinTimeoutError, Process, StartMethod, active_children, current, parent,
};
use ipc_testkit::proc::children;
use std::time::{Duration, Instant};

/// A process that returns 7 once the sender is dropped.
fn start_waiting(method: StartMethod) -> (Process<u32>, Sender<()>) {
    fn wait_for_the_end(go: Receiver<()>) -> u32 {
        let _ = go.recv();
        7
    }
    let (sender, go) = simplex().expect("a pipe");
    (start(method, wait_for_the_end, go), sender)
}

pub(crate) fn names_count_the_children(method: StartMethod) {
    fn own_name((): ()) -> String {
        current().name().to_owned()
    }
    fn names_of_children(method: String) -> (String, String) {
        let start = || start(super::method_of(&method), own_name, ());
        (start().join().expect("a name"), start().join().expect("a name"))
    }
    assert_eq!(current().name(), "MainProcess");
    let process = start(method, own_name, ());
    assert_eq!(process.name(), "Process-1");
    assert_eq!(process.join().expect("a name"), "Process-1");
    for other in [StartMethod::Spawn, StartMethod::Fork] {
        let process = start(method, names_of_children, other.to_string());
        let name = process.name().to_owned();
        assert_eq!(process.join().expect("names"), (format!("{name}:1"), format!("{name}:2")));
    }
    let given = Builder::new().method(method).name("Grüße, a rather long name");
    let process = given.spawn(own_name, ()).expect("a process");
    assert_eq!(process.name(), "Grüße, a rather long name");
    assert_eq!(process.join().expect("a name"), "Grüße, a rather long name");
    // A given name takes no number away, but the place in the tree is taken.
    assert_eq!(start(method, own_name, ()).join().expect("a name"), "Process-5");
}

pub(crate) fn the_child_knows_who_it_is(method: StartMethod) {
    super::elsewhere(method, compare_what_parent_and_child_know);
}

fn compare_what_parent_and_child_know(method: String) {
    let method = super::method_of(&method);
    fn who((): ()) -> (u32, u32, u32, bool) {
        let parent = parent().expect("room for a handle").expect("it was started").pid();
        (std::process::id(), current().pid(), parent, current().is_daemon())
    }
    for daemon in [false, true] {
        let process = Builder::new().method(method).daemon(daemon).spawn(who, ()).expect("a process");
        let pid = process.pid();
        assert_ne!(pid, std::process::id());
        assert_eq!(process.is_daemon(), daemon);
        assert_eq!(process.join().expect("ids"), (pid, pid, std::process::id(), daemon));
    }
    assert!(!current().is_daemon());
}

pub(crate) fn alive_until_it_is_not(method: StartMethod) {
    let (process, go) = start_waiting(method);
    assert!(process.is_alive());
    assert_eq!(process.exit_status(), None);
    assert_eq!(process.wait_timeout(Duration::from_millis(1)).expect("a wait"), None);
    drop(go);
    assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(0));
    assert!(!process.is_alive());
    assert_eq!(process.exit_status(), Some(ExitStatus::Exited(0)));
    // Waiting again, and with a deadline that is over, gives the same.
    assert_eq!(process.wait_timeout(Duration::ZERO).expect("a wait"), Some(ExitStatus::Exited(0)));
    assert_eq!(process.wait_deadline(Instant::now()).expect("a wait"), Some(ExitStatus::Exited(0)));
    assert_eq!(process.join().expect("a number"), 7);
    super::assert_no_children();
}

pub(crate) fn a_join_that_times_out_gives_the_process_back(method: StartMethod) {
    let timeout = Duration::from_millis(100);
    let (process, go) = start_waiting(method);
    let pid = process.pid();
    let begin = Instant::now();
    let result = process.join_timeout(timeout);
    assert!(begin.elapsed() >= timeout);
    let Err(JoinTimeoutError::TimedOut(process)) = result else { panic!("it has to run still") };
    let begin = Instant::now();
    let result = process.join_deadline(begin + timeout);
    assert!(begin.elapsed() >= timeout);
    let process = result.expect_err("it has to run still").into_process().expect("the process");
    assert_eq!((process.pid(), process.is_alive()), (pid, true));
    drop(go);
    assert_eq!(process.join_timeout(super::PATIENCE).expect("a number"), 7);
}

pub(crate) fn try_join_does_not_wait(method: StartMethod) {
    let (process, go) = start_waiting(method);
    let Err(JoinTimeoutError::TimedOut(process)) = process.try_join() else { panic!("it has to run still") };
    drop(go);
    assert_ends(process.sentinel());
    assert_eq!(process.try_join().expect("a number"), 7);
}

pub(crate) fn many_threads_wait_for_one_process(method: StartMethod) {
    fn leave_by_five(go: Receiver<()>) {
        let _ = go.recv();
        std::process::exit(5);
    }
    let (hold, go) = simplex().expect("a pipe");
    let process = start(method, leave_by_five, go);
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..16).map(|_| scope.spawn(|| process.wait().expect("a status"))).collect();
        drop(hold);
        for wait in waits {
            assert_eq!(wait.join().expect("no panic"), ExitStatus::Exited(5));
        }
    });
    process.join().expect_err("it left");
}

pub(crate) fn the_sentinel_tells_of_the_end_only(method: StartMethod) {
    let (process, go) = start_waiting(method);
    assert!(!readable_within(process.sentinel(), Duration::from_millis(50)));
    drop(go);
    assert_ends(&process);
    // And it stays so, also when the process was collected.
    process.wait().expect("a status");
    assert!(readable_within(&process, Duration::ZERO));
    process.join().expect("a number");
}

pub(crate) fn a_dropped_process_goes_on_and_is_collected(method: StartMethod) {
    fn answer((go, done): (Receiver<()>, Sender<u32>)) {
        let _ = go.recv();
        done.send(std::process::id()).expect("the reader is there");
    }
    let (go, gone) = simplex().expect("a pipe");
    let (done, answers) = simplex().expect("a pipe");
    let process = start(method, answer, (gone, done));
    let pid = process.pid();
    let held = hold(pid);
    drop(process);
    assert!(!readable_within(&held, Duration::from_millis(50)), "dropping it must not end it");
    drop(go);
    assert_eq!(answers.recv().expect("a process id"), pid);
    assert_ends(&held);
    // It stays a zombie until somebody looks, which the next start does.
    eventually("the next start collects it", || {
        start(method, |(): ()| (), ()).join().expect("an end");
        ipc_process::stop_forkserver();
        children().is_empty()
    });
}

pub(crate) fn children_are_listed_while_they_run(method: StartMethod) {
    let names = || active_children().iter().map(|child| child.name().to_owned()).collect::<Vec<_>>();
    let (first, go) = start_waiting(method);
    let (second, hold) = start_waiting(method);
    assert_eq!(names(), ["Process-1", "Process-2"]);
    // A child has children of its own, and none of its parent's.
    assert!(start(method, |(): ()| active_children().is_empty(), ()).join().expect("an answer"));
    drop(go);
    assert_eq!(first.join().expect("a number"), 7);
    assert_eq!(names(), ["Process-2"]);
    // One that was dropped runs, too, and can still be waited for and ended by its place in the list.
    let pid = second.pid();
    drop(second);
    let [child] = <[_; 1]>::try_from(active_children()).expect("one child");
    assert_eq!((child.pid(), child.is_daemon(), child.is_alive()), (pid, false, true));
    assert_eq!(child.wait_timeout(Duration::from_millis(1)).expect("a wait"), None);
    child.terminate().expect("it is there");
    assert_eq!(child.wait().expect("a status").signal(), Some(15));
    assert!(active_children().is_empty());
    drop(hold);
    super::assert_no_children();
}
