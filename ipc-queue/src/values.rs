//! Items instead of byte strings: encoded before the lock is taken, decoded after it is released.

use crate::error::{Ending, Unput};
use crate::raw::{Batch, Items, Kind, Record, Short};
use crate::raw_queue::{Arrival, Arrivals, Bytes, RawQueue};
use ipc_codec::{DecodeError, Limits, Scratch};
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many bytes of items are encoded in one go before they are put.
const BATCH: usize = 64 << 10;

impl RawQueue {
    /// Encodes an item and puts it.
    #[inline]
    pub(crate) fn put_value<T: Serialize>(
        &self,
        value: &T,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<(), Unput> {
        let is_put = match tiny_record(value, limits) {
            Some(record) => self.put_inline(record, &[], deadline)?,
            None => self.put_any_value(value, limits, deadline)?,
        };
        if is_put { Ok(()) } else { Err(Unput::NoRoom) }
    }

    /// The same for an item that is not tiny; false if it was not put in time.
    fn put_any_value<T: Serialize>(
        &self,
        value: &T,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<bool, Unput> {
        let mut scratch = Scratch::new();
        scratch.encode(value, limits)?;
        Ok(match self.inline_record(&scratch) {
            Some(record) => self.put_inline(record, &scratch.bytes()[..record.len()], deadline)?,
            None => self.put(scratch.bytes(), scratch.handles(), deadline)?,
        })
    }

    /// The record of an encoded item, if it has no handles and is not too large for the ring.
    #[inline]
    fn inline_record(&self, item: &Scratch) -> Option<Record> {
        if !item.handles().is_empty() || item.size() > self.max_inline() {
            return None;
        }
        Record::tiny_of(item.first_bytes(), item.size()).or_else(|| Record::new(Kind::Inline, item.size()))
    }

    /// Takes an item and decodes it; nothing when the deadline passed before there was one.
    #[inline]
    pub(crate) fn get_value<T: DeserializeOwned>(
        &self,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<Option<T>, Ending> {
        let mut bytes = Bytes::new();
        match self.await_short(&mut bytes, deadline)? {
            Short::Taken(len) => Ok(Some(decode_short(&bytes, len, limits)?)),
            Short::Empty | Short::Refused => self.get_any_value(limits, deadline),
        }
    }

    /// The same, after some looks for a short one.
    fn get_any_value<T: DeserializeOwned>(
        &self,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<Option<T>, Ending> {
        let mut arrival = Arrival::new();
        if !self.get_by(&mut arrival, deadline, true)? {
            return Ok(None);
        }
        let handles = arrival.take_handles();
        let value = ipc_codec::decode(arrival.bytes(), handles, limits);
        Ok(Some(value.inspect_err(|_| self.lose_tasks(1))?))
    }

    /// Encodes items and puts them, batch after batch; those that were not put come back.
    pub(crate) fn put_values<T: Serialize>(
        &self,
        mut values: Vec<T>,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<(), (Unput, Vec<T>)> {
        let (mut n_put, mut batch) = (0, Batch::default());
        let why = loop {
            if n_put == values.len() {
                return Ok(());
            }
            let put = match self.encode_batch(&values[n_put..], limits, &mut batch) {
                // The first one is more than bytes for the ring.
                Ok(()) if batch.len() == 0 => self.put_value(&values[n_put], limits, deadline).map(|()| 1),
                Ok(()) => self.put_batch(&batch, deadline),
                Err(why) => Err(why),
            };
            match put {
                Ok(more) => n_put += more,
                Err(why) => break why,
            }
        };
        values.drain(..n_put);
        Err((why, values))
    }

    /// Takes up to `most` items and decodes them; none when the deadline passed before there was one.
    pub(crate) fn get_values<T: DeserializeOwned>(
        &self,
        most: usize,
        limits: &Limits,
        deadline: Deadline,
    ) -> Result<Vec<T>, Ending> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let Some(Arrivals { items, special, .. }) = self.get_many(most, deadline)? else {
            return Ok(Vec::new());
        };
        if let Some(mut arrival) = special {
            let handles = arrival.take_handles();
            let value = ipc_codec::decode(arrival.bytes(), handles, limits);
            return Ok(vec![value.inspect_err(|_| self.lose_tasks(1))?]);
        }
        decode_all(&items, limits).inspect_err(|_| self.lose_tasks(items.len())).map_err(Ending::from)
    }

    /// Encodes values one behind the other, until they are many bytes or one has handles or is large. An error is that of the
    /// first one; a later one comes first the next time.
    fn encode_batch<T: Serialize>(
        &self,
        values: &[T],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<(), Unput> {
        batch.clear();
        // Most values take less space encoded than decoded.
        batch.reserve(values.len().min(BATCH / 16), size_of::<T>().min(64));
        batch.push_tiny(values.iter().map_while(|value| tiny_record(value, limits)));
        let mut handles = Vec::new();
        for value in &values[batch.len()..] {
            let pushed = batch.push(self.max_inline(), |near, far| {
                let size = ipc_codec::encode_near(value, near, far, &mut handles, limits)?;
                Ok::<_, ipc_codec::EncodeError>(handles.is_empty().then_some(size))
            });
            match pushed {
                Ok(true) if batch.size() < BATCH => {}
                Ok(_) => break,
                Err(error) if batch.len() == 0 => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Puts all of a batch, waiting for room as often as it takes. If it ends before the last one, those that were put are in
    /// the queue; how many is told when it was at least one.
    fn put_batch(&self, batch: &Batch, deadline: Deadline) -> Result<usize, Unput> {
        let mut n_put = 0;
        while n_put < batch.len() {
            match self.put_many(batch, n_put, deadline) {
                Ok(0) if n_put == 0 => return Err(Unput::NoRoom),
                Err(stop) if n_put == 0 => return Err(stop.into()),
                // The next batch begins with those that are left, and tells why.
                Ok(0) | Err(_) => break,
                Ok(more) => n_put += more,
            }
        }
        Ok(n_put)
    }
}

/// Decodes what was taken together.
fn decode_all<T: DeserializeOwned>(items: &Items, limits: &Limits) -> Result<Vec<T>, DecodeError> {
    let mut values = Vec::with_capacity(items.len());
    for (bytes, size) in items.tiny() {
        values.push(ipc_codec::decode_word(&bytes, size, limits)?);
    }
    for item in items.others() {
        values.push(decode_bytes(item, limits)?);
    }
    Ok(values)
}

/// Decodes an item that is bytes only. Not in place: there is one place for that, where items are tiny.
#[inline(never)]
fn decode_bytes<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    ipc_codec::decode(bytes, Vec::new(), limits)
}

/// Decodes an item of so many bytes.
#[inline]
fn decode_short<T: DeserializeOwned>(bytes: &Bytes, len: usize, limits: &Limits) -> Result<T, DecodeError> {
    match bytes.0.first_chunk() {
        Some(word) if len <= word.len() => ipc_codec::decode_word(word, len, limits),
        _ => decode_bytes(&bytes.0[..len], limits),
    }
}

/// The record of an item, if it is tiny and its type lets expect that.
#[inline]
fn tiny_record<T: Serialize>(value: &T, limits: &Limits) -> Option<Record> {
    let (bytes, size) = ipc_codec::encode_word(value, limits)?;
    Record::tiny_of(bytes, size)
}
