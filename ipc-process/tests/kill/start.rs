//! Processes are killed at random moments after their start began.
//!
//! # Safety
//!
//! Forks a killer off this process, which has one thread: a thread would forbid the starts by fork.
#![allow(unsafe_code)]

use crate::{BOUND, settle};
use ipc_process::{Builder, JoinError, JoinTimeoutError, SpawnError, StartMethod};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use ipc_testkit::leaks::Snapshot;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What a process is killed in: its start, a function that takes a moment, its end.
fn work(n: u64) -> Vec<u64> {
    std::hint::black_box((0..n % 5 * 1000).sum::<u64>());
    vec![n; 10_000]
}

pub(crate) fn run(name: &str, method: StartMethod, args: &Args) -> Row {
    settle();
    let mut row = Row::new(name);
    let mut rng = Rng::from_env();
    let mut killer = Killer::start();
    let before = Snapshot::take();
    for n in 0..args.scale(300, 6000) {
        row.points += 1;
        // Every 10 us of the first 3 ms in turn, and something in between.
        killer.kill_after(Duration::from_micros(n % 300 * 10 + rng.below(10)));
        let started = Builder::new().method(method).daemon(n % 2 == 0).start_timeout(BOUND).spawn(work, n);
        let result = started.map(|process| process.join_timeout(BOUND));
        row.kills += killer.n_killed();
        match result {
            Ok(Ok(result)) if result == vec![n; 10_000] => {}
            Ok(Err(JoinTimeoutError::Join(JoinError::Signaled { signal: 9, .. }))) => {}
            Err(SpawnError::Died { status }) if status.signal() == Some(9) => {}
            Err(SpawnError::TimedOut) | Ok(Err(JoinTimeoutError::TimedOut(_))) => row.hangs += 1,
            other => {
                eprintln!("{name}: round {n}: {other:?}");
                row.ok = false;
            }
        }
    }
    ipc_process::stop_forkserver();
    let left = before.growth(Duration::from_secs(2));
    if !left.is_empty() {
        eprintln!("{name}: left behind:\n{left}");
        row.ok = false;
    }
    row
}

/// A process that kills its siblings.
struct Killer {
    pid: i32,
    orders: UnixStream,
}

impl Killer {
    fn start() -> Killer {
        let (orders, theirs) = UnixStream::pair().expect("a socket");
        // SAFETY: this process has one thread.
        match unsafe { libc::fork() } {
            0 => {
                drop(orders);
                kill_siblings(theirs);
                // SAFETY: the end of this process, and of nothing else.
                unsafe { libc::_exit(0) }
            }
            pid => Killer { pid, orders },
        }
    }

    fn kill_after(&mut self, delay: Duration) {
        self.orders.write_all(&(delay.as_micros() as u64).to_ne_bytes()).expect("the killer is there");
    }

    fn n_killed(&mut self) -> u64 {
        let mut answer = [0; 8];
        self.orders.read_exact(&mut answer).expect("the killer is there");
        u64::from_ne_bytes(answer)
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        let _ = self.orders.shutdown(std::net::Shutdown::Both);
        // SAFETY: a child of this process, and nobody else collects it.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

/// Waits for a delay, kills all other children of the parent, tells how many they were; until the parent has enough.
fn kill_siblings(mut orders: UnixStream) {
    let (me, parent) = (std::process::id() as i32, std::os::unix::process::parent_id());
    let mut delay = [0; 8];
    while orders.read_exact(&mut delay).is_ok() {
        std::thread::sleep(Duration::from_micros(u64::from_ne_bytes(delay)));
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let mut n_killed: u64 = 0;
        let siblings = children.unwrap_or_default();
        for pid in siblings.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(|&pid| pid != me) {
            // SAFETY: a number; numbers of this size come round after thousands of processes.
            n_killed += u64::from(unsafe { libc::kill(pid, libc::SIGKILL) } == 0);
        }
        if orders.write_all(&n_killed.to_ne_bytes()).is_err() {
            return;
        }
    }
}
