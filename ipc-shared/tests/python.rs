//! Python's shared memory and ours: each opens what the other has made.
//!
//! Skipped with a line of output where there is no Python. `IPC_SHARED_PYTHON=/a/python3:/b/python3` tests with those.

mod support;

use ipc_shared::shareable_list::GetError;
use ipc_shared::{Item, ShareableList, SharedMemory};
use ipc_testkit::isolated_within;
use std::time::Duration;
use support::{TestName, fork_child, join, pythons, run_python};

/// Starting Python takes long on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(300);

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|idx| (idx * 7 % 251) as u8).collect()
}

#[test]
fn python_opens_our_memory() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            for size in [1, 1001, 4096, 100_003] {
                let name = TestName::new("ours");
                let memory = SharedMemory::create(&name, size).expect("memory is left");
                memory.write(0, &pattern(size)).expect("it fits");
                let found = run_python(
                    &python,
                    &name,
                    "
it = memory(name)
same = bytes(it.buf) == bytes(i * 7 % 251 for i in range(it.size))
it.buf[it.size - 1] = 255
print(it.size, same, it.name == name)
it.close()
try:
    SharedMemory(name=name, create=True, size=10)
except FileExistsError:
    print('exists')
",
                );
                assert_eq!(found, format!("{size} True True\nexists"), "{python}");
                assert_eq!(memory.read_vec(size - 1, 1).expect("inside"), [255]);
                // Python has ended and the name is there.
                assert_eq!(SharedMemory::open(&name).expect("it is there").size(), size);
            }
        }
    });
}

#[test]
fn we_open_memory_of_python() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            for size in [1, 1001, 4096, 100_003] {
                let name = TestName::new("theirs");
                let made = run_python(
                    &python,
                    &name,
                    &format!(
                        "
it = keep(SharedMemory(name=name, create=True, size={size}))
it.buf[:] = bytes(i * 7 % 251 for i in range({size}))
print(it.size)
it.close()
"
                    ),
                );
                assert_eq!(made, size.to_string(), "{python}");
                // That we attach, and end, takes nothing away from anybody.
                join(&fork_child(|| {
                    let memory = SharedMemory::open(&name).expect("it is there");
                    assert_eq!(memory.size(), size);
                    assert_eq!(memory.read_vec(0, size).expect("all of it"), pattern(size));
                    memory.write(0, b"!").expect("inside");
                }));
                assert_eq!(run_python(&python, &name, "it = memory(name); print(bytes(it.buf[:1]))"), "b'!'");
                let reader = SharedMemory::open_read_only(&name).expect("it is there");
                assert_eq!(reader.read_vec(0, 1).expect("inside"), b"!");
                reader.unlink().expect("it is there");
                let gone = "
try:
    SharedMemory(name=name)
except FileNotFoundError:
    print('gone')
";
                assert_eq!(run_python(&python, &name, gone), "gone");
            }
        }
    });
}

/// Values that both write down in the same way, and how Python does.
fn both_alike() -> (Vec<Item>, &'static str) {
    let items = vec![
        Item::from("howdy"),
        Item::from(b"HoWdY"),
        Item::from(-273.154),
        Item::from(100),
        Item::None,
        Item::from(true),
        Item::from(42),
        Item::from(""),
        Item::from(b""),
        Item::from("1234567"),
        Item::from("12345678"),
        Item::from(b"\0\x01\xff\0x"),
        Item::from(i64::MIN),
        Item::from(i64::MAX),
        Item::from(f64::NEG_INFINITY),
        Item::from(false),
        Item::from("x".repeat(1000)),
    ];
    let python = r"['howdy', b'HoWdY', -273.154, 100, None, True, 42, '', b'', '1234567', '12345678',
        b'\x00\x01\xff\x00x', -2**63, 2**63 - 1, -float('inf'), False, 'x' * 1000]";
    (items, python)
}

#[test]
fn lists_are_the_same_byte_for_byte() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            let (items, literal) = both_alike();
            for (items, literal) in [(items, literal), (vec![], "[]")] {
                let name = TestName::new("bytes");
                run_python(&python, &name, &format!("keep(ShareableList({literal}, name=name).shm)"));
                let theirs = ShareableList::open(&name).expect("it is a list");
                let ours = ShareableList::new(items.clone()).expect("memory is left");
                assert_eq!(theirs.to_vec().expect("good"), items, "{python}");
                assert_eq!(theirs.format().expect("good"), ours.format().expect("good"));
                let bytes =
                    |list: &ShareableList| list.memory().read_vec(0, list.memory().size()).expect("all");
                assert_eq!(bytes(&theirs), bytes(&ours), "{python}");
            }
        }
    });
}

#[test]
fn python_opens_our_list() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            let name = TestName::new("list");
            let (items, literal) = both_alike();
            let n_items = items.len();
            let list = ShareableList::create(&name, items).expect("memory is left");
            let found = run_python(
                &python,
                &name,
                &format!(
                    "
it = items(name)
print(list(it) == {literal}, len(it), it.format)
it[0] = 'changed'
it[1] = 7
it[3] = 2.5
it[6] = None
it[4] = b'8 bytes.'
try:
    it[0] = 'too long for it'
except ValueError:
    print('too long')
print(it[0], it[1], it[4])
"
                ),
            );
            let format = list.format().expect("good").replacen("8s8sdq", "8sqdd", 1);
            assert!(found.ends_with("too long\nchanged 7 b'8 bytes.'"), "{found}");
            assert!(found.starts_with(&format!("True {n_items} 8s8sdqxxxxxx?x")), "{found}");
            assert!(format.starts_with("8sqdd8sxxxxxxx?xxxxxx?x"), "{format}");
            assert_eq!(list.get(0).expect("good"), Item::from("changed"));
            assert_eq!(list.get(1).expect("good"), Item::from(7));
            assert_eq!(list.get(3).expect("good"), Item::from(2.5));
            assert_eq!(list.get(4).expect("good"), Item::from(b"8 bytes."));
            assert_eq!(list.get(6).expect("good"), Item::None);
            // And back again.
            list.set(1, "text").expect("it fits");
            list.set(3, true).expect("it fits");
            list.set(6, b"").expect("it fits");
            assert_eq!(
                run_python(&python, &name, "it = items(name); print(it[1], it[3], it[6])"),
                "text True b''"
            );
        }
    });
}

/// Where CPython loses something, and what comes of it on the other side.
#[test]
fn what_python_loses_and_we_keep() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            let name = TestName::new("lost");
            let umlauts = "ä".repeat(10);
            let list = ShareableList::create(
                &name,
                [
                    Item::from(b"zeros\0\0"),
                    Item::from("zero\0"),
                    Item::from(umlauts.as_str()),
                    Item::from(b"\0"),
                    Item::from("1234567"),
                ],
            )
            .expect("memory is left");
            list.set(4, b"1234567\0").expect("it fills the slot");
            // Python reads all of it as well as it reads its own, and strips.
            let found = run_python(
                &python,
                &name,
                "
it = items(name)
print(it[0], it[1], it[2], it[3], it[4], it.format)
it[2] = it[2][:-1]
",
            );
            assert_eq!(found, format!("b'zeros' zero {umlauts} b'' b'1234567' 7s5s24s1s08s"), "{python}");
            assert_eq!(list.get(0).expect("good"), Item::from(b"zeros\0\0"));
            assert_eq!(list.get(1).expect("good"), Item::from("zero\0"));
            assert_eq!(list.get(2).expect("good"), Item::from("ä".repeat(9)));
            assert_eq!(list.get(3).expect("good"), Item::from(b"\0"));
            assert_eq!(list.get(4).expect("good"), Item::from(b"1234567\0"));
            // What it stores over a value that ends with a zero is cut to the length of that.
            run_python(&python, &name, "items(name)[1] = 'longer'");
            assert_eq!(list.get(1).expect("good"), Item::from("longe"));
        }
    });
}

#[test]
fn texts_that_python_has_cut_are_errors() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            let name = TestName::new("cut");
            run_python(&python, &name, "keep(ShareableList(['ä' * 7, '€' * 7, 'fine'], name=name).shm)");
            let list = ShareableList::open(&name).expect("it is a list");
            // The slot has eight bytes: four characters of two, but not of three.
            assert_eq!(list.get(0).expect("cut between characters"), Item::from("ääää"), "{python}");
            let error = list.get(1).unwrap_err();
            let whole = "€".repeat(7);
            assert!(matches!(error, GetError::NotUtf8 { index: 1, bytes } if bytes == whole.as_bytes()[..8]));
            assert_eq!(list.get(2).expect("good"), Item::from("fine"));
            list.set(1, "€€").expect("six bytes fit");
            assert_eq!(run_python(&python, &name, "print(items(name)[1])"), "€€");
        }
    });
}

/// Python's creator sizes the object, and fills a list, after the name is there.
#[test]
fn a_list_that_python_is_making_is_waited_for() {
    isolated_within(LIMIT, || {
        for python in pythons() {
            for _ in 0..5 {
                let name = TestName::new("race");
                let child = fork_child(|| {
                    run_python(
                        &python,
                        &name,
                        "
keep(ShareableList([str(i) for i in range(2000)], name=name).shm)
",
                    );
                });
                let list = loop {
                    match ShareableList::open(&name) {
                        Ok(list) => break list,
                        Err(ipc_shared::shareable_list::OpenListError::Memory(_)) => std::thread::yield_now(),
                        Err(error) => panic!("{python}: {error:?}"),
                    }
                };
                assert_eq!(list.len(), 2000);
                join(&child);
                assert_eq!(list.get(1999).expect("good"), Item::from("1999"));
            }
        }
    });
}
