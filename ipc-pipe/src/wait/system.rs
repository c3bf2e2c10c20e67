//! What has a handle of the system: ready while that is readable.

use super::waitable::{Look, Waitable};
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{ChildStderr, ChildStdout};

/// Anything with a handle, to be [waited for](crate::wait()): ready when that is readable, or its other side is gone.
///
/// A regular file is always ready. What reads ahead, as `BufReader` does, can have something in its buffer while its handle is not
/// readable.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Readable, simplex, wait};
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
///
/// let ((mut here, there), (_tx, rx)) = (UnixStream::pair()?, simplex::<u8>()?);
/// here.write_all(b"hello")?;
/// assert_eq!(wait(&[&rx, &Readable(&there)])?, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Readable<H>(pub H);

impl<H: AsHandle> Waitable for Readable<H> {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.0.as_fd()))
    }
}

/// The same for types that are good for nothing else.
macro_rules! handles {
    ($($Type:ty: $ready:literal),+ $(,)?) => {$(
        #[doc = concat!("Ready when ", $ready, ".")]
        impl Waitable for $Type {
            fn look(&self) -> io::Result<Look<'_>> {
                Ok(Look::Ask(self.as_fd()))
            }
        }
    )+};
}

handles! {
    OwnedHandle: "it is readable, or its other side is gone",
    BorrowedHandle<'_>: "it is readable, or its other side is gone",
    TcpListener: "a connection can be accepted",
    TcpStream: "something can be read, or the other side is gone",
    UdpSocket: "a datagram can be received",
    ChildStdout: "something can be read, or the other side is gone",
    ChildStderr: "something can be read, or the other side is gone",
}
