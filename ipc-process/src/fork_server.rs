//! A small process of one thread that forks others on request.
//!
//! A process with threads must not be forked, and a pool has a thread. So a pool that forks its workers forks this
//! server first, while the process still has one thread, and has it fork the workers from then on: each is a copy of the
//! process as it was when the pool was made.
//!
//! ```text
//! owner                             server                        worker
//!   Order{start, channel, statuses}  ->  forks                      begins with its end of the channel
//!                     <-  Answer         (handle of the worker)
//!                     <-  status, on `statuses`, when it has collected the worker
//! ```
//!
//! The owner has the worker's process handle, so it learns of the worker's death from the kernel; the server only adds the
//! exit status, which the kernel gives to parents alone. When the server dies, the workers go on, their statuses are
//! unknown, and no more workers can be forked. When the owner dies, the server and all workers are killed.
//!
//! # Safety
//!
//! The server forks itself: it has one thread.
#![allow(unsafe_code)]

use crate::attached::{Attached, WireStatus};
use crate::builder::Builder;
use crate::child::Role;
use crate::entry;
use crate::error::SpawnError;
use crate::launch::{self, Surroundings};
use crate::process::Process;
use crate::wire::{ChildEnd, ParentEnd, Start, channel_limits};
use ipc_codec::handle::Handle;
use ipc_pipe::internals::{Line, line};
use ipc_pipe::{RecvError, SendError, TryRecvError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::process::Child;
use ipc_sys::readiness::{Interest, Watch, wait};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the server may take to fork a worker.
const PATIENCE: Duration = Duration::from_secs(60);

/// The owner's side of a fork server.
#[derive(Debug)]
pub(crate) struct ForkServer {
    orders: Line<Order, Answer>,
    process: Process<()>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    start: Start,
    /// The worker's end of the channel to the owner, bare: the server hands it on and is no holder of it.
    channel: Handle<OwnedHandle>,
    statuses: Line<WireStatus, ()>,
}

/// The worker's process id and handle, or why there is none.
type Answer = Result<(u32, Handle<OwnedHandle>), String>;

impl ForkServer {
    /// Forks the server off this process, which has one thread.
    pub(crate) fn start() -> Result<Self, SpawnError> {
        let (here, there) = line().map_err(SpawnError::os("making the fork server's channel"))?;
        let process = Builder::new().name("ForkServer").daemon(true).fork(serve, there)?;
        Ok(ForkServer { orders: here.with_limits(channel_limits()), process })
    }

    /// Has the server fork a worker that does what `start` says.
    pub(crate) fn fork(&self, start: Start) -> Result<(Attached, ParentEnd), SpawnError> {
        let (here, there) = launch::channel()?;
        let (statuses_tx, statuses) = line().map_err(SpawnError::os("making the status channel"))?;
        let order = Order { start, channel: there.into(), statuses: statuses_tx };
        let gone =
            |reason: String| SpawnError::Setup { reason: format!("the fork server is gone: {reason}") };
        self.orders.send(order).map_err(|error| gone(error.to_string()))?;
        let answer = match self.orders.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(error) => {
                // Stopped by somebody, perhaps. What it may still answer would be taken for the answer to the next order.
                let _ = self.process.kill();
                return Err(gone(error.to_string()));
            }
        };
        let (pid, handle) = answer.map_err(|reason| SpawnError::Setup { reason })?;
        let child = Child::from_handle(pid, handle.into_inner());
        Ok((Attached::served(child, statuses), here))
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // The pool has seen the end of its workers, so the server has nothing left to do, and nothing to tidy up.
        let _ = self.process.kill();
        // It cannot escape the kill, so the wait ends.
        let _ = self.process.wait();
    }
}

/// The server: forks on order, collects its children, until the owner lets go.
fn serve(orders: Line<Answer, Order>) {
    let orders = orders.with_limits(channel_limits());
    let mut children: Vec<(Child, Line<WireStatus, ()>)> = Vec::new();
    loop {
        let mut watches = vec![Watch::new(orders.as_fd(), Interest::Read)];
        watches.extend(children.iter().map(|(child, _)| Watch::new(child.handle(), Interest::Read)));
        if wait(&mut watches, Deadline::NEVER).is_err() {
            // Memory is short. The kernel has the children's ends in store.
            std::thread::yield_now();
            continue;
        }
        drop(watches);
        children.retain(|(child, statuses)| match child.wait(Deadline::NOW) {
            Ok(Some(status)) => {
                // An owner that does not want to know has dropped its end.
                let _ = statuses.try_send(status.into());
                false
            }
            Ok(None) | Err(_) => true,
        });
        match orders.try_recv() {
            Ok(order) => {
                let answer = follow(order, &mut children).map_err(|error| entry::chain(&error));
                let sent = match orders.send(answer) {
                    // Too many handles on their way, say. The owner waits for an answer; without one of its own it lets go of
                    // the worker, which ends then.
                    Err(error) if !matches!(error, SendError::Closed(_)) => {
                        orders.send(Err(entry::chain(&error)))
                    }
                    sent => sent,
                };
                if sent.is_err() {
                    return;
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Recv(RecvError::Eof)) => return,
            Err(error) => {
                if orders.send(Err(entry::chain(&error))).is_err() {
                    return;
                }
            }
        }
    }
}

fn follow(
    order: Order,
    children: &mut Vec<(Child, Line<WireStatus, ()>)>,
) -> Result<(u32, Handle<OwnedHandle>), SpawnError> {
    let Order { start, channel, statuses } = order;
    let Start { entry, args, setup } = start;
    let siblings = &mut *children;
    let work = move |role: &Role, channel: &ChildEnd| {
        // Nothing that a worker should hold.
        siblings.clear();
        role.run_entry(channel, &entry, args)
    };
    // SAFETY: the server has one thread.
    let child = unsafe { launch::fork_with(channel.into_inner(), setup, Surroundings::default(), work) }?;
    let handle = child.duplicate_handle().map_err(SpawnError::os("duplicating the worker's handle"));
    let pid = child.pid();
    // Also when its handle cannot be sent: it has to be collected, and ends when the owner drops its end of the channel.
    children.push((child, statuses));
    Ok((pid, handle?.into()))
}
