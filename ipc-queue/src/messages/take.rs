//! What becomes of the items of such a channel: a message, or a part of one.

use super::partial::{Partial, Place, make_room, settle};
use super::receiver::{Message, MessageReceiver, Wanted};
use super::{LARGEST_PART, WITHDRAWN};
use crate::error::Corruption;
use crate::raw::{Kind, Reader, Record, Short, n_words};
use crate::raw_queue::{RawQueue, Stop, Take};
use ipc_shared::internals::Peers;
use ipc_sys::handle::OwnedHandle;

/// Takes one item.
#[derive(Debug)]
pub(super) struct Taker<'a> {
    receiver: &'a MessageReceiver,
    message: &'a mut Message,
    /// Where the bytes go, if it was said, and the number of the call that said it.
    buffer: Option<(&'a mut [u8], u64)>,
    wanted: Wanted,
    outcome: Outcome,
}

/// What came of taking an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The message is whole.
    Whole,
    /// It was a part, and more follow; or it told nothing that anybody wants to know.
    Part,
    /// A message of this size, too large, which is lost.
    Lost(usize),
    /// A message of this size, which has no room. The item was not taken.
    Stays(usize),
    /// A message whose rest will not come.
    Truncated,
    /// A message that another thread receives. The item was not taken.
    Elsewhere,
}

/// The words before the bytes of a part, without the ticket.
pub(super) struct Header {
    pub(super) sender: u64,
    pub(super) number: u64,
    at: u64,
    total: u64,
    /// How many bytes follow.
    len: usize,
}

/// How often to try to be faster than other threads, without the lock.
const ATTEMPTS: u32 = 64;

impl<'a> Taker<'a> {
    pub(super) fn new(
        receiver: &'a MessageReceiver,
        message: &'a mut Message,
        buffer: Option<(&'a mut [u8], u64)>,
        wanted: Wanted,
    ) -> Self {
        Taker { receiver, message, buffer, wanted, outcome: Outcome::Whole }
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The item is not taken, for this reason.
    fn leave<T>(&mut self, why: Outcome, nothing: T) -> Result<T, Stop> {
        self.outcome = why;
        Ok(nothing)
    }

    fn take_part(&mut self, reader: &mut Reader<'_>, record: Record) -> Result<Option<u64>, Stop> {
        let header = Header::read(reader, record)?;
        let (receiver, queue) = (self.receiver, &self.receiver.raw);
        receiver.partials.with(|list| {
            let found =
                list.iter().position(|one| (one.sender, one.number) == (header.sender, header.number));
            if header.at == WITHDRAWN {
                found.map(|idx| list.remove(idx));
                reader.pass(record);
                return self.leave(Outcome::Part, None);
            }
            if let Some(idx) = found {
                return self.join(list, idx, &header, reader, record);
            }
            // Something else than the rest of those that were begun.
            if settle(list, queue.ring(), queue.peers()) || make_room(list) {
                return self.leave(Outcome::Truncated, None);
            }
            let size = usize::try_from(header.total).unwrap_or(usize::MAX);
            if header.at == 0 && size <= self.wanted.limit && size > self.wanted.room {
                return self.leave(Outcome::Stays(size), None);
            }
            let is_wanted = header.at == 0 && size <= self.wanted.limit;
            let place = if is_wanted { self.place_for(size) } else { Place::Nowhere };
            // Of one that is lost, the reason is told at once, and the other parts go without a word.
            let lost = match (&place, header.at) {
                (Place::Nowhere, 0) => Some(Outcome::Lost(size)),
                // The beginning went to somebody who had this end before.
                (Place::Nowhere, _) => Some(Outcome::Truncated),
                _ => None,
            };
            list.push(Partial::new(header.sender, header.number, header.total, header.at, place));
            let ticket = self.join(list, list.len() - 1, &header, reader, record);
            self.outcome = lost.unwrap_or(self.outcome);
            ticket
        })
    }

    /// Takes a part of a message that was begun.
    fn join(
        &mut self,
        list: &mut Vec<Partial>,
        idx: usize,
        header: &Header,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        let partial = &mut list[idx];
        if !header.follows(partial) {
            // Nobody of the family sends so.
            let is_wanted = list.remove(idx).is_wanted();
            reader.pass(record);
            return self.leave(if is_wanted { Outcome::Truncated } else { Outcome::Part }, None);
        }
        let (size, start) = (partial.total as usize, partial.got as usize);
        if partial.is_wanted() && size > self.wanted.room {
            return self.leave(Outcome::Stays(size), None);
        }
        let mut words = [0; 5];
        match (&mut partial.place, &mut self.buffer) {
            (Place::Here(bytes), _) => {
                bytes.resize(start + header.len, 0);
                reader.read(record, &mut words, &mut bytes[start..]);
            }
            (Place::Buffer { call, .. }, Some((buffer, mine))) if call == mine => {
                reader.read(record, &mut words, &mut buffer[start..start + header.len]);
            }
            (Place::Buffer { process, .. }, _) => return self.leave_elsewhere(*process, list, idx),
            (Place::Nowhere, _) => reader.read(record, &mut words, &mut []),
        }
        partial.got += header.len as u64;
        reader.pass(record);
        self.outcome = Outcome::Part;
        if partial.got == partial.total {
            self.outcome = Outcome::Whole;
            match list.remove(idx).place {
                Place::Here(bytes) => self.message.joined = Some(bytes),
                Place::Buffer { .. } => self.message.copied = Some(size),
                Place::Nowhere => self.outcome = Outcome::Part,
            }
        }
        Ok((words[0] != 0).then_some(words[0]))
    }

    /// The message goes into the buffer of another call: of a thread, which will take it, or of the process that this one was
    /// forked from.
    fn leave_elsewhere(
        &mut self,
        process: u64,
        list: &mut [Partial],
        idx: usize,
    ) -> Result<Option<u64>, Stop> {
        if self.receiver.raw.peers().me().is_some_and(|me| me.get() == process) {
            return self.leave(Outcome::Elsewhere, None);
        }
        list[idx].place = Place::Nowhere;
        self.leave(Outcome::Truncated, None)
    }

    /// Where a message of this size goes: nowhere if there is no memory.
    fn place_for(&self, size: usize) -> Place {
        match (&self.buffer, self.receiver.raw.peers().me()) {
            (&Some((_, call)), Some(me)) => Place::Buffer { call, process: me.get() },
            _ => {
                let mut bytes = Vec::new();
                let is_there = bytes.try_reserve_exact(size).is_ok();
                if is_there { Place::Here(bytes) } else { Place::Nowhere }
            }
        }
    }
}

impl Take for Taker<'_> {
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop> {
        queue.peers().me().ok_or(Stop::Forked)?;
        for _ in 0..ATTEMPTS {
            let (mut reader, first) = queue.ring().reader()?;
            let Some(record) = first else { return Ok(Short::Empty) };
            if record.kind() == Kind::Part {
                return Ok(Short::Refused);
            }
            if self.receiver.settle() {
                return self.leave(Outcome::Truncated, Short::Taken(0));
            }
            if !record.is_short() {
                return Ok(Short::Refused);
            }
            let size = record.size();
            if size > self.wanted.room {
                return self.leave(Outcome::Stays(size), Short::Taken(0));
            }
            reader.read_inline(record, self.message.arrival.room(size));
            reader.pass(record);
            if reader.publish() {
                queue.ring().gets().lock.tell(1);
                self.outcome = if size > self.wanted.limit { Outcome::Lost(size) } else { Outcome::Whole };
                return Ok(Short::Taken(size));
            }
        }
        Ok(Short::Refused)
    }

    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        match record.kind() {
            Kind::Part => return self.take_part(reader, record),
            Kind::Inline | Kind::Tiny | Kind::WithHandles => {}
            Kind::Outside | Kind::Loaned => return Err(Corruption::new("a message is of no kind").into()),
        }
        if self.receiver.settle() {
            return self.leave(Outcome::Truncated, None);
        }
        let n_words = n_words(record.kind());
        let size = record.size().saturating_sub(n_words * 8);
        if size > self.wanted.limit {
            let mut words = [0];
            reader.read(record, &mut words[..n_words], &mut []);
            reader.pass(record);
            return self.leave(Outcome::Lost(size), (n_words > 0).then_some(words[0]));
        }
        if size > self.wanted.room {
            return self.leave(Outcome::Stays(size), None);
        }
        self.outcome = Outcome::Whole;
        match &mut self.buffer {
            Some((buffer, _)) => {
                let mut words = [0];
                reader.read(record, &mut words[..n_words], &mut buffer[..size]);
                reader.pass(record);
                self.message.copied = Some(size);
                Ok((n_words > 0).then_some(words[0]))
            }
            None => self.message.arrival.take(queue, reader, record),
        }
    }

    fn unpack(&mut self, handles: Vec<OwnedHandle>) -> Result<(), Stop> {
        match (self.outcome, &self.message.joined) {
            (Outcome::Whole, Some(_)) => self.message.handles = handles,
            (Outcome::Whole, None) if self.message.copied.is_none() => {
                self.message.arrival.unpack(handles)?
            }
            _ => {}
        }
        Ok(())
    }
}

impl Header {
    pub(super) fn read(reader: &Reader<'_>, record: Record) -> Result<Header, Corruption> {
        let mut words = [0; 5];
        let len = record.len().checked_sub(size_of_val(&words));
        let len = len.filter(|len| *len <= LARGEST_PART);
        let len = len.ok_or(Corruption::new("there is no such part of a message"))?;
        reader.read(record, &mut words, &mut []);
        let [_, sender, number, at, total] = words;
        Ok(Header { sender, number, at, total, len })
    }

    /// Whether it is the next part.
    fn follows(&self, partial: &Partial) -> bool {
        self.len > 0
            && (self.at, self.total) == (partial.got, partial.total)
            && (self.len as u64) <= self.total.saturating_sub(self.at)
    }
}
