//! How long somebody has waited, and when that is a hang.
//!
//! Only the time counts in which the waiter was there to look. If it was stopped, or the whole machine was, those for whom it waits were
//! stopped as well, and have had no time to do what it waits for. By the clock on the wall such a pause looks like a hang.

use crate::proc;
use std::time::{Duration, Instant};

/// What is waited for longer than this is a hang. Nothing that is promised takes a tenth; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(4);
/// What counts at most between two looks, which are some milliseconds apart.
const MOST: Duration = Duration::from_millis(50);
/// A pause that whoever reads the figures may want to know of.
const WORTH_TELLING: Duration = Duration::from_secs(1);

pub(super) struct Patience {
    last: Instant,
    waited: Duration,
}

impl Patience {
    pub(super) fn new() -> Patience {
        Patience { last: Instant::now(), waited: Duration::ZERO }
    }

    /// A look that has found nothing. True if it was the last that is needed to call it a hang.
    pub(super) fn is_over(&mut self) -> bool {
        self.looked_after(self.last.elapsed());
        self.last = Instant::now();
        self.waited >= PATIENCE
    }

    fn looked_after(&mut self, pause: Duration) {
        if pause > WORTH_TELLING {
            eprintln!("kill: this process stood still for {pause:?}");
        }
        self.waited += pause.min(MOST);
    }

    /// Says on stderr who hangs, and what all others of this process's children do.
    pub(super) fn tell(&self, who: &str) {
        eprintln!("kill: {who} hangs, waited for {:?}", self.waited);
        proc::children().into_iter().for_each(|pid| eprintln!("{}", proc::describe(pid)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_the_waiter_is_not_waited() {
        let mut patience = Patience::new();
        patience.looked_after(Duration::from_secs(60));
        assert!(!patience.is_over());
        // And what is looked at all the time is over in the end.
        (0..100).for_each(|_| patience.looked_after(PATIENCE / 100));
        assert!(patience.is_over());
    }
}
