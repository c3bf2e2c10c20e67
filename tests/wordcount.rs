//! The example `wordcount`: its counts are exact however the files are cut and whoever is killed, and bad input is told.

use ipc_testkit::{Rng, TempDir, isolated, isolated_within, temp_dir};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

#[path = "../examples/wordcount/corpus.rs"]
#[expect(dead_code, reason = "the tests take a part of it")]
mod corpus;
#[path = "../examples/wordcount/counts.rs"]
#[expect(dead_code, reason = "the tests take a part of it")]
mod counts;
#[path = "../examples/wordcount/hash.rs"]
mod hash;
#[path = "../examples/wordcount/pieces.rs"]
#[expect(dead_code, reason = "the tests take a part of it")]
mod pieces;
#[path = "../examples/wordcount/plain.rs"]
#[expect(dead_code, reason = "the tests take a part of it")]
mod plain;
#[path = "../examples/wordcount/tokens.rs"]
mod tokens;

use counts::Counts;

/// The JSON object that the program prints; another name in it is an error.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    files: u64,
    bytes: u64,
    skipped: u64,
    words: u64,
    distinct: usize,
    top: Vec<(String, u64)>,
    workers: usize,
    killed: u64,
    seconds: f64,
    speedup: f64,
}

/// A text with everything that is easily got wrong.
const UNICODE: &str = "Straße STRASSE ẞ İstanbul ISTANBUL ıslak ΟΔΥΣΣΕΥΣ e\u{301}tude étude Étude 東京 東京。 ½ x² ٣٤ \
    don't snake_case UTF-8 a\u{200D}b ŉ Ǆ ﬁ 𝔘 \u{1F600}grin\u{1F600} ß";

// The parts, in this process.

#[test]
fn ranges_between_allowed_cuts_have_the_words_of_the_whole() {
    let mut rng = Rng::from_env();
    for _ in 0..2000 {
        let text = random_bytes(&mut rng);
        let whole = expected(&text);
        let mut plain = Counts::default();
        plain::add_text(&mut plain, &text);
        assert_eq!(sorted(&plain), whole, "the plain count of {text:?}");
        // Every allowed place is a cut or is none, by chance.
        let mut ranges = Counts::default();
        let odds = 1 + rng.below(5);
        let mut start = 0;
        for end in 1..=text.len() {
            if end == text.len() || (pieces::can_cut_behind(text[end - 1]) && rng.one_in(odds)) {
                tokens::add_range(&mut ranges, &text[start..end]);
                start = end;
            }
        }
        assert_eq!(ranges, plain, "{text:?}");
    }
}

#[test]
fn files_are_cut_where_it_is_allowed_and_nowhere_else() {
    let mut rng = Rng::from_env();
    for _ in 0..300 {
        let mut text = random_bytes(&mut rng);
        // Some longer than a window, with a separator or none.
        if rng.one_in(10) {
            text.extend(std::iter::repeat_n(b'x', rng.below(20_000) as usize));
            text.extend(random_bytes(&mut rng));
        }
        let size = text.len() as u64;
        let piece_size = 1 + rng.below(size.max(10));
        let cuts = pieces::cuts(Cursor::new(&text), size, piece_size).expect("memory can be read");
        assert!(cuts.is_sorted_by(|left, right| left < right), "{cuts:?}");
        assert!(
            cuts.iter().all(|&cut| cut < size && pieces::can_cut_behind(text[cut as usize - 1])),
            "{cuts:?}"
        );
        let bounds: Vec<u64> = [0].into_iter().chain(cuts).chain([size]).collect();
        for piece in bounds.windows(2).filter(|piece| piece[1] - piece[0] > 2 * piece_size) {
            // Too large because it had to be: behind the next multiple there is no place.
            let from = ((piece[0] / piece_size + 1) * piece_size) as usize;
            let body = &text[from..piece[1] as usize - 1];
            assert!(!body.iter().any(|&byte| pieces::can_cut_behind(byte)), "{piece:?} of {piece_size}");
        }
    }
}

// The program.

#[test]
fn counts_are_those_of_an_independent_count() {
    isolated(|| {
        let folder = temp_dir();
        let mut rng = Rng::from_env();
        let invalid = b"caf\xC3 \xFF\xFEword\xE6\x9D mid\x80dle \xED\xA0\x80 \xF4\x90\x80\x80 end\xE6\x9D";
        let mut texts =
            vec![UNICODE.repeat(30).into_bytes(), invalid.repeat(50), Vec::new(), b"one".to_vec()];
        texts.extend((0..20).map(|_| random_bytes(&mut rng)));
        // Words that lie across every multiple of the size of a piece.
        texts.push("abcdefghij ".repeat(3000).into_bytes());
        texts.push("Ünïcödé…".repeat(3000).into_bytes());
        for (number, text) in texts.iter().enumerate() {
            write(&folder, &format!("folder-{}/text-{number}", number % 3), text);
        }
        for piece_size in ["7", "64", "1000", "1000000"] {
            let output =
                wordcount(&[folder.path().as_os_str(), "--piece-size".as_ref(), piece_size.as_ref()]);
            assert_exact(&output, &texts);
        }
    });
}

#[test]
fn a_file_without_a_place_to_cut_stays_whole() {
    isolated(|| {
        let folder = temp_dir();
        let texts =
            ["ß".repeat(100_000).into_bytes(), vec![0xFF; 100_000], [&[b'a'; 99_999][..], b" "].concat()];
        for (number, text) in texts.iter().enumerate() {
            write(&folder, &number.to_string(), text);
        }
        assert_exact(&wordcount(&[folder.path().as_os_str(), "--piece-size=1000".as_ref()]), &texts);
    });
}

#[test]
fn every_start_method_counts_alike() {
    isolated(|| {
        let folder = temp_dir();
        let texts = [UNICODE.repeat(100).into_bytes()];
        write(&folder, "text", &texts[0]);
        for method in ["spawn", "fork"] {
            let options = ["--method", method, "--workers", "3", "--piece-size=500"].map(OsStr::new);
            assert_exact(&wordcount(&[&[folder.path().as_os_str()][..], &options].concat()), &texts);
        }
    });
}

#[test]
fn killed_workers_change_nothing() {
    isolated_within(Duration::from_secs(240), || {
        let folder = temp_dir();
        let mut rng = Rng::from_env();
        let words: Vec<String> =
            (0..5000).map(|_| format!("{:x}", rng.next_u64() >> rng.below(60))).collect();
        let mut text = String::new();
        while text.len() < 20_000_000 {
            text.push_str(rng.pick::<String>(&words));
            text.push(*rng.pick(&[' ', '\n', '-', '…']));
        }
        let texts = [text.into_bytes()];
        write(&folder, "text", &texts[0]);
        // Pieces so small that also a slow build ends a task between two kills.
        let options = ["--chaos", "--workers=2", "--piece-size=100000"].map(OsStr::new);
        let runs: Vec<Output> =
            (0..3).map(|_| wordcount(&[&[folder.path().as_os_str()][..], &options].concat())).collect();
        let first = assert_exact(&runs[0], &texts);
        for run in &runs[1..] {
            // All but what chance and the machine have a part in.
            let Report { killed, seconds, speedup, .. } = first;
            assert_eq!(Report { killed, seconds, speedup, ..report(run) }, first);
        }
        let n_killed: u64 = runs.iter().map(|run| report(run).killed).sum();
        println!("{n_killed} workers were killed");
        assert!(n_killed > 0);
    });
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_counted() {
    isolated(|| {
        let folder = temp_dir();
        let text = b"The rest is counted".to_vec();
        write(&folder, "text", &text);
        let missing = folder.path().join("missing");
        // The memory of a process is a file by its looks, and the first page of it cannot be read by anybody.
        symlink("/proc/self/mem", folder.path().join("unreadable")).expect("a link can be made");
        symlink("nowhere", folder.path().join("dangling")).expect("a link can be made");
        symlink("..", dir(&folder, "sub").join("loop")).expect("a link can be made");
        let _socket = UnixListener::bind(folder.path().join("socket")).expect("a socket can be made");
        let fifo = Command::new("mkfifo").arg(folder.path().join("fifo")).status();
        assert!(fifo.expect("the program is there").success());

        let output = wordcount(&[folder.path().as_os_str(), missing.as_os_str(), "/dev/null".as_ref()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_same(&report(&output), &[text]);
        for (name, reason) in [
            ("missing", "No such file"),
            ("unreadable", "Input/output error"),
            ("dangling", "No such file"),
            ("sub/loop", "a link back to"),
            ("socket", "neither a file nor a folder"),
            ("fifo", "neither a file nor a folder"),
            ("/dev/null", "neither a file nor a folder"),
        ] {
            let line = format!("wordcount: {}: ", folder.path().join(name).display());
            assert_told(&output, &line);
            assert_told(&output, reason);
        }
        assert_eq!(stderr(&output).lines().count(), 7, "one line each");
    });
}

#[test]
fn a_big_file_that_may_not_be_read_is_told() {
    isolated(|| {
        let folder = temp_dir();
        let text = b"may be read".to_vec();
        write(&folder, "text", &text);
        let secret = write(&folder, "secret", &b"secret ".repeat(1000));
        fs::set_permissions(&secret, PermissionsExt::from_mode(0o000)).expect("it is ours");
        if File::open(&secret).is_ok() {
            println!("skipped: this user may read everything");
            return;
        }
        let output = wordcount(&[folder.path().as_os_str(), "--piece-size=100".as_ref()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_told(&output, "Permission denied");
        assert_same(&report(&output), &[text]);
    });
}

#[test]
fn nothing_to_count_is_told() {
    isolated(|| {
        let folder = temp_dir();
        let output = wordcount(&[folder.path().as_os_str()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_told(&output, "there is no file to count");
        assert_same(&report(&output), &[]);
        // A file of nothing is a file.
        write(&folder, "empty", b"");
        assert_exact(&wordcount(&[folder.path().as_os_str()]), &[Vec::new()]);
    });
}

#[test]
fn any_path_can_be_named() {
    isolated(|| {
        let folder = temp_dir();
        let text = b"a name is a name".to_vec();
        let not_utf8 = folder.path().join(OsStr::from_bytes(b"n\xFFme"));
        fs::write(&not_utf8, &text).expect("the folder is there");
        write(&folder, "--json", &text);
        assert_exact(&wordcount(&[not_utf8.as_os_str()]), std::slice::from_ref(&text));
        let mut command = program();
        let output = command.current_dir(folder.path()).args(["--json", "--", "--json"]).output();
        assert_exact(&output.expect("the program runs"), &[text]);
    });
}

#[test]
fn without_a_path_the_downloaded_sources_are_counted() {
    isolated(|| {
        let folder = temp_dir();
        let text = b"fn main() {}".to_vec();
        write(&folder, "registry/src/index/crate-1.0.0/main.rs", &text);
        let output = program().arg("--json").env("CARGO_HOME", folder.path()).output();
        assert_exact(&output.expect("the program runs"), &[text]);
        // None are downloaded there: it is this project.
        let output = program().arg("--json").env("CARGO_HOME", folder.path().join("registry")).output();
        let output = output.expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        assert!(report(&output).distinct > 100);
    });
}

#[test]
fn people_get_a_table() {
    isolated(|| {
        let folder = temp_dir();
        let path = write(&folder, "text", b"b a b");
        let output = program().arg(path).output().expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        let table = String::from_utf8(output.stdout.clone()).expect("it is text");
        assert!(table.starts_with("           2  b\n           1  a\n"), "{table}");
        assert!(table.contains("bytes in 1 files"), "{table}");
        assert_eq!(stderr(&output), "", "no bar where nobody sees it");
    });
}

#[test]
fn wrong_usage_is_told() {
    isolated(|| {
        for (args, reason) in [
            (&["--workers", "0"][..], "--workers takes a number from 1 to 1024, not \"0\""),
            (&["--workers=many"], "--workers takes a number from 1 to 1024, not \"many\""),
            (&["--workers=4000000000"], "--workers takes a number from 1 to 1024"),
            (&["--workers"], "--workers needs a value"),
            (&["--method", "clone"], "there is no start method \"clone\"; there are spawn, fork"),
            (&["--fast"], "unknown option --fast"),
            (&["--json=no"], "unknown option --json=no"),
            (&["-x"], "unknown option -x"),
        ] {
            let output = program().args(args).output().expect("the program runs");
            assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
            assert_told(&output, reason);
            assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
        }
        let output = program().args(["--help", "--fast"]).output().expect("the program runs");
        assert!(output.status.success());
        assert!(output.stdout.starts_with(b"Counts the words"), "{output:?}");
    });
}

// Running it.

/// The program, which cargo builds together with the tests of the package.
fn program() -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is target/PROFILE/deps/wordcount-HASH");
    let path = profile.join("examples").join("wordcount");
    assert!(path.exists(), "{} is not there: `cargo build --example wordcount` makes it", path.display());
    Command::new(path)
}

/// Runs the program for JSON, by two workers if nothing else is said.
fn wordcount(args: &[&OsStr]) -> Output {
    program().args(["--json", "--workers=2"]).args(args).output().expect("the program runs")
}

fn report(output: &Output) -> Report {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_told(output: &Output, what: &str) {
    assert!(stderr(output).contains(what), "no {what:?} in {}", stderr(output));
}

/// The program has ended well, said nothing else, and counted these texts.
#[track_caller]
fn assert_exact(output: &Output, texts: &[Vec<u8>]) -> Report {
    assert_eq!((output.status.code(), &*stderr(output)), (Some(0), ""));
    let report = report(output);
    assert_same(&report, texts);
    report
}

/// The report is that of these texts.
#[track_caller]
fn assert_same(report: &Report, texts: &[Vec<u8>]) {
    let mut words = BTreeMap::new();
    let mut skipped = 0;
    for text in texts {
        let counted = expected(text);
        skipped += counted.skipped;
        counted.words.into_iter().for_each(|(word, count)| *words.entry(word).or_default() += count);
    }
    let mut top: Vec<(String, u64)> = words.clone().into_iter().collect();
    // Stable, so that words of the same count stay in the order of the map.
    top.sort_by_key(|&(_, count)| u64::MAX - count);
    top.truncate(20);
    assert_eq!(report.files, texts.len() as u64);
    assert_eq!(report.bytes, texts.iter().map(|text| text.len() as u64).sum::<u64>());
    assert_eq!(report.skipped, skipped);
    assert_eq!(report.words, words.values().sum::<u64>());
    assert_eq!(report.distinct, words.len());
    assert_eq!(report.top, top);
    assert!(report.workers > 0 && report.seconds > 0.0 && report.speedup > 0.0, "{report:?}");
}

// Texts, and what is in them.

#[derive(Debug, PartialEq)]
struct Expected {
    skipped: u64,
    words: BTreeMap<String, u64>,
}

/// What is to be counted in a text, by other means than the program's: what is no UTF-8 becomes a sign that is no letter.
fn expected(text: &[u8]) -> Expected {
    let mut words = BTreeMap::new();
    for word in String::from_utf8_lossy(text).split(|letter: char| !letter.is_alphanumeric()) {
        let word: String = word.chars().flat_map(char::to_lowercase).collect();
        if !word.is_empty() {
            *words.entry(word).or_default() += 1;
        }
    }
    let mut n_valid = 0;
    let mut rest = text;
    while !rest.is_empty() {
        // One character of one to four bytes, or one byte that begins none.
        let length = (1..=rest.len().min(4)).find(|&length| std::str::from_utf8(&rest[..length]).is_ok());
        n_valid += length.unwrap_or(0);
        rest = &rest[length.unwrap_or(1)..];
    }
    Expected { skipped: (text.len() - n_valid) as u64, words }
}

fn sorted(counts: &Counts) -> Expected {
    let words = counts.iter().map(|(word, count)| (word.to_owned(), count)).collect();
    Expected { skipped: counts.skipped, words }
}

/// Up to some hundred bytes: noise, letters of all lengths, and characters that were cut off.
fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    let letters: Vec<char> = UNICODE.chars().collect();
    let mut bytes = Vec::new();
    for _ in 0..rng.below(150) {
        let mut buffer = [0; 4];
        let letter = rng.pick(&letters).encode_utf8(&mut buffer).as_bytes();
        match rng.below(6) {
            0 => bytes.push(rng.next_u64() as u8),
            1 => bytes.push(*rng.pick(b" \n-_0aZ'\0\x7F")),
            2 => bytes.extend_from_slice(&letter[..rng.below(letter.len() as u64 + 1) as usize]),
            _ => bytes.extend_from_slice(letter),
        }
    }
    bytes
}

fn write(folder: &TempDir, name: &str, text: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is there");
    fs::write(&path, text).expect("the folder is there");
    path
}

fn dir(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir(&path).expect("the folder is there");
    path
}
