//! Uses one thing of each member through the umbrella, by its short name and by its module.

use ipc_testkit::isolated;
use multiproc::{
    Array, Builder, Handle, Item, Limits, Pool, Process, Queue, RawArray, RawValue, SendError, ShareableList,
    SharedMemory, StartMethod, Value, pipe, simplex,
};
use std::fs::File;
use std::io::Read;

#[test]
fn codec() {
    let limits = Limits::default();
    let null = Handle::new(File::open("/dev/null").expect("every system has it"));
    let message = multiproc::codec::encode(&("null", null), &limits).expect("it is small");
    let (name, mut file): (String, Handle<File>) = message.decode(&limits).expect("it was encoded");
    assert_eq!((name.as_str(), file.read(&mut [0]).expect("it can be read")), ("null", 0));
}

#[test]
fn queue() {
    isolated(|| {
        let queue: Queue<String> = multiproc::queue::Queue::bounded(2).expect("there is memory");
        let child =
            Process::spawn(|queue: Queue<String>| queue.put("from the child".into()).is_ok(), queue.clone());
        assert_eq!(queue.get().expect("the child puts one"), "from the child");
        assert!(child.expect("it was started").join().expect("it returned"));
    });
}

#[test]
fn queues_of_other_kinds() {
    let tasks: multiproc::queue::JoinableQueue<u8> =
        multiproc::JoinableQueue::bounded(1).expect("there is memory");
    tasks.put(1).expect("there is room");
    tasks.get().expect("there is one");
    tasks.task_done().expect("it was taken");
    assert_eq!(tasks.join().expect("all is done").lost, 0);
    let (sender, receiver) = multiproc::channel(1).expect("there is memory");
    sender.send('a').expect("there is room");
    assert_eq!(receiver.recv().expect("there is one"), 'a');
}

#[test]
fn shared() {
    let memory = SharedMemory::unnamed(8).expect("there is memory");
    memory.write(0, b"shared").expect("it is large enough");
    assert_eq!(memory.read_vec(0, 6).expect("it is large enough"), b"shared");
    let list: multiproc::shared::ShareableList =
        ShareableList::new([Item::from(1)]).expect("there is memory");
    assert_eq!(list.get(0).expect("there is one"), Item::Int(1));
    let value: multiproc::shared::Value<u8> = Value::new(1).expect("there is memory");
    let array: multiproc::shared::Array<u8> = Array::new(&[1]).expect("there is memory");
    assert_eq!(value.get().expect("it is in order"), array.get(0).expect("there is one"));
    let value: multiproc::shared::RawValue<u8> = RawValue::new(1).expect("there is memory");
    let array: multiproc::shared::RawArray<u8> = RawArray::new(&[1]).expect("there is memory");
    assert_eq!(Ok(value.load()), array.read(0));
}

#[test]
fn sync() {
    assert_eq!(*multiproc::sync::Mutex::new(1_u8).expect("there is memory").lock().expect("it is free"), 1);
    assert_eq!(
        multiproc::sync::ReentrantMutex::new(1_u8).expect("there is memory").lock().expect("free").get(),
        1
    );
    assert!(!multiproc::sync::Condvar::new().expect("there is memory").notify_one());
    assert!(!multiproc::sync::Event::new().expect("there is memory").is_set());
}

#[test]
fn locks_that_count() {
    let semaphore: multiproc::shared::sync::Semaphore =
        multiproc::sync::Semaphore::new(1).expect("there is memory");
    drop(semaphore.acquire().expect("one is free"));
    let bounded = multiproc::sync::BoundedSemaphore::new(1).expect("there is memory");
    assert!(bounded.add_permits(1).is_err());
    let lock = multiproc::sync::RwLock::new(17_u32).expect("there is memory");
    assert_eq!(*lock.read().expect("it is free"), 17);
    let barrier = multiproc::sync::Barrier::new(1).expect("there is memory");
    assert!(barrier.wait().expect("nobody else is needed").is_leader());
}

#[test]
fn pipes() {
    isolated(|| {
        let (here, there) = pipe::<u32, u32>().expect("there are sockets");
        let double = |there: multiproc::Pipe<u32, u32>| there.send(2 * there.recv().unwrap()).unwrap();
        let child = Process::spawn(double, there).expect("it was started");
        here.send(21).expect("the child receives");
        assert_eq!(here.recv().expect("the child answers"), 42);
        child.join().expect("it returned");

        let (tx, rx) = simplex::<u8>().expect("there are sockets");
        drop::<multiproc::pipe::Receiver<u8>>(rx);
        assert!(matches!(tx.send(1), Err(SendError::Closed(1))));
    });
}

#[test]
fn waiting() {
    let ((tx, rx), queue) =
        (simplex::<u8>().expect("a pipe"), Queue::<u8>::bounded(1).expect("there is memory"));
    let handle = multiproc::Readable(std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is left"));
    let objects: [&dyn multiproc::Waitable; 3] = [&handle, &rx, &queue];
    assert!(multiproc::try_wait(&objects).expect("it can be waited for").is_empty());
    tx.send(1).expect("the reader is there");
    assert_eq!(multiproc::wait(&objects).expect("it can be waited for"), [1]);
    let error: multiproc::WaitError = multiproc::pipe::wait(&[]).expect_err("there is nothing");
    assert_eq!(error.to_string(), "there is nothing to wait for, and no deadline");
}

#[test]
fn process() {
    isolated(|| {
        for &method in StartMethod::ALL {
            let process: multiproc::process::Process<String> = Builder::new()
                .name("member")
                .method(method)
                .spawn(|(): ()| multiproc::current().name().to_owned(), ())
                .expect("it was started");
            assert_eq!(process.join().expect("it returned"), "member");
        }
        assert!(multiproc::active_children().is_empty());
        multiproc::stop_forkserver();
        assert!(multiproc::parent().expect("nothing is opened").is_none());
        assert_eq!(multiproc::Context::default().method(), StartMethod::default());
    });
}

#[test]
fn pool() {
    isolated(|| {
        multiproc::init();
        // In a child: what tells the workers that their parent is gone stays open as long as the parent lives.
        let parent = Process::spawn(
            |(): ()| {
                let pool = Pool::new(2).expect("the workers were started");
                let squares = pool.map(|n: u32| n * n, 1..=4);
                pool.join();
                squares.into_iter().map(|square| square.expect("each returned")).collect()
            },
            (),
        );
        let squares: Vec<u32> = parent.expect("it was started").join().expect("it returned");
        assert_eq!(squares, [1, 4, 9, 16]);
    });
}

#[test]
fn listener() {
    isolated(|| {
        let key = multiproc::Key::random().expect("random bytes");
        let address: multiproc::Address = "tcp:127.0.0.1:0".parse().expect("an address");
        let mut listener = multiproc::Listener::<(), u8>::bind(&address, &key).expect("a port");
        let args = (listener.address().clone(), key);
        let child = Process::spawn(
            |(address, key)| {
                multiproc::connect::<u8, ()>(&address, &key).is_ok_and(|mut it| it.send(7).is_ok())
            },
            args,
        );
        let mut connection: multiproc::Connection<(), u8> = listener.accept().expect("the child connects");
        assert_eq!(connection.recv().expect("the child sends it"), 7);
        assert!(child.expect("it was started").join().expect("it returned"));
    });
}
