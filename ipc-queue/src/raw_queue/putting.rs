//! Putting: items behind the tail, under the lock of the puts, or waiting for room.

use super::{RawQueue, Stop, at_the_lock, was_locked};
use crate::builder::WhenFull;
use crate::error::Corruption;
use crate::freight::Sent;
use crate::raw::{Batch, Kind, Puts, Record, Taken, WaitingPlace, Wishes, Writer};
use ipc_shared::internals::Patience;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::memory::FrozenBytes;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// What came of an attempt to put.
#[derive(Debug)]
pub(crate) enum Attempt {
    Done,
    /// There is no room for a record of so many words.
    NoRoom(u32),
    /// The socket takes no more handles, before some are taken from it.
    NoPassage,
    /// The lock was not to be had in time.
    NotNow,
}

impl RawQueue {
    /// Puts an item; false when the deadline passed before there was room.
    #[inline]
    pub(crate) fn put(
        &self,
        bytes: &[u8],
        handles: &[OwnedHandle],
        deadline: Deadline,
    ) -> Result<bool, Stop> {
        if !handles.is_empty() || bytes.len() > self.max_inline() {
            return self.put_with_handles(bytes, handles, deadline);
        }
        let (record, bytes) = Record::of(bytes).ok_or(TOO_LARGE)?;
        self.put_inline(record, bytes, deadline)
    }

    /// Puts an item of which these bytes go into the ring, behind its record.
    #[inline]
    pub(crate) fn put_inline(&self, record: Record, bytes: &[u8], deadline: Deadline) -> Result<bool, Stop> {
        if self.put_at_once(record, bytes)? {
            return Ok(true);
        }
        self.put_by(deadline, |writer| {
            if !writer.has_room(record)? {
                return Ok(Attempt::NoRoom(record.most_units()));
            }
            writer.write(record, &[], bytes);
            Ok(Attempt::Done)
        })
    }

    /// Puts an item if neither the lock nor the room is to be waited for.
    #[inline]
    fn put_at_once(&self, record: Record, bytes: &[u8]) -> Result<bool, Stop> {
        let ring = self.ring();
        let puts = ring.puts();
        self.look_for_getters(puts)?;
        if !puts.lock.try_lock(self.peers()) {
            return Ok(false);
        }
        let is_put = puts.ended.load(Relaxed) == 0 && ring.try_put(record, bytes);
        self.release_puts(u32::from(is_put));
        Ok(is_put)
    }

    /// Puts as many of the items from `first` on as have room, at least one, and tells how many; none when the deadline passed
    /// before there was room for one.
    pub(crate) fn put_many(&self, batch: &Batch, first: usize, deadline: Deadline) -> Result<usize, Stop> {
        let mut n_put = 0;
        let units = batch.units(first);
        self.put_by(deadline, |writer| {
            n_put = writer.write_many(batch, first)?;
            Ok(if n_put > 0 { Attempt::Done } else { Attempt::NoRoom(units) })
        })?;
        Ok(n_put)
    }

    /// Has `attempt` write until it could, or the deadline has passed: then false.
    #[inline]
    pub(crate) fn put_by(
        &self,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<Attempt, Stop>,
    ) -> Result<bool, Stop> {
        match self.try_put_by(deadline, &mut attempt)? {
            Attempt::Done => Ok(true),
            refused => self.put_slowly(deadline, attempt, refused),
        }
    }

    #[cold]
    fn put_slowly(
        &self,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<Attempt, Stop>,
        mut refused: Attempt,
    ) -> Result<bool, Stop> {
        let (mut patience, mut has_slept) = (Patience::default(), false);
        loop {
            match (refused, self.memory.plan().when_full) {
                (Attempt::Done, _) => {
                    if has_slept && self.ring().has_room(1) {
                        self.ring().gets().lock.pass_on();
                    }
                    return Ok(true);
                }
                (Attempt::NoPassage, _) if self.see_strays()? => {}
                (Attempt::NoRoom(_) | Attempt::NoPassage, WhenFull::Fail) => return Ok(false),
                (Attempt::NoRoom(_), WhenFull::DropOldest) if self.drop_oldest(deadline)? => {}
                // Who lacks the end where the handles arrive gains nothing by it.
                (Attempt::NoPassage, WhenFull::DropOldest)
                    if self.freight.inner.is_some() && self.drop_oldest(deadline)? => {}
                _ if deadline.is_over() => return Ok(false),
                (Attempt::NoRoom(units), WhenFull::Block) => {
                    has_slept |= self.wait_for_room(units, deadline)?
                }
                _ => self.wait_for_gets(deadline)?,
            }
            patience.turn();
            refused = self.try_put_by(deadline, &mut attempt)?;
        }
    }

    /// One attempt, under the lock.
    #[inline]
    fn try_put_by(
        &self,
        deadline: Deadline,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<Attempt, Stop>,
    ) -> Result<Attempt, Stop> {
        let ring = self.ring();
        let puts = ring.puts();
        self.look_for_getters(puts)?;
        let locked = puts.lock.lock(self.peers(), || at_the_lock(deadline));
        let Some(taken) = was_locked(locked)? else { return Ok(Attempt::NotNow) };
        let mut n_put = 0;
        let result = self.write_under_lock(taken, attempt, &mut n_put);
        self.release_puts(taken.changes(n_put));
        result
    }

    #[inline]
    fn write_under_lock(
        &self,
        taken: Taken,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<Attempt, Stop>,
        n_put: &mut u32,
    ) -> Result<Attempt, Stop> {
        self.mend_puts(taken)?;
        let ring = self.ring();
        if ring.puts().ended.load(Relaxed) != 0 {
            return Err(Stop::Closed);
        }
        let mut writer = ring.writer()?;
        let attempt = attempt(&mut writer)?;
        *n_put = writer.written();
        writer.publish();
        Ok(attempt)
    }

    /// Goes on from where a dead owner of the lock was.
    #[inline]
    pub(super) fn mend_puts(&self, taken: Taken) -> Result<(), Stop> {
        if taken == Taken::FromDead {
            let next = self.ring().mend_tail()?;
            self.free_unput_buffer(next);
        }
        Ok(())
    }

    /// Puts an item whose handles go by the socket, and its bytes, too, if the ring is too small for them.
    #[cold]
    fn put_with_handles(
        &self,
        bytes: &[u8],
        handles: &[OwnedHandle],
        deadline: Deadline,
    ) -> Result<bool, Stop> {
        let outside = match bytes.len() > self.max_inline() {
            true => Some(FrozenBytes::freeze(&[bytes]).map_err(Stop::Os)?),
            false => None,
        };
        let mut borrowed: Vec<BorrowedHandle<'_>> = handles.iter().map(AsHandle::as_fd).collect();
        borrowed.extend(outside.as_ref().map(AsHandle::as_fd));
        match outside {
            Some(_) => {
                self.put_ticketed(Kind::Outside, &mut [0, bytes.len() as u64], &[], &borrowed, deadline)
            }
            None => self.put_ticketed(Kind::WithHandles, &mut [0], bytes, &borrowed, deadline),
        }
    }

    /// Puts an item whose first word in the ring is the ticket of its handles, which go by the socket; zero if there are none.
    pub(crate) fn put_ticketed(
        &self,
        kind: Kind,
        words: &mut [u64],
        inline: &[u8],
        handles: &[BorrowedHandle<'_>],
        deadline: Deadline,
    ) -> Result<bool, Stop> {
        let record = record(kind, words.len() * 8 + inline.len())?;
        self.put_by(deadline, |writer| {
            if !writer.has_room(record)? {
                return Ok(Attempt::NoRoom(record.most_units()));
            }
            if !handles.is_empty() {
                let ticket = &self.ring().puts().ticket;
                words[0] = ticket.load(Relaxed).wrapping_add(1);
                // Before the handles go out: if this process ends in between, the ticket is nobody's, and never given again.
                ticket.store(words[0], Relaxed);
                match self.freight.send(words[0], handles).map_err(Stop::Os)? {
                    Sent::Done => {}
                    Sent::Full => return Ok(Attempt::NoPassage),
                    Sent::Abandoned => return Err(Stop::Abandoned),
                }
            }
            writer.write(record, words, inline);
            Ok(Attempt::Done)
        })
    }

    /// Waits until an item of so many words seems to have room, the queue has ended, or the deadline has passed; whether it has
    /// slept.
    fn wait_for_room(&self, units: u32, deadline: Deadline) -> Result<bool, Stop> {
        let ring = self.ring();
        let has_changed = || ring.has_room(units) || self.is_closed();
        // Where bytes are the limit, one get may make room for several, or for another and not for the one that is woken.
        let wishes = if ring.is_at_capacity() { Wishes::ONE } else { Wishes::ALL };
        let eagerness = &self.eager_to_put;
        let mut looks = eagerness.looks_for_room(self.memory.plan().capacity);
        while !deadline.is_over() && looks.is_worth_another() {
            if has_changed() {
                looks.end();
                return Ok(false);
            }
        }
        let place = WaitingPlace { lock: &ring.gets().lock, eagerness, wishes };
        self.wait_at(place, deadline, has_changed, |_| self.see_getters())
    }

    /// Waits until something is taken, or a moment.
    fn wait_for_gets(&self, deadline: Deadline) -> Result<(), Stop> {
        let ring = self.ring();
        let heard = ring.gets().lock.listen(Wishes::ALL, None);
        ring.gets().lock.sleep(heard, deadline, std::time::Duration::from_millis(1));
        self.see_getters()
    }

    fn see_getters(&self) -> Result<(), Stop> {
        if self.freight.has_no_getter() { Err(Stop::Abandoned) } else { Ok(()) }
    }

    /// Looks whether there still is somebody who can get, if there is news or some time has passed.
    #[inline]
    fn look_for_getters(&self, puts: &Puts) -> Result<(), Stop> {
        match &self.watch {
            Some(watch) => watch.ask_if_due(puts.news.load(Acquire), || self.see_getters()),
            None => Ok(()),
        }
    }
}

const TOO_LARGE: Corruption = Corruption::new("the ring is larger than any");

fn record(kind: Kind, len: usize) -> Result<Record, Stop> {
    Ok(Record::new(kind, len).ok_or(TOO_LARGE)?)
}
