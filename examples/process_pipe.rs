//! A sender and a receiver with a pipe between them, each a process.
//!
//! `cargo run --release --example process_pipe -- [--messages N] [--method spawn|fork|forkserver]`
//!
//! The receiver does not have to be told when to stop: when the sender has let go of its end, or has ended in any other way, the
//! pipe ends behind the last message.

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::{Builder, Process, Receiver, RecvError, SendError, Sender, StartMethod, simplex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io::{self, Write};
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

const OPTIONS: [Opt; 1] = [Opt::Number { name: "--messages", allowed: 1..=1_000_000, default: 5 }];

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// Whether all messages have arrived.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let messages = args.values[0];
    let (sender, receiver) = simplex()?;
    // Each end is the child's now, and nobody's once the child has ended.
    let receiver = start(args.method, "receiver", receive, receiver)?;
    let sender = start(args.method, "sender", send, (sender, messages))?;
    sender.join()??;
    let n_arrived = receiver.join()??;
    writeln!(io::stdout(), "{n_arrived} of {messages} messages arrived in order")?;
    Ok(n_arrived == messages)
}

fn start<A, R>(
    method: StartMethod,
    name: &str,
    function: fn(A) -> R,
    end: A,
) -> Result<Process<R>, multiproc::SpawnError>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().name(name).method(method).spawn(function, end)
}

fn send((sender, messages): (Sender<String>, u64)) -> Result<(), String> {
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
fn receive(receiver: Receiver<String>) -> Result<u64, String> {
    let mut n_arrived = 0;
    loop {
        match receiver.recv() {
            Ok(text) => {
                tell(&format!("received {text}"))?;
                n_arrived += u64::from(text == message(n_arrived + 1));
            }
            Err(RecvError::Eof) => {
                tell("the sender has closed the pipe")?;
                return Ok(n_arrived);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn message(number: u64) -> String {
    format!("message {number}")
}

/// Writes a line to standard output, which another process writes to as well.
fn tell(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("the output failed: {error}"))
}
