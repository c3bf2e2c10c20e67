//! What ready means for pipes, queues and events.

use super::waitable::{Look, Waitable};
use crate::pipe::{Pipe, Receiver, Sender};
use ipc_queue::{JoinableQueue, Queue};
use ipc_shared::sync::Event;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use std::io;

/// Ready when something can be received, or the end, or an error is to be told. Of a message that is larger than the pipe the
/// beginning is there: call [`try_recv`](Receiver::try_recv) where the rest must not be waited for.
impl<T> Waitable for Receiver<T> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::from_bool(self.is_ready()))
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        self.pollable().map(Some)
    }
}

/// As its receiving half, a [`Receiver`].
impl<S, R> Waitable for Pipe<S, R> {
    fn look(&self) -> io::Result<Look<'_>> {
        self.receiver().look()
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        self.receiver().arm()
    }
}

/// Ready when nobody is left who could receive. Whether there is room for a message is not waited for.
impl<T> Waitable for Sender<T> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.as_fd()))
    }
}

/// Ready when there is an item, when the queue is closed, and when a get would fail.
impl<T: ?Sized> Waitable for Queue<T> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::from_bool(self.is_ready()))
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        self.pollable().map(Some)
    }
}

/// Ready when there is a task, when the queue is closed, and when a get would fail; not when all tasks are done.
impl<T: ?Sized> Waitable for JoinableQueue<T> {
    fn look(&self) -> io::Result<Look<'_>> {
        (**self).look()
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        (**self).arm()
    }
}

/// Ready when there is an item, when all senders are gone, and when receiving would fail.
impl<T: ?Sized> Waitable for ipc_queue::Receiver<T> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::from_bool(self.is_ready()))
    }

    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        self.pollable().map(Some)
    }
}

/// Ready while it is set. It has no handle, and is looked at at intervals of up to 10 milliseconds; whoever sets an event and
/// clears it right after may not be noticed. In a forked child that has no part in the event it is never ready.
impl Waitable for Event {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::from_bool(self.is_set()))
    }
}
