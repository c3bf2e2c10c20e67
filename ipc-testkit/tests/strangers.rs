//! Tests run side by side: what one of them makes meanwhile is not a leak of another.

use ipc_testkit::{isolated, proc, temp_dir, unique_name};
use std::fs::File;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Duration;

/// Runs a script in a process without the token of the run, as another test would at the same time.
///
/// Nobody waits for the process: it is to be there when the leak check looks.
fn as_a_stranger(script: &str) {
    let program = Command::new("setsid")
        .args(["-f", "sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .status();
    assert!(program.expect("the program is there").success());
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn an_object_that_a_stranger_has_open_is_his() {
    isolated(|| as_a_stranger("f=/dev/shm/psm_$$; exec 3>$f; sleep 3; rm $f"));
}

#[test]
fn a_name_of_another_run_is_not_asked_for() {
    isolated(|| as_a_stranger("f=/dev/shm/ipctk0-0.0-$$; : >$f; sleep 3; rm $f"));
}

#[test]
fn a_folder_with_a_bound_socket_or_an_open_file_has_a_user() {
    isolated(|| {
        let folder = temp_dir();
        let listener = UnixListener::bind(folder.path().join("socket")).expect("the folder is there");
        assert_eq!(proc::users(folder.path()), [proc::own_pid()]);
        drop(listener);
        assert_eq!(proc::users(folder.path()), []);
        let file = File::create(folder.path().join(unique_name("file"))).expect("the folder is there");
        assert_eq!(proc::users(folder.path()), [proc::own_pid()]);
        drop(file);
        assert_eq!(proc::users(folder.path()), []);
    });
}
