//! Sending and receiving, by a whole connection or a half of it.

use super::{Connection, ConnectionReceiver, ConnectionSender};
use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::time::{Duration, Instant};

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
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// here.send("hello".to_string())?;
            /// assert_eq!(there.recv()?, "hello");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            /// use ipc_pipe::TrySendError;
            ///
            /// let refused = loop {
            ///     if let Err(error) = here.try_send("x".repeat(10_000)) {
            ///         break error;
            ///     }
            /// };
            /// assert!(matches!(refused, TrySendError::Full(_)));
            /// # drop(there);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            /// use std::time::Duration;
            ///
            /// while here.try_send("x".repeat(10_000)).is_ok() {}
            /// let refused = here.send_timeout("late".to_string(), Duration::from_millis(10)).unwrap_err();
            /// assert_eq!(refused.into_inner(), "late");
            /// # drop(there);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_timeout(&mut self, value: $T, timeout: Duration) -> Result<(), SendTimeoutError<$T>> {
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
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// use std::time::{Duration, Instant};
            ///
            /// let deadline = Instant::now() + Duration::from_secs(60);
            /// here.send_deadline("hello".to_string(), deadline)?;
            /// assert_eq!(there.recv_deadline(deadline)?, "hello");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// use std::time::Duration;
            ///
            /// // More than fits at once.
            /// here.try_send("x".repeat(20 << 20))?;
            /// assert!(!here.flush(Duration::ZERO)?);
            /// let receiver = std::thread::spawn(move || there.recv());
            /// assert!(here.flush(Duration::from_secs(60))?);
            /// assert_eq!(receiver.join().unwrap()?.len(), 20 << 20);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// there.send(1)?;
            /// assert_eq!(here.recv()?, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            /// use ipc_pipe::TryRecvError;
            ///
            /// assert!(matches!(here.try_recv(), Err(TryRecvError::Empty)));
            /// # drop(there);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn try_recv(&mut self) -> Result<$T, TryRecvError> {
                self.recv_until(Deadline::NOW)?.ok_or(TryRecvError::Empty)
            }

            /// Receives the next value, waiting for at most `timeout`. A part of one that has come by then is kept.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// use ipc_pipe::RecvTimeoutError;
            /// use std::time::Duration;
            ///
            /// let nothing = here.recv_timeout(Duration::from_millis(10));
            /// assert!(matches!(nothing, Err(RecvTimeoutError::TimedOut)));
            /// there.send(1)?;
            /// assert_eq!(here.recv_timeout(Duration::from_secs(60))?, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_timeout(&mut self, timeout: Duration) -> Result<$T, RecvTimeoutError> {
                self.recv_until(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the next value, waiting until `deadline`. A part of one that has come by then is kept.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// use std::time::{Duration, Instant};
            ///
            /// there.send(1)?;
            /// assert_eq!(here.recv_deadline(Instant::now() + Duration::from_secs(60))?, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_deadline(&mut self, deadline: Instant) -> Result<$T, RecvTimeoutError> {
                self.recv_until(Deadline::at(deadline))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives until the end: an iterator that stops at [`RecvError::Eof`]. Any other error is an item.
            ///
            /// # Blocking
            ///
            /// Each step, as [`recv`](Self::recv).
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// there.send(1)?;
            /// there.send(2)?;
            /// drop(there);
            /// assert_eq!(here.iter().collect::<Result<Vec<_>, _>>()?, [1, 2]);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            ///
            /// # Examples
            ///
            /// ```
            /// # let key = ipc_pipe::Key::random()?;
            /// # let mut listener = ipc_pipe::Listener::<u8, String>::bind(&"tcp:127.0.0.1:0".parse()?, &key)?;
            /// # let address = listener.address().clone();
            /// # let client = std::thread::spawn(move || ipc_pipe::connect::<String, u8>(&address, &key));
            /// # let mut there = listener.accept()?;
            /// # let mut here = client.join().unwrap()?;
            /// use std::time::Duration;
            ///
            /// assert!(!here.poll(Duration::from_millis(10))?);
            /// there.send(1)?;
            /// assert!(here.poll(Duration::from_secs(60))?);
            /// assert_eq!(here.recv()?, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
