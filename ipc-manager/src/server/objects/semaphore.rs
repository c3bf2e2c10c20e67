//! Semaphores: permits, which come back when who has them ends.

use super::super::turn::{Answer, Object, SessionId, Ticket, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader, Writer};
use std::collections::{HashMap, VecDeque};

/// A semaphore, bounded or not.
pub(super) struct Semaphore {
    kind: Kind,
    n_free: u64,
    /// How many there were at first.
    n_initial: u64,
    /// Who has one, by what it shows to give it back.
    held: HashMap<Ticket, SessionId>,
    waiters: VecDeque<(Ticket, SessionId)>,
}

impl Semaphore {
    pub(super) fn create(kind: Kind, args: &mut Reader<'_>) -> Result<Semaphore, Failure> {
        let n_initial = args.u64()?;
        Ok(Semaphore { kind, n_free: n_initial, n_initial, held: HashMap::new(), waiters: VecDeque::new() })
    }

    fn take(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let left = args.u64()?;
        if self.n_free == 0 {
            let answer = turn.park(left)?;
            self.waiters.push_back((turn.ticket, turn.session));
            return Ok(answer);
        }
        self.n_free -= 1;
        self.held.insert(turn.ticket, turn.session);
        turn.reply.u64(turn.ticket);
        Ok(Answer::Done)
    }

    /// Gives back what is held by this token, or for zero adds one.
    fn release(&mut self, token: Ticket, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if token == 0 {
            let n_permits = self.n_free.saturating_add(self.held.len() as u64);
            if self.kind == Kind::BoundedSemaphore && n_permits >= self.n_initial {
                return Err(Failure::NotHeld);
            }
        } else {
            self.forget_held(token, turn)?;
        }
        self.add(turn);
        Ok(())
    }

    fn forget_held(&mut self, token: Ticket, turn: &Turn<'_>) -> Result<(), Failure> {
        if self.held.get(&token) != Some(&turn.session) {
            return Err(Failure::NotHeld);
        }
        self.held.remove(&token);
        Ok(())
    }

    fn add(&mut self, turn: &mut Turn<'_>) {
        match self.waiters.pop_front() {
            Some((ticket, session)) => {
                self.held.insert(ticket, session);
                let mut reply = Writer::default();
                reply.u64(ticket);
                turn.complete(ticket, reply.0);
            }
            None => self.n_free = self.n_free.saturating_add(1),
        }
    }
}

impl Object for Semaphore {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn size(&self) -> usize {
        self.n_free as usize
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Take => return self.take(args, turn),
            Op::Release => self.release(args.u64()?, turn)?,
            Op::Abort => self.forget_held(args.u64()?, turn)?,
            Op::State => turn.reply.u64(self.n_free),
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        self.forget(ticket, turn);
        true
    }

    fn forget(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) {
        self.waiters.retain(|&(waiter, _)| waiter != ticket);
    }

    fn session_ended(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        self.waiters.retain(|&(_, waiter)| waiter != session);
        let n_held = self.held.len();
        self.held.retain(|_, holder| *holder != session);
        (self.held.len()..n_held).for_each(|_| self.add(turn));
    }
}
