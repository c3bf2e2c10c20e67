//! What a process is doing, in words for a failure message.

use super::{stat, tasks};
use std::fmt::Write as _;

/// Describes process `pid` in one line and each of its threads in a further one: state, kernel function, system call.
///
/// # Examples
///
/// ```
/// let text = ipc_testkit::proc::describe(ipc_testkit::proc::own_pid());
/// assert!(text.contains("wchan"), "{text}");
/// ```
pub fn describe(pid: i32) -> String {
    let Some(stat) = stat(pid) else { return format!("process {pid}: gone") };
    let mut text = format!(
        "process {pid} `{}`: state {}, parent {}, group {}",
        stat.name, stat.state, stat.parent, stat.group
    );
    for task in tasks(pid) {
        let _ = write!(
            text,
            "\n    thread {} `{}`: state {}, wchan {}, syscall {}",
            task.tid, task.name, task.state, task.waits_in, task.call
        );
    }
    text
}
