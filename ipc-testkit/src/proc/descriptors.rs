//! Which descriptors a process has open, and what they lead to.

use std::collections::BTreeMap;
use std::fs;

/// Lists the open descriptors of this process with the targets that `/proc/self/fd` shows for them.
///
/// The descriptor that the listing itself needs is not in the answer.
///
/// # Examples
///
/// ```
/// let file = std::fs::File::open("/dev/null")?;
/// let found = ipc_testkit::proc::descriptors();
/// assert_eq!(found[&std::os::fd::AsRawFd::as_raw_fd(&file)], "/dev/null");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn descriptors() -> BTreeMap<i32, String> {
    // The numbers are collected first. The descriptor of the listing is closed by then, and its link is gone.
    let numbers: Vec<i32> = numbered_entries("/proc/self/fd");
    numbers
        .into_iter()
        .filter_map(|fd| {
            let target = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
            Some((fd, target.to_string_lossy().into_owned()))
        })
        .collect()
}

/// The entries of a folder of `/proc` whose names are numbers.
pub(super) fn numbered_entries(folder: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
