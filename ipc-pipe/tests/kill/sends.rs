//! A sender that is killed at every instruction of a send.

use crate::letters::{Ends, LARGE, MIDDLE, SMALL, Seen, found, letter};
use ipc_testkit::kill::{Args, Row, sweep};
use std::time::Duration;

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
