//! Tasks flow through a pool while its workers are killed at random.

use crate::settle;
use ipc_process::{Pool, StartMethod, TaskError};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use ipc_testkit::leaks::Snapshot;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const N_WORKERS: usize = 4;

/// A number, and bytes to carry along: mostly none, sometimes more than fit into a message.
type Load = (u64, Vec<u8>);

fn load(n: u64) -> Load {
    (n, if n % 32 == 0 { vec![n as u8; 50_000] } else { Vec::new() })
}

/// Gives back what it got, after a moment.
fn work(load: Load) -> Load {
    let rounds = load.0 % 7 * 2000;
    std::hint::black_box((0..rounds).fold(load.0, |sum, n| std::hint::black_box(sum ^ n)));
    load
}

pub(crate) fn run(name: &str, method: StartMethod, args: &Args) -> Row {
    settle();
    let before = Snapshot::take();
    let mut row = Row::new(name);
    let n_deaths = args.scale(200, 10_000);
    let pool = Pool::builder().method(method).workers(N_WORKERS).build().expect("a pool");
    let n_kills = AtomicU64::new(0);
    let rng = Rng::from_env();
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| kill(&pool, rng, n_deaths, &n_kills));
        let mut seen = BTreeSet::new();
        let mut n_died = 0;
        let mut n_taken = 0;
        let inputs = (0..).take_while(|_| pool.deaths() < n_deaths).inspect(|_| n_taken += 1).map(load);
        for (index, result) in pool.imap_unordered(work, inputs) {
            if !seen.insert(index) {
                row.losses += 1;
            }
            match result {
                Ok(result) if result == load(index as u64) => {}
                Err(TaskError::WorkerDied { status }) if status.signal() == Some(9) => n_died += 1,
                other => {
                    eprintln!("{name}: input {index} came to {other:?}");
                    row.ok = false;
                }
            }
        }
        killer.join().expect("the killer does not panic");
        row.losses += (n_taken as u64).abs_diff(seen.len() as u64);
        row.points = n_taken as u64;
        row.ok &= n_died <= n_kills.load(Ordering::Relaxed);
        eprintln!("{name}: {n_taken} tasks, {n_died} died with their worker");
    });
    row.kills = pool.deaths();
    // Nobody kills any more, and everybody works.
    row.ok &= pool.map(work, (0..100).map(load)).into_iter().all(|result| result.is_ok());
    drop(pool);
    ipc_process::stop_forkserver();
    let left = before.growth(Duration::from_secs(2));
    if !left.is_empty() {
        eprintln!("{name}: left behind:\n{left}");
        row.ok = false;
    }
    row
}

/// Kills a random worker every now and then.
fn kill(pool: &Pool, mut rng: Rng, n_deaths: u64, n_kills: &AtomicU64) {
    while pool.deaths() < n_deaths {
        std::thread::sleep(Duration::from_micros(rng.below(2000)));
        n_kills.fetch_add(1, Ordering::Relaxed);
        rng.pick(&pool.workers()).kill().expect("it is a child");
    }
}
