//! Lists, dicts and namespaces, and what is in them.

use crate::{isolated, manager, run, start};
use multiproc::manager::{CallError, Dict, Host, JoinableQueue, List, Queue};
use multiproc::{Process, StartMethod, pipe};
use serde::{Deserialize, Serialize};

by_every_method! {
    what_a_child_makes through_a_pipe
}

by_every_method! { alone: StartMethod::Spawn;
    lists list_iterators lists_in_lists dicts dict_iterators dicts_in_dicts queues_in_containers
    namespaces
}

fn lists(method: StartMethod) {
    let manager = manager(method);
    let (a, b) = (manager.list_from(0..10).expect("a list"), manager.list::<i32>().expect("a list"));
    let all = |list: &List<i32>| list.to_vec().expect("items");
    assert_eq!((all(&a), all(&b)), ((0..10).collect(), Vec::new()));
    b.extend(0..5).expect("extend");
    assert_eq!((b.get(2).expect("an item"), b.slice(2..10).expect("items")), (2, vec![2, 3, 4]));
    b.repeat(2).expect("repeat");
    assert_eq!(all(&b), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    let lists = manager.list_from([a.clone(), b.clone()]).expect("a list");
    let both: Vec<_> = lists.iter().map(|list| all(&list.expect("a list"))).collect();
    assert_eq!(both, [all(&a), all(&b)]);
    a.push(&10).expect("push");
    assert_eq!(all(&lists.get(0).expect("a list")), (0..11).collect::<Vec<_>>());
}

fn list_iterators(method: StartMethod) {
    let manager = manager(method);
    let list = manager.list_from(0..10).expect("a list");
    let mut items = list.iter();
    assert!(items.by_ref().map(|item| item.expect("an item")).eq(0..10));
    assert!(items.next().is_none(), "it is exhausted");
    let mut items = list.iter();
    list.set(0, &100).expect("set");
    assert_eq!(items.next().expect("an item").expect("an item"), 100);
}

fn lists_in_lists(method: StartMethod) {
    let manager = manager(method);
    let row = || manager.list_from(0..3).expect("a list");
    let rows = manager.list_from([row(), row(), row()]).expect("a list");
    let get = |index| rows.get(index).expect("a row");
    get(0).set(2, &55).expect("set");
    assert_eq!(get(0).to_vec().expect("items"), [0, 1, 55]);
    assert_eq!(get(1).to_vec().expect("items"), [0, 1, 2]);
    assert_eq!(get(1).pop().expect("an item"), Some(2));
    let lengths: Vec<usize> = (0..3).map(|index| get(index).len().expect("a call")).collect();
    assert_eq!(lengths, [3, 2, 3]);

    #[derive(Serialize, Deserialize)]
    struct Inner(List<Inner>);
    let circle = manager.list().expect("a list");
    circle.push(&Inner(circle.clone())).expect("push");
    assert!(circle.get(0).expect("itself").0.is_same(&circle));
}

fn dicts(method: StartMethod) {
    let manager = manager(method);
    let dict = manager.dict().expect("a dict");
    let entries: Vec<(u32, char)> = (65..70).zip('A'..).collect();
    entries.iter().for_each(|(key, value)| dict.set(key, value).expect("set"));
    assert_eq!(dict.to_map().expect("entries"), entries.iter().copied().collect());
    assert_eq!(dict.keys().expect("keys"), [65, 66, 67, 68, 69]);
    assert_eq!(dict.values().expect("values"), ['A', 'B', 'C', 'D', 'E']);
    assert_eq!(dict.to_vec().expect("entries"), entries);
    // As `|=` of 3.14.
    dict.extend([(69, 'e'), (70, 'f')]).expect("extend");
    assert_eq!((dict.get(&69).expect("get"), dict.len().expect("a call")), (Some('e'), 6));
}

fn dict_iterators(method: StartMethod) {
    let manager = manager(method);
    let dict = manager.dict_from((65..70).zip('A'..)).expect("a dict");
    let mut entries = dict.iter();
    assert!(entries.by_ref().map(|entry| entry.expect("an entry").0).eq(65..70));
    assert!(entries.next().is_none(), "it is exhausted");
    let mut entries = dict.iter();
    dict.clear().expect("clear");
    assert!(entries.next().is_none());
}

fn dicts_in_dicts(method: StartMethod) {
    let manager = manager(method);
    let of = |entries: [(&str, u32); 2]| {
        manager.dict_from(entries.map(|(key, value)| (key.to_string(), value))).expect("a dict")
    };
    let (pets, supplies) = (of([("ferrets", 2), ("hamsters", 4)]), of([("water", 10), ("feed", 3)]));
    let dict = manager.dict::<String, Dict<String, u32>>().expect("a dict");
    dict.set("pets", &pets).expect("set");
    dict.set("supplies", &supplies).expect("set");
    let inner = |key: &str| dict.get(key).expect("get").expect("a dict");
    let count = |of: &Dict<String, u32>, key: &str| of.get(key).expect("get");
    inner("supplies").set("blankets", &5).expect("set");
    supplies.set("water", &7).expect("set");
    assert_eq!((count(&supplies, "blankets"), count(&inner("supplies"), "water")), (Some(5), Some(7)));
    drop((pets, supplies));
    assert_eq!(count(&inner("pets"), "ferrets"), Some(2));
    let (pets, supplies) = (inner("pets"), inner("supplies"));
    dict.clear().expect("clear");
    assert_eq!((count(&supplies, "water"), count(&pets, "hamsters")), (Some(7), Some(4)));
    let list = manager.list_from([pets.clone(), supplies]).expect("a list");
    list.get(0).expect("a dict").set("marmots", &1).expect("set");
    assert_eq!(count(&pets, "marmots"), Some(1));
    drop(pets);
    assert_eq!(count(&list.get(0).expect("a dict"), "marmots"), Some(1));
    let outer = manager.list_from([list.clone()]).expect("a list");
    drop(list);
    assert_eq!(count(&outer.get(0).expect("a list").get(1).expect("a dict"), "feed"), Some(3));
}

fn queues_in_containers(method: StartMethod) {
    let manager = manager(method);
    let list: List<Queue<u32>> = manager.list().expect("a list");
    list.push(&manager.queue(0).expect("a queue")).expect("push");
    list.get(0).expect("a queue").put(&123).expect("put");
    assert_eq!(list.get(0).expect("a queue").get().expect("get"), 123);
    let dict: Dict<u8, JoinableQueue<u32>> = manager.dict().expect("a dict");
    dict.set(&0, &manager.joinable_queue(0).expect("a queue")).expect("set");
    let queue = || dict.get(&0).expect("get").expect("a queue");
    queue().put(&456).expect("put");
    assert_eq!(queue().get().expect("get"), 456);
}

fn namespaces(method: StartMethod) {
    let manager = manager(method);
    let namespace = manager.namespace().expect("a namespace");
    let set = |name: &str, value: &str| namespace.set(name, &value.to_string()).expect("set");
    set("name", "Bob");
    set("job", "Builder");
    set("_hidden", "hidden");
    assert_eq!(namespace.get::<String>("job").expect("get"), "Builder");
    namespace.remove("job").expect("it is there");
    assert!(namespace.contains("name").expect("a call") && !namespace.contains("job").expect("a call"));
    assert_eq!(namespace.names().expect("names"), ["name", "_hidden"]);
    assert!(matches!(namespace.get::<String>("job"), Err(CallError::NotFound)));
}

/// It comes back as the child's result, and is there when the child is not.
fn what_a_child_makes(method: StartMethod) {
    let manager = manager(method);
    let make = |host: Host| {
        let rows = host.list().expect("a list");
        rows.push(&host.list_from([1, 2]).expect("a list")).expect("push");
        rows
    };
    let rows: List<List<u8>> = run(method, make, manager.host().clone());
    assert_eq!(rows.get(0).expect("a row").to_vec().expect("items"), [1, 2]);
}

/// To a process that was there before them, and on from there.
fn through_a_pipe(method: StartMethod) {
    let manager = manager(method);
    let (here, there) = pipe::<Dict<String, List<u8>>, bool>().expect("a pipe");
    let work = |pipe: multiproc::Pipe<bool, Dict<String, List<u8>>>| {
        let dict = pipe.recv().expect("the parent sends one");
        let list = dict.get("list").expect("get").expect("it is there");
        let grandchild =
            Process::spawn(|list: List<u8>| list.push(&3).is_ok(), list).expect("it was started");
        pipe.send(grandchild.join().expect("it returned")).expect("the parent receives");
    };
    let child = start(method, work, there);
    let dict = manager.dict().expect("a dict");
    dict.set("list", &manager.list_from([1, 2]).expect("a list")).expect("set");
    here.send(dict.clone()).expect("the child receives");
    assert!(here.recv().expect("the child sends"));
    let list = dict.get("list").expect("get").expect("it is there");
    assert_eq!(list.to_vec().expect("items"), [1, 2, 3]);
    child.join().expect("it returned");
}
