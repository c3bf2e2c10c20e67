//! A small process of one thread that forks others on request, for an owner that must not or does not want to.
//!
//! It comes to be in two ways. A pool that forks its workers has a thread, and a process with threads must not be forked: so
//! it forks the server off while there is one thread, and each worker is a copy of the process as it was then. For
//! [`StartMethod::ForkServer`](crate::StartMethod) it is spawned, and each process is a copy of the program as it starts.
//!
//! ```text
//! owner                                   server                      child
//!   Order{start, channel}  ->               forks                       begins with its end of the channel
//!                    <-  Born{handle, pid}, on the channel               calls the function
//!                    <-  Ended{status}, there, too, when it has collected it
//! ```
//!
//! Between any two of these steps each of the three may be gone. A child calls its function only once it has said `Born`, and so the
//! end of the channel without that word, which is the end of both others, means that nothing was done: the owner has another server do
//! it. Whoever has said it needs
//! the server for nothing any more. The owner has the handle of the child, and learns of its end from the kernel; the server adds the
//! exit status, which the kernel gives to parents alone, and without a server the status may be unknown.
//!
//! The server hangs on a lifeline of its owner, and ends with it, in whatever way. Nobody else can reach it: what it is ordered by is
//! a socket without a name.

mod changes;
mod order;
mod own;
mod serve;

pub(crate) use own::{Own, fork, hold};
pub use own::{set_forkserver_preload, stop_forkserver};

use crate::attached::Attached;
use crate::builder::Builder;
use crate::error::{JoinError, SpawnError};
use crate::launch::{self, Surroundings};
use crate::process::Process;
use crate::stdio::{Streams, occupy_closed_places};
use crate::wire::{FromChild, Start, channel_limits};
use crate::words::Words;
use changes::{Base, Changes};
use ipc_codec::handle::Handle;
use ipc_pipe::internals::{Line, line};
use ipc_pipe::{RecvError, RecvTimeoutError, SendError};
use ipc_sys::clock::Deadline;
use ipc_sys::liveness::{Keeper, lifeline};
use ipc_sys::process::Child;
use order::{Order, Preload, ServerStart};
use serve::serve;
use std::sync::Arc;
use std::time::Duration;

/// How long the server may take to fork, where nobody says anything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what was killed or closed may take until it shows.
const CLOSING: Duration = Duration::from_secs(1);

/// The owner's side of a fork server.
#[derive(Debug)]
pub(crate) struct ForkServer {
    orders: Line<Order, ()>,
    process: Process<Result<(), String>>,
    /// What the server found around it, and has its children find, too.
    base: Base,
    /// Whose end is the server's.
    _keeper: Keeper,
    owner: u32,
}

/// Why the server made no process.
pub(crate) enum Failure {
    /// It is not there any more, or did not take the order. Nothing was done.
    Gone,
    Failed(SpawnError),
}

impl ForkServer {
    /// Forks the server off this process, which has one thread.
    pub(crate) fn start() -> Result<Self, SpawnError> {
        ForkServer::begin(|builder, orders| builder.fork(serve, ServerStart { orders, preload: None }))
    }

    /// Spawns the server, which calls `preload` first.
    pub(crate) fn spawned(preload: Option<fn()>) -> Result<Self, SpawnError> {
        let preload = preload.map(Preload::of).transpose()?;
        ForkServer::begin(|builder, orders| builder.spawn_server(serve, ServerStart { orders, preload }))
    }

    fn begin(
        start: impl FnOnce(Builder, Line<(), Order>) -> Result<Process<Result<(), String>>, SpawnError>,
    ) -> Result<Self, SpawnError> {
        let base = Base::of_this_process();
        let places = occupy_closed_places().map_err(SpawnError::os("opening the null device"))?;
        let (keeper, lifeline) = lifeline().map_err(SpawnError::os("making the fork server's lifeline"))?;
        let (here, there) = line().map_err(SpawnError::os("making the fork server's channel"))?;
        let process = start(Builder::of_server(lifeline.into_handle()), there)?;
        drop(places);
        let orders = here.with_limits(channel_limits());
        Ok(ForkServer { orders, process, base, _keeper: keeper, owner: std::process::id() })
    }

    /// Has the server fork a process that does what `start` says, with what the server itself has around it.
    pub(crate) fn fork(&self, start: Start) -> Result<(Attached, Arc<Words>), SpawnError> {
        let order = self.order(&Arc::new(start), Changes::default(), Deadline::after(PATIENCE));
        order.map_err(|failure| match failure {
            Failure::Gone => self.end().into(),
            Failure::Failed(error) => error,
        })
    }

    /// The same with what is around this process now, and what the settings change of it.
    fn fork_here(
        &self,
        start: &Arc<Start>,
        (surroundings, streams): (&Surroundings, &Streams),
        deadline: Deadline,
    ) -> Result<(Attached, Arc<Words>), Failure> {
        let changes = self.base.changes_to(surroundings, streams);
        self.order(start, changes.map_err(Failure::Failed)?, deadline)
    }

    fn order(
        &self,
        start: &Arc<Start>,
        changes: Changes,
        deadline: Deadline,
    ) -> Result<(Attached, Arc<Words>), Failure> {
        let (here, there) = launch::channel().map_err(Failure::Failed)?;
        let order = Order { start: Arc::clone(start), changes, channel: there.into() };
        // The child's end is closed here by then, so that its end is the child's, and there is room for the child's handle.
        self.orders.send(order).map_err(|error| match error {
            SendError::Closed(_) => Failure::Gone,
            SendError::Encode(_, error) => Failure::Failed(error.into()),
            SendError::Os(_, source) => {
                Failure::Failed(SpawnError::Os { call: "ordering the process", source })
            }
            other => Failure::Failed(SpawnError::Setup { reason: other.to_string() }),
        })?;
        let words = Arc::new(Words::new(here));
        let child = self.first_word(&words, deadline)?;
        Ok((Attached::served(child, Arc::clone(&words)), words))
    }

    /// Waits until the child says that it is there.
    fn first_word(&self, words: &Words, deadline: Deadline) -> Result<Child, Failure> {
        match words.recv_timeout(deadline.remaining_at_most(Duration::MAX)) {
            Ok(FromChild::Born(handle, pid)) => {
                Ok(Child::from_handle(u32::from_le_bytes(pid), handle.into_inner()))
            }
            Ok(FromChild::Refused(refusal)) => Err(Failure::Failed(refusal.into())),
            Ok(FromChild::Ended(status)) => Err(Failure::Failed(SpawnError::Died { status: status.into() })),
            Ok(other) => Err(Failure::Failed(SpawnError::ImageDiffers { reason: format!("{other:?}") })),
            Err(RecvTimeoutError::Recv(RecvError::Eof)) => Err(Failure::Gone),
            Err(RecvTimeoutError::TimedOut) => {
                self.give_up(words);
                Err(Failure::Failed(SpawnError::TimedOut))
            }
            Err(error) => Err(Failure::Failed(SpawnError::Setup { reason: crate::entry::chain(&error) })),
        }
    }

    /// Ends a server that does nothing, because somebody stopped it, say, and the child that it made nevertheless.
    fn give_up(&self, words: &Words) {
        let _ = self.process.kill();
        // Without the server the channel ends, unless there is a child, which says so now.
        if let Ok(FromChild::Born(handle, pid)) = words.recv_timeout(CLOSING) {
            let child = Child::from_handle(u32::from_le_bytes(pid), Handle::into_inner(handle));
            let _ = child.signal(ipc_sys::process::Signal::Kill);
        }
    }

    /// How a server ended that took no order.
    fn end(&self) -> End {
        let (is_final, reason) = match self.process.running().finish(Deadline::after(CLOSING)) {
            Ok(None) => (false, "it did not take the order".to_owned()),
            Ok(Some(result)) => match result.decode::<Result<(), String>>(&channel_limits()) {
                Ok(Err(reason)) => (true, reason),
                _ => (false, "it has ended".to_owned()),
            },
            Err(JoinError::Panicked(report)) => (true, report.to_string()),
            Err(error) => (false, error.to_string()),
        };
        End { is_final, reason }
    }
}

/// How a fork server ended.
struct End {
    /// Whether another one would end so, too.
    is_final: bool,
    reason: String,
}

impl From<End> for SpawnError {
    fn from(end: End) -> Self {
        SpawnError::Setup { reason: format!("the fork server: {}", end.reason) }
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // A copy of this value in another process is no owner.
        if self.owner == std::process::id() {
            // It has nothing to tidy up, and its children need it no more.
            let _ = self.process.kill();
            // It cannot escape the kill, so the wait ends.
            let _ = self.process.wait();
        }
    }
}
