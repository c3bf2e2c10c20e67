//! What survivors do with a queue after a kill, and what they must find.

use ipc_queue::Queue;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, ExitStatus, Signal};
use ipc_testkit::kill::{Row, Sweep, sweep};
use std::fmt::Debug;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What is promised is one second; the rest is for a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);

/// How often the limit may pass while one that is waited for would run and is not let.
const MOST_LIMITS: u32 = 5;

/// The number of the item that a killed process puts.
pub(crate) const NEW: u32 = 99;

/// Numbers from here on are those of the survivors.
const OWN: u32 = 1 << 20;

/// More items than any queue of these tests takes.
const ENDLESS: usize = 10_000;

/// A queue of numbered items, of whatever kind. No call waits for more than a moment.
pub(crate) trait Numbered {
    /// Puts an item; false if there is no room.
    fn offer(&self, number: u32) -> Result<bool, String>;

    /// Takes an item, if there is one.
    fn accept(&self) -> Result<Option<u32>, String>;

    /// How many items fit into it.
    fn capacity(&self) -> usize;

    /// Looks at what else a queue has, when nothing is in it.
    fn look_at_rest(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Takes all items.
pub(crate) fn drain(queue: &impl Numbered) -> Result<Vec<u32>, String> {
    let mut numbers = Vec::new();
    while let Some(number) = queue.accept()? {
        numbers.push(number);
        if numbers.len() > ENDLESS {
            return Err("there is no end of items".to_owned());
        }
    }
    Ok(numbers)
}

/// Puts as many items as there is room for, which has to be the capacity, and takes them again.
pub(crate) fn fill_and_drain(queue: &impl Numbered) -> Result<(), String> {
    let mut numbers = Vec::new();
    while numbers.len() <= queue.capacity() && queue.offer(OWN + numbers.len() as u32)? {
        numbers.push(OWN + numbers.len() as u32);
    }
    if numbers.len() != queue.capacity() {
        return Err(format!("{} items fit, and not {}", numbers.len(), queue.capacity()));
    }
    let found = drain(queue)?;
    if found == numbers { Ok(()) } else { Err(format!("{found:?} for {numbers:?}")) }
}

/// What is in the queue after a kill, as long as all goes well and nothing takes long: its items come out whole, and it takes
/// its capacity as before, twice. Nothing, and a line that says why, if not.
pub(crate) fn survive(queue: &impl Numbered, place: &dyn Debug) -> Option<Vec<u32>> {
    let start = Instant::now();
    let found = drain(queue).and_then(|found| {
        fill_and_drain(queue)?;
        fill_and_drain(queue)?;
        queue.look_at_rest()?;
        Ok(found)
    });
    let found = found.and_then(|found| match start.elapsed() {
        time if time > LIMIT => Err(format!("it took {time:?}")),
        _ => Ok(found),
    });
    found.inspect_err(|error| eprintln!("{place:?}: {error}")).ok()
}

/// Kills in one call and wants to find one of `allowed`: the first one and the last one at one point each at least.
pub(crate) fn sweep_call<S: Numbered>(
    stride: u64,
    label: &str,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    allowed: &[Vec<u32>],
) -> Row {
    let (mut losses, mut seen) = (0, vec![0_u64; allowed.len()]);
    let swept = sweep(stride, make, call, |queue, point| {
        let Some(found) = survive(&queue, &(label, point)) else { return losses += 1 };
        match allowed.iter().position(|allowed| *allowed == found) {
            Some(place) => seen[place] += 1,
            None => {
                eprintln!("{label}: {found:?} after a kill at {point}");
                losses += 1;
            }
        }
    });
    eprintln!("{label}: {allowed:?} {seen:?}");
    let row = row_of(&swept, label);
    let ok = seen[0] > 0 && seen.last().is_some_and(|&count| count > 0);
    Row { losses, ok: row.ok && ok, ..row }
}

/// Waits for the end of a child, which is that of its body.
#[track_caller]
pub(crate) fn join(child: &Child) {
    let status = child.wait(Deadline::after(LIMIT)).expect("a child can be waited for");
    assert_eq!(status, Some(ExitStatus::Exited(0)));
}

/// Whether a child ends well and within the limit; if not, it is killed.
///
/// It may have to run on the processor of a sweep, which others want, too: as long as it is awake it is no hang.
pub(crate) fn leaves(child: &Child, place: &dyn Debug) -> bool {
    for _ in 0..MOST_LIMITS {
        if let Some(ending) = child.wait(Deadline::after(LIMIT)).expect("a child can be waited for") {
            return ending.success();
        }
        if is_asleep(child) {
            break;
        }
    }
    eprintln!("{place:?}: one that nobody has woken");
    child.signal(Signal::Kill).expect("it lives");
    child.wait(Deadline::NEVER).expect("a child can be waited for");
    false
}

/// Waits until a process sleeps in a system call, for a second at most.
pub(crate) fn await_sleep(child: &Child) {
    for _ in 0..10_000 {
        if is_asleep(child) {
            return;
        }
        sleep(Duration::from_micros(100));
    }
}

fn is_asleep(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}

/// The row of a sweep. Which way a call takes depends on the name that its process gets, and of two who meet one may look
/// just when it should sleep; so up to a third of the points may be missed.
pub(crate) fn row_of(swept: &Sweep, label: &str) -> Row {
    eprintln!(
        "{label}: {} instructions, {} points, {} kills, {} missed",
        swept.steps, swept.points, swept.kills, swept.missed
    );
    let row = swept.row(label);
    Row { ok: swept.failed == 0 && swept.missed <= swept.points / 3, ..row }
}

/// Does once what a process does in its first wait only, such as to count the processors: forked children go on from there.
pub(crate) fn warm_up() {
    let queue = Queue::<u32>::bounded(1).expect("memory is left");
    assert!(queue.get_timeout(Duration::from_millis(1)).is_err());
    queue.put(1).expect("there is room");
    assert!(queue.put_timeout(2, Duration::from_millis(1)).is_err());
}
