//! A getter that is killed right after it was woken, while others sleep: the item must not wait for ever.
//!
//! A naive design loses the wake-up in several of a hundred kills. Here the sleepers look again after 50 ms.

use crate::support::fork_child;
use ipc_queue::Queue;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, Signal};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row};
use std::hint::spin_loop;
use std::time::{Duration, Instant};

const GETTERS: usize = 3;
/// The sleepers look again after 50 ms; the rest is for a machine that is busy.
const LIMIT: Duration = Duration::from_secs(1);

pub(crate) fn woken(args: &Args) -> Row {
    let mut row = Row::new("woken");
    let mut rng = Rng::from_env();
    let work = Queue::<u64>::bounded(4).expect("memory is left");
    let done = Queue::<u64>::bounded(4).expect("memory is left");
    let start = || {
        fork_child(|| {
            for item in &work {
                done.put(item.expect("a number")).expect("the parent takes it");
            }
        })
    };
    let mut getters: Vec<Child> = (0..GETTERS).map(|_| start()).collect();
    let mut longest = Duration::ZERO;
    for number in 0..args.scale(100, 3_000) {
        std::thread::sleep(Duration::from_micros(300 + rng.below(500)));
        work.put(number).expect("the queue is open");
        let put_at = Instant::now();
        let delay = Duration::from_nanos(rng.below(60_000));
        while put_at.elapsed() < delay {
            spin_loop();
        }
        // The longest sleeper is the one that is woken; a random one is mostly another.
        let victim = rng.below(GETTERS as u64) as usize;
        getters[victim].signal(Signal::Kill).expect("it is our child");
        getters[victim].wait(Deadline::NEVER).expect("it is our child");
        row.kills += 1;
        // Either somebody has it, or it died with the victim, and the queue is empty.
        loop {
            match done.get_timeout(Duration::from_millis(20)) {
                Ok(taken) => {
                    row.losses += u64::from(taken != number);
                    longest = longest.max(put_at.elapsed());
                    break;
                }
                Err(_) if work.is_empty() && done.is_empty() && put_at.elapsed() > LIMIT / 2 => break,
                Err(_) if put_at.elapsed() > LIMIT => break row.hangs += 1,
                Err(_) => {}
            }
        }
        getters[victim] = start();
    }
    row.points = row.kills;
    eprintln!("woken: the longest an item was on its way was {longest:?}");
    work.close();
    for getter in &getters {
        row.ok &= getter
            .wait(Deadline::after(LIMIT))
            .expect("it is our child")
            .is_some_and(|status| status.success());
    }
    row
}
