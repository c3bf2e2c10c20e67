//! A listener for programs in Python.

use super::handshake::Python;
use super::{Connection, Settings};
use crate::address::Address;
use crate::door::{Door, TurnedAway};
use crate::link_error::{AcceptError, AcceptTimeoutError, TryAcceptError};
use crate::place::Place;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use std::time::{Duration, Instant};

/// Accepts connections of Python's `multiprocessing.connection.Client`; made by [`Settings::bind`].
///
/// It has the door of [`crate::Listener`]: silent clients hold up nobody, and those with a wrong key are counted.
/// A client that had to make room for others gets the end of file, since Python knows no word for it.
///
/// # Other processes
///
/// As for [`crate::Listener`].
///
/// # Examples
///
/// ```
/// use ipc_pipe::python::Settings;
/// use ipc_pipe::{Key, TryAcceptError};
///
/// let settings = Settings::new(&Key::new(b"secret")?);
/// let mut listener = settings.bind(&"tcp:127.0.0.1:0".parse()?)?;
/// assert!(matches!(listener.try_accept(), Err(TryAcceptError::Nobody)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    door: Door<Python>,
    place: Place,
    settings: Settings,
}

impl Listener {
    /// The address, with the port that a TCP listener got.
    pub fn address(&self) -> &Address {
        self.place.address()
    }

    /// How many clients were turned away so far, and why.
    pub fn turned_away(&self) -> TurnedAway {
        self.door.turned_away()
    }

    /// The next connection.
    ///
    /// # Blocking
    ///
    /// Until somebody connects and shows the key.
    ///
    /// # Errors
    ///
    /// [`AcceptError`].
    pub fn accept(&mut self) -> Result<Connection, AcceptError> {
        loop {
            if let Some(connection) = self.accept_until(Deadline::NEVER)? {
                return Ok(connection);
            }
        }
    }

    /// The next connection, if somebody has connected and shown the key by now. A handshake takes several calls.
    ///
    /// # Errors
    ///
    /// [`TryAcceptError`].
    pub fn try_accept(&mut self) -> Result<Connection, TryAcceptError> {
        self.accept_until(Deadline::NOW)?.ok_or(TryAcceptError::Nobody)
    }

    /// The next connection, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`AcceptTimeoutError`].
    pub fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection, AcceptTimeoutError> {
        self.accept_until(Deadline::after(timeout))?.ok_or(AcceptTimeoutError::TimedOut)
    }

    /// The next connection, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// [`AcceptTimeoutError`].
    pub fn accept_deadline(&mut self, deadline: Instant) -> Result<Connection, AcceptTimeoutError> {
        self.accept_until(Deadline::at(deadline))?.ok_or(AcceptTimeoutError::TimedOut)
    }

    pub(super) fn new(door: Door<Python>, place: Place, settings: Settings) -> Self {
        Listener { door, place, settings }
    }

    fn accept_until(&mut self, deadline: Deadline) -> Result<Option<Connection>, AcceptError> {
        let settings = &self.settings;
        let admitted = self.door.admit(|_| settings.receive(), deadline).map_err(AcceptError::Os)?;
        Ok(admitted.map(|(socket, ())| Connection::new(socket, settings.largest())))
    }
}

/// Readable when [`try_accept`](Listener::try_accept) has something to do, which need not be a connection yet.
impl AsHandle for Listener {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.door.handle()
    }
}
