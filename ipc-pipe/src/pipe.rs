//! The ends of a pipe: duplex, sending, receiving.

use crate::builder::Builder;
use crate::envelope;
use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::half::{Receiving, Sending};
use ipc_codec::Limits;
use ipc_queue::internals::{MessageReceiver, MessageSender};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{BorrowedHandle, OwnedHandle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::time::{Duration, Instant};
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
    /// Dropping a half closes its direction: the other side gets [`RecvError::Eof`] or [`SendError::Closed`]. Halves can go to
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

/// The four sends, and what they share; `$Type` reaches its sending half by `$half`.
macro_rules! sends {
    (impl<$($P:ident),+> $Type:ty, $T:ident, $($half:ident).+) => {
        impl<$($P),+> $Type
        where
            $T: Serialize,
        {
            /// Sends a value.
            ///
            /// # Blocking
            ///
            /// While the pipe is full, until the other side receives or is gone. Full are 1,024 messages, or 256 KiB, unless the
            /// [`Builder`](crate::Builder) was told otherwise. A larger message goes through the pipe in parts, and is sent when the
            /// other side has received most of it; another thread that sends a large one waits until then.
            ///
            /// # Errors
            ///
            /// [`SendError`], with the value.
            ///
            /// # Other processes
            ///
            /// Handles inside the value are duplicated into the message; up to
            /// [`Limits::max_handles`](ipc_codec::Limits::max_handles) of them. A process killed in here has sent the
            /// value whole or not at all.
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<(u32, String)>()?;
            /// tx.send((1, "one".to_string()))?;
            /// assert_eq!(rx.recv()?, (1, "one".to_string()));
            ///
            /// let (here, there) = ipc_pipe::pipe::<u32, String>()?;
            /// here.send(1)?;
            /// there.send("one".to_string())?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            pub fn send(&self, value: $T) -> Result<(), SendError<$T>> {
                match self.$($half).+.send(&value, Deadline::NEVER) {
                    Ok(()) => Ok(()),
                    Err(failure) => Err(failure.with(value)),
                }
            }

            /// Sends a value if the pipe has room for it now.
            ///
            /// # Errors
            ///
            /// [`TrySendError`], with the value. One that is larger than the pipe never has room at once, which is
            /// [`SendError::Encode`].
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::TrySendError;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<Vec<u8>>()?;
            /// let refused = loop {
            ///     if let Err(error) = tx.try_send(vec![7; 10_000]) {
            ///         break error;
            ///     }
            /// };
            /// assert!(matches!(refused, TrySendError::Full(_)));
            /// rx.recv()?; // Makes room.
            /// tx.try_send(vec![])?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            pub fn try_send(&self, value: $T) -> Result<(), TrySendError<$T>> {
                match self.$($half).+.send(&value, Deadline::NOW) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(TrySendError::Full(value)),
                    Err(failure) => Err(TrySendError::Send(failure.with(value))),
                }
            }

            /// Sends a value, waiting for room for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], with the value. Nothing of it arrives then, though parts of it may have been sent. If this end goes
            /// before the pipe has room again, the other side can take that for a message that was [cut short](RecvError::Truncated).
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::SendTimeoutError;
            /// use std::time::Duration;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<Vec<u8>>()?;
            /// while tx.try_send(vec![7; 10_000]).is_ok() {}
            /// let refused = tx.send_timeout(vec![7; 10_000], Duration::from_millis(10));
            /// assert!(matches!(refused, Err(SendTimeoutError::TimedOut(_))));
            /// drop(rx);
            /// let refused = tx.send_timeout(vec![7; 10_000], Duration::from_secs(60));
            /// assert!(matches!(refused, Err(SendTimeoutError::Send(_))));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_timeout(&self, value: $T, timeout: Duration) -> Result<(), SendTimeoutError<$T>> {
                self.send_until(value, Deadline::after(timeout))
            }

            /// Sends a value, waiting for room until `deadline`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], with the value.
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::{Duration, Instant};
            ///
            /// let (here, there) = ipc_pipe::pipe::<u32, u32>()?;
            /// // One deadline for the question and the answer.
            /// let deadline = Instant::now() + Duration::from_secs(60);
            /// here.send_deadline(1, deadline)?;
            /// there.send_deadline(there.recv_deadline(deadline)? + 1, deadline)?;
            /// assert_eq!(here.recv_deadline(deadline)?, 2);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_deadline(&self, value: $T, deadline: Instant) -> Result<(), SendTimeoutError<$T>> {
                self.send_until(value, Deadline::at(deadline))
            }

            fn send_until(&self, value: $T, deadline: Deadline) -> Result<(), SendTimeoutError<$T>> {
                match self.$($half).+.send(&value, deadline) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(SendTimeoutError::TimedOut(value)),
                    Err(failure) => Err(SendTimeoutError::Send(failure.with(value))),
                }
            }
        }
    };
}

/// The four receives, and what they share; `$Type` reaches its receiving half by `$half`.
macro_rules! receives {
    (impl<$($P:ident),+> $Type:ty, $T:ident, $($half:ident).+) => {
        impl<$($P),+> $Type
        where
            $T: DeserializeOwned,
        {
            /// Receives the next value.
            ///
            /// # Blocking
            ///
            /// Until a value is there or the other side is gone.
            ///
            /// # Errors
            ///
            /// [`RecvError`]; [`RecvError::Eof`] once the other side is gone and everything was received. That it was killed is
            /// noticed by a look, every 40 ms, or told by the kernel.
            ///
            /// # Other processes
            ///
            /// Of several processes and threads that receive from the same end, each value goes to one. A process
            /// killed in here loses at most the value that it was receiving, and with a large one what it had of it.
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::RecvError;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// tx.send(1)?;
            /// drop(tx);
            /// assert_eq!(rx.recv()?, 1);
            /// assert!(matches!(rx.recv(), Err(RecvError::Eof)));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            pub fn recv(&self) -> Result<$T, RecvError> {
                loop {
                    if let Some(value) = self.$($half).+.recv(Deadline::NEVER)? {
                        return Ok(value);
                    }
                }
            }

            /// Receives the next value if it is there now.
            ///
            /// # Errors
            ///
            /// [`TryRecvError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::{RecvError, TryRecvError};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
            /// tx.send(1)?;
            /// assert_eq!(rx.try_recv()?, 1);
            /// drop(tx);
            /// assert!(matches!(rx.try_recv(), Err(TryRecvError::Recv(RecvError::Eof))));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            pub fn try_recv(&self) -> Result<$T, TryRecvError> {
                self.$($half).+.recv(Deadline::NOW)?.ok_or(TryRecvError::Empty)
            }

            /// Receives the next value, waiting for at most `timeout`.
            ///
            /// A value that is there is received even when the time is already over.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::RecvTimeoutError;
            /// use std::time::Duration;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// let nothing = rx.recv_timeout(Duration::from_millis(10));
            /// assert!(matches!(nothing, Err(RecvTimeoutError::TimedOut)));
            /// tx.send(1)?;
            /// assert_eq!(rx.recv_timeout(Duration::ZERO)?, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_timeout(&self, timeout: Duration) -> Result<$T, RecvTimeoutError> {
                self.$($half).+.recv(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the next value, waiting until `deadline`.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::RecvTimeoutError;
            /// use std::time::{Duration, Instant};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// tx.send(1)?;
            /// // Whatever comes within 10 milliseconds.
            /// let deadline = Instant::now() + Duration::from_millis(10);
            /// let mut received = Vec::new();
            /// let end = loop {
            ///     match rx.recv_deadline(deadline) {
            ///         Ok(number) => received.push(number),
            ///         Err(end) => break end,
            ///     }
            /// };
            /// assert_eq!(received, [1]);
            /// assert!(matches!(end, RecvTimeoutError::TimedOut));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_deadline(&self, deadline: Instant) -> Result<$T, RecvTimeoutError> {
                self.$($half).+.recv(Deadline::at(deadline))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives until the end: an iterator that stops at [`RecvError::Eof`]. Any other error is an item, and what is
            /// behind it may still be received, but for [`RecvError::Broken`], which is the last.
            ///
            /// # Blocking
            ///
            /// Each step, as [`recv`](Self::recv).
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// std::thread::scope(|scope| {
            ///     scope.spawn(move || (1..=4).try_for_each(|number| tx.send(number)));
            ///     let mut sum = 0;
            ///     for number in rx.iter() {
            ///         sum += number?;
            ///     }
            ///     assert_eq!(sum, 10);
            ///     Ok::<(), ipc_pipe::RecvError>(())
            /// })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn iter(&self) -> impl Iterator<Item = Result<$T, RecvError>> + '_ {
                let mut is_broken = false;
                std::iter::from_fn(move || match self.recv() {
                    _ if is_broken => None,
                    Err(RecvError::Eof) => None,
                    other => {
                        is_broken = matches!(other, Err(RecvError::Broken(_)));
                        Some(other)
                    }
                })
            }
        }

        impl<$($P),+> $Type {
            /// Waits until a value or the end is there, for at most `timeout`; whether that is so. Of a value that is larger than the
            /// pipe the beginning is there.
            ///
            /// # Errors
            ///
            /// What [`RecvError::Broken`] would tell.
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<u32>()?;
            /// assert!(!rx.poll(Duration::from_millis(10))?);
            /// tx.send(1)?;
            /// assert!(rx.poll(Duration::ZERO)?);
            /// assert_eq!(rx.recv()?, 1);
            /// // The end is something to receive, too.
            /// drop(tx);
            /// assert!(rx.poll(Duration::ZERO)?);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn poll(&self, timeout: Duration) -> io::Result<bool> {
                self.$($half).+.poll(Deadline::after(timeout))
            }
        }
    };
}

sends!(impl<T> Sender<T>, T, end);
sends!(impl<S, R> Pipe<S, R>, S, sender.end);
receives!(impl<T> Receiver<T>, T, end);
receives!(impl<S, R> Pipe<S, R>, R, receiver.end);

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
