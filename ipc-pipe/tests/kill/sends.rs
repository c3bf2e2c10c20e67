//! A sender that is killed at every instruction of a send.

use crate::letters::{Ends, LARGE, LIMIT, MIDDLE, SMALL, Seen, found, letter};
use crate::support::fork_child;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, ExitStatus, Signal, exit_now};
use ipc_testkit::kill::{Args, Row, sweep};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After so long who waits for a message dozes: it has slept three times.
const DOZING: Duration = Duration::from_millis(200);
/// What a receiver that dozes may find.
const OF_DOZER: [&str; 2] = ["m.", "sm."];

/// The only sender: whole messages in order, and the end.
pub(crate) fn send(args: &Args) -> Row {
    let mut seen = Seen::new("send", &[".", "s.", "sm."]);
    let call = |ends: &Ends| {
        let sender = ends.take_sender();
        sender.send_bytes(letter(SMALL)).expect("there is room");
        sender.send_bytes(letter(MIDDLE)).expect("there is room");
    };
    let swept = sweep(args.scale(149, 1), Ends::new, call, |ends, point| {
        drop(ends.sender.take());
        seen.add(&found(&ends.take_receiver(), true), &point);
    });
    seen.row(&swept)
}

/// The same with a deadline, of values.
pub(crate) fn send_timeout(args: &Args) -> Row {
    let mut seen = Seen::new("send_timeout", &[".", "s."]);
    let call = |ends: &Ends| {
        let wait = Duration::from_secs(1);
        ends.take_sender().send_bytes_timeout(letter(SMALL), wait).expect("there is room");
    };
    let swept = sweep(args.scale(149, 1), Ends::new, call, |ends, point| {
        drop(ends.sender.take());
        seen.add(&found(&ends.take_receiver(), true), &point);
    });
    seen.row(&swept)
}

/// A message in parts, and one behind it: the message is not there, cut short, or whole.
pub(crate) fn send_parts(args: &Args) -> Row {
    let mut seen = Seen::new("send_parts", &[".", "!.", "l.", "ls."]);
    let swept = sweep(args.scale(599, 1), Ends::new, send_large_and_small, |ends, point| {
        drop(ends.sender.take());
        seen.add(&found(&ends.take_receiver(), true), &point);
    });
    seen.row(&swept)
}

/// The same, and somebody else goes on to send: what it sends is whole, and comes after what is told of the dead.
pub(crate) fn send_parts_beside_another(args: &Args) -> Row {
    let mut seen = Seen::new("send_parts_beside_another", &["mlm.", "!mlm.", "lmlm.", "lsmlm."]);
    let swept = sweep(args.scale(599, 1), Ends::new, send_large_and_small, |ends, point| {
        let sender = ends.take_sender();
        for name in [MIDDLE, LARGE, MIDDLE] {
            sender.send_bytes(letter(name)).expect("there is room");
        }
        drop(sender);
        seen.add(&found(&ends.take_receiver(), true), &point);
    });
    seen.row(&swept)
}

/// The receiver dozes, and there is another sender, so that no end wakes it: what was sent is found although nobody may tell of it, and so
/// is what the other one sends.
pub(crate) fn send_to_a_dozer(args: &Args) -> Row {
    let mut seen = Seen::new("send_to_a_dozer", &OF_DOZER);
    let call = |dozer: &Dozer| dozer.ends.take_sender().send_bytes(letter(SMALL)).expect("there is room");
    let swept = sweep(args.scale(499, 11), Dozer::new, call, |dozer, point| match dozer.found() {
        Ok(found) => seen.add(found, &point),
        Err(what) => seen.lose(&what, &point),
    });
    seen.row(&swept)
}

/// A message that is given up in the middle: nothing of it arrives, unless the sender is killed in between.
pub(crate) fn withdraw(args: &Args) -> Row {
    let mut seen = Seen::new("withdraw", &[".", "!.", "s."]);
    let call = |ends: &Ends| {
        let (sender, receiver) = (ends.take_sender(), ends.take_receiver());
        let too_much = vec![0; 9000];
        sender.send_bytes_timeout(&too_much, Duration::from_millis(1)).expect_err("nobody receives");
        // The parts are taken, and room is for the rest.
        assert!(receiver.try_recv_bytes().is_err());
        sender.send_bytes(letter(SMALL)).expect("there is room");
    };
    let swept = sweep(args.scale(997, 101), Ends::new, call, |ends, point| {
        drop(ends.sender.take());
        let found = found(&ends.take_receiver(), true);
        // What the dead had received of the message is gone with it.
        seen.add(&found, &point);
    });
    seen.row(&swept)
}

fn send_large_and_small(ends: &Ends) {
    let sender = ends.take_sender();
    sender.send_bytes(letter(LARGE)).expect("there is room");
    sender.send_bytes(letter(SMALL)).expect("there is room");
}

/// A process that has slept for a message for long, and the ends of the pipe.
struct Dozer {
    ends: Ends,
    process: Child,
}

impl Dozer {
    fn new() -> Dozer {
        let ends = Ends::new();
        let process = fork_child(|| {
            drop(ends.sender.take());
            let found = found(&ends.take_receiver(), true);
            let place = OF_DOZER.iter().position(|text| *text == found);
            exit_now(place.map_or(9, |place| place as i32))
        });
        sleep(DOZING);
        Dozer { ends, process }
    }

    /// Sends another message when what was there is gone, and lets go; what the process has found.
    fn found(self) -> Result<&'static str, String> {
        let (sender, receiver) = (self.ends.take_sender(), self.ends.take_receiver());
        let begin = Instant::now();
        while receiver.poll(Duration::ZERO).expect("it can be looked at") {
            if begin.elapsed() > LIMIT {
                let _ = self.process.signal(Signal::Kill);
                return Err("a message that nobody took".to_owned());
            }
            sleep(Duration::from_millis(1));
        }
        sender.send_bytes(letter(MIDDLE)).expect("there is room");
        drop((sender, receiver));
        match self.process.wait(Deadline::after(LIMIT)) {
            Ok(Some(ExitStatus::Exited(place))) => {
                OF_DOZER.get(place as usize).copied().ok_or_else(|| "something else".to_owned())
            }
            other => {
                let _ = self.process.signal(Signal::Kill);
                Err(format!("{other:?}"))
            }
        }
    }
}
