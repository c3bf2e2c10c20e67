//! Listeners: an address at which others connect, and a door with a lock.

use crate::address::Address;
use crate::auth::{Endpoint, HANDSHAKE_TIMEOUT, Server, ServerIdentity};
use crate::connection::Connection;
use crate::door::{Door, TurnedAway};
use crate::key::Key;
use crate::link_error::{AcceptError, AcceptTimeoutError, BindError, TryAcceptError};
use crate::place::Place;
use crate::schema::Schema;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// Accepts connections of those who have the key; each sends `S` to and receives `R` from the other side.
///
/// Clients that have a wrong key, belong to another user, mean other types, or say nothing are turned away without holding
/// anybody up, and [counted](Listener::turned_away). All this happens while somebody accepts: a listener has no thread.
///
/// # Other processes
///
/// The name of a local socket is removed when the listener is dropped by the process that made it. One that was left by a
/// process that was killed is no obstacle: the next listener takes it over. A connection belongs to nobody but its two
/// sides: it lives on without the listener.
///
/// # Platform
///
/// Linux: `AF_UNIX` in a folder of mode 0700, with `SO_PEERCRED` checked before a byte is read, and TCP.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Key, Listener, connect};
///
/// let key = Key::random()?;
/// let mut listener = Listener::<String, u32>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let address = listener.address().clone();
///
/// // Perhaps in another process, which was given the address and the key.
/// let client = std::thread::spawn(move || {
///     let mut connection = connect::<u32, String>(&address, &key)?;
///     connection.send(42)?;
///     Ok::<String, Box<dyn std::error::Error + Send + Sync>>(connection.recv()?)
/// });
///
/// let mut connection = listener.accept()?;
/// let number = connection.recv()?;
/// connection.send(format!("got {number}"))?;
/// assert_eq!(client.join().unwrap().unwrap(), "got 42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Listener<S, R> {
    door: Door<Server>,
    identity: Arc<ServerIdentity>,
    place: Place,
    known_as: Vec<Endpoint>,
    limits: Limits,
    messages: PhantomData<fn(S) -> R>,
}

/// A listener to be.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Key, ListenerBuilder};
/// use std::time::Duration;
///
/// let listener = ListenerBuilder::new(&Key::random()?)
///     .handshake_timeout(Duration::from_secs(1))
///     .bind::<u8, u8>(&"tcp:127.0.0.1:0".parse()?)?;
/// # drop(listener);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nobody listens until it is bound"]
pub struct ListenerBuilder {
    key: Key,
    timeout: Duration,
    limits: Limits,
    known_as: Vec<Endpoint>,
    insecure: bool,
}

impl ListenerBuilder {
    /// A listener for those who have `key`.
    pub fn new(key: &Key) -> Self {
        ListenerBuilder {
            key: key.clone(),
            timeout: HANDSHAKE_TIMEOUT,
            limits: Limits::default(),
            known_as: Vec::new(),
            insecure: false,
        }
    }

    /// How long a client may take to show the key; 5 seconds by default.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The limits for the messages of the connections.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Another address by which clients reach this listener, through a tunnel say. Whoever connects to an address that the
    /// listener does not know is refused: it may be that of somebody who passes on what both say.
    pub fn also_known_as(mut self, address: SocketAddr) -> Self {
        self.known_as.push(Endpoint::Tcp(address));
        self
    }

    /// Allows an address that other machines can reach. What is sent there is not encrypted: all on the way can read and change
    /// it once the handshake is over.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Listens at an address.
    ///
    /// The folder of a local socket is made if it is not there.
    ///
    /// # Blocking
    ///
    /// For a local socket, while another process is changing names in the folder, for 5 seconds at most.
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn bind<S: DeserializeOwned, R: DeserializeOwned>(
        self,
        address: &Address,
    ) -> Result<Listener<S, R>, BindError> {
        let (socket, place) = Place::bind(address, self.insecure)?;
        let identity = ServerIdentity::new(self.key, Schema::of::<S, R>()).map_err(BindError::Os)?;
        Ok(Listener {
            door: Door::new(socket, self.timeout).map_err(BindError::Os)?,
            identity: Arc::new(identity),
            place,
            known_as: self.known_as,
            limits: self.limits,
            messages: PhantomData,
        })
    }
}

impl<S: DeserializeOwned, R: DeserializeOwned> Listener<S, R> {
    /// Listens at an address for those who have `key`. [`ListenerBuilder`] has options.
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn bind(address: &Address, key: &Key) -> Result<Self, BindError> {
        ListenerBuilder::new(key).bind(address)
    }
}

impl<S, R> Listener<S, R> {
    /// The address, with the port that a TCP listener got.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{Address, Key, Listener};
    ///
    /// let listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &Key::random()?)?;
    /// assert!(matches!(listener.address(), Address::Tcp(at) if at.port() != 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{Key, Listener, connect};
    ///
    /// let key = Key::random()?;
    /// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// let address = listener.address().clone();
    /// let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
    /// let connection = listener.accept()?;
    /// # drop(connection);
    /// client.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept(&mut self) -> Result<Connection<S, R>, AcceptError> {
        loop {
            if let Some(connection) = self.accept_until(Deadline::NEVER)? {
                return Ok(connection);
            }
        }
    }

    /// The next connection, if somebody has connected and shown the key by now.
    ///
    /// A handshake takes several calls: each does what can be done at once.
    ///
    /// # Errors
    ///
    /// [`TryAcceptError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{Key, Listener, connect};
    ///
    /// let key = Key::random()?;
    /// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// let address = listener.address().clone();
    /// let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
    /// let connection = loop {
    ///     match listener.try_accept() {
    ///         Ok(connection) => break connection,
    ///         Err(_) => std::thread::yield_now(), // Something else would be done here.
    ///     }
    /// };
    /// # drop(connection);
    /// client.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_accept(&mut self) -> Result<Connection<S, R>, TryAcceptError> {
        self.accept_until(Deadline::NOW)?.ok_or(TryAcceptError::Nobody)
    }

    /// The next connection, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`AcceptTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{Key, Listener, connect};
    /// use std::time::Duration;
    ///
    /// let key = Key::random()?;
    /// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// let address = listener.address().clone();
    /// let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
    /// let connection = listener.accept_timeout(Duration::from_secs(60))?;
    /// # drop(connection);
    /// client.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection<S, R>, AcceptTimeoutError> {
        self.accept_until(Deadline::after(timeout))?.ok_or(AcceptTimeoutError::TimedOut)
    }

    /// The next connection, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// [`AcceptTimeoutError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{Key, Listener, connect};
    /// use std::time::{Duration, Instant};
    ///
    /// let key = Key::random()?;
    /// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// let address = listener.address().clone();
    /// let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
    /// let connection = listener.accept_deadline(Instant::now() + Duration::from_secs(60))?;
    /// # drop(connection);
    /// client.join().unwrap()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_deadline(&mut self, deadline: Instant) -> Result<Connection<S, R>, AcceptTimeoutError> {
        self.accept_until(Deadline::at(deadline))?.ok_or(AcceptTimeoutError::TimedOut)
    }

    fn accept_until(&mut self, deadline: Deadline) -> Result<Option<Connection<S, R>>, AcceptError> {
        let (identity, place, known_as) = (&self.identity, &self.place, &self.known_as);
        let receive = |socket: &_| -> io::Result<Server> {
            let endpoints = std::iter::once(place.endpoint(socket)?).chain(known_as.iter().copied());
            Server::new(identity, endpoints.collect())
        };
        let admitted = self.door.admit(receive, deadline).map_err(AcceptError::Os)?;
        Ok(admitted.map(|(socket, ())| Connection::new(socket, self.limits)))
    }
}

/// Readable when [`try_accept`](Listener::try_accept) has something to do, which need not be a connection yet.
impl<S, R> AsHandle for Listener<S, R> {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.door.handle()
    }
}

impl<S, R> fmt::Debug for Listener<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", self.address()).finish_non_exhaustive()
    }
}
