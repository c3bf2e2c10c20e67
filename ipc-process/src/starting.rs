//! Starting a process by the settings of a [`Builder`].
//!
//! # Safety
//!
//! Forks. Its callers have made sure that the process has one thread, or were promised that it does not matter.
#![allow(unsafe_code)]

use crate::attached::Attached;
use crate::builder::Builder;
use crate::children::{self, Member};
use crate::current::{self, TreePath};
use crate::entry::{Callee, Entry};
use crate::error::SpawnError;
use crate::fork_server::{self, ForkServer};
use crate::method::StartMethod;
use crate::parent::ParentNames;
use crate::process::Process;
use crate::running::Running;
use crate::wire::{Setup, Start};
use crate::words::Words;
use crate::{init, launch, life, method};
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, Message};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a process is to this one.
#[derive(Debug)]
pub(crate) enum Standing {
    /// A child with a number and a place in the list of children.
    Child,
    /// A fork server, which is nobody's child to anyone, on a lifeline of its own.
    Server(OwnedHandle),
}

impl Builder {
    /// The prefix of the name that a process has by default.
    pub(crate) fn name_prefix(mut self, prefix: &'static str) -> Self {
        self.name_prefix = prefix;
        self
    }

    /// The settings of a fork server.
    pub(crate) fn of_server(lifeline: OwnedHandle) -> Self {
        let mut builder = Builder::new().name("ForkServer").daemon(true).method(StartMethod::Spawn);
        builder.standing = Standing::Server(lifeline);
        builder
    }

    /// Spawns a fork server.
    pub(crate) fn spawn_server<A, R>(self, function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.spawn(function, args)
    }

    /// Starts the process without waiting for its first word; by spawn if no method was named.
    ///
    /// # Safety
    ///
    /// As for [`spawn_despite_threads`](Builder::spawn_despite_threads).
    pub(crate) unsafe fn launch<A, R>(self, function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let message = ipc_codec::encode(&args, &self.limits)?;
        // From here on the handles in the arguments are the child's.
        drop(args);
        match self.method.unwrap_or(StartMethod::Spawn) {
            StartMethod::Spawn => self.launch_spawn(name_of(function)?, message),
            StartMethod::ForkServer => self.launch_by_own_server(name_of(function)?, message),
            StartMethod::Fork => {
                let callee = Callee::of(function);
                // SAFETY: handed on to the caller.
                unsafe { self.launch_fork(move |role, channel| role.run_callee(channel, &callee, message)) }
            }
        }
    }

    /// Starts a process that `server` forks from itself, without waiting for its first word.
    pub(crate) fn launch_served<A, R>(
        mut self,
        server: &ForkServer,
        function: fn(A) -> R,
        args: A,
    ) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let entry = name_of(function)?;
        let args = ipc_codec::encode(&args, &self.limits)?;
        let (mut setup, new) = self.prepare(true)?;
        setup.parent = None;
        let (child, words) = server.fork(Start { entry, args, setup })?;
        Ok(new.into_process(child, words, true))
    }

    fn launch_by_own_server<R>(mut self, entry: Entry, args: Message) -> Result<Process<R>, SpawnError> {
        // As for a fork.
        let announce = !self.surroundings.are_inherited();
        let (mut setup, new) = self.prepare(announce)?;
        // The server's, which is this process.
        setup.parent = None;
        let start = Start { entry, args, setup };
        let (child, words) = fork_server::fork(start, &mut self.surroundings, new.start_deadline)?;
        Ok(new.into_process(child, words, announce))
    }

    fn launch_spawn<R>(mut self, entry: Entry, args: Message) -> Result<Process<R>, SpawnError> {
        if !init::was_called() {
            return Err(SpawnError::NotInitialized);
        }
        let (setup, new) = self.prepare(true)?;
        let (child, channel) = launch::spawn(Start { entry, args, setup }, self.surroundings)?;
        Ok(new.into_process(Attached::own(child), Arc::new(Words::new(channel)), true))
    }

    /// # Safety
    ///
    /// As for [`spawn_despite_threads`](Builder::spawn_despite_threads) with [`StartMethod::Fork`].
    pub(crate) unsafe fn launch_fork<R>(
        mut self,
        work: impl FnOnce(&crate::child::Role, &crate::wire::ChildEnd) -> i32,
    ) -> Result<Process<R>, SpawnError> {
        // Where nothing can go wrong in the child, the parent need not wait for it.
        let announce = !self.surroundings.are_inherited();
        let (setup, new) = self.prepare(announce)?;
        // SAFETY: handed on to the caller.
        let (child, channel) = unsafe { launch::fork(setup, self.surroundings, work) }?;
        Ok(new.into_process(Attached::own(child), Arc::new(Words::new(channel)), announce))
    }

    fn prepare(&mut self, announce: bool) -> Result<(Setup, NewProcess), SpawnError> {
        if let Some(name) = self.surroundings.env.bad_name() {
            return Err(SpawnError::InvalidInput { what: format!("the variable name {name:?}") });
        }
        if let Some(name) = self.surroundings.env.name_of_bad_value() {
            return Err(SpawnError::InvalidInput { what: format!("the value of the variable {name:?}") });
        }
        children::sweep();
        let (path, lifeline, is_listed) = match std::mem::replace(&mut self.standing, Standing::Child) {
            Standing::Child => {
                let lifeline =
                    self.daemon.then(life::own).transpose().map_err(SpawnError::os("making the lifeline"))?;
                (current::next_child(), lifeline, true)
            }
            Standing::Server(lifeline) => (TreePath::new(), Some(lifeline), false),
        };
        let name = self.name.take().unwrap_or_else(|| current::default_name(self.name_prefix, &path));
        let new = NewProcess {
            name: name.clone(),
            daemon: self.daemon,
            is_listed,
            limits: self.limits,
            start_deadline: Deadline::after(self.start_timeout),
        };
        let parent =
            Some(ParentNames { pid: std::process::id(), name: current::current().name().to_owned() });
        let (limits, method) = (self.limits.into(), method::set_method());
        let lifeline = lifeline.map(Handle::from);
        Ok((Setup { name, path, lifeline, limits, announce, parent, method }, new))
    }
}

/// What the parent knows of a process before it is there.
struct NewProcess {
    name: String,
    daemon: bool,
    is_listed: bool,
    limits: Limits,
    start_deadline: Deadline,
}

impl NewProcess {
    fn into_process<R>(self, child: Attached, words: Arc<Words>, announced: bool) -> Process<R> {
        let start_deadline = announced.then_some(self.start_deadline);
        let member = if self.is_listed {
            Member::listed(self.name, self.daemon, child)
        } else {
            Member::unlisted(self.name, self.daemon, child)
        };
        Process::new(Running::new(self.limits, start_deadline, member, words))
    }
}

fn name_of<A, R>(function: fn(A) -> R) -> Result<Entry, SpawnError>
where
    A: DeserializeOwned,
    R: Serialize,
{
    Entry::of(function).ok_or(SpawnError::NoSuchFunction)
}

/// Refuses to go on towards a fork when there are other threads.
pub(crate) fn refuse_threads() -> Result<(), SpawnError> {
    match ipc_sys::process::thread_count().map_err(SpawnError::os("counting the threads"))? {
        1 => Ok(()),
        threads => Err(SpawnError::MultiThreaded { threads }),
    }
}
