//! Byte strings in CPython's frames.
//!
//! A frame is its length in 4 bytes, big endian, and so many bytes; from 2^31 bytes on, 4 bytes `ff` and the length in 8.

use crate::connection::{Incoming, LINGER, Outgoing, wait};
use crate::error::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
use crate::half::SendFailure;
use ipc_codec::FrameError;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::stream::StreamSocket;
use std::time::{Duration, Instant};
use std::{fmt, io};

const HEADER_SIZE: usize = 4;
const LONG_HEADER_SIZE: usize = 12;
const LONG: [u8; 4] = [0xff; 4];

/// A connection with a program in Python: `send` is what Python receives by `recv_bytes`, and `recv` what it sends by
/// `send_bytes`.
///
/// Calls that end at a deadline, what they leave behind, and the end of a connection are as for [`crate::Connection`]. What is
/// not sent does not come back in the error: it was only lent.
///
/// # Examples
///
/// ```
/// # use ipc_pipe::{Key, python::Settings};
/// # let settings = Settings::new(&Key::new(b"secret")?);
/// # let mut listener = settings.bind(&"tcp:127.0.0.1:0".parse()?)?;
/// # let address = listener.address().clone();
/// # let client = std::thread::spawn(move || settings.connect(&address));
/// # let mut python = listener.accept()?;
/// # let mut connection = client.join().unwrap()?;
/// connection.send(b"")?; // An empty message is a message.
/// assert_eq!(python.recv()?, b"");
/// drop(connection);
/// assert!(matches!(python.recv(), Err(ipc_pipe::RecvError::Eof)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    socket: StreamSocket,
    incoming: Incoming,
    outgoing: Outgoing,
    max_size: usize,
}

impl Connection {
    /// Sends a byte string.
    ///
    /// # Blocking
    ///
    /// While the connection is full, until the other side receives or is gone.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), SendError<()>> {
        self.send_until(bytes, Deadline::NEVER).map_err(|failure| failure.with(()))
    }

    /// Sends a byte string if the connection has room for its beginning now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`].
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), TrySendError<()>> {
        self.send_until(bytes, Deadline::NOW).map_err(|failure| match failure {
            SendFailure::TimedOut => TrySendError::Full(()),
            other => TrySendError::Send(other.with(())),
        })
    }

    /// Sends a byte string, waiting for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`].
    pub fn send_timeout(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), SendTimeoutError<()>> {
        self.send_until(bytes, Deadline::after(timeout)).map_err(timed)
    }

    /// Sends a byte string, waiting for room until `deadline`.
    ///
    /// # Errors
    ///
    /// [`SendTimeoutError`].
    pub fn send_deadline(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), SendTimeoutError<()>> {
        self.send_until(bytes, Deadline::at(deadline)).map_err(timed)
    }

    /// Receives the next byte string.
    ///
    /// # Blocking
    ///
    /// Until one or the end is there.
    ///
    /// # Errors
    ///
    /// [`RecvError`]. A [`RecvError::Frame`] ends the connection: the other side sends what is too large, or no frames.
    pub fn recv(&mut self) -> Result<Vec<u8>, RecvError> {
        loop {
            if let Some(bytes) = self.recv_until(Deadline::NEVER)? {
                return Ok(bytes);
            }
        }
    }

    /// Receives the next byte string if it is there, and whole.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`].
    pub fn try_recv(&mut self) -> Result<Vec<u8>, TryRecvError> {
        self.recv_until(Deadline::NOW)?.ok_or(TryRecvError::Empty)
    }

    /// Receives the next byte string, waiting for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        self.recv_until(Deadline::after(timeout))?.ok_or(RecvTimeoutError::TimedOut)
    }

    /// Receives the next byte string, waiting until `deadline`.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`].
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Vec<u8>, RecvTimeoutError> {
        self.recv_until(Deadline::at(deadline))?.ok_or(RecvTimeoutError::TimedOut)
    }

    /// Waits until a whole byte string or the end can be received, for at most `timeout`; whether that is so.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn poll(&mut self, timeout: Duration) -> io::Result<bool> {
        match self.fill(Deadline::after(timeout)) {
            Err(RecvError::Os(source)) => Err(source),
            Err(_) => Ok(true),
            Ok(whole) => Ok(whole),
        }
    }

    /// Whether a receive would tell something without the socket.
    pub(crate) fn is_due(&self) -> bool {
        self.incoming.is_due(|beginning| size_of(beginning, self.max_size))
    }

    pub(super) fn new(socket: StreamSocket, max_size: usize) -> Self {
        Connection { socket, incoming: Incoming::default(), outgoing: Outgoing::default(), max_size }
    }

    fn send_until(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), SendFailure> {
        self.outgoing.send(&self.socket, deadline, |frame| {
            match i32::try_from(bytes.len()) {
                Ok(size) => frame.extend_from_slice(&size.to_be_bytes()),
                Err(_) => {
                    frame.extend_from_slice(&LONG);
                    frame.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                }
            }
            frame.extend_from_slice(bytes);
            Ok(Vec::new())
        })
    }

    fn recv_until(&mut self, deadline: Deadline) -> Result<Option<Vec<u8>>, RecvError> {
        let result = match self.fill(deadline) {
            Ok(false) => return Ok(None),
            Ok(true) => self.incoming.take(|frame, handles| {
                // Python sends none with a message.
                drop(handles);
                Ok(frame[header_size(frame)..].to_vec())
            }),
            Err(error) => Err(error),
        };
        match &result {
            Err(RecvError::Frame(_)) => {
                self.incoming.give_up();
                // The other side may be gone, and is told otherwise then.
                let _ = self.socket.shutdown_recv();
                let _ = self.socket.shutdown_send();
            }
            Err(RecvError::Truncated) => self.incoming.give_up(),
            _ => {}
        }
        result.map(Some)
    }

    fn fill(&mut self, deadline: Deadline) -> Result<bool, RecvError> {
        let max_size = self.max_size;
        while !self.incoming.fill(&self.socket, |beginning| size_of(beginning, max_size))? {
            let is_pending = self.outgoing.is_pending()
                && matches!(self.outgoing.flush(&self.socket, Deadline::NOW), Ok(false));
            if !wait(&self.socket, is_pending, deadline).map_err(RecvError::Os)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl AsHandle for Connection {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.socket.handle()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.outgoing.is_pending() {
            // Nobody is left to tell that it did not work.
            let _ = self.outgoing.flush(&self.socket, Deadline::after(LINGER));
        }
    }
}

fn timed(failure: SendFailure) -> SendTimeoutError<()> {
    match failure {
        SendFailure::TimedOut => SendTimeoutError::TimedOut(()),
        other => SendTimeoutError::Send(other.with(())),
    }
}

fn header_size(beginning: &[u8]) -> usize {
    if beginning.starts_with(&LONG) { LONG_HEADER_SIZE } else { HEADER_SIZE }
}

/// How many bytes a frame has in the stream that begins so, as far as is known.
fn size_of(beginning: &[u8], max_size: usize) -> Result<usize, RecvError> {
    let header_size = header_size(beginning);
    if beginning.len() < header_size {
        return Ok(header_size);
    }
    let len = match beginning[..header_size] {
        [a, b, c, d] => match i32::from_be_bytes([a, b, c, d]) {
            len @ 0.. => len as u64,
            // Python reads nothing for these, and nobody means them.
            _ => return Err(FrameError::BadMagic { got: [a, b] }.into()),
        },
        [_, _, _, _, ref len @ ..] => len.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        _ => 0,
    };
    match usize::try_from(len) {
        Ok(size) if size <= max_size => Ok(header_size + size),
        _ => Err(FrameError::TooLarge { len, limit: max_size }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_testkit::{fuzz, peak_of};

    /// What a connection may take beside a few times what has come.
    const MAX_MEMORY: usize = 8 << 10;

    #[test]
    fn sizes_of_frames() {
        let cases: [(&[u8], Option<usize>); 7] = [
            (&[], Some(4)),
            (&[0, 0, 0], Some(4)),
            (&[0, 0, 0, 0], Some(4)),
            (&[0, 0, 0, 5], Some(9)),
            (&[0xff; 4], Some(12)),
            (&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 0], Some(12 + 256)),
            (&[0xff, 0xff, 0xff, 0xfe], None),
        ];
        for (beginning, expected) in cases {
            assert_eq!(size_of(beginning, 1000).ok(), expected, "{beginning:?}");
        }
        let large = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0];
        assert_eq!(size_of(&large, usize::MAX / 2).expect("it is allowed"), 12 + (1 << 31));
        assert!(size_of(&large, 1000).is_err());
        assert!(size_of(&[0xff; 12], usize::MAX / 2).is_err());
    }

    /// Frames that were changed on the way are byte strings or errors, come in whatever pieces, and take no memory that
    /// was only announced.
    #[test]
    fn mutated_streams_are_bytes_or_errors() {
        let frame = |size: u8| [&[0, 0, 0, size], vec![7; usize::from(size)].as_slice()].concat();
        let mut seeds: Vec<Vec<u8>> = (0..6).map(|size| frame(40 * size)).collect();
        seeds.push(vec![0x7f, 0xff, 0xff, 0xff]);
        seeds.push([&LONG, [0, 0, 0, 0, 0, 0, 0, 3].as_slice(), b"abc"].concat());
        seeds.push([&LONG, [0xff; 8].as_slice()].concat());
        let (mut n_whole, mut n_errors) = (0, 0);
        let n_rounds = fuzz::rounds(3000, |rng| {
            let (here, there) = StreamSocket::pair().expect("a stream");
            let mut connection = Connection::new(here, 1000);
            let mut bytes: Vec<u8> = (0..4).flat_map(|_| rng.pick(&seeds).clone()).collect();
            if rng.one_in(2) {
                fuzz::mutate(rng, &mut bytes);
            }
            let middle = rng.below(bytes.len() as u64 + 1) as usize;
            for piece in [&bytes[..middle], &bytes[middle..]] {
                if !piece.is_empty() {
                    there.send(&[piece], &[]).expect("there is room");
                }
                // What has come so far is a part of something, or whole, or wrong already.
                let _ = connection.poll(Duration::ZERO).expect("it can be waited for");
            }
            drop(there);
            // Each is dropped before the next is read: a frame of four bytes is a byte string, too.
            let ((), peak) = peak_of(|| {
                while let Some(result) = next(&mut connection) {
                    n_errors += usize::from(result.is_err());
                    n_whole += usize::from(result.is_ok_and(|found| found.len() <= 1000));
                }
            });
            assert!(peak <= 4 * bytes.len() + MAX_MEMORY, "{peak} bytes of memory for {bytes:02x?}");
        });
        assert!(
            n_rounds < 3000 || (n_whole > 1000 && n_errors > 500),
            "{n_whole} byte strings, {n_errors} errors"
        );
    }

    /// What the connection says until it has ended.
    fn next(connection: &mut Connection) -> Option<Result<Vec<u8>, RecvError>> {
        Some(connection.recv()).filter(|result| !matches!(result, Err(RecvError::Eof)))
    }
}
