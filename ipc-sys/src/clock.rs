//! Deadlines on the monotonic clock: one type for "for ever", "until" and "not at all".

use std::time::{Duration, Instant};

/// The instant at which a wait gives up, or never.
///
/// Every wait of the family comes as `x`, `try_x`, `x_timeout` and `x_deadline`; the four differ only in the
/// deadline they hand down. The clock is the monotonic one: a step of the wall clock changes no wait.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use std::time::Duration;
///
/// assert_eq!(Deadline::NEVER.remaining(), None);
/// assert!(Deadline::NOW.is_over());
/// let soon = Deadline::after(Duration::from_secs(5));
/// assert!(soon.remaining().is_some_and(|left| left > Duration::from_secs(4)));
/// // A duration that the clock cannot count to is for ever, not a panic.
/// assert_eq!(Deadline::after(Duration::MAX).remaining(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Now,
    At(Instant),
    Never,
}

impl Deadline {
    /// The deadline that has always passed: look once, do not wait.
    pub const NOW: Deadline = Deadline(Kind::Now);
    /// The deadline that never comes.
    pub const NEVER: Deadline = Deadline(Kind::Never);

    /// The deadline `timeout` from now.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use std::time::Duration;
    ///
    /// assert!(!Deadline::after(Duration::from_secs(60)).is_over());
    /// assert_eq!(Deadline::after(Duration::ZERO), Deadline::NOW);
    /// ```
    pub fn after(timeout: Duration) -> Self {
        if timeout.is_zero() {
            return Deadline::NOW;
        }
        Instant::now().checked_add(timeout).map_or(Deadline::NEVER, Deadline::at)
    }

    /// The deadline at a given instant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use std::time::{Duration, Instant};
    ///
    /// assert!(Deadline::at(Instant::now()).is_over());
    /// assert!(!Deadline::at(Instant::now() + Duration::from_secs(60)).is_over());
    /// ```
    pub fn at(instant: Instant) -> Self {
        Deadline(Kind::At(instant))
    }

    /// What is left until the deadline: zero when it has passed, `None` when it never comes.
    pub fn remaining(self) -> Option<Duration> {
        match self.0 {
            Kind::Now => Some(Duration::ZERO),
            Kind::At(instant) => Some(instant.saturating_duration_since(Instant::now())),
            Kind::Never => None,
        }
    }

    /// Whether the deadline has passed.
    pub fn is_over(self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// What is left until the deadline, but at most `slice`: for a sleeper that looks again in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::clock::Deadline;
    /// use std::time::Duration;
    ///
    /// let slice = Duration::from_millis(100);
    /// assert_eq!(Deadline::NEVER.remaining_at_most(slice), slice);
    /// assert_eq!(Deadline::after(Duration::from_secs(60)).remaining_at_most(slice), slice);
    /// assert_eq!(Deadline::NOW.remaining_at_most(slice), Duration::ZERO);
    /// ```
    pub fn remaining_at_most(self, slice: Duration) -> Duration {
        self.remaining().map_or(slice, |left| left.min(slice))
    }
}

/// The monotonic clock in milliseconds, as it was at the system's last tick some milliseconds ago: for what is done at times, at a
/// cost that each call can bear.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::coarse_milliseconds;
///
/// let before = coarse_milliseconds();
/// assert!(coarse_milliseconds() >= before);
/// ```
///
/// # Platform
///
/// Linux: `CLOCK_MONOTONIC_COARSE`, without a system call.
#[inline]
pub fn coarse_milliseconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
