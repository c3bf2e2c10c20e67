//! Queues, joinable ones, too.

use super::super::kept::Kept;
use super::super::turn::{Answer, Object, Ticket, Turn, unknown};
use super::super::world::names_of;
use crate::error::Failure;
use crate::wire::{Kind, ObjectId, Op, Reader};
use std::collections::VecDeque;

/// A queue.
pub(super) struct Queue {
    kind: Kind,
    /// How many items it takes; zero if any number.
    capacity: usize,
    items: VecDeque<Kept>,
    getters: VecDeque<Ticket>,
    putters: VecDeque<(Ticket, Kept)>,
    is_closed: bool,
    /// Tasks that were put and not reported as done.
    n_unfinished: usize,
    joiners: Vec<Ticket>,
}

impl Queue {
    pub(super) fn create(kind: Kind, args: &mut Reader<'_>) -> Result<Queue, Failure> {
        Ok(Queue {
            kind,
            capacity: args.count()?,
            items: VecDeque::new(),
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            is_closed: false,
            n_unfinished: 0,
            joiners: Vec::new(),
        })
    }

    fn put(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let left = args.u64()?;
        if self.is_closed {
            return Err(Failure::Broken);
        }
        let kept = turn.keep(args.rest())?;
        if self.capacity != 0 && self.items.len() >= self.capacity {
            let answer = turn.park(left)?;
            self.putters.push_back((turn.ticket, kept));
            return Ok(answer);
        }
        self.add(kept, turn);
        Ok(Answer::Done)
    }

    /// For one who waits for it, or for later.
    fn add(&mut self, kept: Kept, turn: &mut Turn<'_>) {
        self.n_unfinished += 1;
        match self.getters.pop_front() {
            Some(getter) => {
                turn.complete_with(getter, &kept);
                turn.drop(&kept);
            }
            None => self.items.push_back(kept),
        }
    }

    fn get(&mut self, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let left = args.u64()?;
        let Some(kept) = self.items.pop_front() else {
            if self.is_closed {
                return Err(Failure::Broken);
            }
            let answer = turn.park(left)?;
            self.getters.push_back(turn.ticket);
            return Ok(answer);
        };
        turn.give(&kept);
        turn.drop(&kept);
        self.let_in(turn);
        Ok(Answer::Done)
    }

    /// There is room: for those who wait with an item.
    fn let_in(&mut self, turn: &mut Turn<'_>) {
        while self.capacity == 0 || self.items.len() < self.capacity {
            let Some((putter, kept)) = self.putters.pop_front() else { return };
            turn.complete(putter, Vec::new());
            self.add(kept, turn);
        }
    }

    /// Up to so many items that are there.
    fn get_all(&mut self, most: usize, turn: &mut Turn<'_>) {
        let n_items = most.min(self.items.len());
        let items: Vec<Kept> = self.items.drain(..n_items).collect();
        turn.give_all(&items);
        items.iter().for_each(|kept| turn.drop(kept));
        self.let_in(turn);
    }

    fn task_done(&mut self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        self.n_unfinished = self.n_unfinished.checked_sub(1).ok_or(Failure::NotHeld)?;
        if self.n_unfinished == 0 {
            self.joiners.drain(..).for_each(|joiner| turn.complete(joiner, Vec::new()));
        }
        Ok(())
    }

    fn close(&mut self, turn: &mut Turn<'_>) {
        self.is_closed = true;
        self.getters.drain(..).for_each(|getter| turn.fail(getter, Failure::Broken));
        for (putter, kept) in self.putters.drain(..) {
            turn.fail(putter, Failure::Broken);
            turn.drop(&kept);
        }
    }
}

impl Object for Queue {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn size(&self) -> usize {
        self.items.len()
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Put => return self.put(args, turn),
            Op::Take => return self.get(args, turn),
            Op::Slice => {
                let most = args.count()?;
                self.get_all(most, turn);
            }
            Op::Len => turn.reply.count(self.items.len()),
            Op::Capacity => turn.reply.count(self.capacity),
            Op::Close => self.close(turn),
            Op::TaskDone if self.kind == Kind::JoinableQueue => self.task_done(turn)?,
            Op::Join if self.kind == Kind::JoinableQueue => {
                if self.n_unfinished > 0 {
                    let answer = turn.park(args.u64()?)?;
                    self.joiners.push(turn.ticket);
                    return Ok(answer);
                }
            }
            op => return Err(unknown(self.kind, op)),
        }
        Ok(Answer::Done)
    }

    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        self.forget(ticket, turn);
        true
    }

    fn forget(&mut self, ticket: Ticket, turn: &mut Turn<'_>) {
        self.getters.retain(|&getter| getter != ticket);
        self.joiners.retain(|&joiner| joiner != ticket);
        self.putters.retain(|(putter, kept)| {
            if *putter == ticket {
                turn.drop(kept);
            }
            *putter != ticket
        });
    }

    fn names(&self) -> Vec<ObjectId> {
        names_of(self.items.iter().chain(self.putters.iter().map(|(_, kept)| kept)))
    }
}
