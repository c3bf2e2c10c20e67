//! A header says what it said, and a stranger's is refused with what differs.

use ipc_codec::frame::{HEADER_SIZE, Header, MAGIC, SPILLED, VERSION};
use ipc_codec::{FrameError, Limits, MAX_HANDLES, Message, encode};

fn parse(header: Header) -> Result<Header, FrameError> {
    Header::parse(&header.to_bytes(), &Limits::default())
}

#[test]
fn round_trip() {
    for header in [
        Header::new(0, 0),
        Header::new(64 << 20, 64),
        Header { flags: SPILLED, ..Header::new(1, 1) },
        Header { flags: SPILLED, ..Header::new(0x0123_4567 & 0x3ff_ffff, 65) },
    ] {
        assert_eq!(parse(header), Ok(header));
    }
}

#[test]
fn what_follows_the_header_is_not_looked_at() {
    let mut bytes = Header::new(1, 0).to_bytes().to_vec();
    bytes.extend([0xff; 100]);
    assert_eq!(Header::parse(&bytes, &Limits::default()), Ok(Header::new(1, 0)));
}

#[test]
fn too_short() {
    let bytes = Header::new(1, 0).to_bytes();
    for got in 0..HEADER_SIZE {
        let error = Header::parse(&bytes[..got], &Limits::default()).unwrap_err();
        assert_eq!(error, FrameError::TooShort { got, expected: HEADER_SIZE });
    }
}

#[test]
fn bad_magic() {
    for at in 0..MAGIC.len() {
        let mut bytes = Header::new(1, 0).to_bytes();
        bytes[at] ^= 0x20;
        let error = Header::parse(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error, FrameError::BadMagic { got: [bytes[0], bytes[1]] });
    }
}

#[test]
fn every_other_version() {
    for version in (0..=255).filter(|version| *version != VERSION) {
        let error = parse(Header { version, ..Header::new(1, 0) }).unwrap_err();
        assert_eq!(error, FrameError::Version { got: version, expected: VERSION });
    }
}

#[test]
fn every_reserved_bit() {
    for flags in (0..=255).filter(|flags| flags & !SPILLED != 0) {
        assert_eq!(parse(Header { flags, ..Header::new(1, 1) }), Err(FrameError::ReservedBits));
    }
    for (at, bit) in [(6, 0), (6, 7), (7, 0), (7, 7)] {
        let mut bytes = Header::new(1, 0).to_bytes();
        bytes[at] |= 1 << bit;
        assert_eq!(Header::parse(&bytes, &Limits::default()), Err(FrameError::ReservedBits));
    }
}

#[test]
fn length_over_the_limit() {
    for len in [(64 << 20) + 1, 1 << 32, 1 << 63, u64::MAX] {
        assert_eq!(parse(Header::new(len, 0)), Err(FrameError::TooLarge { len, limit: 64 << 20 }));
    }
}

#[test]
fn too_many_handles() {
    assert_eq!(parse(Header::new(0, 65)), Err(FrameError::TooManyHandles { count: 65, limit: 64 }));
    let header = Header { flags: SPILLED, ..Header::new(0, 66) };
    assert_eq!(parse(header), Err(FrameError::TooManyHandles { count: 66, limit: 65 }));

    let limits = Limits { max_handles: usize::MAX, ..Limits::default() };
    for flags in [0, SPILLED] {
        let header = Header { flags, ..Header::new(0, MAX_HANDLES as u16) };
        assert!(Header::parse(&header.to_bytes(), &limits).is_ok());
        let header = Header { handles: MAX_HANDLES as u16 + 1, ..header };
        let error = Header::parse(&header.to_bytes(), &limits).unwrap_err();
        assert_eq!(error, FrameError::TooManyHandles { count: 254, limit: 253 });
    }
}

#[test]
fn spilled_without_the_object_that_holds_the_payload() {
    assert_eq!(parse(Header { flags: SPILLED, ..Header::new(1, 0) }), Err(FrameError::Spilled));
}

#[test]
fn frame_of_a_message() {
    let limits = Limits::default();
    let (frame, handles) = encode("text", &limits).unwrap().into_frame(&limits).unwrap();
    assert_eq!(frame[HEADER_SIZE..], *b"\x04text");
    let message = Message::from_frame(&frame, handles, &limits).unwrap();
    assert_eq!(message.decode::<String>(&limits).unwrap(), "text");

    let error = Message::from_frame(&frame[..18], Vec::new(), &limits).unwrap_err();
    assert_eq!(error, FrameError::TooShort { got: 18, expected: 21 });
    let long = [frame.as_slice(), b"xy"].concat();
    let error = Message::from_frame(&long, Vec::new(), &limits).unwrap_err();
    assert_eq!(error, FrameError::TrailingBytes { count: 2 });
    let spilled = Header { flags: SPILLED, ..Header::new(0, 1) }.to_bytes();
    assert_eq!(Message::from_frame(&spilled, Vec::new(), &limits).unwrap_err(), FrameError::Spilled);
}

#[test]
fn message_too_large_for_a_frame() {
    let message = Message::from_parts(vec![0; 11], Vec::new());
    let error = message.into_frame(&Limits::with_max_frame(10)).unwrap_err();
    assert_eq!(error, FrameError::TooLarge { len: 11, limit: 10 });
}
