//! The ends of a pipe: duplex, sending, receiving.

use crate::builder::Builder;
use crate::envelope;
use crate::half::{Receiving, Sending};
use ipc_codec::Limits;
use ipc_queue::internals::{MessageReceiver, MessageSender};
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use std::marker::PhantomData;
use std::{fmt, io};

/// Makes a duplex pipe and returns its two ends: what one sends, the other receives.
///
/// [`Builder`] has the options.
///
/// # Errors
///
/// The system's error, when there are no more descriptors or no memory.
///
/// # Examples
///
/// ```
/// let (client, server) = ipc_pipe::pipe::<String, usize>()?;
/// client.send("four".into())?;
/// server.send(server.recv()?.len())?;
/// assert_eq!(client.recv()?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn pipe<S, R>() -> io::Result<(Pipe<S, R>, Pipe<R, S>)> {
    Builder::new().pipe()
}

/// Makes a pipe that goes one way.
///
/// # Errors
///
/// As for [`pipe()`].
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex()?;
/// tx.send(vec![1, 2, 3])?;
/// assert_eq!(rx.recv()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn simplex<T>() -> io::Result<(Sender<T>, Receiver<T>)> {
    Builder::new().simplex()
}

/// One end of a duplex pipe, which sends `S` and receives `R`.
///
/// # Other processes
///
/// An end is made for one process at a time. It may be passed as an argument of a process or inside a message, which moves it:
/// whoever encodes a message by hand, and keeps the end, holds it, too. The end is gone when its last holder is: drop it here
/// once it was passed on, as `Process::spawn` does with its arguments.
///
/// Copies that a child inherits do not hold it open: they are close-on-exec, and children that the family forks let go of the
/// ends that they were not given. Copies of this process that some other `fork` makes count until they end, become another
/// program, or drop the end. They may use it: each message still goes to one receiver, and those of several senders never mix;
/// one that is longer than [`INLINE_MAX`](crate::INLINE_MAX) is truncated where several processes receive.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let (a, b) = ipc_pipe::pipe::<u8, u8>()?;
/// assert!(a.try_recv().is_err());
/// b.send(1)?;
/// assert!(a.poll(Duration::ZERO)?);
/// assert_eq!(a.recv_timeout(Duration::from_secs(1))?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipe<S, R> {
    pub(crate) sender: Sender<S>,
    pub(crate) receiver: Receiver<R>,
}

/// The sending end of a pipe.
///
/// # Other processes
///
/// As for [`Pipe`].
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex::<char>()?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| tx.send('a'));
///     scope.spawn(|| tx.send('b'));
/// });
/// let mut letters = [rx.recv()?, rx.recv()?];
/// letters.sort();
/// assert_eq!(letters, ['a', 'b']);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T> {
    pub(crate) end: Sending,
    message: PhantomData<fn(T)>,
}

/// The receiving end of a pipe.
///
/// # Other processes
///
/// As for [`Pipe`].
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
/// for number in 1..=3 {
///     tx.send(number)?;
/// }
/// drop(tx);
/// assert_eq!(rx.iter().collect::<Result<Vec<_>, _>>()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T> {
    pub(crate) end: Receiving,
    message: PhantomData<fn() -> T>,
}

impl<S, R> Pipe<S, R> {
    /// Divides the end into a sending and a receiving half, for two threads say.
    ///
    /// Dropping a half closes its direction: the other side gets [`RecvError::Eof`](crate::RecvError::Eof) or
    /// [`SendError::Closed`](crate::SendError::Closed). Halves can go to
    /// different processes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::RecvError;
    ///
    /// let (a, b) = ipc_pipe::pipe::<u8, u8>()?;
    /// let (tx, rx) = a.split();
    /// drop(tx);
    /// assert!(matches!(b.recv(), Err(RecvError::Eof)));
    /// b.send(1)?;
    /// assert_eq!(rx.recv()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        (self.sender, self.receiver)
    }

    /// Takes an end that came as a bare handle, as a program gets it that was started with one.
    ///
    /// # Errors
    ///
    /// `InvalidData` when no end of a pipe is behind the handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Pipe;
    /// use std::os::fd::OwnedFd;
    ///
    /// let (here, there) = ipc_pipe::pipe::<u8, u8>()?;
    /// let there: OwnedFd = there.into_handle()?;
    /// let there = Pipe::<u8, u8>::from_handle(there)?;
    /// here.send(1)?;
    /// assert_eq!(there.recv()?, 1);
    ///
    /// let file = std::fs::File::open("/dev/null")?;
    /// assert!(Pipe::<u8, u8>::from_handle(file.into()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_handle(handle: OwnedHandle) -> io::Result<Self> {
        envelope::open(handle)
    }

    /// The end as a bare handle, for [`from_handle`](Pipe::from_handle).
    ///
    /// It is a socket with a message in it, from which the end is taken once. A bare handle is not part of the family: a child
    /// that the family forks keeps it.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Pipe;
    ///
    /// let (here, there) = ipc_pipe::pipe::<u8, u8>()?;
    /// let there = Pipe::<u8, u8>::from_handle(there.into_handle()?)?;
    /// there.send(1)?;
    /// assert_eq!(here.recv()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_handle(self) -> io::Result<OwnedHandle> {
        envelope::seal(&self)
    }

    pub(crate) fn new(sender: MessageSender, receiver: MessageReceiver, limits: Limits) -> Self {
        Pipe { sender: Sender::new(sender, limits), receiver: Receiver::new(receiver, limits) }
    }
}

/// What all ends have in common.
macro_rules! ends {
    (impl<$($P:ident),+> $Type:ty, $name:literal) => {
        impl<$($P),+> $Type {
            /// Sets the limits for the messages of this end; they go with the value, not with the pipe.
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_codec::Limits;
            /// use ipc_pipe::{RecvError, SendError};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<String>()?;
            /// let rx = rx.with_limits(Limits::with_max_frame(16));
            /// // Each end has its own; what this one sends, that one refuses.
            /// tx.send("more than sixteen bytes".to_string())?;
            /// assert!(matches!(rx.recv(), Err(RecvError::Frame(_))));
            ///
            /// let tx = tx.with_limits(Limits::with_max_frame(16));
            /// let refused = tx.send("more than sixteen bytes".to_string());
            /// assert!(matches!(refused, Err(SendError::Encode(..))));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn with_limits(mut self, limits: Limits) -> Self {
                self.set_limits(limits);
                self
            }
        }

        impl<$($P),+> fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    };
}

ends!(impl<T> Sender<T>, "Sender");
ends!(impl<T> Receiver<T>, "Receiver");
ends!(impl<S, R> Pipe<S, R>, "Pipe");

impl<T> Receiver<T> {
    /// The descriptor to wait for, or why there is none: [`AsHandle`](ipc_sys::handle::AsHandle) cannot say.
    ///
    /// It is readable when something is there or the end, and may be so when nothing is. Asking for it arms it, and so does a
    /// [`try_recv`](Receiver::try_recv) that finds nothing; it makes three descriptors the first time.
    ///
    /// # Errors
    ///
    /// The system's error when the table of handles is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use ipc_sys::readiness::{Interest, wait_one};
    ///
    /// let (tx, rx) = ipc_pipe::simplex::<u8>()?;
    /// tx.send(1)?;
    /// assert!(wait_one(rx.pollable()?, Interest::Read, Deadline::NEVER)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pollable(&self) -> io::Result<BorrowedHandle<'_>> {
        self.end.receiver.pollable()
    }

    /// Whether there is something to receive, the end, or an error to tell.
    pub(crate) fn is_ready(&self) -> bool {
        self.end.receiver.is_ready()
    }

    pub(crate) fn new(receiver: MessageReceiver, limits: Limits) -> Self {
        Receiver { end: Receiving::new(receiver, limits), message: PhantomData }
    }

    fn set_limits(&mut self, limits: Limits) {
        self.end.set_limits(limits);
    }
}

impl<T> Sender<T> {
    pub(crate) fn new(sender: MessageSender, limits: Limits) -> Self {
        Sender { end: Sending::new(sender, limits), message: PhantomData }
    }

    fn set_limits(&mut self, limits: Limits) {
        self.end.set_limits(limits);
    }
}

impl<S, R> Pipe<S, R> {
    pub(crate) fn receiver(&self) -> &Receiver<R> {
        &self.receiver
    }

    fn set_limits(&mut self, limits: Limits) {
        self.sender.set_limits(limits);
        self.receiver.set_limits(limits);
    }
}
