//! What a lock protects in these scenarios: numbers by which two who are inside at once, or one who was not told of a
//! death, give themselves away.

use ipc_shared::sync::{LockError, LockTimeoutError, Mutex, MutexGuard, TryLockError};
use ipc_testkit::kill::{Row, Sweep};
use std::ops::DerefMut;
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// What is promised is one second; the rest is for a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);

/// Two counts that are changed one after the other, how many are inside, how many deaths were told, and how often
/// something was seen that must not be.
pub(crate) type Inside = [u64; 5];
pub(crate) const COUNTS: [usize; 2] = [0, 1];
pub(crate) const IS_INSIDE: usize = 2;
pub(crate) const TOLD: usize = 3;
pub(crate) const WRONG: usize = 4;

/// What one who locks learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    Well,
    Died,
    Poisoned,
    /// Somebody living has it.
    Busy,
}

type Taken<'a> = Result<MutexGuard<'a, Inside>, LockTimeoutError<MutexGuard<'a, Inside>>>;

/// Takes the lock, changes what is in it, and gives it back; repairs what the dead have left. What it has found.
pub(crate) fn work(lock: &Mutex<Inside>) -> Found {
    enter(lock.lock().map_err(LockTimeoutError::Lock))
}

/// As [`work`], if the lock is free now.
pub(crate) fn try_work(lock: &Mutex<Inside>) -> Found {
    enter(lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => LockTimeoutError::TimedOut,
        TryLockError::Lock(error) => LockTimeoutError::Lock(error),
    }))
}

pub(crate) fn enter(taken: Taken<'_>) -> Found {
    enter_by(taken, MutexGuard::recover)
}

/// As [`enter`], for a guard of any kind.
pub(crate) fn enter_by<G: DerefMut<Target = Inside>>(
    taken: Result<G, LockTimeoutError<G>>,
    recover: fn(&mut G),
) -> Found {
    let (mut guard, found) = match taken {
        Ok(guard) => (guard, Found::Well),
        Err(LockTimeoutError::Lock(LockError::OwnerDied(guard))) => (guard, Found::Died),
        Err(LockTimeoutError::Lock(LockError::Poisoned(guard))) => (guard, Found::Poisoned),
        Err(LockTimeoutError::TimedOut) => return Found::Busy,
        Err(LockTimeoutError::Lock(other)) => panic!("{other}"),
    };
    if found == Found::Well {
        // Whoever has ended inside was reported, and nobody else is inside.
        guard[WRONG] += u64::from(guard[IS_INSIDE] != 0 || guard[COUNTS[0]] != guard[COUNTS[1]]);
    } else {
        guard[COUNTS[1]] = guard[COUNTS[0]];
        guard[TOLD] += u64::from(found == Found::Died);
    }
    guard[IS_INSIDE] = 1;
    guard[COUNTS[0]] += 1;
    // Whoever comes in although it should not has its chance.
    yield_now();
    guard[COUNTS[1]] += 1;
    guard[IS_INSIDE] = 0;
    if found != Found::Well {
        recover(&mut guard);
    }
    found
}

/// What a survivor finds: at once or within the limit, told once at most, and then a lock as if nothing had happened.
/// Nothing, and a line that says why, if it is not so.
pub(crate) fn survive(lock: &Mutex<Inside>, place: &dyn std::fmt::Debug) -> Option<Found> {
    let start = Instant::now();
    let found = enter(lock.lock_timeout(LIMIT));
    let again = try_work(lock);
    let data = *lock.try_lock().ok()?;
    let is_well = found != Found::Busy && again == Found::Well && data[WRONG] == 0 && start.elapsed() < LIMIT;
    if !is_well {
        eprintln!("{place:?}: {found:?}, then {again:?}, with {data:?}, after {:?}", start.elapsed());
    }
    is_well.then_some(found)
}

/// The row of a sweep. Which way a call takes depends on the name that its process gets, and of two who meet one may look
/// just when it should sleep; so up to a third of the points may be missed.
pub(crate) fn row_of(swept: &Sweep, label: &str) -> Row {
    eprintln!("{label}: {} instructions, {} points, {} missed", swept.steps, swept.points, swept.missed);
    let row = swept.row(label);
    Row { ok: swept.failed == 0 && swept.missed <= swept.points / 3, ..row }
}

/// Does once what a process does in its first wait only, such as to count the processors: forked children go on from there.
pub(crate) fn warm_up() {
    let lock = Mutex::new(Inside::default()).expect("memory is left");
    let guard = lock.lock().expect("nobody has it");
    assert_eq!(enter(lock.lock_timeout(Duration::from_millis(1))), Found::Busy);
    drop(guard);
    work(&lock);
}
