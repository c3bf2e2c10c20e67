//! Which processes there are.

use super::descriptors::numbered_entries;
use super::stat::stat;
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::fs;

/// The id of this process, in the type that the system's calls take.
pub fn own_pid() -> i32 {
    // Ids are at most 2^22, so none is lost.
    std::process::id() as i32
}

/// Lists the ids of all processes that this one can see, zombies included.
pub fn pids() -> Vec<i32> {
    numbered_entries("/proc")
}

/// Lists the ids of the children of this process, running ones and zombies alike.
pub fn children() -> Vec<i32> {
    let mut found = Vec::new();
    for tid in numbered_entries("/proc/self/task") {
        match fs::read_to_string(format!("/proc/self/task/{tid}/children")) {
            Ok(text) => found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok())),
            // The file needs a kernel option. Looking at every process costs more and answers the same.
            Err(_) => return children_by_parent(),
        }
    }
    // The lists are exact only while no thread ends. The kernel's word for "no child at all" is the second opinion.
    if found.is_empty() && has_children() { children_by_parent() } else { found }
}

/// Whether there is a child that could be waited for, now or later.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, options).err() != Some(Errno::CHILD)
}

fn children_by_parent() -> Vec<i32> {
    let me = own_pid();
    pids().into_iter().filter(|&pid| stat(pid).is_some_and(|stat| stat.parent == me)).collect()
}
