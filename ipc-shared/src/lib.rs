//! Shared memory of the multiproc family and what lives in it.
//!
//! # Hello, memory
//!
//! [`SharedMemory`] is a block of bytes. Without a name it belongs to those who were given it:
//!
//! ```
//! use ipc_shared::SharedMemory;
//! use std::sync::atomic::Ordering;
//!
//! let memory = SharedMemory::unnamed(4096)?;
//! memory.write(0, b"hello")?;
//! assert_eq!(memory.read_vec(0, 5)?, b"hello");
//! memory.atomic_u64(8)?.fetch_add(1, Ordering::AcqRel);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Other processes may write the bytes at any time, so they are copied in and out, or reached as atomics, and never
//! lent as a plain slice; unless a protocol of the user's says who writes when, and the user says so with
//! [`unsafe`](SharedMemory::as_slice). An offset that is not in the memory is an error, and so is a lack of memory,
//! when the block is made: later there is nothing left to fail.
//!
//! # Between processes
//!
//! A block can be sent: as an argument of a process, or in any other message of the family. Its handle travels, and the
//! receiver checks that it is memory of the kind and the size that the message says. Here the message stays in this
//! process:
//!
//! ```
//! use ipc_codec::{Limits, encode};
//! use ipc_shared::SharedMemory;
//!
//! let memory = SharedMemory::unnamed(100)?;
//! let message = encode(&("results", &memory), &Limits::default())?;
//!
//! // In the other process:
//! let (_, theirs): (String, SharedMemory) = message.decode(&Limits::default())?;
//! assert!(theirs.is_sealed());
//! theirs.write(0, b"done")?;
//! # assert_eq!(memory.read_vec(0, 4)?, b"done");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Names
//!
//! With a name, any program of the same user can open it: others of the family, C programs by `shm_open`, Python by
//! `multiprocessing.shared_memory.SharedMemory(name)`. There is no header: the bytes are the user's.
//!
//! ```
//! use ipc_shared::SharedMemory;
//! use ipc_shared::shared_memory::{CreateError, UnlinkError};
//!
//! let name = format!("multiproc-tour-{}", std::process::id());
//! let memory = SharedMemory::create(&name, 100)?;
//! assert!(matches!(SharedMemory::create(&name, 100), Err(CreateError::AlreadyExists { .. })));
//! assert_eq!(SharedMemory::open(&name)?.size(), 100);
//!
//! // The name stays until somebody removes it, whoever has ended meanwhile, and whoever has it open.
//! memory.unlink()?;
//! assert!(matches!(memory.unlink(), Err(UnlinkError::NotFound { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A list
//!
//! [`ShareableList`] holds numbers, texts, bytes and nothings, each in a slot of its own that can be changed. Python
//! programs open it by `ShareableList(name=name)`, and theirs are opened here.
//!
//! ```
//! use ipc_shared::{Item, ShareableList};
//!
//! let list = ShareableList::new([Item::from("running"), Item::from(0), Item::from(0.5)])?;
//! list.set(0, "done")?;
//! list.set(1, 17)?;
//! assert_eq!(list.get(1)?, Item::Int(17));
//! assert_eq!(list.index("done")?, Some(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process is killed
//!
//! - Memory without a name goes back to the system when the last process that has it is gone, however it went.
//! - The maker of memory with a name leaves nothing at all, or the whole object under its name: it is made without the
//!   name and gets it last.
//! - Nothing but [`unlink`](SharedMemory::unlink) and [`unlink_name`](SharedMemory::unlink_name) removes a name. No process
//!   keeps a list of names to clean up, and none takes memory away from others by ending.
//! - An element of a list that was being changed is as before, nothing, or as after.
//!
//! # Whom to trust with what
//!
//! Memory without a name can be given to anybody: nobody can shrink it, and whatever stands in it, a call of this crate
//! is an error at most. Memory with a name can be shrunk by whoever can open it, and an access to what is gone ends a
//! process: it is for processes that trust each other that far.
//!
//! # What is not there yet
//!
//! - *Segments* with a header that refuses strangers, and an arena in them for small things, so that a value or a lock
//!   costs some tens of bytes and no descriptor.
//! - *Values and arrays* of plain data, with a lock or without, with atomic operations.
//! - *Locks* between processes: mutex, read-write lock, semaphore, condition variable, event, barrier. The death of an
//!   owner is reported once, with the lock held and the data in reach.
//!
//! The bare ground for these is in `ipc-sys`: sealed memory (`memory`), sleeping on a word (`futex`), a lock that
//! reports a dead owner (`robust`). `ipc-queue` stands on these three.

mod arena;
pub mod shareable_list;
pub mod shared_memory;
pub mod sync;

pub use arena::{AllocError, Arena};
pub use shareable_list::{Item, ShareableList};
pub use shared_memory::SharedMemory;
