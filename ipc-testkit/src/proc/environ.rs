//! What stands in the environment a process was started with.

use std::fs;

/// Tells whether process `pid` was started with a variable `name` whose value satisfies `accept`.
///
/// The kernel shows the environment as it was at `exec`: what the process sets or removes afterwards does not show, and
/// a child made by `fork` alone shows that of its parent. A zombie has none.
///
/// # Examples
///
/// ```
/// let me = ipc_testkit::proc::own_pid();
/// assert!(ipc_testkit::proc::has_variable(me, "PATH", |value| !value.is_empty()));
/// assert!(!ipc_testkit::proc::has_variable(me, "NO_SUCH_VARIABLE", |_| true));
/// ```
pub fn has_variable(pid: i32, name: &str, accept: impl Fn(&[u8]) -> bool) -> bool {
    let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    environ.split(|&byte| byte == 0).any(|entry| {
        let value = entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        value.is_some_and(&accept)
    })
}
