//! Managers: with types of their own, far away, one after the other.

use crate::{LONG, isolated, manager, run, start};
use multiproc::manager::{CallError, List, Methods, Object, Queue, Registered};
use multiproc::{Address, Key, Manager, StartMethod};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::OnceLock;

by_every_method! {
    own_types a_remote_manager a_rapid_restart one_manager_after_the_other initializers
}

/// Two methods that all can call, and one that is there under another name only.
#[derive(Clone)]
struct Foo;

impl Registered for Foo {
    type Args = ();

    fn create((): ()) -> Foo {
        Foo
    }

    fn methods(methods: &mut Methods<Foo>) {
        methods.read("f", |_, (): ()| "f()".to_string());
        methods.read("g", |_, (): ()| -> String { panic!("g() has no luck") });
        methods.read("squares", |_, n: u64| (0..n).map(|n| n * n).collect::<Vec<_>>());
    }
}

fn own_types(method: StartMethod) {
    let manager = Manager::builder().method(method).register::<Foo>().start().expect("a manager");
    let object = manager.object::<Foo>(()).expect("an object");
    let child = |object: Object<Foo>| {
        assert_eq!(object.call::<_, String>("f", ()).expect("f"), "f()");
        let error = object.call::<_, String>("g", ()).unwrap_err();
        assert!(
            matches!(&error, CallError::Panicked { message, .. } if message.contains("no luck")),
            "{error}"
        );
        assert!(matches!(object.call::<_, ()>("_h", ()), Err(CallError::NoSuchMethod { .. })));
        object.call::<_, Vec<u64>>("squares", 10_u64).expect("squares")
    };
    assert!(run(method, child, object.clone()).into_iter().eq((0..10).map(|n| n * n)));
    manager.shutdown().expect("an end");
    assert!(matches!(object.call::<_, String>("f", ()), Err(CallError::ServerGone)));
}

/// What goes to a remote manager in one queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Thing {
    Text(String),
    Nothing,
    Bool(bool),
    Number(f64),
    Bytes(Vec<u8>),
    #[serde(serialize_with = "never")]
    Unspeakable,
}

fn never<S: Serializer>(_: S) -> Result<S::Ok, S::Error> {
    Err(S::Error::custom("it cannot be said"))
}

fn things() -> Vec<Thing> {
    vec![
        Thing::Text("hello world".into()),
        Thing::Nothing,
        Thing::Bool(true),
        Thing::Number(2.25),
        Thing::Text("hall\u{e5} v\u{e4}rlden".into()),
        Thing::Text("\u{43f}\u{440}\u{438}\u{432}\u{456}\u{442}".into()),
        Thing::Bytes(b"hall\xe5 v\xe4rlden".to_vec()),
    ]
}

fn find_queue((address, key): &(Address, Key)) -> Queue<Vec<Thing>> {
    Manager::connect(address, key).and_then(|remote| Ok(remote.find("queue")?)).expect("a queue")
}

fn a_remote_manager(method: StartMethod) {
    let (manager, key) = (manager(method), Key::random().expect("a key"));
    let queue: Queue<Vec<Thing>> = manager.queue(0).expect("a queue");
    // Before the gate, whose thread forbids a fork.
    let ways: Queue<(Address, Key)> = manager.queue(0).expect("a queue");
    let child = |ways: Queue<(Address, Key)>| {
        let queue = find_queue(&ways.get().expect("a way"));
        queue.put(&things()).expect("put");
    };
    let child = start(method, child, ways.clone());
    let gate = manager.serve(&"tcp:127.0.0.1:0".parse().expect("an address"), &key).expect("a gate");
    gate.publish("queue", &queue).expect("a name");
    let way = (gate.address().clone(), key);
    ways.put(&way).expect("put");
    let far = find_queue(&way);
    assert_eq!(far.get_timeout(LONG).expect("an item"), things());
    assert!(matches!(far.put(&vec![Thing::Unspeakable]), Err(CallError::Encode(_))));
    assert!(far.is_empty().expect("the same line goes on"));
    child.join().expect("it returned");
}

fn a_rapid_restart(method: StartMethod) {
    let key = Key::random().expect("a key");
    let mut address: Address = "tcp:127.0.0.1:0".parse().expect("an address");
    for _ in 0..2 {
        let manager = manager(method);
        let (queue, ways) =
            (manager.queue::<Vec<Thing>>(0).expect("a queue"), manager.queue(0).expect("a queue"));
        let child = |ways: Queue<(Address, Key)>| {
            find_queue(&ways.get().expect("a way")).put(&vec![Thing::Nothing]).expect("put");
        };
        let child = start(method, child, ways.clone());
        let gate = manager.serve(&address, &key).expect("the address is free");
        gate.publish("queue", &queue).expect("a name");
        address = gate.address().clone();
        ways.put(&(address.clone(), key.clone())).expect("put");
        assert_eq!(queue.get_timeout(LONG).expect("an item"), [Thing::Nothing]);
        child.join().expect("it returned");
    }
}

fn one_manager_after_the_other(method: StartMethod) {
    let first = manager(method);
    let list = first.list_from([1]).expect("a list");
    first.shutdown().expect("an end");
    let second = manager(method);
    let other = second.list_from([2]).expect("a list");
    assert!(matches!(list.get(0), Err(CallError::ServerGone)));
    assert_eq!(run(method, |other: List<u8>| other.get(0).expect("an item"), other), 2);
}

fn initializers(method: StartMethod) {
    static SEED: OnceLock<u32> = OnceLock::new();
    let set = |seed: u32| SEED.set(seed).expect("nobody was before it");
    let manager = Manager::builder().method(method).initializer(set, 7).start().expect("a manager");
    let value = manager.value(0).expect("a value");
    value.update(|value: &mut u32, (): ()| *value = *SEED.get().expect("it was set"), ()).expect("update");
    assert_eq!(value.get().expect("get"), 7);
}
