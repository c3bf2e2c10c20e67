//! The child's side: become what the parent asked for, call the function, say how it went, exit.
//!
//! # Safety
//!
//! Lends the channel, by its address, to the function that runs while it is there.
#![allow(unsafe_code)]

use crate::current::{self, ChildIdentity, HeldIdentity};
use crate::entry::{self, Callee, Entry, Outcome};
use crate::method::{self, StartMethod};
use crate::parent::Family;
use crate::wire::{ChildEnd, FromChild, Refusal, Setup};
use ipc_codec::{Limits, Message};
use ipc_pipe::internals::Prepared;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::liveness::Lifeline;
use ipc_sys::process::{self, DisplayName};
use serde::Serialize;
use std::cell::Cell;
use std::io::Write;
use std::sync::OnceLock;
use std::{mem, ptr};

/// The exit code after the function returned.
const EXIT_RETURNED: i32 = 0;
/// The exit code after a panic, as the standard library has it.
pub(crate) const EXIT_PANICKED: i32 = 101;
/// The exit code when the function was not called or its result could not be encoded.
pub(crate) const EXIT_REFUSED: i32 = 1;

/// In a spawned child: everything, from the first message to the end of the process.
pub(crate) fn run_spawned(channel: ChildEnd) -> ! {
    // Where this runs from a constructor, the standard library has not done it yet.
    process::ignore_broken_pipes();
    let start = match channel.recv() {
        Ok(start) => start,
        // The parent is gone, or gave up on this child; there is nobody to tell.
        Err(_) => std::process::exit(EXIT_REFUSED),
    };
    DisplayName::of(&start.setup.name).set();
    remember_channel(&channel);
    let code = match NewSelf::of(start.setup, current::hold()).begin() {
        Ok(role) => role.run_entry(&channel, &start.entry, start.args),
        Err(refusal) => refuse(&channel, refusal),
    };
    drop(channel);
    std::process::exit(code)
}

/// In a forked child, once it has let go of what is not its own: the same, from there on.
#[inline(always)]
pub(crate) fn run_forked(
    channel: &ChildEnd,
    new_self: Result<NewSelf, Refusal>,
    work: impl FnOnce(&Role, &ChildEnd) -> i32,
) -> ! {
    remember_channel(channel);
    let code = match new_self.and_then(NewSelf::begin) {
        Ok(role) => work(&role, channel),
        Err(refusal) => refuse(channel, refusal),
    };
    // The destructors and exit handlers in the copied memory are the parent's; what this process printed is its own.
    let _ = std::io::stdout().flush();
    process::flush_c_streams();
    process::exit_now(code)
}

/// What a process is to be, made before it is there.
pub(crate) struct NewSelf {
    held: HeldIdentity,
    identity: ChildIdentity,
    lifeline: Option<Lifeline>,
    method: Option<StartMethod>,
    role: Role,
}

impl NewSelf {
    pub(crate) fn of(setup: Setup, held: HeldIdentity) -> Self {
        let is_daemon = setup.lifeline.is_some();
        NewSelf {
            identity: held.of_child(setup.name, setup.path, is_daemon, setup.parent.map(Family::new)),
            held,
            lifeline: setup.lifeline.map(|lifeline| Lifeline::from_handle(lifeline.into_inner())),
            method: setup.method,
            role: Role { limits: setup.limits.into(), announce: setup.announce },
        }
    }

    /// In the process itself.
    #[inline]
    fn begin(self) -> Result<Role, Refusal> {
        if let Some(lifeline) = self.lifeline {
            // First of all: a parent that dies from here on takes this process with it.
            lifeline
                .die_when_cut()
                .map_err(|error| Refusal::Setup(format!("the parent's lifeline: {error}")))?;
        }
        method::inherit_method(self.method);
        self.held.become_child(self.identity);
        Ok(self.role)
    }
}

thread_local! {
    /// The channel to the parent, which stays where it is as long as the function runs; null where there is none.
    static OWN_CHANNEL: Cell<*const ChildEnd> = const { Cell::new(ptr::null()) };
}

#[inline]
fn remember_channel(channel: &ChildEnd) {
    OWN_CHANNEL.set(channel);
}

/// The channel of this process to its parent, for the function that runs in it, on its first thread.
pub(crate) fn own_channel() -> Option<BorrowedHandle<'static>> {
    // SAFETY: null, or in a frame below that of the function, which ends with the process.
    unsafe { OWN_CHANNEL.get().as_ref() }.map(AsHandle::as_fd)
}

/// What is left of a [`Setup`] once it was followed.
#[derive(Debug)]
pub(crate) struct Role {
    limits: Limits,
    announce: bool,
}

impl Role {
    /// Calls a named function; the exit code.
    pub(crate) fn run_entry(&self, channel: &ChildEnd, entry: &Entry, args: Message) -> i32 {
        match entry.resolve() {
            Ok(callee) => self.run_callee(channel, &callee, args),
            Err(error) => finish(channel, Outcome::ImageDiffers(error.to_string())),
        }
    }

    /// Calls a function; the exit code.
    #[inline]
    pub(crate) fn run_callee(&self, channel: &ChildEnd, callee: &Callee, args: Message) -> i32 {
        finish(channel, callee.call(args, &self.limits, &mut || self.started(channel)))
    }

    /// Calls a closure; the exit code.
    pub(crate) fn run_closure<R: Serialize>(&self, channel: &ChildEnd, work: impl FnOnce() -> R) -> i32 {
        self.started(channel);
        let run = || match ipc_codec::encode(&work(), &self.limits) {
            Ok(result) => Outcome::Returned(result),
            Err(error) => Outcome::ResultRefused(entry::chain(&error)),
        };
        finish(channel, crate::panics::catch(run).unwrap_or_else(Outcome::Panicked))
    }

    #[inline]
    fn started(&self, channel: &ChildEnd) {
        if self.announce {
            // A parent that is gone does not care.
            let _ = channel.send(FromChild::Ready);
        }
    }
}

/// Says that the function is not called, and why; the exit code.
pub(crate) fn refuse(channel: &ChildEnd, refusal: Refusal) -> i32 {
    // As everywhere here: a parent that is gone does not care.
    let _ = channel.send(FromChild::Refused(refusal));
    EXIT_REFUSED
}

/// That the function returned nothing, for a forked child, which has little of the program's code at first: what it does not run it
/// need not get.
static RETURNED_NOTHING: OnceLock<Option<Prepared>> = OnceLock::new();

/// Before a fork: what the child would have to do else.
pub(crate) fn prepare() {
    RETURNED_NOTHING.get_or_init(|| Prepared::new(&FromChild::Done(Outcome::Returned(Message::default()))));
}

#[inline]
fn finish(channel: &ChildEnd, outcome: Outcome) -> i32 {
    if matches!(&outcome, Outcome::Returned(result) if result.is_empty()) {
        if let Some(Some(prepared)) = RETURNED_NOTHING.get() {
            if channel.say(prepared) {
                // There is nothing in it to drop, and the code for that is elsewhere.
                mem::forget(outcome);
                return EXIT_RETURNED;
            }
        }
    }
    finish_with(channel, outcome)
}

#[inline(never)]
fn finish_with(channel: &ChildEnd, outcome: Outcome) -> i32 {
    let code = match &outcome {
        Outcome::Returned(_) => EXIT_RETURNED,
        Outcome::Panicked(_) => EXIT_PANICKED,
        Outcome::ArgumentsRefused(_) | Outcome::ResultRefused(_) | Outcome::ImageDiffers(_) => EXIT_REFUSED,
    };
    let message = match outcome {
        Outcome::ArgumentsRefused(reason) => FromChild::Refused(Refusal::Arguments(reason)),
        Outcome::ImageDiffers(reason) => FromChild::Refused(Refusal::ImageDiffers(reason)),
        outcome => FromChild::Done(outcome),
    };
    match channel.send(message) {
        Ok(()) => code,
        Err(ipc_pipe::SendError::Closed(_)) => code,
        // No memory to carry a large result, say: the result is lost, and the parent is told why.
        Err(error) => {
            let reason = entry::chain(&error);
            let _ = channel.send(FromChild::Done(Outcome::ResultRefused(reason)));
            EXIT_REFUSED
        }
    }
}
