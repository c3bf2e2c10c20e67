//! How long this process has waited for a processor.

use std::fs;
use std::time::Duration;

/// How long the main thread of this process could have gone on while others had the processors, since it began; zero if the kernel
/// does not tell.
///
/// # Examples
///
/// ```
/// let before = ipc_testkit::proc::run_delay();
/// assert!(ipc_testkit::proc::run_delay() >= before);
/// ```
pub fn run_delay() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
