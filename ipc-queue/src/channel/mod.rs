//! Channels: a queue of which each process has one end, so that the other end sees when it is gone.

mod receiver;
mod sender;

pub use receiver::Receiver;
pub use sender::Sender;

use crate::error::CreateError;
use crate::queue::Queue;

/// Makes a channel for up to `capacity` items: the end that sends and the end that receives.
///
/// Both can be cloned and sent to other processes, and each item goes to exactly one receiver. Once all senders are gone, in
/// all processes, receivers get what is left and then [`RecvError::Disconnected`](crate::RecvError::Disconnected); once all
/// receivers are gone, senders get the item back in [`SendError::Disconnected`](crate::SendError::Disconnected).
///
/// [`Queue::builder`] has the options: [`create_channel`](crate::Builder::create_channel).
///
/// # Other processes
///
/// A sender is gone when its process has dropped it, has ended in whatever way, or when the message that it was in is gone. The
/// kernel keeps the account. A receiver that sleeps is told of the first at once, and looks for the others every 40 ms; after a few
/// such looks the kernel tells it of them, too.
/// Children that were started meanwhile do not count, unless they were given the sender. Copies of this process that
/// do count until they end, become another program, or drop it: those that were forked while a [message](ipc_codec::Message)
/// with the sender was kept by hand, and those of a `fork` that the family knows nothing of, which may use the sender.
///
/// # Errors
///
/// [`CreateError`], when the capacity is zero or the system does not give what it takes.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = ipc_queue::channel(10)?;
/// for number in 1..=3 {
///     sender.send(number)?;
/// }
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<Result<Vec<i32>, _>>()?, [1, 2, 3]);
/// assert!(receiver.recv().unwrap_err().is_disconnected());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn channel<T>(capacity: usize) -> Result<(Sender<T>, Receiver<T>), CreateError> {
    Queue::builder().capacity(capacity).create_channel()
}
