//! How something is waited for together with others.

use ipc_sys::handle::BorrowedHandle;
use std::io;
use std::sync::Arc;

/// Something that [`wait`](crate::wait()) can wait for.
///
/// There are three kinds. Of some a handle tells exactly whether they are ready, as a socket's: their [`look`](Waitable::look) is
/// [`Look::Ask`]. Some can be looked at, and have a handle that may become readable when they do, and sometimes for nothing, as a
/// queue's: it is [armed](Waitable::arm) before each sleep. Some can be looked at and that is all, as an event: they are looked at
/// at intervals.
///
/// # Examples
///
/// How is something of one's own waited for?
///
/// ```
/// use ipc_pipe::{Look, Receiver, Waitable};
/// use std::io;
///
/// /// Numbers that come by a pipe, and are good for some time.
/// struct Feed {
///     latest: Option<u32>,
///     numbers: Receiver<u32>,
/// }
///
/// impl Waitable for Feed {
///     fn look(&self) -> io::Result<Look<'_>> {
///         if self.latest.is_some() { Ok(Look::Ready) } else { self.numbers.look() }
///     }
///
///     fn arm(&self) -> io::Result<Option<ipc_sys::handle::BorrowedHandle<'_>>> {
///         self.numbers.arm()
///     }
/// }
///
/// let (tx, rx) = ipc_pipe::simplex()?;
/// let feed = Feed { latest: None, numbers: rx };
/// assert!(ipc_pipe::try_wait(&[&feed])?.is_empty());
/// tx.send(1)?;
/// assert_eq!(ipc_pipe::wait(&[&feed])?, [0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Waitable {
    /// Whether it is ready, or whom to ask. Must not block.
    ///
    /// # Errors
    ///
    /// Ends the wait. What the next call on the object would tell should make it [ready](Look::Ready) instead.
    fn look(&self) -> io::Result<Look<'_>>;

    /// A handle that becomes readable at the latest when the object becomes ready, from when this returns; it is asked for before each
    /// sleep if the object was [not ready yet](Look::NotYet). It may be readable for nothing. Without one the object is looked at
    /// at intervals.
    ///
    /// # Errors
    ///
    /// Ends the wait.
    fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
        Ok(None)
    }
}

/// What [`Waitable::look`] saw.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// It is ready.
    Ready,
    /// It is not.
    NotYet,
    /// It is exactly while this handle is readable.
    Ask(BorrowedHandle<'a>),
}

impl Look<'_> {
    /// Ready, or not yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Look;
    ///
    /// assert!(matches!(Look::from_bool(true), Look::Ready));
    /// assert!(matches!(Look::from_bool(false), Look::NotYet));
    /// ```
    pub fn from_bool(is_ready: bool) -> Self {
        if is_ready { Look::Ready } else { Look::NotYet }
    }
}

/// What points to something is waited for as that is.
macro_rules! pointers {
    ($($Pointer:ty),+) => {$(
        impl<W: Waitable + ?Sized> Waitable for $Pointer {
            fn look(&self) -> io::Result<Look<'_>> {
                (**self).look()
            }

            fn arm(&self) -> io::Result<Option<BorrowedHandle<'_>>> {
                (**self).arm()
            }
        }
    )+};
}

pointers!(&W, Box<W>, Arc<W>);
