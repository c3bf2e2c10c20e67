//! What a child has as its standard input, output and error.

use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::process::{above_stdio, stream_ids};
use std::fs::File;
use std::io;

/// A standard stream of a child.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, Stdio};
/// # ipc_process::init();
///
/// let process = Builder::new().stdout(Stdio::null()).spawn(|(): ()| println!("into the void"), ())?;
/// process.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How do I read what a child prints? By one end of an OS pipe, or of a pair of sockets. (A child by fork has a copy of the other
/// end, too, as of any open file.)
///
/// ```
/// use ipc_process::Builder;
/// use std::{io::Read, os::unix::net::UnixStream};
/// # ipc_process::init();
///
/// let (mut here, there) = UnixStream::pair()?;
/// let process = Builder::new().stdout(there).spawn(|(): ()| println!("heard"), ())?;
/// let mut text = String::new();
/// here.read_to_string(&mut text)?; // Until the child has ended: it has the only other end.
/// assert_eq!(text, "heard\n");
/// process.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Stdio(pub(crate) Kind);

#[derive(Debug, Default)]
pub(crate) enum Kind {
    #[default]
    Inherit,
    Null,
    Handle(OwnedHandle),
}

impl Stdio {
    /// The stream of the parent. The default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Builder, Stdio};
    /// # ipc_process::init();
    ///
    /// # let verbose = false;
    /// let stderr = if verbose { Stdio::inherit() } else { Stdio::null() };
    /// Builder::new().stderr(stderr).spawn(|(): ()| eprintln!("done"), ())?.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inherit() -> Self {
        Stdio(Kind::Inherit)
    }

    /// Nothing: reading gives the end, what is written is gone.
    pub fn null() -> Self {
        Stdio(Kind::Null)
    }

    /// The handle to put in its place; `None` to leave it.
    pub(crate) fn open(self) -> io::Result<Option<OwnedHandle>> {
        Ok(match self.0 {
            Kind::Inherit => None,
            Kind::Null => Some(File::options().read(true).write(true).open("/dev/null")?.into()),
            Kind::Handle(handle) => Some(handle),
        })
    }
}

/// A file, one end of an OS pipe, a socket: anything that owns a handle.
impl<T: Into<OwnedHandle>> From<T> for Stdio {
    fn from(handle: T) -> Self {
        Stdio(Kind::Handle(handle.into()))
    }
}

/// Takes the places of those standard streams that are closed, until the result is dropped: what is opened meanwhile, to be kept, is
/// not in the place where this process may put a stream again.
pub(crate) fn occupy_closed_places() -> io::Result<Vec<OwnedHandle>> {
    let mut places = Vec::new();
    // The lowest number that is free comes first.
    while stream_ids().contains(&None) {
        places.push(File::open("/dev/null")?.into());
    }
    Ok(places)
}

/// The three streams, opened.
#[derive(Debug)]
pub(crate) struct Streams([Option<OwnedHandle>; 3]);

impl Streams {
    pub(crate) fn open(streams: [Stdio; 3]) -> io::Result<Self> {
        let [stdin, stdout, stderr] = streams;
        // In a process whose own streams are closed, what is opened takes their places, and would be overwritten in the
        // child by the streams put there before it.
        let open = |stream: Stdio| stream.open()?.map(above_stdio).transpose();
        Ok(Streams([open(stdin)?, open(stdout)?, open(stderr)?]))
    }

    pub(crate) fn handles(&self) -> [Option<BorrowedHandle<'_>>; 3] {
        self.0.each_ref().map(|stream| stream.as_ref().map(AsHandle::as_fd))
    }
}
