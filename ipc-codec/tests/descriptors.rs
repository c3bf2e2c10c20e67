//! No path through the codec leaves a descriptor open, whatever fails.
//!
//! The descriptors of the process are counted, so this file has one test, which runs its cases one after
//! another.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ipc_codec::frame::{HEADER_SIZE, Header};
use ipc_codec::handle::{Handle, deserialize_shared, serialize_shared};
use ipc_codec::{DecodeError, EncodeError, Limits, Message, Scratch, decode, encode};
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Files = Vec<Handle<File>>;

fn file() -> Handle<File> {
    Handle::new(File::open("/dev/null").unwrap())
}

fn files(n: usize) -> Files {
    (0..n).map(|_| file()).collect()
}

fn owned(n: usize) -> Vec<OwnedHandle> {
    files(n).into_iter().map(|file| file.into_inner().into()).collect()
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Decodes with `n` handles, and returns the error.
fn refused<T: serde::de::DeserializeOwned>(bytes: &[u8], n: usize) -> DecodeError {
    decode::<T>(bytes, owned(n), &Limits::default()).map(drop).unwrap_err()
}

struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

impl<'de> Deserialize<'de> for Refuses {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Refuses, D::Error> {
        Err(serde::de::Error::custom("no"))
    }
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Panics, D::Error> {
        panic!("on purpose")
    }
}

impl AsHandle for Panics {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        panic!("on purpose")
    }
}

impl From<OwnedHandle> for Panics {
    fn from(_handle: OwnedHandle) -> Panics {
        panic!("on purpose")
    }
}

/// The name by which the codec knows its handles; a type of somebody else could bear it.
const TOKEN: &str = "$ipc_codec::Handle";

/// Claims to be a handle, but neither gives nor takes one; panics if so told.
struct Impostor<const PANICS: bool>;

impl<const PANICS: bool> Serialize for Impostor<PANICS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match PANICS {
            true => serializer.serialize_newtype_struct(TOKEN, &Panics),
            false => serializer.serialize_newtype_struct(TOKEN, &()),
        }
    }
}

impl<'de, const PANICS: bool> Deserialize<'de> for Impostor<PANICS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<const PANICS: bool>;
        impl<'de, const PANICS: bool> serde::de::Visitor<'de> for Visitor<PANICS> {
            type Value = Impostor<PANICS>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a handle")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Self::Value, D::Error> {
                assert!(!PANICS, "on purpose");
                Ok(Impostor)
            }
        }
        deserializer.deserialize_newtype_struct(TOKEN, Visitor)
    }
}

fn frame_cases() {
    let limits = Limits::default();
    let frame = |handles| Header::new(0, handles).to_bytes();
    assert!(Message::from_frame(&frame(2), owned(1), &limits).is_err());
    assert!(Message::from_frame(&frame(0), owned(1), &limits).is_err());
    assert!(Message::from_frame(&frame(1)[..HEADER_SIZE - 1], owned(1), &limits).is_err());
    assert!(encode(&files(3), &limits).unwrap().into_frame(&Limits { max_handles: 2, ..limits }).is_err());
    let (bytes, handles) = encode(&files(3), &limits).unwrap().into_frame(&limits).unwrap();
    assert_eq!(Message::from_frame(&bytes, handles, &limits).unwrap().handles().len(), 3);
}

fn encode_cases() {
    let limits = Limits::default();
    drop(encode(&files(3), &limits).unwrap());
    assert!(matches!(encode(&(files(3), Refuses), &limits), Err(EncodeError::Refused { .. })));
    assert!(matches!(encode(&files(65), &limits), Err(EncodeError::TooManyHandles { .. })));
    let long = (files(3), vec![0_u8; 100]);
    assert!(matches!(encode(&long, &Limits::with_max_frame(50)), Err(EncodeError::TooLarge { .. })));
    assert!(matches!(encode(&files(1), &Limits::with_max_frame(1)), Err(EncodeError::TooLarge { .. })));
    assert!(catch_unwind(|| encode(&(files(3), Panics), &Limits::default())).is_err());
    assert!(catch_unwind(|| encode(&(files(3), Handle::new(Panics)), &Limits::default())).is_err());
    assert!(matches!(encode(&(files(3), Impostor::<false>), &limits), Err(EncodeError::Refused { .. })));
    assert!(catch_unwind(|| encode(&(files(3), Impostor::<true>), &Limits::default())).is_err());
    // A panic in the middle of a handle leaves the thread able to send handles, and unable to write them
    // elsewhere.
    assert!(encode(&files(1), &limits).unwrap().decode::<Files>(&limits).is_ok());
    assert!(serde_json::to_string(&file()).is_err());
}

fn scratch_cases() {
    let limits = Limits::default();
    let mut scratch = Scratch::new();
    for text in ["", &"x".repeat(1000)] {
        let n_before = open_descriptors();
        let none_left = |is_as_expected: bool, scratch: &mut Scratch| {
            assert!(is_as_expected);
            assert_eq!(open_descriptors(), n_before);
            scratch.encode(&files(3), &limits).unwrap();
            assert_eq!(open_descriptors(), n_before + 3);
        };
        scratch.encode(&text, &limits).unwrap();
        let result = scratch.encode(&(files(3), text, Refuses), &limits);
        none_left(matches!(result, Err(EncodeError::Refused { .. })), &mut scratch);
        let result = scratch.encode(&(files(3), text), &Limits::with_max_frame(4));
        none_left(matches!(result, Err(EncodeError::TooLarge { .. })), &mut scratch);
        let result = catch_unwind(AssertUnwindSafe(|| scratch.encode(&(files(3), text, Panics), &limits)));
        none_left(result.is_err(), &mut scratch);
        drop(scratch.take_handles());
        none_left(true, &mut scratch);
        scratch.encode(&text, &limits).unwrap();
        none_left(true, &mut scratch);
        scratch.encode(&text, &limits).unwrap();
    }
    scratch.encode(&(files(3), vec![shared::<0>(); 3]), &limits).unwrap();
}

fn decode_cases() {
    let limits = Limits::default();
    drop(encode(&files(3), &limits).unwrap().decode::<Files>(&limits).unwrap());
    assert!(matches!(refused::<Files>(&[2, 0], 2), DecodeError::Truncated));
    assert!(matches!(refused::<Files>(&[2, 0, 1, 0], 2), DecodeError::TrailingBytes { .. }));
    assert!(matches!(refused::<Files>(&[2, 0, 2], 2), DecodeError::HandleMissing { .. }));
    assert!(matches!(refused::<Files>(&[2, 1, 1], 2), DecodeError::HandleUsedTwice { .. }));
    assert!(matches!(refused::<Files>(&[1, 1], 2), DecodeError::UnusedHandles { count: 1 }));
    assert!(matches!(refused::<Files>(&[0], 65), DecodeError::TooManyHandles { .. }));
    assert!(matches!(refused::<(Files, Refuses)>(&[2, 0, 1], 2), DecodeError::Refused { .. }));
    assert!(matches!(refused::<Message>(&[1, 0, 2, 0, 5], 2), DecodeError::HandleMissing { .. }));
    assert!(matches!(refused::<(Handle<File>, bool)>(&[0, 7], 1), DecodeError::Malformed { .. }));
    let unread = || decode::<(Files, Panics)>(&[2, 0, 1], owned(2), &Limits::default());
    assert!(catch_unwind(AssertUnwindSafe(unread)).is_err());
    let half = || decode::<(Files, Handle<Panics>)>(&[1, 0, 1], owned(3), &Limits::default());
    assert!(catch_unwind(AssertUnwindSafe(half)).is_err());
    assert!(decode::<Impostor<false>>(&[0], owned(1), &limits).is_ok());
    // What the impostor left is gone, and is not found by the next who asks.
    assert!(serde_json::from_value::<Handle<File>>(0.into()).is_err());
    let impostor = || decode::<Impostor<true>>(&[0], owned(1), &Limits::default());
    assert!(catch_unwind(AssertUnwindSafe(impostor)).is_err());
    assert!(serde_json::from_value::<Handle<File>>(0.into()).is_err());
}

/// Shares a handle with all others of its kind; `WITH` says what comes of it: 1 fails, 2 panics.
#[derive(Clone, Debug)]
struct Shared<const WITH: u8>(#[expect(dead_code, reason = "held for its drop")] std::rc::Rc<OwnedHandle>);

fn shared<const WITH: u8>() -> Shared<WITH> {
    Shared(std::rc::Rc::new(file().into_inner().into()))
}

impl<const WITH: u8> Serialize for Shared<WITH> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // One in the message, and one that lives as long as the encoding.
        let make = || Ok((File::open("/dev/null")?.into(), File::open("/dev/null")?));
        let with = |_: &File| match WITH {
            0 => Ok(()),
            1 => Err(std::io::ErrorKind::StorageFull.into()),
            _ => panic!("on purpose"),
        };
        serialize_shared(1, make, with, serializer)
    }
}

impl<'de, const WITH: u8> Deserialize<'de> for Shared<WITH> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let open = |handle| match WITH {
            0 => Ok(Shared(std::rc::Rc::new(handle))),
            1 => Err("no"),
            _ => panic!("on purpose"),
        };
        deserialize_shared(open, deserializer)
    }
}

fn shared_cases() {
    let limits = Limits::default();
    let many = || vec![shared::<0>(); 3];
    drop(encode(&many(), &limits).unwrap());
    drop(encode(&many(), &limits).unwrap().decode::<Vec<Shared<0>>>(&limits).unwrap());
    assert!(matches!(encode(&(many(), Refuses), &limits), Err(EncodeError::Refused { .. })));
    assert!(matches!(encode(&(many(), shared::<1>()), &limits), Err(EncodeError::SharedHandle(_))));
    assert!(matches!(encode(&many(), &Limits::with_max_frame(2)), Err(EncodeError::TooLarge { .. })));
    assert!(matches!(encode(&many(), &Limits::with_max_frame(1)), Err(EncodeError::TooLarge { .. })));
    let two = (many(), file());
    let limit = Limits { max_handles: 1, ..limits };
    assert!(matches!(encode(&two, &limit), Err(EncodeError::TooManyHandles { .. })));
    assert!(catch_unwind(|| encode(&(vec![shared::<0>()], shared::<2>()), &Limits::default())).is_err());
    assert!(catch_unwind(|| encode(&(vec![shared::<0>()], Panics), &Limits::default())).is_err());

    type Many = Vec<Shared<0>>;
    assert!(matches!(refused::<Many>(&[2, 0], 1), DecodeError::Truncated));
    assert!(matches!(refused::<Many>(&[2, 0, 0, 0], 1), DecodeError::TrailingBytes { .. }));
    assert!(matches!(refused::<Many>(&[2, 0, 2], 2), DecodeError::HandleMissing { .. }));
    assert!(matches!(refused::<Many>(&[2, 1, 1], 2), DecodeError::UnusedHandles { count: 1 }));
    assert!(matches!(refused::<(Many, Refuses)>(&[2, 0, 0], 1), DecodeError::Refused { .. }));
    assert!(matches!(refused::<(Many, Shared<1>)>(&[2, 0, 0, 1], 2), DecodeError::Refused { .. }));
    assert!(matches!(refused::<(Many, Shared<1>)>(&[2, 0, 0, 0], 1), DecodeError::HandleUsedTwice { .. }));
    assert!(matches!(refused::<(Many, Handle<File>)>(&[2, 0, 0, 0], 1), DecodeError::HandleUsedTwice { .. }));
    assert!(matches!(refused::<(Handle<File>, Many)>(&[0, 1, 0], 1), DecodeError::HandleUsedTwice { .. }));
    let half = || decode::<(Many, Shared<2>)>(&[2, 0, 0, 1], owned(3), &Limits::default());
    assert!(catch_unwind(AssertUnwindSafe(half)).is_err());
    let unread = || decode::<(Many, Panics)>(&[2, 0, 0], owned(3), &Limits::default());
    assert!(catch_unwind(AssertUnwindSafe(unread)).is_err());
    assert!(serde_json::from_value::<Shared<0>>(0.into()).is_err());
    shared_impostor_cases();
}

/// Types of others that bear the name by which the codec knows shared handles.
fn shared_impostor_cases() {
    const SHARED_TOKEN: &str = "$ipc_codec::Shared";
    struct Impostor;
    impl Serialize for Impostor {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_newtype_struct(SHARED_TOKEN, &file())
        }
    }
    impl<'de> Deserialize<'de> for Impostor {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Impostor;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a shared handle")
                }
                fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Impostor, D::Error> {
                    Ok(Impostor)
                }
            }
            deserializer.deserialize_newtype_struct(SHARED_TOKEN, Visitor)
        }
    }
    let limits = Limits::default();
    encode(&(shared::<0>(), Impostor), &limits).expect_err("a plain handle is none that is shared");
    assert!(encode(&vec![shared::<0>(); 2], &limits).is_ok());
    // It leaves the handle where it is, and so nobody has it any more.
    assert!(decode::<Impostor>(&[0], owned(1), &limits).is_ok());
    assert!(matches!(refused::<(Impostor, Shared<0>)>(&[0, 0], 1), DecodeError::HandleUsedTwice { .. }));
    assert!(decode::<(Shared<0>, Impostor, Shared<0>)>(&[0, 0, 0], owned(1), &limits).is_ok());
    assert!(serde_json::from_value::<Shared<0>>(0.into()).is_err());
}

/// Encodes with each number of free descriptors, from none to enough.
fn exhaustion_cases() {
    let old = getrlimit(Resource::Nofile);
    let value = (files(4), encode(&files(4), &Limits::default()).unwrap(), vec![shared::<0>(); 3]);
    setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum: old.maximum }).unwrap();
    let mut fill: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let mut n_failed = 0;
    loop {
        match encode(&value, &Limits::default()) {
            Ok(message) => {
                assert_eq!(message.handles().len(), 9);
                break;
            }
            Err(EncodeError::DuplicateHandle(source) | EncodeError::SharedHandle(source)) => {
                assert!(source.raw_os_error().is_some());
            }
            Err(error) => panic!("{error}"),
        }
        n_failed += 1;
        fill.pop().expect("there is room, and still encoding fails");
    }
    // Nine in the message, and one that is made along with the shared one.
    assert_eq!(n_failed, 10);
    setrlimit(Resource::Nofile, old).unwrap();
}

#[test]
fn as_many_descriptors_after_as_before() {
    std::panic::set_hook(Box::new(|_| ())); // The panics on purpose need no report.
    let result = catch_unwind(|| {
        for (name, cases) in [
            ("frame", frame_cases as fn()),
            ("encode", encode_cases),
            ("scratch", scratch_cases),
            ("decode", decode_cases),
            ("shared", shared_cases),
            ("exhaustion", exhaustion_cases),
        ] {
            let before = open_descriptors();
            cases();
            assert_eq!(open_descriptors(), before, "{name}");
        }
    });
    let _ = std::panic::take_hook();
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        panic!("{}", text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default());
    }
}
