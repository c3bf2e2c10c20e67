//! Blocks of bytes that several processes have mapped: [`SharedMemory`], with a name and without.

mod access;
mod bytes;
mod error;
mod mapping;
mod transfer;

pub(crate) use bytes::Bytes;
pub use error::{AccessError, CreateError, OpenError, OpenOrCreateError, UnlinkError};
/// Why something is no name.
pub use ipc_sys::named::NameError;
pub(crate) use transfer::with_sources;

use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_sys::named::{self, Access, Name};
use mapping::Mapping;
use std::time::Duration;

/// How long an object of no bytes is given to get some. A maker needs some microseconds from the one to the other, and
/// whoever opens the name is promised an answer within a second.
pub(crate) const PATIENCE: Duration = Duration::from_millis(900);

/// A block of bytes that several processes have mapped.
///
/// The bytes are zero at first, and are nothing but the user's: there is no header. All of them are reserved when the
/// block is made, so that a lack of memory is an error then and not the death of a process later. The size is exactly
/// what was asked for, in every process, and never changes.
///
/// # Other processes
///
/// A block can be sent to any process, as an argument or in a message of the family: its handle travels, and the name
/// with it if there is one. A forked child has the mapping of its parent.
///
/// *Without a name* the memory is sealed: nobody who has it can shrink it. It goes back to the system when the last process
/// that has it is gone, however it went. *With a name* it lives until the name is removed and the last process that has
/// it is gone. Nothing but [`unlink`](SharedMemory::unlink) removes a name: not a drop, not the end of a process.
///
/// Whoever can open a name, or has the handle of the object behind it, can shrink the object or punch holes into it,
/// and the next access of another process then ends that process (`SIGBUS`). Memory with a name is for processes that
/// trust each other; a hostile process is given memory without one. Whoever gets memory *from* a process that it does
/// not trust asks [`is_sealed`](SharedMemory::is_sealed) before the first access.
///
/// # Platform
///
/// Linux: memfd, or a file in `/dev/shm` that gets its name when it is whole. It is the object of `shm_open`, and so of
/// Python's `multiprocessing.shared_memory`: each opens what the other has made.
///
/// # Examples
///
/// How do two programs share a block?
///
/// ```
/// use ipc_shared::SharedMemory;
///
/// let name = format!("multiproc-frames-{}", std::process::id());
/// let frames = SharedMemory::create(&name, 1000)?;
/// frames.write(0, b"first")?;
///
/// // In the other program:
/// let theirs = SharedMemory::open(&name)?;
/// assert_eq!(theirs.size(), 1000);
/// assert_eq!(theirs.read_vec(0, 5)?, b"first");
///
/// frames.unlink()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedMemory {
    mapping: Mapping,
}

impl SharedMemory {
    /// Makes `size` zero bytes without a name.
    ///
    /// # Errors
    ///
    /// [`CreateError::Size`], [`NoSpace`](CreateError::NoSpace), [`LimitExceeded`](CreateError::LimitExceeded) or
    /// [`System`](CreateError::System).
    ///
    /// # Examples
    ///
    /// ```
    /// let memory = ipc_shared::SharedMemory::unnamed(100)?;
    /// assert_eq!((memory.size(), memory.name()), (100, None));
    /// # Ok::<(), ipc_shared::shared_memory::CreateError>(())
    /// ```
    pub fn unnamed(size: usize) -> Result<SharedMemory, CreateError> {
        check_size(size)?;
        let mapping = SharedMapping::create(size).map_err(|error| CreateError::of_unnamed(size, error))?;
        Ok(SharedMemory { mapping: Mapping::Unnamed(mapping) })
    }

    /// Makes `size` zero bytes under a name.
    ///
    /// The name has 1 to 255 bytes, and no slash; the one that POSIX has in front is added. Processes of other users
    /// cannot open it.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; `AlreadyExists` also when what has the name is not whole.
    ///
    /// # Other processes
    ///
    /// The name appears when the object is whole. If this process is killed meanwhile, nothing is left behind, or the
    /// whole object.
    ///
    /// # Platform
    ///
    /// Where `/dev/shm` has no files without a name (`O_TMPFILE`), the name is there first and an object of no bytes
    /// with it, and a killed process can leave that: [`OpenError::Stale`].
    pub fn create(name: &str, size: usize) -> Result<SharedMemory, CreateError> {
        SharedMemory::create_filled(name, size, |_| ())
    }

    /// Opens the memory that has a name.
    ///
    /// # Blocking
    ///
    /// If the object has no bytes yet, for 0.9 seconds at most, until it has. Other programs size an object after its
    /// name is there.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// # Other processes
    ///
    /// Bytes that the maker has not reserved, as Python does not, are reserved now: if there is no room for them,
    /// this is an error, and a later access is none.
    pub fn open(name: &str) -> Result<SharedMemory, OpenError> {
        SharedMemory::open_until(name, Access::ReadWrite, Deadline::after(PATIENCE))
    }

    /// Opens the memory that has a name, for reading only: a write is [`AccessError::ReadOnly`].
    ///
    /// This keeps a program from mistakes. It is no wall against a process of the same user.
    ///
    /// # Blocking
    ///
    /// As [`open`](SharedMemory::open).
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// # Other processes
    ///
    /// A process that this memory is sent to gets it for reading only. Bytes that a maker of another make has not
    /// reserved stay so: where `/dev/shm` is full, reading them ends this process.
    pub fn open_read_only(name: &str) -> Result<SharedMemory, OpenError> {
        SharedMemory::open_until(name, Access::ReadOnly, Deadline::after(PATIENCE))
    }

    /// Opens the memory that has a name, or makes it.
    ///
    /// Of several processes that call this at a time, one makes it, and all have the same.
    ///
    /// # Blocking
    ///
    /// As [`open`](SharedMemory::open).
    ///
    /// # Errors
    ///
    /// [`OpenOrCreateError::SizeDiffers`] when it exists with another size; else those of the two calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shared::SharedMemory;
    ///
    /// let name = format!("multiproc-either-{}", std::process::id());
    /// let one = SharedMemory::open_or_create(&name, 8)?;
    /// let two = SharedMemory::open_or_create(&name, 8)?;
    /// one.write(0, b"the same")?;
    /// assert_eq!(two.read_vec(0, 8)?, b"the same");
    /// two.unlink()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_or_create(name: &str, size: usize) -> Result<SharedMemory, OpenOrCreateError> {
        check_size(size).map_err(OpenOrCreateError::Create)?;
        let deadline = Deadline::after(PATIENCE);
        loop {
            match SharedMemory::open_until(name, Access::ReadWrite, deadline) {
                Ok(memory) if memory.size() == size => return Ok(memory),
                Ok(memory) => {
                    let (name, found) = (name.to_owned(), memory.size());
                    return Err(OpenOrCreateError::SizeDiffers { name, wanted: size, found });
                }
                Err(OpenError::NotFound { .. }) => {}
                Err(error) => return Err(OpenOrCreateError::Open(error)),
            }
            match SharedMemory::create(name, size) {
                Ok(memory) => return Ok(memory),
                // Somebody was faster. A name that comes and goes all the time is given up at the deadline.
                Err(CreateError::AlreadyExists { .. }) if !deadline.is_over() => {}
                Err(error) => return Err(OpenOrCreateError::Create(error)),
            }
        }
    }

    /// The name under which the memory was made or opened. It may have been removed since.
    pub fn name(&self) -> Option<&str> {
        self.mapping.name().map(Name::as_str)
    }

    /// The number of bytes: what was asked for when the memory was made, the same in every process.
    pub fn size(&self) -> usize {
        self.bytes().size()
    }

    /// Whether this process can write to the memory.
    pub fn is_writable(&self) -> bool {
        self.bytes().is_writable()
    }

    /// Whether nobody can shrink the memory: true for memory without a name.
    ///
    /// Memory that came from a process that is not trusted is not accessed before this was found true.
    pub fn is_sealed(&self) -> bool {
        matches!(self.mapping, Mapping::Unnamed(_))
    }

    /// Gives up this mapping, as a drop does. Names stay, and so does the memory while others have it.
    pub fn close(self) {
        drop(self);
    }

    /// Removes the name, if it is still that of this memory. The bytes live as long as a process has them.
    ///
    /// # Errors
    ///
    /// [`UnlinkError::NotFound`] when somebody else has removed the name, also if another memory has it by now;
    /// [`UnlinkError::Unnamed`] when there is none.
    pub fn unlink(&self) -> Result<(), UnlinkError> {
        let name = self.mapping.name().ok_or(UnlinkError::Unnamed)?;
        let failed = |error| UnlinkError::of(name.as_str(), error);
        // Between this look and the removal the name could change hands; removing names is not for two at a time.
        if !named::refers_to(name, self).map_err(failed)? {
            return Err(UnlinkError::NotFound { name: name.as_str().to_owned() });
        }
        named::unlink(name).map_err(failed)
    }

    /// Removes a name, whatever memory it is of: also one that was left [stale](OpenError::Stale).
    ///
    /// # Errors
    ///
    /// [`UnlinkError::NotFound`] when there is no such name.
    pub fn unlink_name(name: &str) -> Result<(), UnlinkError> {
        let name = Name::new(name)?;
        named::unlink(&name).map_err(|error| UnlinkError::of(name.as_str(), error))
    }

    /// Makes memory under a name and has it filled before anybody can open it. `fill` may be called twice, and where
    /// the system has no files without a name, others may look already.
    pub(crate) fn create_filled(
        name: &str,
        size: usize,
        fill: impl Fn(Bytes<'_>),
    ) -> Result<SharedMemory, CreateError> {
        let name = Name::new(name)?;
        check_size(size)?;
        match named::create(&name, size, |mapping| fill(mapping.into())) {
            Ok(mapping) => Ok(SharedMemory { mapping: Mapping::Named(name, mapping) }),
            Err(error) => Err(CreateError::of_named(name.as_str(), size, error)),
        }
    }

    pub(crate) fn open_until(
        name: &str,
        access: Access,
        deadline: Deadline,
    ) -> Result<SharedMemory, OpenError> {
        let name = Name::new(name)?;
        loop {
            match named::open(&name, access) {
                Ok(Some(mapping)) => return Ok(SharedMemory { mapping: Mapping::Named(name, mapping) }),
                Ok(None) if deadline.is_over() => {
                    return Err(OpenError::Stale { name: name.as_str().to_owned() });
                }
                // The name may be another's by the next time, so it is looked up anew.
                Ok(None) => std::thread::sleep(deadline.remaining_at_most(Duration::from_millis(1))),
                Err(error) => return Err(OpenError::of(name.as_str(), error)),
            }
        }
    }

    pub(crate) fn bytes(&self) -> Bytes<'_> {
        self.mapping.bytes()
    }
}

impl AsHandle for SharedMemory {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.mapping.handle()
    }
}

fn check_size(size: usize) -> Result<(), CreateError> {
    if size == 0 || isize::try_from(size).is_err() { Err(CreateError::Size { size }) } else { Ok(()) }
}
