//! Whether a history is that of a first-in, first-out queue.

mod bounds;
mod case;
mod circle;
mod empty;
mod exhaustive;
mod loss;
mod order;
mod room;
mod steps;

use super::{History, Violation};
use case::Case;

/// A queue that gives the values in the order in which they were put, as a judge of histories.
///
/// What it demands: each call that was answered has had its effect at one instant between its beginning and its end, both
/// included, and the effects of all calls in their order are those of a queue. The calls of a worker, and the values of a
/// call that has many, have theirs in their order. A call without an answer has had its effect before its end, or never; one
/// to put many may have put the first few; one to get may have taken a value that nobody sees again.
///
/// # Source
///
/// The rules about order and emptiness are those that Henzinger, Sezgin and Vafeiadis have shown to be all there are
/// (Aspect-Oriented Linearizability Proofs, CONCUR 2013); that they can be looked for in the time of a sort is from Lee and
/// Mathur (arXiv 2410.04581). Lost values, calls without an answer, many values at a time, and a capacity are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fifo {
    capacity: Option<usize>,
}

/// What a history that has passed says about the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many were put for sure.
    pub put: usize,
    /// How many of them came out.
    pub got: usize,
    /// How many were lost, each by a call to get that was cut short.
    pub lost: usize,
    /// How many others of those that were put did not come out. They may be in the queue.
    pub left: usize,
}

impl Fifo {
    /// A queue without a capacity that the values could reach. [`Outcome::Full`](super::Outcome::Full) is then no answer
    /// that can be judged, and none is.
    pub fn unbounded() -> Fifo {
        Fifo { capacity: None }
    }

    /// A queue that has room for so many values, and for one more never.
    pub fn bounded(capacity: usize) -> Fifo {
        Fifo { capacity: Some(capacity) }
    }

    /// Looks for one of the [`Rule`](super::Rule)s broken, in the time that it takes to sort the calls, if few are lost.
    ///
    /// What it finds is always wrong. Without a capacity it has found all that was wrong in hundreds of thousands of short
    /// histories of which every order was tried. With one it may miss what only shows when all values are counted at
    /// several instants together: some of a thousand short histories that were wrong, of a queue with room for one or two.
    ///
    /// # Errors
    ///
    /// The first violation, with the calls that show it.
    ///
    /// # Panics
    ///
    /// If a value is put twice, or if an answer is none to its call.
    pub fn check(&self, history: &History) -> Result<Passed, Violation> {
        let mut case = Case::new(history)?;
        order::check(&case)?;
        circle::check(&case)?;
        loop {
            let lost = loss::check(&mut case)?;
            empty::check(&case)?;
            let passed = case.passed(lost);
            let Some(capacity) = self.capacity else { return Ok(passed) };
            room::check(&mut case, capacity)?;
            // Who was there when the queue was full was put, and may be found to be lost.
            if case.passed(lost).put == passed.put {
                return Ok(passed);
            }
            case.add_what_came_before();
        }
    }

    /// Tries every order in which the calls of a short history can have had their effects.
    ///
    /// It needs no rule and misses nothing. The time and the memory may double with each value of a call that overlaps
    /// others: a dozen values take less than a millisecond, and two dozen may take all there is.
    ///
    /// # Errors
    ///
    /// A violation of [`Rule::Whole`](super::Rule::Whole), with all calls.
    ///
    /// # Panics
    ///
    /// As [`check`](Fifo::check), or if there are more than 64 effects.
    pub fn check_exhaustively(&self, history: &History) -> Result<(), Violation> {
        exhaustive::check(history, self.capacity)
    }
}
