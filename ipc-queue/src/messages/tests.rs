//! Parts that nobody of the family sends, and those of several senders at once.

use super::*;
use crate::error::Ending;
use crate::raw::Kind;
use ipc_codec::{Limits, encode};
use ipc_shared::internals::Peers;
use ipc_sys::clock::Deadline;
use ipc_testkit::Rng;
use std::time::Duration;

/// A name that nobody has, and the number of a message of it.
const NOBODY: [u64; 2] = [0x7fff_0001, 5];
const LIMIT: usize = 10_000;

struct Attack {
    sender: MessageSender,
    receiver: MessageReceiver,
}

impl Attack {
    fn new() -> Attack {
        let (sender, receiver) = channel(LEAST_BYTES).expect("memory is left");
        Attack { sender, receiver }
    }

    fn part(&self, [sender, number]: [u64; 2], at: u64, total: u64, bytes: &[u8]) {
        let mut words = [0, sender, number, at, total];
        let raw = self.sender.raw();
        assert!(raw.put_ticketed(Kind::Part, &mut words, bytes, &[], Deadline::NOW).expect("it is open"));
    }

    fn me(&self) -> u64 {
        self.sender.raw().peers().me().expect("it takes part").get()
    }

    fn send(&self, bytes: &[u8]) {
        assert_eq!(self.sender.send(bytes, &[], Deadline::NOW).expect("it is open"), Sent::Done);
    }

    fn receive(&self) -> Result<Received<Vec<u8>>, Ending> {
        self.receiver.read(LIMIT, Deadline::NOW, |bytes, _| bytes.to_vec())
    }

    /// What is received after a message that is whole was sent behind what was sent before.
    #[track_caller]
    fn assert_then_next(&self, expected: &[Received<Vec<u8>>]) {
        self.send(b"next");
        for expected in expected {
            assert_eq!(&self.receive().expect("it is open"), expected);
        }
        assert_eq!(self.receive().expect("it is open"), Received::Message(b"next".to_vec()));
        assert_eq!(self.receive().expect("it is open"), Received::Nothing);
        assert!(self.receiver.partials.is_empty());
    }
}

#[test]
fn parts_of_a_message_without_a_beginning_are_told_once() {
    let attack = Attack::new();
    let mine = [attack.me(), 1];
    attack.part(mine, 100, 300, &[1; 100]);
    attack.part(mine, 200, 300, &[1; 100]);
    attack.assert_then_next(&[Received::Truncated]);
}

#[test]
fn parts_that_do_not_follow_end_their_message() {
    for (at, total, len) in
        [(200, 300, 50), (50, 300, 50), (100, 301, 50), (100, 300, 201), (100, 300, 0), (0, 300, 100)]
    {
        let attack = Attack::new();
        let mine = [attack.me(), 1];
        attack.part(mine, 0, 300, &[1; 100]);
        attack.part(mine, at, total, &vec![1; len]);
        attack.assert_then_next(&[Received::Truncated]);
    }
}

#[test]
fn a_message_of_any_announced_length_is_lost_before_there_is_memory_for_it() {
    for total in [LIMIT as u64 + 1, u64::MAX / 2, u64::MAX] {
        let attack = Attack::new();
        attack.part([attack.me(), 1], 0, total, &[1; 100]);
        attack.part([attack.me(), 1], 100, total, &[1; 100]);
        assert_eq!(attack.receive().expect("it is open"), Received::TooLarge(total as usize));
        assert_eq!(attack.receive().expect("it is open"), Received::Nothing);
        attack.part([attack.me(), 1], WITHDRAWN, 0, &[]);
        attack.assert_then_next(&[]);
    }
}

#[test]
fn a_part_that_is_too_short_or_too_long_for_one_is_corruption() {
    let attack = Attack::new();
    let raw = attack.sender.raw();
    assert!(raw.put_ticketed(Kind::Part, &mut [0; 4], &[], &[], Deadline::NOW).expect("it is open"));
    assert!(matches!(attack.receive(), Err(Ending::Failed(crate::QueueError::Corrupt(_)))));
}

#[test]
fn a_message_of_nobody_is_cut_short_when_something_else_comes() {
    let attack = Attack::new();
    attack.part(NOBODY, 0, 300, &[1; 100]);
    attack.assert_then_next(&[Received::Truncated]);
    // And what it put before it ended counts, wherever it is.
    attack.part(NOBODY, 0, 300, &[1; 100]);
    attack.send(b"between");
    attack.part(NOBODY, 100, 300, &[2; 200]);
    let whole = [[1; 100].to_vec(), [2; 200].to_vec()].concat();
    attack.assert_then_next(&[Received::Message(b"between".to_vec()), Received::Message(whole)]);
}

#[test]
fn a_message_of_nobody_is_cut_short_when_nothing_comes() {
    let attack = Attack::new();
    attack.part(NOBODY, 0, 300, &[1; 100]);
    let received = attack.receiver.read(LIMIT, Deadline::after(Duration::from_secs(60)), |_, _| ());
    assert_eq!(received.expect("it is open"), Received::Truncated);
}

#[test]
fn messages_of_several_senders_do_not_mix() {
    let attack = Attack::new();
    let (one, other) = ([attack.me(), 1], [attack.me(), 2]);
    for at in [0, 100, 200] {
        attack.part(one, at, 300, &[1; 100]);
        attack.part(other, at, 300, &[2; 100]);
    }
    attack.assert_then_next(&[Received::Message(vec![1; 300]), Received::Message(vec![2; 300])]);
    // More than there can be: the oldest goes.
    for number in 0..10 {
        attack.part([attack.me(), number], 0, 300, &[1; 10]);
    }
    let n_lost = std::iter::repeat_with(|| attack.receive().expect("it is open"))
        .take_while(|received| *received == Received::Truncated)
        .count();
    assert_eq!(n_lost, 2);
}

/// The beginning was received by who had this end before.
#[test]
fn a_receiver_that_was_sent_does_not_take_a_rest_for_a_message() {
    let attack = Attack::new();
    attack.part([attack.me(), 1], 0, 300, &[1; 100]);
    assert_eq!(attack.receive().expect("it is open"), Received::Nothing);
    let limits = Limits::default();
    let message = encode(&attack.receiver, &limits).expect("it can be sent");
    let receiver: MessageReceiver = message.decode(&limits).expect("it is one");
    attack.part([attack.me(), 1], 100, 300, &[1; 200]);
    let attack = Attack { receiver, ..attack };
    attack.assert_then_next(&[Received::Truncated]);
}

#[test]
fn any_parts_are_messages_or_errors() {
    let mut rng = Rng::from_env();
    let attack = Attack::new();
    let names = [attack.me(), NOBODY[0], 0, u64::MAX];
    let numbers = [0, 1, 50, 100, 150, 200, WITHDRAWN, u64::MAX / 2];
    let mut n_received = 0;
    for _ in 0..20_000 {
        let (at, total) = (*rng.pick(&numbers), *rng.pick(&numbers));
        let bytes = vec![7; *rng.pick(&[0, 1, 50, 100]) as usize];
        attack.part([*rng.pick(&names), rng.below(3)], at, total, &bytes);
        while let Received::Message(_) | Received::Truncated | Received::TooLarge(_) =
            attack.receive().expect("it is open")
        {
            n_received += 1;
        }
    }
    assert!(n_received > 1000, "{n_received}");
}
