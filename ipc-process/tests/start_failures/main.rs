//! A start that fails is an error of the call, at once, and leaves no process.

mod early;

use ipc_process::{Builder, ExitStatus, SpawnError};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::proc::children;
use ipc_testkit::{isolated, temp_dir};
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn double(number: u64) -> u64 {
    number * 2
}

/// Makes an executable file.
fn program(folder: &Path, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join("program");
    fs::write(&path, content).expect("room on the disk");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("our file");
    path
}

/// A copy of this test program, with `change` made to its bytes.
fn copy_of_this(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read("/proc/self/exe").expect("this program");
    change(&mut bytes);
    program(folder, bytes)
}

/// Where the build id of an ELF file stands: behind the head of its note.
fn build_id(bytes: &[u8]) -> std::ops::Range<usize> {
    // Size of the name, size of the value, kind, name.
    let head = [4_u32, 20, 3].map(u32::to_ne_bytes).concat();
    let head = [head.as_slice(), b"GNU\0"].concat();
    let at = bytes.windows(head.len()).position(|window| window == head).expect("a build id");
    at + head.len()..at + head.len() + 20
}

#[test]
fn a_program_that_is_not_there_is_told_with_the_systems_error() {
    isolated(|| {
        ipc_process::init();
        let before = Snapshot::take();
        let result = Builder::new().executable("/no/such/program").spawn(double, 1);
        let Err(SpawnError::Exec { path, source }) = result else { panic!("{result:?}") };
        assert_eq!((path.as_path(), source.kind()), (Path::new("/no/such/program"), ErrorKind::NotFound));

        let folder = temp_dir();
        let result = Builder::new().executable(folder.path()).spawn(double, 1);
        let Err(SpawnError::Exec { source, .. }) = result else { panic!("{result:?}") };
        assert_eq!(source.kind(), ErrorKind::PermissionDenied);

        let path = program(folder.path(), "neither a script nor anything that the system runs");
        let result = Builder::new().executable(path).spawn(double, 1);
        let Err(SpawnError::Exec { source, .. }) = result else { panic!("{result:?}") };
        assert_eq!(source.raw_os_error(), Some(libc::ENOEXEC));

        drop(folder);
        assert_eq!(children(), []);
        before.assert_no_growth();
    });
}

#[test]
fn a_program_that_knows_nothing_of_us_is_told_by_its_status() {
    isolated(|| {
        ipc_process::init();
        for (path, code) in [("/bin/true", 0), ("/bin/false", 1)] {
            let result = Builder::new().executable(path).spawn(double, 1);
            let Err(SpawnError::Died { status }) = result else { panic!("{result:?}") };
            assert_eq!(status, ExitStatus::Exited(code));
        }
        assert_eq!(children(), []);
    });
}

#[test]
fn a_program_that_never_says_a_word_is_ended_in_time() {
    isolated(|| {
        ipc_process::init();
        let folder = temp_dir();
        let path = program(folder.path(), "#!/bin/sh\nexec sleep 1000\n");
        let timeout = Duration::from_millis(300);
        let begin = Instant::now();
        let result = Builder::new().executable(path).start_timeout(timeout).spawn(double, 1);
        assert!(begin.elapsed() >= timeout);
        assert!(matches!(result, Err(SpawnError::TimedOut)), "{result:?}");
        assert_eq!(children(), []);
    });
}

#[test]
fn a_program_of_another_build_is_refused() {
    isolated(|| {
        ipc_process::init();
        let folder = temp_dir();
        let path = copy_of_this(folder.path(), |bytes| {
            let id = build_id(bytes);
            bytes[id.start] ^= 1;
        });
        let result = Builder::new().executable(path).spawn(double, 1);
        assert!(matches!(result, Err(SpawnError::ImageDiffers { .. })), "{result:?}");
        assert_eq!(children(), []);
    });
}

#[test]
fn the_same_program_under_another_path_is_accepted() {
    isolated(|| {
        ipc_process::init();
        let folder = temp_dir();
        let path = copy_of_this(folder.path(), |_| ());
        let process = Builder::new().executable(path).spawn(double, 4).expect("a process");
        assert_eq!(process.join().expect("a number"), 8);
    });
}

/// As an update does it to a program that is running.
#[test]
fn a_program_that_was_deleted_or_replaced_starts_itself() {
    fn replace_and_spawn(by: Option<String>) -> (bool, u64, u64) {
        let path = std::env::current_exe().expect("a path");
        fs::remove_file(&path).expect("our file");
        if let Some(by) = &by {
            fs::copy(by, &path).expect("room on the disk");
        }
        let process = Builder::new().spawn(double, 4).expect("a process");
        let is_there = path.exists();
        let below = Builder::new().spawn(spawn_below, 5).expect("a process");
        (is_there, process.join().expect("a number"), below.join().expect("a number"))
    }
    fn spawn_below(number: u64) -> u64 {
        Builder::new().spawn(double, number).expect("a process").join().expect("a number")
    }
    isolated(|| {
        ipc_process::init();
        for by in [None, Some("/bin/true".to_owned())] {
            let folder = temp_dir();
            let path = copy_of_this(folder.path(), |_| ());
            let is_there = by.is_some();
            let process = Builder::new().executable(path).spawn(replace_and_spawn, by).expect("a process");
            assert_eq!(process.join().expect("numbers"), (is_there, 8, 10));
        }
    });
}

/// Starts it so many times. One start takes a few milliseconds; if each took a second, as it does for whoever waits for more than the
/// child, a hundred would meet the watchdog.
#[track_caller]
fn assert_told_at_once(
    n_rounds: u32,
    mut start: impl FnMut() -> Result<(), SpawnError>,
    is_right: impl Fn(&SpawnError) -> bool,
) {
    for round in 0..n_rounds {
        let error = start().expect_err("the child dies");
        assert!(is_right(&error), "round {round}: {error:?}");
    }
    assert_eq!(children(), []);
}

/// As [`assert_told_at_once`], a hundred times, for a child that is this shell script.
#[track_caller]
fn assert_death_is_told(script: &str, is_right: impl Fn(&SpawnError) -> bool) {
    assert_script_is_told(100, script, is_right);
}

#[track_caller]
fn assert_script_is_told(n_rounds: u32, script: &str, is_right: impl Fn(&SpawnError) -> bool) {
    ipc_process::init();
    let folder = temp_dir();
    let path = program(folder.path(), format!("#!/bin/bash\n{script}\n"));
    let start = || Builder::new().executable(&path).spawn(double, 1).map(drop);
    assert_told_at_once(n_rounds, start, is_right);
}

#[test]
fn a_child_that_is_killed_before_its_first_word_is_told() {
    isolated(|| {
        let killed = |error: &SpawnError| {
            matches!(error, SpawnError::Died { status: ExitStatus::Signaled { signal: 9, .. } })
        };
        assert_death_is_told("kill -9 $$", killed);
    });
}

#[test]
fn a_child_that_exits_before_its_first_word_is_told() {
    isolated(|| {
        let left = |error: &SpawnError| matches!(error, SpawnError::Died { status: ExitStatus::Exited(7) });
        assert_death_is_told("exit 7", left);
    });
}

/// It holds the channel no more, so that no word can come, and does not end by itself.
#[test]
fn a_child_that_closes_its_channel_is_told_and_ended() {
    isolated(|| {
        let script = "fd=${MULTIPROC_CHANNEL%%:*}; eval \"exec $fd>&-\"; exec sleep 1000";
        // Each takes the tenth of a second that the child may need to end by itself.
        let went_on = |error: &SpawnError| matches!(error, SpawnError::ImageDiffers { .. });
        assert_script_is_told(20, script, went_on);
    });
}

/// A stranger that inherited the channel keeps it open. The end of the child counts.
#[test]
fn a_child_that_dies_while_another_process_holds_its_channel_is_told() {
    isolated(|| {
        let left = |error: &SpawnError| matches!(error, SpawnError::Died { status: ExitStatus::Exited(7) });
        assert_death_is_told("sleep 1 & exit 7", left);
    });
}

#[test]
fn a_child_that_writes_garbage_is_told_and_ended() {
    isolated(|| {
        let script = "fd=${MULTIPROC_CHANNEL%%:*}; echo garbage >&$fd; exec sleep 1000";
        assert_death_is_told(script, |error| matches!(error, SpawnError::ImageDiffers { .. }));
    });
}

/// A child of our own program, too, may die before `init` was called.
#[test]
fn a_child_that_dies_in_a_constructor_is_told() {
    isolated(|| {
        ipc_process::init();
        let start = || Builder::new().env(early::VARIABLE, "9").spawn(double, 1).map(drop);
        assert_told_at_once(100, start, |error| {
            matches!(error, SpawnError::Died { status: ExitStatus::Exited(9) })
        });
        assert_eq!(Builder::new().spawn(double, 4).expect("a process").join().expect("a number"), 8);
    });
}

#[test]
fn arguments_whose_decoding_panics_are_told() {
    isolated(|| {
        ipc_process::init();
        let result = Builder::new().spawn(|_: early::PanicsOnArrival| (), early::PanicsOnArrival);
        let Err(SpawnError::Arguments { reason }) = result else { panic!("{result:?}") };
        assert!(reason.contains("never arrived"), "{reason}");
        let result = Builder::new().spawn(|_: early::RefusesOnArrival| (), early::RefusesOnArrival);
        let Err(SpawnError::Arguments { reason }) = result else { panic!("{result:?}") };
        assert!(reason.contains("not welcome"), "{reason}");
        assert_eq!(children(), []);
    });
}
