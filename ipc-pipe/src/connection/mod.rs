//! Connections: typed messages over a stream of bytes, between two sides that have shown each other their key.

mod frame;
mod half;
mod incoming;
mod methods;
mod outgoing;

pub(crate) use incoming::Incoming;
pub(crate) use outgoing::Outgoing;

use half::{Link, ReceivingHalf, SendingHalf};
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle, duplicate};
use ipc_sys::readiness::{self, Interest, Watch, wait_one};
use ipc_sys::stream::StreamSocket;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
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
///
/// [`RecvError::Eof`]: crate::RecvError::Eof
/// [`RecvError::Frame`]: crate::RecvError::Frame
/// [`RecvError::Truncated`]: crate::RecvError::Truncated
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
    ///
    /// # Examples
    ///
    /// ```
    /// # let key = ipc_pipe::Key::random()?;
    /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// # let address = listener.address().clone();
    /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
    /// # let mut there = listener.accept()?;
    /// # let here = client.join().unwrap()?;
    /// use ipc_pipe::RecvError;
    ///
    /// let (sender, mut receiver) = here.split();
    /// drop(sender);
    /// assert!(matches!(there.recv(), Err(RecvError::Eof)));
    /// there.send(1)?;
    /// assert_eq!(receiver.recv()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`RecvError::Eof`]: crate::RecvError::Eof
    /// [`SendError::Closed`]: crate::SendError::Closed
    pub fn split(self) -> (ConnectionSender<S>, ConnectionReceiver<R>) {
        let (mut sender, mut receiver) = (self.sender, self.receiver);
        sender.half.is_divided = true;
        receiver.half.is_divided = true;
        (sender, receiver)
    }

    /// Whether handles may travel in messages: the connection is one over a local socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # let key = ipc_pipe::Key::random()?;
    /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// # let address = listener.address().clone();
    /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
    /// # let there = listener.accept()?;
    /// # let here = client.join().unwrap()?;
    /// assert!(!here.is_local());
    /// # drop((here, there));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_local(&self) -> bool {
        self.sender.half.link.socket.is_local()
    }

    /// Sets the limits for the messages of this end; they go with the value, and not with the connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # let key = ipc_pipe::Key::random()?;
    /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// # let address = listener.address().clone();
    /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
    /// # let there = listener.accept()?;
    /// # let mut here = client.join().unwrap()?;
    /// use ipc_codec::Limits;
    /// use ipc_pipe::RecvError;
    ///
    /// let mut there = there.with_limits(Limits::with_max_frame(16));
    /// here.send("more than sixteen bytes".to_string())?;
    /// assert!(matches!(there.recv(), Err(RecvError::Frame(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// # let key = ipc_pipe::Key::random()?;
    /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// # let address = listener.address().clone();
    /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
    /// # let mut there = listener.accept()?;
    /// # let here = client.join().unwrap()?;
    /// use ipc_pipe::Connection;
    ///
    /// let mut here = Connection::<String, u8>::from_handle(here.into_handle()?)?;
    /// there.send(1)?;
    /// assert_eq!(here.recv()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// # let key = ipc_pipe::Key::random()?;
    /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
    /// # let address = listener.address().clone();
    /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
    /// # let mut there = listener.accept()?;
    /// # let here = client.join().unwrap()?;
    /// use ipc_pipe::Connection;
    /// use std::os::fd::OwnedFd;
    ///
    /// let handle: OwnedFd = here.into_handle()?;
    /// let mut here = Connection::<String, u8>::from_handle(handle)?;
    /// here.send("hello".to_string())?;
    /// assert_eq!(there.recv()?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Whether a receive would tell something without the socket.
    pub(crate) fn is_due(&self) -> bool {
        self.receiver.is_due()
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
    /// Whether a receive would tell something without the socket.
    pub(crate) fn is_due(&self) -> bool {
        self.half.is_due()
    }

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
