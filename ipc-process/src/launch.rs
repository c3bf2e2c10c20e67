//! Making the process: by running the program again, or by a copy of this one.
//!
//! # Safety
//!
//! Forks. The callers in [`builder`](crate::builder) saw to it that the process has one thread, or got the promise of
//! their own caller.
#![allow(unsafe_code)]

use crate::child::NewSelf;
use crate::children::Children;
use crate::environment::EnvChanges;
use crate::error::SpawnError;
use crate::fork_server::Own;
use crate::init::CHANNEL_VARIABLE;
use crate::per_process::Held;
use crate::stdio::{Stdio, Streams};
use crate::wire::{ChildEnd, ParentEnd, Refusal, Setup, Start, channel_limits};
use crate::{child, children, current, fork_server, life, panics};
use ipc_sys::family::ForkPreparation;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::liveness::{Keeper, Lifeline};
use ipc_sys::process::{self, Child, Forked, Program, SpawnStep};
use std::ffi::{CString, OsStr, OsString};
use std::io::Write;
use std::mem;
use std::path::{Path, PathBuf};

/// What a process finds around it when it begins.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) env: EnvChanges,
    pub(crate) current_dir: Option<PathBuf>,
    pub(crate) stdio: [Stdio; 3],
    /// The program to run instead of this one.
    pub(crate) executable: Option<PathBuf>,
}

impl Surroundings {
    /// Whether a forked child has nothing to set up, so that nothing can go wrong there.
    pub(crate) fn are_inherited(&self) -> bool {
        self.env.is_empty()
            && self.current_dir.is_none()
            && self.stdio.iter().all(|stream| matches!(stream, Stdio(crate::stdio::Kind::Inherit)))
    }
}

/// Runs the program again with `start` waiting for it.
pub(crate) fn spawn(start: Start, surroundings: Surroundings) -> Result<(Child, ParentEnd), SpawnError> {
    let streams =
        Streams::open(surroundings.stdio).map_err(SpawnError::os("opening the standard streams"))?;
    let (here, there) = channel()?;
    // The child finds it when it asks; the parent never waits for the child to take it.
    send_start(&here, start)?;
    let name = process::name_channel(there.as_fd()).map_err(SpawnError::os("naming the channel"))?;
    let mut variables = surroundings.env.apply();
    variables.insert(CHANNEL_VARIABLE.into(), name.into());
    let path = match &surroundings.executable {
        Some(path) => c_string(path.as_os_str(), "the path of the program")?,
        None => process::OWN_IMAGE.into(),
    };
    let current_dir = surroundings.current_dir.as_deref();
    let program = Program {
        path,
        args: std::env::args_os().map(|arg| c_string(&arg, "an argument")).collect::<Result<_, _>>()?,
        env: variables.iter().map(variable).collect::<Result<_, _>>()?,
        current_dir: current_dir.map(|dir| c_string(dir.as_os_str(), "the working directory")).transpose()?,
        stdio: streams.handles(),
        channel: Some(there.as_fd()),
    };
    let child = process::spawn(&program).map_err(|error| match error.step {
        SpawnStep::Exec => {
            SpawnError::Exec { path: surroundings.executable.unwrap_or_else(own_path), source: error.source }
        }
        SpawnStep::Clone => SpawnError::Os { call: "making the process", source: error.source },
        _ => SpawnError::Setup { reason: crate::entry::chain(&error) },
    })?;
    Ok((child, here))
}

/// Copies this process; the copy runs `work` and never returns.
///
/// # Safety
///
/// As for [`process::fork`].
pub(crate) unsafe fn fork(
    setup: Setup,
    surroundings: Surroundings,
    work: impl FnOnce(&child::Role, &ChildEnd) -> i32,
) -> Result<(Child, ParentEnd), SpawnError> {
    let (here, there) = channel()?;
    let mut there = Some(there);
    // SAFETY: handed on to the caller. The copy never comes back from there, so it has no use for this end.
    let child = unsafe { fork_with(&mut there, &[here.as_fd()], setup, surroundings, work) }?;
    Ok((child, here))
}

/// As [`fork`], with a channel that is there already: `there` is the child's end, which is gone in the child alone.
///
/// # Safety
///
/// As for [`process::fork`]; and the copies of what owns the `unused` are not used in the child, where they are closed.
pub(crate) unsafe fn fork_with(
    there: &mut Option<OwnedHandle>,
    unused: &[BorrowedHandle<'_>],
    setup: Setup,
    surroundings: Surroundings,
    work: impl FnOnce(&child::Role, &ChildEnd) -> i32,
) -> Result<Child, SpawnError> {
    let is_plain = surroundings.are_inherited();
    let streams =
        Streams::open(surroundings.stdio).map_err(SpawnError::os("opening the standard streams"))?;
    // The copy finds them done, and copies some pages less.
    panics::install_hook();
    ipc_pipe::internals::prepare_thread();
    child::prepare();
    // What waits in the buffers would be printed by both.
    let _ = std::io::stdout().flush();
    process::flush_c_streams();
    let statics = Statics::hold();
    let new_self = NewSelf::of(setup, current::hold());
    let given = there.as_ref().expect("the child's end was made for it").as_fd();
    // SAFETY: handed on to the caller.
    let family =
        unsafe { ForkPreparation::giving(given, unused) }.map_err(SpawnError::os("preparing the fork"))?;
    // SAFETY: the caller's promise.
    match unsafe { process::fork() }.map_err(SpawnError::os("forking"))? {
        Forked::Parent(child) => Ok(child),
        Forked::Child => {
            let _guard = ExitOnUnwind;
            let Some(there) = there.take() else { process::exit_now(child::EXIT_REFUSED) };
            let (there, buried) = family.bury_others(there);
            statics.forget_parents();
            let channel = ChildEnd::from_member(there).with_limits(channel_limits());
            let ready = buried
                .map_err(|error| Refusal::Setup(format!("letting go of the parent's handles: {error}")))
                .and_then(|()| match is_plain {
                    true => {
                        // There are none, and the code that drops them is elsewhere.
                        mem::forget(streams);
                        Ok(())
                    }
                    false => enter(&surroundings.env, surroundings.current_dir.as_deref(), streams),
                });
            child::run_forked(&channel, ready.map(|()| new_self), work)
        }
    }
}

/// What belongs to one process, locked, so that a child finds it whole.
struct Statics {
    fork_server: Held<'static, Own>,
    life: Held<'static, (Keeper, Lifeline)>,
    children: Held<'static, Children>,
}

impl Statics {
    fn hold() -> Self {
        // The server first: who starts it has it, and takes the others.
        Statics { fork_server: fork_server::hold(), life: life::hold(), children: children::hold() }
    }

    #[inline]
    fn forget_parents(self) {
        self.life.forget_parents(|_| true);
        self.children.forget_parents(Children::holds_handles);
        self.fork_server.forget_parents(Own::holds_handles);
    }
}

/// In a forked child: a panic ends the process. The frames above are the parent's, who goes on with them; a copy that
/// unwound through them would do so as well.
struct ExitOnUnwind;

impl Drop for ExitOnUnwind {
    fn drop(&mut self) {
        process::exit_now(child::EXIT_PANICKED);
    }
}

/// In a forked child: the environment, working directory and streams that it was to have.
fn enter(env: &EnvChanges, current_dir: Option<&Path>, streams: Streams) -> Result<(), Refusal> {
    if !env.is_empty() {
        let variables = env.apply();
        for (name, _) in std::env::vars_os().filter(|(name, _)| !variables.contains_key(name)) {
            process::set_variable(&name, None);
        }
        for (name, value) in &variables {
            process::set_variable(name, Some(value));
        }
    }
    if let Some(dir) = current_dir {
        std::env::set_current_dir(dir)
            .map_err(|error| Refusal::Setup(format!("the working directory {}: {error}", dir.display())))?;
    }
    for (number, stream) in streams.handles().into_iter().enumerate() {
        if let Some(stream) = stream {
            process::replace_stdio(number, stream)
                .map_err(|error| Refusal::Setup(format!("standard stream {number}: {error}")))?;
        }
    }
    Ok(())
}

/// The parent's end of a channel, and the child's as a bare handle: one that a forked child does not bury, being its own.
pub(crate) fn channel() -> Result<(ParentEnd, OwnedHandle), SpawnError> {
    let (here, there): (ParentEnd, ChildEnd) =
        ipc_pipe::internals::line().map_err(SpawnError::os("making the channel"))?;
    // The child's streams are put in their places while it has the channel.
    let there = process::above_stdio(there.into_handle()).map_err(SpawnError::os("making the channel"))?;
    Ok((here.with_limits(channel_limits()), there))
}

fn send_start(channel: &ParentEnd, start: Start) -> Result<(), SpawnError> {
    channel.send(start).map_err(|error| match error {
        ipc_pipe::SendError::Encode(_, source) => SpawnError::Encode(source),
        ipc_pipe::SendError::Os(_, source) => SpawnError::Os { call: "sending the arguments", source },
        _ => unreachable!("the other end is open in this process"),
    })
}

fn variable((name, value): (&OsString, &OsString)) -> Result<CString, SpawnError> {
    let mut line = name.clone();
    line.push("=");
    line.push(value);
    c_string(&line, "a variable of the environment")
}

fn c_string(text: &OsStr, what: &str) -> Result<CString, SpawnError> {
    CString::new(text.as_encoded_bytes()).map_err(|_| SpawnError::InvalidInput { what: what.into() })
}

/// The path of this program, for a message.
fn own_path() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "of this process".into())
}
