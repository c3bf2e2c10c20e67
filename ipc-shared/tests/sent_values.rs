//! Values and arrays in messages: what arrives is the same memory, or an error, whatever the message and the memory say.

use ipc_codec::{Limits, Message, decode, encode};
use ipc_shared::{Arena, Array, RawArray, RawValue, Value};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::SeqCst;

/// Some kinds as they stand in a shape: the kind, the size of an element from bit 8 on, and the length from bit 32 on.
const VALUE: u64 = 9;
const ARRAY: u64 = 10;
const RAW_VALUE: u64 = 11;
const RAW_ARRAY: u64 = 12;

fn shape(kind: u64, element_size: u64, len: u64) -> u64 {
    kind | element_size << 8 | len << 32
}

#[test]
fn everything_arrives_as_what_it_is() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let arena = Arena::new();
        let here = (
            Value::new_in(&arena, [1_u32, 2]).expect("memory is left"),
            RawValue::new_in(&arena, true).expect("memory is left"),
            Array::new_in(&arena, &[1.0, 2.0, 3.0]).expect("memory is left"),
            RawArray::new_in(&arena, &[1_u16; 100_000]).expect("memory is left"),
            Array::<u64>::zeroed_in(&arena, 0).expect("memory is left"),
        );
        let message = encode(&here, &limits).expect("all of it can be sent");
        type All = (Value<[u32; 2]>, RawValue<bool>, Array<f64>, RawArray<u16>, Array<u64>);
        let there: All = message.decode(&limits).expect("it is what the message says");
        assert_eq!((there.2.len(), there.3.len(), there.4.len()), (3, 100_000, 0));
        there.0.update(|pair| pair.swap(0, 1)).expect("it is in order");
        there.1.store(false);
        there.2.set(2, 0.5).expect("it has one");
        there.3.write(99_999, 7).expect("it has one");
        drop(there);
        assert_eq!((here.0.get().expect("it is in order"), here.1.load()), ([2, 1], false));
        assert_eq!(here.2.to_vec().expect("it is in order"), [1.0, 2.0, 0.5]);
        assert_eq!(here.3.read(99_999), Ok(7));
        for error in [
            serde_json::to_string(&here.0).unwrap_err(),
            serde_json::to_string(&here.1).unwrap_err(),
            serde_json::to_string(&here.2).unwrap_err(),
            serde_json::to_string(&here.3).unwrap_err(),
        ] {
            assert!(error.to_string().contains("outside a message"), "{error}");
        }
        drop((here, arena));
        before.assert_no_growth();
    });
}

#[test]
fn another_type_is_refused() {
    isolated(|| {
        let arena = Arena::new();
        let value = || encoded(&Value::new_in(&arena, 1_u32).expect("memory is left"));
        let raw_value = || encoded(&RawValue::new_in(&arena, 1_u32).expect("memory is left"));
        let array = || encoded(&Array::new_in(&arena, &[1_u32]).expect("memory is left"));
        let raw_array = || encoded(&RawArray::new_in(&arena, &[1_u32]).expect("memory is left"));
        // Another kind.
        refused::<RawValue<u32>>(value());
        refused::<Array<u32>>(value());
        refused::<ipc_shared::sync::Mutex<u32>>(value());
        refused::<Value<u32>>(raw_value());
        refused::<RawArray<u32>>(raw_value());
        refused::<RawArray<u32>>(array());
        refused::<Value<u32>>(array());
        refused::<Array<u32>>(raw_array());
        refused::<RawValue<u32>>(raw_array());
        // Another size.
        refused::<Value<u64>>(value());
        refused::<Value<()>>(value());
        refused::<RawValue<u8>>(raw_value());
        refused::<RawValue<[u32; 2]>>(raw_value());
        refused::<Array<u16>>(array());
        refused::<Array<u64>>(array());
        refused::<RawArray<()>>(raw_array());
        refused::<RawArray<[u32; 2]>>(raw_array());
        // Larger than anything that can be shared.
        refused::<Value<[u8; 1 << 24]>>(value());
        refused::<Array<[u8; 1 << 24]>>(array());
        // The same size is the same memory; there is no more to a type than its bytes.
        let message = raw_array();
        assert_eq!(message.decode::<RawArray<f32>>(&Limits::default()).expect("it has the size").len(), 1);
    });
}

/// The message alone, and the message together with the memory.
#[test]
fn another_length_is_refused() {
    isolated(|| {
        for len in [0, 1, 7, 9, 1000, u64::from(u32::MAX)] {
            let arena = Arena::new();
            let array = Array::new_in(&arena, &[1_u32; 8]).expect("memory is left");
            let raw = RawArray::new_in(&arena, &[1_u32; 8]).expect("memory is left");
            let (said, lie) = (shape(ARRAY, 4, 8), shape(ARRAY, 4, len));
            refused_parts::<Array<u32>>(says(&array, said, lie));
            let (raw_said, raw_lie) = (shape(RAW_ARRAY, 4, 8), shape(RAW_ARRAY, 4, len));
            refused_parts::<RawArray<u32>>(says(&raw, raw_said, raw_lie));
            // Whoever has the memory can also write the lie there. What does not fit is refused; the rest is an array.
            if len <= 8 {
                continue;
            }
            let (bytes, handles) = says(&array, said, lie);
            overwrite(&handles[0], said, lie);
            refused_parts::<Array<u32>>((bytes, handles));
            let (bytes, handles) = says(&raw, raw_said, raw_lie);
            overwrite(&handles[0], raw_said, raw_lie);
            // Without a lock before them, nine elements fit into the cell.
            if len > 9 {
                refused_parts::<RawArray<u32>>((bytes, handles));
            }
            // Who had it before keeps the length that it had.
            assert_eq!((array.len(), raw.len()), (8, 8));
            assert_eq!(array.to_vec().expect("it is in order"), [1; 8]);
            raw.read(8).expect_err("it has none");
        }
    });
}

/// Memory that says something is larger than its cell.
#[test]
fn more_than_the_memory_has_is_refused() {
    isolated(|| {
        let arena = Arena::new();
        let value = Value::new_in(&arena, 1_u32).expect("memory is left");
        let raw = RawValue::new_in(&arena, 1_u32).expect("memory is left");
        let (said, lie) = (shape(VALUE, 4, 1), shape(VALUE, 33, 1));
        let (bytes, handles) = says(&value, said, lie);
        overwrite(&handles[0], said, lie);
        refused_parts::<Value<[u8; 33]>>((bytes, handles));
        let (said, lie) = (shape(RAW_VALUE, 4, 1), shape(RAW_VALUE, 49, 1));
        let (bytes, handles) = says(&raw, said, lie);
        overwrite(&handles[0], said, lie);
        refused_parts::<RawValue<[u8; 49]>>((bytes, handles));
        // As much as the cell has is what it says.
        let (said, fits) = (shape(RAW_VALUE, 49, 1), shape(RAW_VALUE, 48, 1));
        overwrite(&says(&raw, shape(RAW_VALUE, 4, 1), said).1[0], said, fits);
        let (bytes, handles) = says(&raw, shape(RAW_VALUE, 4, 1), fits);
        let large: RawValue<[u8; 48]> = decode(&bytes, handles, &Limits::default()).expect("it fits");
        large.write([7; 48]);
        assert_eq!((large.read(), raw.read()), ([7; 48], 0x0707_0707));
    });
}

fn encoded<T: Serialize>(value: &T) -> Message {
    encode(value, &Limits::default()).expect("it can be sent")
}

/// The message of something, with another shape in it.
fn says<T: Serialize>(value: &T, shape: u64, other: u64) -> (Vec<u8>, Vec<OwnedHandle>) {
    let message = encoded(value);
    let varint = |number: u64| encoded(&number).bytes().to_vec();
    let start = message.bytes().strip_suffix(&varint(shape)[..]).expect("the shape stands at the end");
    let handles = message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
    let handles = handles.collect::<Result<_, _>>().expect("handles are left");
    ([start, &varint(other)].concat(), handles)
}

/// Writes another shape wherever the memory has this one.
fn overwrite(memory: &OwnedHandle, shape: u64, other: u64) {
    let handle = memory.try_clone().expect("handles are left");
    let memory = SharedMapping::from_handle(handle).expect("it is a segment");
    let n_changed = (0..memory.size() / 8)
        .filter(|index| memory.atomic_u64(index * 8).compare_exchange(shape, other, SeqCst, SeqCst).is_ok())
        .count();
    assert_eq!(n_changed, 1);
}

fn refused<T: DeserializeOwned>(message: Message) {
    let error = message.decode::<T>(&Limits::default()).map(drop).expect_err("it is something else");
    println!("{error}");
}

fn refused_parts<T: DeserializeOwned>((bytes, handles): (Vec<u8>, Vec<OwnedHandle>)) {
    let error = decode::<T>(&bytes, handles, &Limits::default()).map(drop).expect_err("it is something else");
    println!("{error}");
}
