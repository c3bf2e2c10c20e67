//! The threads of a process and where each of them waits.

use super::descriptors::numbered_entries;
use std::fs;

/// One thread of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The id of the thread.
    pub tid: i32,
    /// The name of the thread, 15 bytes at most.
    pub name: String,
    /// The state, as a letter and a word: `S (sleeping)`.
    pub state: String,
    /// The function of the kernel in which the thread sleeps, or `0` if it runs.
    pub waits_in: String,
    /// The number of the system call and its arguments, or `running`.
    pub call: String,
}

/// Lists the threads of process `pid`; empty if there is no such process.
pub fn tasks(pid: i32) -> Vec<Task> {
    let folder = format!("/proc/{pid}/task");
    let read = |tid: i32, file: &str| {
        // The kernel keeps some of these from other users, or is built without them. The rest is still worth having.
        let text = fs::read_to_string(format!("{folder}/{tid}/{file}")).unwrap_or_else(|_| "?".to_owned());
        text.trim_end().to_owned()
    };
    let state = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("State:"));
        line.unwrap_or("?").trim().to_owned()
    };
    let mut tids = numbered_entries(&folder);
    tids.sort_unstable();
    tids.into_iter()
        .map(|tid| Task {
            tid,
            name: read(tid, "comm"),
            state: state(&read(tid, "status")),
            waits_in: read(tid, "wchan"),
            call: read(tid, "syscall"),
        })
        .collect()
}
