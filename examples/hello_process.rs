//! Processes: names, numbers, joins, a daemon, exit statuses, and what each start method does with what the parent has.
//!
//! `cargo run --release --example hello_process -- [--method spawn|fork|forkserver]`
//!
//! The parent sets a variable, opens a file without passing it on, and prints a text that it does not flush. What its children find of
//! these three is the difference between the methods.

#[path = "support/args.rs"]
mod args;

use args::Args;
use multiproc::{Builder, JoinError, Process, StartMethod, current, init, parent};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const HELP: &str = "\
Two workers and a daemon tell who they are and what they have of their parent.

usage: hello_process [--method spawn|fork|forkserver]

  --method M  how the processes are started: spawn (else), fork, forkserver
  --help      print this

exit code: 0 all went as it should, 1 it did not, 2 wrong usage, 3 a process or
the output failed";

/// With what code the second worker exits.
const WORKER_CODE: i32 = 3;

/// Set by the parent before it starts anybody.
static VARIABLE: AtomicU32 = AtomicU32::new(0);

fn main() -> ExitCode {
    init();
    args::main(HELP, &[], run)
}

/// Whether all ended as they should.
fn run(Args { method, .. }: Args) -> Result<bool, Box<dyn Error>> {
    let mut out = io::stdout();
    writeln!(out, "{} is process {}", current().name(), current().pid())?;
    VARIABLE.store(42, Ordering::Relaxed);
    // Its number is told to the children, the file itself is not.
    let file = File::open("/dev/zero")?;
    let number = number_of(&file);
    // Not a whole line: it stays in the buffer, until somebody writes it out.
    write!(out, "unflushed, ")?;

    let greeter = start(method, "greeter", greet, number)?;
    let quitter: Process<()> = start(method, "quitter", quit, WORKER_CODE)?;
    let sleeper: Process<()> = Builder::new().method(method).name("sleeper").daemon(true).spawn(sleep, ())?;

    let found = greeter.join()?;
    let end = quitter.join();
    writeln!(out, "and written once")?;
    writeln!(out, "{found}")?;
    writeln!(
        out,
        "sleeper is process {}, alive: {}, daemon: {}",
        sleeper.pid(),
        sleeper.is_alive(),
        sleeper.is_daemon()
    )?;
    let as_told = matches!(end, Err(JoinError::Exited { code: WORKER_CODE }));
    writeln!(out, "quitter: {}", end.err().map_or("it returned".into(), |error| error.to_string()))?;
    // The daemon is left to itself, and ends with this process.
    Ok(as_told)
}

fn start<A, R>(
    method: StartMethod,
    name: &str,
    function: fn(A) -> R,
    args: A,
) -> Result<Process<R>, multiproc::SpawnError>
where
    A: serde::Serialize + serde::de::DeserializeOwned,
    R: serde::Serialize + serde::de::DeserializeOwned,
{
    Builder::new().method(method).name(name).spawn(function, args)
}

/// Tells who this process is, and what it has of its parent.
fn greet(number: i32) -> String {
    let me = current();
    let owner = match parent() {
        Ok(Some(parent)) => format!("{} {}", parent.name(), parent.pid()),
        _ => "nobody".into(),
    };
    let variable = VARIABLE.load(Ordering::Relaxed);
    let file = if is_open(number) { "open" } else { "not there" };
    format!(
        "{} is process {} of {owner}; the variable is {variable}, the file is {file}",
        me.name(),
        me.pid()
    )
}

fn quit(code: i32) {
    std::process::exit(code)
}

fn sleep((): ()) {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn number_of(file: &File) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

/// Whether this process has the file of the parent under the parent's number.
fn is_open(number: i32) -> bool {
    let path = format!("/proc/self/fd/{number}");
    let is_it = std::fs::read_link(&path).is_ok_and(|target| target.as_os_str() == "/dev/zero");
    is_it && File::open(path).and_then(|mut file| file.read_exact(&mut [0])).is_ok()
}
