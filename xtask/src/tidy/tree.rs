//! The text files of the workspace.

use std::fs;
use std::io;
use std::path::Path;

/// A text file.
#[derive(Debug)]
pub(super) struct File {
    /// The path from the root of the workspace, with `/` between its parts.
    pub(super) path: String,
    pub(super) text: String,
}

/// All text files below the folder, except what is built, hidden or written by cargo.
pub(super) fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    visit(root, "", &mut found)?;
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn visit(folder: &Path, prefix: &str, found: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if is_skipped(&name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            visit(&entry.path(), &format!("{path}/"), found)?;
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            // What is no text has none of the things that are looked for. What was deleted meanwhile neither.
            found.push(File { path, text });
        }
    }
    Ok(())
}

fn is_skipped(name: &str) -> bool {
    let is_hidden = name.starts_with('.') && name != ".ci" && name != ".cargo";
    is_hidden || name == "target" || name == "Cargo.lock"
}
