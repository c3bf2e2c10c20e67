//! Kills processes that make, open, change and unlink, and looks at what the others find.
//!
//! `cargo test` does some hundred kills, `cargo test -p ipc-shared --test kill -- --full` some ten thousand.

mod barrier;
mod birth;
mod cells;
mod change;
mod condvar;
mod event;
mod inside;
mod members;
mod mutex;
mod reentrant;
mod rw_lock;
mod semaphore;
mod wake_race;
mod words;

#[path = "../support/mod.rs"]
mod support;

use ipc_testkit::kill::{Scenario, run};

fn main() -> std::process::ExitCode {
    inside::warm_up();
    run(&[
        Scenario { name: "create", run: birth::create },
        Scenario { name: "create_list", run: birth::create_list },
        Scenario { name: "open_or_create", run: birth::open_or_create },
        Scenario { name: "unlink", run: birth::unlink },
        Scenario { name: "make", run: cells::make },
        Scenario { name: "make_slowly", run: cells::make_slowly },
        Scenario { name: "send", run: cells::send },
        Scenario { name: "receive", run: cells::receive },
        Scenario { name: "set_number", run: change::set_number },
        Scenario { name: "set_text", run: change::set_text },
        Scenario { name: "set_kind", run: change::set_kind },
        Scenario { name: "mutex_lock", run: mutex::lock },
        Scenario { name: "mutex_repair", run: mutex::repair },
        Scenario { name: "mutex_unrepaired", run: mutex::unrepaired },
        Scenario { name: "mutex_asleep", run: mutex::asleep },
        Scenario { name: "mutex_pairs", run: mutex::pairs },
        Scenario { name: "mutex_heirs", run: mutex::heirs },
        Scenario { name: "mutex_recovery", run: mutex::recovery },
        Scenario { name: "mutex_stops", run: mutex::stops },
        Scenario { name: "mutex_slow_heir", run: mutex::slow_heir },
        Scenario { name: "mutex_copies", run: mutex::copies },
        Scenario { name: "mutex_namesakes", run: mutex::namesakes },
        Scenario { name: "mutex_long_stop", run: mutex::long_stop },
        Scenario { name: "mutex_storm", run: mutex::many },
        Scenario { name: "fork", run: members::fork },
        Scenario { name: "inherited", run: members::inherited },
        Scenario { name: "twins", run: members::twins },
        Scenario { name: "drop_slowly", run: members::drop_slowly },
        Scenario { name: "traffic", run: members::traffic },
        Scenario { name: "reentrant_twice", run: reentrant::twice },
        Scenario { name: "event_set", run: event::set },
        Scenario { name: "event_clear", run: event::clear },
        Scenario { name: "event_asleep", run: event::asleep },
        Scenario { name: "condvar_notify", run: condvar::notify },
        Scenario { name: "condvar_asleep", run: condvar::asleep },
        Scenario { name: "condvar_swallowed", run: condvar::swallowed },
        Scenario { name: "condvar_storm", run: condvar::many },
        Scenario { name: "semaphore_acquire", run: semaphore::acquire },
        Scenario { name: "semaphore_forget", run: semaphore::forget },
        Scenario { name: "semaphore_add", run: semaphore::add },
        Scenario { name: "semaphore_inherit", run: semaphore::inherit },
        Scenario { name: "semaphore_asleep", run: semaphore::asleep },
        Scenario { name: "semaphore_pairs", run: semaphore::pairs },
        Scenario { name: "semaphore_swallowed", run: semaphore::swallowed },
        Scenario { name: "semaphore_storm", run: semaphore::many },
        Scenario { name: "rw_lock_read", run: rw_lock::read_one },
        Scenario { name: "rw_lock_write", run: rw_lock::write_one },
        Scenario { name: "rw_lock_read_after_death", run: rw_lock::read_after_death },
        Scenario { name: "rw_lock_repair", run: rw_lock::repair },
        Scenario { name: "rw_lock_pairs", run: rw_lock::pairs },
        Scenario { name: "rw_lock_storm", run: rw_lock::many },
        Scenario { name: "barrier_last", run: barrier::last },
        // The last ones: from there on the kernel refuses files without names.
        Scenario { name: "create_in_place", run: birth::create_in_place },
        Scenario { name: "create_list_in_place", run: birth::create_list_in_place },
    ])
}
