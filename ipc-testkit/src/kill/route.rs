//! The way of a call through its instructions, once written down, and how to lead another child to a point of it.

use super::forked::{Ending, WaitsOn};
use super::tracee::{Stop, Tracee};
use std::collections::HashMap;

/// The address of each instruction of a call, and how often it came before.
pub(super) struct Route {
    addresses: Vec<u64>,
    /// The how-manieth time the address of the same place comes, from 1 on.
    occurrences: Vec<u64>,
    goal: Goal,
    slept_at: Option<usize>,
}

/// Where a way leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The end of the call.
    End,
    /// A sleep in a system call, the last instruction that is written down.
    Sleep,
    /// Nowhere: it was followed for long enough.
    Nowhere,
}

/// How a child fared on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    There,
    /// It took another way, and stands or sleeps or has ended there.
    Elsewhere,
    /// It is under way for too long.
    Late,
}

impl Route {
    /// More single steps than this are not taken to save stops at a breakpoint.
    const MOST_STEPS: usize = 400;

    /// No way at all.
    pub(super) fn nowhere() -> Route {
        Route { addresses: Vec::new(), occurrences: Vec::new(), goal: Goal::Nowhere, slept_at: None }
    }

    /// The way that a child takes which stands at the start, in `most` steps at most. The child stands at its goal then.
    ///
    /// # Errors
    ///
    /// If the call ends the process, or hangs in one instruction.
    pub(super) fn of(tracee: &Tracee, most: usize, waits_on: WaitsOn<'_>) -> Result<Route, Ending> {
        let mut route = Route::nowhere();
        let mut counts = HashMap::new();
        while route.addresses.len() < most {
            let address = tracee.address();
            let count = counts.entry(address).or_insert(0);
            *count += 1;
            route.addresses.push(address);
            route.occurrences.push(*count);
            let mut has_slept = false;
            let stop = tracee.step(&mut || {
                has_slept = true;
                waits_on()
            });
            if has_slept {
                route.slept_at.get_or_insert(route.addresses.len());
            }
            match stop {
                Stop::Trap if tracee.is_at_end() => {
                    // The last one is the marker itself.
                    route.addresses.pop();
                    route.goal = Goal::End;
                    break;
                }
                Stop::Trap => {}
                Stop::Asleep => {
                    route.goal = Goal::Sleep;
                    break;
                }
                Stop::Ended => return Err(Ending::Failed),
                Stop::Late => return Err(Ending::Hung),
            }
        }
        Ok(route)
    }

    pub(super) fn n_steps(&self) -> usize {
        self.addresses.len()
    }

    /// The number of the instruction behind the first sleep, if there was one.
    pub(super) fn slept_at(&self) -> Option<usize> {
        self.slept_at
    }

    /// Every `stride`-th instruction from `first` on, and the goal.
    pub(super) fn points(&self, first: usize, stride: u64) -> impl Iterator<Item = usize> + use<> {
        let goal = (self.goal != Goal::Nowhere).then_some(self.n_steps());
        (first..self.n_steps()).step_by(stride.max(1) as usize).chain(goal)
    }

    /// Runs a child, which stands at the start, to the end of its call.
    pub(super) fn lead_to_the_end(tracee: &Tracee, waits_on: WaitsOn<'_>) -> Arrival {
        let stop = tracee.run(waits_on);
        arrival(stop, stop == Stop::Trap && tracee.is_at_end())
    }

    /// Runs a child, which stands at the start, to a point: before that instruction, or to the goal.
    pub(super) fn lead(&self, tracee: &Tracee, point: usize, waits_on: WaitsOn<'_>) -> Arrival {
        if point == self.n_steps() {
            let stop = tracee.run(waits_on);
            let is_there = match self.goal {
                Goal::End => stop == Stop::Trap && tracee.is_at_end(),
                Goal::Sleep => stop == Stop::Asleep,
                Goal::Nowhere => false,
            };
            return arrival(stop, is_there);
        }
        // A place shortly before the point that is not passed often: a stop there costs two, a step costs one.
        let places = point.saturating_sub(Route::MOST_STEPS)..=point;
        let place =
            places.min_by_key(|&place| 2 * self.occurrences[place] + (point - place) as u64).unwrap_or(point);
        let address = self.addresses[place];
        let stop = tracee.run_to(address, self.occurrences[place], waits_on);
        if stop != Stop::Trap || tracee.address() != address {
            return arrival(stop, false);
        }
        for _ in place..point {
            let stop = tracee.step(waits_on);
            if stop != Stop::Trap || tracee.is_at_end() {
                return arrival(stop, false);
            }
        }
        arrival(Stop::Trap, tracee.address() == self.addresses[point])
    }
}

fn arrival(stop: Stop, is_there: bool) -> Arrival {
    match stop {
        Stop::Late => Arrival::Late,
        _ if is_there => Arrival::There,
        _ => Arrival::Elsewhere,
    }
}
