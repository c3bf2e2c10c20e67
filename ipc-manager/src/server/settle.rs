//! What calls leave to be done: references that change hands, and calls that were waiting for this one.

use super::clients;
use super::run::{Parked, Server};
use super::turn::{Effects, SessionId, Ticket};
use super::world::Holder;
use crate::error::Failure;
use crate::wire::Writer;

impl Server {
    /// The caller gets references to what is in its reply.
    pub(super) fn give(&mut self, (ticket, session): (Ticket, SessionId)) {
        if self.effects.given.is_empty() {
            return;
        }
        let mut given = std::mem::take(&mut self.effects.given);
        given.retain(|&(whose, id)| {
            if whose == ticket {
                self.world.hold(Holder::Session(session), id);
            }
            whose != ticket
        });
        self.effects.given = given;
    }

    /// Does what calls have left to be done.
    #[inline]
    pub(super) fn settle(&mut self) {
        let Effects { given, kept, dropped, completed } = &self.effects;
        if given.is_empty() && kept.is_empty() && dropped.is_empty() && completed.is_empty() {
            return;
        }
        self.settle_slowly();
    }

    #[cold]
    fn settle_slowly(&mut self) {
        let Effects { given, kept, dropped, completed } = std::mem::take(&mut self.effects);
        kept.into_iter().for_each(|id| self.world.retain(id));
        for (ticket, id) in given {
            if let Some(parked) = self.parked.get(&ticket) {
                self.world.hold(Holder::Session(parked.session), id);
            }
        }
        for (ticket, result) in completed {
            self.complete(ticket, result);
        }
        if !dropped.is_empty() {
            self.world.drop_references(dropped);
            self.fail_orphans();
        }
    }

    fn complete(&mut self, ticket: Ticket, result: Result<Vec<u8>, Failure>) {
        let Some(parked) = self.unpark(ticket) else { return };
        let Some(index) = self.clients.lines.iter().position(|line| line.key == parked.line) else { return };
        let mut outbox = Writer::default();
        clients::begin(&mut outbox);
        let result = result.map(|reply| outbox.rest(&reply));
        self.reply(index, parked.line, &mut outbox, result);
    }

    pub(super) fn unpark(&mut self, ticket: Ticket) -> Option<Parked> {
        let parked = self.parked.remove(&ticket)?;
        if let Some(deadline) = parked.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        if let Some(slot) = self.world.slot(parked.object) {
            slot.n_parked -= 1;
        }
        Some(parked)
    }

    /// Calls that wait for an object that is gone are told so: their callers gave up the last reference.
    pub(super) fn fail_orphans(&mut self) {
        let orphans: Vec<Ticket> = self
            .parked
            .iter()
            .filter(|(_, parked)| !self.world.is_there(parked.object))
            .map(|(&ticket, _)| ticket)
            .collect();
        orphans.into_iter().for_each(|ticket| self.complete(ticket, Err(Failure::NoSuchObject)));
    }
}
