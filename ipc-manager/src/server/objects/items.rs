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

    fn find(&self, value: &[u8]) -> Option<usize> {
        self.items.iter().position(|kept| kept.bytes() == value)
    }

    fn range(&self, args: &mut Reader<'_>) -> Result<(usize, usize), Failure> {
        let (start, end) = (args.count()?, args.count()?.min(self.items.len()));
        Ok((start.min(end), end))
    }

    fn slice(&self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (start, end) = self.range(args)?;
        turn.give_all(&self.items[start..end]);
        Ok(())
    }

    /// Items from a place on, up to so many bytes. The reply begins with the place to go on at.
    fn page(&self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
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
        Ok(())
    }

    /// Puts a value in the place of another one, which is returned.
    #[inline]
    fn replace(&mut self, index: usize, value: &[u8], turn: &mut Turn<'_>) -> Result<Kept, Failure> {
        let kept = turn.keep(value)?;
        let old = std::mem::replace(&mut self.items[index], kept);
        turn.drop(&old);
        Ok(old)
    }

    fn compare_exchange(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let index = self.at(args)?;
        let (expected, new) = (args.bytes()?, args.rest());
        let is_same = self.items[index].bytes() == expected;
        turn.reply.bool(is_same);
        turn.give(&self.items[index]);
        if is_same {
            self.replace(index, new, turn)?;
        }
        Ok(())
    }

    fn add(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let index = self.at(args)?;
        let number_type = NumberType::from_u8(args.u8()?).ok_or(Failure::Malformed)?;
        let sum = number::add(number_type, self.items[index].body(), args.rest())?;
        turn.give(&self.items[index]);
        self.items[index] = Kept::plain(&sum);
        Ok(())
    }

    fn change(&mut self, args: &mut Reader<'_>, turn: &Turn<'_>) -> Result<Answer, Failure> {
        let index = self.at(args)?;
        let (entry, kept) = (args.bytes()?, self.items[index].bytes().to_vec());
        let job = change::job(turn.world, entry, kept, args.rest())?;
        self.changing = Some(Changing::Item(index));
        Ok(Answer::Work(job))
    }

    fn change_whole(&mut self, args: &mut Reader<'_>, turn: &Turn<'_>) -> Result<Answer, Failure> {
        let job = change::job(turn.world, args.bytes()?, self.whole()?, args.rest())?;
        self.changing = Some(Changing::Whole);
        Ok(Answer::Work(job))
    }

    fn set_slice(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (start, end) = self.range(args)?;
        let values = all(args, turn)?;
        self.items.splice(start..end, values).for_each(|old| turn.drop(&old));
        Ok(())
    }

    fn truncate(&mut self, len: usize, turn: &mut Turn<'_>) {
        self.items.drain(len.min(self.items.len())..).for_each(|old| turn.drop(&old));
    }

    /// What only a list can do: it changes how many items there are.
    fn resize(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<(), Failure> {
        match op {
            Op::Push => self.items.push(turn.keep(args.rest())?),
            Op::Insert => {
                let index = args.count()?.min(self.items.len());
                self.items.insert(index, turn.keep(args.rest())?);
            }
            Op::Pop => {
                let popped = self.items.pop();
                turn.reply.bool(popped.is_some());
                popped.iter().for_each(|kept| give_away(kept, turn));
            }
            Op::Remove => give_away(&self.items.remove(self.at(args)?), turn),
            Op::RemoveItem => {
                let index = self.find(args.rest()).ok_or(Failure::NotFound)?;
                turn.drop(&self.items.remove(index));
            }
            Op::Extend => self.items.extend(all(args, turn)?),
            Op::SetSlice => self.set_slice(args, turn)?,
            Op::Truncate => self.truncate(args.count()?, turn),
            Op::Clear => self.truncate(0, turn),
            Op::Repeat => self.repeat(args.count()?, turn)?,
            op => return Err(unknown(self.kind, op)),
        }
        Ok(())
    }

    fn repeat(&mut self, n_times: usize, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let len = self.items.len();
        let size: usize = self.items.iter().map(|kept| kept.bytes().len() + size_of::<Kept>()).sum();
        if size.checked_mul(n_times).is_none_or(|size| size > MOST_REPEATED) {
            return Err(Failure::Limit("a list that is repeated".into()));
        }
        if n_times == 0 || len == 0 {
            self.truncate(0, turn);
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
        match op {
            Op::Get => turn.give(&self.items[self.at(args)?]),
            Op::Set => drop(self.replace(self.at(args)?, args.rest(), turn)?),
            Op::Swap => {
                let old = self.replace(self.at(args)?, args.rest(), turn)?;
                turn.give(&old);
            }
            Op::CompareExchange => self.compare_exchange(args, turn)?,
            Op::Add => self.add(args, turn)?,
            Op::Change => return self.change(args, turn),
            Op::ChangeWhole => return self.change_whole(args, turn),
            Op::Len => turn.reply.count(self.items.len()),
            Op::Contains => turn.reply.bool(self.find(args.rest()).is_some()),
            Op::Find => turn.reply.count(self.find(args.rest()).ok_or(Failure::NotFound)?),
            Op::Count => {
                let value = args.rest();
                turn.reply.count(self.items.iter().filter(|kept| kept.bytes() == value).count());
            }
            Op::Slice => self.slice(args, turn)?,
            Op::Page => self.page(args, turn)?,
            Op::Reverse if self.kind != Kind::Value => self.items.reverse(),
            op if self.kind == Kind::List => self.resize(op, args, turn)?,
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    fn finished(&mut self, product: Product, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let changing = self.changing.take();
        let Product::Changed(bytes, result) = product else { return Err(Failure::Malformed) };
        match changing {
            Some(Changing::Item(index)) => drop(self.replace(index, &bytes, turn)?),
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
