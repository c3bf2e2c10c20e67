//! Conditions: a lock, and those who let go of it until somebody says that something has changed.

use super::super::turn::{Answer, Object, SessionId, Ticket, Turn, unknown};
use super::lock::{Core, Waiter};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader};
use std::collections::VecDeque;

/// A condition with its lock.
#[derive(Default)]
pub(super) struct Condition {
    lock: Core,
    sleepers: VecDeque<Waiter>,
}

impl Condition {
    /// Lets go of the lock, and waits to be notified.
    fn wait(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (left, token) = (args.u64()?, args.u64()?);
        let Some(owner) = self.lock.owner().filter(|_| self.lock.is_held_by(token, turn.session)) else {
            return Err(Failure::NotHeld);
        };
        if left == 0 {
            turn.reply.bool(false);
            return Ok(Answer::Done);
        }
        let answer = turn.park(left)?;
        let (ticket, session) = (turn.ticket, turn.session);
        self.sleepers.push_back(Waiter { ticket, session, thread: owner.thread, back: Some((token, true)) });
        self.lock.free();
        self.lock.pass_on(turn);
        Ok(answer)
    }

    /// Has so many of those who sleep want the lock again; how many there were.
    fn notify(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<usize, Failure> {
        let (token, most) = (args.u64()?, args.count()?);
        if !self.lock.is_held_by(token, turn.session) {
            return Err(Failure::NotHeld);
        }
        let n_woken = most.min(self.sleepers.len());
        for sleeper in self.sleepers.drain(..n_woken) {
            self.lock.wait_for(sleeper, turn);
        }
        Ok(n_woken)
    }
}

impl Object for Condition {
    fn kind(&self) -> Kind {
        Kind::Condition
    }

    fn size(&self) -> usize {
        self.sleepers.len()
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Take => return self.lock.take(false, args, turn),
            Op::Release => self.lock.release(args.u64()?, turn)?,
            Op::State => turn.reply.bool(self.lock.owner().is_some()),
            Op::Wait => return self.wait(args, turn),
            Op::Notify => {
                let n_woken = self.notify(args, turn)?;
                turn.reply.count(n_woken);
            }
            op => return Err(unknown(Kind::Condition, op)),
        }
        Ok(Answer::Done)
    }

    /// Who slept has to have the lock again before it can be told.
    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        match self.sleepers.iter().position(|sleeper| sleeper.ticket == ticket) {
            Some(index) => {
                if let Some(mut sleeper) = self.sleepers.remove(index) {
                    sleeper.back = sleeper.back.map(|(token, _)| (token, false));
                    self.lock.wait_for(sleeper, turn);
                }
                false
            }
            None => {
                self.lock.forget(ticket);
                true
            }
        }
    }

    fn forget(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) {
        self.sleepers.retain(|sleeper| sleeper.ticket != ticket);
        self.lock.forget(ticket);
    }

    fn session_ended(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        self.sleepers.retain(|sleeper| sleeper.session != session);
        self.lock.session_ended(session, turn);
    }
}
