//! A producer and a consumer with a queue between them, each a process.
//!
//! `cargo run --release --example process_queue -- [--items N] [--end channel|timeout] [--method spawn|fork|forkserver]`
//!
//! The consumer has to know when to stop. With a channel the last item is followed by the end, since the producer is the only
//! one with a sender. With a plain queue everybody can put, so the consumer stops when nothing has come for a while.

use multiproc::queue::{GetTimeoutError, Queue, QueueError, Receiver, SendError, Sender};
use multiproc::{Builder, Process, StartMethod};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
A producer puts items into a queue, a consumer takes them out; each is a process.

usage: process_queue [--items N] [--end channel|timeout] [--method spawn|fork|forkserver]

  --items N    how many items, 1 to 1,000,000; else 5
  --end E      how the consumer learns that there are no more: by the end of the
               channel (else), or by a timeout
  --method M   how the processes are started: spawn (else), fork, forkserver
  --help       print this

exit code: 0 all items arrived in order, 1 they did not, 2 wrong usage, 3 a process
or the output failed";

const ITEMS: RangeInclusive<u32> = 1..=1_000_000;
/// How many items the producer may be ahead.
const CAPACITY: usize = 4;
/// After how long without an item the consumer takes the last one for the last one.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The items arrived in another way than they were put.
const EXIT_WRONG: u8 = 1;
/// The command line is wrong.
const EXIT_USAGE: u8 = 2;
/// A process failed, or there is nobody to print for.
const EXIT_FAILED: u8 = 3;

/// What the producer makes.
#[derive(Serialize, Deserialize)]
struct Item {
    number: u32,
    name: String,
}

#[derive(Clone, Copy)]
struct Args {
    items: u32,
    ends_by_timeout: bool,
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

/// Whether all items have arrived.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let n_arrived = if args.ends_by_timeout { run_queue(args)? } else { run_channel(args)? };
    writeln!(io::stdout(), "{n_arrived} of {} items arrived in order", args.items)?;
    Ok(n_arrived == args.items)
}

fn run_channel(args: Args) -> Result<u32, Box<dyn Error>> {
    let (sender, receiver) = multiproc::channel(CAPACITY)?;
    let consumer = start(args, "consumer", consume_channel, receiver)?;
    // The sender is the child's now, and nobody's once the child has ended, in whatever way.
    let producer = start(args, "producer", produce_channel, (sender, args.items))?;
    producer.join()??;
    Ok(consumer.join()??)
}

fn run_queue(args: Args) -> Result<u32, Box<dyn Error>> {
    let queue = Queue::bounded(CAPACITY)?;
    let consumer = start(args, "consumer", consume_queue, queue.clone())?;
    let producer = start(args, "producer", produce_queue, (queue.clone(), args.items))?;
    let produced = producer.join();
    if !matches!(produced, Ok(Ok(()))) {
        // There may be no item at all, so that the consumer would wait for the first one.
        queue.close();
    }
    produced??;
    Ok(consumer.join()??)
}

fn start<A, R>(
    args: Args,
    name: &str,
    function: fn(A) -> R,
    shared: A,
) -> Result<Process<R>, multiproc::SpawnError>
where
    A: Serialize + serde::de::DeserializeOwned,
    R: Serialize + serde::de::DeserializeOwned,
{
    Builder::new().name(name).method(args.method).spawn(function, shared)
}

fn produce_channel((sender, items): (Sender<Item>, u32)) -> Result<(), String> {
    for number in 1..=items {
        match sender.send(item(number)) {
            Ok(()) => tell(&format!("put {number}"))?,
            Err(SendError::Disconnected(item)) => return Err(format!("nobody wants {}", item.name)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn consume_channel(receiver: Receiver<Item>) -> Result<u32, String> {
    count(receiver.iter())
}

fn produce_queue((queue, items): (Queue<Item>, u32)) -> Result<(), String> {
    for number in 1..=items {
        queue.put(item(number)).map_err(|error| error.to_string())?;
        tell(&format!("put {number}"))?;
    }
    Ok(())
}

fn consume_queue(queue: Queue<Item>) -> Result<u32, String> {
    // The producer may take its time to start.
    let first = queue.iter().next();
    let others = std::iter::from_fn(|| match queue.get_timeout(TIMEOUT) {
        Ok(item) => Some(Ok(item)),
        Err(GetTimeoutError::Failed(error)) => Some(Err(error)),
        Err(_) => None,
    });
    count(first.into_iter().chain(others))
}

/// How many items there are, as long as they come in order.
fn count(items: impl Iterator<Item = Result<Item, QueueError>>) -> Result<u32, String> {
    let mut n_arrived = 0;
    for item in items {
        let Item { number, name } = item.map_err(|error| error.to_string())?;
        tell(&format!("got {number}: {name}"))?;
        n_arrived += u32::from(number == n_arrived + 1);
    }
    Ok(n_arrived)
}

fn item(number: u32) -> Item {
    Item { number, name: format!("item {number}") }
}

/// Reads the words after the name of the program; nothing if they ask for help.
fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = Args { items: 5, ends_by_timeout: false, method: StartMethod::default() };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*word, None),
        };
        let mut value = || value.clone().or_else(|| words.next()).ok_or(format!("{name} needs a value"));
        match name {
            "--items" => args.items = number(&value()?)?,
            "--end" => args.ends_by_timeout = is_timeout(&value()?)?,
            "--method" => args.method = value()?.parse().map_err(|error| format!("{error}"))?,
            _ if word == "--help" || word == "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(Some(args))
}

fn number(value: &str) -> Result<u32, String> {
    let (least, most) = (ITEMS.start(), ITEMS.end());
    let number = value.parse().ok().filter(|number| ITEMS.contains(number));
    number.ok_or(format!("--items takes a number from {least} to {most}, not {value:?}"))
}

fn is_timeout(value: &str) -> Result<bool, String> {
    match value {
        "timeout" => Ok(true),
        "channel" => Ok(false),
        _ => Err(format!("--end takes channel or timeout, not {value:?}")),
    }
}

/// Writes a line to standard output, which another process writes to as well.
fn tell(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("the output failed: {error}"))
}

/// Writes a line to standard error. There is no place to say that nobody listens there.
fn complain(what: &(impl Display + ?Sized)) {
    let _ = writeln!(io::stderr(), "process_queue: {what}");
}
