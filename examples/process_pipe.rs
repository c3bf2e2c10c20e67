//! A sender and a receiver with a pipe between them, each a process.
//!
//! `cargo run --release --example process_pipe -- [--messages N] [--method spawn|fork|forkserver]`
//!
//! The receiver does not have to be told when to stop: when the sender has let go of its end, or has ended in any other way, the
//! pipe ends behind the last message.

use multiproc::{Builder, Process, Receiver, RecvError, SendError, Sender, StartMethod, simplex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;

const HELP: &str = "\
A sender sends messages into a pipe, a receiver receives them until the pipe
ends; each is a process.

usage: process_pipe [--messages N] [--method spawn|fork|forkserver]

  --messages N  how many messages, 1 to 1,000,000; else 5
  --method M    how the processes are started: spawn (else), fork,
                forkserver
  --help        print this

exit code: 0 all messages arrived in order, 1 they did not, 2 wrong usage, 3 a
process or the output failed";

const MESSAGES: RangeInclusive<u32> = 1..=1_000_000;

/// The messages arrived in another way than they were sent.
const EXIT_WRONG: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// A process failed, or there is nobody to print for.
const EXIT_FAILED: u8 = 3;

#[derive(Clone, Copy)]
struct Args {
    messages: u32,
    method: StartMethod,
}

fn main() -> ExitCode {
    multiproc::init();
    let result = match parse(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())) {
        Ok(Some(args)) => run(args),
        Ok(None) => writeln!(io::stdout(), "{HELP}").map(|()| true).map_err(Into::into),
        Err(problem) => {
            complain(&format!("{problem}; see --help"));
            return EXIT_USAGE.into();
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => EXIT_WRONG.into(),
        Err(error) => {
            complain(&*error);
            EXIT_FAILED.into()
        }
    }
}

/// Whether all messages have arrived.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (sender, receiver) = simplex()?;
    // Each end is the child's now, and nobody's once the child has ended.
    let receiver = start(args, "receiver", receive, receiver)?;
    let sender = start(args, "sender", send, (sender, args.messages))?;
    sender.join()??;
    let n_arrived = receiver.join()??;
    writeln!(io::stdout(), "{n_arrived} of {} messages arrived in order", args.messages)?;
    Ok(n_arrived == args.messages)
}

fn start<A, R>(
    args: Args,
    name: &str,
    function: fn(A) -> R,
    end: A,
) -> Result<Process<R>, multiproc::SpawnError>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().name(name).method(args.method).spawn(function, end)
}

fn send((sender, messages): (Sender<String>, u32)) -> Result<(), String> {
    for number in 1..=messages {
        match sender.send(message(number)) {
            Ok(()) => tell(&format!("sent {number}"))?,
            Err(SendError::Closed(message)) => return Err(format!("nobody wants {message}")),
            Err(error) => return Err(error.to_string()),
        }
    }
    // What ends here is the sender's only copy, and with it the pipe.
    Ok(())
}

/// How many messages there are, as long as they come in order.
fn receive(receiver: Receiver<String>) -> Result<u32, String> {
    let mut n_arrived = 0;
    loop {
        match receiver.recv() {
            Ok(text) => {
                tell(&format!("received {text}"))?;
                n_arrived += u32::from(text == message(n_arrived + 1));
            }
            Err(RecvError::Eof) => {
                tell("the sender has closed the pipe")?;
                return Ok(n_arrived);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn message(number: u32) -> String {
    format!("message {number}")
}

/// Reads the words after the name of the program; nothing if they ask for help.
fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = Args { messages: 5, method: StartMethod::default() };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*word, None),
        };
        let mut value = || value.clone().or_else(|| words.next()).ok_or(format!("{name} needs a value"));
        match name {
            "--messages" => args.messages = number(&value()?)?,
            "--method" => args.method = value()?.parse().map_err(|error| format!("{error}"))?,
            _ if word == "--help" || word == "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(Some(args))
}

fn number(value: &str) -> Result<u32, String> {
    let (least, most) = (MESSAGES.start(), MESSAGES.end());
    let number = value.parse().ok().filter(|number| MESSAGES.contains(number));
    number.ok_or(format!("--messages takes a number from {least} to {most}, not {value:?}"))
}

/// Writes a line to standard output, which another process writes to as well.
fn tell(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("the output failed: {error}"))
}

/// Writes a line to standard error. There is no place to say that nobody listens there.
fn complain(what: &(impl Display + ?Sized)) {
    let _ = writeln!(io::stderr(), "process_pipe: {what}");
}
