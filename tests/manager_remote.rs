//! The example `remote_index`: what it says, and what another program can do with its manager.

use ipc_testkit::isolated;
use multiproc::manager::{CallError, Dict, List, Queue};
use multiproc::{Address, Key, Manager};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const KEY: &str = "the key of this test";

fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile =
        test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/manager_remote-HASH");
    let path = profile.join("examples").join("remote_index");
    assert!(path.exists(), "{} is not there: `cargo build --example remote_index` makes it", path.display());
    path
}

#[test]
fn the_index_is_whole() {
    isolated(|| {
        let output = Command::new(program()).output().expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 14, "{text}");
        assert!(lines.contains(&"sea: [1, 2, 5]") && lines.contains(&"ship: [2, 3, 4]"), "{text}");
        assert_eq!(lines.last(), Some(&"5 lines were read"));
    });
}

/// Starts the program, and gives it the key.
fn start(args: &[&str]) -> Child {
    let mut child = Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let input = child.stdin.as_mut().expect("it is a pipe");
    writeln!(input, "{KEY}").expect("it listens");
    child
}

/// This test is another program than the example: it can do all but have functions run there.
#[test]
fn another_program_comes_in() {
    isolated(|| {
        let mut server = start(&["serve"]);
        let mut output = BufReader::new(server.stdout.take().expect("it is a pipe"));
        let mut address = String::new();
        output.read_line(&mut address).expect("an address");
        let address: Address = address.trim().parse().expect("an address");
        let remote =
            Manager::connect(&address, &Key::new(KEY.as_bytes()).expect("a key")).expect("the manager");
        let index: Dict<String, List<u32>> = remote.find("index").expect("a dict");
        let lines: Queue<(u32, String)> = remote.find("lines").expect("a queue");

        let error = remote.value(1).expect("a value").update(|n: &mut i32, (): ()| *n += 1, ()).unwrap_err();
        assert!(
            matches!(&error, CallError::Refused { reason } if reason.contains("no module of this identity")),
            "{error}"
        );
        let error = index.modify(|index, (): ()| index.len(), ()).unwrap_err();
        assert!(matches!(error, CallError::Refused { .. }), "{error}");

        lines.put(&(7, "from elsewhere".to_string())).expect("room");
        lines.close().expect("closed");
        let mut worker = start(&["join", &address.to_string()]);
        drop(worker.stdin.take());
        let said = worker.wait_with_output().expect("its end");
        assert_eq!(String::from_utf8_lossy(&said.stdout), "1 lines were read\n");
        assert_eq!(index.get("elsewhere").expect("a list").expect("some").to_vec().expect("items"), [7]);
        drop((index, lines, remote));
        drop(server.stdin.take());
        let rest: Vec<String> = output.lines().map(|line| line.expect("a line")).collect();
        assert_eq!(rest, ["elsewhere: [7]", "from: [7]"]);
        assert!(server.wait().expect("its end").success());
    });
}
