//! The server: forks on order, collects its children, until the owner lets go.
//!
//! # Safety
//!
//! The server forks itself: it has one thread.
#![allow(unsafe_code)]

use super::order::{Order, Preload, ServerStart};
use crate::child::Role;
use crate::entry::Callee;
use crate::launch::{self, Surroundings};
use crate::wire::{ChildEnd, FromChild, Refusal, Start, channel_limits};
use crate::{child, current, entry};
use ipc_pipe::internals::{Line, Prepared};
use ipc_pipe::{RecvError, TryRecvError};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle, duplicate};
use ipc_sys::process::{self, Child, DisplayName, InterruptsIgnored};
use ipc_sys::readiness::{Interest, Watch, wait};
use std::sync::Arc;

/// Children that run, each with a copy of its end of the channel.
type Children = Vec<(Child, OwnedHandle)>;

/// Runs the server until its owner lets go; an error is why it cannot begin.
pub(super) fn serve(start: ServerStart) -> Result<(), String> {
    let interrupts = begin(start.preload.as_ref())?;
    let birth = birth()?;
    let orders = start.orders.with_limits(channel_limits());
    let mut children = Children::new();
    loop {
        let Ok((has_order, ended)) = wait_for_anything(&orders, &children) else {
            // Memory is short. The kernel has the children's ends in store.
            std::thread::yield_now();
            continue;
        };
        // The order first: somebody waits for it.
        if has_order {
            match orders.try_recv() {
                Ok(order) => follow(order, &orders, &mut children, interrupts, &birth),
                Err(TryRecvError::Recv(RecvError::Eof)) => return Ok(()),
                // No order, or one whose handles found no place here: its channel is closed, which tells the owner.
                Err(_) => {}
            }
        }
        // From the last on, so that the numbers of those before it stay.
        ended.into_iter().rev().for_each(|index| collect(&mut children, index));
    }
}

/// Makes this process one that can be copied for others.
fn begin(preload: Option<&Preload>) -> Result<InterruptsIgnored, String> {
    // The owner is the parent of all who come from here, and they cannot ask the system for it.
    if let Some(owner) = current::parent() {
        owner.open().map_err(|error| format!("the handle of its owner: {error}"))?;
    }
    preload.map_or(Ok(()), Preload::run)?;
    match process::thread_count() {
        Ok(1) => {}
        Ok(n_threads) => return Err(format!("the preload left {n_threads} threads, so it cannot be forked")),
        Err(error) => return Err(format!("counting its threads: {error}")),
    }
    // The keyboard interrupts owner and children. A server that went with them would be missed by who is not interrupted.
    Ok(process::ignore_interrupts())
}

/// Whether there is an order, or the end of them, and which children have ended.
fn wait_for_anything(orders: &Line<(), Order>, children: &Children) -> std::io::Result<(bool, Vec<usize>)> {
    let mut watches = vec![Watch::new(orders.as_fd(), Interest::Read)];
    watches.extend(children.iter().map(|(child, _)| Watch::new(child.handle(), Interest::Read)));
    wait(&mut watches, Deadline::NEVER)?;
    let ended = watches[1..].iter().enumerate().filter(|(_, watch)| watch.is_ready());
    Ok((watches[0].is_ready(), ended.map(|(index, _)| index).collect()))
}

/// Collects a child that has ended, and tells how.
fn collect(children: &mut Children, index: usize) {
    if let Ok(Some(status)) = children[index].0.wait(Deadline::NOW) {
        let (child, channel) = children.swap_remove(index);
        say(channel, FromChild::Ended(status.into()));
        // Afterwards: somebody waits for the word.
        drop(child);
    }
}

/// Says something in the place of a child. An owner that does not want to know has dropped its end.
fn say(channel: OwnedHandle, word: FromChild) {
    let _ = ChildEnd::from_handle(channel).map(|channel| channel.try_send(word));
}

fn follow(
    order: Order,
    orders: &Line<(), Order>,
    children: &mut Children,
    interrupts: InterruptsIgnored,
    birth: &Prepared,
) {
    let Order { start, changes, channel } = order;
    let Some(Start { entry, args, setup }) = Arc::into_inner(start) else { return };
    // Looked for here: what the server has read, its children find read.
    let callee = entry.resolve().map_err(|error| error.to_string()).and_then(Callee::checked);
    let callee = match callee {
        Ok(callee) => callee,
        Err(reason) => return say(channel.into_inner(), FromChild::Refused(Refusal::ImageDiffers(reason))),
    };
    let surroundings = Surroundings::from(changes);
    // What the child only looks at is lent to it: to drop it would be to copy the pages that it is on.
    let name = &DisplayName::of(&setup.name);
    let siblings = &mut *children;
    let work = move |role: &Role, channel: &ChildEnd| {
        // Nothing that a child should hold.
        siblings.clear();
        interrupts.restore();
        name.set();
        match say_born(channel, birth) {
            Ok(()) => role.run_callee(channel, &callee, args),
            Err(code) => code,
        }
    };
    let mut channel = Some(channel.into_inner());
    let unused: Vec<_> = [Some(orders.as_fd()), child::own_channel()].into_iter().flatten().collect();
    // SAFETY: the server has one thread. Its child takes no orders, says nothing in its place, and never comes back here.
    let forked = unsafe { launch::fork_with(&mut channel, &unused, setup, surroundings, work) };
    match (forked, channel) {
        (Ok(child), Some(channel)) => children.push((child, channel)),
        (Err(error), Some(channel)) => {
            say(channel, FromChild::Refused(Refusal::Setup(entry::chain(&error))));
        }
        (_, None) => unreachable!("it is taken in the child alone"),
    }
}

/// What each child says first, with its own handle and number instead of these.
fn birth() -> Result<Prepared, String> {
    let example = process::with_own_handle(|pid, handle| {
        Ok(FromChild::Born(duplicate(handle)?.into(), pid.to_le_bytes()))
    });
    let example =
        example.and_then(|made| made).map_err(|error| format!("the handle of the process: {error}"))?;
    Prepared::new(&example).ok_or_else(|| "a child's first word cannot be encoded".to_owned())
}

/// In the child: says who it is. An owner that does not hear it believes that nothing happens, and so nothing does.
#[inline]
fn say_born(channel: &ChildEnd, birth: &Prepared) -> Result<(), i32> {
    let said = process::with_own_handle(|pid, handle| channel.say_of(birth, &pid.to_le_bytes(), handle));
    match said {
        Ok(true) => Ok(()),
        Ok(false) => Err(child::EXIT_REFUSED),
        Err(error) => {
            Err(child::refuse(channel, Refusal::Setup(format!("the handle of the process: {error}"))))
        }
    }
}
