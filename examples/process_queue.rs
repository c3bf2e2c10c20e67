//! A producer and a consumer with a queue between them, each a process.
//!
//! `cargo run --release --example process_queue -- [--items N] [--end channel|timeout] [--method spawn|fork|forkserver]`
//!
//! The consumer has to know when to stop. With a channel the last item is followed by the end, since the producer is the only
//! one with a sender. With a plain queue everybody can put, so the consumer stops when nothing has come for a while.

#[path = "support/args.rs"]
mod args;

use args::{Args, Opt};
use multiproc::queue::{GetTimeoutError, Queue, QueueError, Receiver, SendError, Sender};
use multiproc::{Builder, Process, StartMethod};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::{self, Write};
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

const OPTIONS: [Opt; 2] = [
    Opt::Number { name: "--items", allowed: 1..=1_000_000, default: 5 },
    Opt::Word { name: "--end", words: &["channel", "timeout"] },
];
/// How many items the producer may be ahead.
const CAPACITY: usize = 4;
/// After how long without an item the consumer takes the last one for the last one.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What the producer makes.
#[derive(Serialize, Deserialize)]
struct Item {
    number: u64,
    name: String,
}

fn main() -> ExitCode {
    multiproc::init();
    args::main(HELP, &OPTIONS, run)
}

/// Whether all items have arrived.
fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let (items, ends_by_timeout) = (args.values[0], args.values[1] == 1);
    let by = if ends_by_timeout { run_queue } else { run_channel };
    let n_arrived = by(args.method, items)?;
    writeln!(io::stdout(), "{n_arrived} of {items} items arrived in order")?;
    Ok(n_arrived == items)
}

fn run_channel(method: StartMethod, items: u64) -> Result<u64, Box<dyn Error>> {
    let (sender, receiver) = multiproc::channel(CAPACITY)?;
    let consumer = start(method, "consumer", consume_channel, receiver)?;
    // The sender is the child's now, and nobody's once the child has ended, in whatever way.
    let producer = start(method, "producer", produce_channel, (sender, items))?;
    producer.join()??;
    Ok(consumer.join()??)
}

fn run_queue(method: StartMethod, items: u64) -> Result<u64, Box<dyn Error>> {
    let queue = Queue::bounded(CAPACITY)?;
    let consumer = start(method, "consumer", consume_queue, queue.clone())?;
    let producer = start(method, "producer", produce_queue, (queue.clone(), items))?;
    let produced = producer.join();
    if !matches!(produced, Ok(Ok(()))) {
        // There may be no item at all, so that the consumer would wait for the first one.
        queue.close();
    }
    produced??;
    Ok(consumer.join()??)
}

fn start<A, R>(
    method: StartMethod,
    name: &str,
    function: fn(A) -> R,
    shared: A,
) -> Result<Process<R>, multiproc::SpawnError>
where
    A: Serialize + serde::de::DeserializeOwned,
    R: Serialize + serde::de::DeserializeOwned,
{
    Builder::new().name(name).method(method).spawn(function, shared)
}

fn produce_channel((sender, items): (Sender<Item>, u64)) -> Result<(), String> {
    for number in 1..=items {
        match sender.send(item(number)) {
            Ok(()) => tell(&format!("put {number}"))?,
            Err(SendError::Disconnected(item)) => return Err(format!("nobody wants {}", item.name)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn consume_channel(receiver: Receiver<Item>) -> Result<u64, String> {
    count(receiver.iter())
}

fn produce_queue((queue, items): (Queue<Item>, u64)) -> Result<(), String> {
    for number in 1..=items {
        queue.put(item(number)).map_err(|error| error.to_string())?;
        tell(&format!("put {number}"))?;
    }
    Ok(())
}

fn consume_queue(queue: Queue<Item>) -> Result<u64, String> {
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
fn count(items: impl Iterator<Item = Result<Item, QueueError>>) -> Result<u64, String> {
    let mut n_arrived = 0;
    for item in items {
        let Item { number, name } = item.map_err(|error| error.to_string())?;
        tell(&format!("got {number}: {name}"))?;
        n_arrived += u64::from(number == n_arrived + 1);
    }
    Ok(n_arrived)
}

fn item(number: u64) -> Item {
    Item { number, name: format!("item {number}") }
}

/// Writes a line to standard output, which another process writes to as well.
fn tell(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("the output failed: {error}"))
}
