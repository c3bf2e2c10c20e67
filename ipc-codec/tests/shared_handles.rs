//! Handles that several values of a message share: in the table once, made once, opened once.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ipc_codec::handle::{Handle, deserialize_shared, serialize_shared};
use ipc_codec::{DecodeError, EncodeError, Limits, Message, decode, encode, encode_into};
use ipc_sys::handle::OwnedHandle;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn null() -> OwnedHandle {
    File::open("/dev/null").unwrap().into()
}

fn owned(n: usize) -> Vec<OwnedHandle> {
    (0..n).map(|_| null()).collect()
}

/// Where many small things are kept. Their message carries one lease, in which each of them is recorded.
#[derive(Default)]
struct Arena {
    n_leases: Cell<u32>,
    n_dropped: Rc<Cell<u32>>,
    records: Rc<RefCell<Vec<u32>>>,
}

struct Lease {
    records: Rc<RefCell<Vec<u32>>>,
    n_dropped: Rc<Cell<u32>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.n_dropped.set(self.n_dropped.get() + 1);
    }
}

impl Arena {
    fn cell(self: &Rc<Self>, number: u32) -> Sent {
        Sent { arena: self.clone(), number }
    }

    fn counts(&self) -> (u32, u32) {
        (self.n_leases.get(), self.n_dropped.get())
    }

    fn lease(&self) -> io::Result<(OwnedHandle, Lease)> {
        self.n_leases.set(self.n_leases.get() + 1);
        Ok((null(), Lease { records: self.records.clone(), n_dropped: self.n_dropped.clone() }))
    }
}

/// A thing in an arena, on the sender's side. Number 13 cannot be recorded, and 14 does worse.
struct Sent {
    arena: Rc<Arena>,
    number: u32,
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Leased(self), self.number).serialize(serializer)
    }
}

struct Leased<'a>(&'a Sent);

impl Serialize for Leased<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Sent { arena, number } = self.0;
        let record = |lease: &Lease| match number {
            13 => Err(io::ErrorKind::StorageFull.into()),
            14 => panic!("on purpose"),
            _ => {
                lease.records.borrow_mut().push(*number);
                Ok(())
            }
        };
        serialize_shared(Rc::as_ptr(arena).addr() as u64, || arena.lease(), record, serializer)
    }
}

thread_local! {
    static N_OPENED: Cell<u32> = const { Cell::new(0) };
}

fn n_opened() -> u32 {
    N_OPENED.replace(0)
}

/// The same on the receiver's side.
#[derive(Clone, Debug)]
struct Opened(Rc<File>);

impl<'de> Deserialize<'de> for Opened {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Opened, D::Error> {
        let open = |handle: OwnedHandle| {
            N_OPENED.set(N_OPENED.get() + 1);
            Ok::<_, io::Error>(Opened(Rc::new(handle.into())))
        };
        deserialize_shared(open, deserializer)
    }
}

/// One that makes something else of the handle.
#[derive(Clone, Debug)]
struct Other(#[expect(dead_code, reason = "held for its drop")] Rc<OwnedHandle>);

impl<'de> Deserialize<'de> for Other {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Other, D::Error> {
        deserialize_shared(|handle| Ok::<_, io::Error>(Other(Rc::new(handle))), deserializer)
    }
}

/// One that refuses every handle.
#[derive(Clone, Debug)]
struct Refuses;

impl<'de> Deserialize<'de> for Refuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Refuses, D::Error> {
        deserialize_shared(|_| Err("not an arena"), deserializer)
    }
}

#[test]
fn a_thousand_values_with_one_handle() {
    let limits = Limits { max_handles: 1, ..Limits::default() };
    let arena = Rc::new(Arena::default());
    let sent: Vec<Sent> = (1000..2000).map(|number| arena.cell(number)).collect();
    for round in 1..=3 {
        arena.records.borrow_mut().clear();
        let message = encode(&sent, &limits).unwrap();
        assert_eq!((message.handles().len(), arena.counts()), (1, (round, round)));
        assert!(arena.records.borrow().iter().copied().eq(1000..2000));
        // The length, and for each the index and a number of two bytes.
        assert_eq!(message.bytes().len(), 2 + 1000 * 3);

        let arrived: Vec<(Opened, u32)> = message.decode(&limits).unwrap();
        assert_eq!(n_opened(), 1);
        assert!(arrived.iter().map(|(_, number)| *number).eq(1000..2000));
        assert_eq!(Rc::strong_count(&arrived[0].0.0), 1000);
    }
}

#[test]
fn a_shared_handle_looks_like_any_other() {
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    let plain = || Handle::new(null());
    let value = (plain(), arena.cell(7), plain(), arena.cell(8), plain());
    let message = encode(&value, &limits).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), ([0, 1, 7, 2, 1, 8, 3].as_slice(), 4));
    type Arrived = (Handle<File>, (Opened, u32), Handle<File>, (Opened, u32), Handle<File>);
    let (_, (first, 7), _, (second, 8), _) = message.decode::<Arrived>(&limits).unwrap() else { panic!() };
    assert!(Rc::ptr_eq(&first.0, &second.0));
    // One value that shares with nobody can be taken as a plain handle.
    let message = encode(&arena.cell(7), &limits).unwrap();
    assert_eq!(message.decode::<(Handle<File>, u32)>(&limits).unwrap().1, 7);
}

#[test]
fn what_is_added_to_a_table_counts_from_its_start() {
    let arena = Rc::new(Arena::default());
    let (mut bytes, mut handles) = (Vec::new(), owned(3));
    let value = [arena.cell(7), arena.cell(8)];
    encode_into(&value, &mut bytes, &mut handles, &Limits::default()).unwrap();
    assert_eq!((bytes.as_slice(), handles.len()), ([0, 7, 0, 8].as_slice(), 4));
    // The next message is another one, also in the same table.
    encode_into(&value, &mut bytes, &mut handles, &Limits::default()).unwrap();
    assert_eq!((bytes.as_slice(), handles.len()), ([0, 7, 0, 8, 0, 7, 0, 8].as_slice(), 5));
    assert_eq!(arena.counts(), (2, 2));
}

#[test]
fn two_keys_have_two_handles() {
    let limits = Limits::default();
    let (one, other) = (Rc::new(Arena::default()), Rc::new(Arena::default()));
    let message = encode(&[one.cell(1), other.cell(2), one.cell(3), other.cell(4)], &limits).unwrap();
    assert_eq!(message.bytes(), [0, 1, 1, 2, 0, 3, 1, 4]);
    assert_eq!((message.handles().len(), one.counts(), other.counts()), (2, (1, 1), (1, 1)));
    assert_eq!((&*one.records.borrow(), &*other.records.borrow()), (&vec![1, 3], &vec![2, 4]));
    let arrived: [(Opened, u32); 4] = message.decode(&limits).unwrap();
    assert_eq!(n_opened(), 2);
    assert!(Rc::ptr_eq(&arrived[0].0.0, &arrived[2].0.0) && !Rc::ptr_eq(&arrived[0].0.0, &arrived[1].0.0));
}

/// The same key, with something else made for it.
struct Typed<T>(T);

impl<T: Copy + PartialEq + std::fmt::Debug + 'static> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_mine = |made: &T| {
            assert_eq!(*made, self.0);
            Ok(())
        };
        serialize_shared(1, || Ok((null(), self.0)), is_mine, serializer)
    }
}

#[test]
fn types_do_not_mix_under_one_key() {
    let value = (Typed(1_u8), Typed("text"), Typed(1_u8), Typed("text"), Typed(1_u16));
    let message = encode(&value, &Limits::default()).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), ([0, 1, 0, 1, 2].as_slice(), 3));
}

#[test]
fn what_was_made_lives_as_long_as_the_encoding() {
    struct Looks(Rc<Arena>);
    impl Serialize for Looks {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert_eq!(self.0.counts(), (1, 0), "it is still there");
            serializer.serialize_unit()
        }
    }
    let arena = Rc::new(Arena::default());
    encode(&(arena.cell(1), Looks(arena.clone())), &Limits::default()).unwrap();
    assert_eq!(arena.counts(), (1, 1));
}

#[test]
fn what_was_opened_lives_as_long_as_the_decoding() {
    thread_local! {
        static WATCHED: RefCell<std::rc::Weak<File>> = const { RefCell::new(std::rc::Weak::new()) };
    }
    /// Opens the handle and lets go of it at once.
    struct Forgets;
    impl<'de> Deserialize<'de> for Forgets {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Forgets, D::Error> {
            let opened = Opened::deserialize(deserializer)?;
            WATCHED.set(Rc::downgrade(&opened.0));
            Ok(Forgets)
        }
    }
    struct Looks;
    impl<'de> Deserialize<'de> for Looks {
        fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Looks, D::Error> {
            assert_eq!(WATCHED.with_borrow(|file| file.strong_count()), 1);
            Ok(Looks)
        }
    }
    decode::<(Forgets, Looks, Forgets)>(&[0, 0], owned(1), &Limits::default()).unwrap();
    assert_eq!(n_opened(), 1, "the second found it");
    assert_eq!(WATCHED.with_borrow(|file| file.strong_count()), 0);
    decode::<(Forgets, Looks, u8)>(&[0], owned(1), &Limits::default()).map(drop).unwrap_err();
    assert_eq!(WATCHED.with_borrow(|file| file.strong_count()), 0);
}

#[test]
fn a_message_in_a_message_shares_by_itself() {
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    let inner = encode(&[arena.cell(1), arena.cell(2)], &limits).unwrap();
    let outer = encode(&(arena.cell(3), &inner, arena.cell(4)), &limits).unwrap();
    // The inner payload is as it was; its one handle is the second of the outer table.
    assert_eq!(outer.bytes(), [0, 3, 4, 0, 1, 0, 2, 1, 1, 0, 4]);
    assert_eq!((outer.handles().len(), arena.counts()), (2, (2, 2)));
    type Arrived = ((Opened, u32), Message, (Opened, u32));
    let ((first, _), inner, (last, _)) = outer.decode::<Arrived>(&limits).unwrap();
    assert_eq!(n_opened(), 1);
    let [(a, 1), (b, 2)] = inner.decode::<[(Opened, u32); 2]>(&limits).unwrap() else { panic!() };
    assert_eq!(n_opened(), 1);
    assert!(Rc::ptr_eq(&first.0, &last.0) && Rc::ptr_eq(&a.0, &b.0) && !Rc::ptr_eq(&a.0, &first.0));
}

/// A type that encodes and decodes a message while it is encoded, or decoded: on its own, and while it shares.
struct Reentrant(Rc<Arena>);

impl Serialize for Reentrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inside = || {
            let message = encode(&[self.0.cell(50), self.0.cell(51)], &Limits::default()).unwrap();
            assert_eq!((message.bytes(), message.handles().len()), ([0, 50, 0, 51].as_slice(), 1));
            message.decode::<[(Opened, u32); 2]>(&Limits::default()).unwrap();
            assert!(serde_json::to_string(&self.0.cell(52)).is_err());
            assert!(serde_json::to_string(&Handle::new(null())).is_err());
        };
        inside();
        let make = || {
            inside();
            Ok((null(), ()))
        };
        let with = |()| -> io::Result<()> {
            inside();
            Ok(())
        };
        serialize_shared(7, make, |&()| with(()), serializer)
    }
}

#[derive(Clone)]
struct ReentrantOpened;

impl<'de> Deserialize<'de> for ReentrantOpened {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReentrantOpened, D::Error> {
        let open = |_| {
            let arena = Rc::new(Arena::default());
            let message = encode(&(arena.cell(1), Reentrant(arena.clone())), &Limits::default());
            message.unwrap().decode::<((Opened, u32), Opened)>(&Limits::default()).unwrap();
            assert!(serde_json::from_str::<Opened>("0").is_err());
            assert!(serde_json::from_str::<Handle<File>>("0").is_err());
            Ok::<_, io::Error>(ReentrantOpened)
        };
        deserialize_shared(open, deserializer)
    }
}

#[test]
fn coding_inside_of_coding_does_not_mix() {
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    let value = (arena.cell(1), Reentrant(arena.clone()), arena.cell(2), Reentrant(arena.clone()));
    let message = encode(&value, &limits).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), ([0, 1, 1, 0, 2, 1].as_slice(), 2));
    type Arrived = ((Opened, u32), ReentrantOpened, (Opened, u32), ReentrantOpened);
    let ((first, _), _, (second, _), _) = message.decode::<Arrived>(&limits).unwrap();
    assert!(Rc::ptr_eq(&first.0, &second.0));
}

#[test]
fn the_limit_is_on_handles_and_not_on_values() {
    let (one, other) = (Rc::new(Arena::default()), Rc::new(Arena::default()));
    let limits = Limits { max_handles: 1, ..Limits::default() };
    let error = encode(&[one.cell(1), one.cell(2), other.cell(3)], &limits).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { count: 2, limit: 1 }), "{error}");
    let error = encode(&(one.cell(1), Handle::new(null())), &limits).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { count: 2, limit: 1 }), "{error}");
    assert_eq!((one.counts(), other.counts()), ((2, 2), (0, 0)), "nothing is made that has no place");

    let error = encode(&one.cell(1), &Limits { max_handles: 0, ..limits }).unwrap_err();
    assert!(matches!(error, EncodeError::TooManyHandles { count: 1, limit: 0 }), "{error}");
    assert_eq!(one.counts(), (2, 2));
}

#[test]
fn a_failure_of_the_functions_is_told() {
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    // The first of its message, and a later one.
    for numbers in [&[13][..], &[1, 13], &[1, 2, 13, 3]] {
        let cells: Vec<Sent> = numbers.iter().map(|&number| arena.cell(number)).collect();
        let error = encode(&cells, &limits).unwrap_err();
        assert!(
            matches!(&error, EncodeError::SharedHandle(source) if source.kind() == io::ErrorKind::StorageFull)
        );
        assert!(std::error::Error::source(&error).is_some());
    }
    assert_eq!(arena.counts(), (3, 3));

    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let make = || Err::<(OwnedHandle, ()), _>(io::ErrorKind::OutOfMemory.into());
            serialize_shared(1, make, |()| unreachable!("nothing was made"), serializer)
        }
    }
    let error = encode(&(Handle::new(null()), Fails), &limits).unwrap_err();
    assert!(
        matches!(&error, EncodeError::SharedHandle(source) if source.kind() == io::ErrorKind::OutOfMemory)
    );
    let error = decode::<Refuses>(&[0], owned(1), &limits).unwrap_err();
    assert!(matches!(&error, DecodeError::Refused { message } if message == "not an arena"), "{error}");
}

#[test]
fn a_panic_leaves_the_thread_as_it_was() {
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    for numbers in [&[14][..], &[1, 14]] {
        let cells: Vec<Sent> = numbers.iter().map(|&number| arena.cell(number)).collect();
        assert!(catch_unwind(AssertUnwindSafe(|| encode(&cells, &limits))).is_err());
        assert!(serde_json::to_string(&arena.cell(1)).is_err());
        assert!(serde_json::to_string(&Handle::new(null())).is_err());
        let message = encode(&[arena.cell(1), arena.cell(2)], &limits).unwrap();
        assert_eq!(message.handles().len(), 1);
    }
    assert_eq!(arena.counts(), (4, 4));
}

#[test]
fn a_failure_leaves_the_table_as_it_was() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose")
        }
    }
    struct PanicsInTheEnd;
    impl Serialize for PanicsInTheEnd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize_shared(1, || Ok((null(), Panics)), |_| Ok(()), serializer)
        }
    }
    let limits = Limits::default();
    let arena = Rc::new(Arena::default());
    let (mut bytes, mut handles) = (vec![9], owned(2));
    encode_into(&[arena.cell(1), arena.cell(13)], &mut bytes, &mut handles, &limits).unwrap_err();
    assert_eq!((bytes.as_slice(), handles.len()), ([9].as_slice(), 2));
    let mut encode = || encode_into(&PanicsInTheEnd, &mut bytes, &mut handles, &limits);
    assert!(catch_unwind(AssertUnwindSafe(|| encode().is_ok())).is_err());
    assert_eq!((bytes.as_slice(), handles.len()), ([9].as_slice(), 2));
}

/// A value that catches the panic of its part, and goes on.
#[test]
fn a_panic_that_is_caught_inside_loses_no_table() {
    struct Catches(Rc<Arena>);
    impl Serialize for Catches {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTuple;
            let mut tuple = serializer.serialize_tuple(3)?;
            tuple.serialize_element(&self.0.cell(1))?;
            let bad = self.0.cell(14);
            assert!(catch_unwind(AssertUnwindSafe(|| tuple.serialize_element(&bad).is_ok())).is_err());
            tuple.serialize_element(&self.0.cell(2))?;
            tuple.end()
        }
    }
    let arena = Rc::new(Arena::default());
    let message = encode(&Catches(arena.clone()), &Limits::default()).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), ([0, 1, 0, 2].as_slice(), 1));
    assert_eq!(arena.counts(), (1, 1));
}

#[test]
fn hostile_indices() {
    let limits = Limits::default();
    for index in [1_u32, 2, 253, u32::MAX] {
        for first in [vec![], vec![0]] {
            let bytes = [first, encode(&index, &limits).unwrap().into_parts().0].concat();
            let error = match bytes[0] {
                0 => decode::<(Opened, Opened)>(&bytes, owned(1), &limits).map(drop).unwrap_err(),
                _ => decode::<Opened>(&bytes, owned(1), &limits).map(drop).unwrap_err(),
            };
            assert!(
                matches!(error, DecodeError::HandleMissing { index: got, count: 1 } if got == index),
                "{error}"
            );
        }
    }
    let error = decode::<Opened>(&[0], Vec::new(), &limits).unwrap_err();
    assert!(matches!(error, DecodeError::HandleMissing { index: 0, count: 0 }));
    let error = decode::<[Opened; 2]>(&[1, 1], owned(2), &limits).unwrap_err();
    assert!(matches!(error, DecodeError::UnusedHandles { count: 1 }));
}

#[test]
fn one_handle_is_not_two_things() {
    fn refused<T: serde::de::DeserializeOwned>() -> DecodeError {
        let bytes = [1, 1, 1];
        decode::<T>(&bytes, owned(2), &Limits::default()).map(drop).unwrap_err()
    }
    for error in [
        refused::<(Opened, Handle<File>)>(),
        refused::<(Handle<File>, Opened)>(),
        refused::<(Opened, Opened, Handle<File>)>(),
        refused::<(Opened, Other)>(),
        refused::<(Other, Opened)>(),
        refused::<(Opened, Opened, Other)>(),
        refused::<(Opened, Refuses)>(),
    ] {
        assert!(matches!(error, DecodeError::HandleUsedTwice { index: 1 }), "{error}");
    }
    // Nothing was made of it, and it is gone.
    let error = refused::<(Lenient, Opened)>();
    assert!(matches!(error, DecodeError::HandleUsedTwice { index: 1 }), "{error}");
}

/// One that takes a refusal lightly.
struct Lenient;

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lenient, D::Error> {
        let _ = Refuses::deserialize(deserializer);
        Ok(Lenient)
    }
}

#[test]
fn outside_a_message_it_is_an_error_and_nothing_is_made() {
    let arena = Rc::new(Arena::default());
    for error in [
        serde_json::to_string(&arena.cell(1)).unwrap_err().to_string(),
        postcard::to_stdvec(&arena.cell(1))
            .map(drop)
            .map_err(|_| "outside a message")
            .unwrap_err()
            .to_string(),
    ] {
        assert!(error.contains("outside a message"), "{error}");
    }
    assert_eq!(arena.counts(), (0, 0));
    for text in ["0", "[0]", "null", "{}"] {
        let error = serde_json::from_str::<Opened>(text).unwrap_err().to_string();
        assert!(error.contains("cannot be deserialized outside a message"), "{error}");
    }
    assert!(postcard::from_bytes::<Opened>(&[0]).is_err());
    assert_eq!(n_opened(), 0);
}

#[test]
fn the_handle_that_was_made_is_the_one_that_travels() {
    let number = Cell::new(-1);
    struct One<'a>(&'a Cell<i32>);
    impl Serialize for One<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let make = || {
                let handle = null();
                self.0.set(handle.as_raw_fd());
                Ok((handle, ()))
            };
            serialize_shared(1, make, |()| Ok(()), serializer)
        }
    }
    // It is not duplicated once more.
    let message = encode(&One(&number), &Limits::default()).unwrap();
    assert_eq!(message.handles()[0].as_raw_fd(), number.get());
}
