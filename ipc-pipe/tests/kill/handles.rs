//! A process that is killed while it sends or receives a message with a handle: the handle arrives, or is closed.

use crate::letters::{LIMIT, Seen};
use ipc_pipe::{Receiver, RecvError, RecvTimeoutError, Sender, simplex};
use ipc_testkit::kill::{Args, Row, sweep};
use std::cell::Cell;

/// A message with the end of another pipe, and text that makes it small or one of parts.
type Letter = (Sender<u8>, String);

struct Ends {
    sender: Cell<Option<Sender<Letter>>>,
    receiver: Cell<Option<Receiver<Letter>>>,
    /// What travels, and its other end.
    inner: Cell<Option<Sender<u8>>>,
    witness: Receiver<u8>,
}

impl Ends {
    fn new() -> Ends {
        let (sender, receiver) =
            ipc_pipe::Builder::new().ring_size(4096).simplex::<Letter>().expect("memory is left");
        let (inner, witness) = simplex().expect("memory is left");
        Ends {
            sender: Cell::new(Some(sender)),
            receiver: Cell::new(Some(receiver)),
            inner: Cell::new(Some(inner)),
            witness,
        }
    }

    fn send(&self, text: &str) {
        let sender = self.sender.take().expect("it is there once");
        let inner = self.inner.take().expect("it is there once");
        sender.send((inner, text.to_owned())).expect("there is room");
    }

    /// What comes, and whether the handle works; then whether nobody has it any more.
    fn found(&self, text: &str) -> String {
        drop((self.sender.take(), self.inner.take()));
        let receiver = self.receiver.take().expect("it is there once");
        let mut found = String::new();
        loop {
            match receiver.recv_timeout(LIMIT) {
                Ok((inner, came)) => {
                    let works = inner.send(7).is_ok() && matches!(self.witness.recv_timeout(LIMIT), Ok(7));
                    found.push(if works && came == text { 'h' } else { '?' });
                }
                Err(RecvTimeoutError::Recv(RecvError::Truncated)) => found.push('!'),
                Err(RecvTimeoutError::Recv(RecvError::Eof)) => break,
                Err(error) => return format!("{found}? {error:?}"),
            }
        }
        drop(receiver);
        match self.witness.recv_timeout(LIMIT) {
            Err(RecvTimeoutError::Recv(RecvError::Eof)) => found + ".",
            other => format!("{found}: the handle is open, {other:?}"),
        }
    }
}

/// Inside of one part, and of several.
const TEXTS: [usize; 2] = [10, 1300];

pub(crate) fn send_handle(args: &Args) -> Row {
    let rows = TEXTS.map(|size| {
        let text = "x".repeat(size);
        let allowed: &[&'static str] = if size > 512 { &[".", "!.", "h."] } else { &[".", "h."] };
        let mut seen = Seen::new("send_handle", allowed);
        let swept = sweep(
            args.scale(1499, 3),
            Ends::new,
            |ends: &Ends| ends.send(&text),
            |ends, point| {
                seen.add(&ends.found(&text), &point);
            },
        );
        seen.row(&swept)
    });
    Row::sum("send_handle", rows)
}

pub(crate) fn recv_handle(args: &Args) -> Row {
    let rows = TEXTS.map(|size| {
        let text = "x".repeat(size);
        let allowed: &[&'static str] = if size > 512 { &[".", "!.", "h."] } else { &[".", "h."] };
        let mut seen = Seen::new("recv_handle", allowed);
        let make = || {
            let ends = Ends::new();
            ends.send(&text);
            ends
        };
        let call = |ends: &Ends| {
            let receiver = ends.receiver.take().expect("it is there once");
            drop(receiver.recv().expect("there is one"));
        };
        let swept =
            sweep(args.scale(2999, 3), make, call, |ends, point| seen.add(&ends.found(&text), &point));
        seen.row(&swept)
    });
    Row::sum("recv_handle", rows)
}
