//! A peer that has shown the key and then sends whatever it likes: every message is a value or a typed error, nothing is
//! left open, and no memory is taken for what was only announced.

use ipc_codec::FrameError;
use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::handle::Handle;
use ipc_pipe::{Connection, INLINE_MAX, RecvError, RecvTimeoutError, SendError};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::FrozenBytes;
use ipc_sys::stream::StreamSocket;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Counting, fuzz, isolated, isolated_within, peak_of};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::time::Duration;

type Message = (String, Option<Handle<OwnedHandle>>);

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a connection may take beside a few times what has come: its buffer, of 64 KiB at first, and as much again.
const MAX_MEMORY: usize = 128 << 10;

const ROUNDS: u64 = 4000;

const SHORT: Duration = Duration::from_millis(5);

/// An honest end, and the bare socket of the other one.
struct Attack {
    connection: Connection<u8, Message>,
    peer: StreamSocket,
}

impl Attack {
    fn new() -> Self {
        let (honest, peer) = StreamSocket::pair().expect("a stream");
        let connection = Connection::from_handle(honest.into_handle()).expect("a stream");
        Attack { connection, peer }
    }

    fn send(&self, bytes: &[u8], handles: &[&OwnedHandle]) {
        let handles: Vec<_> = handles.iter().map(|handle| handle.as_fd()).collect();
        assert_eq!(self.peer.send(&[bytes], &handles).expect("there is room"), bytes.len());
    }

    /// What the connection says to these bytes, which end it; nothing may be left open.
    #[track_caller]
    fn ending(bytes: &[u8], handles: &[&OwnedHandle]) -> RecvError {
        let before = Snapshot::take();
        let mut attack = Attack::new();
        attack.send(bytes, handles);
        let error = attack.connection.recv().expect_err("it is not a message");
        // It has ended, for both sides.
        attack.send_if_open(&honest());
        assert!(matches!(attack.connection.recv(), Err(RecvError::Eof)));
        assert!(matches!(attack.connection.send(1), Err(SendError::Closed(1))));
        drop(attack);
        let after = before.diff(&Snapshot::take());
        assert!(after.is_empty(), "{error:?} left\n{after}");
        error
    }

    /// What the connection says to these bytes, behind which the next message has to arrive.
    #[track_caller]
    fn alone(&mut self, bytes: &[u8], handles: &[&OwnedHandle]) -> RecvError {
        let before = Snapshot::take();
        self.send(bytes, handles);
        let error = self.connection.recv().expect_err("it is not a message");
        let after = before.diff(&Snapshot::take());
        assert!(after.is_empty(), "{error:?} left\n{after}");
        self.send(&honest(), &[]);
        assert_eq!(self.connection.recv().expect("the connection goes on").0, "hi");
        error
    }

    fn send_if_open(&self, bytes: &[u8]) {
        let _ = self.peer.send(&[bytes], &[]);
    }
}

fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
    [header.to_bytes().as_slice(), payload].concat()
}

fn honest() -> Vec<u8> {
    frame(Header::new(4, 0), b"\x02hi\0")
}

fn null() -> OwnedHandle {
    File::open("/dev/null").expect("it is there").into()
}

fn spilled(len: u64, handles: u16) -> Vec<u8> {
    frame(Header { flags: SPILLED, ..Header::new(len, handles) }, &[])
}

macro_rules! assert_error {
    ($error:expr, $pattern:pat) => {
        let error = $error;
        assert!(matches!(error, $pattern), "{error:?}");
    };
}

#[test]
fn headers_that_are_none_end_the_connection() {
    isolated(|| {
        let changed = |at: usize, byte: u8| {
            let mut bytes = honest();
            bytes[at] = byte;
            bytes
        };
        assert_error!(
            Attack::ending(b"GET / HTTP/1.1\r\n", &[]),
            RecvError::Frame(FrameError::BadMagic { .. })
        );
        assert_error!(
            Attack::ending(&changed(2, 9), &[]),
            RecvError::Frame(FrameError::Version { got: 9, .. })
        );
        assert_error!(Attack::ending(&changed(3, 0x80), &[]), RecvError::Frame(FrameError::ReservedBits));
        assert_error!(Attack::ending(&changed(6, 1), &[]), RecvError::Frame(FrameError::ReservedBits));
        assert_error!(
            Attack::ending(&changed(5, 1), &[]),
            RecvError::Frame(FrameError::TooManyHandles { .. })
        );
        assert_error!(Attack::ending(&changed(15, 1), &[]), RecvError::Frame(FrameError::TooLarge { .. }));
        assert_error!(Attack::ending(&spilled(10, 0), &[]), RecvError::Frame(FrameError::Spilled));
    });
}

#[test]
fn every_cut_is_told_exactly() {
    isolated(|| {
        let whole = honest();
        for size in 0..whole.len() {
            let mut attack = Attack::new();
            attack.send(&whole, &[]);
            if size > 0 {
                attack.send(&whole[..size], &[]);
            }
            drop(attack.peer);
            assert_eq!(attack.connection.recv().expect("it was whole").0, "hi");
            let error = attack.connection.recv().expect_err("the peer is gone");
            if size == 0 {
                assert_error!(error, RecvError::Eof);
            } else {
                assert_error!(error, RecvError::Truncated);
            }
            assert_error!(attack.connection.recv(), Err(RecvError::Eof));
        }
    });
}

#[test]
fn pieces_become_a_message_however_they_come() {
    isolated(|| {
        let mut attack = Attack::new();
        let bytes = [honest(), honest()].concat();
        for (idx, byte) in bytes.iter().enumerate() {
            assert_error!(attack.connection.recv_timeout(SHORT / 5), Err(RecvTimeoutError::TimedOut));
            attack.send(&[*byte], &[]);
            let is_last = (idx + 1) % honest().len() == 0;
            assert_eq!(attack.connection.poll(SHORT / 5).expect("it can be waited for"), is_last);
            if is_last {
                assert_eq!(attack.connection.recv().expect("a message").0, "hi");
            }
        }
    });
}

#[test]
fn handles_that_do_not_fit_are_closed() {
    isolated(|| {
        let (null, with_one) = (null(), frame(Header::new(5, 1), b"\x02hi\x01\0"));
        // None, and more than announced.
        assert_error!(
            Attack::ending(&with_one, &[]),
            RecvError::Frame(FrameError::HandleCount { got: 0, expected: 1 })
        );
        assert_error!(
            Attack::ending(&with_one, &[&null, &null]),
            RecvError::Frame(FrameError::HandleCount { got: 2, expected: 1 })
        );
        assert_error!(
            Attack::ending(&honest(), &[&null]),
            RecvError::Frame(FrameError::HandleCount { got: 1, expected: 0 })
        );
        // As many as announced, and the value takes none or another one.
        let mut attack = Attack::new();
        assert_error!(
            attack.alone(&frame(Header::new(4, 1), b"\x02hi\0"), &[&null]),
            RecvError::Decode(ipc_codec::DecodeError::UnusedHandles { count: 1 })
        );
        assert_error!(
            attack.alone(&frame(Header::new(5, 1), b"\x02hi\x01\x05"), &[&null]),
            RecvError::Decode(ipc_codec::DecodeError::HandleMissing { index: 5, .. })
        );
        attack.send(&with_one, &[&null]);
        assert!(attack.connection.recv().expect("this is a message").1.is_some());
    });
}

/// Handles with every byte: there would be no end of them.
#[test]
fn a_flood_of_handles_ends_the_connection() {
    isolated(|| {
        let before = Snapshot::take();
        let null = null();
        let mut attack = Attack::new();
        let bytes = frame(Header::new(100, 1), &[0; 100]);
        let handles = [&null; 100];
        for byte in &bytes[..HEADER_SIZE + 4] {
            attack.send(&[*byte], &handles);
        }
        let error = attack.connection.recv().expect_err("it is not a message");
        assert_error!(error, RecvError::Frame(FrameError::TooManyHandles { .. }));
        drop((attack, null));
        before.assert_no_growth();
    });
}

/// Between honest sides, too, a message with handles is lost where there is no room for them; it alone.
#[test]
fn handles_without_room_are_lost_with_their_message() {
    isolated(|| {
        let mut attack = Attack::new();
        let (null, with_one) = (null(), frame(Header::new(5, 1), b"\x02hi\x01\0"));
        attack.send(&with_one, &[&null]);
        attack.send(&honest(), &[]);
        let highest = *ipc_testkit::proc::descriptors().keys().max().expect("there are some") as u64;
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(highest + 1), maximum }).expect("it is less");
        let _rest: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        assert_error!(attack.connection.recv(), Err(RecvError::HandlesLost));
        assert_eq!(attack.connection.recv().expect("the connection goes on").0, "hi");
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it is allowed");
    });
}

#[test]
fn memory_that_is_none_is_refused() {
    isolated(|| {
        let mut attack = Attack::new();
        let file = null();
        assert_error!(attack.alone(&spilled(10, 1), &[&file]), RecvError::Spilled(_));
        let short = FrozenBytes::freeze(&[b"too short"]).expect("memory is left");
        assert_error!(attack.alone(&spilled(1000, 1), &[&short]), RecvError::Spilled(_));
        let nonsense = FrozenBytes::freeze(&[&[0xff; 100]]).expect("memory is left");
        assert_error!(attack.alone(&spilled(100, 1), &[&nonsense]), RecvError::Decode(_));
    });
}

#[test]
fn what_is_announced_takes_no_memory() {
    isolated(|| {
        let before = Snapshot::take().rss_kib();
        let mut attacks: Vec<_> = (0..20).map(|_| Attack::new()).collect();
        for attack in &mut attacks {
            attack.send(&Header::new(64 << 20, 0).to_bytes(), &[]);
            attack.send(&[0; 1000], &[]);
            assert_error!(attack.connection.recv_timeout(SHORT), Err(RecvTimeoutError::TimedOut));
        }
        let grown = Snapshot::take().rss_kib().saturating_sub(before);
        assert!(grown < 20 * 128, "{grown} KiB for 20 announcements");
        for attack in &mut attacks {
            attack.peer.shutdown_send().expect("it is connected");
            assert_error!(attack.connection.recv(), Err(RecvError::Truncated));
        }
    });
}

/// One frame around each of the bombs.
fn bombs() -> impl Iterator<Item = Vec<u8>> {
    fuzz::BOMBS.iter().map(|payload| frame(Header::new(payload.len() as u64, 0), payload))
}

/// Frames to begin with: the bombs, and honest ones of all kinds, of which there are more.
fn seeds() -> Vec<Vec<u8>> {
    let long = ("x".repeat(INLINE_MAX), None::<Handle<OwnedHandle>>);
    let long = ipc_codec::encode(&long, &ipc_codec::Limits::default()).expect("plain data");
    let mut seeds: Vec<Vec<u8>> = bombs().collect();
    for _ in 0..seeds.len() {
        seeds.extend([honest(), honest(), frame(Header::new(5, 1), b"\x02hi\x01\0"), spilled(4, 1)]);
    }
    seeds.push(frame(Header::of(&long).expect("it is short enough"), long.bytes()));
    seeds
}

/// How many values and how many errors a connection tells until it has ended. Each is dropped before the next is received: how much
/// memory all of them take depends on how many frames a change has made.
fn everything(mut connection: Connection<u8, Message>) -> (u64, u64) {
    let (mut n_values, mut n_errors) = (0, 0);
    loop {
        match connection.recv() {
            Ok(_) => n_values += 1,
            Err(RecvError::Eof) => return (n_values, n_errors),
            Err(_) => n_errors += 1,
        }
    }
}

#[test]
fn mutated_streams_are_values_or_errors() {
    isolated_within(fuzz::limit(), || {
        let seeds = seeds();
        let memory = FrozenBytes::freeze(&[b"\x02hi\0"]).expect("memory is left");
        let null = null();
        let handles = [&[][..], &[&null], &[&memory], &[&null, &memory]];
        let before = Snapshot::take();
        let (mut n_values, mut n_errors) = (0, 0);
        let n_rounds = fuzz::rounds(ROUNDS, |rng| {
            let attack = Attack::new();
            let mut bytes = [(); 3].map(|()| rng.pick(&seeds).clone()).concat();
            fuzz::mutate(rng, &mut bytes);
            let middle = rng.below(bytes.len() as u64 + 1) as usize;
            // In two pieces, so that handles come with any byte.
            for piece in [&bytes[..middle], &bytes[middle..]] {
                if !piece.is_empty() {
                    attack.send(piece, handles.get(rng.below(12) as usize).copied().unwrap_or_default());
                }
            }
            drop(attack.peer);
            let (found, peak) = peak_of(|| everything(attack.connection));
            assert!(peak <= 4 * bytes.len() + MAX_MEMORY, "{peak} bytes of memory for {bytes:02x?}");
            n_values += found.0;
            n_errors += found.1;
        });
        before.assert_no_growth();
        println!("{n_values} values, {n_errors} errors");
        assert!(
            n_rounds < ROUNDS || (n_values > 500 && n_errors > 500),
            "{n_values} values, {n_errors} errors"
        );
    });
}
