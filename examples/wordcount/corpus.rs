//! The files to count.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A file, and how long it was when it was found.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// Something that was to be counted and was not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// All files at and below the paths, and what stood in the way of finding more.
///
/// Symbolic links are followed, and one that leads back to a folder it is in is a problem instead of an endless walk. A
/// file that is reached twice is counted twice. The order is that of the names, the same in every run.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Input>, Vec<Problem>) {
    let mut inputs = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry.map_err(|error| problem(path, &error)).and_then(input) {
                Ok(input) => inputs.extend(input),
                Err(problem) => problems.push(problem),
            }
        }
    }
    (inputs, problems)
}

/// The sources of the crates that cargo has downloaded, or else those of this project.
pub(crate) fn default_paths() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let downloaded = home.map(|home| entries(&home.join("registry").join("src"))).unwrap_or_default();
    if !downloaded.is_empty() {
        return downloaded;
    }
    let is_source = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What is hidden belongs to tools, and what is built is no text.
        !name.starts_with('.') && name != "target"
    };
    entries(Path::new(env!("CARGO_MANIFEST_DIR"))).into_iter().filter(is_source).collect()
}

/// What is in a folder, in the order of the names; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = folder
        .read_dir()
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths
}

/// An entry as an input; none for a folder, whose files come by themselves.
fn input(entry: DirEntry) -> Result<Option<Input>, Problem> {
    let file_type = entry.file_type();
    if file_type.is_dir() {
        return Ok(None);
    }
    if !file_type.is_file() {
        // Reading one might never end, or change the world.
        let reason = "neither a file nor a folder, but a pipe, a socket or a device".into();
        return Err(Problem { path: entry.into_path(), reason });
    }
    let size = entry.metadata().map_err(|error| problem(entry.path(), &error))?.len();
    Ok(Some(Input { path: entry.into_path(), size }))
}

fn problem(at: &Path, error: &walkdir::Error) -> Problem {
    let path = error.path().unwrap_or(at).to_owned();
    // What walkdir says itself has the path in it once more.
    let reason = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("a link back to {}, in which it is", ancestor.display()),
        (None, Some(error)) => error.to_string(),
        (None, None) => error.to_string(),
    };
    Problem { path, reason }
}
