//! Tests that run in a process of their own, with a watchdog and a leak check.

use crate::inner::offset_of;
use crate::outer;
use crate::report::{Failure, Report};
use std::time::Duration;

/// How long the body of an isolated test may take unless it says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Runs the body in a fresh process of one thread, and fails if it panics, hangs or leaves something behind.
///
/// Shorthand for [`Isolated::run`] with the defaults.
///
/// # Panics
///
/// If the test has failed; the message has all findings and the end of the output.
///
/// # Examples
///
/// ```
/// ipc_testkit::isolated(|| {
///     let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
///     assert_eq!(tasks.count(), 1);
/// });
/// ```
#[track_caller]
pub fn isolated<F: FnOnce() + Copy>(body: F) {
    Isolated::new().run(body);
}

/// Does the same as [`isolated`], with another limit than 60 seconds.
///
/// # Panics
///
/// As [`isolated`].
#[track_caller]
pub fn isolated_within<F: FnOnce() + Copy>(limit: Duration, body: F) {
    Isolated::new().watchdog(limit).run(body);
}

/// How to run an isolated test.
///
/// The body runs in a new process of the same program, before `main` and on its only thread. It is a closure that
/// captures nothing, or a function: what it needs, it makes. The process has the environment of the test program and a
/// process group of its own; its stdin is empty.
///
/// The test fails if
/// - the body panics, or the process ends before the body does, be it with status 0;
/// - the time is over, counted by the outer process: then the message tells what every process and every thread of the
///   test was doing, and all of them are killed;
/// - the process holds descriptors, children (zombies too), threads or shared mappings after the body that it did not
///   hold before;
/// - a process of the test is alive two seconds later, whoever its parent is by then;
/// - a name of the family, or made by [`unique_name`](crate::unique_name()), is left in `/dev/shm` or in the temp folder.
///
/// # Other processes
///
/// Every process of the test has the variable `IPC_TESTKIT_RUN` in its environment, whose value is found nowhere else.
/// By it the survivors are found. A process that is started with a cleared environment is not found if it outlives the
/// test.
///
/// The variable that makes a process the inner one, `IPC_TESTKIT_INNER`, is gone before the body starts and is good only
/// for a child of the outer process. Whatever the body starts, the test program itself included, is an ordinary process:
/// if it calls [`isolated`], it is an outer process again, and its tests are runs within the run.
///
/// `/dev/shm` and the temp folder are common to all tests that run at a time. A name with the token of another run is
/// that run's, and what a process outside of the test has open is that process's. A new name of the family of which
/// neither is known counts against every test that was running when it came.
///
/// # Platform
///
/// Linux. The body runs from a constructor (`.init_array` without a number). Constructors with a number have run before
/// it, others of the same kind may or may not have.
///
/// # Examples
///
/// ```
/// use ipc_testkit::Isolated;
/// use std::time::Duration;
///
/// Isolated::new()
///     .watchdog(Duration::from_secs(5))
///     .allow_leaks("the descriptor is leaked to show how to allow it")
///     .run(|| std::mem::forget(std::fs::File::open("/dev/null")));
/// ```
///
/// A body that captures something is refused by the compiler:
///
/// ```compile_fail
/// let number = 7;
/// ipc_testkit::isolated(move || assert_eq!(number, 7));
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is run before `run`"]
pub struct Isolated {
    limit: Duration,
    allowed_leaks: Option<String>,
}

impl Default for Isolated {
    fn default() -> Isolated {
        Isolated::new()
    }
}

impl Isolated {
    /// The defaults: 60 seconds, and nothing may be left behind.
    pub fn new() -> Isolated {
        Isolated { limit: DEFAULT_LIMIT, allowed_leaks: None }
    }

    /// Sets how long the body and the end of its process may take together.
    pub fn watchdog(mut self, limit: Duration) -> Isolated {
        self.limit = limit;
        self
    }

    /// Lets the test leave things behind, for a reason, which the output gives beside each of them.
    ///
    /// Processes that are still alive are killed and names removed, as without it.
    pub fn allow_leaks(mut self, reason: &str) -> Isolated {
        self.allowed_leaks = Some(reason.to_owned());
        self
    }

    /// Runs the body and prints what its processes have printed.
    ///
    /// # Blocking
    ///
    /// Until the process has ended or the time is over, and for up to four seconds more if processes outlive it.
    ///
    /// # Panics
    ///
    /// If the test has failed; the message is the [`Report`].
    #[track_caller]
    pub fn run<F: FnOnce() + Copy>(self, body: F) {
        match self.try_run(body) {
            Ok(output) => print!("{output}"),
            Err(report) => panic!("{report}"),
        }
    }

    /// Runs the body and returns what its processes have printed.
    ///
    /// # Blocking
    ///
    /// As [`run`](Isolated::run).
    ///
    /// # Errors
    ///
    /// The [`Report`], if the test has failed.
    pub fn try_run<F: FnOnce() + Copy>(self, body: F) -> Result<String, Report> {
        // The value itself has done its duty by existing: the inner process makes its own.
        let _ = body;
        match offset_of::<F>() {
            Ok(offset) => outer::verdict(outer::run(offset, self.limit), self.allowed_leaks.as_deref()),
            Err(reason) => Err(Report { failures: vec![Failure::Broken { reason }], output: String::new() }),
        }
    }
}
