//! A process that is killed at every instruction while it takes a reentrant mutex twice.

use crate::inside::{LIMIT, row_of};
use ipc_shared::Arena;
use ipc_shared::sync::{LockError, LockTimeoutError, ReentrantMutex};
use ipc_testkit::kill::{Args, Row, sweep};

type Lock = ReentrantMutex<[u64; 2]>;

/// Takes it twice and changes one number each time.
fn lock_twice(lock: &Lock) {
    let outer = lock.lock().expect("nobody has it");
    let [first, second] = outer.get();
    outer.set([first + 1, second]);
    let inner = lock.lock().expect("it is our own");
    let [first, second] = inner.get();
    inner.set([first, second + 1]);
}

/// What the next one is told: whether its owner has died, and the numbers.
fn survive(lock: &Lock) -> Option<(bool, [u64; 2])> {
    match lock.lock_timeout(LIMIT) {
        Ok(guard) => Some((false, guard.get())),
        Err(LockTimeoutError::Lock(LockError::OwnerDied(mut guard))) => {
            guard.recover();
            Some((true, guard.get()))
        }
        Err(_) => None,
    }
}

pub(crate) fn twice(args: &Args) -> Row {
    let arena = Arena::new();
    let (mut losses, mut seen) = (0, [0_u64; 2]);
    let swept = sweep(
        args.scale(37, 1),
        || Lock::new_in(&arena, [0; 2]).expect("memory is left"),
        lock_twice,
        |lock, point| {
            let (found, again) = (survive(&lock), survive(&lock));
            let is_well = match (found, again) {
                (Some((false, numbers)), Some((false, _))) => numbers == [0; 2] || numbers == [1; 2],
                (Some((true, _)), Some((false, _))) => true,
                _ => false,
            };
            if !is_well {
                eprintln!("reentrant_twice: {found:?}, then {again:?} after a kill at {point}");
                losses += 1;
            }
            found.inspect(|&(died, _)| seen[usize::from(died)] += 1);
        },
    );
    eprintln!("reentrant_twice: {} instructions, well and died {seen:?}", swept.steps);
    let row = row_of(&swept, "reentrant_twice");
    Row { losses, ok: row.ok && seen[0] > 0 && seen[1] > 0 && arena.in_use() == 0, ..row }
}
