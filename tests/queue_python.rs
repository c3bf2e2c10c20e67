//! What CPython's tests say of its queues, in our words and for ours, each by every start method.
//!
//! The tests are those of `Lib/test/_test_multiprocessing.py` (Python 3.11 to 3.13; Python Software Foundation License); what
//! they hold for right was read there, no code was taken.
//!
//! | Python's test | ours |
//! | --- | --- |
//! | `_TestQueue.test_put` | `put` |
//! | `_TestQueue.test_get` | `get` |
//! | `_TestQueue.test_fork` | `items_of_parent_and_child` |
//! | `_TestQueue.test_qsize` | `len` |
//! | `_TestQueue.test_task_done` | `task_done`; that too many are an error: `task_done_too_often` |
//! | `_TestQueue.test_no_import_lock_contention` | none: Python's feeder thread imports modules. Here is neither |
//! | `_TestQueue.test_timeout` | `timeout` |
//! | `_TestQueue.test_queue_feeder_donot_stop_onexc` | `an_item_without_encoding_takes_no_place`, and for the other side `an_item_that_cannot_be_decoded_is_alone` |
//! | `_TestQueue.test_queue_feeder_on_queue_feeder_error` | the first of them: the error that Python gives to a hook is the result of the put, with the item in it |
//! | `_TestQueue.test_closed_queue_empty_exceptions` | `closed_len`. It is no error here: a closed queue can be asked |
//! | `_TestQueue.test_closed_queue_put_get_exceptions` | `closed_put_and_get`. Closed is a queue for all; what is in it can still be taken |
//! | `TestSimpleQueue.test_empty` | `empty_and_not` |
//! | `TestSimpleQueue.test_close` | `close_twice` |
//! | `TestSimpleQueue.test_empty_exceptions` | `closed_len` |
//! | `_TestProcess.test_process` | `a_process_tells_of_itself` |
//! | `TestStdinBadfiledescriptor.test_queue_in_process` | `a_queue_made_in_a_child` |
//! | `TestStartMethod.test_nested_startmethod` | `nested_start_methods` |
//! | `_TestContainers.test_list_proxy_in_list` and its like, `TestSyncManagerTypes.test_queue`, `test_joinable_queue` | none: queues of a manager |
//! | those of `multiprocessing.dummy` | the examples in the documentation, which run on threads |
//!
//! Python's elapsed times are asserted from below only.

#[macro_use]
mod support;

use ipc_testkit::isolated;
use multiproc::queue::{
    GetError, GetTimeoutError, JoinableQueue, PutError, PutManyError, PutTimeoutError, QueueError,
    TaskDoneError, TryGetError, TryPutError,
};
use multiproc::shared::Arena;
use multiproc::sync::Event;
use multiproc::{Builder, Process, Queue, RawValue, StartMethod};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::{Duration, Instant};

/// For what has to come.
const LONG: Duration = Duration::from_secs(30);
/// For what does not come.
const SHORT: Duration = Duration::from_millis(82);

by_every_method! {
    put get items_of_parent_and_child len task_done task_done_too_often timeout
    an_item_without_encoding_takes_no_place an_item_that_cannot_be_decoded_is_alone
    closed_len closed_put_and_get empty_and_not close_twice
    a_process_tells_of_itself a_queue_made_in_a_child nested_start_methods
}

fn start<A, R>(method: StartMethod, child: fn(A) -> R, args: A) -> Process<R>
where
    A: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    Builder::new().method(method).spawn(child, args).expect("it was started")
}

/// In memory of their own, which goes with them.
fn two_events() -> [Event; 2] {
    let arena = Arena::new();
    [(); 2].map(|()| Event::new_in(&arena).expect("there is memory"))
}

/// Asserts that a call took at least so long.
#[track_caller]
fn at_least<R>(least: Duration, call: impl FnOnce() -> R) -> R {
    let begin = Instant::now();
    let result = call();
    assert!(begin.elapsed() >= least, "it took {:?} only", begin.elapsed());
    result
}

fn put(method: StartMethod) {
    fn take_six((queue, full, taken): (Queue<i32>, Event, Event)) -> Vec<i32> {
        assert!(full.wait_timeout(LONG));
        let items = (0..6).map(|_| queue.get().expect("there are six")).collect();
        taken.set();
        items
    }
    let queue = Queue::bounded(6).expect("there is memory");
    let [full, taken] = two_events();
    let child = start(method, take_six, (queue.clone(), full.clone(), taken.clone()));
    assert!(queue.is_empty() && !queue.is_full());

    queue.put(1).expect("there is room");
    queue.try_put(2).expect("there is room");
    queue.put_timeout(3, Duration::ZERO).expect("there is room");
    queue.put_timeout(4, LONG).expect("there is room");
    queue.put_deadline(5, Instant::now()).expect("there is room");
    queue.put_many(vec![6]).expect("there is room");
    assert!(!queue.is_empty() && queue.is_full());

    assert!(matches!(queue.try_put(7), Err(TryPutError::Full(7))));
    assert!(matches!(queue.put_timeout(7, Duration::ZERO), Err(PutTimeoutError::TimedOut(7))));
    assert!(matches!(queue.put_deadline(7, Instant::now()), Err(PutTimeoutError::TimedOut(7))));
    let late = at_least(SHORT, || queue.put_timeout(7, SHORT));
    assert!(matches!(late, Err(PutTimeoutError::TimedOut(7))));
    let late = at_least(SHORT, || queue.put_deadline(7, Instant::now() + SHORT));
    assert!(matches!(late, Err(PutTimeoutError::TimedOut(7))));
    match queue.try_put_many(vec![7, 8]) {
        Err(PutManyError::NoRoom(rest)) => assert_eq!(rest, [7, 8]),
        other => panic!("{other:?}"),
    }

    full.set();
    assert!(taken.wait_timeout(LONG));
    assert!(queue.is_empty() && !queue.is_full());
    assert_eq!(child.join().expect("it returned"), [1, 2, 3, 4, 5, 6]);
}

fn get(method: StartMethod) {
    fn put_five((queue, go, done): (Queue<i32>, Event, Event)) {
        assert!(go.wait_timeout(LONG));
        (1..=5).for_each(|item| queue.put(item).expect("there is room"));
        done.set();
    }
    let queue = Queue::bounded(10).expect("there is memory");
    let [go, done] = two_events();
    let child = start(method, put_five, (queue.clone(), go.clone(), done.clone()));
    assert!(queue.is_empty());
    go.set();
    assert!(done.wait_timeout(LONG));
    // At once, in contrast to Python's: there is no thread that still has to write it.
    assert!(!queue.is_empty());

    assert_eq!(queue.get().expect("there is one"), 1);
    assert_eq!(queue.try_get().expect("there is one"), 2);
    assert_eq!(queue.get_timeout(Duration::ZERO).expect("there is one"), 3);
    assert_eq!(queue.get_deadline(Instant::now()).expect("there is one"), 4);
    assert_eq!(queue.get_many(10).expect("there is one"), [5]);
    assert!(queue.is_empty());

    assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
    assert!(matches!(queue.get_timeout(Duration::ZERO), Err(GetTimeoutError::TimedOut)));
    assert!(matches!(queue.get_deadline(Instant::now()), Err(GetTimeoutError::TimedOut)));
    let late = at_least(SHORT, || queue.get_timeout(SHORT));
    assert!(matches!(late, Err(GetTimeoutError::TimedOut)));
    let late = at_least(SHORT, || queue.get_deadline(Instant::now() + SHORT));
    assert!(matches!(late, Err(GetTimeoutError::TimedOut)));
    child.join().expect("it returned");
}

/// In Python a child must not take over the items that the feeder thread of its parent has not written yet.
fn items_of_parent_and_child(method: StartMethod) {
    fn put_ten(queue: Queue<i32>) {
        (10..20).for_each(|item| queue.put(item).expect("there is room"));
    }
    let queue = Queue::bounded(100).expect("there is memory");
    (0..10).for_each(|item| queue.put(item).expect("there is room"));
    start(method, put_ten, queue.clone()).join().expect("it returned");
    for item in 0..20 {
        assert_eq!(queue.get().expect("there are twenty"), item);
    }
    assert!(matches!(queue.try_get(), Err(TryGetError::Empty)));
}

fn len(method: StartMethod) {
    fn put_two(queue: Queue<i32>) -> usize {
        queue.put_many(vec![1, 5]).expect("there is room");
        queue.len()
    }
    let queue = Queue::bounded(10).expect("there is memory");
    assert_eq!(queue.len(), 0);
    assert_eq!(start(method, put_two, queue.clone()).join().expect("it returned"), 2);
    assert_eq!(queue.len(), 2);
    queue.get().expect("there is one");
    assert_eq!(queue.len(), 1);
    queue.get().expect("there is one");
    assert_eq!(queue.len(), 0);
}

fn task_done(method: StartMethod) {
    fn work((tasks, n_done): (JoinableQueue<Option<u32>>, RawValue<u32>)) {
        while tasks.get().expect("the queue is open").is_some() {
            std::thread::sleep(Duration::from_millis(20));
            n_done.fetch_add(1);
            tasks.task_done().expect("it has one in hand");
        }
        tasks.task_done().expect("it has one in hand");
    }
    let tasks = JoinableQueue::bounded(100).expect("there is memory");
    let n_done = RawValue::new_in(&Arena::new(), 0).expect("there is memory");
    let workers: Vec<_> = (0..4).map(|_| start(method, work, (tasks.clone(), n_done.clone()))).collect();
    (0..10).for_each(|number| tasks.put(Some(number)).expect("there is room"));
    assert_eq!(tasks.join_timeout(LONG).expect("all are done").lost, 0);
    assert_eq!((tasks.len(), n_done.load()), (0, 10));

    (0..4).for_each(|_| tasks.put(None).expect("there is room"));
    assert_eq!(tasks.join_timeout(LONG).expect("all are done").lost, 0);
    workers.into_iter().for_each(|worker| worker.join().expect("it returned"));
}

fn task_done_too_often(method: StartMethod) {
    fn take(tasks: JoinableQueue<u32>) {
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
        tasks.get().expect("there is one");
        tasks.task_done().expect("it has one in hand");
        assert!(matches!(tasks.task_done(), Err(TaskDoneError::NoTask)));
    }
    let tasks = JoinableQueue::bounded(2).expect("there is memory");
    tasks.put(1).expect("there is room");
    start(method, take, tasks.clone()).join().expect("it returned");
    assert_eq!(tasks.join().expect("all are done").lost, 0);
}

fn timeout(method: StartMethod) {
    fn wait(queue: Queue<i32>) {
        let late = at_least(2 * SHORT, || queue.get_timeout(2 * SHORT));
        assert!(matches!(late, Err(GetTimeoutError::TimedOut)));
    }
    let queue = Queue::bounded(1).expect("there is memory");
    start(method, wait, queue).join().expect("it returned");
}

/// Encodes or decodes if it is the right number.
#[derive(Debug, PartialEq)]
struct Moody(u32);

const CANNOT_BE_ENCODED: u32 = 1;
const CANNOT_BE_DECODED: u32 = 2;

impl Serialize for Moody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            CANNOT_BE_ENCODED => Err(S::Error::custom("not this one")),
            number => serializer.serialize_u32(number),
        }
    }
}

impl<'de> Deserialize<'de> for Moody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            CANNOT_BE_DECODED => Err(D::Error::custom("not this one")),
            number => Ok(Moody(number)),
        }
    }
}

fn an_item_without_encoding_takes_no_place(method: StartMethod) {
    fn put_bad_then_good(queue: Queue<Moody>) {
        for _ in 0..3 {
            match queue.put(Moody(CANNOT_BE_ENCODED)) {
                Err(PutError::Failed { value, source: QueueError::Encode(_) }) => {
                    assert_eq!(value, Moody(CANNOT_BE_ENCODED));
                }
                other => panic!("{other:?}"),
            }
            assert!(queue.is_empty());
        }
        queue.try_put(Moody(7)).expect("there is room for one");
    }
    let queue = Queue::bounded(1).expect("there is memory");
    start(method, put_bad_then_good, queue.clone()).join().expect("it returned");
    assert_eq!(queue.try_get().expect("there is one"), Moody(7));
    assert!(queue.is_empty());
}

fn an_item_that_cannot_be_decoded_is_alone(method: StartMethod) {
    fn put_bad_then_good(queue: Queue<Moody>) {
        queue.put_many(vec![Moody(CANNOT_BE_DECODED), Moody(8)]).expect("they can be encoded");
    }
    let queue = Queue::bounded(2).expect("there is memory");
    let child = start(method, put_bad_then_good, queue.clone());
    assert!(matches!(queue.get(), Err(GetError::Failed(QueueError::Decode(_)))));
    assert_eq!(queue.get().expect("there is another"), Moody(8));
    child.join().expect("it returned");
}

fn closed_len(method: StartMethod) {
    fn put_and_close(queue: Queue<i32>) {
        queue.put(1).expect("there is room");
        queue.close();
        assert!(queue.is_closed() && !queue.is_empty());
    }
    let queue = Queue::bounded(1).expect("there is memory");
    start(method, put_and_close, queue.clone()).join().expect("it returned");
    assert!(queue.is_closed());
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (1, false, true));
    queue.get().expect("there is one");
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (0, true, false));
}

fn closed_put_and_get(method: StartMethod) {
    fn close(queue: Queue<String>) {
        queue.close();
    }
    let queue = Queue::bounded(2).expect("there is memory");
    queue.put("first".to_owned()).expect("there is room");
    start(method, close, queue.clone()).join().expect("it returned");
    match queue.put("foo".to_owned()) {
        Err(PutError::Closed(item)) => assert_eq!(item, "foo"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(queue.try_put(String::new()), Err(TryPutError::Closed(_))));
    assert_eq!(queue.get().expect("there is one"), "first");
    assert!(matches!(queue.get(), Err(GetError::Closed)));
    assert!(matches!(queue.try_get(), Err(TryGetError::Closed)));
    assert!(matches!(queue.get_timeout(LONG), Err(GetTimeoutError::Closed)));
}

fn empty_and_not(method: StartMethod) {
    fn put_when_told((queue, go, done): (Queue<bool>, Event, Event)) {
        assert!(go.wait_timeout(LONG));
        queue.put(true).expect("there is room");
        queue.put(false).expect("there is room");
        done.set();
    }
    let queue = Queue::bounded(2).expect("there is memory");
    let [go, done] = two_events();
    let child = start(method, put_when_told, (queue.clone(), go.clone(), done.clone()));
    assert!(queue.is_empty());
    go.set();
    assert!(done.wait_timeout(LONG));
    assert!(!queue.is_empty());
    assert!(queue.get().expect("there is one"));
    assert!(!queue.get().expect("there is one"));
    assert!(queue.is_empty());
    child.join().expect("it returned");
}

fn close_twice(method: StartMethod) {
    fn close(queue: Queue<i32>) {
        queue.close();
        queue.close();
    }
    let queue = Queue::bounded(1).expect("there is memory");
    start(method, close, queue.clone()).join().expect("it returned");
    queue.close();
    assert!(queue.is_closed());
}

fn a_process_tells_of_itself(method: StartMethod) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Told {
        Arguments(u32, String),
        Name(String),
        Pid(u32),
    }
    fn tell((queue, number, text): (Queue<Told>, u32, String)) {
        queue.put(Told::Arguments(number, text)).expect("there is room");
        queue.put(Told::Name(multiproc::current().name().to_owned())).expect("there is room");
        queue.put(Told::Pid(std::process::id())).expect("there is room");
    }
    let queue = Queue::bounded(3).expect("there is memory");
    let args = (queue.clone(), 1, "two".to_owned());
    let child = Builder::new().method(method).name("teller").spawn(tell, args).expect("it was started");
    assert_eq!(queue.get().expect("it tells three"), Told::Arguments(1, "two".to_owned()));
    assert_eq!(queue.get().expect("it tells three"), Told::Name("teller".to_owned()));
    assert_eq!(queue.get().expect("it tells three"), Told::Pid(child.pid()));
    child.join().expect("it returned");
    assert!(queue.is_empty());
}

/// In Python it is the closing of a standard input which the child does not have that this went wrong by.
fn a_queue_made_in_a_child(method: StartMethod) {
    fn make(method: String) -> String {
        let queue = Queue::bounded(1).expect("there is memory");
        let child = start(method.parse().expect("a method"), put_x, queue.clone());
        let item = queue.get().expect("the child puts one");
        child.join().expect("it returned");
        item
    }
    fn put_x(queue: Queue<String>) {
        queue.put("x".to_owned()).expect("there is room");
    }
    let child = Builder::new().method(method).stdin(multiproc::Stdio::null());
    let child = child.spawn(make, method.to_string()).expect("it was started");
    assert_eq!(child.join().expect("it returned"), "x");
}

fn nested_start_methods(method: StartMethod) {
    fn start_another((queue, method): (Queue<u32>, String)) {
        let child = start(method.parse().expect("a method"), |queue| put(&queue, 2), queue.clone());
        child.join().expect("it returned");
        put(&queue, 1);
    }
    fn put(queue: &Queue<u32>, item: u32) {
        queue.put(item).expect("there is room");
    }
    for other in StartMethod::ALL {
        let queue = Queue::bounded(2).expect("there is memory");
        start(method, start_another, (queue.clone(), other.to_string())).join().expect("it returned");
        assert_eq!(queue.try_iter().collect::<Result<Vec<_>, _>>().expect("two numbers"), [2, 1]);
    }
}
