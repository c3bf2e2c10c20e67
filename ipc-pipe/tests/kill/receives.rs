//! A receiver that is killed at every instruction of a receive.

use crate::letters::{Ends, LARGE, LIMIT, MIDDLE, SMALL, Seen, found, letter};
use crate::support::{fork_child, leaves};
use ipc_pipe::SendError;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{ExitStatus, Signal};
use ipc_testkit::Rng;
use ipc_testkit::kill::{Args, Row, sweep};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// One of two who receive: the message is there, or gone with the dead, and no other is.
pub(crate) fn recv(args: &Args) -> Row {
    let rows = [("recv a small one", SMALL), ("recv a middle one", MIDDLE)].map(|(label, first)| {
        let both: &'static str = format!("{}m.", char::from(first)).leak();
        let mut seen = Seen::new(label, &[both, "m."]);
        let call = |ends: &Ends| {
            assert_eq!(ends.take_receiver().recv_bytes().expect("there is one"), letter(first));
        };
        let swept = sweep(
            args.scale(149, 1),
            || Ends::with(&[first, MIDDLE]),
            call,
            |ends, point| {
                drop(ends.sender.take());
                seen.add(&found(&ends.take_receiver(), true), &point);
            },
        );
        seen.row(&swept)
    });
    Row::sum("recv", rows)
}

/// A message in parts, of which the dead may have some: it is whole, cut short, or gone; the next one is there.
pub(crate) fn recv_parts(args: &Args) -> Row {
    let mut seen = Seen::new("recv_parts", &["lsl.", "!sl.", "sl."]);
    let call = |ends: &Ends| {
        assert_eq!(ends.take_receiver().recv_bytes().expect("there is one"), letter(LARGE));
    };
    let swept = sweep(
        args.scale(599, 1),
        || Ends::with(&[LARGE, SMALL, LARGE]),
        call,
        |ends, point| {
            drop(ends.sender.take());
            seen.add(&found(&ends.take_receiver(), true), &point);
        },
    );
    seen.row(&swept)
}

/// Into a buffer that is too short, and one that is not: a message of one part, and of several.
pub(crate) fn recv_into(args: &Args) -> Row {
    let kinds: [(&'static str, u8, &[&'static str]); 2] =
        [("recv_into, small", SMALL, &["sm.", "m."]), ("recv_into, large", LARGE, &["lm.", "!m.", "m."])];
    let rows = kinds.map(|(label, first, allowed)| {
        let mut seen = Seen::new(label, allowed);
        let call = |ends: &Ends| {
            let receiver = ends.take_receiver();
            receiver.recv_bytes_into(&mut [0; 5]).expect_err("it is too short");
            let size = receiver.recv_bytes_into(&mut [0; 2000]).expect("there is one");
            assert_eq!(size, letter(first).len());
        };
        let swept = sweep(
            args.scale(599, 1),
            || Ends::with(&[first, MIDDLE]),
            call,
            |ends, point| {
                drop(ends.sender.take());
                seen.add(&found(&ends.take_receiver(), true), &point);
            },
        );
        seen.row(&swept)
    });
    Row::sum("recv_into", rows)
}

/// The only receiver: the sender is told, with or without room.
pub(crate) fn last_receiver(args: &Args) -> Row {
    let mut seen = Seen::new("last_receiver", &["closed"]);
    let call = |ends: &Ends| drop(ends.take_receiver().recv_bytes().expect("there is one"));
    let swept = sweep(
        args.scale(997, 1),
        || Ends::with(&[LARGE]),
        call,
        |ends, point| {
            drop(ends.receiver.take());
            let (sender, start) = (ends.take_sender(), Instant::now());
            let end = loop {
                match sender.send_bytes(letter(LARGE)) {
                    Ok(()) if start.elapsed() < LIMIT => {}
                    other => break other,
                }
            };
            match end {
                Err(SendError::Closed(())) => seen.add("closed", &point),
                other => seen.lose(&format!("{other:?}"), &point),
            }
        },
    );
    seen.row(&swept)
}

/// The sender is in the middle of a message that is larger than the ring, and asleep as often as not. Where the receiver stands
/// depends on both, so it is killed at any time.
pub(crate) fn receiver_of_a_sleeper(args: &Args) -> Row {
    let mut row = Row::new("receiver_of_a_sleeper");
    let mut rng = Rng::from_env();
    for round in 0..args.scale(100, 5000) {
        let ends = Ends::new();
        let sender = fork_child(|| {
            drop(ends.receiver.take());
            let sender = ends.take_sender();
            let end = std::iter::repeat_with(|| sender.send_bytes(&[7; 20_000])).find(Result::is_err);
            assert!(matches!(end, Some(Err(SendError::Closed(())))), "{end:?}");
        });
        let receiver = fork_child(|| {
            drop(ends.sender.take());
            let receiver = ends.take_receiver();
            while receiver.recv_bytes().is_ok_and(|bytes| bytes == [7; 20_000]) {}
        });
        drop(ends);
        sleep(Duration::from_micros(rng.below(3000)));
        receiver.signal(Signal::Kill).expect("it receives");
        if !leaves(&sender, LIMIT) {
            eprintln!("receiver_of_a_sleeper: nobody told in round {round}");
            row.hangs += 1;
        }
        let ending = receiver.wait(Deadline::NEVER).expect("a child can be waited for");
        row.losses += u64::from(!matches!(ending, Some(ExitStatus::Signaled { .. })));
        (row.points, row.kills) = (row.points + 1, row.kills + 1);
    }
    row
}
