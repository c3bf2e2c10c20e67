//! All objects, and who has references to them.

use super::kept::Kept;
use super::turn::{Object, SessionId};
use crate::error::Failure;
use crate::wire::{Kind, ObjectId, TypeId, root};
use std::collections::{HashMap, VecDeque};

/// Who has references: a client, or a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Holder {
    Session(SessionId),
    Lease(u64),
}

/// The objects.
#[derive(Default)]
pub(crate) struct World {
    /// Whether clients may name functions to be run here.
    pub(crate) runs_functions: bool,
    slots: Vec<Slot>,
    free: Vec<u32>,
    holders: HashMap<Holder, HashMap<ObjectId, u64>>,
}

/// An object, or a place for one.
pub(crate) struct Slot {
    pub(crate) generation: u64,
    pub(crate) type_id: TypeId,
    pub(crate) kind: Kind,
    pub(crate) type_name: String,
    /// How many references there are.
    pub(crate) n_references: u64,
    /// How many calls on it wait.
    pub(crate) n_parked: usize,
    /// Missing while it answers, and in an empty place.
    pub(crate) object: Option<Box<dyn Object>>,
    /// While a job of it runs: the requests that wait for its end.
    pub(crate) backlog: Option<VecDeque<Deferred>>,
    is_used: bool,
}

/// A request that waits for the end of a job.
pub(crate) struct Deferred {
    pub(crate) line: u64,
    pub(crate) bytes: Vec<u8>,
}

impl World {
    pub(crate) fn new(runs_functions: bool) -> World {
        World { runs_functions, ..World::default() }
    }

    /// Adds an object, with one reference.
    pub(crate) fn add(
        &mut self,
        object: Box<dyn Object>,
        (type_id, type_name): (TypeId, String),
        holder: Holder,
    ) -> Result<ObjectId, Failure> {
        let generation = random()?;
        let kind = object.kind();
        let slot = Slot {
            generation,
            type_id,
            kind,
            type_name,
            n_references: 0,
            n_parked: 0,
            object: Some(object),
            backlog: None,
            is_used: true,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).map_err(|_| Failure::Limit("objects".into()))?
            }
        };
        let id = ObjectId { index, generation };
        self.hold(holder, id);
        Ok(id)
    }

    /// The object of this name, if it is of this type.
    #[inline]
    pub(crate) fn find(&mut self, id: ObjectId, type_id: TypeId) -> Result<&mut Slot, Failure> {
        let slot = self.slot(id).ok_or(Failure::NoSuchObject)?;
        if slot.type_id != type_id {
            return Err(Failure::WrongType(format!("it is a {}", slot.kind.name())));
        }
        Ok(slot)
    }

    #[inline]
    pub(crate) fn slot(&mut self, id: ObjectId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index as usize).filter(|slot| slot.is_used && slot.generation == id.generation)
    }

    pub(crate) fn is_there(&self, id: ObjectId) -> bool {
        let is_it = |slot: &Slot| slot.is_used && slot.generation == id.generation;
        id == root() || self.slots.get(id.index as usize).is_some_and(is_it)
    }

    /// Gives somebody one more reference.
    pub(crate) fn hold(&mut self, holder: Holder, id: ObjectId) {
        if let Some(slot) = self.slot(id) {
            slot.n_references += 1;
            *self.holders.entry(holder).or_default().entry(id).or_default() += 1;
        }
    }

    /// Takes one away, if there is one to take.
    pub(crate) fn let_go(&mut self, holder: Holder, id: ObjectId) {
        let Some(held) = self.holders.get_mut(&holder) else { return };
        let Some(count) = held.get_mut(&id) else { return };
        *count -= 1;
        if *count == 0 {
            held.remove(&id);
        }
        self.drop_references(vec![id]);
    }

    /// Takes away all that somebody has.
    pub(crate) fn end(&mut self, holder: Holder) {
        let held = self.holders.remove(&holder).unwrap_or_default();
        self.drop_references(held.into_iter().flat_map(|(id, count)| (0..count).map(move |_| id)).collect());
    }

    /// One more reference of a value that is kept.
    pub(crate) fn retain(&mut self, id: ObjectId) {
        if let Some(slot) = self.slot(id) {
            slot.n_references += 1;
        }
    }

    /// One reference less for each; what nobody has is dropped, and what is in it, and so on.
    pub(crate) fn drop_references(&mut self, mut ids: Vec<ObjectId>) {
        while let Some(id) = ids.pop() {
            let Some(slot) = self.slot(id) else { continue };
            slot.n_references = slot.n_references.saturating_sub(1);
            if slot.n_references == 0 && slot.backlog.is_none() {
                ids.extend(self.remove(id));
            }
        }
    }

    /// Drops an object whose last reference has gone while a job of it ran.
    pub(crate) fn drop_if_unheld(&mut self, id: ObjectId) {
        if self.slot(id).is_some_and(|slot| slot.n_references == 0 && slot.backlog.is_none()) {
            let names = self.remove(id);
            self.drop_references(names);
        }
    }

    fn remove(&mut self, id: ObjectId) -> Vec<ObjectId> {
        let Some(slot) = self.slot(id) else { return Vec::new() };
        slot.is_used = false;
        slot.type_name = String::new();
        let object = slot.object.take();
        self.free.push(id.index);
        object.map(|object| object.names()).unwrap_or_default()
    }

    /// All objects with their names.
    pub(crate) fn objects(&mut self) -> impl Iterator<Item = (ObjectId, &mut Slot)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter(|(_, slot)| slot.is_used)
            .map(|(index, slot)| (ObjectId { index: index as u32, generation: slot.generation }, slot))
    }

    /// Who has references to an object, and how many.
    pub(crate) fn holders_of(&self, id: ObjectId) -> Vec<(Holder, u64)> {
        let mut holders: Vec<_> = self
            .holders
            .iter()
            .filter_map(|(&holder, held)| held.get(&id).map(|&count| (holder, count)))
            .collect();
        holders.sort_unstable();
        holders
    }

    /// How many references somebody has.
    pub(crate) fn held_by(&self, holder: Holder) -> u64 {
        self.holders.get(&holder).map_or(0, |held| held.values().sum())
    }
}

/// What is in the values that an object drops.
pub(crate) fn names_of<'k>(values: impl IntoIterator<Item = &'k Kept>) -> Vec<ObjectId> {
    values.into_iter().flat_map(Kept::names).collect()
}

/// A number that nobody can guess.
fn random() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    ipc_sys::random::fill(&mut bytes).map_err(|error| Failure::Limit(format!("random numbers: {error}")))?;
    Ok(u64::from_ne_bytes(bytes))
}
