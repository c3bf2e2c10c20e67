//! Names and folders that belong to one run and that no other run can have.

use crate::token;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes a name that nobody else has: not another test, not another process, not an earlier run.
///
/// The name holds the token of the run, the label and a number, and no `/`. It fits everything that takes names: shared
/// memory, files, sockets. An object of this name that outlives the test is reported by [`isolated`](crate::isolated()).
///
/// # Examples
///
/// ```
/// let ring = ipc_testkit::unique_name("ring");
/// assert!(ring.contains("ring"));
/// assert_ne!(ring, ipc_testkit::unique_name("ring"));
/// ```
///
/// # Panics
///
/// If the label contains a `/`.
pub fn unique_name(label: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    assert!(!label.contains('/'), "a label becomes part of a file name: {label:?}");
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    // The process is part of the name, since all processes of a run share the token and each counts for itself.
    format!("{}-{label}-{:x}-{number:x}", token::current(), std::process::id())
}

/// Makes an empty folder in the system's temp folder, which goes away with the guard.
///
/// # Examples
///
/// ```
/// let folder = ipc_testkit::temp_dir();
/// std::fs::write(folder.path().join("note"), "text")?;
/// let path = folder.path().to_owned();
/// drop(folder);
/// assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// If the folder cannot be made.
pub fn temp_dir() -> TempDir {
    let path = std::env::temp_dir().join(unique_name("dir"));
    fs::create_dir(&path)
        .unwrap_or_else(|error| panic!("cannot make the folder {}: {error}", path.display()));
    TempDir { path, owner: std::process::id() }
}

/// A folder that is removed with all that is in it when the guard is dropped.
///
/// # Other processes
///
/// Any process may use the path. A copy of the guard in a forked child removes nothing.
#[derive(Debug)]
#[must_use = "the folder is removed when the guard is dropped"]
pub struct TempDir {
    path: PathBuf,
    owner: u32,
}

impl TempDir {
    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if std::process::id() == self.owner {
            // What cannot be removed is found and named by the leak check of the run.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a label becomes part of a file name")]
    fn a_label_with_a_slash_is_refused() {
        unique_name("a/b");
    }

    #[test]
    fn a_folder_goes_with_its_content() {
        let folder = temp_dir();
        fs::create_dir(folder.path().join("inner")).expect("the folder is there");
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
