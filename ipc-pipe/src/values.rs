//! Values through pipes: the four sends, the four receives, and polling.

use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::pipe::{Pipe, Receiver, Sender};
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::time::{Duration, Instant};

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
