//! The rules, a function each.

use super::code::only_code;
use super::tree::File;

/// The crates that may ask which system they run on: the platform crate, and tools that never leave the workspace.
const MAY_ASK_FOR_THE_SYSTEM: [&str; 4] = ["ipc-sys/", "ipc-testkit/", "ipc-bench/", "xtask/"];

/// All findings about one file.
pub(super) fn check(file: &File) -> Vec<String> {
    let mut findings = machine_paths(file);
    if file.path.ends_with(".rs") {
        let code = only_code(&file.text);
        findings.extend(first_line(file));
        findings.extend(platform_switches(file, &code));
        findings.extend(unsafe_without_safety(file, &code));
    }
    findings
}

/// The first line of a source file says what the file is.
fn first_line(file: &File) -> Option<String> {
    let is_build_script = file.path == "build.rs" || file.path.ends_with("/build.rs");
    (!is_build_script && !file.text.starts_with("//!"))
        .then(|| format!("{}:1: begin the file with `//! ` and a sentence that says what it is", file.path))
}

/// No path of the machine somebody works on.
fn machine_paths(file: &File) -> Vec<String> {
    // Put together here, so that the rule does not find itself.
    let folders = ["home", "root", "work", "farm"].map(|name| format!("/{name}/"));
    let has_path = |line: &str| {
        folders.iter().any(|folder| line.match_indices(folder).any(|(at, _)| starts_path(line, at)))
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| has_path(line));
    let finding = |number| {
        format!(
            "{}:{}: a path of one machine: make it relative, or take it from the environment",
            file.path,
            number + 1
        )
    };
    lines.map(|(number, _)| finding(number)).collect()
}

/// Whether the `/` at this place begins a path, and is not in the middle of a longer one or of an address.
fn starts_path(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_')
}

/// Only the platform crate asks which system it is.
fn platform_switches(file: &File, code: &str) -> Vec<String> {
    if MAY_ASK_FOR_THE_SYSTEM.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let is_switch = |line: &str| {
        has_word(line, |word| matches!(word, "cfg" | "cfg_attr"))
            && has_word(line, |word| matches!(word, "target_os" | "target_family" | "unix" | "windows"))
    };
    let lines = code.lines().enumerate().filter(|(_, line)| is_switch(line));
    let finding = |number| {
        format!(
            "{}:{}: a switch by platform: move what differs into ipc-sys and call it",
            file.path,
            number + 1
        )
    };
    lines.map(|(number, _)| finding(number)).collect()
}

/// A file with unsafe code tells at its head what the safety of it rests on.
fn unsafe_without_safety(file: &File, code: &str) -> Option<String> {
    let place = code.lines().position(|line| has_word(line, |word| word == "unsafe"))?;
    let has_section = file.text.lines().any(|line| line.starts_with("//! # Safety"));
    (!has_section).then(|| {
        format!(
            "{}:{}: unsafe code: add a section `//! # Safety` to the head of the file with the invariants it rests on",
            file.path,
            place + 1
        )
    })
}

fn has_word(line: &str, accept: impl Fn(&str) -> bool) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(accept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(path: &str, text: &str) -> Vec<String> {
        check(&File { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        let text = "//! A file.\n//!\n//! # Safety\n//!\n//! 1. It is.\n\nfn f() { unsafe { g() } }\n";
        assert_eq!(check_text("ipc-queue/src/lib.rs", text), [""; 0]);
    }

    #[test]
    fn a_file_without_a_first_line_is_found() {
        assert!(check_text("a/src/lib.rs", "fn f() {}")[0].starts_with("a/src/lib.rs:1: begin the file"));
        assert!(check_text("a/build.rs", "fn main() {}").is_empty());
        assert!(check_text("README.md", "# Title").is_empty());
    }

    #[test]
    fn a_path_of_a_machine_is_found_and_an_address_is_not() {
        let folder = ["", "home", "me"].join("/");
        assert!(check_text("README.md", &format!("text\nsee {folder}"))[0].contains("README.md:2: a path"));
        assert!(check_text("README.md", &format!("see example.org{folder}")).is_empty());
    }

    #[test]
    fn a_platform_switch_is_found_outside_of_the_platform_crate() {
        let text = "//! A file.\n#[cfg(target_os = \"linux\")]\nfn f() {}\n";
        assert!(check_text("ipc-queue/src/lib.rs", text)[0].contains("lib.rs:2: a switch"));
        assert!(check_text("ipc-sys/src/lib.rs", text).is_empty());
        assert!(check_text("ipc-queue/src/lib.rs", "//! A file.\n// cfg(unix) is elsewhere\n").is_empty());
    }

    #[test]
    fn unsafe_code_without_a_section_is_found_and_the_word_alone_is_not() {
        assert!(
            check_text("a/src/lib.rs", "//! A file.\nunsafe impl Send for A {}\n")[0]
                .contains("lib.rs:2: unsafe")
        );
        assert!(
            check_text("a/src/lib.rs", "//! A file.\n#![deny(unsafe_code)]\n// no unsafe here\n").is_empty()
        );
    }
}
