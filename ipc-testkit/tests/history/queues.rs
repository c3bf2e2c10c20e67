//! A queue that is right, and the same with one fault.

use crate::simulation::Queue;
use ipc_testkit::history::Op;
use std::collections::VecDeque;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The last one in is the first one out.
    Stack,
    /// Every seventh value is put nowhere.
    Drops,
    /// Every seventh value comes out twice.
    Repeats,
    /// Every seventh value comes out once more much later, as from a slot that was not cleared.
    RepeatsAfterWrap,
    /// Every seventh value overtakes one of another producer.
    OvertakesOthers,
    /// Every seventh value overtakes one of its own producer.
    OvertakesItself,
    /// Every seventh call finds nothing although something is there.
    EmptyWrongly,
    /// Every seventh call finds no room although there is.
    FullWrongly,
    /// It takes one more than it has room for.
    TakesOneMore,
    /// A value is seen only when the next one is put.
    SeenLate,
    /// A value comes out that the next call will put.
    GivesTooEarly,
    /// Every seventh value is another one.
    Changes,
    /// A value for which there was no room is in nevertheless.
    FullButPut,
    /// Who dies in a get takes two values.
    LosesTwoAtADeath,
    /// Who dies in a put takes a value of somebody else with it.
    LosesAtADeathInPut,
    /// The value of who died in a put comes in later, with the next put.
    PutsAfterDeath,
    /// Of many values, the last of one that died in the call is in and the first is not.
    TearsAtADeath,
    /// Many values come in in the wrong order.
    TurnsMany,
}

pub(crate) struct Toy {
    fault: Fault,
    capacity: usize,
    /// The values and who has put them.
    items: VecDeque<(u64, usize)>,
    /// What is not seen yet, or will be seen again.
    aside: VecDeque<(u64, usize)>,
    n_puts: usize,
    n_gets: usize,
}

impl Toy {
    pub(crate) fn new(fault: Fault, capacity: usize) -> Toy {
        Toy { fault, capacity, items: VecDeque::new(), aside: VecDeque::new(), n_puts: 0, n_gets: 0 }
    }

    /// Exchanges the last value with one before it, whose producer fits.
    fn overtake(&mut self, fits: impl Fn(usize, usize) -> bool) {
        let Some(&(_, producer)) = self.items.back() else { return };
        let last = self.items.len() - 1;
        if let Some(other) = (0..last).rev().find(|&idx| fits(self.items[idx].1, producer)) {
            self.items.swap(last, other);
        }
    }

    fn put_wrongly(&mut self, producer: usize, value: u64, is_turn: bool) {
        match self.fault {
            Fault::Drops if is_turn => {
                self.items.pop_back();
            }
            Fault::OvertakesOthers if is_turn => self.overtake(|other, producer| other != producer),
            Fault::OvertakesItself if is_turn => self.overtake(|other, producer| other == producer),
            Fault::TurnsMany => self.overtake(|other, producer| other == producer),
            Fault::SeenLate => {
                self.items.pop_back();
                self.items.extend(self.aside.pop_front());
                self.aside.push_back((value, producer));
            }
            Fault::PutsAfterDeath => self.items.extend(self.aside.drain(..)),
            _ => {}
        }
    }

    fn get_wrongly(&mut self, (value, producer): (u64, usize), is_turn: bool) -> u64 {
        match self.fault {
            Fault::Stack => {
                self.items.push_front((value, producer));
                return self.items.pop_back().map_or(value, |(last, _)| last);
            }
            Fault::Repeats if is_turn => self.items.push_front((value, producer)),
            Fault::RepeatsAfterWrap if is_turn => self.aside.push_back((value, producer)),
            Fault::RepeatsAfterWrap if self.n_gets % 7 == 3 => self.items.extend(self.aside.pop_front()),
            Fault::Changes if is_turn => return value + 1_000_000,
            _ => {}
        }
        value
    }
}

impl Queue for Toy {
    fn put(&mut self, producer: usize, value: u64) -> bool {
        self.n_puts += 1;
        let is_turn = self.n_puts % 7 == 0;
        let room = self.capacity + usize::from(self.fault == Fault::TakesOneMore);
        if self.items.len() >= room || (self.fault == Fault::FullWrongly && is_turn) {
            if self.fault == Fault::FullButPut {
                self.items.push_back((value, producer));
            }
            return false;
        }
        self.items.push_back((value, producer));
        self.put_wrongly(producer, value, is_turn);
        true
    }

    fn get(&mut self) -> Option<u64> {
        self.n_gets += 1;
        let is_turn = self.n_gets % 7 == 0;
        if self.fault == Fault::EmptyWrongly && is_turn {
            return None;
        }
        if self.fault == Fault::GivesTooEarly && self.items.is_empty() && is_turn {
            return Some(2_000_000 + self.n_gets as u64);
        }
        let item = self.items.pop_front()?;
        Some(self.get_wrongly(item, is_turn))
    }

    fn died(&mut self, call: &Op, n_done: usize) {
        match (self.fault, call) {
            (Fault::LosesTwoAtADeath, Op::Get) => {
                // The dead one may have taken one already.
                for _ in n_done..2 {
                    self.items.pop_front();
                }
            }
            (Fault::LosesAtADeathInPut, Op::Put(_) | Op::PutMany(_)) => {
                self.items.pop_front();
            }
            (Fault::PutsAfterDeath, Op::Put(value)) if n_done == 0 => {
                self.aside.push_back((*value, usize::MAX))
            }
            (Fault::TearsAtADeath, Op::PutMany(values)) if n_done == 0 => {
                self.items.extend(values.last().map(|&value| (value, usize::MAX)));
            }
            _ => {}
        }
    }
}
