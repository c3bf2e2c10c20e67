//! Messages that tell whether they are whole, the pipes that they go through, and what a receiver has found.

use ipc_pipe::{Builder, Receiver, RecvError, RecvTimeoutError, Sender};
use ipc_testkit::kill::{Row, Sweep};
use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

/// What is promised is one second; the rest is for a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);

/// The smallest ring: a part has 512 bytes.
const RING: usize = 4096;

/// A message that goes in three parts.
pub(crate) const LARGE: u8 = b'l';
/// One that goes in one part, and needs a lock.
pub(crate) const MIDDLE: u8 = b'm';
/// One that needs none.
pub(crate) const SMALL: u8 = b's';

/// The message of this name: as many bytes as its kind has. Made before anything is counted.
pub(crate) fn letter(name: u8) -> &'static [u8] {
    static LETTERS: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    let make = |name: u8, size: usize| (0..size).map(|idx| name ^ (idx as u8)).collect();
    let [large, middle, small] =
        LETTERS.get_or_init(|| [make(LARGE, 1300), make(MIDDLE, 200), make(SMALL, 10)]);
    match name {
        LARGE => large,
        MIDDLE => middle,
        _ => small,
    }
}

/// Both ends of a pipe, of which each process lets go of what is not its own.
pub(crate) struct Ends {
    pub(crate) sender: Cell<Option<Sender<()>>>,
    pub(crate) receiver: Cell<Option<Receiver<()>>>,
}

impl Ends {
    pub(crate) fn new() -> Ends {
        let (sender, receiver) = Builder::new().ring_size(RING).simplex().expect("memory is left");
        Ends { sender: Cell::new(Some(sender)), receiver: Cell::new(Some(receiver)) }
    }

    /// A pipe with these messages in it.
    pub(crate) fn with(letters: &[u8]) -> Ends {
        let ends = Ends::new();
        let sender = ends.take_sender();
        letters.iter().for_each(|name| sender.send_bytes(letter(*name)).expect("there is room"));
        ends.sender.set(Some(sender));
        ends
    }

    pub(crate) fn take_sender(&self) -> Sender<()> {
        self.sender.take().expect("it is there once")
    }

    pub(crate) fn take_receiver(&self) -> Receiver<()> {
        self.receiver.take().expect("it is there once")
    }
}

/// What a receiver finds until the end, or until nothing more comes: the names of the messages, `!` for one that was cut short,
/// `.` for the end, `?` for what must not be.
pub(crate) fn found(receiver: &Receiver<()>, is_alone: bool) -> String {
    let mut found = String::new();
    while found.len() < 20 {
        let wait = if is_alone { LIMIT } else { Duration::from_millis(1) };
        match receiver.recv_bytes_timeout(wait) {
            Ok(bytes) => {
                let name = bytes.first().copied().unwrap_or_default();
                found.push(if bytes == letter(name) { char::from(name) } else { '?' });
            }
            Err(RecvTimeoutError::Recv(RecvError::Truncated)) => found.push('!'),
            Err(RecvTimeoutError::Recv(RecvError::Eof)) => return found + ".",
            Err(RecvTimeoutError::TimedOut) if !is_alone => return found,
            Err(error) => return format!("{found}? {error:?}"),
        }
    }
    found + "?"
}

/// What was found after kills, and how often.
pub(crate) struct Seen {
    label: &'static str,
    allowed: Vec<(&'static str, u64)>,
    losses: u64,
}

impl Seen {
    pub(crate) fn new(label: &'static str, allowed: &[&'static str]) -> Seen {
        Seen { label, allowed: allowed.iter().map(|text| (*text, 0)).collect(), losses: 0 }
    }

    pub(crate) fn add(&mut self, found: &str, point: &dyn std::fmt::Debug) {
        match self.allowed.iter_mut().find(|(text, _)| *text == found) {
            Some((_, count)) => *count += 1,
            None => self.lose(found, point),
        }
    }

    pub(crate) fn lose(&mut self, what: &str, point: &dyn std::fmt::Debug) {
        eprintln!("{}: {what} after a kill at {point:?}", self.label);
        self.losses += 1;
    }

    /// How often something was found that may be.
    pub(crate) fn count(&self, found: &str) -> u64 {
        self.allowed.iter().filter(|(text, _)| *text == found).map(|(_, count)| count).sum()
    }

    /// How often something was found that may not be.
    pub(crate) fn losses(&self) -> u64 {
        self.losses
    }

    /// The row of a sweep: all that may be found was, and nothing else. Which way a call takes depends on time and on names, so up
    /// to two fifths of the points may be missed: step by step a call takes so long that it asks after the other side with each part.
    pub(crate) fn row(&self, swept: &Sweep) -> Row {
        eprintln!(
            "{}: {} points, {} kills, {} missed, {:?}",
            self.label, swept.points, swept.kills, swept.missed, self.allowed
        );
        let saw_all = self.allowed.iter().all(|(_, count)| *count > 0);
        let ok = swept.failed == 0 && swept.missed <= swept.points * 2 / 5 && saw_all;
        Row { losses: self.losses, ok, ..swept.row(self.label) }
    }
}

/// Does once what a process does in its first wait only: forked children go on from there.
pub(crate) fn warm_up() {
    let ends = Ends::with(&[LARGE]);
    assert_eq!(found(&ends.take_receiver(), false), "l");
    let sender = ends.take_sender();
    assert!(sender.send_bytes_timeout(&vec![0; 2 * RING], Duration::from_millis(1)).is_err());
}
