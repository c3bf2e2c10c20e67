//! Looking and sleeping in turns.
//!
//! A round looks at all objects, and sleeps if none is ready: until a handle is readable, or an object without one was found
//! ready. What is readable for nothing, as the handle of a queue is some times a second or when another process was faster, so
//! costs a round and is not told. An object that becomes ready after the look and before its handle was armed makes the handle
//! readable, so that nothing is missed.

use super::error::WaitError;
use super::waitable::{Look, Waitable};
use ipc_sys::clock::Deadline;
use ipc_sys::readiness::{self, Interest, Watch};
use std::time::{Duration, Instant};

/// The first interval between two looks at objects without handles.
const FIRST_INTERVAL: Duration = Duration::from_micros(50);

/// The longest.
const LONGEST_INTERVAL: Duration = Duration::from_millis(10);

/// A sleep of less that ends for nothing is too short, and after so many such sleeps there is one without armed handles: one
/// that is always readable for nothing would make this a loop that never sleeps.
const TOO_SHORT: Duration = Duration::from_millis(1);
const MANY_TOO_SHORT: u32 = 8;

/// Waits until objects are ready or the deadline has passed; the places of those that are.
pub(super) fn wait_until(objects: &[&dyn Waitable], deadline: Deadline) -> Result<Vec<usize>, WaitError> {
    let (mut interval, mut n_too_short) = (FIRST_INTERVAL, 0);
    loop {
        let looks = look_at(objects)?;
        let ready = ready_of(&looks)?;
        if !ready.is_empty() || deadline.is_over() {
            return Ok(ready);
        }
        if n_too_short == MANY_TOO_SHORT {
            n_too_short = 0;
            sleep_without_arms(&looks, Deadline::after(deadline.remaining_at_most(TOO_SHORT)))?;
            continue;
        }
        let start = Instant::now();
        sleep(objects, &looks, deadline, &mut interval)?;
        n_too_short = if start.elapsed() < TOO_SHORT { n_too_short + 1 } else { 0 };
    }
}

fn look_at<'a>(objects: &[&'a dyn Waitable]) -> Result<Vec<Look<'a>>, WaitError> {
    let looks = objects.iter().enumerate().map(|(place, object)| {
        let object: &'a dyn Waitable = *object;
        object.look().map_err(|source| WaitError::Object { place, source })
    });
    looks.collect()
}

fn ready_of(looks: &[Look<'_>]) -> Result<Vec<usize>, WaitError> {
    let mut watches = handles_of(looks);
    if !watches.is_empty() {
        readiness::wait(&mut watches, Deadline::NOW).map_err(WaitError::Os)?;
    }
    let mut answers = watches.iter().map(Watch::is_ready);
    let is_ready = |look: &Look<'_>| match look {
        Look::Ready => true,
        Look::NotYet => false,
        Look::Ask(_) => answers.next().unwrap_or(false),
    };
    let found: Vec<bool> = looks.iter().map(is_ready).collect();
    Ok((0..looks.len()).filter(|&place| found[place]).collect())
}

/// Those handles that tell exactly.
fn handles_of<'a>(looks: &[Look<'a>]) -> Vec<Watch<'a>> {
    let handles = looks.iter().filter_map(|look| match look {
        Look::Ask(handle) => Some(Watch::new(*handle, Interest::Read)),
        Look::Ready | Look::NotYet => None,
    });
    handles.collect()
}

/// Sleeps until a handle is readable, an object without one is ready, or the deadline passes.
fn sleep(
    objects: &[&dyn Waitable],
    looks: &[Look<'_>],
    deadline: Deadline,
    interval: &mut Duration,
) -> Result<(), WaitError> {
    let mut watches = handles_of(looks);
    let mut without = Vec::new();
    for (place, look) in looks.iter().enumerate().filter(|(_, look)| !matches!(look, Look::Ask(_))) {
        debug_assert!(matches!(look, Look::NotYet), "nobody sleeps beside one that is ready");
        match objects[place].arm().map_err(|source| WaitError::Object { place, source })? {
            Some(handle) => watches.push(Watch::new(handle, Interest::Read)),
            None => without.push(place),
        }
    }
    loop {
        let until = match without.is_empty() {
            true => deadline,
            false => Deadline::after(deadline.remaining_at_most(*interval)),
        };
        if readiness::wait(&mut watches, until).map_err(WaitError::Os)? > 0 || deadline.is_over() {
            return Ok(());
        }
        *interval = (*interval * 2).min(LONGEST_INTERVAL);
        for &place in &without {
            let look = objects[place].look().map_err(|source| WaitError::Object { place, source })?;
            // Whom it tells to ask now, the next round asks.
            if !matches!(look, Look::NotYet) {
                return Ok(());
            }
        }
    }
}

fn sleep_without_arms(looks: &[Look<'_>], deadline: Deadline) -> Result<(), WaitError> {
    readiness::wait(&mut handles_of(looks), deadline).map_err(WaitError::Os).map(drop)
}
