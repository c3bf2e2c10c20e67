//! Things of an arena in messages: the segment once for each message, and for each thing its cell.
//!
//! A message on its way holds what is in it. When the first thing of a segment is encoded, a [`Seat`] is taken for
//! the message, by a description of its own, which travels as the message's handle; each thing that is encoded is
//! claimed for that seat. The receiver claims it for itself and closes the handle. A message that gets lost, in a socket
//! that nobody reads or with a process that is killed, is closed by the kernel, and holds nothing any more.

use super::cells::Place;
use super::error::OpenError;
use super::members::Seat;
use super::object::Object;
use super::segment::Segment;
use super::{Shape, world};
use ipc_codec::handle::{deserialize_shared, serialize_shared};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::io;
use std::sync::Arc;

/// What goes into a message for each thing.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sent<S> {
    segment: S,
    cell: u32,
    generation: u32,
    shape: u64,
}

impl Object {
    /// Encodes a handle.
    pub fn send<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Place { cell, generation } = self.place();
        Sent { segment: Lent(self), cell, generation, shape: self.shape().to_word() }.serialize(serializer)
    }

    /// Decodes a handle to something of the given shape. Of how many elements, only the message knows if `any_len`.
    ///
    /// `needed` tells how many bytes so many elements need. Whoever sent the message could write the same shape into the
    /// shared memory, so it is held against the memory that there is.
    pub fn receive_from<'de, D: Deserializer<'de>>(
        expected: Shape,
        any_len: bool,
        needed: impl FnOnce(usize) -> Option<usize>,
        deserializer: D,
    ) -> Result<Object, D::Error> {
        let Sent { segment: Arrived(segment), cell, generation, shape } = Sent::deserialize(deserializer)?;
        let found = Shape::from_word(shape);
        let wanted = if any_len { expected.with_len_of(found) } else { expected };
        if wanted != found {
            return Err(D::Error::custom(OpenError::OtherType { wanted, found }));
        }
        let object = Object::receive(Arc::clone(&segment.segment), Place { cell, generation }, found)
            .map_err(D::Error::custom)?;
        let size = object.payload_size();
        match needed(found.len()) {
            Some(needed) if needed <= size => Ok(object),
            _ => Err(D::Error::custom(OpenError::TooSmall { said: found, size })),
        }
    }
}

/// The segment of a thing, as it is encoded.
struct Lent<'a>(&'a Object);

impl Serialize for Lent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let segment = self.0.segment();
        let make = || {
            let Seat { claimant, id } = segment.new_seat().map_err(io::Error::other)?;
            Ok((claimant.into_handle(), (Arc::clone(segment), super::members::slot_of(id))))
        };
        // The address of a segment is that of no other as long as `Lease` keeps it.
        let key = Arc::as_ptr(segment).addr() as u64;
        let hold = |(segment, slot): &Lease| match segment.arrive(*slot, self.0.place()) {
            true => Ok(()),
            false => Err(io::Error::other(OpenError::Gone)),
        };
        serialize_shared(key, make, hold, serializer)
    }
}

/// What the encoder keeps for each segment of a message: the slot of the message's seat.
type Lease = (Arc<Segment>, u32);

/// The segment of a thing, as it arrives.
struct Arrived(Arc<Arrival>);

/// What the decoder keeps for each segment of a message.
struct Arrival {
    segment: Arc<Segment>,
    /// The message's seat, which holds its things until they are decoded.
    _seat: OwnedHandle,
}

impl<'de> Deserialize<'de> for Arrived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_shared(|handle| arrive(handle).map(Arc::new), deserializer).map(Arrived)
    }
}

fn arrive(seat: OwnedHandle) -> Result<Arrival, OpenError> {
    let failed = |call| move |source| OpenError::System { call, source };
    world::notice_forks().map_err(failed("notice forks"))?;
    let id = ipc_sys::memory::object_id(seat.as_fd()).map_err(failed("look at a segment"))?;
    let mut world = world::lock();
    let segment = match world.find(id) {
        Some(segment) => segment,
        None => world.insert(Segment::open(&seat)?),
    };
    Ok(Arrival { segment, _seat: seat })
}
