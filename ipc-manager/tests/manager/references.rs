//! Who keeps an object alive, and for how long.

use crate::{manager, tests, until};
use ipc_codec::{Limits, Message, encode};
use ipc_manager::{CallError, List, Manager};
use ipc_process::{Builder, Process, StartMethod};

tests! {
    an_object_ends_with_its_last_proxy
    a_message_keeps_what_is_in_it
    a_message_that_is_lost_gives_back
    many_proxies_in_one_message
    a_proxy_of_a_server_that_is_gone
    a_result_that_does_not_decode_gives_back
    a_copy_of_a_proxy_is_of_no_use
    descriptors_do_not_grow
    a_proxy_of_another_type_is_refused
    what_is_given_back_to_a_stopped_server
}

fn n_objects(manager: &Manager) -> usize {
    manager.objects().expect("objects").len()
}

fn an_object_ends_with_its_last_proxy() {
    let manager = manager();
    let list = manager.list::<u8>().expect("a list");
    let other = list.clone();
    drop(list);
    assert_eq!(n_objects(&manager), 1);
    drop(other);
    until("nobody has it", || n_objects(&manager) == 0);
    // All that is in it ends with it.
    let rows: List<List<u8>> = manager.list().expect("a list");
    for _ in 0..10 {
        rows.push(&manager.list().expect("a list")).expect("push");
    }
    until("eleven", || n_objects(&manager) == 11);
    drop(rows);
    until("none", || n_objects(&manager) == 0);
}

fn a_message_keeps_what_is_in_it() {
    let manager = manager();
    let list = manager.list_from([1, 2]).expect("a list");
    // Who has the one object: processes, and `None` for a message.
    let holders = || {
        let objects = manager.objects().expect("objects");
        let holders = objects.into_iter().flat_map(|object| object.holders);
        holders.map(|holder| holder.pid).collect::<Vec<_>>()
    };
    let message = encode(&list, &Limits::default()).expect("a message");
    drop(list);
    until("only the message has it", || holders() == [None]);
    let list: List<i32> = message.decode(&Limits::default()).expect("a list");
    until("only the proxy has it", || holders() == [Some(std::process::id())]);
    assert_eq!(list.to_vec().expect("items"), [1, 2]);
}

fn a_message_that_is_lost_gives_back() {
    let manager = manager();
    let list = manager.list::<u8>().expect("a list");
    let messages: Vec<Message> =
        (0..20).map(|_| encode(&list, &Limits::default()).expect("a message")).collect();
    drop(list);
    assert_eq!(n_objects(&manager), 1);
    drop(messages);
    until("nobody has it", || n_objects(&manager) == 0);
    // In the hands of a process that is killed before it has decoded it.
    let list = manager.list::<u8>().expect("a list");
    let (tx, rx) = ipc_pipe::simplex::<List<u8>>().expect("a pipe");
    let child = Process::spawn(
        |_rx: ipc_pipe::Receiver<List<u8>>| -> () {
            loop {
                std::thread::park()
            }
        },
        rx,
    );
    let child = child.expect("a child");
    tx.send(list).expect("send");
    assert_eq!(n_objects(&manager), 1);
    child.kill().expect("a kill");
    child.wait().expect("its end");
    drop(tx);
    until("nobody has it", || n_objects(&manager) == 0);
}

fn many_proxies_in_one_message() {
    let manager = manager();
    let lists: Vec<List<u32>> = (0..200).map(|n| manager.list_from([n]).expect("a list")).collect();
    let message = encode(&lists, &Limits::default()).expect("a message");
    assert_eq!(message.handles().len(), 1);
    drop(lists);
    let lists: Vec<List<u32>> = message.decode(&Limits::default()).expect("lists");
    assert_eq!(lists[123].get(0).expect("an item"), 123);
    drop(lists);
    until("nobody has them", || n_objects(&manager) == 0);
}

fn a_proxy_of_a_server_that_is_gone() {
    let manager = manager();
    let list = manager.list::<u8>().expect("a list");
    let message = encode(&list, &Limits::default()).expect("a message");
    manager.shutdown().expect("an end");
    let late: List<u8> = message.decode(&Limits::default()).expect("a proxy");
    assert!(matches!(late.len(), Err(CallError::ServerGone)));
    assert!(matches!(list.len(), Err(CallError::ServerGone)));
    assert!(encode(&late, &Limits::default()).is_err());
}

/// The call has come to its end, so that the next one gets its own reply.
fn a_result_that_does_not_decode_gives_back() {
    thread_local! {
        static PANICS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    #[derive(Debug, serde::Serialize)]
    struct Picky(List<u8>);
    impl<'de> serde::Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            drop(List::<u8>::deserialize(deserializer)?);
            assert!(!PANICS.get(), "no luck");
            Err(serde::de::Error::custom("never"))
        }
    }

    let manager = manager();
    let list: List<Picky> = manager.list().expect("a list");
    let row = manager.list::<u8>().expect("a list");
    list.push(&Picky(row.clone())).expect("push");
    let numbers = manager.list_from([7]).expect("a list");
    for _ in 0..10 {
        assert!(matches!(list.get(0), Err(CallError::Decode(_))));
        assert_eq!(numbers.get(0).expect("its own reply"), 7);
    }
    PANICS.set(true);
    let get = std::panic::AssertUnwindSafe(|| list.get(0).map(drop));
    assert!(std::panic::catch_unwind(get).is_err());
    assert_eq!(numbers.get(0).expect("its own reply"), 7);
    drop(row);
    let references = || manager.objects().expect("objects").iter().map(|object| object.references).max();
    until("each is held once", || references() == Some(1));
}

fn a_copy_of_a_proxy_is_of_no_use() {
    let manager = manager();
    let list = manager.list_from([1]).expect("a list");
    let copy = list.clone();
    let child =
        Builder::new().fork(move |(): ()| matches!(copy.len(), Err(CallError::Forked)), ()).expect("a child");
    assert!(child.join().expect("a result"));
    // One that was passed is the child's own, though the parent's session was copied, too.
    let builder = Builder::new().method(StartMethod::Fork);
    let child = builder.spawn(|list: List<i32>| list.push(&2).is_ok(), list.clone()).expect("a child");
    assert!(child.join().expect("a result"));
    assert_eq!(list.to_vec().expect("items"), [1, 2]);
}

fn descriptors_do_not_grow() {
    let manager = manager();
    let count = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux has it").count();
    let work = || {
        let list = manager.list_from([1]).expect("a list");
        let message = encode(&list, &Limits::default()).expect("a message");
        drop(message.decode::<List<i32>>(&Limits::default()).expect("a list"));
    };
    work();
    until("nothing is left", || n_objects(&manager) == 0);
    let before = (count(std::process::id()), count(manager.pid()));
    (0..300).for_each(|_| work());
    until("nothing is left", || n_objects(&manager) == 0);
    // A line costs the server three more once it has slept.
    let is_back = || count(std::process::id()) <= before.0 + 3 && count(manager.pid()) <= before.1 + 6;
    until("not more than before", is_back);
}

fn a_proxy_of_another_type_is_refused() {
    let manager = manager();
    let list = manager.list::<u8>().expect("a list");
    let message = encode(&list, &Limits::default()).expect("a message");
    assert!(message.decode::<List<u64>>(&Limits::default()).is_err());
    let message = encode(&list, &Limits::default()).expect("a message");
    assert!(message.decode::<ipc_manager::Array<u8>>(&Limits::default()).is_err());
    drop(list);
    until("nobody has it", || n_objects(&manager) == 0);
}

/// There is no room to say so for all of them.
fn what_is_given_back_to_a_stopped_server() {
    let manager = manager();
    let lists: Vec<List<u32>> = (0..2000).map(|n| manager.list_from([n]).expect("a list")).collect();
    let signal = |name: &str| {
        let kill = std::process::Command::new("kill").args([name, &manager.pid().to_string()]).status();
        assert!(kill.expect("every system has it").success());
    };
    signal("-STOP");
    drop(lists);
    signal("-CONT");
    until("nobody has them", || n_objects(&manager) == 0);
}
