//! Starting cargo, always in the root of the workspace.

use crate::error::Failed;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The root of the workspace: the folder above the one of this crate.
pub(crate) fn root() -> PathBuf {
    // `cargo run` sets the variable. What the compiler saw is for a binary that is started by hand.
    let crate_folder =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&crate_folder).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A folder for what is compiled with other options, below the one that cargo has for everything.
pub(crate) fn target_folder(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(target).join(name)
}

/// A cargo command with these arguments, not started yet.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs a command to its end and expects success.
pub(crate) fn expect_success(command: &mut Command) -> Result<(), Failed> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs a command to its end; its stdout as text, stderr passed through.
pub(crate) fn stdout_of(command: &mut Command) -> Result<(ExitStatus, String), Failed> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| not_started(command, &error))?;
    Ok((output.status, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The failure of a command that has ended badly.
pub(crate) fn failed(command: &Command, status: ExitStatus) -> Failed {
    Failed::new(format!("`{}` failed: {status}", line(command)))
}

/// The failure of a command that could not be started.
pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Failed {
    Failed::new(format!("`{}` cannot be started: {error}", line(command)))
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once("cargo".into()).chain(args).collect::<Vec<_>>().join(" ")
}
