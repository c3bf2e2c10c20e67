//! What goes through a word is what goes through a slice: the same bytes, the same values, the same refusals.

use std::fmt::Debug;
use std::fs::File;

use ipc_codec::handle::Handle;
use ipc_codec::{Limits, decode, decode_word, encode, encode_word};
use ipc_testkit::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u16),
    Box { width: i8, height: u64 },
}

/// Encodes a value both ways.
fn check_encoded<T: Serialize + Debug>(value: T) {
    let limits = Limits::default();
    let bytes = encode(&value, &limits).unwrap().into_parts().0;
    let word = encode_word(&value, &limits).map(|(word, size)| {
        assert!(word[size..].iter().all(|byte| *byte == 0), "{value:?} leaves {word:?}");
        word[..size].to_vec()
    });
    // Nothing else keeps a value out of a word than its size, here or there.
    assert_eq!(word, (size_of::<T>() <= 16 && bytes.len() <= 8).then_some(bytes), "{value:?}");
}

/// Decodes the same bytes both ways.
fn check_decoded<T: DeserializeOwned + PartialEq + Debug>(word: [u8; 8], size: usize) {
    let limits = Limits::default();
    let (of_word, of_slice) =
        (decode_word::<T>(&word, size, &limits), decode::<T>(&word[..size], Vec::new(), &limits));
    match (of_word, of_slice) {
        (Ok(of_word), Ok(of_slice)) => assert_eq!(of_word, of_slice, "{word:?} {size}"),
        (of_word, of_slice) => assert_eq!(format!("{of_word:?}"), format!("{of_slice:?}"), "{word:?} {size}"),
    }
}

#[test]
fn words_are_what_is_encoded() {
    let mut rng = Rng::seeded(20);
    for shift in 0..64 {
        let number = u64::MAX >> shift;
        check_encoded(number);
        check_encoded((number as i64, true));
        check_encoded((number as u16, number as u8, number as i32));
        check_encoded(u128::from(number) << 60);
        check_encoded(Shape::Box { width: -1, height: number });
    }
    for len in 0..20 {
        check_encoded("a".repeat(len));
        check_encoded("a".repeat(len).into_boxed_str());
        check_encoded(vec![rng.next_u64() as u16; len]);
        check_encoded(vec![(); len]);
    }
    check_encoded((Shape::Point, Shape::Circle(300), None::<u8>, Some('x')));
    check_encoded((1.5_f32, 'ß'));
    check_encoded(1.5_f64);
}

#[test]
fn words_are_decoded_as_slices_are() {
    let mut rng = Rng::seeded(21);
    for round in 0..20_000 {
        let mut word = rng.next_u64().to_le_bytes();
        // Small bytes make more values, and bytes with the high bit longer numbers.
        match round % 3 {
            0 => word.iter_mut().for_each(|byte| *byte &= 3),
            1 => word.iter_mut().for_each(|byte| *byte |= 0x80 * u8::from(*byte % 4 != 0)),
            _ => {}
        }
        let size = rng.below(9) as usize;
        check_decoded::<u64>(word, size);
        check_decoded::<u16>(word, size);
        check_decoded::<i128>(word, size);
        check_decoded::<(bool, i32)>(word, size);
        check_decoded::<(u8, f32, Option<u16>)>(word, size);
        check_decoded::<String>(word, size);
        check_decoded::<(char, Vec<u8>)>(word, size);
        check_decoded::<Shape>(word, size);
        check_decoded::<Vec<(u64, ())>>(word, size);
    }
}

#[test]
fn a_word_keeps_to_the_limits() {
    let limits = Limits::with_max_frame(3);
    assert!(encode_word(&[1_u8; 3], &limits).is_some());
    assert!(encode_word(&[1_u8; 4], &limits).is_none());
    assert!(decode_word::<[u8; 3]>(&[1; 8], 3, &limits).is_ok());
    assert!(decode_word::<[u8; 4]>(&[1; 8], 4, &limits).is_err());
    let shallow = Limits { max_depth: 1, ..Limits::default() };
    assert!(decode_word::<Option<Option<u8>>>(&[1; 8], 3, &shallow).is_err());
}

#[test]
fn handles_are_in_no_word() {
    let file = Handle::new(File::open("/dev/null").unwrap());
    assert_eq!(encode_word(&file, &Limits::default()), None);
    let refusal = decode_word::<Handle<File>>(&[0; 8], 1, &Limits::default()).unwrap_err();
    assert!(matches!(refusal, ipc_codec::DecodeError::HandleMissing { index: 0, count: 0 }), "{refusal:?}");
}

#[test]
#[should_panic]
fn a_word_has_eight_bytes() {
    let _ = decode_word::<u64>(&[1; 8], 9, &Limits::default());
}
