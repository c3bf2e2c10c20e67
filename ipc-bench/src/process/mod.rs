//! Area `process`: start and join of an empty function, beside the least that the system needs for a process, and Python; and what
//! it costs to have processes that do nothing.
//!
//! # Safety
//!
//! Forks by hand, as the peer. The program has one thread, and the copy exits at once.
#![allow(unsafe_code)]

mod idle;
mod python;

use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::row::Row;
use ipc_process::{Builder, StartMethod};
use python::Python;
use std::error::Error;
use std::io;
use std::process::Command;

/// Set in the environment of a peer that runs this program again.
const PEER_VARIABLE: &str = "IPC_BENCH_PEER";

/// Whether this process is such a peer, which has nothing to do.
pub(crate) fn is_peer() -> bool {
    std::env::var_os(PEER_VARIABLE).is_some()
}

/// By how much fewer starts Python makes than we do.
const FEWER_BY_PYTHON: usize = 20;

/// Measures every start method.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    // Fork first: it copies what this program has by then, and that should be little for both.
    let fork = Comparison::once("S10a", "fork: start + join of an empty function", 1.5);
    let forkserver = Comparison::once("S10b", "forkserver: the same, by libc::fork", 2.0);
    let spawn = Comparison::once("S10c", "spawn: the same", 1.3);
    let mut rows = vec![
        fork.run(&mut Ours(StartMethod::Fork), &mut RawFork, effort)?,
        forkserver.run(&mut Ours(StartMethod::ForkServer), &mut RawFork, effort)?,
        spawn.run(&mut Ours(StartMethod::Spawn), &mut Reexec, effort)?,
    ];
    rows.extend(beside_python(effort)?);
    rows.extend(idle::rows(effort)?);
    Ok(rows)
}

/// The same method of each, which is no target: it is met by whoever meets the others.
fn beside_python(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    let methods = [
        ("S10d", "fork, by Python's Process", StartMethod::Fork),
        ("S10e", "forkserver, by Python's Process", StartMethod::ForkServer),
        ("S10f", "spawn, by Python's Process", StartMethod::Spawn),
    ];
    let mut rows = Vec::new();
    for (id, work, method) in methods {
        let Some(mut python) = Python::start(method.name()) else { return Ok(Vec::new()) };
        let comparison = Comparison {
            id,
            work,
            target: None,
            n_operations: 1,
            shown: Shown::Time,
            fewer: FEWER_BY_PYTHON,
        };
        rows.push(comparison.run(&mut Ours(method), &mut python, effort)?);
    }
    Ok(rows)
}

/// A process of the family.
struct Ours(StartMethod);

/// `fork`, `_exit`, `waitpid`.
struct RawFork;

/// The same program once more, by the standard library.
struct Reexec;

impl Contender for Ours {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(Builder::new().method(self.0).spawn(|(): ()| (), ())?.join()?)
    }
}

impl Contender for RawFork {
    fn name(&self) -> &'static str {
        "libc::fork"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        // SAFETY: the process has one thread.
        let pid = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error().into()),
            // SAFETY: ends the copy; nothing of it runs any more.
            0 => unsafe { libc::_exit(0) },
            pid => pid,
        };
        let mut status = 0;
        // SAFETY: writes to the status only.
        let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
        if waited != pid {
            return Err(io::Error::last_os_error().into());
        }
        if status == 0 { Ok(()) } else { Err(format!("the copy ended with status {status}").into()) }
    }
}

impl Contender for Reexec {
    fn name(&self) -> &'static str {
        "std::process"
    }

    fn run_once(&mut self) -> Result<(), Box<dyn Error>> {
        let status = Command::new("/proc/self/exe").env(PEER_VARIABLE, "1").status()?;
        if status.success() { Ok(()) } else { Err(format!("the program ended with {status}").into()) }
    }
}
