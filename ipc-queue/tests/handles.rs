//! Items with handles in them: files, sockets, queues, locks, ends of channels. They come in their order, and none stays open.

#[path = "support/cargo.rs"]
mod cargo;
#[path = "support/common.rs"]
mod common;
mod support;

use cargo::{Item, Watched, checked_number, item_of, number_in};
use common::{join, without_descriptors};
use ipc_codec::Limits;
use ipc_codec::handle::Handle;
use ipc_queue::{
    GetError, PutError, PutManyError, PutTimeoutError, Queue, QueueError, TryGetError, TryPutError, WhenFull,
    channel,
};
use ipc_shared::Arena;
use ipc_shared::sync::Mutex;
use ipc_sys::process::Child;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, isolated, isolated_within};
use serde::{Deserialize, Deserializer, Serialize};
use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::thread::{self, sleep};
use std::time::Duration;
use support::fork_child;

const PAUSE: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn all_kinds_come_in_order() {
    isolated(|| {
        let queue = Queue::builder().capacity(20).byte_capacity(1000).create().expect("a small queue");
        let inner = Queue::bounded(4).expect("a small queue");
        let lock = Mutex::new_in(&Arena::new(), 5).expect("memory is left");
        let (sender, receiver) = channel(4).expect("a small channel");
        let (_watched, stream) = Watched::with_number(17);
        let (_watched, large) = Watched::with_number(19);
        for item in [
            Item::Plain(1),
            Item::File(2, Handle::new(File::open("/proc/self/stat").expect("it is there"))),
            Item::Plain(3),
            Item::Stream(4, stream),
            Item::Queue(inner.clone()),
            Item::Lock(lock.clone()),
            Item::Plain(5),
            Item::Ends(sender.clone(), receiver.clone()),
            Item::Large(vec![7; 5000], large),
            Item::Plain(6),
        ] {
            queue.put(item).expect("there is room");
        }
        assert!(matches!(queue.get(), Ok(Item::Plain(1))));
        let Ok(Item::File(2, mut file)) = queue.get() else { panic!("a file") };
        assert!(file.read_to_string(&mut String::new()).expect("it can be read") > 0);
        assert!(matches!(queue.try_get(), Ok(Item::Plain(3))));
        let Ok(Item::Stream(4, stream)) = queue.get_timeout(LONG) else { panic!("a stream") };
        assert_eq!(number_in(stream), 17);
        let Ok(Item::Queue(other)) = queue.get() else { panic!("a queue") };
        other.put(8).expect("there is room");
        assert_eq!(inner.get().expect("it is the same"), 8);
        let Ok(Item::Lock(other)) = queue.get() else { panic!("a lock") };
        *other.lock().expect("nobody dies") += 1;
        assert_eq!(*lock.lock().expect("nobody dies"), 6);
        assert!(matches!(queue.get(), Ok(Item::Plain(5))));
        let Ok(Item::Ends(there, other)) = queue.get() else { panic!("a channel") };
        there.send(9).expect("there is room");
        assert_eq!(receiver.recv().expect("it is the same"), 9);
        drop((sender, receiver, other));
        assert!(there.send(10).unwrap_err().is_disconnected());
        let Ok(Item::Large(bytes, stream)) = queue.get() else { panic!("a large item") };
        assert_eq!((bytes.len(), number_in(stream)), (5000, 19));
        assert!(matches!(queue.get(), Ok(Item::Plain(6))));
        assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
    });
}

/// Of each producer the items come in their order, each with the handles that were put with it, and each comes once.
#[test]
fn several_producers_and_consumers() {
    isolated_within(Duration::from_secs(120), || {
        const PRODUCERS: u64 = 2;
        const ITEMS: u64 = 1500;
        let builder = Queue::builder().capacity(600).byte_capacity(4000);
        let queue = builder.create().expect("a small queue");
        let results = Queue::bounded(10).expect("a small queue");
        let producers: Vec<Child> = (0..PRODUCERS)
            .map(|producer| {
                fork_child(|| {
                    let mut rng = Rng::seeded(producer);
                    let mut number = producer * ITEMS;
                    while number < (producer + 1) * ITEMS {
                        let n_items = (1 + rng.below(8)).min((producer + 1) * ITEMS - number);
                        let items: Vec<Item> = (number..number + n_items).map(item_of).collect();
                        match n_items {
                            1 => items.into_iter().for_each(|item| queue.put(item).expect("it is taken")),
                            _ => queue.put_many(items).expect("they are taken"),
                        }
                        number += n_items;
                    }
                })
            })
            .collect();
        let consumers: Vec<Child> = (0..2_u64)
            .map(|consumer| {
                fork_child(|| {
                    let (mut sum, mut count, mut next) = (0, 0, [0; PRODUCERS as usize]);
                    loop {
                        let items = match consumer {
                            0 => queue.get().map(|item| vec![item]),
                            _ => queue.get_many(7),
                        };
                        match items {
                            Ok(items) => items.into_iter().map(checked_number).for_each(|number| {
                                let producer = (number / ITEMS) as usize;
                                assert!(number >= next[producer], "items of a producer come in their order");
                                next[producer] = number + 1;
                                sum += number;
                                count += 1;
                            }),
                            Err(GetError::Closed) => break,
                            Err(other) => panic!("{other}"),
                        }
                    }
                    results.put((sum, count)).expect("there is room");
                })
            })
            .collect();
        producers.iter().for_each(join);
        queue.close();
        consumers.iter().for_each(join);
        let (first, second): ((u64, u64), (u64, u64)) =
            (results.get().expect("two"), results.get().expect("two"));
        let total = PRODUCERS * ITEMS;
        assert_eq!((first.0 + second.0, first.1 + second.1), ((0..total).sum(), total));
    });
}

#[test]
fn dropped_queues_close_what_is_in_them() {
    isolated(|| {
        let (watched, handle) = Watched::new();
        let queue = Queue::bounded(4).expect("a small queue");
        queue.put(Item::Stream(1, handle)).expect("there is room");
        assert!(!watched.is_closed());
        drop(queue);
        watched.wait_for_close();
        let (sender, receiver) = channel(4).expect("a small channel");
        let (watched, handle) = Watched::new();
        sender.send(Item::Stream(1, handle)).expect("there is room");
        drop(sender);
        assert!(!watched.is_closed());
        drop(receiver);
        watched.wait_for_close();
    });
}

/// A queue that lies in itself is nobody's once nobody else has it. The kernel finds out.
#[test]
fn a_queue_in_itself_is_closed_in_the_end() {
    isolated(|| {
        let (watched, handle) = Watched::new();
        let queue = Queue::bounded(4).expect("a small queue");
        queue.put(Item::Stream(1, handle)).expect("there is room");
        let outer = Queue::bounded(4).expect("a small queue");
        outer.put(Nested::Queue(outer.clone())).expect("there is room");
        outer.put(Nested::Cargo(queue)).expect("there is room");
        drop(outer);
        watched.wait_for_close();
    });
}

#[derive(Debug, Serialize, Deserialize)]
enum Nested {
    Queue(Queue<Nested>),
    Cargo(Queue<Item>),
}

#[test]
fn what_cannot_be_decoded_is_closed() {
    #[derive(Debug, Serialize)]
    struct Broken(Handle<UnixStream>);
    impl<'de> Deserialize<'de> for Broken {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Broken, D::Error> {
            let _handle = Handle::<UnixStream>::deserialize(deserializer)?;
            Err(serde::de::Error::custom("broken"))
        }
    }
    isolated(|| {
        let queue = Queue::bounded(4).expect("a small queue");
        for _ in 0..3 {
            let (watched, handle) = Watched::new();
            queue.put(Broken(handle)).expect("there is room");
            assert!(matches!(queue.get(), Err(GetError::Failed(QueueError::Decode(_)))));
            watched.wait_for_close();
        }
        assert!(queue.is_empty());
    });
}

#[test]
fn a_taker_without_descriptors_loses_one_item() {
    isolated(|| {
        let queue = Queue::builder().capacity(8).byte_capacity(1000).create().expect("a small queue");
        let (watched, handle) = Watched::new();
        let (large_watched, large) = Watched::new();
        queue.put(Item::Plain(1)).expect("there is room");
        queue.put(Item::Stream(2, handle)).expect("there is room");
        queue.put(Item::Large(vec![1; 5000], large)).expect("there is room");
        queue.put(Item::Plain(3)).expect("there is room");
        queue.put(item_of(7)).expect("there is room");
        without_descriptors(|| {
            assert!(matches!(queue.get(), Ok(Item::Plain(1))), "it takes none");
            for _ in 0..2 {
                match queue.get() {
                    Err(GetError::Failed(error @ QueueError::HandlesLost)) => assert!(error.is_of_item()),
                    other => panic!("{other:?}"),
                }
            }
        });
        watched.wait_for_close();
        large_watched.wait_for_close();
        assert!(matches!(queue.get(), Ok(Item::Plain(3))));
        assert_eq!(checked_number(queue.get().expect("there is one")), 7);
    });
}

/// Encoding takes descriptors, too; what could not be put comes back whole.
#[test]
fn a_putter_without_descriptors_keeps_its_item() {
    isolated(|| {
        let queue = Queue::bounded(8).expect("a small queue");
        let item = item_of(7);
        let mut back = None;
        without_descriptors(|| match queue.put(item) {
            Err(PutError::Failed { value, .. }) => back = Some(value),
            other => panic!("{other:?}"),
        });
        queue.put(back.expect("it came back")).expect("there is room");
        assert_eq!(checked_number(queue.get().expect("there is one")), 7);
    });
}

#[test]
fn items_with_too_many_handles_come_back() {
    isolated(|| {
        let many =
            |n: usize| Item::Many((0..n as u64).map(|number| Watched::with_number(number).1).collect());
        let limits = Limits { max_handles: 10, ..Limits::default() };
        let queue = Queue::builder().capacity(8).limits(limits).create().expect("a small queue");
        queue.put(many(10)).expect("there is room");
        match queue.put(many(11)) {
            Err(PutError::Failed { value: Item::Many(handles), source: QueueError::Encode(_) }) => {
                assert_eq!(
                    handles.into_iter().map(number_in).collect::<Vec<_>>(),
                    (0..11).collect::<Vec<_>>()
                );
            }
            other => panic!("{other:?}"),
        }
        match queue.put_many(vec![Item::Plain(1), many(11), Item::Plain(2)]) {
            Err(PutManyError::Failed { value, .. }) => assert_eq!(value.len(), 2),
            other => panic!("{other:?}"),
        }
        assert!(matches!(queue.get(), Ok(Item::Many(handles)) if handles.len() == 10));
        assert!(matches!(queue.get(), Ok(Item::Plain(1))));
        assert!(queue.is_empty());

        // As many as the system lets go in one message, and one more for the memory of a large item.
        let limits = Limits { max_handles: usize::MAX, ..Limits::default() };
        let builder = || Queue::builder().capacity(8).limits(limits);
        let queue = builder().create().expect("a small queue");
        queue.put(many(253)).expect("there is room");
        assert!(matches!(queue.get(), Ok(Item::Many(handles)) if handles.len() == 253));
        assert!(matches!(queue.put(many(254)), Err(PutError::Failed { .. })));
        let narrow = builder().byte_capacity(100).create().expect("a small queue");
        narrow.put(many(252)).expect("there is room");
        assert!(matches!(narrow.get(), Ok(Item::Many(handles)) if handles.len() == 252));
        match narrow.put(many(253)) {
            Err(PutError::Failed { value: Item::Many(handles), .. }) => assert_eq!(handles.len(), 253),
            other => panic!("{other:?}"),
        }
        narrow.put(many(1)).expect("the queue goes on");
        assert!(matches!(narrow.get(), Ok(Item::Many(handles)) if handles.len() == 1));
    });
}

/// The system lets some hundred messages wait in a socket. Further items with handles wait for them; others go by.
#[test]
fn more_handles_than_the_system_holds() {
    isolated_within(Duration::from_secs(120), || {
        let queue = Queue::bounded(5000).expect("a queue");
        let n_put = fill(&queue);
        assert!((50..4000).contains(&n_put), "{n_put}");
        assert!(matches!(queue.try_put(item_of(0)), Err(TryPutError::Full(Item::Stream(0, _)))));
        let result = queue.put_timeout(item_of(0), PAUSE);
        assert!(matches!(result, Err(PutTimeoutError::TimedOut(Item::Stream(0, _)))));
        queue.put(Item::Plain(0)).expect("it takes no handle");
        match queue.try_put_many(vec![Item::Plain(0), Item::Plain(1), item_of(7), Item::Plain(2)]) {
            Err(PutManyError::NoRoom(rest)) => assert_eq!(rest.len(), 2),
            other => panic!("{other:?}"),
        }
        assert_eq!(queue.len(), n_put + 3);
        // Whoever waits goes on when some are taken.
        thread::scope(|scope| {
            let putter = scope.spawn(|| queue.put(item_of(14)).is_ok());
            sleep(PAUSE);
            assert!(!putter.is_finished());
            queue.put(Item::Plain(4)).expect("it takes no handle");
            for number in 0..n_put as u64 {
                assert_eq!(checked_number(queue.get().expect("there are as many")), number * 7);
            }
            assert!(putter.join().expect("it does not panic"), "there is room again");
        });
        let rest: Vec<u64> = queue.try_iter().map(|item| checked_number(item.expect("an item"))).collect();
        assert_eq!(rest, [0, 0, 1, 4, 14]);
        // And all of many come through.
        thread::scope(|scope| {
            scope.spawn(|| (0..1500).for_each(|number| queue.put(item_of(7 * number)).expect("taken")));
            scope.spawn(|| (0..1500).for_each(|_| queue.put(Item::Plain(1)).expect("taken")));
            let numbers = (0..3000).map(|_| checked_number(queue.get().expect("there are as many")));
            let with_handles: Vec<u64> = numbers.filter(|&number| number != 1).collect();
            assert!(with_handles.iter().copied().eq((0..1500).map(|number| number * 7)));
        });
    });
}

/// Puts items with handles until the system takes no more.
fn fill(queue: &Queue<Item>) -> usize {
    (0..).take_while(|&number| queue.try_put(item_of(7 * number)).is_ok()).count()
}

/// A queue that is made not to wait does not wait for handles either.
#[test]
fn queues_that_fail_or_drop_do_not_wait_for_handles() {
    isolated(|| {
        let builder = || Queue::builder().capacity(5000);
        let queue = builder().when_full(WhenFull::Fail).create().expect("a queue");
        let n_put = fill(&queue);
        assert!(matches!(queue.put(item_of(0)), Err(PutError::Full(Item::Stream(0, _)))));
        let result = queue.put_timeout(item_of(0), LONG);
        assert!(matches!(result, Err(PutTimeoutError::TimedOut(Item::Stream(0, _)))));
        assert_eq!(queue.len(), n_put);

        let queue = builder().when_full(WhenFull::DropOldest).create().expect("a queue");
        (0..2000).for_each(|number| queue.put(item_of(7 * number)).expect("it makes room"));
        let numbers: Vec<u64> = queue.try_iter().map(|item| checked_number(item.expect("an item"))).collect();
        assert!((50..2000).contains(&numbers.len()));
        let first = 2000 - numbers.len() as u64;
        assert!(numbers.iter().copied().eq((first..2000).map(|number| number * 7)));
    });
}

/// A sender cannot close the handles of the items that it drops. The receiver does, also if no later handle comes.
#[test]
fn a_channel_that_drops_is_not_stopped_up() {
    isolated_within(Duration::from_secs(60), || {
        for does_sleep in [false, true] {
            let builder = Queue::builder().capacity(2).when_full(WhenFull::DropOldest);
            let (sender, receiver) = builder.create_channel().expect("a small channel");
            while sender.try_send(item_of(7)).is_ok() {}
            // What was dropped last had handles; what is there has none.
            sender.send(Item::Plain(1)).expect("it makes room");
            sender.send(Item::Plain(2)).expect("it makes room");
            thread::scope(|scope| {
                scope.spawn(|| sender.send(item_of(14)).expect("it makes room, one day"));
                let mut last = 0;
                while last != 14 {
                    let item = match does_sleep {
                        true => receiver.recv().ok(),
                        false => receiver.try_recv().ok(),
                    };
                    last = item.map_or(last, checked_number);
                }
            });
        }
    });
}

#[test]
fn nothing_is_left_of_items() {
    isolated(|| {
        let queue = Queue::builder().capacity(50).byte_capacity(4000).create().expect("a small queue");
        // What is made once.
        queue.put(item_of(0)).expect("there is room");
        drop(queue.get());
        let before = Snapshot::take();
        for round in 0..20 {
            (0..30).for_each(|number| queue.put(item_of(number)).expect("there is room"));
            if round % 2 == 0 {
                for item in queue.try_iter() {
                    checked_number(item.expect("an item"));
                }
            } else {
                while !queue.try_get_many(7).expect("items").is_empty() {}
            }
        }
        before.assert_no_growth();
    });
}
