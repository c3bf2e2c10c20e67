//! The options of a new pipe.

use crate::envelope::cause;
use crate::pipe::{Pipe, Receiver, Sender};
use ipc_codec::Limits;
use ipc_queue::internals::{channel, part_size};
use std::io;

/// The largest message, in bytes of its encoding, that goes in one part through a pipe of the usual size.
///
/// A larger one goes in several, so that one of a gibibyte needs no more room than the pipe has. The parts of a pipe of
/// [another size](Builder::ring_size) are an eighth of that, and 1 MiB at most.
///
/// # Examples
///
/// ```
/// let (tx, rx) = ipc_pipe::simplex::<Vec<u8>>()?;
/// for size in [ipc_pipe::INLINE_MAX / 2, 2 * ipc_pipe::INLINE_MAX] {
///     tx.send(vec![7; size])?; // Nobody has to receive yet: both have room in the pipe.
///     assert_eq!(rx.recv()?.len(), size);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const INLINE_MAX: usize = part_size(RING_SIZE);

/// Bytes of the ring unless told otherwise: so many have their place in a processor's own cache, which makes small messages
/// twice as fast.
const RING_SIZE: usize = 256 << 10;

/// The options of a new pipe.
///
/// # Examples
///
/// ```
/// use ipc_codec::Limits;
/// use ipc_pipe::Builder;
///
/// let builder = Builder::new().ring_size(64 << 10).limits(Limits::with_max_frame(1 << 20));
/// let (here, there) = builder.pipe::<String, u32>()?;
/// here.send("hello".to_string())?;
/// assert_eq!(there.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is made before `pipe` or `simplex`"]
pub struct Builder {
    ring_size: usize,
    limits: Limits,
}

impl Builder {
    /// The options as [`pipe()`](crate::pipe()) has them.
    pub fn new() -> Builder {
        Builder { ring_size: RING_SIZE, limits: Limits::default() }
    }

    /// How many bytes of messages can be on their way in each direction; 256 KiB by default, and 4 KiB at least. There is room for
    /// a message of any kind for each 256 of them.
    pub fn ring_size(mut self, bytes: usize) -> Builder {
        self.ring_size = bytes;
        self
    }

    /// What a message may cost, at both ends; an end that was sent to another process has the default limits there.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.limits = limits;
        self
    }

    /// Makes a duplex pipe.
    ///
    /// # Errors
    ///
    /// The system's error, when there are no more descriptors or no memory; nothing is left behind then.
    ///
    /// # Platform
    ///
    /// Each end has six descriptors. The memory of the pipe, all of it reserved, is twice that of a [simplex](Builder::simplex) one.
    pub fn pipe<S, R>(self) -> io::Result<(Pipe<S, R>, Pipe<R, S>)> {
        let (sender, their_receiver) = channel(self.ring_size).map_err(cause)?;
        let (their_sender, receiver) = channel(self.ring_size).map_err(cause)?;
        let limits = self.limits;
        Ok((Pipe::new(sender, receiver, limits), Pipe::new(their_sender, their_receiver, limits)))
    }

    /// Makes a pipe that goes one way.
    ///
    /// # Errors
    ///
    /// As for [`pipe`](Builder::pipe).
    ///
    /// # Platform
    ///
    /// Each end has three descriptors. The pipe has memory of the ring's size, a tenth of that again, and 300 KiB, all of it reserved.
    pub fn simplex<T>(self) -> io::Result<(Sender<T>, Receiver<T>)> {
        let (sender, receiver) = channel(self.ring_size).map_err(cause)?;
        Ok((Sender::new(sender, self.limits), Receiver::new(receiver, self.limits)))
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}
