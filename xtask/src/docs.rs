//! `cargo xtask docs`: the documentation of all crates, warnings denied.

use crate::cargo;
use crate::error::Failed;
use std::path::PathBuf;

/// Builds the documentation and prints where it is.
pub(crate) fn run() -> Result<(), Failed> {
    build()?;
    println!("{}", folder().join("multiproc").join("index.html").display());
    Ok(())
}

/// Builds the documentation.
pub(crate) fn build() -> Result<(), Failed> {
    let mut command = cargo::command(&["doc", "--workspace", "--no-deps", "--all-features"]);
    cargo::expect_success(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    cargo::root().join(target).join("doc")
}
