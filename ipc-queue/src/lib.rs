//! Queues of the multiproc family: many processes to many.
//!
//! # Hello, queue
//!
//! A [`Queue`] holds items of one type, up to a number that is given when it is made. Whoever has it may put items
//! at its end and take them from its front.
//!
//! ```
//! use ipc_queue::Queue;
//!
//! let queue = Queue::bounded(10)?;
//! queue.put("hello".to_string())?;
//! assert_eq!(queue.get()?, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Any type goes that serde can serialize (for puts) and deserialize (for gets).
//!
//! # Between processes
//!
//! A queue is itself something that can be sent: as an argument of a process, or in any other message of the
//! family. It travels as a handle to its memory, and the receiver checks that what arrives is a queue, of the same
//! layout, for items of the same type. Here the message stays in this process:
//!
//! ```
//! use ipc_codec::{Limits, encode};
//! use ipc_queue::Queue;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Work {
//!     name: String,
//!     results: Queue<u64>,
//! }
//!
//! let results = Queue::bounded(10)?;
//! let message = encode(&Work { name: "count".into(), results: results.clone() }, &Limits::default())?;
//!
//! // In the other process:
//! let work: Work = message.decode(&Limits::default())?;
//! work.results.put(work.name.len() as u64)?;
//! # assert_eq!(results.get()?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waiting
//!
//! `put` waits while the queue is full, `get` while it is empty. Both come as four: `put`, `try_put`, `put_timeout`
//! and `put_deadline`, and the same for `get`. What could not be put comes back in the error.
//!
//! ```
//! use ipc_queue::{Queue, TryPutError};
//! use std::time::Duration;
//!
//! let queue = Queue::bounded(1)?;
//! queue.put(1)?;
//! match queue.try_put(2) {
//!     Err(TryPutError::Full(item)) => assert_eq!(item, 2),
//!     other => panic!("{other:?}"),
//! }
//! assert_eq!(queue.get_timeout(Duration::from_secs(1))?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The end
//!
//! [`Queue::close`] ends the queue for all: puts fail, gets take what is there and fail then. A loop over a queue
//! ends by itself.
//!
//! ```
//! use ipc_queue::Queue;
//! use std::thread;
//!
//! let queue = Queue::bounded(2)?;
//! thread::scope(|scope| {
//!     scope.spawn(|| {
//!         for number in 1..=10 {
//!             queue.put(number).expect("nobody has closed the queue");
//!         }
//!         queue.close();
//!     });
//!     let sum: u32 = queue.iter().map(|item| item.expect("numbers can be decoded")).sum();
//!     assert_eq!(sum, 55);
//! });
//! # Ok::<(), ipc_queue::CreateError>(())
//! ```
//!
//! # Sizes
//!
//! A queue has two capacities, in items and in bytes of encoded items. An item that is larger than all bytes of the
//! queue has memory of its own while it is there. How large an item may be at all is said by its limits: 64 MiB unless told
//! otherwise; beyond them it is an error at once, and not a wait without end.
//!
//! ```
//! use ipc_codec::Limits;
//! use ipc_queue::{PutError, Queue, QueueError};
//!
//! let queue = Queue::builder().byte_capacity(1000).limits(Limits::with_max_frame(1 << 20)).create()?;
//! queue.put(vec![7_u8; 2000])?;
//! assert_eq!(queue.get()?.len(), 2000);
//! match queue.put(vec![7_u8; 2 << 20]) {
//!     Err(PutError::Failed { value, source: QueueError::TooLarge { .. } }) => assert_eq!(value.len(), 2 << 20),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process is killed
//!
//! - An item that was being put is in the queue whole, or not at all.
//! - An item that was being taken is still there, or gone with the process. No other item is lost, none comes
//!   twice, none comes out of turn.
//! - Everybody else goes on. A wake-up that died with a process is made up for within 50 ms.
//! - The queue takes as many items as before. Its memory goes back to the system when the last process that has the
//!   queue is gone, however it went.
//!
//! # What is not there yet
//!
//! - Items cannot carry handles: files, pipe ends, other queues. Putting such an item is
//!   [`HandlesUnsupported`](PutError::HandlesUnsupported).
//! - A queue has no handle that `poll`, mio or tokio could wait for.
//! - There is one lock around puts and gets. A process that is stopped inside keeps the others from going on,
//!   though not from timing out; and no order among those who wait is promised.
//! - A process that has a queue is trusted not to scribble over its memory on purpose. Whatever stands in the
//!   counters, the slots and the items costs an error at most, but the lock is an object of the C library, which
//!   believes what it finds.

mod buffers;
mod builder;
mod bytes;
mod channel;
mod error;
mod freight;
mod hands;
mod iter;
mod joinable;
mod layout;
mod memory;
mod queue;
mod raw;
mod raw_queue;
mod transfer;
mod values;

pub use builder::{Builder, WhenFull};
pub use bytes::{Loan, LoanError, Taken};
pub use channel::{Receiver, Sender, channel};
pub use error::{
    Corruption, CreateError, GetError, GetTimeoutError, PutError, PutManyError, PutTimeoutError, QueueError,
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryGetError, TryPutError, TryRecvError,
    TrySendError,
};
pub use iter::Iter;
pub use joinable::{Finished, JoinError, JoinableQueue, TaskDoneError};
pub use queue::Queue;
