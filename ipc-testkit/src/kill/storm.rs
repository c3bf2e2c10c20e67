//! Kills one of several working processes at random every millisecond or so, and puts another in its place.
//!
//! Sweeps kill between instructions of one call; a storm also kills within the kernel, in the middle of any mixture of calls,
//! and many times in one life of what they work on.

use super::forked::{Change, Forked, can_sweep};
use super::patience::Patience;
use super::words::Words;
use super::{Ending, Sweep};
use crate::Rng;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;

/// When a storm has its state looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// This worker was killed, and the next one is not in its place yet. The others work.
    Killed(usize),
    /// All workers have ended, and nobody works any more.
    Over,
}

/// Kills in the life of one state; then it is looked at and made anew.
const KILLS_PER_ROUND: u64 = 100;
/// The longest time between two kills, in microseconds.
const LONGEST_CALM: u64 = 2000;
/// How long the overseer rests between two looks.
const REST: Duration = Duration::from_millis(1);

/// Lets `n_workers` processes do `work` again and again, kills a random one every 0 to 2 ms until `n_kills` are dead, puts
/// another one in the place of each, and has it all looked at.
///
/// Every hundred kills `make` makes a new state. A worker is told its number, which the one in its place takes over.
/// Another process, which nobody kills, does `watch` again and again, with a millisecond of rest in between: it is the one
/// to notice that something hangs while the others die. `check` runs in this process, after each kill and when all have
/// ended, which they do when they come out of the call in which they are; so neither `work` nor `watch` may wait for what
/// only others bring, unless with a timeout.
///
/// What `work` and `watch` find has to be counted in the memory that they share, or be a panic. [`Sweep::failed`] counts
/// the panics, and [`Sweep::hangs`] the calls that did not return within some seconds.
///
/// The random numbers are those of [`Rng::from_env`], which prints the seed.
///
/// # Panics
///
/// If the process has more than one thread.
///
/// # Platform
///
/// Linux on x86-64, as the sweeps. Elsewhere nothing is killed.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::storm;
/// use std::fs::File;
///
/// let swept = storm(
///     1000,
///     4,
///     || File::create("/tmp/storm").expect("the folder is there"),
///     |_file, worker| {
///         let file = File::open("/tmp/storm").expect("it is there");
///         file.lock().expect("locks are left");
///         println!("worker {worker} has it");
///     },
///     |_file| File::open("/tmp/storm").and_then(|file| file.lock()).expect("the dead have no locks"),
///     |_file, moment| println!("{moment:?}"),
/// );
/// assert!(swept.row("lock").passed());
/// ```
pub fn storm<S>(
    n_kills: u64,
    n_workers: usize,
    make: impl Fn() -> S,
    work: impl Fn(&S, usize),
    watch: impl Fn(&S),
    mut check: impl FnMut(&S, Moment),
) -> Sweep {
    let mut swept = Sweep::default();
    if !can_sweep() {
        return swept;
    }
    let mut rng = Rng::from_env();
    while swept.kills < n_kills && !swept.is_over() {
        let state = make();
        let words = Words::new(2);
        let crew = Crew { state: &state, words: &words, work: &work, watch: &watch };
        let n_kills = KILLS_PER_ROUND.min(n_kills - swept.kills);
        crew.weather(n_kills, n_workers, &mut rng, &mut check, &mut swept);
        check(&state, Moment::Over);
    }
    swept.points = swept.kills;
    swept
}

/// Those who live through one round, and what they have in common: whether to stop, and how often the overseer has looked.
struct Crew<'a, S> {
    state: &'a S,
    words: &'a Words,
    work: &'a dyn Fn(&S, usize),
    watch: &'a dyn Fn(&S),
}

impl<S> Crew<'_, S> {
    const STOP: usize = 0;
    const LOOKS: usize = 1;

    /// One round.
    fn weather(
        &self,
        n_kills: u64,
        n_workers: usize,
        rng: &mut Rng,
        check: &mut dyn FnMut(&S, Moment),
        swept: &mut Sweep,
    ) {
        let mut workers: Vec<Forked> = (0..n_workers).map(|number| self.start_worker(number)).collect();
        let overseer = self.start_overseer();
        let mut watchman = Watchman::new();
        for _ in 0..n_kills {
            sleep(Duration::from_micros(rng.below(LONGEST_CALM)));
            let number = rng.below(n_workers as u64) as usize;
            if let Some(Change::Ended(_)) = workers[number].look() {
                // Nobody has told it to stop.
                swept.failed += 1;
            }
            workers[number].kill();
            swept.kills += 1;
            check(self.state, Moment::Killed(number));
            workers[number] = self.start_worker(number);
            if !watchman.sees_progress(self.words.word(Crew::<S>::LOOKS).load(SeqCst)) {
                break;
            }
        }
        self.words.word(Crew::<S>::STOP).store(1, SeqCst);
        let mut is_late = false;
        for process in workers.iter().chain([&overseer]) {
            // All of them have had the time that was given to the first one that needed it.
            let change = if is_late { process.look() } else { Some(process.wait(&mut || true)) };
            is_late |= change == Some(Change::Late);
            swept.ended(if let Some(Change::Ended(ending)) = change { ending } else { Ending::Hung });
        }
    }

    fn start_worker(&self, number: usize) -> Forked {
        Forked::start(|| {
            die_with_the_parent();
            while !self.is_over() {
                (self.work)(self.state, number);
            }
        })
    }

    fn start_overseer(&self) -> Forked {
        Forked::start(|| {
            die_with_the_parent();
            while !self.is_over() {
                (self.watch)(self.state);
                self.words.word(Crew::<S>::LOOKS).fetch_add(1, SeqCst);
                sleep(REST);
            }
        })
    }

    fn is_over(&self) -> bool {
        self.words.word(Crew::<S>::STOP).load(SeqCst) != 0
    }
}

/// Who notices that a count stands still.
struct Watchman {
    count: u64,
    patience: Patience,
}

impl Watchman {
    fn new() -> Watchman {
        Watchman { count: 0, patience: Patience::new() }
    }

    /// False if the count has been the same for too long.
    fn sees_progress(&mut self, count: u64) -> bool {
        if count != self.count {
            *self = Watchman { count, patience: Patience::new() };
            return true;
        }
        let is_over = self.patience.is_over();
        if is_over {
            self.patience.tell("the overseer");
        }
        !is_over
    }
}

/// In a child: the alarm may end the parent, and then nobody would tell it to stop.
fn die_with_the_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}
