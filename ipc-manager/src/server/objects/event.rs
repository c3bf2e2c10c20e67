//! Events: a flag to wait for.

use super::super::turn::{Answer, Object, Ticket, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader};

/// An event.
#[derive(Default)]
pub(super) struct Event {
    is_set: bool,
    waiters: Vec<Ticket>,
}

impl Object for Event {
    fn kind(&self) -> Kind {
        Kind::Event
    }

    fn size(&self) -> usize {
        usize::from(self.is_set)
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Set => {
                self.is_set = true;
                self.waiters.drain(..).for_each(|waiter| turn.complete(waiter, Vec::new()));
            }
            Op::Clear => self.is_set = false,
            Op::State => turn.reply.bool(self.is_set),
            Op::Wait if !self.is_set => {
                let answer = turn.park(args.u64()?)?;
                self.waiters.push(turn.ticket);
                return Ok(answer);
            }
            Op::Wait => {}
            op => return Err(unknown(Kind::Event, op)),
        }
        Ok(Answer::Done)
    }

    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        self.forget(ticket, turn);
        true
    }

    fn forget(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) {
        self.waiters.retain(|&waiter| waiter != ticket);
    }
}
