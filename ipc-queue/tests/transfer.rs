//! A queue in a message: what arrives is the same queue, or an error; nothing leaks.

use ipc_codec::{Limits, decode, encode};
use ipc_queue::{PutError, Queue, TryPutError};
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Job {
    input: Queue<u32>,
    output: Queue<String>,
}

#[test]
fn a_queue_travels() {
    let limits = Limits::default();
    let job = Job { input: Queue::bounded(2).unwrap(), output: Queue::bounded(3).unwrap() };
    let message = encode(&job, &limits).expect("queues can be encoded");
    assert_eq!(message.handles().len(), 2);
    let there: Job = message.decode(&limits).expect("both are what they should be");
    assert_eq!((there.input.capacity(), there.output.capacity()), (2, 3));
    job.input.put(7).expect("there is room");
    there.output.put(there.input.get().expect("there is an item").to_string()).expect("there is room");
    assert_eq!(job.output.get().ok().as_deref(), Some("7"));
    there.input.close();
    assert!(job.input.is_closed());
}

#[test]
fn another_type_is_refused() {
    isolated(|| {
        let limits = Limits::default();
        let before = Snapshot::take();
        let message = encode(&Queue::<u32>::bounded(2).expect("a small queue"), &limits).expect("a queue");
        let error = message.decode::<Queue<String>>(&limits).unwrap_err();
        assert!(error.to_string().contains("the queue is for items of type"), "{error}");
        before.assert_no_growth();
    });
}

#[test]
fn another_file_is_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let handle = OwnedHandle::from(std::fs::File::open("/dev/null").expect("Linux has it"));
        let error = decode::<Queue<u32>>(&[0], vec![handle], &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("the handle is not the memory of a queue: "), "{error}");
        before.assert_no_growth();
    });
}

#[test]
fn items_with_handles_are_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let outer = Queue::bounded(2).expect("a small queue");
        let inner = Queue::<u32>::bounded(2).expect("a small queue");
        let n_handles = Snapshot::take().descriptors();
        let error = outer.put((1, inner)).unwrap_err();
        assert!(matches!(error, PutError::HandlesUnsupported(_)), "{error:?}");
        let error = outer.try_put(error.into_inner()).unwrap_err();
        assert!(matches!(error, TryPutError::HandlesUnsupported(_)), "{error:?}");
        assert_eq!(Snapshot::take().descriptors(), n_handles);
        error.into_inner().1.put(1).expect("the queue came back and works");
        assert!(outer.is_empty());
        drop(outer);
        before.assert_no_growth();
    });
}

/// A handle that several items share would be one too many for the first of them.
#[test]
fn items_that_share_a_handle_are_refused() {
    struct Shares;
    impl serde::Serialize for Shares {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let make = || -> std::io::Result<(OwnedHandle, ())> { panic!("no handle is to be made") };
            ipc_codec::handle::serialize_shared(1, make, |()| Ok(()), serializer)
        }
    }
    isolated(|| {
        let queue = Queue::bounded(2).expect("a small queue");
        let error = queue.put((1, Shares)).unwrap_err();
        assert!(matches!(error, PutError::HandlesUnsupported(_)));
        assert!(queue.is_empty());
    });
}

#[test]
fn create_and_drop_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        for _ in 0..1000 {
            let queue = Queue::bounded(2).expect("a small queue");
            queue.put(1).expect("there is room");
            let other = Queue::<i32>::from_handle(queue.duplicate_handle().expect("handles are left"));
            assert_eq!(other.expect("the same queue").get().ok(), Some(1));
        }
        before.assert_no_growth();
    });
}
