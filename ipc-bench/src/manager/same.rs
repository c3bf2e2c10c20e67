//! The same work by all that the family has for it: a process leaves a number, and takes it again.

use super::N_PAIRS;
use crate::measure::{Comparison, Contender, Effort, Shown};
use crate::row::Row;
use std::error::Error;

const POISONED: &str = "somebody died with the value in hand";

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Leaves a number and takes one, in one of the ways.
struct Way<F> {
    name: &'static str,
    pass: F,
}

impl<F: FnMut(u64) -> Outcome<u64>> Contender for Way<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run_once(&mut self) -> Outcome {
        for number in 0..N_PAIRS {
            if (self.pass)(number)? != number {
                return Err("another number came back".into());
            }
        }
        Ok(())
    }
}

/// Each way beside a managed value.
pub(super) fn rows(effort: Effort) -> Outcome<Vec<Row>> {
    let manager = ipc_manager::Manager::start()?;
    let managed = manager.value(0_u64)?;
    let mut peer = Way {
        name: "managed value",
        pass: move |number| {
            managed.set(&number)?;
            Ok(managed.get()?)
        },
    };
    let queue = ipc_queue::Queue::bounded(16)?;
    let mut by_queue = Way {
        name: "Queue",
        pass: move |number| {
            queue.put(number)?;
            Ok(queue.get()?)
        },
    };
    let (tx, rx) = ipc_pipe::simplex()?;
    let mut by_pipe = Way {
        name: "pipe",
        pass: move |number| {
            tx.send(number)?;
            Ok(rx.recv()?)
        },
    };
    let value = ipc_shared::Value::new(0_u64)?;
    let mut by_value = Way {
        name: "Value",
        pass: move |number| {
            value.set(number).map_err(|_| POISONED)?;
            Ok(value.get().map_err(|_| POISONED)?)
        },
    };
    let ways: [(&str, &str, &mut dyn Contender); 3] = [
        ("T1", "a number left and taken: Value, by a managed value", &mut by_value),
        ("T2", "the same: Queue, by a managed value", &mut by_queue),
        ("T3", "the same: pipe, by a managed value", &mut by_pipe),
    ];
    let row = |(id, work, ours)| {
        let compare =
            Comparison { id, work, target: None, n_operations: N_PAIRS, shown: Shown::Millions, fewer: 50 };
        compare.run(ours, &mut peer, effort)
    };
    ways.into_iter().map(row).collect()
}
