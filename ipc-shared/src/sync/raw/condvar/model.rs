//! Models of the condition variable.

use super::*;
use crate::sync::raw::State;
use crate::sync::raw::model::{Process, explore, explore_deaths, processes};
use ipc_testkit::model::{expire, look_again};
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

/// A flag under a mutex, and a condition variable for those who wait for it.
struct Flag {
    mutex: RawMutex,
    raised: AtomicU32,
    condvar: RawCondvar<2>,
}

impl Flag {
    fn new() -> Arc<Flag> {
        Arc::new(Flag { mutex: RawMutex::new(), raised: AtomicU32::new(0), condvar: RawCondvar::new() })
    }

    /// Waits for the flag; false if the deadline came first.
    fn wait(&self, process: &Process, deadline: Deadline) -> bool {
        let me = self.lock(process);
        let mut in_time = true;
        while in_time && self.raised.load(Relaxed) == 0 {
            let (release, reacquire) = (|| self.mutex.unlock(me), || self.lock(process));
            let waited = self.condvar.wait(process, deadline, release, reacquire);
            (_, in_time) = waited.unwrap();
        }
        self.mutex.unlock(me);
        in_time
    }

    /// Raises the flag, for one.
    fn raise(&self, process: &Process) {
        let me = self.lock(process);
        self.raised.store(1, Relaxed);
        self.mutex.unlock(me);
        self.condvar.notify(process, 1).unwrap();
    }

    fn lock(&self, process: &Process) -> Id {
        self.mutex.lock(process, Deadline::NEVER).unwrap().me
    }

    /// What a good program does that learns of a death: whatever the dead one did, one waits no longer.
    fn repair(&self, process: &Process) {
        let acquired = self.mutex.lock(process, Deadline::NEVER).unwrap();
        self.mutex.unlock(acquired.me);
        if acquired.state == State::OwnerDied {
            self.raise(process);
        }
    }
}

#[test]
fn a_notification_is_not_lost() {
    explore(|| {
        let flag = Flag::new();
        let [notifier, waiter] = processes();
        let waiter = {
            let flag = flag.clone();
            thread::spawn(move || flag.wait(&waiter, Deadline::NEVER))
        };
        flag.raise(&notifier);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn one_notification_is_for_one_and_each_passes_it_on() {
    explore(|| {
        let flag = Flag::new();
        let [notifier, others @ ..] = processes::<3>();
        let waiters = others.map(|process| {
            let flag = flag.clone();
            thread::spawn(move || {
                assert!(flag.wait(&process, Deadline::NEVER));
                flag.condvar.notify(&process, 1).unwrap();
            })
        });
        flag.raise(&notifier);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn who_gives_up_takes_no_notification_along() {
    explore(|| {
        let flag = Flag::new();
        let [notifier, timed, patient] = processes();
        let timed = {
            let flag = flag.clone();
            thread::spawn(move || {
                if flag.wait(&timed, Deadline::after(Duration::from_secs(1))) {
                    flag.condvar.notify(&timed, 1).unwrap();
                }
            })
        };
        let patient = {
            let flag = flag.clone();
            thread::spawn(move || flag.wait(&patient, Deadline::NEVER))
        };
        expire();
        flag.raise(&notifier);
        timed.join().unwrap();
        assert!(patient.join().unwrap());
    });
}

#[test]
fn a_notifier_may_be_killed_anywhere() {
    explore_deaths(|steps| {
        let flag = Flag::new();
        let [survivor, victim, waiter] = processes();
        let waiter = {
            let flag = flag.clone();
            thread::spawn(move || flag.wait(&waiter, Deadline::NEVER))
        };
        let killed = victim.mortal(steps, || flag.raise(&victim)).is_none();
        if killed {
            flag.raise(&survivor);
        }
        assert!(waiter.join().unwrap());
        killed
    });
}

#[test]
fn what_a_killed_waiter_swallowed_is_passed_on() {
    explore_deaths(|steps| {
        let flag = Flag::new();
        let [notifier, victim, survivor] = processes();
        let dying = {
            let (flag, notifier) = (flag.clone(), notifier.clone());
            thread::spawn(move || {
                let killed = victim.mortal(steps, || flag.wait(&victim, Deadline::NEVER)).is_none();
                if killed {
                    flag.repair(&notifier);
                } else {
                    flag.condvar.notify(&victim, 1).unwrap();
                }
                killed
            })
        };
        let waiter = {
            let flag = flag.clone();
            thread::spawn(move || {
                assert!(flag.wait(&survivor, Deadline::NEVER));
                flag.condvar.notify(&survivor, 1).unwrap();
            })
        };
        flag.raise(&notifier);
        let killed = dying.join().unwrap();
        // The notifier may have chosen the victim right after its death. The sleepers look again later, too.
        look_again();
        waiter.join().unwrap();
        killed
    });
}

/// Three in a row are killed while they pass on what a dead waiter had swallowed.
#[test]
fn who_passes_on_may_be_killed_too() {
    let pass_on = |steps: [u32; 3]| {
        explore(move || {
            let condvar = RawCondvar::<3>::new();
            let [victim, slow, first, second, third] = processes();
            condvar.enter(&victim, Deadline::NOW).unwrap();
            condvar.notify(&slow, 1).unwrap();
            for _ in 0..2 {
                condvar.enter(&slow, Deadline::NOW).unwrap();
            }
            victim.die();
            let others = [first, second, third].into_iter().zip(steps);
            let lived = others.map(|(process, steps)| process.mortal(steps, || condvar.pass_on(&process)));
            let killed = lived.filter(Option::is_none).count();
            condvar.pass_on(&slow);
            let notified = condvar.cells.iter().filter(|cell| !cell.is_waiting()).count() - 1;
            // None is lost, and no death makes more than one of it.
            assert!(notified >= 1 && notified <= 1 + killed, "{notified} notified after {killed} deaths");
            assert_eq!(condvar.cells[0].owner.load(Relaxed), NOBODY);
        });
    };
    // Passing on takes fewer steps than that.
    let steps = || 0..8;
    for first in steps() {
        for second in steps() {
            steps().for_each(|third| pass_on([first, second, third]));
        }
    }
}
