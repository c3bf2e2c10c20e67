//! Values under keys: dicts, namespaces, and sets, which are keys alone. They remember the order in which keys came.

use super::super::kept::Kept;
use super::super::turn::{Answer, Object, Product, Turn, unknown};
use super::super::world::names_of;
use super::change;
use super::number::{self, NumberType};
use crate::error::Failure;
use crate::wire::{Kind, ObjectId, Op, Reader, Writer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A key: its encoding.
type Key = Arc<[u8]>;

/// A dict, a namespace, or a set.
pub(super) struct Table {
    kind: Kind,
    entries: HashMap<Key, Entry>,
    /// The keys, by when they came: pages go on where they were, whatever is put and removed meanwhile.
    order: BTreeMap<u64, Key>,
    next: u64,
    /// What a function changes just now.
    changing: Option<Changing>,
}

struct Entry {
    place: u64,
    value: Kept,
}

/// What a function changes.
enum Changing {
    Entry(Key),
    Whole,
}

impl Table {
    pub(super) fn create(kind: Kind, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Table, Failure> {
        let (entries, order) = (HashMap::new(), BTreeMap::new());
        let mut table = Table { kind, entries, order, next: 0, changing: None };
        table.extend(args, turn)?;
        Ok(table)
    }

    /// Puts a value under a key, and returns the one before.
    #[inline]
    fn put(&mut self, key: &[u8], value: Kept) -> Option<Kept> {
        if let Some(entry) = self.entries.get_mut(key) {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        let (key, place): (Key, u64) = (key.into(), self.next);
        self.next += 1;
        self.order.insert(place, Arc::clone(&key));
        self.entries.insert(key, Entry { place, value });
        None
    }

    fn take(&mut self, key: &[u8]) -> Option<Kept> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.place);
        Some(entry.value)
    }

    /// Takes the entry away whose key came last.
    fn pop(&mut self, turn: &mut Turn<'_>) {
        let last = self.order.last_key_value().map(|(_, key)| Arc::clone(key));
        turn.reply.bool(last.is_some());
        if let Some(key) = last {
            turn.reply.bytes(&key);
            if let (Some(kept), true) = (self.take(&key), self.kind != Kind::Set) {
                turn.give(&kept);
                turn.drop(&kept);
            }
        }
    }

    fn extend(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        // All of them are looked at before any is put.
        for (key, value) in self.pairs(args, turn)? {
            self.put(key, value).iter().for_each(|old| turn.drop(old));
        }
        Ok(())
    }

    fn pairs<'a>(
        &self,
        args: &mut Reader<'a>,
        turn: &mut Turn<'_>,
    ) -> Result<Vec<(&'a [u8], Kept)>, Failure> {
        let n_pairs = args.u32()?;
        let is_set = self.kind == Kind::Set;
        (0..n_pairs)
            .map(|_| {
                let key = args.bytes()?;
                let value = if is_set { Kept::plain(&[]) } else { turn.keep(args.bytes()?)? };
                Ok((key, value))
            })
            .collect()
    }

    fn drain(&mut self, turn: &mut Turn<'_>) {
        self.order.clear();
        self.entries.drain().for_each(|(_, entry)| turn.drop(&entry.value));
    }

    /// Keys, values or both, from a place on, up to so many bytes. The reply begins with the place to go on at.
    fn page(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (from, most) = (args.u64()?, args.count()?);
        let (has_keys, has_values) = (args.bool()?, args.bool()? && self.kind != Kind::Set);
        let start = turn.reply.0.len();
        turn.reply.u64(u64::MAX);
        turn.reply.u32(0);
        let mut n_entries = 0_u32;
        for (&place, key) in self.order.range(from..) {
            if n_entries > 0 && turn.reply.0.len() - start > most {
                turn.reply.0[start..start + 8].copy_from_slice(&place.to_le_bytes());
                break;
            }
            if has_keys {
                turn.reply.bytes(key);
            }
            if let (true, Some(entry)) = (has_values, self.entries.get(key)) {
                turn.give_sized(&entry.value);
            }
            n_entries += 1;
        }
        turn.reply.0[start + 8..start + 12].copy_from_slice(&n_entries.to_le_bytes());
        Ok(())
    }

    fn get(&self, key: &[u8], turn: &mut Turn<'_>) {
        let value = self.entries.get(key).map(|entry| &entry.value);
        turn.reply.bool(value.is_some());
        value.into_iter().for_each(|value| turn.give(value));
    }

    /// Puts a value from the arguments under a key from there, and returns the one before.
    fn set(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Option<Kept>, Failure> {
        let key = args.bytes()?;
        let kept = turn.keep(args.rest())?;
        Ok(self.put(key, kept))
    }

    fn get_or_insert(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (key, value) = (args.bytes()?, args.rest());
        if !self.entries.contains_key(key) {
            let kept = turn.keep(value)?;
            self.put(key, kept);
        }
        self.entries.get(key).into_iter().for_each(|entry| turn.give(&entry.value));
        Ok(())
    }

    /// Has this value under a key, or none.
    fn replace(&mut self, key: &[u8], new: Option<&[u8]>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let old = match new {
            Some(new) => {
                let kept = turn.keep(new)?;
                self.put(key, kept)
            }
            None => self.take(key),
        };
        old.iter().for_each(|old| turn.drop(old));
        Ok(())
    }

    fn compare_exchange(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let key = args.bytes()?;
        let expected = if args.bool()? { Some(args.bytes()?) } else { None };
        let is_same = self.entries.get(key).map(|entry| entry.value.bytes()) == expected;
        if is_same {
            let new = if args.bool()? { Some(args.rest()) } else { None };
            self.replace(key, new, turn)?;
        }
        turn.reply.bool(is_same);
        Ok(())
    }

    fn add(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let key = args.bytes()?;
        let number_type = NumberType::from_u8(args.u8()?).ok_or(Failure::Malformed)?;
        let (zero, by) = (args.bytes()?, args.rest());
        let old = self.entries.get(key).map_or_else(|| Kept::plain(zero), |entry| entry.value.clone());
        let sum = number::add(number_type, old.body(), by)?;
        turn.give(&old);
        self.put(key, Kept::plain(&sum));
        Ok(())
    }

    fn change(&mut self, args: &mut Reader<'_>, turn: &Turn<'_>) -> Result<Answer, Failure> {
        let (key, function) = (args.bytes()?, args.bytes()?);
        let job = change::job(turn.world, function, optional(self.entries.get(key)), args.rest())?;
        self.changing = Some(Changing::Entry(key.into()));
        Ok(Answer::Work(job))
    }

    fn change_whole(&mut self, args: &mut Reader<'_>, turn: &Turn<'_>) -> Result<Answer, Failure> {
        let job = change::job(turn.world, args.bytes()?, self.whole()?, args.rest())?;
        self.changing = Some(Changing::Whole);
        Ok(Answer::Work(job))
    }

    /// What dicts and namespaces can do: they have values.
    #[inline]
    fn call_dict(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Get => self.get(args.rest(), turn),
            Op::Set => self.set(args, turn)?.iter().for_each(|old| turn.drop(old)),
            Op::Insert => give_away(self.set(args, turn)?, turn),
            Op::Remove => give_away(self.take(args.rest()), turn),
            Op::Entry => self.get_or_insert(args, turn)?,
            Op::CompareExchange => self.compare_exchange(args, turn)?,
            Op::Add => self.add(args, turn)?,
            Op::Change => return self.change(args, turn),
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    /// What sets can do: they have keys alone.
    fn call_set(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Insert => {
                let is_new = self.put(args.rest(), Kept::plain(&[])).is_none();
                turn.reply.bool(is_new);
            }
            Op::Remove => {
                let was_there = self.take(args.rest()).is_some();
                turn.reply.bool(was_there);
            }
            Op::Combine => self.combine(args, turn)?,
            Op::Relate => self.relate(args, turn)?,
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    /// Whether none of others is here, everything that is here is among them, or all of them are here.
    fn relate(&self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let how = args.u8()?;
        let others: HashSet<&[u8]> = self.pairs(args, turn)?.into_iter().map(|(key, _)| key).collect();
        let n_common = others.iter().filter(|&&key| self.entries.contains_key(key)).count();
        turn.reply.bool(match how {
            0 => n_common == 0,
            1 => n_common == self.entries.len(),
            _ => n_common == others.len(),
        });
        Ok(())
    }

    /// Keeps what is in others, too, or what is not, or changes whether each of them is here.
    fn combine(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let how = args.u8()?;
        let others: HashMap<&[u8], Kept> = self.pairs(args, turn)?.into_iter().collect();
        let added = others.keys().filter(|&&key| how == 2 && !self.entries.contains_key(key));
        let added: Vec<Key> = added.map(|&key| key.into()).collect();
        let here: Vec<Key> = self.order.values().map(Arc::clone).collect();
        for key in here {
            if others.contains_key(&*key) == (how != 0) {
                self.take(&key);
            }
        }
        added.iter().for_each(|key| drop(self.put(key, Kept::plain(&[]))));
        Ok(())
    }
}

impl Object for Table {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn size(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Len => turn.reply.count(self.entries.len()),
            Op::Contains => turn.reply.bool(self.entries.contains_key(args.rest())),
            Op::Clear => self.drain(turn),
            Op::Pop => self.pop(turn),
            Op::Extend => self.extend(args, turn)?,
            Op::Page => self.page(args, turn)?,
            Op::ChangeWhole => return self.change_whole(args, turn),
            op if self.kind == Kind::Set => return self.call_set(op, args, turn),
            op => return self.call_dict(op, args, turn),
        }
        Ok(Answer::Done)
    }

    fn finished(&mut self, product: Product, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let changing = self.changing.take();
        let Product::Changed(bytes, result) = product else { return Err(Failure::Malformed) };
        match changing {
            Some(Changing::Entry(key)) => {
                let mut reader = Reader(&bytes);
                let new = if reader.bool()? { Some(reader.rest()) } else { None };
                self.replace(&key, new, turn)?;
            }
            Some(Changing::Whole) => self.set_whole(&bytes, turn)?,
            None => return Err(Failure::Malformed),
        }
        turn.give(&Kept::new(&result)?);
        Ok(())
    }

    fn whole(&self) -> Result<Vec<u8>, Failure> {
        let mut whole = Writer::default();
        whole.u32(u32::try_from(self.entries.len()).map_err(|_| Failure::Limit("entries".into()))?);
        for key in self.order.values() {
            whole.bytes(key);
            if let (true, Some(entry)) = (self.kind != Kind::Set, self.entries.get(key)) {
                whole.bytes(entry.value.bytes());
            }
        }
        Ok(whole.0)
    }

    fn set_whole(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Result<(), Failure> {
        let pairs = self.pairs(&mut Reader(bytes), turn)?;
        let mut places = HashMap::new();
        for (place, key) in &self.order {
            places.insert(Arc::clone(key), *place);
        }
        // Those that stay keep their place.
        let (mut old, mut new): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(key, _)| places.contains_key(*key));
        old.sort_by_key(|(key, _)| places[*key]);
        self.drain(turn);
        old.append(&mut new);
        for (key, value) in old {
            self.put(key, value).iter().for_each(|twice| turn.drop(twice));
        }
        Ok(())
    }

    fn names(&self) -> Vec<ObjectId> {
        names_of(self.entries.values().map(|entry| &entry.value))
    }
}

/// A value or that there is none, for a function.
fn optional(entry: Option<&Entry>) -> Vec<u8> {
    let mut optional = Writer::default();
    optional.bool(entry.is_some());
    entry.into_iter().for_each(|entry| optional.rest(entry.value.bytes()));
    optional.0
}

/// A value, if there is one, that is in the reply and kept no more.
fn give_away(kept: Option<Kept>, turn: &mut Turn<'_>) {
    turn.reply.bool(kept.is_some());
    kept.iter().for_each(|kept| {
        turn.give(kept);
        turn.drop(kept);
    });
}
