//! Locks, reentrant ones, too. A lock whose owner ends is free, and the next owner is told.

use super::super::turn::{Answer, Object, SessionId, Ticket, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader, Writer};
use std::collections::VecDeque;

/// A lock.
pub(super) struct Lock {
    kind: Kind,
    core: Core,
}

/// Who has a lock, and who wants it.
#[derive(Default)]
pub(super) struct Core {
    owner: Option<Owner>,
    waiters: VecDeque<Waiter>,
    /// Whether the last owner has ended without a release.
    is_abandoned: bool,
}

/// Who has it.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) session: SessionId,
    pub(super) thread: u64,
    /// What the owner shows to release it.
    pub(super) token: Ticket,
    depth: u64,
}

/// Who wants it.
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) session: SessionId,
    pub(super) thread: u64,
    /// For who had it and waited for something else: its token, and whether that has happened.
    pub(super) back: Option<(Ticket, bool)>,
}

impl Core {
    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(super) fn is_held_by(&self, token: Ticket, session: SessionId) -> bool {
        self.owner.is_some_and(|owner| owner.token == token && owner.session == session)
    }

    /// Takes the lock, or waits for it.
    pub(super) fn take(
        &mut self,
        is_reentrant: bool,
        args: &mut Reader<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<Answer, Failure> {
        let (left, thread) = (args.u64()?, args.u64()?);
        let waiter = Waiter { ticket: turn.ticket, session: turn.session, thread, back: None };
        match &mut self.owner {
            None => {
                let reply = self.give_to(&waiter);
                turn.reply.rest(&reply);
                Ok(Answer::Done)
            }
            Some(owner) if is_reentrant && (owner.session, owner.thread) == (turn.session, thread) => {
                owner.depth += 1;
                turn.reply.u64(owner.token);
                turn.reply.bool(false);
                Ok(Answer::Done)
            }
            Some(_) => {
                let answer = turn.park(left)?;
                self.waiters.push_back(waiter);
                Ok(answer)
            }
        }
    }

    pub(super) fn release(&mut self, token: Ticket, turn: &mut Turn<'_>) -> Result<(), Failure> {
        match &mut self.owner {
            Some(owner) if owner.token == token && owner.session == turn.session => {
                owner.depth -= 1;
                if owner.depth == 0 {
                    self.owner = None;
                    self.pass_on(turn);
                }
                Ok(())
            }
            _ => Err(Failure::NotHeld),
        }
    }

    pub(super) fn wait_for(&mut self, waiter: Waiter, turn: &mut Turn<'_>) {
        self.waiters.push_back(waiter);
        self.pass_on(turn);
    }

    /// Gives a free lock to who has waited longest.
    pub(super) fn pass_on(&mut self, turn: &mut Turn<'_>) {
        if self.owner.is_some() {
            return;
        }
        if let Some(waiter) = self.waiters.pop_front() {
            let reply = self.give_to(&waiter);
            turn.complete(waiter.ticket, reply);
        }
    }

    /// The lock is free; what its new owner is told.
    fn give_to(&mut self, waiter: &Waiter) -> Vec<u8> {
        let Waiter { ticket, session, thread, back } = *waiter;
        let token = back.map_or(ticket, |(token, _)| token);
        self.owner = Some(Owner { session, thread, token, depth: 1 });
        let was_abandoned = std::mem::take(&mut self.is_abandoned);
        let mut reply = Writer::default();
        match back {
            Some((_, has_happened)) => reply.bool(has_happened),
            None => {
                reply.u64(token);
                reply.bool(was_abandoned);
            }
        }
        reply.0
    }

    pub(super) fn free(&mut self) {
        self.owner = None;
    }

    pub(super) fn forget(&mut self, ticket: Ticket) {
        self.waiters.retain(|waiter| waiter.ticket != ticket);
    }

    pub(super) fn session_ended(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        self.waiters.retain(|waiter| waiter.session != session);
        if self.owner.is_some_and(|owner| owner.session == session) {
            self.owner = None;
            self.is_abandoned = true;
            self.pass_on(turn);
        }
    }
}

impl Lock {
    pub(super) fn create(kind: Kind) -> Lock {
        Lock { kind, core: Core::default() }
    }
}

impl Object for Lock {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn size(&self) -> usize {
        self.core.owner.map_or(0, |owner| owner.depth as usize)
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Take => return self.core.take(self.kind == Kind::ReentrantLock, args, turn),
            Op::Release => self.core.release(args.u64()?, turn)?,
            Op::State => turn.reply.bool(self.core.owner.is_some()),
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    fn expire(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) -> bool {
        self.core.forget(ticket);
        true
    }

    fn forget(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) {
        self.core.forget(ticket);
    }

    fn session_ended(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        self.core.session_ended(session, turn);
    }
}
