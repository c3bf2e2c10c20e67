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
//! Any type goes that serde can serialize (for puts) and deserialize (for gets). When `put` returns, the item is there for all
//! to see: no thread sends it later, and the process may end.
//!
//! # Sharing a queue
//!
//! Among threads a queue is cloned. Clones are the same queue:
//!
//! ```
//! use ipc_queue::Queue;
//! use std::thread;
//!
//! let queue = Queue::bounded(10)?;
//! let theirs = queue.clone();
//! let thread = thread::spawn(move || theirs.put(5).is_ok());
//! assert_eq!(queue.get()?, 5);
//! # assert!(thread.join().unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To other processes it is sent: as an argument of a process, through a pipe, through another queue, alone or as a part of
//! something. It travels as handles to its memory and its sockets, and whoever receives it checks that it is a queue, of the
//! same layout, for items of the same type. Here the message stays in this process:
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
//! # Bounds
//!
//! A queue has two capacities, in items and in bytes of encoded items, and a put waits while either is used up. There is no
//! queue without bounds: all memory is had when the queue is made, so that no put fails for want of it. An item that is
//! larger than all bytes of the queue has memory of its own while it is there. How large an item may be at all is
//! said by its limits: 64 MiB unless told otherwise; beyond them it is an error at once, and not a wait without end.
//!
//! ```
//! use ipc_codec::Limits;
//! use ipc_queue::{PutError, Queue, QueueError};
//!
//! let queue = Queue::builder()
//!     .capacity(100)
//!     .byte_capacity(1000)
//!     .limits(Limits::with_max_frame(1 << 20))
//!     .create()?;
//! queue.put(vec![7_u8; 2000])?;
//! assert_eq!(queue.get()?.len(), 2000);
//! match queue.put(vec![7_u8; 2 << 20]) {
//!     Err(PutError::Failed { value, source: QueueError::TooLarge { .. } }) => assert_eq!(value.len(), 2 << 20),
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waiting
//!
//! `put` waits while the queue is full, `get` while it is empty. Both come as four: `put`, `try_put`, `put_timeout`
//! and `put_deadline`, and the same for `get`. What could not be put comes back in the error.
//!
//! ```
//! use ipc_queue::{GetTimeoutError, Queue, TryPutError};
//! use std::time::Duration;
//!
//! let queue = Queue::bounded(1)?;
//! queue.put(1)?;
//! match queue.try_put(2) {
//!     Err(TryPutError::Full(item)) => assert_eq!(item, 2),
//!     other => panic!("{other:?}"),
//! }
//! assert_eq!(queue.get_timeout(Duration::from_secs(1))?, 1);
//! assert!(matches!(queue.get_timeout(Duration::from_millis(5)), Err(GetTimeoutError::TimedOut)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When the queue is full
//!
//! What a put does then is a property of the queue: it waits ([`WhenFull::Block`]), fails ([`WhenFull::Fail`]), or takes the
//! oldest item away ([`WhenFull::DropOldest`]), for readers that want the latest news and not all of them.
//!
//! ```
//! use ipc_queue::{Queue, WhenFull};
//!
//! let news = Queue::builder().capacity(2).when_full(WhenFull::DropOldest).create()?;
//! for number in 1..=5 {
//!     news.put(number)?;
//! }
//! assert_eq!((news.get()?, news.get()?), (4, 5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A channel, and its end
//!
//! A [`channel()`] is a queue with two ends. Processes that have a [`Sender`] put, those that have a [`Receiver`] take. When the
//! last sender is gone, receivers get what is left, and then learn that it was all; when the last receiver is gone, senders get
//! their items back. Gone is an end that was dropped, and one whose process has ended in any way: the kernel keeps the
//! account.
//!
//! ```
//! let (sender, receiver) = ipc_queue::channel(10)?;
//! sender.send("one".to_string())?;
//! sender.send("two".to_string())?;
//! drop(sender);
//!
//! assert_eq!(receiver.recv()?, "one");
//! assert_eq!(receiver.recv()?, "two");
//! assert!(receiver.recv().unwrap_err().is_disconnected());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A sender that was sent to another process stays here as well. Whoever keeps it keeps the channel open, so it is moved into the
//! message, or dropped when it was sent.
//!
//! # Closing a queue
//!
//! A queue has no such ends, since everybody who has it can put. [`Queue::close`] ends it for all: puts fail, gets take what is
//! there and fail then.
//!
//! ```
//! use ipc_queue::Queue;
//!
//! let queue = Queue::bounded(4)?;
//! queue.put(1)?;
//! queue.close();
//! assert!(queue.put(2).unwrap_err().is_closed());
//! assert_eq!(queue.get()?, 1);
//! assert!(queue.get().unwrap_err().is_closed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Iteration
//!
//! A loop over a queue, or over the receiver of a channel, takes items as they come and ends by itself when there will be no
//! more. [`Queue::try_iter`] takes those that are there.
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
//! # Tasks that are done
//!
//! A [`JoinableQueue`] knows which of its items are not only taken, but done. Whoever waits for all of them is told how many were
//! lost with processes that took them and ended.
//!
//! ```
//! use ipc_queue::JoinableQueue;
//!
//! let tasks = JoinableQueue::bounded(10)?;
//! tasks.put("sweep".to_string())?;
//!
//! // In a worker:
//! println!("{}", tasks.get()?);
//! tasks.task_done()?;
//!
//! // Where the tasks come from:
//! assert_eq!(tasks.join()?.lost, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Many at once
//!
//! [`put_many`](Queue::put_many) puts as many as have room by one store, so that they become visible together, and goes on until
//! all are put. [`get_many`](Queue::get_many) waits for one and takes what else is there. Where items are small and come in
//! numbers this is several times as fast.
//!
//! ```
//! use ipc_queue::Queue;
//!
//! let queue = Queue::bounded(100)?;
//! queue.put_many((0..60).collect())?;
//! assert_eq!(queue.get_many(50)?.len(), 50);
//! assert_eq!(queue.get_many(50)?.len(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bytes
//!
//! A `Queue<[u8]>` has byte strings for items, which pass without an encoder. Large ones need not be copied: a
//! [loan](Queue::loan) is a buffer in the memory of the queue which is written in place, put, and read in place by whoever
//! [takes](Queue::take) it.
//!
//! ```
//! use ipc_queue::Queue;
//!
//! let frames = Queue::<[u8]>::builder().buffers(2, 1 << 20).create()?;
//! frames.put_bytes(b"small")?;
//! assert_eq!(frames.get_bytes()?, b"small");
//!
//! let mut frame = frames.loan(1 << 20)?;
//! frame.fill(0xff);
//! frame.put()?;
//! assert_eq!(frames.take()?[(1 << 20) - 1], 0xff);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Handles in items
//!
//! Items may have files, sockets, locks, ends of pipes and other queues in them. So a request can bring the queue for its answer:
//!
//! ```
//! use ipc_queue::Queue;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Request {
//!     number: u64,
//!     answers: Queue<u64>,
//! }
//!
//! let requests = Queue::bounded(10)?;
//! let answers = Queue::bounded(1)?;
//! requests.put(Request { number: 12, answers: answers.clone() })?;
//!
//! // In a server:
//! let request: Request = requests.get()?;
//! request.answers.put(request.number * request.number)?;
//!
//! assert_eq!(answers.get()?, 144);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How many such items are on their way is limited by the system, too: by the memory of a socket, some hundred items, and by the
//! number of descriptors that a process may open. Then a put does what it does for want of room.
//!
//! # Waiting for several
//!
//! [`Queue::pollable`] and [`Receiver::pollable`] give a descriptor for `poll`, mio or tokio. It is readable when there may be
//! an item. `ipc_pipe::wait` does what is done with it here, also beside pipes, processes and sockets.
//!
//! ```
//! use ipc_queue::{Queue, TryGetError};
//! use ipc_sys::clock::Deadline;
//! use ipc_sys::readiness::{Interest, Watch, wait};
//!
//! let (numbers, texts) = (Queue::<u32>::bounded(10)?, Queue::<String>::bounded(10)?);
//! texts.put("hello".to_string())?;
//! loop {
//!     let watch = |queue| Watch::new(queue, Interest::Read);
//!     let mut watches = [watch(numbers.pollable()?), watch(texts.pollable()?)];
//!     wait(&mut watches, Deadline::NEVER)?;
//!     match numbers.try_get() {
//!         Ok(number) => println!("{number}"),
//!         Err(TryGetError::Empty) => {}
//!         Err(error) => return Err(error.into()),
//!     }
//!     if let Ok(text) = texts.try_get() {
//!         assert_eq!(text, "hello");
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process is killed
//!
//! - What it was putting is in the queue whole, or not at all. Of a `put_many`, what became visible together is there together.
//! - What it was taking is still there, or gone with the process: one item, or those of one `get_many`. No other item is lost, none
//!   comes twice, none comes out of turn.
//! - Everybody else goes on. Nobody waits for the dead for more than 150 ms; who waits looks for the end of a channel every 40 ms.
//! - A task that it had taken from a joinable queue and not finished is lost, and [`join`](JoinableQueue::join) says so.
//! - A buffer that it had is used again. A file that it was putting is closed when the next handles are taken, or somebody waits for
//!   an item.
//! - The queue takes as many items as before. Its memory goes back to the system when the last process that has the
//!   queue is gone, however it went.
//!
//! A process that was *stopped*, by `SIGSTOP` or a debugger, is alive. If that happens in the middle of a put, others wait
//! until it goes on before they put, or until their deadline; the same holds for gets.
//!
//! The page `docs/queue.md` of the repository goes through all steps.
//!
//! # Whom to trust with what
//!
//! A process that was given a queue can take part in it, and can write over all of its memory. If it means harm it can
//!
//! - close the queue, take or change items, make items up, and change the bytes of an item that is being read in place;
//! - have the calls of others fail with [`QueueError::Corrupt`], and make counts and numbers of lost tasks wrong;
//! - keep a lock, as long as it lives: calls with a deadline end then, others do not.
//!
//! It cannot have others read or write outside of the memory, take the memory away under them, decode without
//! [limits](Queue::with_limits), read without end, or panic. Those that share other queues with each other do not
//! notice: each queue has memory of its own.
//!
//! # What it costs
//!
//! A put or get of a small item makes no system call, unless somebody sleeps and has to be woken. A put takes a lock and gives it
//! back, a get of up to 64 bytes takes none; both copy the bytes once. Who finds the queue full or empty looks a few times before it sleeps.
//!
//! A queue takes four descriptors in each process that has it, three more once it is polled, and memory of its capacity in bytes
//! and 24 bytes for each item, and 300 KiB. All of it is reserved; by default the capacity is 256 KiB to 64 MiB:
//! [`Builder::byte_capacity`] sets it otherwise.

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
mod messages;
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
#[doc(hidden)]
pub mod internals {
    //! What `ipc-pipe` is made of: the ring with its handles and its ends, for messages of any size.
    //!
    //! For the family alone. Nothing in here is promised to others, and it changes in any version.

    pub use crate::error::Ending;
    pub use crate::messages::{
        Message, MessageReceiver, MessageSender, Received, Sent, Wanted, channel, part_size,
    };
}
pub use joinable::{Finished, JoinError, JoinableQueue, TaskDoneError};
pub use queue::Queue;
