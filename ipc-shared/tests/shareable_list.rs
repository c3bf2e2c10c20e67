//! A list: its elements, its errors, and what others find while it changes.

mod support;

use ipc_codec::{Limits, encode};
use ipc_shared::shareable_list::{GetError, NewListError, OpenListError, SetError};
use ipc_shared::shared_memory::{CreateError, OpenError};
use ipc_shared::{Item, ShareableList, SharedMemory};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use support::{TestName, fork_child, join};

fn samples() -> Vec<Item> {
    vec![
        Item::from("howdy"),
        Item::from(b"HoWdY"),
        Item::from(-273.154),
        Item::from(100),
        Item::None,
        Item::from(true),
        Item::from(i64::MIN),
        Item::from("ä€😀"),
        Item::from("8 bytes."),
    ]
}

#[test]
fn what_is_put_in_comes_out() {
    let name = TestName::new("list");
    let unnamed = ShareableList::new(samples()).expect("memory is left");
    let named = ShareableList::create(&name, samples()).expect("memory is left");
    let opened = ShareableList::open(&name).expect("it is there");
    let reader = ShareableList::open_read_only(&name).expect("it is there");
    for list in [&unnamed, &named, &opened, &reader] {
        assert_eq!((list.len(), list.is_empty()), (9, false));
        assert_eq!(list.to_vec().expect("good"), samples());
        for (index, item) in samples().into_iter().enumerate() {
            assert_eq!(list.get(index).expect("good"), item);
            assert_eq!(list.index(item.clone()).expect("good"), Some(index));
            assert_eq!(list.count(item).expect("good"), 1);
        }
        assert_eq!(list.format().expect("good"), "8s8sdqxxxxxx?xxxxxxxx?q16s16s");
        let backwards: Result<Vec<Item>, GetError> = list.iter().rev().collect();
        assert!(backwards.expect("good").iter().eq(samples().iter().rev()));
        assert_eq!((list.iter().len(), list.into_iter().count()), (9, 9));
    }
    // No number is equal to one of another kind.
    assert_eq!(unnamed.index(1).expect("good"), None);
    assert_eq!(unnamed.count(100.0).expect("good"), 0);
}

#[test]
fn zeros_at_the_end_are_kept() {
    for len in 0..40 {
        for zeros in 0..=len {
            let bytes: Vec<u8> = (0..len).map(|idx| u8::from(idx < len - zeros)).collect();
            let text = String::from_utf8(bytes.clone()).expect("zeros and ones are text");
            let list =
                ShareableList::new([Item::from(bytes.clone()), Item::from(text.clone())]).expect("left");
            assert_eq!(list.get(0).expect("good"), Item::from(bytes.clone()));
            assert_eq!(list.get(1).expect("good"), Item::from(text.clone()));
            // The same in a slot that has room for more, for less, and for exactly so much.
            let list = ShareableList::new([vec![9_u8; 39], vec![9; 7]]).expect("memory is left");
            list.set(0, bytes.clone()).expect("it fits");
            assert_eq!(list.get(0).expect("good"), Item::from(bytes.clone()));
            match list.set(1, text.clone()) {
                Ok(()) => assert_eq!(list.get(1).expect("good"), Item::from(text)),
                Err(error) => assert!(len > 8 && error.into_item() == Item::from(text)),
            }
        }
    }
}

#[test]
fn an_element_changes_within_its_slot() {
    let values = [
        Item::from(1),
        Item::from(-0.0),
        Item::from(f64::INFINITY),
        Item::from(true),
        Item::from(false),
        Item::None,
        Item::from(""),
        Item::from("eight by"),
        Item::from(b"\0\0\0\0\0\0\0\0"),
        Item::from(i64::MAX),
    ];
    for first in &values {
        for second in &values {
            let items = [Item::from("before"), first.clone(), Item::from("after")];
            let list = ShareableList::new(items).expect("memory is left");
            let fits = !matches!(second, Item::Str(text) if text.len() > 8);
            assert!(fits && list.set(1, second.clone()).is_ok(), "{first:?} to {second:?}");
            assert_eq!(list.get(1).expect("good"), *second);
            list.set(1, first.clone()).expect("it was there before");
            let expected = [Item::from("before"), first.clone(), Item::from("after")];
            assert_eq!(list.to_vec().expect("good"), expected);
        }
    }
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let list = ShareableList::new([0.5]).expect("memory is left");
    list.set(0, nan).expect("it fits");
    assert!(matches!(list.get(0), Ok(Item::Float(found)) if found.to_bits() == nan.to_bits()));
}

#[test]
fn what_does_not_fit_comes_back() {
    let list = ShareableList::new([Item::from(1), Item::from("12345678")]).expect("memory is left");
    for (index, room) in [(0, 8), (1, 16)] {
        let before = list.get(index).expect("good");
        let long = Item::from("x".repeat(room + 1));
        match list.set(index, long.clone()).unwrap_err() {
            SetError::DoesNotFit { index: i, room: r, item } => assert_eq!((i, r, item), (index, room, long)),
            other => panic!("{other:?}"),
        }
        assert_eq!(list.get(index).expect("good"), before);
        list.set(index, "x".repeat(room)).expect("it fits exactly");
    }
    for index in [2, 3, usize::MAX] {
        assert!(matches!(list.get(index), Err(GetError::OutOfRange { index: i, len: 2 }) if i == index));
        let error = list.set(index, 7).unwrap_err();
        assert!(matches!(error, SetError::OutOfRange { index: i, len: 2, item: Item::Int(7) } if i == index));
    }
    let name = TestName::new("reading");
    ShareableList::create(&name, [1]).expect("memory is left");
    let reader = ShareableList::open_read_only(&name).expect("it is there");
    assert!(matches!(reader.set(0, 2), Err(SetError::ReadOnly { item: Item::Int(2) })));
    assert_eq!(reader.get(0).expect("good"), Item::Int(1));
}

#[test]
fn long_elements_and_long_lists() {
    let longest = vec![7_u8; 9_999_991];
    let list = ShareableList::new([longest.clone()]).expect("its slot has 9,999,992 bytes");
    assert_eq!(list.get(0).expect("good"), Item::Bytes(longest));
    for (size, item) in [(9_999_992, 1_u8), (9_999_999, 1), (10_000_000, 0), (10_000_000, 1)] {
        // The last length whose format has eight letters is the slot, which is a multiple of eight.
        let error = ShareableList::new([Item::from(1), Item::from(vec![item; size])]).unwrap_err();
        assert!(matches!(error, NewListError::TooLong { index: 1, size: s } if s == size), "{error:?}");
    }
    let list = ShareableList::new(0..100_000).expect("memory is left");
    assert_eq!(list.len(), 100_000);
    assert!(
        list.iter().enumerate().all(|(index, item)| item.is_ok_and(|item| item == Item::Int(index as i64)))
    );
}

#[test]
fn an_empty_list() {
    let name = TestName::new("empty");
    let list = ShareableList::create(&name, [0_i64; 0]).expect("memory is left");
    assert_eq!(list.memory().read_vec(0, 16), Ok(vec![0; 16]));
    assert_eq!(list.memory().size(), 16);
    let there = ShareableList::open(&name).expect("it is there");
    assert!(there.is_empty() && there.iter().next().is_none());
    assert_eq!((there.to_vec().expect("good"), there.format().expect("good")), (vec![], String::new()));
    assert!(matches!(there.get(0), Err(GetError::OutOfRange { index: 0, len: 0 })));
}

#[test]
fn names_are_those_of_memory() {
    let name = TestName::new("names");
    let list = ShareableList::create(&name, [1]).expect("memory is left");
    let error = ShareableList::create(&name, [1]).unwrap_err();
    assert!(matches!(error, NewListError::Memory(CreateError::AlreadyExists { .. })), "{error:?}");
    list.memory().unlink().expect("it is there");
    let error = ShareableList::open(&name).unwrap_err();
    assert!(matches!(error, OpenListError::Memory(OpenError::NotFound { .. })), "{error:?}");
}

#[test]
fn a_list_travels() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let name = TestName::new("travels");
        for list in [ShareableList::new(samples()), ShareableList::create(&name, samples())] {
            let list = list.expect("memory is left");
            let message = encode(&list, &limits).expect("a list can be encoded");
            let there: ShareableList = message.decode(&limits).expect("it is a list");
            there.set(0, "new").expect("it fits");
            assert_eq!(list.get(0).expect("good"), Item::from("new"));
            serde_json::to_string(&list).expect_err("not outside a message");
        }
        let memory = SharedMemory::unnamed(100).expect("memory is left");
        memory.fill(0, 100, 1).expect("inside");
        let message = encode(&memory, &limits).expect("memory can be encoded");
        let error = message.decode::<ShareableList>(&limits).unwrap_err();
        assert!(error.to_string().contains("the memory does not hold a list: "), "{error}");
        drop((memory, name));
        before.assert_no_growth();
    });
}

#[test]
fn a_list_that_is_not_finished_is_waited_for_and_then_stale() {
    isolated(|| {
        let name = TestName::new("unfinished");
        let whole = ShareableList::new(samples()).expect("memory is left");
        let size = whole.memory().size();
        let bytes = whole.memory().read_vec(0, size).expect("all of it");
        let memory = SharedMemory::create(&name, size).expect("memory is left");
        // As CPython does it: the numbers, then the data, then the formats, then the codes.
        let formats_at = size - 9 * samples().len();
        for written in [0, 8, 16, 80, formats_at] {
            memory.write(0, &bytes[..written]).expect("inside");
            let start = Instant::now();
            let error = ShareableList::open(&name).unwrap_err();
            assert!(matches!(error, OpenListError::Stale), "{written}: {error:?}");
            assert!(start.elapsed() >= Duration::from_millis(900));
        }
        let child = fork_child(|| {
            std::thread::sleep(Duration::from_millis(100));
            memory.write(0, &bytes).expect("inside");
        });
        let list = ShareableList::open(&name).expect("it was only late");
        join(&child);
        assert_eq!(list.to_vec().expect("good"), samples());
    });
}

/// One process changes an element again and again, another reads it: whole values, or nothing.
///
/// The writer waits for a look between two changes, since two that leave the same tag can hide a torn text.
#[test]
fn a_reader_finds_whole_values() {
    isolated(|| {
        let list =
            ShareableList::new([Item::from(0), Item::from("a".repeat(100_000))]).expect("memory is left");
        let words = SharedMemory::unnamed(8).expect("memory is left");
        let (stop, n_looks) = (words.atomic_u32(0).expect("inside"), words.atomic_u32(4).expect("inside"));
        let child = fork_child(|| {
            let mut round = 0_usize;
            while stop.load(Relaxed) == 0 {
                round += 1;
                list.set(0, if round % 2 == 0 { i64::MAX } else { 0 }).expect("it fits");
                // Of another length each time, so that the tag says what has changed.
                let letter = char::from(b"abcdefg"[round % 7]);
                list.set(1, letter.to_string().repeat(100_000 - round % 7) + "\0").expect("it fits");
                let before = n_looks.load(Relaxed);
                while n_looks.load(Relaxed) == before && stop.load(Relaxed) == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut n_texts, mut n_nothings, end) = (0, 0, Instant::now() + Duration::from_millis(500));
        while Instant::now() < end || n_texts == 0 {
            let number = list.get(0).expect("never torn");
            assert!(matches!(number, Item::Int(0 | i64::MAX)), "{number:?}");
            match list.get(1) {
                Ok(Item::Str(text)) => {
                    let text = text.trim_end_matches('\0');
                    assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "a torn text");
                    n_texts += 1;
                }
                Ok(Item::None) | Err(GetError::Changing { .. }) => n_nothings += 1,
                other => panic!("{other:?}"),
            }
            n_looks.fetch_add(1, Relaxed);
        }
        stop.store(1, Relaxed);
        join(&child);
        println!("{n_texts} texts, {n_nothings} nothings");
    });
}
