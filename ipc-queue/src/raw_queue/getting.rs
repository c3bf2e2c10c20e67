//! Getting: items from the head on, a short one without a lock and all others under that of the gets, or waiting for one.

use super::{RawQueue, Stop, at_the_lock, was_locked};
use crate::buffers::Buffer;
use crate::error::Corruption;
use crate::raw::{
    Gets, Items, Kind, Reader, Record, Ring, SHORT, Short, Taken, WaitingPlace, Wishes, n_words,
};
use ipc_shared::internals::{Patience, Peers};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::FrozenBytes;
use std::sync::atomic::Ordering::Relaxed;

/// Room for an item that is taken: its bytes, wherever they are, and its handles.
#[derive(Debug)]
pub(crate) struct Arrival {
    short: Bytes,
    large: Vec<u8>,
    len: usize,
    /// What most items do not have.
    special: Option<Box<Special>>,
}

/// How often what was refused without the lock can be gone under it, before the caller is told to wait.
const ATTEMPTS: u32 = 100;

/// The bytes of a short item. Aligned, so that no store of many of them goes over the end of a cache line.
#[derive(Debug)]
#[repr(align(16))]
pub(crate) struct Bytes(pub(crate) [u8; SHORT]);

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
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// How many are wanted.
    most: usize,
    pub(crate) items: Items,
    /// The only item, if it is more than bytes in the ring.
    pub(crate) special: Option<Arrival>,
}

/// An item whose bytes go where somebody wants them.
#[derive(Debug)]
struct Into<'a> {
    bytes: &'a mut Vec<u8>,
    /// As many are wanted at most.
    limit: usize,
    /// As many there are.
    size: usize,
    special: Option<Arrival>,
}

/// An item that nobody wants.
#[derive(Debug)]
struct Dropped(Arrival);

/// What becomes of items that are taken.
pub(crate) trait Take {
    /// Takes the first item without the lock, if that can be.
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop>;

    /// Reads the first item, whose record this is, or more, and passes them. The ticket of its handles, if it has some.
    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop>;

    /// Takes what came by the socket.
    fn unpack(&mut self, handles: Vec<OwnedHandle>) -> Result<(), Stop>;
}

impl Bytes {
    #[inline]
    pub(crate) fn new() -> Bytes {
        Bytes([0; SHORT])
    }
}

impl Arrival {
    #[inline]
    pub(crate) fn new() -> Arrival {
        Arrival { short: Bytes::new(), large: Vec::new(), len: 0, special: None }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self.special.as_deref() {
            None | Some(Special::Handles(_)) if self.len <= SHORT => &self.short.0[..self.len],
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
        if self.special.is_none() && self.len > SHORT { self.large } else { self.bytes().to_vec() }
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
    pub(crate) fn room(&mut self, len: usize) -> &mut [u8] {
        self.len = len;
        if len <= SHORT {
            return &mut self.short.0[..len.next_multiple_of(8)];
        }
        self.large.resize(len, 0);
        &mut self.large
    }
}

impl Take for Arrival {
    #[inline]
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop> {
        let short = queue.take_short(&mut self.short)?;
        if let Short::Taken(len) = short {
            self.len = len;
        }
        Ok(short)
    }

    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        if !record.is_inline() {
            return queue.take_special(reader, record, self);
        }
        reader.read_inline(record, self.room(record.size()));
        reader.pass(record);
        Ok(None)
    }

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

impl Take for Into<'_> {
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop> {
        let mut bytes = Bytes::new();
        let short = queue.take_short(&mut bytes)?;
        if let Short::Taken(len) = short {
            self.size = len;
            self.bytes.clear();
            self.bytes.extend_from_slice(&bytes.0[..len.min(self.limit)]);
        }
        Ok(short)
    }

    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        if !record.is_inline() {
            return queue.take_special(reader, record, self.special.insert(Arrival::new()));
        }
        self.size = record.size();
        if self.size <= self.limit {
            // No byte is written twice if there were as many before.
            self.bytes.resize(self.size, 0);
            reader.read_inline(record, self.bytes);
        }
        reader.pass(record);
        Ok(None)
    }

    fn unpack(&mut self, handles: Vec<OwnedHandle>) -> Result<(), Stop> {
        if let Some(arrival) = &mut self.special {
            arrival.unpack(handles)?;
            self.bytes.clear();
            self.bytes.extend_from_slice(arrival.bytes_up_to(self.limit)?);
        } else if self.size > self.limit {
            return Err(Stop::TooLarge { size: self.size, limit: self.limit });
        }
        Ok(())
    }
}

impl Take for Arrivals {
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop> {
        let short = queue.take_without_lock(|ring| ring.take_many_short(self.most, &mut self.items))?;
        if let Short::Taken(count) = short {
            queue.ring().gets().lock.tell(count as u32);
        }
        Ok(short)
    }

    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        if !record.is_inline() {
            return queue.take_special(reader, record, self.special.insert(Arrival::new()));
        }
        reader.read_many(record, self.most, Record::is_inline, &mut self.items)?;
        Ok(None)
    }

    fn unpack(&mut self, handles: Vec<OwnedHandle>) -> Result<(), Stop> {
        self.special.as_mut().map_or(Ok(()), |arrival| arrival.unpack(handles))
    }
}

impl Take for Dropped {
    fn take_short(&mut self, queue: &RawQueue) -> Result<Short, Stop> {
        queue.take_short(&mut self.0.short)
    }

    fn take(
        &mut self,
        queue: &RawQueue,
        reader: &mut Reader<'_>,
        record: Record,
    ) -> Result<Option<u64>, Stop> {
        if !record.is_inline() {
            return queue.take_special(reader, record, &mut self.0);
        }
        reader.pass(record);
        Ok(None)
    }

    fn unpack(&mut self, _: Vec<OwnedHandle>) -> Result<(), Stop> {
        Ok(())
    }
}

impl RawQueue {
    /// Takes the first item into `bytes`, which become as long as the item is; false when the deadline passed first. An item of
    /// more bytes than the limit is lost, and nothing is allocated for it.
    pub(crate) fn get_into(
        &self,
        bytes: &mut Vec<u8>,
        limit: usize,
        deadline: Deadline,
    ) -> Result<bool, Stop> {
        self.get_by(&mut Into { bytes, limit, size: 0, special: None }, deadline, false)
    }

    /// Takes up to `most` items, at least one; nothing when the deadline passed before there was one.
    pub(crate) fn get_many(&self, most: usize, deadline: Deadline) -> Result<Option<Arrivals>, Stop> {
        let mut arrivals = Arrivals { most, items: Items::default(), special: None };
        Ok(self.get_by(&mut arrivals, deadline, false)?.then_some(arrivals))
    }

    /// Takes the oldest item away, to make room; false if there is none, or the lock was not to be had in time.
    pub(super) fn drop_oldest(&self, deadline: Deadline) -> Result<bool, Stop> {
        let mut taker = Dropped(Arrival::new());
        let short = taker.take_short(self)?;
        match self.take_after(short, &mut taker, deadline) {
            Ok(None) => return Ok(false),
            Ok(Some(_)) | Err(Stop::HandlesLost) => {}
            Err(stop) => return Err(stop),
        }
        if self.is_joinable {
            // A task that is dropped needs not be done.
            self.finish_task()?;
        }
        Ok(true)
    }

    /// Takes the first item without the lock, if it is short and no task. If there is none, it looks for one some times.
    #[inline]
    pub(crate) fn await_short(&self, bytes: &mut Bytes, deadline: Deadline) -> Result<Short, Stop> {
        match self.take_short(bytes)? {
            Short::Empty => self.look_for_short(bytes, deadline),
            short => Ok(short),
        }
    }

    /// Not a part of the above, so that what there is to do when there is an item stays small.
    #[inline(never)]
    fn look_for_short(&self, bytes: &mut Bytes, deadline: Deadline) -> Result<Short, Stop> {
        self.look_for(deadline, || self.take_short(bytes))
    }

    /// Looks for an item some times, if there is none at first.
    #[inline]
    fn look_for(
        &self,
        deadline: Deadline,
        mut take: impl FnMut() -> Result<Short, Stop>,
    ) -> Result<Short, Stop> {
        if deadline.is_over() {
            return Ok(Short::Empty);
        }
        let mut looks = self.eager_to_get.looks_for_item(self.ring().n_taken());
        while looks.is_worth_another() && !deadline.is_over() {
            let short = take()?;
            if short != Short::Empty {
                looks.end();
                return Ok(short);
            }
        }
        Ok(Short::Empty)
    }

    /// Takes the first item without the lock, if it is short and no task.
    #[inline(always)]
    fn take_short(&self, bytes: &mut Bytes) -> Result<Short, Stop> {
        let short = self.take_without_lock(|ring| ring.take_short(&mut bytes.0))?;
        if let Short::Taken(_) = short {
            self.ring().gets().lock.tell(1);
        }
        Ok(short)
    }

    #[inline(always)]
    fn take_without_lock(
        &self,
        take: impl FnOnce(Ring<'_>) -> Result<Short, Corruption>,
    ) -> Result<Short, Stop> {
        self.peers().me().ok_or(Stop::Forked)?;
        let ring = self.ring();
        if self.is_joinable {
            return Ok(if ring.is_empty()? { Short::Empty } else { Short::Refused });
        }
        let short = take(ring)?;
        if ring.gets().lock.is_held() {
            // What is wrong will be told to who takes something under the lock. This one may have an item already.
            let _ = self.see_owner();
        }
        Ok(short)
    }

    /// Somebody has the lock of the gets. If it was killed, who takes short items would never notice, and the handles of what it took
    /// would stay open.
    #[cold]
    fn see_owner(&self) -> Result<(), Stop> {
        self.owner_watch.ask_if_due(0, || {
            let gets = self.ring().gets();
            let Some(taken) = was_locked(gets.lock.lock(self.peers(), || Deadline::NOW))? else {
                return Ok(());
            };
            let mended = self.mend_after(taken);
            let _ = gets.lock.release(taken.changes(0));
            mended
        })
    }

    /// Takes items until it could, or the deadline has passed: then false. The caller may have looked for one already, as
    /// [`await_short`](Self::await_short) does: then that is not done again.
    pub(crate) fn get_by(
        &self,
        taker: &mut impl Take,
        deadline: Deadline,
        mut has_looked: bool,
    ) -> Result<bool, Stop> {
        let (mut patience, mut has_waited, mut has_slept) = (Patience::default(), false, false);
        loop {
            let short = match taker.take_short(self)? {
                Short::Empty if !has_looked => self.look_for(deadline, || taker.take_short(self))?,
                short => short,
            };
            has_looked = false;
            if let Some(handles) = self.take_after(short, taker, deadline)? {
                if has_slept && !self.ring().is_empty()? {
                    self.ring().puts().lock.pass_on();
                }
                taker.unpack(handles).inspect_err(|_| self.lose_tasks(1))?;
                return Ok(true);
            }
            // If there is an item, the lock was not to be had for longer than the deadline allows.
            if deadline.is_over() && (has_waited || !self.ring().is_empty()?) {
                return Ok(false);
            }
            has_slept |= self.wait_for_item(deadline)?;
            has_waited = true;
            patience.turn();
        }
    }

    /// Takes items under the lock if they are refused to those without. The handles of what was taken, if something was.
    fn take_after(
        &self,
        mut short: Short,
        taker: &mut impl Take,
        deadline: Deadline,
    ) -> Result<Option<Vec<OwnedHandle>>, Stop> {
        for _ in 0..ATTEMPTS {
            match short {
                Short::Taken(_) => return Ok(Some(Vec::new())),
                Short::Empty => return Ok(None),
                Short::Refused => {}
            }
            let gets = self.ring().gets();
            let locked = gets.lock.lock(self.peers(), || at_the_lock(deadline));
            let Some(taken) = was_locked(locked)? else { return Ok(None) };
            let mut n_taken = 0;
            let result = self.take_under_lock(gets, taken, taker, &mut n_taken);
            let _ = gets.lock.release(taken.changes(n_taken));
            match result {
                Ok(Some(handles)) => return Ok(Some(handles)),
                // Meanwhile what was refused is gone.
                Ok(None) => short = taker.take_short(self)?,
                Err(stop) => {
                    if matches!(stop, Stop::HandlesLost) {
                        self.lose_tasks(1);
                    }
                    return Err(stop);
                }
            }
        }
        Ok(None)
    }

    fn take_under_lock(
        &self,
        gets: &Gets,
        taken: Taken,
        taker: &mut impl Take,
        n_taken: &mut u32,
    ) -> Result<Option<Vec<OwnedHandle>>, Stop> {
        let (mut reader, record) = self.ring().reader()?;
        if taken == Taken::FromDead {
            self.mend_gets(gets, &reader, record);
        }
        // One that is short is there for those without the lock: to compete with them under it would be to lose.
        let Some(record) = record.filter(|record| self.is_joinable || !record.is_short()) else {
            return Ok(None);
        };
        let ticket = taker.take(self, &mut reader, record)?;
        if let Some(ticket) = ticket {
            gets.ticket.store(ticket, Relaxed);
        }
        let n_passed = reader.passed();
        self.take_in_hand(n_passed);
        if !reader.publish() {
            return Err(Corruption::new("somebody without the lock has taken an item").into());
        }
        *n_taken = n_passed;
        let received = ticket.map_or(Ok(Vec::new()), |ticket| self.freight.receive(ticket));
        received.map(Some).map_err(|_| Stop::HandlesLost)
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
            Kind::Inline | Kind::Tiny => None,
            Kind::WithHandles => {
                reader.read(record, &mut words[..1], arrival.room(len));
                arrival.special = Some(Box::new(Special::Handles(Vec::new())));
                Some(words[0])
            }
            Kind::Outside => {
                reader.read(record, &mut words, &mut []);
                arrival.len = usize::try_from(words[1]).map_err(|_| short())?;
                arrival.special = Some(Box::new(Special::Outside(None, Vec::new())));
                Some(words[0])
            }
            Kind::Loaned => {
                reader.read(record, &mut words, &mut []);
                let buffer = Buffer::take(&self.memory, words, reader.count())?;
                arrival.special = Some(Box::new(Special::Buffer(buffer)));
                None
            }
            Kind::Part => return Err(Corruption::new("a queue has no parts of messages").into()),
        };
        reader.pass(record);
        Ok(ticket)
    }

    /// Goes on from where a dead owner of the lock was: the handles of an item that it took are nobody's.
    pub(super) fn mend_gets(&self, gets: &Gets, reader: &Reader<'_>, first: Option<Record>) {
        let ticket = gets.ticket.load(Relaxed);
        let mut word = [0];
        let was_not_taken = match first {
            Some(record)
                if matches!(record.kind(), Kind::WithHandles | Kind::Outside | Kind::Part)
                    && record.len() >= 8 =>
            {
                reader.read(record, &mut word, &mut []);
                word[0] == ticket
            }
            _ => false,
        };
        if !was_not_taken {
            self.freight.discard(ticket);
        }
    }

    /// The same, if the lock was taken from the dead.
    pub(super) fn mend_after(&self, taken: Taken) -> Result<(), Stop> {
        if taken == Taken::FromDead {
            let (reader, first) = self.ring().reader()?;
            self.mend_gets(self.ring().gets(), &reader, first);
        }
        Ok(())
    }

    /// The buffer of the first item, if it has one. For who has both locks.
    pub(super) fn first_buffer(&self, taken: Taken) -> Result<Option<u64>, Stop> {
        let (reader, record) = self.ring().reader()?;
        if taken == Taken::FromDead {
            self.mend_gets(self.ring().gets(), &reader, record);
        }
        let mut words = [0; 2];
        match record {
            Some(record) if record.kind() == Kind::Loaned && record.len() >= 16 => {
                reader.read(record, &mut words, &mut []);
                Ok(Some(words[0]))
            }
            _ => Ok(None),
        }
    }

    /// Waits until there seems to be an item or the deadline has passed; whether it has slept. At the end of the queue that is an
    /// error.
    pub(crate) fn wait_for_item(&self, deadline: Deadline) -> Result<bool, Stop> {
        let ring = self.ring();
        // An error has to be seen, too.
        let has_changed = || !matches!(ring.is_empty(), Ok(true)) || self.is_closed();
        let place =
            WaitingPlace { lock: &ring.puts().lock, eagerness: &self.eager_to_get, wishes: Wishes::ONE };
        let has_slept = self.wait_at(place, deadline, has_changed, |has_slept| {
            self.see_putters()?;
            // One that was killed in the middle of a put: whoever waits long has the time to look.
            if has_slept && self.has_open_tickets() { self.see_strays().map(drop) } else { Ok(()) }
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

    /// Whether a ticket was given that nobody has taken: there may be handles on their way, of a living putter or a dead one.
    fn has_open_tickets(&self) -> bool {
        let ring = self.ring();
        ring.puts().ticket.load(Relaxed) != ring.gets().ticket.load(Relaxed)
    }

    /// An error if nobody is left who could put, and nothing is left to take.
    fn see_putters(&self) -> Result<(), Stop> {
        if self.freight.has_no_putter() && self.ring().is_empty()? { Err(Stop::Abandoned) } else { Ok(()) }
    }
}
