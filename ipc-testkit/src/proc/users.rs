//! Which processes use a file.

use super::processes::pids;
use std::fs;
use std::path::{Path, PathBuf};

/// Lists the processes that have the path open or mapped, or something below it, or a socket that is bound there.
///
/// # Examples
///
/// ```
/// let folder = ipc_testkit::temp_dir();
/// let listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket"))?;
/// assert_eq!(ipc_testkit::proc::users(folder.path()), [ipc_testkit::proc::own_pid()]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn users(path: &Path) -> Vec<i32> {
    let sockets = sockets_at(path);
    let leads_there = |target: PathBuf| target.starts_with(path) || sockets.contains(&target);
    let uses = |pid: &i32| {
        ["fd", "map_files"].iter().any(|kind| {
            let Ok(links) = fs::read_dir(format!("/proc/{pid}/{kind}")) else { return false };
            links.flatten().any(|link| fs::read_link(link.path()).is_ok_and(&leads_there))
        })
    };
    pids().into_iter().filter(uses).collect()
}

/// The sockets bound at the path or below it, as the links in `/proc/PID/fd` name them.
fn sockets_at(path: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let bound = table.lines().filter_map(|line| {
        // Number, references, protocol, flags, type, state, inode, path. Only the path may hold spaces.
        let at = line.find('/')?;
        let inode = line[..at].split_whitespace().nth(6)?;
        Path::new(&line[at..]).starts_with(path).then(|| PathBuf::from(format!("socket:[{inode}]")))
    });
    bound.collect()
}
