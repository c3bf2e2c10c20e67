//! Area `spawn`: start and join of an empty function, beside the least that the system needs for a process.
//!
//! # Safety
//!
//! Forks by hand, as the peer. The program has one thread, and the copy exits at once.
#![allow(unsafe_code)]

use crate::measure::{Comparison, Contender, Effort};
use crate::row::Row;
use ipc_process::{Builder, StartMethod};
use std::error::Error;
use std::io;
use std::process::Command;

/// Set in the environment of a peer that runs this program again.
const PEER_VARIABLE: &str = "IPC_BENCH_PEER";

/// Whether this process is such a peer, which has nothing to do.
pub(crate) fn is_peer() -> bool {
    std::env::var_os(PEER_VARIABLE).is_some()
}

/// Measures every start method.
pub(crate) fn rows(effort: Effort) -> Result<Vec<Row>, Box<dyn Error>> {
    // Fork first: it copies what this program has by then, and that should be little for both.
    let fork = Comparison::once("S10a", "fork: start + join of an empty function", 1.5);
    let spawn = Comparison::once("S10c", "spawn: start + join of an empty function", 1.3);
    Ok(vec![
        fork.run(&mut Ours(StartMethod::Fork), &mut RawFork, effort)?,
        spawn.run(&mut Ours(StartMethod::Spawn), &mut Reexec, effort)?,
    ])
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
