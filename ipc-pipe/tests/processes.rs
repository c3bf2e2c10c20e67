//! Pipes between processes, of which one is killed.

mod support;

use ipc_pipe::{INLINE_MAX, Receiver, RecvError, SendError, Sender, simplex};
use ipc_sys::clock::Deadline;
use ipc_sys::process::Signal;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated, isolated_within};
use std::time::Duration;
use support::fork_child;

/// A message that shows whether it is whole, small or large by its number.
fn message(number: u64) -> (u64, String) {
    let size = [10, 2000, 30_000, 40_000, 300_000][number as usize % 5];
    let letter = char::from(b'a' + (number % 26) as u8);
    (number, letter.to_string().repeat(size))
}

fn send_for_ever(sender: &Sender<(u64, String)>) {
    for number in 0.. {
        sender.send(message(number)).expect("the receiver is there");
    }
}

/// 200 senders killed at random moments: whole messages in order, then perhaps that one was cut short, and then the end.
#[test]
fn a_killed_sender_leaves_whole_messages_and_the_end() {
    isolated_within(Duration::from_secs(200), || {
        let mut rng = Rng::from_env();
        let before = Snapshot::take();
        let (mut n_messages, mut n_truncated) = (0, 0);
        for _ in 0..200 {
            let (sender, receiver) = simplex().expect("a pipe");
            // The child has both ends and loses both with its life; here the sending one is let go now.
            let child = fork_child(|| send_for_ever(&sender));
            drop(sender);
            let n_before = rng.below(40);
            for number in 0..n_before {
                assert!(receiver.recv().expect("a message") == message(number));
            }
            // Somewhere in its work, or waiting for room.
            std::thread::sleep(Duration::from_micros(rng.below(2000)));
            child.signal(Signal::Kill).expect("it is there");
            let mut number = n_before;
            let end = loop {
                match receiver.recv() {
                    Ok(found) => assert!(found == message(number), "message {number} is torn or lost"),
                    Err(error) => break error,
                }
                number += 1;
            };
            let is_truncated = matches!(end, RecvError::Truncated);
            // Only those that go in parts have a middle.
            assert!(
                !is_truncated || message(number).1.len() > INLINE_MAX - 10,
                "message {number} has no middle"
            );
            n_truncated += u32::from(is_truncated);
            let end = if is_truncated { receiver.recv().expect_err("the sender is gone") } else { end };
            assert!(matches!(end, RecvError::Eof), "{end:?}");
            child.wait(Deadline::NEVER).expect("a child can be waited for");
            n_messages += number;
        }
        before.assert_no_growth();
        assert!(
            n_messages > 1000 && n_truncated > 0,
            "{n_messages} messages passed, {n_truncated} were cut short"
        );
    });
}

#[test]
fn a_killed_receiver_is_told_to_the_sender() {
    isolated_within(Duration::from_secs(200), || {
        let mut rng = Rng::from_env();
        for _ in 0..100 {
            let (sender, receiver) = simplex::<(u64, String)>().expect("a pipe");
            let child = fork_child(|| receiver.iter().for_each(|found| drop(found.expect("a message"))));
            drop(receiver);
            for number in 0..rng.below(20) {
                sender.send(message(number)).expect("the receiver is there");
            }
            child.signal(Signal::Kill).expect("it is there");
            // The child has both ends and dies with both. Some messages may still find room before it is gone.
            let error = loop {
                if let Err(error) = sender.send(message(0)) {
                    break error;
                }
            };
            assert!(matches!(error, SendError::Closed(_)), "{error:?}");
            child.wait(Deadline::NEVER).expect("a child can be waited for");
        }
    });
}

/// Each message goes to one of those who receive on the same end, whichever process they are in.
#[test]
fn processes_share_an_end_message_by_message() {
    isolated(|| {
        let (sender, receiver) = simplex::<u64>().expect("a pipe");
        let (results, sums) = simplex::<(u64, u64)>().expect("a pipe");
        let children: Vec<_> = (0..3)
            .map(|_| {
                fork_child(|| {
                    // The copy of the sender would keep the pipe from ending.
                    let (receiver, results) = leave_only(&receiver, &results, &sender);
                    let numbers: Vec<u64> = receiver.iter().map(|number| number.expect("a number")).collect();
                    results.send((numbers.len() as u64, numbers.iter().sum())).expect("the parent is there");
                })
            })
            .collect();
        drop(receiver);
        for number in 0..3000 {
            sender.send(number).expect("somebody receives");
        }
        drop((sender, results));
        let sums: Vec<(u64, u64)> = sums.iter().map(|sum| sum.expect("a sum")).collect();
        assert_eq!(sums.len(), 3);
        assert_eq!(sums.iter().map(|sum| sum.0).sum::<u64>(), 3000);
        assert_eq!(sums.iter().map(|sum| sum.1).sum::<u64>(), 3000 * 2999 / 2);
        for child in &children {
            let status = child.wait(Deadline::NEVER).expect("a child can be waited for");
            assert!(status.is_some_and(|status| status.success()), "{status:?}");
        }
    });
}

/// What the family does in a child: ends that were passed stay, all others are buried.
fn leave_only(
    receiver: &Receiver<u64>,
    results: &Sender<(u64, u64)>,
    _buried: &Sender<u64>,
) -> (Receiver<u64>, Sender<(u64, u64)>) {
    let limits = ipc_codec::Limits::default();
    let message = ipc_codec::encode(&(receiver, results), &limits).expect("a message");
    let preparation = ipc_sys::family::ForkPreparation::new().expect("a descriptor");
    preparation.bury_members().expect("they are open");
    message.decode(&limits).expect("ends")
}
