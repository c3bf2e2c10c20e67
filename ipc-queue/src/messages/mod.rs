//! A channel for messages of any size, which go through a ring of a fixed size: what pipes are made of.
//!
//! A message that is no longer than a part is one item. A longer one goes as parts, one item each, so that a message of a
//! gibibyte needs no more shared memory than any other. Before the bytes of a part stand five words:
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | the ticket of the handles, with the last part; else zero |
//! | 1 | the name of the process that sends |
//! | 2 | the number of the message, which this process gives once |
//! | 3 | where in the message the part begins; or that the message is withdrawn |
//! | 4 | how long the message is |
//!
//! | the sender is killed after | what the receiver gets |
//! | --- | --- |
//! | nothing, or encoding | nothing |
//! | some part, not the last | `Truncated`, in the place of this message: the parts that it has are thrown away |
//! | the last part | the message, with its handles |
//!
//! Handles go with the last part, so those of a message that never gets whole stay with the sender. Of one process one message
//! at a time goes in parts ([`turn`]); items of one part need not wait for it, and pass it by.
//!
//! A receiver that finds something else than the next part of a message that it has begun, or nothing for a while, asks whether the
//! sender lives. If not, and the ring has no more of the message, it is truncated. At the end of the channel it need not ask.
//!
//! A sender whose deadline passes in the middle gets the value back, so the message must not arrive: it is withdrawn by one more
//! part without bytes, before the next message at the latest.

mod partial;
mod receiver;
mod sender;
mod take;
mod turn;

pub use receiver::{Message, MessageReceiver, Received, Wanted};
pub use sender::{MessageSender, Sent};

use crate::builder::WhenFull;
use crate::error::CreateError;
use crate::layout::{Plan, item_type};
use crate::raw_queue::RawQueue;

/// The largest part of a message, in bytes: as much as a processor's own cache has room for. A receiver that is closer than that
/// behind the sender takes the lines out of that cache one by one, at a third of the speed.
const LARGEST_PART: usize = 1 << 20;

/// The ring takes at least as many parts as this, so that one side fills it while the other empties it.
const PARTS_PER_RING: usize = 8;
/// Bytes of the smallest ring.
const LEAST_BYTES: usize = 4096;
/// For so many bytes of the ring it takes one message.
const BYTES_PER_MESSAGE: usize = 256;

/// Where a part begins that withdraws its message.
const WITHDRAWN: u64 = u64::MAX;

/// The items of such a channel: its name keeps it apart from all others.
#[derive(Debug)]
pub(crate) struct Messages;

/// Makes a channel for messages, with a ring of so many bytes.
pub fn channel(ring_size: usize) -> Result<(MessageSender, MessageReceiver), CreateError> {
    let byte_capacity = ring_size.max(LEAST_BYTES);
    let plan = Plan {
        capacity: byte_capacity / BYTES_PER_MESSAGE,
        byte_capacity,
        n_buffers: 0,
        buffer_size: 0,
        is_joinable: false,
        when_full: WhenFull::Block,
    };
    let capacity = plan.capacity;
    let plan = plan.checked().ok_or(CreateError::Capacity { capacity, byte_capacity })?;
    let (outer, inner) = RawQueue::create(plan, item_type::<Messages>())?.split();
    Ok((MessageSender::new(outer), MessageReceiver::new(inner)))
}

/// How long the parts are that go through a ring of so many bytes.
pub const fn part_size(byte_capacity: usize) -> usize {
    let share = byte_capacity / PARTS_PER_RING;
    if share < LARGEST_PART { share } else { LARGEST_PART }
}

#[cfg(all(test, not(loom)))]
mod tests;
