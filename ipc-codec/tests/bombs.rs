//! Small payloads that claim to be large: each is an error, and costs no more memory than the limits say.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_codec::{DecodeError, Limits, Message, decode, encode};
use ipc_testkit::{Counting, peak_of};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a decode may allocate beside the value.
const SLACK: usize = 64 << 10;

/// A type of 1 KiB that takes one byte.
#[derive(Debug, Deserialize)]
struct Kilobyte(#[allow(dead_code)] Option<[[u64; 16]; 8]>);

/// A type of 1 KiB that takes no byte.
#[derive(Debug, Deserialize)]
struct Skipped {
    #[allow(dead_code)]
    #[serde(skip)]
    room: [[u64; 16]; 8],
}

/// A level for a byte.
#[derive(Debug, Serialize, Deserialize)]
enum Nested {
    End,
    More(Box<Nested>),
}

#[derive(Debug, Deserialize)]
struct Tree {
    #[allow(dead_code)]
    kids: Vec<Tree>,
}

#[derive(Debug, Deserialize)]
struct Chain(#[allow(dead_code)] Option<Box<Chain>>);

/// Decodes a payload that must be refused, and returns the error and the peak of memory.
fn refused<T: DeserializeOwned + Debug>(bytes: &[u8], limits: &Limits) -> (DecodeError, usize) {
    let (result, peak) = peak_of(|| decode::<T>(bytes, Vec::new(), limits).map(drop));
    (result.expect_err("the bomb was accepted"), peak)
}

/// The variable-length form of a number.
fn varint(number: u64) -> Vec<u8> {
    encode(&number, &Limits::default()).unwrap().into_parts().0
}

/// A declared length, and zeros.
fn zeros(len: u64, n_bytes: usize) -> Vec<u8> {
    let mut bytes = varint(len);
    bytes.resize(bytes.len() + n_bytes, 0);
    bytes
}

/// Limits with little memory, for frames of the default size.
fn small() -> Limits {
    Limits { max_decoded: 4 << 20, ..Limits::default() }
}

#[test]
fn vec_of_2_to_the_60_numbers_in_9_bytes() {
    let bytes = varint(1 << 60);
    assert_eq!(bytes.len(), 9);
    let (error, peak) = refused::<Vec<u64>>(&bytes, &Limits::default());
    assert!(matches!(error, DecodeError::LengthOverInput { declared, remaining: 0 } if declared == 1 << 60));
    assert!(peak <= SLACK, "{peak}");
}

#[test]
fn hash_map_of_2_to_the_60_entries() {
    let (error, peak) = refused::<HashMap<u64, u64>>(&varint(1 << 60), &Limits::default());
    assert!(matches!(error, DecodeError::LengthOverInput { .. }));
    assert!(peak <= SLACK, "{peak}");
}

#[test]
fn vec_of_kilobytes_from_a_megabyte_of_zeros_with_small_limits() {
    let bytes = zeros(1_000_000, 1_000_000);
    let (error, peak) = refused::<Vec<Kilobyte>>(&bytes, &small());
    assert!(matches!(error, DecodeError::DecodedSize { limit } if limit == 4 << 20));
    assert!(peak <= SLACK + small().max_decoded, "{peak}");
}

#[test]
fn vec_of_kilobytes_from_a_megabyte_of_zeros_with_default_limits() {
    let bytes = zeros(1_000_000, 1_000_000);
    let (error, peak) = refused::<Vec<Kilobyte>>(&bytes, &Limits::default());
    assert!(matches!(error, DecodeError::DecodedSize { .. }));
    assert!(peak <= SLACK + Limits::default().max_decoded, "{peak}");
}

#[test]
fn kilobytes_behind_pointers_are_charged_where_they_are() {
    // The 100,000 pointers alone are within the limit. A kilobyte stands behind each, for a byte of input.
    let bytes = zeros(100_000, 100_000);
    for (error, peak) in [
        refused::<Vec<Box<Kilobyte>>>(&bytes, &small()),
        refused::<LinkedList<Box<Kilobyte>>>(&bytes, &small()),
        refused::<Vec<RefCell<Box<Kilobyte>>>>(&bytes, &small()),
    ] {
        assert!(matches!(error, DecodeError::DecodedSize { .. }));
        assert!(peak <= SLACK + small().max_decoded, "{peak}");
    }
}

#[test]
fn skipped_fields_are_charged_though_they_take_no_byte() {
    let (error, peak) = refused::<Vec<Skipped>>(&varint(60_000), &small());
    assert!(matches!(error, DecodeError::DecodedSize { .. }));
    assert!(peak <= SLACK + small().max_decoded, "{peak}");
}

#[test]
fn list_of_nothing_in_3_and_4_and_10_bytes() {
    for (len, n_bytes) in [(1 << 20, 3), (1 << 27, 4), (u64::MAX, 10)] {
        let bytes = varint(len);
        assert_eq!(bytes.len(), n_bytes);
        let (error, peak) = refused::<LinkedList<()>>(&bytes, &Limits::default());
        assert!(matches!(error, DecodeError::Elements { limit: 65_536 }), "{error}");
        assert!(peak <= SLACK, "{peak}");
    }
}

#[test]
fn lists_of_nothing_share_one_limit() {
    // Every list is within the limit, and their sum is not.
    let limits = Limits { max_elements: 1000, ..Limits::default() };
    let mut bytes = varint(3);
    bytes.extend(varint(400).repeat(3));
    let (error, _) = refused::<Vec<Vec<()>>>(&bytes, &limits);
    assert!(matches!(error, DecodeError::Elements { limit: 1000 }));

    let mut bytes = varint(2);
    bytes.extend(varint(500).repeat(2));
    assert_eq!(decode::<Vec<Vec<()>>>(&bytes, Vec::new(), &limits).unwrap(), [vec![(); 500], vec![(); 500]]);
}

#[test]
fn map_of_nothing_ends_quickly() {
    let begin = Instant::now();
    let (error, peak) = refused::<HashMap<(), ()>>(&varint(u64::MAX), &Limits::default());
    assert!(matches!(error, DecodeError::Elements { .. }));
    let (error, _) = refused::<HashSet<()>>(&varint(u64::MAX), &Limits::default());
    assert!(matches!(error, DecodeError::Elements { .. }));
    let (error, _) = refused::<BTreeMap<(), ()>>(&varint(u64::MAX), &Limits::default());
    assert!(matches!(error, DecodeError::Elements { .. }));
    assert!(peak <= SLACK, "{peak}");
    // 2^64 steps would take centuries, so that no time is too short to tell, nor this one too long.
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn recursion_at_a_byte_a_level_is_an_error_on_a_small_stack() {
    let run = || {
        let levels = vec![1; 100_000];
        let (error, peak) = refused::<Nested>(&levels, &Limits::default());
        assert!(matches!(error, DecodeError::Depth { limit: 128 }));
        assert!(peak <= SLACK, "{peak}");
        let (error, _) = refused::<Chain>(&levels, &Limits::default());
        assert!(matches!(error, DecodeError::Depth { limit: 128 }));
        let (error, _) = refused::<Tree>(&levels, &Limits::default());
        assert!(matches!(error, DecodeError::Depth { limit: 128 }));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn depth_counts_values_and_includes_the_last() {
    let nested = |levels: usize| {
        let mut bytes = vec![1; levels - 1];
        bytes.push(0);
        bytes
    };
    assert!(decode::<Nested>(&nested(128), Vec::new(), &Limits::default()).is_ok());
    let (error, _) = refused::<Nested>(&nested(129), &Limits::default());
    assert!(matches!(error, DecodeError::Depth { limit: 128 }));
}

#[test]
fn nested_collections_cannot_each_allocate_for_a_hint() {
    // Every level claims a kilobyte of kids, so that 64 levels would allocate 64 times for what never comes.
    let limits = Limits { max_decoded: 1 << 20, ..Limits::default() };
    let bytes: Vec<u8> = varint(4000).repeat(4000);
    let (_, peak) = refused::<Tree>(&bytes, &limits);
    assert!(peak <= SLACK + limits.max_decoded, "{peak}");
    let (_, peak) = refused::<Tree>(&bytes, &Limits { max_decoded: 4 << 20, ..limits });
    assert!(peak <= SLACK + (4 << 20), "{peak}");
}

#[test]
fn a_refusal_does_not_quote_a_long_text() {
    /// Wants a number, and quotes what it gets.
    #[derive(Debug)]
    struct Number;
    impl<'de> Deserialize<'de> for Number {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Number;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a number")
                }
            }
            deserializer.deserialize_str(Visitor)
        }
    }
    let bytes = encode(&"\u{7}".repeat(1 << 20), &Limits::default()).unwrap();
    let (error, peak) = refused::<Number>(bytes.bytes(), &Limits::default());
    let DecodeError::Refused { message } = error else { panic!("{error}") };
    assert!(message.starts_with("invalid type: string \"\\u{7}"), "{message}");
    assert!(message.len() < 2000 && message.ends_with("..."));
    assert!(peak <= SLACK, "{peak}");
}

/// Decodes `bytes` under many budgets; below some the value is refused, and under none does it take more.
fn stays_within_every_budget<T: DeserializeOwned>(name: &str, bytes: &[u8]) {
    const STEPS: u32 = 42;
    let mut accepted = 0;
    for step in 0..STEPS {
        // From 4 KiB to 45 MiB, in thirds of an octave.
        let max_decoded = (4096.0 * 2_f64.powf(f64::from(step) / 3.0)) as usize;
        let limits = Limits { max_decoded, ..Limits::default() };
        let (result, peak) = peak_of(|| decode::<T>(bytes, Vec::new(), &limits).map(drop));
        assert!(peak <= max_decoded + SLACK, "{name}: peak {peak} with a budget of {max_decoded}");
        match result {
            Ok(()) => accepted += 1,
            Err(DecodeError::DecodedSize { limit }) => assert_eq!(limit, max_decoded),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(accepted > 0, "{name}: never accepted");
    assert!(accepted < STEPS, "{name}: never refused");
}

#[test]
fn std_collections_stay_within_every_budget() {
    let limits = Limits::default();
    macro_rules! check {
        ($($type:ty = $value:expr;)*) => {$(
            stays_within_every_budget::<$type>(stringify!($type), encode(&$value, &limits).unwrap().bytes());
        )*};
    }
    let n = 10_000_u32;
    check! {
        Vec<u8> = vec![7_u8; 50_000];
        Vec<u64> = (0..n).collect::<Vec<_>>();
        Vec<u16> = vec![1_u16; 70_000];
        Vec<Kilobyte> = vec![None::<u8>; 4500];
        Vec<Option<Box<u64>>> = vec![Some(1_u64); 10_000];
        Vec<Box<u64>> = vec![1_u64; 10_000];
        Vec<Arc<u8>> = vec![1_u8; 10_000];
        Vec<Rc<u8>> = vec![1_u8; 10_000];
        Vec<Arc<u128>> = vec![1_u128; 10_000];
        Vec<Arc<String>> = vec!["a"; 10_000];
        Vec<Vec<u8>> = vec![[3_u8].as_slice(); 10_000];
        Vec<HashMap<u8, u8>> = vec![HashMap::from([(1_u8, 1_u8)]); 5_000];
        Vec<BTreeMap<u64, u64>> = vec![BTreeMap::from([(1_u64, 1_u64)]); 5_000];
        Vec<BTreeMap<u8, Kilobyte>> = vec![BTreeMap::from([(1_u8, None::<u8>)]); 500];
        Vec<HashSet<u8>> = vec![HashSet::from([1_u8]); 5_000];
        Vec<LinkedList<u8>> = vec![[1_u8].as_slice(); 5_000];
        VecDeque<u64> = (0..n).collect::<Vec<_>>();
        BinaryHeap<u64> = (0..n).collect::<Vec<_>>();
        LinkedList<u8> = vec![1_u8; 10_000];
        LinkedList<u64> = vec![1_u64; 10_000];
        BTreeSet<u32> = (0..n).collect::<Vec<_>>();
        HashSet<u16> = (0..n).map(|i| i as u16).collect::<Vec<_>>();
        HashSet<u64> = (0..n).collect::<Vec<_>>();
        HashMap<u64, u64> = (0..n).map(|i| (i, i)).collect::<HashMap<_, _>>();
        HashMap<u8, u128> = (0..=255_u8).map(|i| (i, u128::MAX)).collect::<HashMap<_, _>>();
        HashMap<u32, Kilobyte> = (0..n / 10).map(|i| (i, None::<u8>)).collect::<HashMap<_, _>>();
        BTreeMap<u64, u64> = (0..n).map(|i| (i, i)).collect::<BTreeMap<_, _>>();
        BTreeMap<String, Vec<u8>> = (0..n).map(|i| (i.to_string(), [i as u8])).map(|(k, v)| (k, v.to_vec()))
            .collect::<BTreeMap<_, _>>();
        String = "x".repeat(100_000);
        Box<str> = "x".repeat(100_000);
        Arc<str> = "x".repeat(100_000);
        Arc<[u8]> = vec![1_u8; 100_000];
        Arc<[u64]> = (0..n).collect::<Vec<_>>();
        Box<[u64]> = (0..n).collect::<Vec<_>>();
        Rc<[Kilobyte]> = vec![None::<u8>; 3584];
        Vec<(String, Option<Box<Kilobyte>>)> = vec![("", Some(None::<u8>)); 3000];
        Message = Message::from_parts(vec![1; 100_000], Vec::new());
        std::ffi::CString = std::ffi::CString::new("x".repeat(100_000)).unwrap();
        std::path::PathBuf = "x".repeat(100_000);
    }
}

#[test]
fn honest_values_as_large_as_a_frame_are_accepted() {
    // The default limits are the same for frames that are 16 times as large.
    let limits = Limits::with_max_frame(4 << 20);
    let bytes = encode(&vec![9_u8; (4 << 20) - 4], &limits).unwrap();
    let (result, peak) = peak_of(|| bytes.decode::<Vec<u8>>(&limits).map(|value| value.len()));
    assert_eq!(result.unwrap(), (4 << 20) - 4);
    assert!(peak <= SLACK + limits.max_decoded, "{peak}");

    let numbers = vec![1.5_f64; (1 << 19) - 1];
    let decoded: Vec<f64> = encode(&numbers, &limits).unwrap().decode(&limits).unwrap();
    assert!(decoded == numbers);
}
