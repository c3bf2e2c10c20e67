//! `cargo xtask tidy`: rules of the sources that no other tool knows. Each finding says what to do about it.

mod code;
mod rules;
mod tree;

use crate::cargo;
use crate::error::Failed;

/// Checks all files of the workspace.
pub(crate) fn run() -> Result<(), Failed> {
    let files =
        tree::files(&cargo::root()).map_err(|error| Failed::new(format!("cannot read the tree: {error}")))?;
    let findings: Vec<String> = files.iter().flat_map(rules::check).collect();
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    Err(Failed::new(format!("tidy has {} findings\n{}", findings.len(), findings.join("\n"))))
}
