//! Children: start a program or a copy of this process, wait for its end, send it a signal.
//!
//! # What a port provides
//!
//! - `OWN_IMAGE`: the path by which this process can run its own program again.
//! - `spawn(program) -> (pid, handle)`: a new process that runs a program, named by its handle from its first
//!   instant; the failure of any step is the error of this call.
//! - `fork() -> child or (pid, handle)`: a copy of this process, or an error that says the system has none.
//! - `try_wait(handle)`: the exit status once the process has ended, without waiting; collects the remains.
//! - `is_ending(pid)`: whether that process is on its way out, as far as the system tells.
//! - `signal(handle, signal)`: to that process and never to another; nothing when it has ended.
//! - `signal_name(number)`: what the system calls a signal.
//! - `thread_count()`, `resident_memory()`, `exit_now(code)`, `replace_stdio(number, handle)`, `above_stdio(handle)`,
//!   `display_name(name)`, `set_display_name(name)`, `ignore_broken_pipes()`, `flush_c_streams()`.
//! - `stream_id(number)`, `copy_stream(number)`: which file a standard stream is, and a handle to it.
//! - `InterruptAction`, `ignore_interrupts() -> InterruptAction`, `restore_interrupts(action)`.
//! - `open_parent(pid)`: the handle of the parent, if it still is that process; `with_own_handle(work)`: that of this process.
//! - `name_channel(handle)`, `claim_channel(name)`: how a spawned program finds the handle that it was started with.
//!
//! The handle of a process is readable (see [`readiness`](crate::readiness)) when the process has ended.

mod child;
mod linux;
mod own;
mod serving;
mod start;
use linux as imp;

pub use child::{Child, ExitStatus, Signal, signal};
pub use own::{
    DisplayName, above_stdio, claim_channel, exit_now, flush_c_streams, ignore_broken_pipes, name_channel,
    replace_stdio, resident_memory, set_variable, thread_count,
};
pub use serving::{
    InterruptsIgnored, copy_stream, ignore_interrupts, open_parent, stream_ids, with_own_handle,
};
pub use start::{Forked, OWN_IMAGE, Program, SpawnError, SpawnStep, fork, spawn};
