//! Connecting to a listener.

use crate::address::{Address, split};
use crate::auth::{Client, Endpoint, Failure, HANDSHAKE_TIMEOUT, Refusal, VERSION, drive};
use crate::connection::Connection;
use crate::key::Key;
use crate::link_error::ConnectError;
use crate::schema::Schema;
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::rendezvous::Folder;
use ipc_sys::stream::StreamSocket;
use serde::de::DeserializeOwned;
use std::io;
use std::time::{Duration, Instant};

/// How long to wait before asking again a listener that has no place: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Connects to a [`Listener`](crate::Listener) that has the same key; sends it `S` and receives `R`. [`Connector`] has options.
///
/// # Blocking
///
/// Until the listener accepts, for 5 seconds at most.
///
/// # Errors
///
/// [`ConnectError`].
///
/// # Examples
///
/// ```
/// use ipc_pipe::{ConnectError, Key, Listener, connect};
///
/// let key = Key::random()?;
/// let mut listener = Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let address = listener.address().clone();
/// let client = std::thread::spawn(move || {
///     // What one side sends, the other must receive.
///     let error = connect::<u8, String>(&address, &key).unwrap_err();
///     assert!(matches!(error, ConnectError::Schema));
///     connect::<String, u8>(&address, &key)?.send("hello".to_string())?;
///     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// });
/// assert_eq!(listener.accept()?.recv()?, "hello");
/// client.join().unwrap().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn connect<S: DeserializeOwned, R: DeserializeOwned>(
    address: &Address,
    key: &Key,
) -> Result<Connection<S, R>, ConnectError> {
    Connector::new(key).connect(address)
}

/// A way to connect, with options.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{ConnectError, Connector, Key, Listener};
/// use std::time::Duration;
///
/// let key = Key::random()?;
/// // Nobody accepts here.
/// let listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let connector = Connector::new(&key).timeout(Duration::from_millis(20));
/// let error = connector.connect::<u8, u8>(listener.address()).unwrap_err();
/// assert!(matches!(error, ConnectError::TimedOut));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is connected until it is told to whom"]
pub struct Connector {
    key: Key,
    timeout: Duration,
    limits: Limits,
    insecure: bool,
}

impl Connector {
    /// Connects to who has `key`.
    pub fn new(key: &Key) -> Self {
        Connector { key: key.clone(), timeout: HANDSHAKE_TIMEOUT, limits: Limits::default(), insecure: false }
    }

    /// How long a connection may take to be made, handshake included; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The limits for the messages of the connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Allows an address on another machine. What is sent there is not encrypted: all on the way can read and change it once
    /// the handshake is over.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Connects, within the [`timeout`](Connector::timeout).
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub fn connect<S, R>(&self, address: &Address) -> Result<Connection<S, R>, ConnectError>
    where
        S: DeserializeOwned,
        R: DeserializeOwned,
    {
        self.connect_until(address, Deadline::after(self.timeout))
    }

    /// Connects, until a deadline.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub fn connect_deadline<S, R>(
        &self,
        address: &Address,
        deadline: Instant,
    ) -> Result<Connection<S, R>, ConnectError>
    where
        S: DeserializeOwned,
        R: DeserializeOwned,
    {
        self.connect_until(address, Deadline::at(deadline))
    }

    fn connect_until<S, R>(
        &self,
        address: &Address,
        deadline: Deadline,
    ) -> Result<Connection<S, R>, ConnectError>
    where
        S: DeserializeOwned,
        R: DeserializeOwned,
    {
        let schema = Schema::of::<S, R>();
        let mut pause = PAUSES.0;
        loop {
            let (socket, endpoint) = reach(address, self.insecure, deadline)?;
            let mut client = Client::new(self.key.clone(), endpoint, schema).map_err(ConnectError::Os)?;
            match drive(&socket, &mut client, deadline) {
                Ok(()) => return Ok(Connection::new(socket, self.limits)),
                Err(Failure::Refused(Refusal::Busy)) if !deadline.is_over() => {}
                Err(failure) => return Err(error_of(failure)),
            }
            drop(socket);
            std::thread::sleep(deadline.remaining_at_most(pause));
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// A connection without a handshake, and the listener as this side knows it.
pub(crate) fn reach(
    address: &Address,
    insecure: bool,
    deadline: Deadline,
) -> Result<(StreamSocket, Endpoint), ConnectError> {
    match address {
        Address::Tcp(at) if !insecure && !at.ip().to_canonical().is_loopback() => {
            Err(ConnectError::Plaintext)
        }
        Address::Tcp(at) => {
            let socket = StreamSocket::connect(*at, deadline).map_err(of_os)?;
            // As the system knows it: an address of all zeros leads to this machine, say.
            let reached = socket.peer_address().map_err(|_| ConnectError::Closed)?;
            Ok((socket, Endpoint::Tcp(reached)))
        }
        Address::Local(path) => {
            let invalid = || ConnectError::Nobody(io::ErrorKind::InvalidInput.into());
            let (folder, name) = split(path).ok_or_else(invalid)?;
            let folder = Folder::open(folder).map_err(of_os)?;
            let (socket, identity) = folder.connect(name, deadline).map_err(of_os)?;
            if !socket.peer_is_own_user().map_err(ConnectError::Os)? {
                return Err(ConnectError::OtherUser);
            }
            Ok((socket, Endpoint::Local(identity)))
        }
    }
}

pub(crate) fn error_of(failure: Failure) -> ConnectError {
    match failure {
        Failure::Refused(Refusal::Rejected) => ConnectError::Refused,
        Failure::Refused(Refusal::WrongKey) => ConnectError::Impostor,
        Failure::Refused(Refusal::Schema) => ConnectError::Schema,
        Failure::Refused(Refusal::Version { got }) => ConnectError::Version { got, expected: VERSION },
        Failure::Refused(Refusal::Malformed) => ConnectError::NotAListener,
        Failure::Refused(Refusal::Busy) | Failure::TimedOut => ConnectError::TimedOut,
        Failure::Closed => ConnectError::Closed,
        Failure::Os(source) => ConnectError::Os(source),
    }
}

fn of_os(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::Nobody(error),
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        _ => ConnectError::Os(error),
    }
}
