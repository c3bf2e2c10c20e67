//! Names that outlive processes: entries of `/dev/shm` and of the temp folder.
//!
//! These places are common to all processes of the machine, so a name that is new need not be ours. It is taken for ours
//! if it holds the token of the run, or if it has a prefix of the family and nothing speaks for another owner.

use crate::{proc, token};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What the names of the family begin with.
const PREFIXES: [&str; 3] = ["multiproc", "psm_", "ipc"];

/// The names of the family that exist at present, as whole paths.
pub(crate) fn names() -> BTreeSet<PathBuf> {
    let folders = BTreeSet::from([PathBuf::from("/dev/shm"), std::env::temp_dir()]);
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| is_of_the_family(name_of(path))).collect()
}

/// Those of `after` that were not there `before` and have to be answered for by the run `token`.
pub(crate) fn gained(before: &BTreeSet<PathBuf>, after: &BTreeSet<PathBuf>, token: &str) -> Vec<PathBuf> {
    after.difference(before).filter(|path| is_ours(path, token)).cloned().collect()
}

/// The names that hold the token of the run. No other run has made them, so they need no list from before.
pub(crate) fn of_run(token: &str) -> Vec<PathBuf> {
    names().into_iter().filter(|path| token::is_in_name(name_of(path), token)).collect()
}

/// Removes a name that holds the token of a run that has ended.
pub(crate) fn remove(path: &Path) {
    // Only one of the two can work, and whether it did shows in the next run at the latest.
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
}

fn is_ours(path: &Path, token: &str) -> bool {
    if token::is_of_any_run(name_of(path)) {
        return token::is_in_name(name_of(path), token);
    }
    !held_by_strangers(path, token)
}

/// Whether a process outside of the run has the object open. Then it is its own: tests run side by side.
fn held_by_strangers(path: &Path, token: &str) -> bool {
    let me = proc::own_pid();
    proc::users(path).into_iter().any(|pid| pid != me && !token::carries(pid, token))
}

fn is_of_the_family(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}
