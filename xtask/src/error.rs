//! Why a command has failed, and with which status xtask ends.

use std::fmt;
use std::process::ExitCode;

/// A command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    message: String,
    code: u8,
}

impl Failed {
    /// The work was done, or tried, and did not succeed.
    pub(crate) fn new(message: impl Into<String>) -> Failed {
        Failed { message: message.into(), code: 1 }
    }

    /// The command line asks for something that does not exist.
    pub(crate) fn usage(message: impl Into<String>) -> Failed {
        Failed { message: message.into(), code: 2 }
    }

    /// The status of the process.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
