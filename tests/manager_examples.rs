//! The examples with a manager: what they say by every start method, over TLS if this was built with it, what a wrong command line is
//! told, and what another program can do with the manager of `remote_index`.

use ipc_testkit::isolated;
use multiproc::manager::{CallError, Dict, List, Queue, Remote, RemoteBuilder};
use multiproc::{Address, Key, StartMethod};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const KEY: &str = "the key of this test";

fn program(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile =
        test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/manager_examples-HASH");
    let path = profile.join("examples").join(example);
    assert!(path.exists(), "{} is not there: `cargo build --examples` makes it", path.display());
    path
}

fn run(example: &str, words: &[&str]) -> Output {
    Command::new(program(example)).args(words).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn process_manager_has_them_all() {
    isolated(|| {
        for method in StartMethod::ALL {
            let output = run("process_manager", &["--method", method.name()]);
            assert!(output.status.success() && output.stderr.is_empty(), "by {method}: {output:?}");
            let lines = [
                "list: worker 1, worker 2, worker 3, worker 4, worker 5",
                "dict: [(1, 1), (2, 4), (3, 9), (4, 16), (5, 25)]",
                "odd: 3 workers",
                "even: 2 workers",
                "sum 55, largest 25",
            ];
            assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), lines, "by {method}");
            let output = run("process_manager", &["--workers=1", "--method", method.name()]);
            assert_eq!(
                text(&output.stdout).lines().last(),
                Some("sum 1, largest 1"),
                "by {method}: {output:?}"
            );
        }
    });
}

#[test]
fn remote_index_is_whole() {
    isolated(|| {
        let output = run("remote_index", &[]);
        assert!(output.status.success(), "{output:?}");
        let text = text(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 14, "{text}");
        assert!(lines.contains(&"sea: [1, 2, 5]") && lines.contains(&"ship: [2, 3, 4]"), "{text}");
        let words: Vec<&str> = lines[13].split_whitespace().collect();
        let number = |place: usize| words[place].parse::<u32>().expect("a number");
        let (here, afar) = (number(0), number(5));
        assert!(here + afar == 5 && afar > 0, "{text}");
        let way = if cfg!(feature = "tls") {
            "afar, over TLS"
        } else {
            "afar, in the clear, without the feature tls"
        };
        assert!(lines[13].ends_with(way), "{text}");
    });
}

#[test]
fn a_wrong_command_line_is_told() {
    isolated(|| {
        for (example, words, complaint) in [
            ("process_manager", &["--workers", "0"][..], "--workers takes a number from 1 to 64, not \"0\""),
            ("process_manager", &["--workers"], "--workers needs a value"),
            ("process_manager", &["--method", "teleport"], "teleport"),
            ("process_manager", &["more"], "unknown argument more"),
            ("remote_index", &["more", "and more"], "unknown arguments more and more"),
            ("remote_index", &["join"], "unknown arguments join"),
        ] {
            let output = run(example, words);
            let told = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{example} {words:?}: {output:?}");
            assert!(told.contains(complaint) && told.lines().count() == 1, "{example} {words:?}: {told}");
            assert!(output.stdout.is_empty(), "{example} {words:?}: {output:?}");
            let help = run(example, &["--help"]);
            assert!(help.status.success() && text(&help.stdout).contains("usage: "), "{help:?}");
        }
    });
}

/// Starts the program, and gives it the key.
fn start(args: &[&str]) -> Child {
    let mut child = Command::new(program("remote_index"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let input = child.stdin.as_mut().expect("it is a pipe");
    writeln!(input, "{KEY}").expect("it listens");
    child
}

/// Comes in as the example does.
fn reach(address: &Address) -> Remote {
    let key = Key::new(KEY.as_bytes()).expect("a key");
    let settings = RemoteBuilder::new(&key);
    #[cfg(feature = "tls")]
    let settings = settings.tls(
        multiproc::manager::TlsClient::trusting(
            include_bytes!("../examples/support/certificate.pem"),
            "127.0.0.1",
        )
        .expect("a certificate"),
    );
    settings.connect(address).expect("the manager")
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
        let remote = reach(&address);
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
        assert_eq!(text(&said.stdout), "1 lines were read\n", "{said:?}");
        assert_eq!(index.get("elsewhere").expect("a list").expect("some").to_vec().expect("items"), [7]);
        drop((index, lines, remote));
        drop(server.stdin.take());
        let rest: Vec<String> = output.lines().map(|line| line.expect("a line")).collect();
        assert_eq!(rest, ["elsewhere: [7]", "from: [7]"]);
        assert!(server.wait().expect("its end").success());
        // Nobody is there any more.
        let late = start(&["join", &address.to_string()]).wait_with_output().expect("its end");
        assert_eq!(late.status.code(), Some(3), "{late:?}");
        assert!(text(&late.stderr).starts_with("error: "), "{late:?}");
    });
}
