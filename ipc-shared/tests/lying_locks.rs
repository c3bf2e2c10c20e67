//! Locks in messages that say more than the memory has: an error, and never a panic.

use ipc_codec::{Limits, Message, decode, encode};
use ipc_shared::Arena;
use ipc_shared::sync::{Barrier, BoundedSemaphore, Condvar, Event, ReentrantMutex, RwLock, Semaphore};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_testkit::isolated;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::SeqCst;

/// The numbers of cells that are said in the place of the true one.
const LIES: [u64; 4] = [62, 1000, 1 << 31, u32::MAX as u64];

#[test]
fn more_cells_than_there_are() {
    isolated(|| {
        let arena = Arena::new();
        for lie in LIES {
            let semaphore = Semaphore::new_in(&arena, 1).expect("memory is left");
            lies_about(&semaphore, shape(4, 0, 61), shape(4, 0, lie));
            assert!(semaphore.try_acquire().is_ok());
            let bounded = BoundedSemaphore::new_in(&arena, 100).expect("memory is left");
            lies_about(&bounded, shape(5, 0, 61), shape(5, 0, lie));
            assert!(bounded.try_acquire().is_ok());
            let lock = RwLock::new_in(&arena, [7_u64; 2]).expect("memory is left");
            lies_about(&lock, shape(3, 16, 59), shape(3, 16, lie));
            assert_eq!(*lock.read().expect("it is free"), [7; 2]);
            let barrier = Barrier::new_in(&arena, 1).expect("memory is left");
            lies_about(&barrier, shape(8, 0, 61), shape(8, 0, lie));
            assert!(barrier.wait().is_ok());
        }
    });
}

/// A shape as it stands in a cell and a message: the kind, the size of the data, and how many cells.
fn shape(kind: u64, data_size: u64, n_cells: u64) -> u64 {
    kind | data_size << 8 | n_cells << 32
}

/// Has a message say another shape, and then the memory, too: both are refused.
fn lies_about<T: Serialize + DeserializeOwned>(value: &T, truth: u64, lie: u64) {
    let (bytes, handles) = says(value, truth, lie);
    refused::<T>(&bytes, handles);
    let (bytes, handles) = says(value, truth, lie);
    overwrite(&handles[0], truth, lie);
    refused::<T>(&bytes, handles);
}

fn encoded<T: Serialize>(value: &T) -> Message {
    encode(value, &Limits::default()).expect("it can be sent")
}

/// A message in which another shape stands in the place of the true one.
fn says<T: Serialize>(value: &T, truth: u64, lie: u64) -> (Vec<u8>, Vec<OwnedHandle>) {
    let message = encoded(value);
    let number = |number: u64| encoded(&number).bytes().to_vec();
    let start = message.bytes().strip_suffix(&number(truth)[..]).expect("the shape stands at the end");
    let handles = message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
    let handles = handles.collect::<Result<_, _>>().expect("handles are left");
    ([start, &number(lie)].concat(), handles)
}

fn overwrite(memory: &OwnedHandle, truth: u64, lie: u64) {
    let handle = memory.try_clone().expect("handles are left");
    let memory = SharedMapping::from_handle(handle).expect("it is a segment");
    let n_changed = (0..memory.size() / 8)
        .filter(|index| memory.atomic_u64(index * 8).compare_exchange(truth, lie, SeqCst, SeqCst).is_ok())
        .count();
    assert!(n_changed > 0);
}

fn refused<T: DeserializeOwned>(bytes: &[u8], handles: Vec<OwnedHandle>) {
    let error = decode::<T>(bytes, handles, &Limits::default()).map(drop).expect_err("it is a lie");
    println!("{error}");
}

/// A small thing that says it is a large one.
#[test]
fn another_kind_than_the_memory_has_room_for() {
    isolated(|| {
        let arena = Arena::new();
        let event = Event::new_in(&arena).expect("memory is left");
        let (bytes, handles) = says(&event, shape(7, 0, 0), shape(6, 0, 0));
        overwrite(&handles[0], shape(7, 0, 0), shape(6, 0, 0));
        refused::<Condvar>(&bytes, handles);

        let small = ReentrantMutex::new_in(&arena, 1_u64).expect("memory is left");
        let (bytes, handles) = says(&small, shape(2, 8, 1), shape(2, 4000, 1));
        overwrite(&handles[0], shape(2, 8, 1), shape(2, 4000, 1));
        refused::<ReentrantMutex<[u8; 4000]>>(&bytes, handles);
    });
}
