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
//! # Values and arrays
//!
//! A [`Value`] is a variable with a lock, an [`Array`] many of them with one lock for all. They take some tens of bytes and no
//! descriptor, and can be sent as anything else can.
//!
//! ```
//! use ipc_shared::{Array, Value};
//!
//! let total = Value::new(0_u64)?;
//! total.update(|total| *total += 5)?;
//! assert_eq!(total.get()?, 5);
//!
//! let scores = Array::new(&[0.5, 0.25, 1.0])?;
//! scores.lock().unwrap()[1..].fill(0.0);
//! assert_eq!(scores.to_vec()?, [0.5, 0.0, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`RawValue`] and [`RawArray`] have no lock. Their numbers are changed in one step:
//!
//! ```
//! use ipc_shared::{RawArray, RawValue};
//!
//! let done = RawValue::new(0_u64)?;
//! done.fetch_add(1);
//! let counts = RawArray::<u32>::zeroed(26)?;
//! counts.at(4)?.fetch_add(done.load() as u32);
//! assert_eq!(counts.cells()[4].load(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In all of them can be numbers, and structs of numbers by a `derive`; see [`value`](mod@value), which also has a table of what
//! Python calls them.
//!
//! # Locks
//!
//! In [`sync`] are a mutex and a reentrant one, a read-write lock, semaphores, a condition variable, an event and a barrier,
//! with a tour of their own. What they have in common: they can be sent, every wait can be tried or timed, and who waits
//! for a process that has ended is told.
//!
//! ```
//! use ipc_shared::sync::{Event, Semaphore};
//! use std::time::Duration;
//!
//! let (slots, stop) = (Semaphore::new(4)?, Event::new()?);
//! let slot = slots.acquire_timeout(Duration::from_secs(1))?;
//! assert!(!stop.is_set());
//! # drop(slot);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The arena
//!
//! A lock or a value has a cell of 64 bytes or some more, in memory that it shares with others of its kind, and no descriptor
//! of its own: 100,000 of them live in a process that may open 256 files. When the last process that has it drops it, or
//! ends in any way, the cell is free for the next one. See [`Arena`] for whom one trusts by that.
//!
//! # When a process is killed
//!
//! - Memory without a name goes back to the system when the last process that has it is gone, however it went.
//! - The maker of memory with a name leaves nothing at all, or the whole object under its name: it is made without the
//!   name and gets it last.
//! - Nothing but [`unlink`](SharedMemory::unlink) and [`unlink_name`](SharedMemory::unlink_name) removes a name. No process
//!   keeps a list of names to clean up, and none takes memory away from others by ending.
//! - An element of a list that was being changed is as before, nothing, or as after.
//! - A value or an array whose lock was held goes to the next one who locks it, with the news: see [`sync::LockError`]. A number
//!   that was changed in one step is as before or as after.
//!
//! # Whom to trust with what
//!
//! Memory without a name can be given to anybody: nobody can shrink it, and whatever stands in it, a call of this crate
//! is an error at most. What is in an [`Arena`] goes together: whoever is given one lock can write over its neighbours. Memory with a name can be shrunk by whoever can open it, and an access to what is gone ends a
//! process: it is for processes that trust each other that far.

mod arena;
pub mod array;
mod elements;
#[doc(hidden)]
pub mod internals;
pub mod shareable_list;
pub mod shared_memory;
pub mod sync;
pub mod value;

/// The crate whose traits say what plain data is, so that a program needs no dependency of its own for them.
pub use bytemuck;

pub use arena::{AllocError, Arena};
pub use array::{Array, RawArray};
pub use bytemuck::{Pod, Zeroable};
pub use shareable_list::{Item, ShareableList};
pub use shared_memory::SharedMemory;
pub use value::{RawValue, Value};
