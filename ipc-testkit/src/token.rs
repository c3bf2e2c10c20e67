//! The mark of a run: in the environment of every process of a test, and in every name that a test makes.

use crate::proc;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that carries the token of the run to every process that the test starts.
pub(crate) const RUN_VARIABLE: &str = "IPC_TESTKIT_RUN";

/// What every token begins with, so that the name of somebody else's run can be recognised as such.
const MARK: &str = "ipctk";

/// The token of the run that this process belongs to.
///
/// A process that no isolated test has started is a run of its own.
pub(crate) fn current() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| std::env::var(RUN_VARIABLE).unwrap_or_else(|_| fresh()))
}

/// A token for a run that this process is about to start. It begins with [`current`], since runs may nest.
pub(crate) fn nested() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}.{:x}", current(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The clock tells apart two processes with one id, the id two processes of one moment.
fn fresh() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{MARK}{:x}-{:x}", std::process::id(), now.as_micros() as u64 & 0xFF_FFFF_FFFF)
}

/// Tells whether process `pid` belongs to the run `token` or to a run nested in it.
pub(crate) fn carries(pid: i32, token: &str) -> bool {
    proc::has_variable(pid, RUN_VARIABLE, |value| value.strip_prefix(token.as_bytes()).is_some_and(ends))
}

/// Tells whether a file name was made in the run `token` or in a run nested in it.
pub(crate) fn is_in_name(name: &OsStr, token: &str) -> bool {
    let name = name.as_bytes();
    find(name, token.as_bytes()).is_some_and(|at| ends(&name[at + token.len()..]))
}

/// Tells whether a file name was made in some run of the kit, whichever.
pub(crate) fn is_of_any_run(name: &OsStr) -> bool {
    find(name.as_bytes(), MARK.as_bytes()).is_some()
}

/// Whether a token ends before `rest`: token `a.1` must not be found in `a.12`, but in `a.1.0` and `a.1-name`.
fn ends(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| !byte.is_ascii_hexdigit())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_found_in_a_longer_one() {
        assert!(is_in_name(OsStr::new("ipctk1-a.1-ring"), "ipctk1-a.1"));
        assert!(is_in_name(OsStr::new("ipctk1-a.1.0-ring"), "ipctk1-a.1"));
        assert!(!is_in_name(OsStr::new("ipctk1-a.12-ring"), "ipctk1-a.1"));
        assert!(!is_in_name(OsStr::new("multiproc-ring"), "ipctk1-a.1"));
    }

    #[test]
    fn nested_tokens_begin_with_the_outer_one_and_differ() {
        let (left, right) = (nested(), nested());
        assert!(left.starts_with(current()) && right.starts_with(current()));
        assert_ne!(left, right);
    }
}
