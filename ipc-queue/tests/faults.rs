//! A queue when the system is short of something: typed errors, nothing left behind, and it works again afterwards.

#[path = "support/common.rs"]
mod common;

use common::{LONG, NoDescriptors, collect, foreign_fork};
use ipc_codec::{Limits, decode, encode};
use ipc_queue::{
    CreateError, GetError, LoanError, PutError, PutManyError, Queue, QueueError, TryGetError, TryPutError,
    WhenFull, channel,
};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

fn small() -> Queue<Vec<u8>> {
    Queue::builder().capacity(4).byte_capacity(100).create().expect("a small queue")
}

fn is_emfile(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.raw_os_error() == Some(libc::EMFILE)) {
            return true;
        }
        next = error.source();
    }
    false
}

#[test]
fn no_descriptors_for_a_new_queue() {
    isolated(|| {
        let before = Snapshot::take();
        // One more is free each time, until it is enough.
        for n_free in 0..10 {
            let limit = getrlimit(Resource::Nofile);
            let full = NoDescriptors::new();
            let room = getrlimit(Resource::Nofile).current.expect("it was set") + n_free;
            setrlimit(Resource::Nofile, Rlimit { current: Some(room), ..limit }).expect("a limit");
            let results = [
                Queue::<u8>::bounded(4).map(drop),
                Queue::<u8>::builder().create_joinable().map(drop),
                channel::<u8>(4).map(drop),
            ];
            for result in results {
                match result {
                    Ok(()) => assert!(n_free >= 4, "{n_free}"),
                    Err(error @ (CreateError::Memory(_) | CreateError::Sockets(_))) => {
                        assert!(n_free < 6 && is_emfile(&error), "{n_free}: {error:?}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            drop(full);
        }
        drop(small());
        before.assert_no_growth();
    });
}

#[test]
fn no_descriptors_for_a_queue_that_arrives_or_leaves() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let (queue, other) = (small(), small());
        let message = encode(&queue, &limits).expect("a queue");
        // Else this process has the memory already, and needs no descriptor for it.
        drop(queue);
        let copies = || -> Vec<OwnedHandle> {
            let copies = message.handles().iter().map(|handle| handle.as_fd().try_clone_to_owned());
            copies.collect::<Result<_, _>>().expect("handles are left")
        };
        for _ in 0..3 {
            let handles = copies();
            let full = NoDescriptors::new();
            encode(&other, &limits).map(drop).expect_err("no room for a copy");
            let there = decode::<Queue<Vec<u8>>>(message.bytes(), handles, &limits);
            let error = there.map(drop).expect_err("no room for its own");
            println!("{error}");
            // What needs none works.
            other.put(vec![1]).expect("there is room");
            assert_eq!(other.get().ok(), Some(vec![1]));
            drop(full);
            let there: Queue<Vec<u8>> = decode(message.bytes(), copies(), &limits).expect("it works again");
            there.put(vec![2]).expect("there is room");
            assert_eq!(there.get().ok(), Some(vec![2]));
        }
        drop((other, message));
        before.assert_no_growth();
    });
}

#[test]
fn no_descriptors_for_a_large_item() {
    isolated(|| {
        let before = Snapshot::take();
        let queue = small();
        let full = NoDescriptors::new();
        match queue.put(vec![7; 500]).unwrap_err() {
            PutError::Failed { value, source: source @ QueueError::Os(_) } => {
                assert_eq!(value, [7; 500]);
                assert!(is_emfile(&source) && source.is_of_item());
            }
            other => panic!("{other:?}"),
        }
        let error = queue.put_many(vec![vec![1], vec![7; 500], vec![3]]).unwrap_err();
        assert!(matches!(&error, PutManyError::Failed { value, .. } if value.len() == 2), "{error:?}");
        assert_eq!(queue.len(), 1);
        drop(full);
        queue.put(vec![7; 500]).expect("it works again");
        assert_eq!(queue.get().ok(), Some(vec![1]));
        assert_eq!(queue.get().ok(), Some(vec![7; 500]));
        drop(queue);
        before.assert_no_growth();
    });
}

/// What cannot be received is lost alone, as the error says, and takes nothing of its neighbours with it.
#[test]
fn no_descriptors_for_what_is_taken() {
    isolated(|| {
        let before = Snapshot::take();
        let queue = small();
        for _ in 0..3 {
            for size in [1, 500, 2, 600] {
                queue.put(vec![7; size]).expect("there is room");
            }
            let full = NoDescriptors::new();
            assert_eq!(queue.get().ok(), Some(vec![7; 1]));
            let error = queue.get().unwrap_err();
            assert!(matches!(error, GetError::Failed(QueueError::HandlesLost)), "{error:?}");
            assert_eq!(queue.get_many(5).ok(), Some(vec![vec![7; 2]]));
            drop(full);
            assert_eq!(queue.get().ok(), Some(vec![7; 600]));
            assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
        }
        drop(queue);
        before.assert_no_growth();
    });
}

/// Whoever drops the oldest needs no room for what it drops.
#[test]
fn no_descriptors_for_what_is_dropped() {
    isolated(|| {
        let builder = Queue::<[u8]>::builder().capacity(2).byte_capacity(10);
        let queue = builder.when_full(WhenFull::DropOldest).create().expect("a small queue");
        (0..2).for_each(|_| queue.put_bytes(&[1; 50]).expect("there is room"));
        let full = NoDescriptors::new();
        (0..5).for_each(|number| queue.put_bytes(&[number]).expect("the oldest goes"));
        drop(full);
        queue.put_bytes(&[2; 50]).expect("the oldest goes");
        assert_eq!((queue.get_bytes().ok(), queue.get_bytes().ok()), (Some(vec![4]), Some(vec![2; 50])));
    });
}

#[test]
fn no_descriptors_for_polling() {
    isolated(|| {
        let before = Snapshot::take();
        let queue = small();
        let full = NoDescriptors::new();
        assert_eq!(queue.pollable().unwrap_err().raw_os_error(), Some(libc::EMFILE));
        queue.put(vec![1]).expect("there is room");
        drop(full);
        queue.pollable().expect("it works again");
        assert_eq!(queue.get().ok(), Some(vec![1]));
        drop(queue);
        before.assert_no_growth();
    });
}

#[test]
fn a_file_size_limit_is_an_error_and_no_signal() {
    isolated(|| {
        let before = Snapshot::take();
        let queue = small();
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..limit }).expect("a lower limit");
        let error = Queue::<u8>::builder().byte_capacity(2 << 20).create().unwrap_err();
        assert!(matches!(error, CreateError::Memory(_)), "{error:?}");
        match queue.put(vec![7; 2 << 20]).unwrap_err() {
            PutError::Failed { value, source: QueueError::Os(source) } => {
                assert_eq!(value.len(), 2 << 20);
                assert_eq!(source.raw_os_error(), Some(libc::EFBIG));
            }
            other => panic!("{other:?}"),
        }
        queue.put(vec![7; 1 << 19]).expect("half of it fits");
        assert_eq!(queue.get().map(|item| item.len()).ok(), Some(1 << 19));
        setrlimit(Resource::Fsize, limit).expect("the old limit");
        drop(Queue::<u8>::builder().byte_capacity(2 << 20).create().expect("it works again"));
        queue.put(vec![7; 2 << 20]).expect("it works again");
        drop(queue);
        before.assert_no_growth();
    });
}

/// A child that could be given no part of its own gets an error from every call, and disturbs nobody.
#[test]
fn a_child_without_a_part() {
    isolated(|| {
        let builder = Queue::<[u8]>::builder().capacity(2).buffers(2, 10);
        let (queue, other) = (builder.create().expect("a small queue"), small());
        let tasks = Queue::<u8>::builder().create_joinable().expect("a small queue");
        tasks.put(1).expect("there is room");
        queue.put_bytes(&[1]).expect("there is room");
        let full = NoDescriptors::new();
        let child = foreign_fork(|| {
            let is_forked = |error: &QueueError| matches!(error, QueueError::Forked);
            let is_put_refused = |result: Result<(), TryPutError<()>>| matches!(result, Err(TryPutError::Failed { source, .. }) if is_forked(&source));
            let is_get_refused = |result: Result<Vec<u8>, GetError>| matches!(result, Err(GetError::Failed(error)) if is_forked(&error));
            queue.close();
            is_put_refused(queue.try_put_bytes(&[2]))
                && is_get_refused(queue.get_bytes())
                && is_get_refused(other.get())
                && matches!(other.get_many_timeout(5, LONG), Err(GetError::Failed(error)) if is_forked(&error))
                && matches!(other.put(vec![1]), Err(PutError::Failed { source, .. }) if is_forked(&source))
                && matches!(queue.loan(1), Err(LoanError::Failed(error)) if is_forked(&error))
                && tasks.get().is_err()
                && tasks.task_done().is_err()
                && tasks.join().is_err()
                // Nobody waits for what fails at once.
                && other.is_ready()
                && queue.len() == 1
                && !queue.is_closed()
        });
        assert_eq!(collect(child), 0);
        drop(full);
        // The parent's part is as it was; and one who has descriptors has a part.
        let child = foreign_fork(|| queue.put_bytes(&[2]).is_ok() && other.put(vec![3]).is_ok());
        assert_eq!(collect(child), 0);
        assert_eq!((queue.get_bytes().ok(), queue.get_bytes().ok()), (Some(vec![1]), Some(vec![2])));
        assert_eq!(other.get().ok(), Some(vec![3]));
        assert_eq!(tasks.get().ok(), Some(1));
        tasks.task_done().expect("it was taken");
        assert!(tasks.join_timeout(Duration::from_secs(5)).is_ok());
    });
}
