//! Barriers: all go on together, or none does.

use super::super::turn::{Answer, Object, Ticket, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader, Writer};

/// A barrier.
pub(super) struct Barrier {
    n_parties: usize,
    waiters: Vec<Ticket>,
    is_broken: bool,
}

impl Barrier {
    pub(super) fn create(args: &mut Reader<'_>) -> Result<Barrier, Failure> {
        let n_parties = args.count()?;
        if n_parties == 0 {
            return Err(Failure::Refused("a barrier is for at least one".into()));
        }
        Ok(Barrier { n_parties, waiters: Vec::new(), is_broken: false })
    }

    fn wait(&mut self, left: u64, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        if self.is_broken {
            return Err(Failure::Broken);
        }
        if self.waiters.len() + 1 < self.n_parties {
            let answer = turn.park(left);
            match answer {
                Ok(_) => self.waiters.push(turn.ticket),
                // Who does not come in time breaks it, also who has none.
                Err(_) => self.break_up(turn),
            }
            return answer;
        }
        turn.reply.count(self.waiters.len());
        for (index, waiter) in self.waiters.drain(..).enumerate() {
            let mut reply = Writer::default();
            reply.count(index);
            turn.complete(waiter, reply.0);
        }
        Ok(Answer::Done)
    }

    fn fail_all(&mut self, turn: &mut Turn<'_>) {
        self.waiters.drain(..).for_each(|waiter| turn.fail(waiter, Failure::Broken));
    }

    fn break_up(&mut self, turn: &mut Turn<'_>) {
        self.is_broken = true;
        self.fail_all(turn);
    }
}

impl Object for Barrier {
    fn kind(&self) -> Kind {
        Kind::Barrier
    }

    fn size(&self) -> usize {
        self.waiters.len()
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Wait => return self.wait(args.u64()?, turn),
            Op::Abort => self.break_up(turn),
            Op::Reset => {
                self.fail_all(turn);
                self.is_broken = false;
            }
            Op::State => {
                turn.reply.count(self.n_parties);
                turn.reply.count(self.waiters.len());
                turn.reply.bool(self.is_broken);
            }
            op => return Err(unknown(Kind::Barrier, op)),
        }
        Ok(Answer::Done)
    }

    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        self.forget(ticket, turn);
        true
    }

    /// One of them does not come any more.
    fn forget(&mut self, ticket: Ticket, turn: &mut Turn<'_>) {
        if self.waiters.contains(&ticket) {
            self.waiters.retain(|&waiter| waiter != ticket);
            self.break_up(turn);
        }
    }
}
