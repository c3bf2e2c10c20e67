//! Programs that call `init` themselves, late, or not at all: built for the purpose, since the tests of this package have
//! the constructor which calls it for them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The programs, each a file of its own below.
const PROGRAMS: [(&str, &str); 4] = [
    ("forgets_init", include_str!("without_init/forgets_init.rs")),
    ("calls_init", include_str!("without_init/calls_init.rs")),
    ("calls_init_late", include_str!("without_init/calls_init_late.rs")),
    ("hangs_before_init", include_str!("without_init/hangs_before_init.rs")),
];

/// Builds the programs once and returns their folder; `None` where there is no cargo.
fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    if Command::new(&cargo).arg("--version").output().is_err() {
        eprintln!("skipped: there is no cargo to build the programs with");
        return None;
    }
    // Inside of the target folder, so that the next run finds everything built already.
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without_init");
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        // What did not change keeps its time, and is not built again.
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
            std::fs::write(path, text).expect("room on the disk");
        }
    };
    let package = env!("CARGO_MANIFEST_DIR");
    std::fs::create_dir_all(root.join("src/bin")).expect("room on the disk");
    for (name, text) in PROGRAMS {
        write(&format!("src/bin/{name}.rs"), text);
    }
    let dependency = format!("[dependencies]\nipc-process = {{ path = {package:?} }}\n");
    let head =
        "[package]\nname = \"without-init\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n";
    write("Cargo.toml", &format!("{head}{dependency}"));
    // The versions that the workspace is locked to are those that are on this machine.
    let lock = Path::new(package).join("../Cargo.lock");
    write("Cargo.lock", &std::fs::read_to_string(lock).expect("the lock file"));

    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--offline", "--manifest-path"]).arg(root.join("Cargo.toml"));
    command.env("CARGO_TARGET_DIR", root.join("target"));
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(root.join("target/debug"))
}

/// Runs a program and returns the lines it printed; `None` where it could not be built.
#[track_caller]
fn lines_of(program: &str) -> Option<Vec<String>> {
    let Output { status, stdout, stderr } =
        Command::new(folder()?.join(program)).output().expect("the program was built");
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{program}: {status}\n{stderr}");
    let stdout = String::from_utf8(stdout).expect("text");
    Some(stdout.lines().map(str::to_owned).collect())
}

/// The one line of `main` shows that no child ran it, the second that there was no child.
#[test]
fn a_program_that_forgets_init_is_told_the_line_to_add() {
    let Some(lines) = lines_of("forgets_init") else { return };
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "main");
    assert!(
        lines[1].contains("`multiproc::init()`") && lines[1].contains("first line of `main`"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "no process was made");
}

#[test]
fn a_program_that_calls_init_needs_no_feature() {
    let Some(lines) = lines_of("calls_init") else { return };
    assert_eq!(lines, ["main", "42 from another process", "42 from a copy"]);
}

/// What stands before the call runs in every child, too, and nothing worse happens.
#[test]
fn a_program_that_calls_init_late_works() {
    let Some(lines) = lines_of("calls_init_late") else { return };
    assert_eq!(lines, ["before init", "main", "before init", "42 from another process"]);
}

#[test]
fn a_program_that_hangs_before_init_is_ended_in_time() {
    let Some(lines) = lines_of("hangs_before_init") else { return };
    assert_eq!(lines, ["main", "the child did not start in time and was killed", "no process is left"]);
}
