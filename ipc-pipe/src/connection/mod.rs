//! Connections: typed messages over a stream of bytes, between two sides that have shown each other their key.

mod frame;
mod half;
mod incoming;
mod outgoing;

pub(crate) use incoming::Incoming;
pub(crate) use outgoing::Outgoing;

use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use half::{Link, ReceivingHalf, SendingHalf};
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle, duplicate};
use ipc_sys::readiness::{self, Interest, Watch, wait_one};
use ipc_sys::stream::StreamSocket;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// A connection to another process, which sends `S` and receives `R`: what [`accept`](crate::Listener::accept) and
/// [`connect`](crate::connect()) make.
///
/// It is used like a [`Pipe`](crate::Pipe), but by one thread at a time: a message may come and leave in pieces, and who
/// has a piece must get the rest. For two threads, [`split`](Connection::split) it.
///
/// A message is sent when its first byte has left. If a call whose time is over leaves a part of one behind, which happens to
/// large messages over TCP, the rest leaves with the next calls, those that receive included, and when the connection is
/// dropped, which then waits for up to 5 seconds.
///
/// # The end
///
/// When the other side is gone, in whatever way it went, all whole messages that have reached this machine are received, and
/// then [`RecvError::Eof`], or [`RecvError::Truncated`] if it went in the middle of one. Over TCP, what was still on its way
/// when the other side was killed, or was dropped with messages of ours unread, may be lost.
///
/// After a [`RecvError::Frame`] the connection has ended in both directions: what follows cannot be told apart.
///
/// # Other processes
///
/// A connection may be an argument of a process or part of a message, between messages of its own: serializing it is an
/// error while a part of a message has come or has not left. Handles inside messages travel over local sockets only.
///
/// # Examples
///
/// ```
/// use ipc_codec::handle::Handle;
/// use ipc_pipe::{Address, Key, Listener, connect};
/// use std::fs::File;
///
/// # let folder = ipc_testkit::temp_dir();
/// # let path = folder.path().join("private").join("socket");
/// let (address, key) = (Address::local(path)?, Key::random()?);
/// let mut listener = Listener::<u64, Handle<File>>::bind(&address, &key)?;
/// let client = std::thread::spawn(move || {
///     let mut connection = connect::<Handle<File>, u64>(&address, &key)?;
///     connection.send(Handle::new(File::open("/proc/self/exe")?))?;
///     Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(connection.recv()?)
/// });
///
/// let mut connection = listener.accept()?;
/// let file = connection.recv()?;
/// connection.send(file.metadata()?.len())?;
/// assert!(client.join().unwrap().unwrap() > 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection<S, R> {
    sender: ConnectionSender<S>,
    receiver: ConnectionReceiver<R>,
}

/// The sending half of a [`Connection`].
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Key, Listener, RecvError, connect};
///
/// # let key = Key::random()?;
/// # let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// # let address = listener.address().clone();
/// # let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
/// # let mut server = listener.accept()?;
/// # let client = client.join().unwrap()?;
/// let (mut sender, receiver) = client.split();
/// sender.send(1)?;
/// drop(sender);
/// assert_eq!(server.recv()?, 1);
/// assert!(matches!(server.recv(), Err(RecvError::Eof)));
/// # drop(receiver);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConnectionSender<S> {
    half: SendingHalf,
    message: PhantomData<fn(S)>,
}

/// The receiving half of a [`Connection`].
///
/// # Examples
///
/// ```
/// # use ipc_pipe::{Key, Listener, connect};
/// # let key = Key::random()?;
/// # let mut listener = Listener::<u8, u8>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// # let address = listener.address().clone();
/// # let client = std::thread::spawn(move || connect::<u8, u8>(&address, &key));
/// # let mut server = listener.accept()?;
/// # let client = client.join().unwrap()?;
/// let (_sender, mut receiver) = client.split();
/// let thread = std::thread::spawn(move || receiver.iter().collect::<Result<Vec<u8>, _>>());
/// for number in 1..=3 {
///     server.send(number)?;
/// }
/// drop(server);
/// assert_eq!(thread.join().unwrap()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConnectionReceiver<R> {
    half: ReceivingHalf,
    message: PhantomData<fn() -> R>,
}

impl<S, R> Connection<S, R> {
    /// Divides the connection into a sending and a receiving half, for two threads say.
    ///
    /// Dropping a half closes its direction: the other side gets [`RecvError::Eof`] or [`SendError::Closed`]. Over TCP it
    /// learns that nobody receives only once the whole connection is dropped.
    pub fn split(self) -> (ConnectionSender<S>, ConnectionReceiver<R>) {
        let (mut sender, mut receiver) = (self.sender, self.receiver);
        sender.half.is_divided = true;
        receiver.half.is_divided = true;
        (sender, receiver)
    }

    /// Whether handles may travel in messages: the connection is one over a local socket.
    pub fn is_local(&self) -> bool {
        self.sender.half.link.socket.is_local()
    }

    /// Sets the limits for the messages of this end; they go with the value, and not with the connection.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.sender.half.limits = limits;
        self.receiver.half.limits = limits;
        self
    }

    /// Takes a connection that came as a bare handle. Nothing checks that the two sides mean the same messages.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is no end of a stream.
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        Ok(Connection::new(StreamSocket::from_handle(handle)?, Limits::default()))
    }

    /// The connection as a bare handle, for [`from_handle`](Connection::from_handle).
    ///
    /// A bare handle is not part of the family: a child that the family forks keeps it.
    ///
    /// # Errors
    ///
    /// `InvalidData` while a part of a message has come or has not left, and the system's error when the table of handles is
    /// full.
    pub fn into_handle(self) -> io::Result<OwnedHandle> {
        if !self.is_between_messages() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, BETWEEN));
        }
        self.sender.half.link.mark_passed_on();
        duplicate(&self)
    }

    pub(crate) fn new(socket: StreamSocket, limits: Limits) -> Self {
        let link = Link::new(socket);
        let receiver = ReceivingHalf::new(Arc::clone(&link), limits);
        Connection {
            sender: ConnectionSender { half: SendingHalf::new(link, limits), message: PhantomData },
            receiver: ConnectionReceiver { half: receiver, message: PhantomData },
        }
    }

    fn is_between_messages(&self) -> bool {
        !self.sender.half.is_pending() && !self.receiver.half.is_begun()
    }

    fn sending(&mut self) -> &mut SendingHalf {
        &mut self.sender.half
    }

    fn receiving(&mut self) -> (&mut ReceivingHalf, Option<&mut SendingHalf>) {
        (&mut self.receiver.half, Some(&mut self.sender.half))
    }
}

impl<S> ConnectionSender<S> {
    fn sending(&mut self) -> &mut SendingHalf {
        &mut self.half
    }
}

impl<R> ConnectionReceiver<R> {
    fn receiving(&mut self) -> (&mut ReceivingHalf, Option<&mut SendingHalf>) {
        (&mut self.half, None)
    }
}

/// How long who is dropped waits for room for the rest of a message that has begun to leave.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

/// Waits until something can be received, or sent if something waits for that; whether it can by the deadline.
pub(crate) fn wait(socket: &StreamSocket, is_pending: bool, deadline: Deadline) -> io::Result<bool> {
    let handle = socket.handle();
    if !is_pending {
        return wait_one(handle, Interest::Read, deadline);
    }
    let mut watches = [Watch::new(handle, Interest::Read), Watch::new(handle, Interest::Write)];
    Ok(readiness::wait(&mut watches, deadline)? > 0)
}

const BETWEEN: &str = "a connection in the middle of a message cannot be passed on";

/// The four sends, and the rest of what was sent.
macro_rules! sends {
    (impl<$($P:ident),+> $Type:ty, $T:ident) => {
        impl<$($P),+> $Type
        where
            $T: Serialize,
        {
            /// Sends a value.
            ///
            /// # Blocking
            ///
            /// While the connection is full, until the other side receives or is gone.
            ///
            /// # Errors
            ///
            /// [`SendError`], with the value. That the other side is gone may be told by a later call: what it did not
            /// receive any more is lost.
            ///
            /// # Other processes
            ///
            /// A process killed in here may have sent a part of the value; the other side gets
            /// [`RecvError::Truncated`] then.
            pub fn send(&mut self, value: $T) -> Result<(), SendError<$T>> {
                match self.sending().send(&value, Deadline::NEVER) {
                    Ok(()) => Ok(()),
                    Err(failure) => Err(failure.with(value)),
                }
            }

            /// Sends a value if the connection has room for its beginning now.
            ///
            /// # Errors
            ///
            /// [`TrySendError`], with the value.
            pub fn try_send(&mut self, value: $T) -> Result<(), TrySendError<$T>> {
                match self.sending().send(&value, Deadline::NOW) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(TrySendError::Full(value)),
                    Err(failure) => Err(TrySendError::Send(failure.with(value))),
                }
            }

            /// Sends a value, waiting for room for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], with the value.
            pub fn send_timeout(&mut self, value: $T, timeout: Duration) -> Result<(), SendTimeoutError<$T>> {
                self.send_until(value, Deadline::after(timeout))
            }

            /// Sends a value, waiting for room until `deadline`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], with the value.
            pub fn send_deadline(&mut self, value: $T, deadline: Instant) -> Result<(), SendTimeoutError<$T>> {
                self.send_until(value, Deadline::at(deadline))
            }

            fn send_until(&mut self, value: $T, deadline: Deadline) -> Result<(), SendTimeoutError<$T>> {
                match self.sending().send(&value, deadline) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(SendTimeoutError::TimedOut(value)),
                    Err(failure) => Err(SendTimeoutError::Send(failure.with(value))),
                }
            }
        }

        impl<$($P),+> $Type {
            /// Sends the rest of a message that a call left behind whose time was over; whether nothing is left.
            ///
            /// # Errors
            ///
            /// `BrokenPipe` when the other side is gone, and the system's error.
            pub fn flush(&mut self, timeout: Duration) -> io::Result<bool> {
                self.sending().flush(Deadline::after(timeout)).map_err(|failure| match failure.with(()) {
                    SendError::Os((), source) => source,
                    _ => io::ErrorKind::BrokenPipe.into(),
                })
            }
        }
    };
}

/// The four receives and what goes with them.
macro_rules! receives {
    (impl<$($P:ident),+> $Type:ty, $T:ident) => {
        impl<$($P),+> $Type
        where
            $T: DeserializeOwned,
        {
            /// Receives the next value.
            ///
            /// # Blocking
            ///
            /// Until a value or the end is there.
            ///
            /// # Errors
            ///
            /// [`RecvError`].
            pub fn recv(&mut self) -> Result<$T, RecvError> {
                loop {
                    if let Some(value) = self.recv_until(Deadline::NEVER)? {
                        return Ok(value);
                    }
                }
            }

            /// Receives the next value if it is there, and whole.
            ///
            /// # Errors
            ///
            /// [`TryRecvError`].
            pub fn try_recv(&mut self) -> Result<$T, TryRecvError> {
                self.recv_until(Deadline::NOW)?.ok_or(TryRecvError::Empty)
            }

            /// Receives the next value, waiting for at most `timeout`. A part of one that has come by then is kept.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            pub fn recv_timeout(&mut self, timeout: Duration) -> Result<$T, RecvTimeoutError> {
                self.recv_until(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the next value, waiting until `deadline`. A part of one that has come by then is kept.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            pub fn recv_deadline(&mut self, deadline: Instant) -> Result<$T, RecvTimeoutError> {
                self.recv_until(Deadline::at(deadline))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives until the end: an iterator that stops at [`RecvError::Eof`]. Any other error is an item.
            ///
            /// # Blocking
            ///
            /// Each step, as [`recv`](Self::recv).
            pub fn iter(&mut self) -> impl Iterator<Item = Result<$T, RecvError>> + '_ {
                std::iter::from_fn(|| match self.recv() {
                    Err(RecvError::Eof) => None,
                    other => Some(other),
                })
            }

            fn recv_until(&mut self, deadline: Deadline) -> Result<Option<$T>, RecvError> {
                let (receiver, sender) = self.receiving();
                receiver.recv(sender, deadline)
            }
        }

        impl<$($P),+> $Type {
            /// Waits until a whole value or the end can be received, for at most `timeout`; whether that is so.
            ///
            /// What has come by then is kept in this process. The descriptor tells nothing of it, so receive
            /// before waiting for that.
            ///
            /// # Errors
            ///
            /// The system's error.
            pub fn poll(&mut self, timeout: Duration) -> io::Result<bool> {
                let (receiver, sender) = self.receiving();
                receiver.poll(sender, Deadline::after(timeout))
            }
        }
    };
}

sends!(impl<S> ConnectionSender<S>, S);
sends!(impl<S, R> Connection<S, R>, S);
receives!(impl<R> ConnectionReceiver<R>, R);
receives!(impl<S, R> Connection<S, R>, R);

/// What all of them have in common: a handle, and a name in debug output.
macro_rules! common {
    (impl<$($P:ident),+> $Type:ty, $name:literal, $($link:ident).+) => {
        impl<$($P),+> AsHandle for $Type {
            fn as_fd(&self) -> BorrowedHandle<'_> {
                self.$($link).+.handle()
            }
        }

        impl<$($P),+> fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    };
}

common!(impl<S> ConnectionSender<S>, "ConnectionSender", half.link);
common!(impl<R> ConnectionReceiver<R>, "ConnectionReceiver", half.link);
common!(impl<S, R> Connection<S, R>, "Connection", sender.half.link);

impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        if !self.is_between_messages() {
            return Err(Z::Error::custom(BETWEEN));
        }
        self.sender.half.link.mark_passed_on();
        ipc_codec::handle::serialize(self, serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle: OwnedHandle = ipc_codec::handle::deserialize(deserializer)?;
        Connection::from_handle(handle).map_err(D::Error::custom)
    }
}
