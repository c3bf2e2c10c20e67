//! How long a call takes, without the time for which others had the processor.

use crate::proc::run_delay;
use std::time::{Duration, Instant};

/// Measures the time of a call, less that for which it could have gone on and others had the processor.
///
/// So a machine that is busy makes no call long. It is for processes of one thread, or for the main one of several.
///
/// # Examples
///
/// ```
/// use ipc_testkit::Stopwatch;
/// use std::time::Duration;
///
/// let watch = Stopwatch::start();
/// std::thread::sleep(Duration::from_millis(5));
/// println!("{:?}", watch.elapsed());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: Instant,
    delay: Duration,
}

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Stopwatch {
        Stopwatch { start: Instant::now(), delay: run_delay() }
    }

    /// The time since then.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed().saturating_sub(run_delay().saturating_sub(self.delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isolated_within;

    /// Several processes that never rest on one processor: each has it for a part of the time only, and the watch of one tells
    /// that part.
    #[test]
    fn the_time_of_others_does_not_count() {
        isolated_within(Duration::from_secs(60), || {
            let mut set = rustix::thread::CpuSet::new();
            set.set(rustix::thread::sched_getcpu());
            rustix::thread::sched_setaffinity(None, &set).expect("it is where it is");
            let mut others: Vec<_> = (0..3)
                .map(|_| std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn())
                .map(|child| child.expect("there is a shell"))
                .collect();
            let (start, watch) = (Instant::now(), Stopwatch::start());
            let much = Duration::from_millis(100);
            while run_delay() - watch.delay < much {
                std::hint::spin_loop();
            }
            let (own, all) = (watch.elapsed(), start.elapsed());
            others
                .iter_mut()
                .for_each(|other| other.kill().and_then(|()| other.wait()).map(drop).expect("ours"));
            assert!(own + much <= all, "{own:?} of {all:?}");
        });
    }
}
