//! A peer that sends whatever it likes over the socket of a line: every message is a value or a typed error, and nothing is left.

use ipc_codec::FrameError;
use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::handle::Handle;
use ipc_pipe::RecvError;
use ipc_pipe::internals::{INLINE_MAX, Line, line};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::{FrozenBytes, SharedMapping};
use ipc_sys::socket::MessageSocket;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated};
use std::fs::File;
use std::os::unix::net::UnixStream;

type Message = (String, Option<Handle<OwnedHandle>>);

/// An honest end, and the bare socket of the other one.
struct Attack {
    line: Line<Message, Message>,
    peer: MessageSocket,
}

impl Attack {
    fn new() -> Self {
        let (line, peer): (_, Line<Message, Message>) = line().expect("a line");
        let peer = MessageSocket::from_handle(peer.into_handle()).expect("a socket");
        Attack { line, peer }
    }

    fn send(&self, bytes: &[u8], handles: &[&OwnedHandle]) {
        let handles: Vec<_> = handles.iter().map(|handle| handle.as_fd()).collect();
        self.peer.send(&[bytes], &handles, Deadline::NEVER).expect("a message");
    }

    /// What the line says to a message; whatever it is, the next one has to arrive, and nothing may be left open.
    #[track_caller]
    fn attack(&self, bytes: &[u8], handles: &[&OwnedHandle]) -> RecvError {
        let before = Snapshot::take();
        self.send(bytes, handles);
        let error = self.line.recv().expect_err("it is not a message");
        let after = before.diff(&Snapshot::take());
        assert!(after.is_empty(), "{error:?} left\n{after}");
        let (header, payload) = (Header::new(4, 0).to_bytes(), b"\x02hi\0");
        self.send(&[header.as_slice(), payload].concat(), &[]);
        assert_eq!(self.line.recv().expect("the line goes on").0, "hi");
        error
    }
}

fn null() -> OwnedHandle {
    File::open("/dev/null").expect("it is there").into()
}

fn frozen(bytes: &[u8]) -> OwnedHandle {
    FrozenBytes::freeze(&[bytes]).expect("memory is left")
}

/// A header with one byte changed.
fn changed(header: Header, at: usize, byte: u8) -> [u8; HEADER_SIZE] {
    let mut bytes = header.to_bytes();
    bytes[at] = byte;
    bytes
}

fn spilled(len: u64, handles: u16) -> [u8; HEADER_SIZE] {
    Header { flags: SPILLED, ..Header::new(len, handles) }.to_bytes()
}

macro_rules! assert_error {
    ($error:expr, $pattern:pat) => {
        let error = $error;
        assert!(matches!(error, $pattern), "{error:?}");
    };
}

#[test]
fn frames_that_are_none_are_refused() {
    isolated(|| {
        let attack = Attack::new();
        for size in 1..HEADER_SIZE {
            let bytes = &Header::new(0, 0).to_bytes()[..size];
            assert_error!(attack.attack(bytes, &[]), RecvError::Frame(FrameError::TooShort { .. }));
        }
        let header = Header::new(4, 0);
        assert_error!(
            attack.attack(b"GET / HTTP/1.1\r\n\r\n", &[]),
            RecvError::Frame(FrameError::BadMagic { .. })
        );
        assert_error!(
            attack.attack(&changed(header, 2, 9), &[]),
            RecvError::Frame(FrameError::Version { got: 9, .. })
        );
        assert_error!(
            attack.attack(&changed(header, 3, 0x80), &[]),
            RecvError::Frame(FrameError::ReservedBits)
        );
        assert_error!(attack.attack(&changed(header, 6, 1), &[]), RecvError::Frame(FrameError::ReservedBits));
        assert_error!(
            attack.attack(&Header::new(u64::MAX, 0).to_bytes(), &[]),
            RecvError::Frame(FrameError::TooLarge { .. })
        );
    });
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    isolated(|| {
        let attack = Attack::new();
        let with_payload =
            |len, payload: &[u8]| [Header::new(len, 0).to_bytes().as_slice(), payload].concat();
        assert_error!(
            attack.attack(&with_payload(5, b"\x02hi\0"), &[]),
            RecvError::Frame(FrameError::TooShort { .. })
        );
        assert_error!(
            attack.attack(&with_payload(3, b"\x02hi\0"), &[]),
            RecvError::Frame(FrameError::TrailingBytes { count: 1 })
        );
        assert_error!(attack.attack(&with_payload(3, b"\x09hi"), &[]), RecvError::Decode(_));
        assert_error!(attack.attack(&with_payload(5, b"\x02hi\0\0"), &[]), RecvError::Decode(_));
        // Longer than any honest frame, with handles that must not be lost on the way.
        let handle = null();
        let long = with_payload(INLINE_MAX as u64 + 1, &vec![0; INLINE_MAX + 1]);
        let error = attack.attack(&long, &[&handle]);
        assert!(!matches!(error, RecvError::Eof | RecvError::HandlesLost), "{error:?}");
    });
}

#[test]
fn handles_that_do_not_fit_are_refused_and_closed() {
    isolated(|| {
        let attack = Attack::new();
        let handle = null();
        let with = |handles, payload: &[u8]| {
            [Header::new(payload.len() as u64, handles).to_bytes().as_slice(), payload].concat()
        };
        for (announced, sent) in [(0, 1), (1, 0), (1, 2), (2, 1), (64, 1)] {
            let handles = vec![&handle; sent];
            assert_error!(
                attack.attack(&with(announced, b"\x02hi\0"), &handles),
                RecvError::Frame(FrameError::HandleCount { .. })
            );
        }
        let all = vec![&handle; 253];
        assert_error!(
            attack.attack(&with(253, b"\x02hi\0"), &all),
            RecvError::Frame(FrameError::TooManyHandles { .. })
        );
        // Handles that the value does not use, or uses by an index that is not there.
        assert_error!(attack.attack(&with(1, b"\x02hi\0"), &[&handle]), RecvError::Decode(_));
        assert_error!(attack.attack(&with(1, b"\x02hi\x01\x01"), &[&handle]), RecvError::Decode(_));
    });
}

#[test]
fn memory_that_is_none_is_refused_and_closed() {
    isolated(|| {
        let attack = Attack::new();
        let folder = ipc_testkit::temp_dir();
        let file = folder.path().join("file");
        std::fs::write(&file, b"\x02hi\0").expect("room on the disk");
        let (socket, _other) = UnixStream::pair().expect("sockets");
        let sizeable = SharedMapping::create(4096).expect("memory is left");
        let unsealed = rustix::fs::memfd_create("unsealed", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
        rustix::io::write(&unsealed, b"\x02hi\0").expect("room");
        let strangers: [OwnedHandle; 6] = [
            File::open(&file).expect("it is there").into(),
            File::open(folder.path()).expect("it is there").into(),
            socket.into(),
            null(),
            unsealed,
            // Sealed in its size, and its sender can still write to it.
            sizeable.duplicate_handle().expect("a descriptor"),
        ];
        for stranger in &strangers {
            assert_error!(attack.attack(&spilled(4, 1), &[stranger]), RecvError::Spilled(_));
        }
        let memory = frozen(b"\x02hi\0");
        assert_error!(
            attack.attack(&spilled(5, 1), &[&memory]),
            RecvError::Frame(FrameError::TooShort { .. })
        );
        assert_error!(
            attack.attack(&spilled(3, 1), &[&memory]),
            RecvError::Frame(FrameError::TrailingBytes { count: 1 })
        );
        assert_error!(attack.attack(&spilled(4, 0), &[]), RecvError::Frame(FrameError::Spilled));
        let with_payload = [spilled(4, 1).as_slice(), b"\x02hi\0"].concat();
        assert_error!(attack.attack(&with_payload, &[&memory]), RecvError::Frame(_));
        let garbage = frozen(&[0xff; 50_000]);
        assert_error!(attack.attack(&spilled(50_000, 1), &[&garbage]), RecvError::Decode(_));
        // The same memory is good where all is as announced.
        attack.send(&spilled(4, 1), &[&memory]);
        assert_eq!(attack.line.recv().expect("text").0, "hi");
    });
}

#[test]
fn random_frames_are_values_or_errors() {
    isolated(|| {
        let attack = Attack::new();
        let mut rng = Rng::from_env();
        let handles = [null(), frozen(b"\x02hi\0"), frozen(&[7; 100])];
        let before = Snapshot::take();
        let mut n_errors = 0;
        for _ in 0..5000 {
            let mut bytes = vec![0; 1 + rng.below(80) as usize];
            rng.fill(&mut bytes);
            // Most begin like a frame, so that they get further.
            let header =
                Header { flags: rng.below(2) as u8, ..Header::new(rng.below(70), rng.below(4) as u16) };
            if !rng.one_in(4) && bytes.len() >= HEADER_SIZE {
                bytes[..HEADER_SIZE].copy_from_slice(&header.to_bytes());
            }
            let sent: Vec<_> = (0..rng.below(4)).map(|_| rng.pick(&handles)).collect();
            attack.send(&bytes, &sent);
            match attack.line.recv() {
                Ok(_) => {}
                Err(RecvError::Eof | RecvError::Os(_)) => panic!("{bytes:?}"),
                Err(_) => n_errors += 1,
            }
        }
        before.assert_no_growth();
        assert!(n_errors > 1000, "only {n_errors} errors");
    });
}

/// The kernel tells an empty message and the end apart as little as the line does. Its handles are closed.
#[test]
fn an_empty_message_is_the_end_and_leaves_nothing() {
    isolated(|| {
        let attack = Attack::new();
        let handle = null();
        let before = Snapshot::take();
        attack.send(&[], &[&handle]);
        assert!(matches!(attack.line.recv(), Err(RecvError::Eof)));
        before.assert_no_growth();
    });
}
