//! What cannot be encoded or decoded is an error that says why.

use std::error::Error;

use ipc_codec::{DecodeError, EncodeError, Limits, decode, encode, encode_into};
use serde::de::DeserializeOwned;
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

fn refused<T: DeserializeOwned>(bytes: &[u8]) -> DecodeError {
    match decode::<T>(bytes, Vec::new(), &Limits::default()) {
        Ok(_) => panic!("{bytes:02x?} was accepted as {}", std::any::type_name::<T>()),
        Err(error) => error,
    }
}

fn malformed<T: DeserializeOwned>(bytes: &[u8], at: usize) {
    let error = refused::<T>(bytes);
    assert!(matches!(error, DecodeError::Malformed { offset, .. } if offset == at), "{error:?}");
}

/// Serializes by a closure.
struct By<F>(F);

impl<F: Fn(&mut dyn FnMut(&'static str)) -> Option<usize>> Serialize for By<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = Vec::new();
        let len = (self.0)(&mut |item| items.push(item));
        let mut seq = serializer.serialize_seq(len)?;
        for item in items {
            seq.serialize_element(item)?;
        }
        seq.end()
    }
}

#[test]
fn errors_can_be_passed_between_threads_and_kept() {
    fn check<T: Error + Send + Sync + 'static>() {}
    check::<EncodeError>();
    check::<DecodeError>();
    check::<ipc_codec::FrameError>();
}

#[test]
fn payload_over_the_limit_and_exactly_at_it() {
    let limits = Limits::with_max_frame(100);
    assert!(matches!(
        encode(&[7_u8; 32].repeat(4), &limits),
        Err(EncodeError::TooLarge { size: 101, limit: 100 })
    ));
    assert!(matches!(
        encode("x".repeat(1000).as_str(), &limits),
        Err(EncodeError::TooLarge { size: 1002, limit: 100 })
    ));
    let exact = encode("x".repeat(99).as_str(), &limits).unwrap();
    assert_eq!(exact.bytes().len(), 100);
    assert!(decode::<String>(exact.bytes(), Vec::new(), &limits).is_ok());
    let limits = Limits::with_max_frame(99);
    let error = exact.decode::<String>(&limits).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { size: 100, limit: 99 }));
}

#[test]
fn endless_value_is_refused_before_it_fills_the_memory() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(usize::MAX))?;
            loop {
                seq.serialize_element(&0_u64)?;
            }
        }
    }
    let (mut bytes, mut handles) = (vec![1, 2], Vec::new());
    let error = encode_into(&Endless, &mut bytes, &mut handles, &Limits::with_max_frame(1000)).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { size: 1001, limit: 1000 }));
    assert_eq!(bytes, [1, 2]);
    assert!(bytes.capacity() <= 4096);
}

#[test]
fn endless_text_is_refused_before_it_fills_the_memory() {
    struct Endless;
    impl std::fmt::Display for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            loop {
                f.write_str("and so on, ")?;
            }
        }
    }
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    let error = encode(&Endless, &Limits::with_max_frame(1000)).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { limit: 1000, .. }));
}

#[test]
fn what_was_there_stays_when_encoding_fails_or_panics() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            panic!("on purpose")
        }
    }
    let file = || ipc_codec::handle::Handle::new(std::fs::File::open("/dev/null").unwrap());
    let (mut bytes, mut handles) = (vec![9], Vec::new());
    encode_into(&file(), &mut bytes, &mut handles, &Limits::default()).unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        encode_into(&("text", file(), Panics), &mut bytes, &mut handles, &Limits::default())
    }));
    assert!(result.is_err());
    assert_eq!((bytes.as_slice(), handles.len()), ([9, 0].as_slice(), 1));
}

#[test]
fn sequence_of_unknown_length() {
    let error = encode(&By(|_: &mut dyn FnMut(&'static str)| None), &Limits::default()).unwrap_err();
    assert!(matches!(error, EncodeError::UnknownLength));
}

#[test]
fn sequence_of_another_length_than_declared() {
    let value = By(|give: &mut dyn FnMut(&'static str)| {
        give("one");
        Some(2)
    });
    let error = encode(&value, &Limits::default()).unwrap_err();
    assert!(matches!(error, EncodeError::WrongLength { declared: 2, written: 1 }));
}

#[test]
fn field_that_is_skipped_depending_on_its_value() {
    struct Sometimes;
    impl Serialize for Sometimes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Sometimes", 1)?;
            fields.skip_field("age")?;
            fields.end()
        }
    }
    let error = encode(&Sometimes, &Limits::default()).unwrap_err();
    assert!(matches!(&error, EncodeError::Refused { message } if message.contains("`age`")), "{error}");
}

#[test]
fn message_of_a_serialize_implementation_survives() {
    let lock = std::sync::Mutex::new(1);
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = lock.lock();
        panic!("poison it");
    }));
    let error = encode(&lock, &Limits::default()).unwrap_err();
    assert!(matches!(&error, EncodeError::Refused { message } if message.contains("poison")), "{error}");
}

#[test]
fn message_of_a_deserialize_implementation_survives() {
    let error = refused::<std::num::NonZeroU8>(&[0]);
    assert!(matches!(&error, DecodeError::Refused { message } if message.contains("nonzero")), "{error}");
    #[derive(Deserialize)]
    enum Two {
        A,
        B,
    }
    let _ = (Two::A, Two::B);
    let error = refused::<Two>(&[2]);
    assert!(matches!(&error, DecodeError::Refused { message } if message.contains("variant")), "{error}");
}

#[test]
fn truncated_at_every_byte() {
    let value = (1_u64 << 60, "text", Some([1.5_f64]), vec![(1_u8, 'x')], u128::MAX, Ok::<i16, ()>(-300));
    let bytes = encode(&value, &Limits::default()).unwrap().into_parts().0;
    type Value = (u64, String, Option<[f64; 1]>, Vec<(u8, char)>, u128, Result<i16, ()>);
    assert!(decode::<Value>(&bytes, Vec::new(), &Limits::default()).is_ok());
    for end in 0..bytes.len() {
        let error = refused::<Value>(&bytes[..end]);
        assert!(matches!(error, DecodeError::Truncated), "{end}: {error}");
    }
}

#[test]
fn trailing_bytes() {
    assert!(matches!(refused::<u8>(&[1, 2, 3]), DecodeError::TrailingBytes { count: 2 }));
    assert!(matches!(refused::<()>(&[0]), DecodeError::TrailingBytes { count: 1 }));
}

#[test]
fn malformed_items_are_located() {
    malformed::<(u8, bool)>(&[0, 2], 1);
    malformed::<(u8, Option<u8>)>(&[0, 2], 1);
    malformed::<u16>(&[0xff, 0xff, 0xff], 0);
    malformed::<u64>(&[0xff; 11], 0);
    malformed::<char>(&[1, 0xff], 0);
    malformed::<char>(&[5, 0, 0, 0, 0, 0], 0);
    malformed::<(u16, String)>(&[0x80, 1, 2, 0xc3, 0x28], 2);
}

#[test]
fn types_that_need_a_self_describing_format() {
    assert!(matches!(refused::<serde_json::Value>(&[0]), DecodeError::NotSelfDescribing));
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        #[allow(dead_code)]
        Number(u8),
    }
    assert!(matches!(refused::<Either>(&[0]), DecodeError::NotSelfDescribing));
}

#[test]
fn type_that_takes_fewer_elements_than_there_are() {
    #[derive(Debug)]
    struct First;
    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<First, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = First;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a sequence")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<First, A::Error> {
                    seq.next_element::<u8>()?;
                    Ok(First)
                }
            }
            deserializer.deserialize_seq(Visitor)
        }
    }
    assert!(decode::<First>(&[1, 7], Vec::new(), &Limits::default()).is_ok());
    malformed::<First>(&[2, 7, 8], 2);
}
