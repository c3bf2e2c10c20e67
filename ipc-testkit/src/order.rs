//! What the outer process tells the inner one, in one environment variable.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The variable that makes a process an inner one. It is removed before the body starts, so that no process started by
/// the body takes the order for its own.
pub(crate) const INNER_VARIABLE: &str = "IPC_TESTKIT_INNER";

/// Which code to run, for whom, and where to write how it went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Where the code is, in bytes from a fixed function of the same program.
    pub(crate) offset: isize,
    /// The process that gave the order. Any other parent means that the variable was inherited.
    pub(crate) outer: i32,
    /// The program the offset is valid for.
    pub(crate) program: Program,
    /// The file for the findings of the inner process.
    pub(crate) report: PathBuf,
}

/// A program file, told from all others by its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    device: u64,
    inode: u64,
}

impl Program {
    /// The program that this process runs.
    pub(crate) fn current() -> std::io::Result<Program> {
        let file = fs::metadata("/proc/self/exe")?;
        Ok(Program { device: file.dev(), inode: file.ino() })
    }
}

impl Order {
    /// The order as the value of the variable.
    pub(crate) fn encode(&self) -> OsString {
        let Program { device, inode } = self.program;
        let mut text = OsString::from(format!("{} {} {device} {inode} ", self.offset, self.outer));
        text.push(&self.report);
        text
    }

    /// The order in the value of the variable; `None` if it is not one.
    pub(crate) fn decode(text: &OsStr) -> Option<Order> {
        let mut fields = text.as_bytes().splitn(5, |&byte| byte == b' ');
        let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<i64>().ok();
        let offset = number()? as isize;
        let outer = i32::try_from(number()?).ok()?;
        let program = Program { device: number()? as u64, inode: number()? as u64 };
        let report = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
        Some(Order { offset, outer, program, report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_the_environment() {
        let program = Program { device: 66, inode: 1 << 40 };
        let order = Order { offset: -4096, outer: 12, program, report: PathBuf::from("/a folder/report") };
        assert_eq!(Order::decode(&order.encode()), Some(order));
        assert_eq!(Order::decode(OsStr::new("1 2 3")), None);
    }
}
