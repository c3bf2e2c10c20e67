//! What a connection with Python is made with.

use super::{Connection, Listener};
use crate::address::Address;
use crate::auth::{HANDSHAKE_TIMEOUT, drive};
use crate::connect::{error_of, reach};
use crate::door::Door;
use crate::key::Key;
use crate::link_error::{BindError, ConnectError};
use crate::place::Place;
use crate::python::handshake::Python;
use ipc_sys::clock::Deadline;
use std::time::Duration;

/// The key and the options of a connection with Python, for both sides.
///
/// # Examples
///
/// ```
/// use ipc_pipe::python::Settings;
/// use ipc_pipe::{ConnectError, Key};
/// use std::time::Duration;
///
/// let settings = Settings::new(&Key::new(b"secret")?).allow_md5().timeout(Duration::from_secs(1));
/// let listener = settings.bind(&"tcp:127.0.0.1:0".parse()?)?;
/// let address = listener.address().clone();
/// drop(listener);
/// assert!(matches!(settings.connect(&address), Err(ConnectError::Nobody(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is bound or connected"]
pub struct Settings {
    key: Key,
    allow_md5: bool,
    timeout: Duration,
    max_size: usize,
    insecure: bool,
}

impl Settings {
    /// Settings for those who have `key`, which Python calls `authkey`.
    pub fn new(key: &Key) -> Self {
        let (allow_md5, insecure) = (false, false);
        Settings { key: key.clone(), allow_md5, timeout: HANDSHAKE_TIMEOUT, max_size: 64 << 20, insecure }
    }

    /// Speaks with Python up to 3.11, which shows its key by HMAC-MD5. Nobody can forge that so far as is known, but MD5 is broken
    /// for other purposes, and nothing new should rest on it.
    pub fn allow_md5(mut self) -> Self {
        self.allow_md5 = true;
        self
    }

    /// How long a handshake may take; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The largest message that is received, in bytes; 64 MiB by default.
    pub fn max_size(mut self, max_size: usize) -> Self {
        self.max_size = max_size;
        self
    }

    /// Allows addresses of and for other machines. What is sent there is not encrypted.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Listens at an address.
    ///
    /// # Blocking
    ///
    /// As [`ListenerBuilder::bind`](crate::ListenerBuilder::bind).
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn bind(&self, address: &Address) -> Result<Listener, BindError> {
        let (socket, place) = Place::bind(address, self.insecure)?;
        let door = Door::new(socket, self.timeout).map_err(BindError::Os)?;
        Ok(Listener::new(door, place, self.clone()))
    }

    /// Connects to an address.
    ///
    /// # Blocking
    ///
    /// Until the listener accepts, for as long as a handshake may take.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; an old Python whose MD5 was not [allowed](Settings::allow_md5) is a `NotAListener`.
    pub fn connect(&self, address: &Address) -> Result<Connection, ConnectError> {
        let deadline = Deadline::after(self.timeout);
        let (socket, _) = reach(address, self.insecure, deadline)?;
        let mut handshake = Python::connecting(&self.key, self.allow_md5).map_err(ConnectError::Os)?;
        drive(&socket, &mut handshake, deadline).map_err(error_of)?;
        Ok(Connection::new(socket, self.max_size))
    }

    pub(super) fn receive(&self) -> std::io::Result<Python> {
        Python::listening(&self.key, self.allow_md5)
    }

    pub(super) fn largest(&self) -> usize {
        self.max_size
    }
}
