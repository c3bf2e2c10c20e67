//! Catching a panic with everything it said, to tell another process.

use serde::{Deserialize, Serialize};
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;
use std::{error, fmt};

/// What a panic in another process said.
///
/// # Examples
///
/// ```
/// use ipc_process::{JoinError, Process};
/// # ipc_process::init();
///
/// let process = Process::spawn(|(): ()| -> () { panic!("no luck") }, ())?;
/// let Err(JoinError::Panicked(report)) = process.join() else { unreachable!() };
/// assert_eq!(report.message(), "no luck");
/// assert!(report.location().unwrap().contains(".rs:"));
/// assert!(!report.backtrace().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanicReport {
    message: String,
    location: Option<String>,
    backtrace: String,
}

impl PanicReport {
    /// What the panic said; a fixed text when its payload was not a string.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it panicked, as `file:line:column`; `None` when it unwound without a panic of its own, as
    /// [`resume_unwind`](std::panic::resume_unwind) does.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The calls that led there, as the standard library prints them and as far as the program has symbols; empty when
    /// there is no location either.
    pub fn backtrace(&self) -> &str {
        &self.backtrace
    }
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl error::Error for PanicReport {}

thread_local! {
    /// What the hook saw of the last panic of this thread while it was inside [`catch`].
    static SEEN: RefCell<Option<PanicReport>> = const { RefCell::new(None) };
}

/// Whether panics are noted.
static INSTALLED: Once = Once::new();

/// Runs `work` and returns what it returned or what its panic said.
///
/// The hook that was set before still runs, so a panic is printed as it is anywhere else.
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, PanicReport> {
    // In a forked child it is there, and the code that makes it need not be.
    if !INSTALLED.is_completed() {
        install_hook();
    }
    // What `work` leaves half changed when it unwinds belongs to the caller, who ends its use of it.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = text_of(&*payload);
        // The payload of another kind of unwinding never went through the hook, and what the hook saw may be a panic that
        // `work` caught.
        let seen = SEEN.with_borrow_mut(Option::take).filter(|seen| seen.message == message);
        seen.unwrap_or_else(|| PanicReport {
            message: message.to_owned(),
            location: None,
            backtrace: String::new(),
        })
    })
}

/// Has panics noted from now on; [`catch`] does so, too. Before a fork, it saves the child from doing it.
pub(crate) fn install_hook() {
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let report = PanicReport {
        message: text_of(info.payload()).to_owned(),
        location: info.location().map(ToString::to_string),
        backtrace: Backtrace::force_capture().to_string(),
    };
    // A panic while the slot is in use, or at the end of the thread, is only printed.
    let _ = SEEN.try_with(|seen| {
        if let Ok(mut seen) = seen.try_borrow_mut() {
            *seen = Some(report);
        }
    });
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic whose payload is not a string")
}
