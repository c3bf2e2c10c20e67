//! The outer side of an isolated test: starts the inner process, waits, and judges what it finds.

use crate::order::{INNER_VARIABLE, Order, Program};
use crate::report::{Failure, Report};
use crate::token::{self, RUN_VARIABLE};
use crate::{residue, stray};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// What has come of a run.
pub(crate) struct Outcome {
    pub(crate) failures: Vec<Failure>,
    pub(crate) output: String,
}

/// Runs the body at `offset` in a process of its own and tells what has come of it.
pub(crate) fn run(offset: isize, limit: Duration) -> Outcome {
    let token = token::nested();
    let folder = std::env::temp_dir().join(&token);
    let outcome = Run::start(offset, token, folder.clone()).map(|run| run.finish(limit));
    // The folder holds nothing but the report, which has been read.
    let _ = fs::remove_dir_all(folder);
    outcome.unwrap_or_else(|error| Outcome {
        failures: vec![Failure::Broken { reason: error.to_string() }],
        output: String::new(),
    })
}

/// A run whose inner process has been started.
struct Run {
    token: String,
    folder: PathBuf,
    child: Child,
    output: File,
}

impl Run {
    fn start(offset: isize, token: String, folder: PathBuf) -> io::Result<Run> {
        fs::create_dir(&folder)?;
        // A memory file and not a pipe: it never fills up, and a process that outlives the test cannot keep it open
        // against us. One file for both streams keeps their lines in order.
        let output = memfd_create("ipc-testkit-output", MemfdFlags::CLOEXEC)?;
        let order = Order {
            offset,
            outer: crate::proc::own_pid(),
            program: Program::current()?,
            report: folder.join("report"),
        };
        let mut command = Command::new("/proc/self/exe");
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        command.env(INNER_VARIABLE, order.encode()).env(RUN_VARIABLE, &token).process_group(0);
        command.stdin(std::process::Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
        let child = command.spawn()?;
        Ok(Run { token, folder, child, output: File::from(output) })
    }

    /// Waits for the inner process and judges it, then looks for what it has left in the system.
    fn finish(mut self, limit: Duration) -> Outcome {
        let mut failures = match self.wait(limit) {
            Ok(Some(status)) => self.judge(status),
            Ok(None) => vec![self.stop(limit)],
            Err(error) => vec![Failure::Broken { reason: error.to_string() }, self.stop(limit)],
        };
        let strays = stray::wait_for_none(&self.token, stray::GRACE);
        failures.extend(strays.iter().map(|&pid| Failure::Outlived { doing: stray::describe(&[pid]) }));
        stray::kill_all(&self.token);
        let _ = fs::remove_dir_all(&self.folder);
        for path in residue::of_run(&self.token) {
            residue::remove(&path);
            failures.push(Failure::Residue { path: path.display().to_string() });
        }
        Outcome { failures, output: self.read_output() }
    }

    /// Waits for the end of the inner process; `None` if it has not ended in time.
    fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let pid = Pid::from_child(&self.child);
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        let ended = wait_readable(&process, Instant::now() + limit)?;
        if ended { self.child.wait().map(Some) } else { Ok(None) }
    }

    /// Kills all processes of the run and tells what they were doing.
    fn stop(&mut self, limit: Duration) -> Failure {
        let mut pids = stray::of_run(&self.token);
        pids.sort_unstable();
        let doing = stray::describe(&pids);
        // The inner process first, by its handle. It has not been waited for, so its id is still its own.
        let _ = self.child.kill();
        stray::kill_all(&self.token);
        let _ = self.child.wait();
        Failure::Hung { limit, doing }
    }

    /// What the report and the exit status tell together.
    ///
    /// The status alone proves nothing: a process that leaves the body early may end with 0 as well.
    fn judge(&self, status: ExitStatus) -> Vec<Failure> {
        let report = fs::read_to_string(self.folder.join("report")).unwrap_or_default();
        let mut failures: Vec<Failure> = report.lines().filter_map(failure_of).collect();
        let has_line = |wanted| report.lines().any(|line| line == wanted);
        if has_line("finished") && !status.success() {
            failures.push(Failure::Failed { status: status.to_string() });
        } else if !has_line("finished") && !has_line("panicked") {
            failures.push(Failure::Unfinished { status: status.to_string() });
        }
        failures
    }

    fn read_output(&self) -> String {
        // Read from the start without moving the offset, which the processes of the run share with this one.
        let size = self.output.metadata().map_or(0, |data| data.len());
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        match self.output.read_exact_at(&mut bytes, 0) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("the output cannot be read: {error}"),
        }
    }
}

/// The failure that a line of the report stands for; `None` for the line that says the body has finished.
fn failure_of(line: &str) -> Option<Failure> {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("leaked", what) => Some(Failure::Leaked { what: what.to_owned() }),
        ("escaped", pid) => Some(Failure::Escaped { pid: pid.to_owned() }),
        ("panicked", _) => Some(Failure::Panicked),
        _ => None,
    }
}

/// Waits until the descriptor is readable, which a pidfd is from the end of its process on; false at the deadline.
fn wait_readable(fd: &OwnedFd, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&left)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The report of a run that has failed; `Ok` with the output of one that has not.
pub(crate) fn verdict(outcome: Outcome, allowed_leaks: Option<&str>) -> Result<String, Report> {
    let Outcome { mut failures, mut output } = outcome;
    if let Some(reason) = allowed_leaks {
        for leak in failures.iter().filter(|failure| failure.is_leak()) {
            output.push_str(&format!("allowed, since {reason}: {leak}\n"));
        }
        failures.retain(|failure| !failure.is_leak());
    }
    if failures.is_empty() { Ok(output) } else { Err(Report { failures, output }) }
}
