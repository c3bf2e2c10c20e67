//! A name of the family that does not tell whose it is, left in `/dev/shm`.
//!
//! Alone in its file: a name of this kind is reported by every test that runs while it appears.

use ipc_testkit::{Failure, Isolated};
use std::fs::{self, File};

#[test]
fn a_name_without_token_is_found() {
    let report = Isolated::new().try_run(|| {
        File::create(format!("/dev/shm/psm_{:x}", std::process::id())).expect("the folder is there");
    });
    let failures = report.expect_err("a name is left").failures;
    let [Failure::Leaked { what }] = &failures[..] else { panic!("{failures:?}") };
    let path = what.strip_prefix("name ").expect("a name is reported");
    assert!(path.starts_with("/dev/shm/psm_"), "{path}");
    // The kit removes only what has its own token. This one might have been somebody's.
    fs::remove_file(path).expect("the file is there");
}
