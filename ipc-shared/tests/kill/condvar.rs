//! A process that is killed at every instruction while it waits for a condition or notifies.
//!
//! After each a waiter leaves: by the notification, by one that a dead waiter has swallowed, or by the next one.

use crate::inside::{Found, Inside, LIMIT, enter, row_of, survive, work};
use crate::support::fork_child;
use crate::wake_race::{self, Race, await_sleep};
use ipc_shared::Arena;
use ipc_shared::sync::{Condvar, CondvarError, LockError, Mutex};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Child;
use ipc_testkit::kill::{Args, Moment, Phase, Row, storm, sweep, sweep_blocking};
use std::cell::RefCell;
use std::time::Duration;

/// A number that somebody waits for to be more than zero, and what tells of it.
struct Post {
    number: Mutex<u64>,
    changed: Condvar,
}

impl Post {
    fn new_in(arena: &Arena) -> Post {
        let number = Mutex::new_in(arena, 0).expect("memory is left");
        Post { number, changed: Condvar::new_in(arena).expect("memory is left") }
    }

    /// Waits for the number, and makes it more.
    fn wait(&self) {
        let guard = self.number.lock().or_else(LockError::recover).expect("this process takes part");
        let guard = self.changed.wait_while(guard, |number| *number == 0).or_else(CondvarError::recover);
        *guard.expect("the table has room") += 1;
    }

    fn send(&self) {
        *self.number.lock().or_else(LockError::recover).expect("this process takes part") += 1;
        self.changed.notify_one();
    }

    /// Whether a waiter has had the lock again: it has made the number more, or its death is reported.
    fn has_come(&self) -> bool {
        self.number.lock().map_or(true, |number| *number > 1)
    }
}

/// The one who notifies is killed, and the next one does it again.
pub(crate) fn notify(args: &Args) -> Row {
    let arena = Arena::new();
    let mut hangs = 0;
    let make = || {
        let post = Post::new_in(&arena);
        let waiter = fork_child(|| post.wait());
        await_sleep(&waiter);
        (post, waiter)
    };
    let swept = sweep(
        args.scale(131, 1),
        make,
        |(post, _)| post.send(),
        |(post, waiter), point| {
            post.send();
            hangs += u64::from(!leaves(&waiter, &("condvar_notify", point)));
        },
    );
    let row = row_of(&swept, "condvar_notify");
    Row { hangs: row.hangs + hangs, ok: row.ok && arena.in_use() == 0, ..row }
}

/// The one who waits is killed, also after it was notified. Then the other one leaves, without a further notification.
pub(crate) fn asleep(args: &Args) -> Row {
    let arena = Arena::new();
    let post = Post::new_in(&arena);
    let other = RefCell::new(None);
    let (mut hangs, mut n_swallowed) = (0, 0);
    let swept = sweep_blocking(
        args.scale(499, 5),
        || *post.number.lock().or_else(LockError::recover).expect("this process takes part") = 0,
        |()| post.wait(),
        |()| {
            let waiter = fork_child(|| post.wait());
            await_sleep(&waiter);
            *other.borrow_mut() = Some(waiter);
            post.send();
        },
        |(), point, phase| {
            let Some(waiter) = other.borrow_mut().take() else { return };
            // Whoever has the lock again has had the notification.
            if post.has_come() {
                post.send();
            } else if phase == Phase::Woken {
                n_swallowed += 1;
            }
            hangs += u64::from(!leaves(&waiter, &("condvar_asleep", point, phase)));
        },
    );
    eprintln!(
        "condvar_asleep: {} instructions, {n_swallowed} swallowed, {} missed",
        swept.steps, swept.missed
    );
    let row = row_of(&swept, "condvar_asleep");
    Row { hangs: row.hangs + hangs, ok: row.ok && n_swallowed > 0, ..row }
}

/// Whether a waiter ends well and within the limit.
fn leaves(waiter: &Child, place: &dyn std::fmt::Debug) -> bool {
    let ending = waiter.wait(Deadline::after(LIMIT)).expect("a child can be waited for");
    if ending.is_none() {
        eprintln!("{place:?}: a waiter that nobody has woken");
        waiter.signal(ipc_sys::process::Signal::Kill).expect("it lives");
        waiter.wait(Deadline::NEVER).expect("a child can be waited for");
    }
    ending.is_some_and(|ending| ending.success())
}

/// Of two who sleep the one that is notified is killed: the other one leaves, unless the first had come to the lock.
pub(crate) fn swallowed(args: &Args) -> Row {
    let race = Race {
        label: "condvar_swallowed",
        make: Post::new_in,
        wait: Post::wait,
        wake: Post::send,
        relieve: |post| {
            if post.has_come() {
                post.send();
            }
        },
    };
    wake_race::run(args, &race)
}

/// Six who wait for each other and notify, of which one is killed every millisecond.
pub(crate) fn many(args: &Args) -> Row {
    let arena = Arena::new();
    let mut losses = 0;
    let make = || {
        let lock: Mutex<Inside> = Mutex::new_in(&arena, Inside::default()).expect("memory is left");
        (lock, Condvar::new_in(&arena).expect("memory is left"))
    };
    let swept = storm(
        args.scale(150, 10_000),
        6,
        make,
        |(lock, changed), number| {
            if number % 2 == 0 {
                work(lock);
                changed.notify_one();
            } else if let Ok(guard) = lock.lock() {
                // What the dead have left is for those who can repair it.
                let _ = changed.wait_timeout(guard, Duration::from_millis(5));
            }
        },
        |(_, changed)| _ = changed.notify_one(),
        |(lock, changed), moment| {
            if moment == Moment::Over {
                let is_whole = survive(lock, &"condvar_storm").is_some() && passes(lock, changed);
                losses += u64::from(!is_whole);
            }
        },
    );
    let row = row_of(&swept, "condvar_storm");
    Row { losses, ok: row.ok && arena.in_use() == 0, ..row }
}

/// Whether one who waits is woken by one who notifies.
fn passes(lock: &Mutex<Inside>, changed: &Condvar) -> bool {
    let waiter = fork_child(|| {
        let guard = lock.lock().expect("it is in order");
        drop(changed.wait(guard).expect("it is in order"));
    });
    await_sleep(&waiter);
    let found = enter(lock.lock_timeout(LIMIT));
    found == Found::Well && changed.notify_all() == 1 && leaves(&waiter, &"condvar_storm")
}
