//! The server: forks on order, collects its children, until the owner lets go.
//!
//! # Safety
//!
//! The server forks itself: it has one thread.
#![allow(unsafe_code)]

use super::order::{Order, ServerStart, ServerWord};
use crate::child::Role;
use crate::error::SpawnError;
use crate::launch::{self, Surroundings};
use crate::wire::{ChildEnd, FromChild, Refusal, Start, channel_limits};
use crate::{child, current, entry};
use ipc_pipe::internals::Line;
use ipc_pipe::{RecvError, TryRecvError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::AsHandle;
use ipc_sys::process::{self, Child, InterruptsIgnored};
use ipc_sys::readiness::{Interest, Watch, wait};
use std::sync::Arc;

/// Children that run, each with the line for its status.
type Children = Vec<(Child, Line<ServerWord, ()>)>;

/// Runs the server until its owner lets go; an error is why it cannot begin.
pub(super) fn serve(start: ServerStart) -> Result<(), String> {
    // The owner is the parent of all who come from here, and they cannot ask the system for it.
    if let Some(owner) = current::parent() {
        owner.open().map_err(|error| format!("the handle of its owner: {error}"))?;
    }
    if let Some(preload) = &start.preload {
        preload.run()?;
    }
    match process::thread_count() {
        Ok(1) => {}
        Ok(n_threads) => return Err(format!("the preload left {n_threads} threads, so it cannot be forked")),
        Err(error) => return Err(format!("counting its threads: {error}")),
    }
    // The keyboard interrupts owner and children. A server that went with them would be missed by who is not interrupted.
    let interrupts = process::ignore_interrupts();
    let orders = start.orders.with_limits(channel_limits());
    let mut children = Children::new();
    loop {
        if wait_for_anything(&orders, &children).is_err() {
            // Memory is short. The kernel has the children's ends in store.
            std::thread::yield_now();
            continue;
        }
        collect(&mut children);
        match orders.try_recv() {
            Ok(order) => follow(order, &mut children, interrupts),
            Err(TryRecvError::Recv(RecvError::Eof)) => return Ok(()),
            // No order, or one whose handles found no place here: its channel is closed, which tells the owner.
            Err(_) => {}
        }
    }
}

fn wait_for_anything(orders: &Line<(), Order>, children: &Children) -> std::io::Result<()> {
    let mut watches = vec![Watch::new(orders.as_fd(), Interest::Read)];
    watches.extend(children.iter().map(|(child, _)| Watch::new(child.handle(), Interest::Read)));
    wait(&mut watches, Deadline::NEVER).map(drop)
}

/// Collects those that have ended, and tells how.
fn collect(children: &mut Children) {
    children.retain(|(child, statuses)| match child.wait(Deadline::NOW) {
        Ok(Some(status)) => {
            // An owner that does not want to know has dropped its end.
            let _ = statuses.try_send(ServerWord::Ended(status.into()));
            false
        }
        Ok(None) | Err(_) => true,
    });
}

fn follow(order: Order, children: &mut Children, interrupts: InterruptsIgnored) {
    let Order { start, changes, channel, statuses } = order;
    let Some(Start { entry, args, setup }) = Arc::into_inner(start) else { return };
    let surroundings = Surroundings::from(changes);
    let name = setup.name.clone();
    let siblings = &mut *children;
    let work = move |role: &Role, channel: &ChildEnd| {
        // Nothing that a child should hold.
        siblings.clear();
        interrupts.restore();
        process::set_display_name(&name);
        match say_born(channel) {
            Ok(()) => role.run_entry(channel, &entry, args),
            Err(code) => code,
        }
    };
    // SAFETY: the server has one thread.
    match unsafe { launch::fork_with(channel.into_inner(), setup, surroundings, work) } {
        Ok(child) => children.push((child, statuses)),
        Err(error) => not_forked(&statuses, &error),
    }
}

fn not_forked(statuses: &Line<ServerWord, ()>, error: &SpawnError) {
    // As ever, an owner that is gone does not care.
    let _ = statuses.try_send(ServerWord::NotForked(entry::chain(error)));
}

/// In the child: says who it is. An owner that does not hear it believes that nothing happens, and so nothing does.
fn say_born(channel: &ChildEnd) -> Result<(), i32> {
    let handle = process::own_handle().map_err(|error| {
        let refusal = Refusal::Setup(format!("the handle of the process: {error}"));
        child::refuse(channel, refusal)
    })?;
    let born = FromChild::Born(std::process::id(), handle.into());
    channel.send(born).map_err(|_| child::EXIT_REFUSED)
}
