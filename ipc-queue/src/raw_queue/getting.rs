//! Getting: items from the head on, under the lock of the gets, or waiting for one.

use super::{RawQueue, Stop, at_the_lock, was_locked};
use crate::buffers::Buffer;
use crate::error::Corruption;
use crate::raw::{Gets, Kind, Reader, Record, Taken, WaitingPlace, Wishes, n_words};
use ipc_shared::internals::{Patience, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::FrozenBytes;
use std::sync::atomic::Ordering::Relaxed;

/// How many bytes of an item need no allocation.
const SMALL: usize = 64;

/// Room for an item that is taken: its bytes, wherever they are, and its handles.
#[derive(Debug)]
pub(crate) struct Arrival {
    small: [u8; SMALL],
    large: Vec<u8>,
    len: usize,
    /// What most items do not have.
    special: Option<Box<Special>>,
}

/// What an item has that is more than bytes in the ring.
#[derive(Debug)]
enum Special {
    /// Handles, whose number is not known before they were received.
    Handles(Vec<OwnedHandle>),
    /// Memory of its own, and handles. The memory is the last of the handles before it was looked at.
    Outside(Option<FrozenBytes>, Vec<OwnedHandle>),
    /// A buffer that was written in place.
    Buffer(Buffer),
}

/// Items that were taken together.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// As they stood in the ring.
    pub(crate) bytes: Vec<u8>,
    /// How many they are.
    pub(crate) count: usize,
    /// The only item, if it is more than bytes in the ring.
    pub(crate) special: Option<Arrival>,
}

impl Arrival {
    #[inline]
    pub(crate) fn new() -> Arrival {
        Arrival { small: [0; SMALL], large: Vec::new(), len: 0, special: None }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self.special.as_deref() {
            None | Some(Special::Handles(_)) if self.len <= SMALL => &self.small[..self.len],
            None | Some(Special::Handles(_)) => &self.large,
            Some(Special::Outside(memory, _)) => memory.as_deref().unwrap_or_default(),
            Some(Special::Buffer(buffer)) => buffer,
        }
    }

    /// The bytes, if they are no more than the limit.
    pub(crate) fn bytes_up_to(&self, limit: usize) -> Result<&[u8], Stop> {
        let bytes = self.bytes();
        if bytes.len() > limit { Err(Stop::TooLarge { size: bytes.len(), limit }) } else { Ok(bytes) }
    }

    /// The handles, which are left out then.
    #[inline]
    pub(crate) fn take_handles(&mut self) -> Vec<OwnedHandle> {
        match self.special.as_deref_mut() {
            Some(Special::Handles(handles) | Special::Outside(_, handles)) => std::mem::take(handles),
            _ => Vec::new(),
        }
    }

    /// The bytes, and no copy of them if it can be helped.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        if self.special.is_none() && self.len > SMALL { self.large } else { self.bytes().to_vec() }
    }

    /// The buffer, if the item was written in place.
    pub(crate) fn into_buffer(mut self) -> Result<Buffer, Arrival> {
        match self.special.take().map(|special| *special) {
            Some(Special::Buffer(buffer)) => Ok(buffer),
            special => {
                self.special = special.map(Box::new);
                Err(self)
            }
        }
    }

    /// Room for so many bytes, up to a whole word.
    #[inline]
    fn room(&mut self, len: usize) -> &mut [u8] {
        self.len = len;
        if len <= SMALL {
            return &mut self.small[..len.next_multiple_of(8)];
        }
        self.large.resize(len, 0);
        &mut self.large
    }

    /// Takes what came by the socket.
    fn unpack(&mut self, mut received: Vec<OwnedHandle>) -> Result<(), Stop> {
        match self.special.as_deref_mut() {
            Some(Special::Handles(handles)) => *handles = received,
            Some(Special::Outside(memory, handles)) => {
                let frozen = received.pop().ok_or(Stop::HandlesLost)?;
                let frozen = FrozenBytes::from_handle(frozen).map_err(Stop::Os)?;
                if frozen.len() != self.len {
                    return Err(Corruption::new("an item is not as long as it says").into());
                }
                (*memory, *handles) = (Some(frozen), received);
            }
            Some(Special::Buffer(_)) | None => {}
        }
        Ok(())
    }
}

impl RawQueue {
    /// Takes the first item; false when the deadline passed before there was one.
    #[inline]
    pub(crate) fn get(&self, arrival: &mut Arrival, deadline: Deadline) -> Result<bool, Stop> {
        let mut handles = Vec::new();
        let is_there = self
            .get_by(deadline, &mut handles, |reader, record| self.take(reader, record, arrival))
            .inspect_err(|stop| self.lose_if_taken(stop))?;
        if arrival.special.is_some() {
            self.unpack(arrival, handles)?;
        }
        Ok(is_there)
    }

    /// Takes the first item into `bytes`, which become as long as the item is; false when the deadline passed first. An item of
    /// more bytes than the limit is lost, and nothing is allocated for it.
    pub(crate) fn get_into(
        &self,
        bytes: &mut Vec<u8>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<bool, Stop> {
        let (mut special, mut size, mut handles) = (None, 0, Vec::new());
        let is_there = self.get_by(deadline, &mut handles, |reader, record| {
            if record.kind() == Kind::Inline {
                size = record.len();
                if size > limit {
                    reader.pass(record);
                    return Ok(None);
                }
                // No byte is written twice if there were as many before.
                bytes.resize(record.len(), 0);
                reader.read(&mut [], bytes);
                reader.pass(record);
                return Ok(None);
            }
            self.take(reader, record, special.get_or_insert_with(Arrival::new))
        });
        let is_there = is_there.inspect_err(|stop| self.lose_if_taken(stop))?;
        if let Some(mut arrival) = special {
            self.unpack(&mut arrival, handles)?;
            bytes.clear();
            bytes.extend_from_slice(arrival.bytes_up_to(limit)?);
        } else if size > limit {
            return Err(Stop::TooLarge { size, limit });
        }
        Ok(is_there)
    }

    /// Takes up to `most` items, at least one; nothing when the deadline passed before there was one.
    pub(crate) fn get_many(&self, most: usize, deadline: Deadline) -> Result<Option<Arrivals>, Stop> {
        let (mut arrivals, mut handles) = (Arrivals::default(), Vec::new());
        let is_there = self.get_by(deadline, &mut handles, |reader, record| {
            if record.kind() != Kind::Inline {
                return self.take(reader, record, arrivals.special.get_or_insert_with(Arrival::new));
            }
            reader.read_many(record, most, &mut arrivals.bytes)?;
            arrivals.count = reader.passed() as usize;
            Ok(None)
        });
        let is_there = is_there.inspect_err(|stop| self.lose_if_taken(stop))?;
        if let Some(arrival) = &mut arrivals.special {
            self.unpack(arrival, handles)?;
        }
        Ok(is_there.then_some(arrivals))
    }

    /// Takes the oldest item away, to make room; false if there is none, or the lock was not to be had in time.
    pub(super) fn drop_oldest(&self, deadline: Deadline) -> Result<bool, Stop> {
        let (mut arrival, mut handles) = (Arrival::new(), Vec::new());
        let taken = self.try_get_by(deadline, &mut handles, &mut |reader, record| {
            if record.kind() == Kind::Inline {
                // Nobody wants its bytes.
                reader.pass(record);
                return Ok(None);
            }
            self.take_special(reader, record, &mut arrival)
        });
        match taken {
            Ok(false) => return Ok(false),
            Ok(true) | Err(Stop::HandlesLost) => {}
            Err(stop) => return Err(stop),
        }
        if self.is_joinable {
            // A task that is dropped needs not be done.
            self.finish_task()?;
        }
        Ok(true)
    }

    /// Takes what came by the socket into the item. If something is wrong with it, the task is lost.
    #[cold]
    fn unpack(&self, arrival: &mut Arrival, handles: Vec<OwnedHandle>) -> Result<(), Stop> {
        arrival.unpack(handles).inspect_err(|_| self.lose_tasks(1))
    }

    /// If an item was taken and could not be had, the task is lost.
    #[cold]
    fn lose_if_taken(&self, stop: &Stop) {
        if matches!(stop, Stop::HandlesLost) {
            self.lose_tasks(1);
        }
    }

    /// Has `take` read items until it could, or the deadline has passed: then false. The handles of what it has
    /// read go to `handles`.
    #[inline]
    fn get_by(
        &self,
        deadline: Deadline,
        handles: &mut Vec<OwnedHandle>,
        mut take: impl FnMut(&mut Reader<'_>, Record) -> Result<Option<u64>, Stop>,
    ) -> Result<bool, Stop> {
        if !self.ring().is_empty()? {
            if self.try_get_by(deadline, handles, &mut take)? {
                return Ok(true);
            }
            // There is an item and the lock was not to be had, for longer than the deadline allows.
            if deadline.is_over() && !self.ring().is_empty()? {
                return Ok(false);
            }
        }
        self.get_slowly(deadline, handles, take)
    }

    #[cold]
    fn get_slowly(
        &self,
        deadline: Deadline,
        handles: &mut Vec<OwnedHandle>,
        mut take: impl FnMut(&mut Reader<'_>, Record) -> Result<Option<u64>, Stop>,
    ) -> Result<bool, Stop> {
        self.peers().me().ok_or(Stop::Forked)?;
        let (mut patience, mut has_slept) = (Patience::default(), false);
        loop {
            has_slept |= self.wait_for_item(deadline)?;
            if !self.ring().is_empty()? && self.try_get_by(deadline, handles, &mut take)? {
                if has_slept && !self.ring().is_empty()? {
                    self.ring().puts().lock.pass_on();
                }
                return Ok(true);
            }
            if deadline.is_over() {
                return Ok(false);
            }
            patience.turn();
        }
    }

    /// One attempt, under the lock.
    #[inline]
    fn try_get_by(
        &self,
        deadline: Deadline,
        handles: &mut Vec<OwnedHandle>,
        take: &mut impl FnMut(&mut Reader<'_>, Record) -> Result<Option<u64>, Stop>,
    ) -> Result<bool, Stop> {
        let ring = self.ring();
        let gets = ring.gets();
        let locked = gets.lock.lock(self.peers(), || at_the_lock(deadline));
        let Some(taken) = was_locked(locked)? else { return Ok(false) };
        let mut n_taken = 0;
        let result = self.read_under_lock(gets, taken, handles, take, &mut n_taken);
        let _ = gets.lock.release(taken.changes(n_taken));
        result
    }

    #[inline]
    fn read_under_lock(
        &self,
        gets: &Gets,
        taken: Taken,
        handles: &mut Vec<OwnedHandle>,
        take: &mut impl FnMut(&mut Reader<'_>, Record) -> Result<Option<u64>, Stop>,
        n_taken: &mut u32,
    ) -> Result<bool, Stop> {
        let mut reader = self.ring().reader()?;
        if taken == Taken::FromDead {
            self.mend_gets(gets, &reader)?;
        }
        let Some(record) = reader.record()? else { return Ok(false) };
        let ticket = take(&mut reader, record)?;
        if let Some(ticket) = ticket {
            gets.ticket.store(ticket, Relaxed);
        }
        *n_taken = reader.passed();
        self.take_in_hand(*n_taken);
        reader.publish();
        if let Some(ticket) = ticket {
            *handles = self.freight.receive(ticket).map_err(|_| Stop::HandlesLost)?;
        }
        Ok(true)
    }

    /// Reads one item of any kind and passes it. The ticket of its handles, if it has some.
    #[inline]
    fn take(
        &self,
        reader: &mut Reader<'_>,
        record: Record,
        arrival: &mut Arrival,
    ) -> Result<Option<u64>, Stop> {
        if record.kind() == Kind::Inline {
            reader.read(&mut [], arrival.room(record.len()));
            reader.pass(record);
            return Ok(None);
        }
        self.take_special(reader, record, arrival)
    }

    #[cold]
    fn take_special(
        &self,
        reader: &mut Reader<'_>,
        record: Record,
        arrival: &mut Arrival,
    ) -> Result<Option<u64>, Stop> {
        let short = || Corruption::new("an item is too short for its kind");
        let (mut words, n_words) = ([0; 2], n_words(record.kind()));
        let len = record.len().checked_sub(n_words * 8).ok_or_else(short)?;
        let ticket = match record.kind() {
            Kind::Inline => None,
            Kind::WithHandles => {
                reader.read(&mut words[..1], arrival.room(len));
                arrival.special = Some(Box::new(Special::Handles(Vec::new())));
                Some(words[0])
            }
            Kind::Outside => {
                reader.read(&mut words, &mut []);
                arrival.len = usize::try_from(words[1]).map_err(|_| short())?;
                arrival.special = Some(Box::new(Special::Outside(None, Vec::new())));
                Some(words[0])
            }
            Kind::Loaned => {
                reader.read(&mut words, &mut []);
                let buffer = Buffer::take(&self.memory, words, reader.count())?;
                arrival.special = Some(Box::new(Special::Buffer(buffer)));
                None
            }
        };
        reader.pass(record);
        Ok(ticket)
    }

    /// Goes on from where a dead owner of the lock was: the handles of an item that it took are nobody's.
    pub(super) fn mend_gets(&self, gets: &Gets, reader: &Reader<'_>) -> Result<(), Stop> {
        let ticket = gets.ticket.load(Relaxed);
        let mut first = [0];
        let was_not_taken = match reader.record()? {
            Some(record)
                if matches!(record.kind(), Kind::WithHandles | Kind::Outside) && record.len() >= 8 =>
            {
                reader.read(&mut first, &mut []);
                first[0] == ticket
            }
            _ => false,
        };
        if !was_not_taken {
            self.freight.discard(ticket);
        }
        Ok(())
    }

    /// The buffer of the first item, if it has one. For who has both locks.
    pub(super) fn first_buffer(&self, taken: Taken) -> Result<Option<u64>, Stop> {
        let reader = self.ring().reader()?;
        if taken == Taken::FromDead {
            self.mend_gets(self.ring().gets(), &reader)?;
        }
        let mut words = [0; 2];
        match reader.record()? {
            Some(record) if record.kind() == Kind::Loaned && record.len() >= 16 => {
                reader.read(&mut words, &mut []);
                Ok(Some(words[0]))
            }
            _ => Ok(None),
        }
    }

    /// Waits until there seems to be an item or the deadline has passed; whether it has slept. At the end of the queue that is an
    /// error.
    fn wait_for_item(&self, deadline: Deadline) -> Result<bool, Stop> {
        let ring = self.ring();
        // An error has to be seen, too.
        let has_changed = || !matches!(ring.is_empty(), Ok(true)) || self.is_closed();
        let place =
            WaitingPlace { lock: &ring.puts().lock, eagerness: &self.eager_to_get, wishes: Wishes::ONE };
        let has_slept = self.wait_at(place, deadline, has_changed, |has_slept| {
            self.see_putters()?;
            // One that was killed in the middle of a put: whoever waits long has the time to look.
            if has_slept { self.see_strays().map(drop) } else { Ok(()) }
        })?;
        if self.is_closed() && ring.is_empty()? {
            return Err(Stop::Closed);
        }
        if deadline.is_over() {
            self.see_putters()?;
            // Who has slept until now has the time; and of a channel the senders cannot do it, and this one may never sleep.
            if has_slept || self.freight.outer.is_none() {
                self.see_strays()?;
            }
            self.rearm()?;
        }
        Ok(has_slept)
    }

    /// An error if nobody is left who could put, and nothing is left to take.
    fn see_putters(&self) -> Result<(), Stop> {
        if self.freight.has_no_putter() && self.ring().is_empty()? { Err(Stop::Abandoned) } else { Ok(()) }
    }
}
