//! The progress bar.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};

/// A bar on standard error over a number of bytes; none where nobody sees it.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar that starts at nothing.
    pub(crate) fn new(what: &'static str, n_bytes: u64) -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(n_bytes), target);
        let template = "{msg:>9} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).expect("the template is right").progress_chars("=> "),
        );
        bar.set_message(what);
        Progress { bar }
    }

    /// Moves it on. It has no thread of its own, so that a process which shows it can be forked.
    pub(crate) fn add(&self, n_bytes: u64) {
        self.bar.inc(n_bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
