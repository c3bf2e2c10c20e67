//! Memory that somebody has scribbled over: an error, never a panic, never bytes of somewhere else.

use ipc_queue::{OpenError, Queue, TryGetError};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::SharedMapping;
use ipc_testkit::{Rng, isolated_within, watchdog};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Where the lock stands, which is not scribbled over: it is a C object, and the crate page says what that means.
const LOCK: std::ops::Range<usize> = 64..128;
const CAPACITY: usize = 8;
const BYTES: usize = 256;

fn queue() -> (Queue<Vec<u8>>, SharedMapping) {
    let queue = Queue::builder().capacity(CAPACITY).byte_capacity(BYTES).create().expect("a small queue");
    let memory = SharedMapping::from_handle(queue.duplicate_handle().expect("handles are left"));
    (queue, memory.expect("the memory is the queue's"))
}

fn open_with(offset: usize, value: u64) -> Result<Queue<Vec<u8>>, OpenError> {
    let (queue, memory) = queue();
    memory.atomic_u64(offset).store(value, Relaxed);
    Queue::from_handle(queue.duplicate_handle().expect("handles are left"))
}

#[test]
fn each_field_of_the_header_is_checked() {
    assert!(open_with(56, 1).is_ok(), "the reserved field is the only one that says nothing");
    for value in [0, 1, 1 << 32, u64::MAX] {
        let error = open_with(0, value).unwrap_err();
        assert!(matches!(error, OpenError::Magic { found } if found == value.to_ne_bytes()), "{error}");
        let error = open_with(8, value.wrapping_add(1)).err();
        assert!(value == 0 || matches!(error, Some(OpenError::Version { expected: 1, .. })), "{error:?}");
        let error = open_with(16, value).unwrap_err();
        assert!(matches!(error, OpenError::Layout { found, .. } if found == value), "{error}");
        let error = open_with(24, value).unwrap_err();
        assert!(matches!(error, OpenError::Size { stated, .. } if stated == value), "{error}");
        let error = open_with(32, value).unwrap_err();
        assert!(matches!(error, OpenError::Capacity { capacity, .. } if capacity == value), "{error}");
        let error = open_with(40, value).unwrap_err();
        assert!(
            matches!(error, OpenError::Capacity { byte_capacity, .. } if byte_capacity == value),
            "{error}"
        );
        let error = open_with(48, value).unwrap_err();
        assert!(matches!(error, OpenError::ItemType { found, .. } if found == value), "{error}");
    }
}

#[test]
fn other_memory_is_refused() {
    let open = |handle: OwnedHandle| Queue::<u8>::from_handle(handle).unwrap_err();
    let file = std::fs::File::open("/dev/null").expect("Linux has it");
    assert!(matches!(open(file.into()), OpenError::Memory(_)));
    let memory =
        |size| SharedMapping::create(size).and_then(|memory| memory.duplicate_handle()).expect("small");
    for size in [1, 64, 255] {
        assert!(matches!(open(memory(size)), OpenError::TooSmall { least: 256, .. }));
    }
    assert!(matches!(open(memory(256)), OpenError::Magic { found: [0, 0, 0, 0, 0, 0, 0, 0] }));
}

/// A header that is right, over memory that is shorter or longer than it says.
#[test]
fn a_copied_header_does_not_stretch_the_memory() {
    let (_queue, memory) = queue();
    let mut bytes = vec![0; memory.size()];
    memory.read(0, &mut bytes);
    for size in [256, memory.size() - 1, memory.size() + 1, 4096] {
        let other = SharedMapping::create(size).expect("a small piece");
        other.write(0, &bytes[..size.min(bytes.len())]);
        let error = Queue::<Vec<u8>>::from_handle(other.duplicate_handle().expect("handles are left"));
        assert!(matches!(error, Err(OpenError::Size { actual, .. }) if actual == size));
    }
}

/// Calls everything that does not wait, and a little of what does.
fn use_it(queue: &Queue<Vec<u8>>) {
    assert!(queue.len() <= CAPACITY);
    let _ = (queue.is_empty(), queue.is_full(), queue.is_closed(), format!("{queue:?}"));
    let _ = queue.try_put(vec![1; 20]);
    let _ = queue.try_put(vec![2; BYTES - 2]);
    for _ in 0..3 {
        if let Ok(item) = queue.try_get() {
            assert!(item.len() <= BYTES);
        }
    }
    let _ = queue.put_timeout(Vec::new(), Duration::from_nanos(1));
    let _ = queue.get_timeout(Duration::from_nanos(1));
    let _ = queue.try_iter().take(2 * CAPACITY).count();
    assert!(queue.len() <= CAPACITY);
}

#[test]
fn every_word_may_hold_anything() {
    let _guard = watchdog(Duration::from_secs(60));
    let size = queue().1.size();
    let values = [0, 1, 7, 8, 255, 256, 257, 1 << 31, 1 << 32, i64::MAX as u64, u64::MAX - 1, u64::MAX];
    for offset in (0..size - 7).step_by(8).filter(|offset| !LOCK.contains(offset)) {
        for value in values {
            for n_items in [0, 1, CAPACITY] {
                let (queue, memory) = queue();
                // Not from the beginning of the ring, so that the items go over its end.
                for _ in 0..3 {
                    queue.put(vec![0; 80]).expect("there is room");
                    queue.get().expect("there is an item");
                }
                for item in 0..n_items {
                    queue.put(vec![item as u8; 30]).expect("there is room");
                }
                memory.atomic_u64(offset).store(value, Relaxed);
                use_it(&queue);
                memory.atomic_u64(offset).store(value.wrapping_neg(), Relaxed);
                use_it(&queue);
            }
        }
    }
}

#[test]
fn all_words_may_hold_anything() {
    let _guard = watchdog(Duration::from_secs(60));
    let mut rng = Rng::from_env();
    for _ in 0..3000 {
        let (queue, memory) = queue();
        for _ in 0..1 + rng.below(4) {
            for offset in (0..memory.size() - 7).step_by(8).filter(|offset| !LOCK.contains(offset)) {
                let bits = rng.below(65);
                let value = if bits == 0 { 0 } else { rng.next_u64() >> (64 - bits) };
                memory.atomic_u64(offset).store(value, Relaxed);
            }
            use_it(&queue);
        }
    }
}

#[test]
fn what_is_found_is_told() {
    let told = |offset, value| {
        let (queue, memory) = queue();
        queue.put(vec![0; 10]).expect("there is room");
        memory.atomic_u64(offset).store(value, Relaxed);
        match queue.try_get() {
            Err(TryGetError::Corrupt(corruption)) => corruption.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(told(192, 2).ends_with("more items were taken than put"));
    assert!(told(128, 9).ends_with("there are more items than the capacity"));
    assert!(told(264, 257).ends_with("an item is longer than the ring"));
}

/// The same while another process is at work on the queue: its bytes change between any two reads.
#[test]
fn words_change_while_they_are_read() {
    isolated_within(Duration::from_secs(60), || {
        let (queue, memory) = queue();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut rng = Rng::seeded(7);
                while !over.load(Relaxed) {
                    let offset = 128 + 8 * rng.below((memory.size() as u64 - 128) / 8) as usize;
                    let value = rng.next_u64() >> rng.below(64);
                    memory.atomic_u64(offset).store(value, Relaxed);
                }
            });
            for _ in 0..20_000 {
                use_it(&queue);
            }
            over.store(true, Relaxed);
        });
    });
}
