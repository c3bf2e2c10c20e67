//! Both directions at once, letting go of ends, and taking them out of messages.

use crate::letters::{LIMIT, Seen};
use ipc_codec::{Limits, Message, encode};
use ipc_pipe::{Builder, Pipe, RecvError, RecvTimeoutError, SendError, SendTimeoutError};
use ipc_testkit::kill::{Args, Row, sweep};
use std::cell::Cell;

type End = Pipe<u32, u32>;

struct Ends {
    here: Cell<Option<End>>,
    there: Cell<Option<End>>,
    message: Cell<Option<Message>>,
}

impl Ends {
    fn new() -> Ends {
        let (here, there) = Builder::new().ring_size(4096).pipe().expect("memory is left");
        Ends { here: Cell::new(Some(here)), there: Cell::new(Some(there)), message: Cell::new(None) }
    }

    /// With one question on its way.
    fn asked() -> Ends {
        let ends = Ends::new();
        let here = ends.here.take().expect("it was made");
        here.send(20).expect("there is room");
        ends.here.set(Some(here));
        ends
    }

    /// With the other end in a message.
    fn in_a_message() -> Ends {
        let ends = Ends::asked();
        let there = ends.there.take().expect("it was made");
        ends.message.set(Some(encode(&there, &Limits::default()).expect("it can be sent")));
        ends
    }

    /// What this side sees: the answer perhaps, and then the end of both directions.
    fn found(&self) -> String {
        drop((self.there.take(), self.message.take()));
        let here = self.here.take().expect("it is there once");
        let mut found = String::new();
        loop {
            match here.recv_timeout(LIMIT) {
                Ok(40) => found.push('a'),
                Err(RecvTimeoutError::Recv(RecvError::Eof)) => break,
                other => return format!("{found}? {other:?}"),
            }
        }
        match here.send_timeout(1, LIMIT) {
            Err(SendTimeoutError::Send(SendError::Closed(1))) => found + ".",
            // That is noticed within some milliseconds.
            Ok(()) => match std::iter::repeat_with(|| here.send_timeout(1, LIMIT))
                .take(1 << 20)
                .find(Result::is_err)
            {
                Some(Err(SendTimeoutError::Send(SendError::Closed(1)))) => found + ".",
                other => format!("{found}? {other:?}"),
            },
            other => format!("{found}? {other:?}"),
        }
    }
}

fn answer(there: &End) {
    there.send(2 * there.recv().expect("a question")).expect("there is room");
}

fn sweep_ends(args: &Args, stride: u64, mut seen: Seen, make: fn() -> Ends, call: fn(&Ends)) -> Row {
    let swept = sweep(args.scale(stride, 1), make, call, |ends, point| seen.add(&ends.found(), &point));
    seen.row(&swept)
}

/// One who answers a question.
pub(crate) fn serve(args: &Args) -> Row {
    let call = |ends: &Ends| answer(&ends.there.take().expect("it is there once"));
    sweep_ends(args, 311, Seen::new("serve", &[".", "a."]), Ends::asked, call)
}

/// One who lets go of its end, half after half.
pub(crate) fn let_go(args: &Args) -> Row {
    let call = |ends: &Ends| {
        let (sender, receiver) = ends.there.take().expect("it is there once").split();
        drop(sender);
        drop(receiver);
    };
    sweep_ends(args, 311, Seen::new("let_go", &["."]), Ends::asked, call)
}

/// One who takes an end out of a message and uses it.
pub(crate) fn open(args: &Args) -> Row {
    let call = |ends: &Ends| {
        let message = ends.message.take().expect("it is there once");
        answer(&message.decode::<End>(&Limits::default()).expect("it is an end"));
    };
    sweep_ends(args, 9973, Seen::new("open", &[".", "a."]), Ends::in_a_message, call)
}
