//! The ends of a pipe: duplex, sending, receiving.

use crate::end::{End, Half};
use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle, duplicate};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::marker::PhantomData;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// Makes a duplex pipe and returns its two ends: what one sends, the other receives.
///
/// # Errors
///
/// The system's error when the table of handles is full.
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
    let (a, b) = End::pair()?;
    Ok((Pipe::new(a), Pipe::new(b)))
}

/// Makes a pipe that goes one way.
///
/// # Errors
///
/// The system's error when the table of handles is full.
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
    let (a, b) = End::pair()?;
    Ok((Sender::new(a), Receiver::new(b)))
}

/// One end of a duplex pipe, which sends `S` and receives `R`.
///
/// # Other processes
///
/// An end may be passed as an argument of a process or inside a message. The end is gone when its last holder is: drop
/// it here once it was passed on, as `Process::spawn` does with its arguments.
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
    sender: Sender<S>,
    receiver: Receiver<R>,
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
    end: Half,
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
    end: Half,
    message: PhantomData<fn() -> T>,
}

impl<S, R> Pipe<S, R> {
    /// Divides the end into a sending and a receiving half, for two threads say.
    ///
    /// Dropping a half closes its direction: the other side gets [`RecvError::Eof`] or [`SendError::Closed`]. A half
    /// that was passed to another process closes its direction together with the other half.
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
        self.sender.end.mark_divided();
        self.receiver.end.mark_divided();
        (self.sender, self.receiver)
    }

    /// Takes an end that came as a bare handle, as a program gets it that was started with one.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the handle is not an end of a pipe.
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
        End::from_handle(handle).map(Self::new)
    }

    /// The end as a bare handle, for [`from_handle`](Pipe::from_handle).
    ///
    /// A bare handle is not part of the family: a child that the family forks keeps it.
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
        self.mark_passed_on();
        duplicate(&self)
    }

    fn new(end: End) -> Self {
        let (sending, receiving) = end.split();
        Pipe {
            sender: Sender { end: sending, message: PhantomData },
            receiver: Receiver { end: receiving, message: PhantomData },
        }
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
            /// While the pipe is full, until the other side receives or is gone. Full are a few hundred small messages, or
            /// some 200 KiB of larger ones; one above [`INLINE_MAX`](crate::INLINE_MAX) counts as a small one.
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
            /// [`TrySendError`], with the value.
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
            /// [`SendTimeoutError`], with the value.
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
            /// [`RecvError`]; [`RecvError::Eof`] once the other side is gone and everything was received.
            ///
            /// # Other processes
            ///
            /// Of several processes and threads that receive from the same end, each value goes to one. A process
            /// killed in here loses at most the value that it was receiving.
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
            /// behind it may still be received.
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
                std::iter::from_fn(|| match self.recv() {
                    Err(RecvError::Eof) => None,
                    other => Some(other),
                })
            }
        }

        impl<$($P),+> $Type {
            /// Waits until a value or the end can be received, for at most `timeout`; whether that is so.
            ///
            /// # Errors
            ///
            /// The system's error, when memory is short.
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

/// What all ends have in common: limits, a handle, travelling in messages.
macro_rules! ends {
    (impl<$($P:ident),+> $Type:ty, $name:literal, $($half:ident).+) => {
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

        impl<$($P),+> AsHandle for $Type {
            fn as_fd(&self) -> BorrowedHandle<'_> {
                self.$($half).+.handle()
            }
        }

        impl<$($P),+> Serialize for $Type {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                self.mark_passed_on();
                ipc_codec::handle::serialize(self, serializer)
            }
        }

        impl<'de, $($P),+> Deserialize<'de> for $Type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                End::deserialize(deserializer).map(Self::new)
            }
        }

        impl<$($P),+> fmt::Debug for $Type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    };
}

ends!(impl<T> Sender<T>, "Sender", end);
ends!(impl<T> Receiver<T>, "Receiver", end);
ends!(impl<S, R> Pipe<S, R>, "Pipe", sender.end);

impl<T> Sender<T> {
    fn new(end: End) -> Self {
        Sender { end: Half::sending(end), message: PhantomData }
    }

    fn set_limits(&mut self, limits: Limits) {
        self.end.set_limits(limits);
    }

    fn mark_passed_on(&self) {
        self.end.mark_passed_on();
    }
}

impl<T> Receiver<T> {
    fn new(end: End) -> Self {
        Receiver { end: Half::receiving(end), message: PhantomData }
    }

    fn set_limits(&mut self, limits: Limits) {
        self.end.set_limits(limits);
    }

    fn mark_passed_on(&self) {
        self.end.mark_passed_on();
    }
}

impl<S, R> Pipe<S, R> {
    fn set_limits(&mut self, limits: Limits) {
        self.sender.set_limits(limits);
        self.receiver.set_limits(limits);
    }

    fn mark_passed_on(&self) {
        self.sender.mark_passed_on();
        self.receiver.mark_passed_on();
    }
}
