//! A process that has a pipe and writes whatever it likes into its memory and sockets, while another one calls everything: what
//! comes of it are errors, or messages that the first has made up. No panic, no signal, no call that does not end.
//!
//! `IPC_QUEUE_LONG=1` has each of them go on for a minute.

// How it is done is the same as in the tests of the queue.
#[path = "../../ipc-queue/tests/support/attack.rs"]
mod attack;
#[path = "../../ipc-queue/tests/support/common.rs"]
mod common;
#[path = "../../ipc-queue/tests/support/ground.rs"]
mod ground;
mod support;

use attack::{TIMEOUT, Watch, attacked, fed_sockets, lying_locks, random_words, telling_words};
use ground::{Ground, Size};
use ipc_codec::{Limits, Message, decode, encode};
use ipc_pipe::{Builder, Receiver, Sender};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::{Rng, isolated_within};
use std::time::Duration;

/// Of each attack, in the short form.
const SHORT: Duration = Duration::from_millis(1000);
/// No message may be larger.
const MOST: usize = 64 << 10;
/// The smallest ring.
const BYTES: usize = 4096;
const SIZE: Size = Size { capacity: BYTES / 256, bytes: BYTES, most: MOST };

type Ends = (Sender<Vec<u8>>, Receiver<Vec<u8>>);

/// What travels when the ends are sent.
struct Messages([Message; 2]);

impl Messages {
    fn new((sender, receiver): &Ends) -> Messages {
        let limits = Limits::default();
        Messages([encode(sender, &limits), encode(receiver, &limits)].map(|end| end.expect("an end")))
    }

    fn handles(&self, end: usize) -> Vec<OwnedHandle> {
        let copies = self.0[end].handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
        copies.collect::<Result<_, _>>().expect("handles are left")
    }

    /// What a process can reach that has both.
    fn ground(&self) -> Ground {
        let [mut outer, mut inner] = [0, 1].map(|end| self.handles(end));
        Ground::new(outer.remove(0), [outer.remove(0), inner.remove(1)], SIZE)
    }

    /// What a process gets to which the ends are sent now.
    fn ends(&self) -> Option<Ends> {
        let sender = decode(self.0[0].bytes(), self.handles(0), &limits()).ok()?;
        Some((sender, decode(self.0[1].bytes(), self.handles(1), &limits()).ok()?))
    }
}

fn limits() -> Limits {
    Limits { max_frame: MOST, ..Limits::default() }
}

/// Sends and receives in every way, messages of one item and of several.
fn use_ends((sender, receiver): &Ends, watch: &Watch<'_>) {
    let _ = watch.time("try_send", || sender.try_send(vec![1; 20]).is_ok());
    let _ = watch.time("send_timeout", || sender.send_timeout(vec![2; 300], TIMEOUT).is_ok());
    let _ = watch.time("send_bytes_timeout", || sender.send_bytes_timeout(&[3; 40], TIMEOUT).is_ok());
    let _ = watch.time("a large send", || sender.send_bytes_timeout(&[4; 1700], TIMEOUT).is_ok());
    let _ = watch.time("poll", || receiver.poll(TIMEOUT).is_ok());
    for _ in 0..4 {
        let size = watch.time("recv_bytes_into", || receiver.recv_bytes_into_timeout(&mut [0; 600], TIMEOUT));
        assert!(size.is_ok_and(|size| size <= 600) || size_is_small(receiver, watch));
    }
    for _ in 0..2 {
        if let Ok(message) = watch.time("try_recv", || receiver.try_recv()) {
            assert!(message.len() <= MOST);
        }
    }
    let _ = watch.time("a send beyond the ring", || sender.send_bytes_timeout(&[5; 9000], TIMEOUT).is_ok());
    let _ = watch.time("recv_timeout", || receiver.recv_timeout(TIMEOUT).is_ok());
    if let Ok(handle) = watch.time("pollable", || receiver.pollable()) {
        let _ = watch.time("wait", || wait_one(handle, Interest::Read, Deadline::after(TIMEOUT)));
    }
}

fn size_is_small(receiver: &Receiver<Vec<u8>>, watch: &Watch<'_>) -> bool {
    watch
        .time("recv_bytes", || receiver.recv_bytes_timeout(TIMEOUT))
        .map_or(true, |bytes| bytes.len() <= MOST)
}

/// Has everything called while somebody attacks.
fn run(attack: fn(&Ground, &mut Rng)) {
    let ends: Ends = Builder::new().ring_size(BYTES).limits(limits()).simplex().expect("a small pipe");
    let untouched: Ends = Builder::new().ring_size(BYTES).simplex().expect("a small pipe");
    let messages = Messages::new(&ends);
    let ground = messages.ground();
    let round = |watch: &Watch<'_>, calm: &Watch<'_>| {
        use_ends(&ends, watch);
        // Ends that are opened now, with whatever stands there, and closed.
        if let Some(ends) = watch.time("decode", || messages.ends()) {
            use_ends(&ends, watch);
            watch.time("drop", || drop(ends));
        }
        // Neighbours notice nothing.
        calm.time("send", || untouched.0.send(vec![7; 100])).expect("there is room");
        assert_eq!(calm.time("recv", || untouched.1.recv()).expect("it was sent"), [7; 100]);
        calm.time("sleep", || untouched.1.recv_timeout(TIMEOUT)).expect_err("it is empty");
    };
    attacked(SHORT, |rng| attack(&ground, rng), round);
}

#[test]
fn random_words_everywhere() {
    isolated_within(Duration::from_secs(240), || run(random_words));
}

#[test]
fn telling_words_in_every_field() {
    isolated_within(Duration::from_secs(240), || run(telling_words));
}

#[test]
fn locks_that_lie() {
    isolated_within(Duration::from_secs(240), || run(lying_locks));
}

#[test]
fn sockets_that_are_fed() {
    isolated_within(Duration::from_secs(240), || run(fed_sockets));
}

/// The words of the parts at the head say one thing and then another, as fast as it goes: a message whose parts follow each other, and
/// more often than not one of which something is wrong.
#[test]
fn parts_that_change_while_they_are_read() {
    isolated_within(Duration::from_secs(240), || {
        run(|ground, rng| {
            if rng.one_in(10) {
                ground.restore();
            }
            let (sender, number) = (ground.name(rng), rng.below(2));
            for round in 0..300 {
                let total = *rng.pick(&[0, 100, 600, 600, 600, 600, 1700, MOST as u64 + 1, u64::MAX]);
                let (mut place, mut at) = (0, *rng.pick(&[0, 0, 0, 0, 100, 512, 1024, u64::MAX]));
                for _ in 0..3 {
                    let len = *rng.pick(&[16, 40, 41, 128, 140, 552, 552, 552, 552, 553, 40_000]);
                    ground.store(ground.head(place), 1 | 4 << 1 | len << 8);
                    let words = [rng.below(2) * round, sender, number, at, total];
                    words
                        .iter()
                        .enumerate()
                        .for_each(|(idx, &word)| ground.store(ground.head(place + 1 + idx), word));
                    place += 1 + len.div_ceil(8) as usize;
                    at = if rng.one_in(4) { rng.below(2000) } else { at.wrapping_add(len).wrapping_sub(40) };
                }
            }
        })
    });
}
