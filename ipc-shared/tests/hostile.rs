//! Whatever stands in the memory of a list: every call gives a value or an error, and reaches nothing outside.

mod support;

use ipc_shared::shareable_list::{Corruption, GetError, OpenListError};
use ipc_shared::{Item, ShareableList, SharedMemory};
use ipc_testkit::{Rng, isolated};
use std::sync::atomic::Ordering::Relaxed;
use support::{fork_child, join};

fn items() -> Vec<Item> {
    vec![
        Item::from("howdy"),
        Item::from(b"HoWdY\0\0"),
        Item::from(-273.154),
        Item::from(100),
        Item::None,
        Item::from(true),
        Item::from("ä".repeat(20)),
    ]
}

/// The bytes of a good list.
fn image() -> Vec<u8> {
    let list = ShareableList::new(items()).expect("memory is left");
    list.memory().read_vec(0, list.memory().size()).expect("all of it")
}

/// Calls everything. What it returns does not matter, but that it does; and that a value that is stored is found.
fn use_all(list: &ShareableList) {
    let _ = (list.to_vec(), list.format(), list.count(100), list.index("no such"));
    for index in 0..list.len().min(20) {
        let _ = list.get(index);
        for item in [Item::from(7), Item::from("seven"), Item::from(b"7\0"), Item::None] {
            if list.set(index, item.clone()).is_ok() {
                assert!(list.get(index).is_ok_and(|found| found == item));
            }
        }
    }
}

/// A list in these bytes, and a good list in the same.
fn try_bytes(bytes: &[u8]) {
    let memory = SharedMemory::unnamed(bytes.len()).expect("memory is left");
    memory.write(0, bytes).expect("inside");
    if let Ok(list) = ShareableList::from_memory(memory) {
        use_all(&list);
    }
}

#[test]
fn every_byte_to_extremes() {
    let image = image();
    for at in 0..image.len() {
        for byte in [0, 1, 7, 8, 0x7f, 0x80, 0xff, b's', b'9', image[at] ^ 1, image[at].wrapping_add(8)] {
            let mut bytes = image.clone();
            bytes[at] = byte;
            try_bytes(&bytes);
        }
    }
}

#[test]
fn every_word_to_extremes() {
    let image = image();
    let size = image.len() as u64;
    let numbers = [0, 1, 7, 8, 9, 16, 64, size - 8, size, size + 8, 1 << 31, 1 << 32, 1 << 60, 1 << 61];
    let negative = [i64::MAX as u64, 1 << 63, u64::MAX - 7, u64::MAX];
    let formats =
        [b"9999999s", b"0999999s", b"0s\0\0\0\0\0\0", b"16s\0\0\0\0\0", b"q\0\0\0\0\0\0\0", b"xxxxxx?x"];
    let formats = formats.map(|format| u64::from_ne_bytes(*format));
    for at in (0..image.len() - 8).step_by(8) {
        for word in numbers.into_iter().chain(negative).chain(formats) {
            let mut bytes = image.clone();
            bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
            try_bytes(&bytes);
        }
    }
}

/// The same, in a list that was opened before.
#[test]
fn what_changes_after_the_opening() {
    let image = image();
    let list = ShareableList::new(items()).expect("memory is left");
    for at in 0..image.len() {
        for byte in [0, 1, 8, 0x7f, 0x80, 0xff, b's', image[at] ^ 1] {
            list.memory().write(0, &image).expect("inside");
            list.memory().write(at, &[byte]).expect("inside");
            use_all(&list);
        }
    }
}

#[test]
fn every_length_of_memory() {
    let image = image();
    for len in 1..image.len() {
        let memory = SharedMemory::unnamed(len).expect("memory is left");
        memory.write(0, &image[..len]).expect("inside");
        ShareableList::from_memory(memory).expect_err("a part of a list is none");
    }
    let memory = SharedMemory::unnamed(image.len() + 100).expect("memory is left");
    memory.write(0, &image).expect("inside");
    let list = ShareableList::from_memory(memory).expect("the memory may be larger");
    assert_eq!(list.to_vec().expect("good"), items());
}

#[test]
fn random_bytes() {
    let image = image();
    let mut rng = Rng::from_env();
    for _ in 0..20_000 {
        let mut bytes = image.clone();
        for _ in 0..1 + rng.below(8) {
            let at = rng.below(image.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        try_bytes(&bytes);
    }
}

#[test]
fn what_is_wrong_is_told() {
    let open = |bytes: &[u8]| {
        let memory = SharedMemory::unnamed(bytes.len()).expect("memory is left");
        memory.write(0, bytes).expect("inside");
        ShareableList::from_memory(memory)
    };
    let with = |at: usize, word: i64| {
        let mut bytes = image();
        bytes[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        match open(&bytes).expect_err("something is wrong") {
            OpenListError::NoList(found) => found,
            other => panic!("{other:?}"),
        }
    };
    let size = image().len();
    assert_eq!(with(0, -1), Corruption::Length { found: -1, size });
    assert_eq!(with(0, i64::MAX), Corruption::Length { found: i64::MAX, size });
    assert_eq!(with(8, 8), Corruption::Offset { index: 0, found: 8 });
    assert_eq!(with(16, 7), Corruption::Offset { index: 1, found: 7 });
    assert_eq!(with(24, 8), Corruption::Offset { index: 2, found: 8 });
    assert_eq!(with(24, -8), Corruption::Offset { index: 2, found: -8 });
    assert_eq!(with(64, 1 << 40), Corruption::Offset { index: 7, found: 1 << 40 });
    let Err(OpenListError::NoList(found)) = open(&[1; 15]) else { panic!("too small") };
    assert_eq!(found, Corruption::TooSmall { size: 15, least: 16 });

    // The tags, which are looked at when an element is.
    let n_items = items().len();
    let tagged = |format: &[u8; 8], code: u8| {
        let mut bytes = image();
        let formats_at = size - 9 * n_items;
        bytes[formats_at..formats_at + 8].copy_from_slice(format);
        bytes[size - n_items] = code;
        match open(&bytes).expect("the places are good").get(0).unwrap_err() {
            GetError::Corrupt { index: 0, found } => found,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tagged(b"9s\0\0\0\0\0\0", 1), Corruption::Slot { size: 9, room: 8 });
    assert_eq!(tagged(b"016s\0\0\0\0", 2), Corruption::Slot { size: 16, room: 8 });
    assert_eq!(tagged(b"8t\0\0\0\0\0\0", 1), Corruption::Format { found: *b"8t\0\0\0\0\0\0" });
    assert_eq!(tagged(b"8s\0\0\0\0\0\0", 4), Corruption::Code { found: 4 });
    assert_eq!(tagged(b"q\0\0\0\0\0\0\0", 1), Corruption::Mismatch);
}

/// A process that scribbles over the list at full speed, while this one uses it.
#[test]
fn a_scribbler() {
    isolated(|| {
        let list = ShareableList::new(items()).expect("memory is left");
        let image = image();
        let stop = SharedMemory::unnamed(8).expect("memory is left");
        let stop = stop.atomic_u32(0).expect("inside");
        let child = fork_child(|| {
            let mut rng = Rng::from_env();
            while stop.load(Relaxed) == 0 {
                let at = rng.below(image.len() as u64) as usize;
                let byte = if rng.below(2) == 0 { image[at] } else { rng.next_u64() as u8 };
                list.memory().write(at, &[byte]).expect("inside");
            }
        });
        let end = std::time::Instant::now() + std::time::Duration::from_secs(1);
        let mut n_rounds = 0_u32;
        while std::time::Instant::now() < end || n_rounds < 100 {
            let _ = (list.to_vec(), list.format(), list.set(0, "text"), list.set(3, 7));
            let copy = list.memory().read_vec(0, image.len()).expect("all of it");
            try_bytes(&copy);
            n_rounds += 1;
        }
        stop.store(1, Relaxed);
        join(&child);
    });
}

/// Memory that was never written to costs its sender nothing: it must not cost us more, whatever the message calls it.
#[test]
fn a_huge_list_of_nothing() {
    isolated(|| {
        let size = 1_u64 << 40;
        let limits = ipc_codec::Limits::default();
        for name in [None, Some("huge".to_owned())] {
            let memory =
                rustix::fs::memfd_create("huge", rustix::fs::MemfdFlags::ALLOW_SEALING).expect("left");
            rustix::fs::ftruncate(&memory, size).expect("it costs nothing");
            rustix::io::pwrite(&memory, &(1_u64 << 35).to_ne_bytes(), 0).expect("one page");
            let seals =
                rustix::fs::SealFlags::SHRINK | rustix::fs::SealFlags::GROW | rustix::fs::SealFlags::SEAL;
            rustix::fs::fcntl_add_seals(&memory, seals).expect("not sealed yet");
            // The form of the message: the name, the size, the index of the handle.
            let head = ipc_codec::encode(&(name, size), &limits).expect("plain data");
            let bytes = [head.bytes(), &[0]].concat();
            let memory: SharedMemory = ipc_codec::decode(&bytes, vec![memory], &limits).expect("it could be");
            let blocks = rustix::fs::fstat(&memory).expect("it is open").st_blocks;
            assert!(blocks < 100, "{blocks} blocks were reserved for a stranger");
            ShareableList::from_memory(memory).expect_err("it holds no list");
        }
    });
}
