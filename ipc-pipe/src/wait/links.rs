//! What ready means for listeners and connections.

use super::waitable::{Look, Waitable};
use crate::connection::{Connection, ConnectionReceiver, ConnectionSender};
use crate::listener::Listener;
use crate::python;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use std::io;

/// Ready when a client has come or said something, which need not be a connection yet: call
/// [`try_accept`](Listener::try_accept). Clients that keep silent are turned away in calls of the listener alone.
impl<S, R> Waitable for Listener<S, R> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.as_fd()))
    }
}

/// As for [`Listener`](crate::Listener).
impl Waitable for python::Listener {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.as_fd()))
    }
}

/// Ready when some of a message has come, or the end. The rest may still be on its way: call
/// [`try_recv`](Connection::try_recv). What waits to leave does so in calls of the connection alone.
impl<S, R> Waitable for Connection<S, R> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(look(self.is_due(), self.as_fd()))
    }
}

/// As for [`Connection`].
impl<R> Waitable for ConnectionReceiver<R> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(look(self.is_due(), self.as_fd()))
    }
}

/// As for [`Connection`](crate::Connection).
impl Waitable for python::Connection {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(look(self.is_due(), self.as_fd()))
    }
}

/// Ready when the other side is gone, and while it has sent something that nobody has received.
impl<S> Waitable for ConnectionSender<S> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.as_fd()))
    }
}

/// What was read before it was asked for is not to be had from the socket.
fn look(is_due: bool, socket: BorrowedHandle<'_>) -> Look<'_> {
    if is_due { Look::Ready } else { Look::Ask(socket) }
}
