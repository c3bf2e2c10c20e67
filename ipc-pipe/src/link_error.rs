//! The errors of listening, accepting and connecting, a type per operation.

use std::io;

/// Why [`Listener::bind`](crate::Listener::bind) made no listener.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{BindError, Key, Listener};
///
/// let key = Key::random()?;
/// let listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let second = Listener::<u8, u8>::bind(listener.address(), &key);
/// assert!(matches!(second, Err(BindError::InUse)));
/// let open = Listener::<u8, u8>::bind(&"tcp:0.0.0.0:0".parse()?, &key);
/// assert!(matches!(open, Err(BindError::Plaintext)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there.
    #[error("somebody listens at the address")]
    InUse,
    /// Messages would leave this machine for all to read. [`insecure`](crate::ListenerBuilder::insecure) allows it.
    #[error("the address can be reached from other machines, and connections are not encrypted")]
    Plaintext,
    /// The folder of the local socket cannot be used: it has to belong to this user, and nobody else may enter it.
    #[error("the folder of the socket cannot be used")]
    Folder(#[source] io::Error),
    /// The system refused.
    #[error("listening failed")]
    Os(#[source] io::Error),
}

/// Why [`accept`](crate::Listener::accept) gave no connection.
///
/// That a client has a wrong key, or says nothing, is not among the reasons: it is [counted](crate::TurnedAway).
///
/// # Examples
///
/// ```
/// use ipc_pipe::AcceptError;
///
/// let error = AcceptError::Os(std::io::Error::from_raw_os_error(24));
/// assert_eq!(error.to_string(), "accepting a connection failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The system refused: the table of handles is full, say. Who has connected waits on.
    #[error("accepting a connection failed")]
    Os(#[source] io::Error),
}

/// Why [`try_accept`](crate::Listener::try_accept) gave no connection.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Key, Listener, TryAcceptError};
///
/// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &Key::random()?)?;
/// assert!(matches!(listener.try_accept(), Err(TryAcceptError::Nobody)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryAcceptError {
    /// Nobody has connected and shown the key at the moment.
    #[error("nobody has connected")]
    Nobody,
    /// As for [`accept`](crate::Listener::accept).
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

/// Why [`accept_timeout`](crate::Listener::accept_timeout) gave no connection.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{AcceptTimeoutError, Key, Listener};
/// use std::time::Duration;
///
/// let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &Key::random()?)?;
/// let nobody = listener.accept_timeout(Duration::from_millis(10));
/// assert!(matches!(nobody, Err(AcceptTimeoutError::TimedOut)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptTimeoutError {
    /// Nobody has connected and shown the key until the deadline.
    #[error("nobody connected until the deadline")]
    TimedOut,
    /// As for [`accept`](crate::Listener::accept).
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

/// Why [`connect`](crate::connect()) made no connection.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{ConnectError, Key, Listener, connect};
///
/// let key = Key::random()?;
/// let listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let address = listener.address().clone();
/// drop(listener);
/// assert!(matches!(connect::<u8, u8>(&address, &key), Err(ConnectError::Nobody(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody listens at the address.
    #[error("nobody listens at the address")]
    Nobody(#[source] io::Error),
    /// The listener says that this side has another key, or reached it by an address that it does not know.
    #[error("the listener has another key")]
    Refused,
    /// The other side could not show that it has the key.
    #[error("the other side could not show that it has the key")]
    Impostor,
    /// The listener sends or receives other types than this side expects.
    #[error("the other side sends or receives other types")]
    Schema,
    /// The listener speaks another version.
    #[error("the other side speaks version {got} of the handshake, this build speaks version {expected}")]
    Version {
        /// The version of the listener.
        got: u16,
        /// The version of this build.
        expected: u16,
    },
    /// What answered is no listener of this kind.
    #[error("what answered is no listener of this kind")]
    NotAListener,
    /// The other side ended the connection before it was made.
    #[error("the other side went during the handshake")]
    Closed,
    /// The listener at the local socket belongs to another user.
    #[error("the listener belongs to another user")]
    OtherUser,
    /// No connection was made until the deadline.
    #[error("no connection was made until the deadline")]
    TimedOut,
    /// Messages would leave this machine for all to read. [`insecure`](crate::Connector::insecure) allows it.
    #[error("the address is on another machine, and connections are not encrypted")]
    Plaintext,
    /// The system refused.
    #[error("connecting failed")]
    Os(#[source] io::Error),
}
