//! Handles travel beside the bytes, once each, and nowhere else.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use ipc_codec::handle::Handle;
use ipc_codec::{DecodeError, EncodeError, Limits, MAX_HANDLES, Message, decode, encode, encode_into};
use ipc_sys::handle::OwnedHandle;
use serde::{Deserialize, Serialize, Serializer};

fn null() -> File {
    File::open("/dev/null").unwrap()
}

fn nulls(n: usize) -> Vec<Handle<File>> {
    (0..n).map(|_| Handle::new(null())).collect()
}

fn owned(n: usize) -> Vec<OwnedHandle> {
    (0..n).map(|_| null().into()).collect()
}

#[derive(Serialize, Deserialize)]
struct Task {
    id: u32,
    #[serde(with = "ipc_codec::handle")]
    input: UnixStream,
    outputs: Vec<Handle<OwnedHandle>>,
}

#[test]
fn socket_still_speaks_after_the_journey() {
    let limits = Limits::default();
    let (mut here, there) = UnixStream::pair().unwrap();
    let task = Task { id: 7, input: there, outputs: vec![Handle::new(null().into())] };
    let message = encode(&task, &limits).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), ([7, 0, 1, 1].as_slice(), 2));
    drop(task);

    let mut task: Task = message.decode(&limits).unwrap();
    here.write_all(b"hello").unwrap();
    let mut text = [0; 5];
    task.input.read_exact(&mut text).unwrap();
    assert_eq!((task.id, &text, task.outputs.len()), (7, b"hello", 1));
}

#[test]
fn caller_keeps_a_handle_to_the_same_open_file() {
    let limits = Limits::default();
    let mut file = Handle::new(File::open("/proc/self/exe").unwrap());
    let mut copy: Handle<File> = encode(&file, &limits).unwrap().decode(&limits).unwrap();
    copy.seek(std::io::SeekFrom::Start(100)).unwrap();
    assert_eq!(file.stream_position().unwrap(), 100);
}

#[test]
fn tcp_stream_and_generic_wrappers() {
    let limits = Limits::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let pair = (Handle::from(listener), Some(Handle::from(stream)));
    let pair: (Handle<TcpListener>, Option<Handle<TcpStream>>) =
        encode(&pair, &limits).unwrap().decode(&limits).unwrap();
    assert_eq!(pair.0.local_addr().unwrap(), pair.1.unwrap().peer_addr().unwrap());
}

#[test]
fn copies_are_close_on_exec() {
    let message = encode(&nulls(1), &Limits::default()).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&message.handles()[0]);
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    assert_ne!(i64::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000, 0, "{info}");
}

#[test]
fn indices_count_from_the_first_handle_that_is_added() {
    let (mut bytes, mut handles) = (Vec::new(), owned(3));
    encode_into(&nulls(2), &mut bytes, &mut handles, &Limits::default()).unwrap();
    assert_eq!((bytes.as_slice(), handles.len()), ([2, 0, 1].as_slice(), 5));
}

#[test]
fn handles_of_an_inner_message_get_new_indices() {
    let limits = Limits::default();
    let inner = encode(&nulls(2), &limits).unwrap();
    assert_eq!(inner.bytes(), [2, 0, 1]);
    let outer = encode(&(nulls(1), &inner), &limits).unwrap();
    // A sequence of one handle; the inner bytes as they were; two handles behind the one before.
    assert_eq!(outer.bytes(), [1, 0, 3, 2, 0, 1, 2, 1, 2]);
    assert_eq!(outer.handles().len(), 3);

    let (first, inner): (Vec<Handle<File>>, Message) = outer.decode(&limits).unwrap();
    let second: Vec<Handle<File>> = inner.decode(&limits).unwrap();
    assert_eq!((first.len(), second.len()), (1, 2));
}

#[test]
fn index_out_of_range() {
    for index in [1_u32, 2, 253, u32::MAX] {
        let bytes = encode(&index, &Limits::default()).unwrap();
        let error = decode::<Handle<File>>(bytes.bytes(), owned(1), &Limits::default()).unwrap_err();
        assert!(
            matches!(error, DecodeError::HandleMissing { index: got, count: 1 } if got == index),
            "{error}"
        );
    }
    let error = decode::<Handle<File>>(&[0], Vec::new(), &Limits::default()).unwrap_err();
    assert!(matches!(error, DecodeError::HandleMissing { index: 0, count: 0 }));
}

#[test]
fn index_used_twice() {
    let error = decode::<Vec<Handle<File>>>(&[2, 0, 0], owned(2), &Limits::default()).unwrap_err();
    assert!(matches!(error, DecodeError::HandleUsedTwice { index: 0 }));
}

#[test]
fn unused_handles() {
    let error = decode::<Vec<Handle<File>>>(&[1, 1], owned(3), &Limits::default()).unwrap_err();
    assert!(matches!(error, DecodeError::UnusedHandles { count: 2 }));
    let error = decode::<u8>(&[1], owned(1), &Limits::default()).unwrap_err();
    assert!(matches!(error, DecodeError::UnusedHandles { count: 1 }));
}

#[test]
fn too_many_handles() {
    let limits = Limits { max_handles: 2, ..Limits::default() };
    assert!(encode(&nulls(2), &limits).is_ok());
    let error = encode(&nulls(3), &limits).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { count: 3, limit: 2 }));
    let error = decode::<Vec<Handle<File>>>(&[3, 0, 1, 2], owned(3), &limits).unwrap_err();
    assert!(matches!(error, DecodeError::TooManyHandles { count: 3, limit: 2 }));

    let limits = Limits { max_handles: usize::MAX, ..Limits::default() };
    assert!(encode(&nulls(MAX_HANDLES), &limits).is_ok());
    let error = encode(&nulls(MAX_HANDLES + 1), &limits).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { limit: MAX_HANDLES, .. }));
}

#[test]
fn outside_a_message_a_handle_is_an_error_and_never_a_number() {
    let file = Handle::new(null());
    for error in [
        serde_json::to_string(&file).unwrap_err().to_string(),
        serde_json::to_value(&file).unwrap_err().to_string(),
        serde_json::to_string(&encode(&nulls(1), &Limits::default()).unwrap()).unwrap_err().to_string(),
    ] {
        assert!(error.contains("cannot be serialized outside a message"), "{error}");
    }
    for text in ["0", "[0]", "null", "{}"] {
        let error = serde_json::from_str::<Handle<File>>(text).unwrap_err().to_string();
        assert!(error.contains("cannot be deserialized outside a message"), "{error}");
    }
    assert!(postcard::to_stdvec(&file).is_err());
    assert!(postcard::from_bytes::<Handle<File>>(&[0]).is_err());
}

/// A type that writes its part down in another format while it is encoded, and reads it so while it is
/// decoded.
struct AsJson(Handle<File>);

impl Serialize for AsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for AsJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<AsJson, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(AsJson).map_err(serde::de::Error::custom)
    }
}

#[test]
fn another_format_in_the_middle_of_a_message_is_outside_too() {
    let error = encode(&(nulls(1), AsJson(Handle::new(null()))), &Limits::default()).unwrap_err();
    assert!(matches!(&error, EncodeError::Refused { message } if message.contains("outside a message")));
    let error = decode::<(Handle<File>, AsJson)>(&[0, 1, b'1'], owned(2), &Limits::default()).map(drop);
    let error = error.unwrap_err();
    assert!(matches!(&error, DecodeError::Refused { message } if message.contains("outside a message")));
}
