//! Alarms on Linux: `timerfd`.

use crate::handle::{BorrowedHandle, OwnedHandle};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::time::Duration;

pub(super) fn new() -> io::Result<OwnedHandle> {
    Ok(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?)
}

pub(super) fn set(handle: BorrowedHandle<'_>, after: Duration) {
    const NONE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    // More seconds than the system can count are as good as never.
    let it_value = after.try_into().unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    let once = Itimerspec { it_interval: NONE, it_value };
    // It fails for a bad handle or a bad time, which these are not.
    let _ = timerfd_settime(handle, TimerfdTimerFlags::empty(), &once);
}
