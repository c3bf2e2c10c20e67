//! The parts of a value, one after another: fields, elements of a sequence, entries of a map.

use std::cell::Cell;
use std::mem::needs_drop;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::budget::{HINT_COST, MAX_HINT, collection_cost};
use super::deserializer::Deserializer;
use super::failure::Failure;
use super::input::Input;
use super::state::State;
use crate::DecodeError;

/// The fields of a struct, a tuple or a variant; their number is known from the type.
pub(super) struct Fields<'a, 'de, I> {
    state: &'a mut State<'de, I>,
    depth_left: u32,
    left: usize,
}

impl<'a, 'de, I: Input<'de>> Fields<'a, 'de, I> {
    #[inline]
    pub(super) fn new(owner: Deserializer<'a, 'de, I>, len: usize) -> Fields<'a, 'de, I> {
        Fields { state: owner.state, depth_left: owner.depth_left, left: len }
    }
}

impl<'de, I: Input<'de>> SeqAccess<'de> for Fields<'_, 'de, I> {
    type Error = Failure;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let (depth_left, owning) = (self.depth_left, needs_drop::<S::Value>());
        seed.deserialize(Deserializer { state: self.state, depth_left, owning }).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The elements of a sequence; their number is what the payload declares.
pub(super) struct Elements<'a, 'de, I> {
    items: Items<'a, 'de, I>,
}

impl<'a, 'de, I: Input<'de>> Elements<'a, 'de, I> {
    #[inline]
    pub(super) fn new(owner: Deserializer<'a, 'de, I>, len: u64) -> Elements<'a, 'de, I> {
        Elements { items: Items::new(owner, len) }
    }

    /// Checks that the visitor took all of them; what it left would be read as something else.
    #[inline]
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.items.finish()
    }
}

impl<'de, I: Input<'de>> SeqAccess<'de> for Elements<'_, 'de, I> {
    type Error = Failure;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let items = &mut self.items;
        if items.left == 0 {
            return Ok(None);
        }
        items.pay_for(size_of::<S::Value>())?;
        items.left -= 1;
        let before = items.state.input.len();
        let value = seed.deserialize(items.deserializer(needs_drop::<S::Value>()))?;
        items.check_progress(before)?;
        Ok(Some(value))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.hint())
    }
}

/// The entries of a map; their number is what the payload declares.
pub(super) struct Entries<'a, 'de, I> {
    items: Items<'a, 'de, I>,
    /// The size of the key that was decoded last, and where the input stood before it.
    key_size: usize,
    key_align: usize,
    before_key: usize,
}

impl<'a, 'de, I: Input<'de>> Entries<'a, 'de, I> {
    #[inline]
    pub(super) fn new(owner: Deserializer<'a, 'de, I>, len: u64) -> Entries<'a, 'de, I> {
        Entries { items: Items::new(owner, len), key_size: 0, key_align: 1, before_key: 0 }
    }

    /// Checks that the visitor took all of them; what it left would be read as something else.
    #[inline]
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.items.finish()
    }
}

impl<'de, I: Input<'de>> MapAccess<'de> for Entries<'_, 'de, I> {
    type Error = Failure;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        if self.items.left == 0 {
            return Ok(None);
        }
        (self.key_size, self.key_align) = (size_of::<S::Value>(), align_of::<S::Value>());
        if self.items.paid_size.is_none() {
            // The size of an entry is not known yet, and beyond what the hint may have cost nothing is
            // allocated before.
            self.items.check_length(self.key_size)?;
        }
        self.items.left -= 1;
        self.before_key = self.items.state.input.len();
        seed.deserialize(self.items.deserializer(needs_drop::<S::Value>())).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let align = self.key_align.max(align_of::<S::Value>());
        let entry_size = (self.key_size + size_of::<S::Value>()).next_multiple_of(align);
        self.items.pay_for(entry_size)?;
        let value = seed.deserialize(self.items.deserializer(needs_drop::<S::Value>()))?;
        self.items.check_progress(self.before_key)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.hint())
    }
}

/// What sequences and maps have in common: a declared number of items, for all of which is paid before the
/// first.
///
/// That is not too early: an honest payload has them all, and a dishonest one is refused sooner.
struct Items<'a, 'de, I> {
    state: &'a mut State<'de, I>,
    depth_left: u32,
    len: u64,
    left: u64,
    /// The budget set aside for what the visitor allocates when it sees the hint, before the size of an item
    /// is known. Zero if there was not enough of it, and then there is no hint.
    hint_reserve: usize,
    hint_given: Cell<bool>,
    /// The size of an item that was paid for, and the sum.
    paid_size: Option<usize>,
    paid: usize,
}

impl<'a, 'de, I: Input<'de>> Items<'a, 'de, I> {
    #[inline]
    fn new(owner: Deserializer<'a, 'de, I>, len: u64) -> Items<'a, 'de, I> {
        let Deserializer { state, depth_left, .. } = owner;
        let hint_reserve = if len > 0 && state.budget.reserve(HINT_COST) { HINT_COST } else { 0 };
        let hint_given = Cell::new(false);
        Items { state, depth_left, len, left: len, hint_reserve, hint_given, paid_size: None, paid: 0 }
    }

    /// What the visitor may allocate for: no more than the input can hold.
    #[inline]
    fn hint(&self) -> usize {
        self.hint_given.set(true);
        if self.hint_reserve == 0 {
            return 0;
        }
        (self.left.min(self.state.input.len() as u64) as usize).min(MAX_HINT)
    }

    /// Pays for a collection of `len` items of `size` bytes, less what was paid for smaller ones.
    #[inline]
    fn pay_for(&mut self, size: usize) -> Result<(), Failure> {
        if self.paid_size.is_some_and(|paid| size <= paid) {
            return Ok(());
        }
        self.pay_more(size)
    }

    fn pay_more(&mut self, size: usize) -> Result<(), Failure> {
        let len = self.check_length(size)?;
        self.release_hint();
        let (kept, passing) = collection_cost(len, size, self.hint_given.get());
        self.state.budget.charge(kept.saturating_sub(self.paid), passing)?;
        (self.paid_size, self.paid) = (Some(size), kept.max(self.paid));
        Ok(())
    }

    /// Checks the number of items that are still to come.
    fn check_length(&self, size: usize) -> Result<usize, Failure> {
        let remaining = self.state.input.len();
        // What was read already is neither among those left nor in the input, so this holds at any time.
        self.state.budget.check_length(self.left, remaining, size)?;
        usize::try_from(self.len)
            .map_err(|_| DecodeError::LengthOverInput { declared: self.len, remaining }.into())
    }

    /// Gives the reserve back, when what it stands for is about to be paid for.
    #[inline]
    fn release_hint(&mut self) {
        self.state.budget.release(std::mem::take(&mut self.hint_reserve));
    }

    #[inline]
    fn deserializer(&mut self, owning: bool) -> Deserializer<'_, 'de, I> {
        Deserializer { state: self.state, depth_left: self.depth_left, owning }
    }

    /// Charges an item that took no byte of the input, since the payload does not.
    #[inline]
    fn check_progress(&mut self, before: usize) -> Result<(), Failure> {
        if self.state.input.len() == before {
            self.state.budget.charge_empty()?;
        }
        Ok(())
    }

    #[inline]
    fn finish(mut self) -> Result<(), Failure> {
        self.release_hint();
        match self.left {
            0 => Ok(()),
            _ => Err(self.state.malformed("a sequence or map has more elements than its type takes")),
        }
    }
}
