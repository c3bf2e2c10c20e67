//! The processes of the models, with names of the family.

use super::{Id, Peers};
use ipc_testkit::mortal;
use std::ops::Deref;

pub(super) use ipc_testkit::model::{explore, explore_deaths};

/// One process of a model.
#[derive(Clone)]
pub(super) struct Process(mortal::Process);

/// Processes, all alive.
pub(super) fn processes<const N: usize>() -> [Process; N] {
    mortal::processes().map(Process)
}

impl Process {
    pub(super) fn id(&self) -> Id {
        Id::new(self.number()).expect("small and not zero")
    }
}

impl Deref for Process {
    type Target = mortal::Process;

    fn deref(&self) -> &mortal::Process {
        &self.0
    }
}

impl Peers for Process {
    fn me(&self) -> Option<Id> {
        Some(self.id())
    }

    fn is_dead(&self, id: Id) -> bool {
        self.0.is_dead(id.get())
    }
}
