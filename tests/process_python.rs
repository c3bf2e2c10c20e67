//! What CPython's tests say of its processes, in our words and for ours, each by every start method.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.14; Python Software Foundation License); what
//! they hold for right was read there, no code was taken.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `_TestProcess.test_current` | `current_process` |
//! | `_TestProcess.test_args_argument` | `arguments_of_several_shapes` |
//! | `_TestProcess.test_daemon_argument` | `daemon_or_not`. A child of a daemon is none by itself: whoever is to be one is told so |
//! | `_TestProcess.test_parent_process_attributes` | `the_parents_name_and_number` |
//! | `_TestProcess.test_parent_process` | `a_grandchild_sees_its_parent_end` |
//! | `_TestProcess.test_process` | `a_process_from_start_to_end` |
//! | `_TestProcess.test_process_mainthread_native_id` | none: of the interpreter's threads |
//! | `_TestProcess.test_terminate`, `test_kill`, `test_interrupt` | `processes_are_ended`. An exit status has a signal, where Python has a negative number |
//! | `_TestProcess.test_cpu_count` | none: it is the standard library's `available_parallelism`, which `ipc-process/tests/methods/parallelism.rs` looks at |
//! | `_TestProcess.test_active_children` | `active_children_come_and_go` |
//! | `_TestProcess.test_recursion` | `children_of_children_in_order` |
//! | `_TestProcess.test_sentinel` | `the_sentinel`. There is none before the start, because there is no `Process` before it |
//! | `_TestProcess.test_close` | none: a `Process` is dropped, and cannot be used after it. That it goes on then: `dropped_and_alive` |
//! | `_TestProcess.test_many_processes` | `many_processes` |
//! | `_TestProcess.test_lose_target_ref` | none: of references that are counted |
//! | `_TestProcess.test_child_fd_inflation` | `descriptors_do_not_grow_with_siblings` |
//! | `_TestProcess.test_wait_for_threads` | `threads_are_not_waited_for`: the other way round, as for any program in Rust |
//! | `_TestProcess.test_error_on_stdio_flush_1`, `_2` | `without_standard_streams` |
//! | `_TestProcess.test_forkserver_sigint`, `test_forkserver_sigkill` | `ipc-process/tests/owners.rs`; the exit code of a child whose server died is not 255, but unknown or right |
//! | `_TestProcess.test_set_executable` | `Builder::executable` has its own tests in `ipc-process/tests/start_failures` |
//! | `_TestSubclassingProcess.test_subclassing` | none: nothing is derived. A process with a pipe: `a_process_with_a_pipe` |
//! | `_TestSubclassingProcess.test_stderr_flush` | `a_panic_is_on_stderr_whole` |
//! | `_TestSubclassingProcess.test_sys_exit` | `exit_codes` |
//! | `_TestPollEintr.test_poll_eintr` | `ipc-process/tests/signals.rs` |
//! | `TestWait.test_wait_integer` | `tests/wait.rs` |
//! | `TestNoForkBomb.test_noforkbomb` | `ipc-process/tests/without_init.rs` |
//! | `TestForkAwareThreadLock` | none: of Python's registry of functions after a fork |
//! | `TestCloseFds.test_close_fds` | `a_file_with_a_high_number` |
//! | `TestStartMethod.test_context` | `contexts` |
//! | `TestStartMethod.test_set_get` | `ipc-process/tests/methods.rs` |
//! | `TestStartMethod.test_get_all` | `contexts` |
//! | `TestStartMethod.test_preload_resources` | `ipc-process/tests/fork_server.rs` |
//! | `TestStartMethod.test_mixed_startmethod`, `test_nested_startmethod` | none is an error here: `a_lock_for_any_method`, and `tests/queue_python.rs` |
//! | `TestResourceTracker` | none: there is no such process |
//! | `TestStdinBadfiledescriptor` | `tests/queue_python.rs`; of pools, theirs |
//! | `TestFlags`, `TestImportStar`, `MiscTestCase`, `_TestLogging`, `_TestFinalize` | none: of the interpreter |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use ipc_testkit::isolated;
use multiproc::sync::Mutex;
use multiproc::{
    Builder, Context, ExitStatus, JoinError, Pipe, Process, Receiver, Sender, StartMethod, Stdio,
    active_children, current, parent, pipe, simplex,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(82);

by_every_method! {
    current_process arguments_of_several_shapes daemon_or_not the_parents_name_and_number
    a_grandchild_sees_its_parent_end a_process_from_start_to_end processes_are_ended
    active_children_come_and_go children_of_children_in_order the_sentinel dropped_and_alive many_processes
    descriptors_do_not_grow_with_siblings threads_are_not_waited_for without_standard_streams
    a_process_with_a_pipe a_panic_is_on_stderr_whole exit_codes a_file_with_a_high_number contexts
    a_lock_for_any_method
}

fn start<A, R>(method: StartMethod, child: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(child, args).expect("it was started")
}

fn sleep_for_ever((): ()) {
    loop {
        std::thread::sleep(Duration::from_secs(100));
    }
}

fn method_of(name: &str) -> StartMethod {
    name.parse().expect("a method")
}

fn current_process(_method: StartMethod) {
    let me = current();
    assert_eq!(me.pid(), std::process::id());
    assert_eq!((me.name(), me.is_daemon()), ("MainProcess", false));
    assert!(parent().expect("nothing is opened").is_none());
}

fn arguments_of_several_shapes(method: StartMethod) {
    type Args = (u8, String, Vec<Option<i64>>, BTreeMap<String, (f64, bool)>);
    let args: Args = (1, "two".into(), vec![Some(-3), None], BTreeMap::from([("four".into(), (5.5, true))]));
    assert_eq!(start(method, |args: Args| args, args.clone()).join().expect("it returned"), args);
    start(method, |(): ()| (), ()).join().expect("it returned");
}

/// A daemon costs its process a lifeline that stays, so all is done elsewhere.
fn daemon_or_not(method: StartMethod) {
    fn look(method: String) {
        let is_daemon = |(): ()| current().is_daemon();
        for daemon in [true, false] {
            let process = Builder::new().method(method_of(&method)).daemon(daemon).spawn(is_daemon, ());
            let process = process.expect("it was started");
            assert_eq!((process.is_daemon(), process.join().expect("it returned")), (daemon, daemon));
        }
        let below = |method: String| {
            let is_daemon = start(method_of(&method), |(): ()| current().is_daemon(), ());
            (current().is_daemon(), is_daemon.join().expect("it returned"))
        };
        let process = Builder::new().method(method_of(&method)).daemon(true).spawn(below, method);
        assert_eq!(process.expect("it was started").join().expect("it returned"), (true, false));
    }
    start(StartMethod::Spawn, look, method.to_string()).join().expect("it passed");
}

fn the_parents_name_and_number(method: StartMethod) {
    let look = |(): ()| {
        let parent = parent().expect("room for a handle").expect("it was started");
        (parent.name().to_owned(), parent.pid(), parent.is_alive())
    };
    let expected = (current().name().to_owned(), current().pid(), true);
    assert_eq!(start(method, look, ()).join().expect("it returned"), expected);
}

fn a_grandchild_sees_its_parent_end(method: StartMethod) {
    fn watch(alive: Sender<bool>) {
        let parent = parent().expect("room for a handle").expect("it was started");
        alive.send(parent.is_alive()).expect("somebody reads");
        assert_eq!(multiproc::wait_timeout(&[&parent], LONG).expect("it can be waited for"), [0]);
        alive.send(parent.is_alive()).expect("somebody reads");
    }
    fn own((method, alive): (String, Sender<bool>)) {
        let _grandchild = start(method_of(&method), watch, alive);
        sleep_for_ever(());
    }
    let (tx, alive) = simplex().expect("there is memory");
    let process = start(method, own, (method.to_string(), tx));
    assert!(alive.recv().expect("an answer"));
    process.terminate().expect("it is there");
    process.join().expect_err("it was ended");
    assert!(!alive.recv_timeout(LONG).expect("an answer"));
}

fn a_process_from_start_to_end(method: StartMethod) {
    type Told = (String, u32, Vec<String>);
    fn tell((tx, go, words): (Sender<Told>, Receiver<()>, Vec<String>)) {
        tx.send((current().name().to_owned(), current().pid(), words)).expect("somebody reads");
        let _ = go.recv();
    }
    let (tx, rx) = simplex().expect("there is memory");
    let (hold, go) = simplex::<()>().expect("there is memory");
    let words = vec!["hello".to_owned(), "bye".to_owned()];
    let builder = Builder::new().method(method).name("a name of its own");
    let process = builder.spawn(tell, (tx, go, words.clone())).expect("it was started");
    assert!(process.is_alive() && process.exit_status().is_none());
    assert_eq!(active_children().iter().map(|child| child.pid()).collect::<Vec<_>>(), [process.pid()]);
    assert_eq!(rx.recv().expect("an answer"), ("a name of its own".to_owned(), process.pid(), words));
    drop(hold);
    assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(0));
    assert!(!process.is_alive() && active_children().is_empty());
    process.join().expect("it returned");
}

fn processes_are_ended(method: StartMethod) {
    type End = fn(&Process<()>) -> std::io::Result<()>;
    for (end, signal) in
        [(Process::terminate as End, 15), (Process::kill as End, 9), (Process::interrupt as End, 2)]
    {
        let process = start(method, sleep_for_ever, ());
        let begin = Instant::now();
        assert_eq!(process.wait_timeout(Duration::ZERO).expect("a wait"), None);
        assert_eq!(process.wait_timeout(SHORT).expect("a wait"), None);
        assert!(begin.elapsed() >= SHORT);
        end(&process).expect("it is there");
        assert_eq!(process.wait().expect("a status").signal(), Some(signal));
        end(&process).expect("nothing to do");
        let Err(JoinError::Signaled { signal: found, .. }) = process.join() else { panic!("it returned") };
        assert_eq!(found, signal);
    }
}

fn active_children_come_and_go(method: StartMethod) {
    assert!(active_children().is_empty());
    let process = start(method, sleep_for_ever, ());
    assert_eq!(active_children()[0].pid(), process.pid());
    process.kill().expect("it is there");
    process.join().expect_err("it was killed");
    assert!(active_children().is_empty());
}

fn children_of_children_in_order(method: StartMethod) {
    fn grow((method, tx, id): (String, Sender<Vec<u8>>, Vec<u8>)) -> Vec<Vec<u8>> {
        drop(tx);
        let mut found = vec![id.clone()];
        if id.len() < 2 {
            for number in 0..2 {
                let (tx, _rx) = simplex().expect("there is memory");
                let below = [id.as_slice(), &[number]].concat();
                let process = start(method_of(&method), grow, (method.clone(), tx, below));
                found.extend(process.join().expect("it returned"));
            }
        }
        found
    }
    let (tx, _rx) = simplex().expect("there is memory");
    let found = start(method, grow, (method.to_string(), tx, vec![])).join().expect("it returned");
    assert_eq!(found, [&[][..], &[0], &[0, 0], &[0, 1], &[1], &[1, 0], &[1, 1]]);
}

fn the_sentinel(method: StartMethod) {
    let (hold, go) = simplex::<()>().expect("there is memory");
    let process = start(method, |go: Receiver<()>| _ = go.recv(), go);
    assert!(multiproc::wait_timeout(&[&process], SHORT).expect("it can be waited for").is_empty());
    drop(hold);
    assert_eq!(multiproc::wait_timeout(&[&process], LONG).expect("it can be waited for"), [0]);
    process.join().expect("it returned");
}

fn dropped_and_alive(method: StartMethod) {
    let (here, there) = pipe::<u8, u8>().expect("there is memory");
    let answer = |there: Pipe<u8, u8>| {
        while let Ok(number) = there.recv() {
            let _ = there.send(number + 1);
        }
    };
    drop(start(method, answer, there));
    here.send(1).expect("it is there");
    assert_eq!(here.recv().expect("an answer"), 2);
    let [child] = <[_; 1]>::try_from(active_children()).expect("one child");
    drop(here);
    assert!(child.wait().expect("a status").success());
    drop(child);
    // Which also collects it.
    assert!(active_children().is_empty());
}

/// As many as Python starts, and for spawn the few that it starts there.
fn many_processes(method: StartMethod) {
    let count = if method == StartMethod::Spawn { 5 } else { 100 };
    let processes: Vec<_> = (0..count).map(|number: u32| start(method, |n: u32| n + 1, number)).collect();
    for (process, number) in processes.into_iter().zip(1..) {
        assert_eq!(process.join().expect("it returned"), number);
    }
    let processes: Vec<_> = (0..count).map(|_| start(method, sleep_for_ever, ())).collect();
    processes.iter().for_each(|process| process.terminate().expect("it is there"));
    for process in processes {
        assert_eq!(process.wait_timeout(LONG).expect("a wait").and_then(ExitStatus::signal), Some(15));
    }
}

/// Not by fork, as Python says: there a child has what its parent has, and that is a handle for each sibling.
fn descriptors_do_not_grow_with_siblings(method: StartMethod) {
    fn count(go: Receiver<()>) -> usize {
        let _ = go.recv();
        std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
    }
    let (holds, processes): (Vec<_>, Vec<_>) = (0..5)
        .map(|_| {
            let (hold, go) = simplex().expect("there is memory");
            (hold, start(method, count, go))
        })
        .unzip();
    drop(holds);
    let counts: Vec<_> = processes.into_iter().map(|process| process.join().expect("a count")).collect();
    if method != StartMethod::Fork {
        assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    }
}

fn threads_are_not_waited_for(method: StartMethod) {
    let leave_a_thread = |(): ()| {
        std::thread::spawn(|| sleep_for_ever(()));
        7
    };
    let process = start(method, leave_a_thread, ());
    assert!(process.wait_timeout(LONG).expect("a wait").is_some_and(|status| status.success()));
    assert_eq!(process.join().expect("it returned"), 7);
}

/// A program whose streams are full or closed: what it prints is lost, and nothing else.
fn without_standard_streams(method: StartMethod) {
    let print = |(): ()| {
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), "nobody reads this");
        let _ = std::io::stdout().flush();
        7
    };
    for device in ["/dev/full", "/dev/null"] {
        let file = || File::options().write(true).open(device).expect("every system has it");
        let builder = Builder::new().method(method).stdin(Stdio::null()).stdout(file()).stderr(file());
        let process = builder.spawn(print, ()).expect("it was started");
        assert_eq!(process.join().expect("it returned"), 7, "{device}");
    }
}

fn a_process_with_a_pipe(method: StartMethod) {
    let upper = |pipe: Pipe<String, String>| {
        for text in pipe.iter() {
            pipe.send(text.expect("text").to_uppercase()).expect("somebody reads");
        }
    };
    let (here, there) = pipe().expect("there is memory");
    let process = start(method, upper, there);
    for (said, heard) in [("hello", "HELLO"), ("bye", "BYE")] {
        here.send(said.to_owned()).expect("it is there");
        assert_eq!(here.recv().expect("an answer"), heard);
    }
    drop(here);
    process.join().expect("it returned");
}

fn a_panic_is_on_stderr_whole(method: StartMethod) {
    let folder = ipc_testkit::temp_dir();
    let path = folder.path().join("stderr");
    let file = File::create(&path).expect("room on the disk");
    let fail = |number: u32| assert_eq!(number, 1, "an unlucky number");
    let process = Builder::new().method(method).stderr(file).spawn(fail, 13).expect("it was started");
    assert_eq!(process.wait().expect("a status").code(), Some(101));
    let Err(JoinError::Panicked(report)) = process.join() else { panic!("no panic") };
    assert!(report.message().contains("an unlucky number"), "{report}");
    let text = std::fs::read_to_string(path).expect("text");
    assert!(text.contains("process_python.rs") && text.contains("an unlucky number"), "{text}");
}

fn exit_codes(method: StartMethod) {
    for code in [0, 1, 8, 255] {
        let process: Process<()> = start(method, |code: i32| std::process::exit(code), code);
        assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(code));
        assert!(matches!(process.join(), Err(JoinError::Exited { code: found }) if found == code));
    }
    // Of other numbers the system keeps the lowest byte.
    for (code, kept) in [(300, 44), (-1, 255)] {
        let process: Process<()> = start(method, |code: i32| std::process::exit(code), code);
        assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(kept));
    }
    // It returned: that is 0, whatever it was.
    let process = start(method, |(): ()| 8, ());
    assert_eq!(process.wait().expect("a status"), ExitStatus::Exited(0));
    assert_eq!(process.join().expect("it returned"), 8);
}

fn a_file_with_a_high_number(method: StartMethod) {
    let has_zero = |(): ()| {
        let folder = std::fs::read_dir("/proc/self/fd").expect("the kernel tells");
        let targets = folder.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.into_iter().any(|target| target.as_os_str() == "/dev/zero")
    };
    let files: Vec<_> = (0..100).map(|_| File::open("/dev/zero").expect("every system has it")).collect();
    let found = start(method, has_zero, ()).join().expect("it returned");
    assert_eq!(found, method == StartMethod::Fork);
    drop(files);
}

fn contexts(method: StartMethod) {
    let context: Context = method.name().parse().expect("a method");
    assert_eq!((context.method(), context), (method, Context::new(method)));
    assert_eq!(context.spawn(|n: u32| n * 2, 21).expect("it was started").join().expect("it returned"), 42);
    let process = context.process().name("by a context").spawn(|(): ()| current().name().to_owned(), ());
    assert_eq!(process.expect("it was started").join().expect("it returned"), "by a context");
    let error = "frok".parse::<Context>().expect_err("there is none");
    assert!(StartMethod::ALL.iter().all(|method| error.to_string().contains(method.name())), "{error}");
}

fn a_lock_for_any_method(method: StartMethod) {
    fn add((mutex, method): (Mutex<u32>, Option<String>)) {
        if let Some(method) = method {
            start(method_of(&method), add, (mutex.clone(), None)).join().expect("it returned");
        }
        *mutex.lock().expect("nobody died") += 1;
    }
    let arena = multiproc::shared::Arena::new();
    let mutex = Mutex::new_in(&arena, 0_u32).expect("there is memory");
    for other in StartMethod::ALL {
        start(method, add, (mutex.clone(), Some(other.to_string()))).join().expect("it returned");
    }
    assert_eq!(*mutex.lock().expect("nobody died"), 6);
}
