//! Results: waiting for them, and everything between a value here and a value there.

use super::{assert_full, double, pool, submit_held};
use ipc_codec::handle::Handle;
use ipc_pipe::{Receiver, Sender, simplex};
use ipc_process::{GetError, StartMethod, TaskError};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

/// A value that encodes only when it is true, and decodes only when the second is.
#[derive(Debug)]
pub(crate) struct Picky {
    encodes: bool,
    decodes: bool,
}

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.encodes {
            return Err(S::Error::custom("not to be encoded"));
        }
        self.decodes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Picky { encodes: true, decodes: true }),
            false => Err(D::Error::custom("not to be decoded")),
        }
    }
}

pub(crate) fn a_result_is_waited_for_or_not(method: StartMethod) {
    let pool = pool(method, 1);
    let held = submit_held(&pool);
    let pid = held.pid();
    let short = Duration::from_millis(30);
    assert!(!held.task.ready());
    assert_eq!(held.task.successful(), None);
    let start = Instant::now();
    assert!(!held.task.wait_timeout(short));
    assert!(!held.task.wait_deadline(start + 2 * short));
    assert!(start.elapsed() >= 2 * short);
    let Err(GetError::TimedOut(task)) = held.task.try_get() else { panic!("it has not ended") };
    let Err(GetError::TimedOut(task)) = task.get_timeout(short) else { panic!("it has not ended") };
    let Err(GetError::TimedOut(task)) = task.get_deadline(Instant::now() + short) else { panic!("not yet") };
    assert!(start.elapsed() >= 4 * short);
    held.gate.send(()).expect("it runs");
    task.wait();
    assert!(task.ready() && task.wait_timeout(Duration::ZERO));
    assert_eq!(task.successful(), Some(true));
    assert_eq!(task.try_get().expect("it has ended"), pid);
    let failed = pool.apply_async(|(): ()| panic!("no luck"), ());
    failed.wait();
    assert_eq!(failed.successful(), Some(false));
    let Err(GetError::Task(TaskError::Panicked(_))) = failed.get_timeout(short).map(|(): ()| ()) else {
        panic!("it panicked")
    };
}

pub(crate) fn a_result_outlives_its_pool(method: StartMethod) {
    let pool = pool(method, 1);
    let done = pool.apply_async(double, 4);
    done.wait();
    let held = submit_held(&pool);
    held.pid();
    let queued = pool.apply_async(double, 5);
    drop(pool);
    assert_eq!(done.get().expect("a number"), 8);
    assert!(matches!(held.task.get(), Err(TaskError::Cancelled)));
    assert!(matches!(queued.get(), Err(TaskError::Cancelled)));
}

pub(crate) fn arguments_that_do_not_encode_fail_their_task_alone(method: StartMethod) {
    let pool = pool(method, 2);
    let inputs = (0..100).map(|n| Picky { encodes: n % 10 != 0, decodes: true });
    for (n, result) in pool.map(|_: Picky| (), inputs).into_iter().enumerate() {
        match result {
            Ok(()) => assert_ne!(n % 10, 0),
            Err(TaskError::Encode(error)) => assert!(n % 10 == 0, "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn arguments_that_do_not_decode_fail_their_task_alone(method: StartMethod) {
    let pool = pool(method, 2);
    let inputs = (0..100).map(|n| Picky { encodes: true, decodes: n % 10 != 0 });
    for (n, result) in pool.map(|_: Picky| (), inputs).into_iter().enumerate() {
        match result {
            Ok(()) => assert_ne!(n % 10, 0),
            Err(TaskError::Arguments { reason }) => {
                assert!(n % 10 == 0 && reason.contains("not to be decoded"), "{reason}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn results_that_do_not_encode_cost_no_worker(method: StartMethod) {
    let pool = pool(method, 2);
    let before = assert_full(&pool, 2);
    for _ in 0..20 {
        let error = pool.apply(|(): ()| Picky { encodes: false, decodes: true }, ()).expect_err("no result");
        let TaskError::Result { reason } = error else { panic!("{error}") };
        assert!(reason.contains("not to be encoded"), "{reason}");
    }
    assert_eq!(assert_full(&pool, 2), before, "the same workers");
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn results_that_do_not_decode_fail_their_task_alone(method: StartMethod) {
    let pool = pool(method, 2);
    let picky = |decodes: bool| Picky { encodes: true, decodes };
    for (n, result) in pool.map(picky, (0..100).map(|n| n % 10 != 0)).into_iter().enumerate() {
        match result {
            Ok(_) => assert_ne!(n % 10, 0),
            Err(TaskError::Decode(_)) => assert_eq!(n % 10, 0),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(pool.deaths(), 0);
}

pub(crate) fn a_panic_comes_with_its_message(method: StartMethod) {
    let pool = pool(method, 1);
    let before = assert_full(&pool, 1);
    let error = pool.apply(|n: u64| -> u64 { panic!("no luck with {n}") }, 7).expect_err("it panics");
    let TaskError::Panicked(report) = error else { panic!("{error}") };
    assert_eq!(report.message(), "no luck with 7");
    assert!(report.location().is_some_and(|place| place.contains("results.rs:")), "{report}");
    assert_eq!(assert_full(&pool, 1), before, "the worker goes on");
}

pub(crate) fn large_arguments_and_results_arrive(method: StartMethod) {
    let pool = pool(method, 2);
    // Text passes in one piece, where bytes would be counted one by one in a debug build.
    let text = |n: usize| format!("a line of text that is not as long as another: {n}\n").repeat(70_000 + n);
    let tasks: Vec<_> =
        (0..4).map(|n| (n, pool.apply_async(|text: String| text.to_uppercase(), text(n)))).collect();
    for (n, task) in tasks {
        let result = task.get().expect("the text");
        assert!(result.len() > 3_000_000 && result == text(n).to_uppercase(), "wrong text of {n}");
    }
}

type Ends = (Receiver<u64>, Sender<u64>);

pub(crate) fn handles_are_arguments_and_results(method: StartMethod) {
    let pool = pool(method, 2);
    let (tx, theirs) = simplex().expect("a pipe");
    tx.send(20).expect("the other end is there");
    // The end comes back, and another one with it.
    let (rx, sum) = pool
        .apply(
            |rx: Receiver<u64>| -> Ends {
                let (tx, theirs) = simplex().expect("a pipe");
                tx.send(rx.recv().expect("a number") + 1).expect("the other end is there");
                (theirs, tx)
            },
            theirs,
        )
        .expect("two ends");
    assert_eq!(rx.recv().expect("a number"), 21);
    sum.send(1).expect("the other end is here");
    assert_eq!(rx.recv().expect("a number"), 1);
    tx.send(1).expect_err("the worker has dropped its end");

    let mut file = tempfile();
    file.write_all(b"hello").expect("room");
    let append = |file: Handle<File>| {
        (&*file).write_all(b" world").expect("room");
        file
    };
    let mut back = pool.apply(append, Handle::from(file)).expect("a file").into_inner();
    let mut text = String::new();
    back.rewind().expect("a file");
    back.read_to_string(&mut text).expect("a text");
    assert_eq!(text, "hello world");
}

fn tempfile() -> File {
    File::from(rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).expect("memory"))
}
