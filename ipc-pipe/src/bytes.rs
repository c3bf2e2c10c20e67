//! Byte strings instead of values: no encoder, and the receiver's own buffer if it wants.

use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::pipe::{Pipe, Receiver, Sender};
use ipc_sys::clock::Deadline;
use std::time::{Duration, Instant};

/// The four sends of bytes; `$Type` reaches its sending half by `$half`.
macro_rules! sends_bytes {
    (impl<$($P:ident),+> $Type:ty, $($half:ident).+) => {
        impl<$($P),+> $Type {
            /// Sends bytes as a message, without encoding them. They are received by [`recv_bytes`](Receiver::recv_bytes); for
            /// [`recv`](Receiver::recv) they would have to be the encoding of a value.
            ///
            /// # Blocking
            ///
            /// As [`send`](Sender::send).
            ///
            /// # Errors
            ///
            /// [`SendError`]; the bytes are the caller's still.
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// tx.send_bytes(b"hello")?;
            /// assert_eq!(rx.recv_bytes()?, b"hello");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError<()>> {
                self.$($half).+.send_bytes(bytes, Deadline::NEVER).map_err(|failure| failure.with(()))
            }

            /// Sends bytes if the pipe has room for them now.
            ///
            /// # Errors
            ///
            /// [`TrySendError`], as for [`try_send`](Sender::try_send).
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// while tx.try_send_bytes(&[7; 1000]).is_ok() {}
            /// rx.recv_bytes()?; // Makes room.
            /// tx.try_send_bytes(&[7; 1000])?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn try_send_bytes(&self, bytes: &[u8]) -> Result<(), TrySendError<()>> {
                match self.$($half).+.send_bytes(bytes, Deadline::NOW) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(TrySendError::Full(())),
                    Err(failure) => Err(TrySendError::Send(failure.with(()))),
                }
            }

            /// Sends bytes, waiting for room for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], as for [`send_timeout`](Sender::send_timeout).
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            ///
            /// let (tx, _rx) = ipc_pipe::simplex::<()>()?;
            /// while tx.try_send_bytes(&[7; 1000]).is_ok() {}
            /// let error = tx.send_bytes_timeout(&[7; 1000], Duration::from_millis(5)).unwrap_err();
            /// assert!(error.is_timeout());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_bytes_timeout(
                &self,
                bytes: &[u8],
                timeout: Duration,
            ) -> Result<(), SendTimeoutError<()>> {
                self.send_bytes_until(bytes, Deadline::after(timeout))
            }

            /// Sends bytes, waiting for room until `deadline`.
            ///
            /// # Errors
            ///
            /// [`SendTimeoutError`], as for [`send_deadline`](Sender::send_deadline).
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::{Duration, Instant};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// tx.send_bytes_deadline(b"soon", Instant::now() + Duration::from_secs(60))?;
            /// assert_eq!(rx.recv_bytes()?, b"soon");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn send_bytes_deadline(
                &self,
                bytes: &[u8],
                deadline: Instant,
            ) -> Result<(), SendTimeoutError<()>> {
                self.send_bytes_until(bytes, Deadline::at(deadline))
            }

            fn send_bytes_until(&self, bytes: &[u8], deadline: Deadline) -> Result<(), SendTimeoutError<()>> {
                match self.$($half).+.send_bytes(bytes, deadline) {
                    Ok(()) => Ok(()),
                    Err(failure) if failure.is_timeout() => Err(SendTimeoutError::TimedOut(())),
                    Err(failure) => Err(SendTimeoutError::Send(failure.with(()))),
                }
            }
        }
    };
}

/// The receives of bytes; `$Type` reaches its receiving half by `$half`.
macro_rules! receives_bytes {
    (impl<$($P:ident),+> $Type:ty, $($half:ident).+) => {
        impl<$($P),+> $Type {
            /// Receives the bytes of the next message, whatever it is: of a value that was sent, its encoding. Handles in it are
            /// closed.
            ///
            /// # Blocking
            ///
            /// As [`recv`](Receiver::recv).
            ///
            /// # Errors
            ///
            /// [`RecvError`].
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<String>()?;
            /// tx.send("hello".to_string())?;
            /// assert_eq!(rx.recv_bytes()?, b"\x05hello");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes(&self) -> Result<Vec<u8>, RecvError> {
                loop {
                    if let Some(bytes) = self.$($half).+.recv_bytes(Deadline::NEVER)? {
                        return Ok(bytes);
                    }
                }
            }

            /// Receives the bytes of the next message if it is there now.
            ///
            /// # Errors
            ///
            /// [`TryRecvError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::TryRecvError;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// assert!(matches!(rx.try_recv_bytes(), Err(TryRecvError::Empty)));
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.try_recv_bytes()?, b"now");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn try_recv_bytes(&self) -> Result<Vec<u8>, TryRecvError> {
                self.$($half).+.recv_bytes(Deadline::NOW)?.ok_or(TryRecvError::Empty)
            }

            /// Receives the bytes of the next message, waiting for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// assert!(rx.recv_bytes_timeout(Duration::from_millis(5)).is_err());
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.recv_bytes_timeout(Duration::ZERO)?, b"now");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes_timeout(&self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
                self.$($half).+.recv_bytes(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the bytes of the next message, waiting until `deadline`.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::{Duration, Instant};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.recv_bytes_deadline(Instant::now())?, b"now");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes_deadline(&self, deadline: Instant) -> Result<Vec<u8>, RecvTimeoutError> {
                self.$($half).+.recv_bytes(Deadline::at(deadline))?.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the bytes of the next message into a buffer, and tells how many they are.
            ///
            /// # Blocking
            ///
            /// As [`recv`](Receiver::recv).
            ///
            /// # Errors
            ///
            /// [`RecvError`]; [`RecvError::BufferTooShort`] tells how long the message is, which can still be received.
            ///
            /// # Examples
            ///
            /// ```
            /// use ipc_pipe::RecvError;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// tx.send_bytes(b"hello")?;
            /// let mut buffer = [0; 4];
            /// assert!(matches!(rx.recv_bytes_into(&mut buffer), Err(RecvError::BufferTooShort { size: 5 })));
            /// let mut buffer = [0; 8];
            /// assert_eq!(rx.recv_bytes_into(&mut buffer)?, 5);
            /// assert_eq!(&buffer[..5], b"hello");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
                loop {
                    if let Some(size) = self.$($half).+.recv_bytes_into(buffer, Deadline::NEVER)? {
                        return Ok(size);
                    }
                }
            }

            /// Receives the bytes of the next message into a buffer if it is there now.
            ///
            /// # Errors
            ///
            /// [`TryRecvError`].
            ///
            /// # Examples
            ///
            /// ```
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// let mut buffer = [0; 8];
            /// assert!(rx.try_recv_bytes_into(&mut buffer).is_err());
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.try_recv_bytes_into(&mut buffer)?, 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn try_recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, TryRecvError> {
                self.$($half).+.recv_bytes_into(buffer, Deadline::NOW)?.ok_or(TryRecvError::Empty)
            }

            /// Receives the bytes of the next message into a buffer, waiting for at most `timeout`.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// let mut buffer = [0; 8];
            /// assert!(rx.recv_bytes_into_timeout(&mut buffer, Duration::from_millis(5)).is_err());
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.recv_bytes_into_timeout(&mut buffer, Duration::ZERO)?, 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes_into_timeout(
                &self,
                buffer: &mut [u8],
                timeout: Duration,
            ) -> Result<usize, RecvTimeoutError> {
                let received = self.$($half).+.recv_bytes_into(buffer, Deadline::after(timeout))?;
                received.ok_or(RecvTimeoutError::TimedOut)
            }

            /// Receives the bytes of the next message into a buffer, waiting until `deadline`.
            ///
            /// # Errors
            ///
            /// [`RecvTimeoutError`].
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::{Duration, Instant};
            ///
            /// let (tx, rx) = ipc_pipe::simplex::<()>()?;
            /// tx.send_bytes(b"now")?;
            /// assert_eq!(rx.recv_bytes_into_deadline(&mut [0; 8], Instant::now())?, 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn recv_bytes_into_deadline(
                &self,
                buffer: &mut [u8],
                deadline: Instant,
            ) -> Result<usize, RecvTimeoutError> {
                let received = self.$($half).+.recv_bytes_into(buffer, Deadline::at(deadline))?;
                received.ok_or(RecvTimeoutError::TimedOut)
            }
        }
    };
}

sends_bytes!(impl<T> Sender<T>, end);
sends_bytes!(impl<S, R> Pipe<S, R>, sender.end);
receives_bytes!(impl<T> Receiver<T>, end);
receives_bytes!(impl<S, R> Pipe<S, R>, receiver.end);
