//! Values in a row: lists, arrays, whose length is fixed, and a single value, which is a row of one.

use super::super::kept::Kept;
use super::super::turn::{Answer, Object, Product, Turn, unknown};
use super::super::world::names_of;
use super::change;
use super::number::{self, NumberType};
use crate::error::Failure;
use crate::wire::{Kind, ObjectId, Op, Reader, Writer};

/// A list does not get larger than this by being repeated, in bytes: everybody waits meanwhile.
const MOST_REPEATED: usize = 16 << 20;

/// A list, an array, or a value.
pub(super) struct Items {
    kind: Kind,
    items: Vec<Kept>,
    /// What a function changes just now.
    changing: Option<Changing>,
}

/// What a function changes.
enum Changing {
    Item(usize),
    Whole,
}

impl Items {
    pub(super) fn create(kind: Kind, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Items, Failure> {
        Ok(Items { kind, items: all(args, turn)?, changing: None })
    }

    fn at(&self, args: &mut Reader<'_>) -> Result<usize, Failure> {
        let index = args.count()?;
        if index < self.items.len() { Ok(index) } else { Err(Failure::NotFound) }
    }

    /// What leaves the length as it is.
    #[inline]
    fn in_place(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Get => turn.give(&self.items[self.at(args)?]),
            Op::Set => {
                let index = self.at(args)?;
                let kept = turn.keep(args.rest())?;
                turn.drop(&std::mem::replace(&mut self.items[index], kept));
            }
            Op::Change => {
                let index = self.at(args)?;
                let (entry, kept) = (args.bytes()?, self.items[index].bytes().to_vec());
                let job = change::job(turn.world, entry, kept, args.rest())?;
                self.changing = Some(Changing::Item(index));
                return Ok(Answer::Work(job));
            }
            Op::ChangeWhole => {
                let job = change::job(turn.world, args.bytes()?, self.whole()?, args.rest())?;
                self.changing = Some(Changing::Whole);
                return Ok(Answer::Work(job));
            }
            op => return self.exchange(op, args, turn),
        }
        Ok(Answer::Done)
    }

    /// What replaces an item by one that depends on it.
    fn exchange(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Swap => {
                let index = self.at(args)?;
                let kept = turn.keep(args.rest())?;
                let old = std::mem::replace(&mut self.items[index], kept);
                turn.give(&old);
                turn.drop(&old);
            }
            Op::CompareExchange => {
                let index = self.at(args)?;
                let (expected, new) = (args.bytes()?, args.rest());
                let is_same = self.items[index].bytes() == expected;
                turn.reply.bool(is_same);
                turn.give(&self.items[index]);
                if is_same {
                    let kept = turn.keep(new)?;
                    turn.drop(&std::mem::replace(&mut self.items[index], kept));
                }
            }
            Op::Add => {
                let index = self.at(args)?;
                let number_type = NumberType::from_u8(args.u8()?).ok_or(Failure::Malformed)?;
                let sum = number::add(number_type, self.items[index].body(), args.rest())?;
                turn.give(&self.items[index]);
                self.items[index] = Kept::plain(&sum);
            }
            op => return self.look(op, args, turn),
        }
        Ok(Answer::Done)
    }

    /// What changes nothing.
    fn look(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let is_it = |value: &[u8]| self.items.iter().position(|kept| kept.bytes() == value);
        match op {
            Op::Len => turn.reply.count(self.items.len()),
            Op::Contains => turn.reply.bool(is_it(args.rest()).is_some()),
            Op::Find => turn.reply.count(is_it(args.rest()).ok_or(Failure::NotFound)?),
            Op::Count => {
                let value = args.rest();
                turn.reply.count(self.items.iter().filter(|kept| kept.bytes() == value).count());
            }
            Op::Slice => {
                let (start, end) = self.range(args)?;
                turn.give_all(&self.items[start..end]);
            }
            Op::Page => {
                let (start, most) = (args.count()?.min(self.items.len()), args.count()?);
                let mut size = 0;
                let n_items = self.items[start..].iter().take_while(|kept| {
                    let is_first = size == 0;
                    size += kept.bytes().len();
                    is_first || size <= most
                });
                let end = start + n_items.count();
                turn.reply.count(end);
                turn.give_all(&self.items[start..end]);
            }
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    /// What only a list can do.
    fn resize(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Push => {
                let kept = turn.keep(args.rest())?;
                self.items.push(kept);
            }
            Op::Insert => {
                let index = args.count()?.min(self.items.len());
                let kept = turn.keep(args.rest())?;
                self.items.insert(index, kept);
            }
            Op::Pop => {
                let popped = self.items.pop();
                turn.reply.bool(popped.is_some());
                popped.iter().for_each(|kept| give_away(kept, turn));
            }
            Op::Remove => {
                let index = self.at(args)?;
                give_away(&self.items.remove(index), turn);
            }
            Op::RemoveItem => {
                let value = args.rest();
                let index = self.items.iter().position(|kept| kept.bytes() == value);
                turn.drop(&self.items.remove(index.ok_or(Failure::NotFound)?));
            }
            Op::Extend => self.items.extend(all(args, turn)?),
            Op::SetSlice => {
                let (start, end) = self.range(args)?;
                let values = all(args, turn)?;
                self.items.splice(start..end, values).for_each(|old| turn.drop(&old));
            }
            Op::Truncate => {
                let len = args.count()?.min(self.items.len());
                self.items.drain(len..).for_each(|old| turn.drop(&old));
            }
            Op::Clear => self.items.drain(..).for_each(|old| turn.drop(&old)),
            Op::Repeat => self.repeat(args.count()?, turn)?,
            op => return self.in_place(op, args, turn),
        }
        Ok(Answer::Done)
    }

    fn repeat(&mut self, n_times: usize, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let len = self.items.len();
        let size: usize = self.items.iter().map(|kept| kept.bytes().len() + size_of::<Kept>()).sum();
        if size.checked_mul(n_times).is_none_or(|size| size > MOST_REPEATED) {
            return Err(Failure::Limit("a list that is repeated".into()));
        }
        if n_times == 0 || len == 0 {
            self.items.drain(..).for_each(|old| turn.drop(&old));
            return Ok(());
        }
        for _ in 1..n_times {
            for index in 0..len {
                turn.keep_more(&self.items[index]);
                self.items.push(self.items[index].clone());
            }
        }
        Ok(())
    }

    fn range(&self, args: &mut Reader<'_>) -> Result<(usize, usize), Failure> {
        let (start, end) = (args.count()?, args.count()?.min(self.items.len()));
        Ok((start.min(end), end))
    }
}

impl Object for Items {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn size(&self) -> usize {
        self.items.len()
    }

    #[inline]
    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match (self.kind, op) {
            (Kind::List, Op::Reverse) | (Kind::Array, Op::Reverse) => {
                self.items.reverse();
                Ok(Answer::Done)
            }
            (Kind::List, _) => self.resize(op, args, turn),
            _ => self.in_place(op, args, turn),
        }
    }

    fn finished(&mut self, product: Product, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let changing = self.changing.take();
        let Product::Changed(bytes, result) = product else { return Err(Failure::Malformed) };
        match changing {
            Some(Changing::Item(index)) => {
                let kept = turn.keep(&bytes)?;
                turn.drop(&std::mem::replace(&mut self.items[index], kept));
            }
            Some(Changing::Whole) => self.set_whole(&bytes, turn)?,
            None => return Err(Failure::Malformed),
        }
        turn.give(&Kept::new(&result)?);
        Ok(())
    }

    fn whole(&self) -> Result<Vec<u8>, Failure> {
        let mut whole = Writer::default();
        whole.u32(u32::try_from(self.items.len()).map_err(|_| Failure::Limit("items".into()))?);
        self.items.iter().for_each(|kept| whole.bytes(kept.bytes()));
        Ok(whole.0)
    }

    fn set_whole(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Result<(), Failure> {
        let items = all(&mut Reader(bytes), turn)?;
        if self.kind != Kind::List && items.len() != self.items.len() {
            return Err(Failure::Refused(format!("the length of an {} is fixed", self.kind.name())));
        }
        std::mem::replace(&mut self.items, items).iter().for_each(|old| turn.drop(old));
        Ok(())
    }

    fn names(&self) -> Vec<ObjectId> {
        names_of(&self.items)
    }
}

/// Values from the arguments: a number, and each behind its size.
pub(super) fn all(args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Vec<Kept>, Failure> {
    let n_values = args.u32()?;
    // Not reserved: the number may be anything, and each value takes at least a byte of what is there.
    (0..n_values).map(|_| turn.keep(args.bytes()?)).collect()
}

/// A value that is in the reply, and kept no more.
fn give_away(kept: &Kept, turn: &mut Turn<'_>) {
    turn.give(kept);
    turn.drop(kept);
}
