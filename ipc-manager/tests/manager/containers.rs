//! Lists, dicts, sets and queues, beyond what their examples show.

use crate::{manager, tests};
use ipc_manager::{CallError, Dict, List, Namespace, Queue};
use std::collections::HashMap;

tests! {
    slices_have_the_ends_that_are_there
    a_list_in_itself
    items_come_in_pages
    entries_come_once_while_others_come_and_go
    large_values_and_many
    more_than_a_message_comes_in_pages
    keys_are_equal_by_their_encoding
    objects_in_all_containers
    a_namespace_knows_its_types
    a_set_changed_by_a_function_keeps_its_order
    an_iterator_ends_after_an_error
}

fn slices_have_the_ends_that_are_there() {
    let manager = manager();
    let list = manager.list_from(0..10).expect("a list");
    assert_eq!(list.slice(8..20).expect("items"), [8, 9]);
    assert_eq!(list.slice(20..30).expect("items"), [] as [i32; 0]);
    list.set_slice(0..8, [7]).expect("fewer");
    list.set_slice(3..3, [10, 11]).expect("more");
    assert_eq!(list.to_vec().expect("items"), [7, 8, 9, 10, 11]);
    list.repeat(0).expect("none");
    assert!(list.is_empty().expect("a call"));
    assert!(matches!(list.repeat(usize::MAX >> 1), Ok(())), "nothing is nothing, however often");
    list.push(&1).expect("push");
    assert!(matches!(list.repeat(usize::MAX >> 1), Err(CallError::Limit { .. })));
    assert!(matches!(list.remove_item(&2), Err(CallError::NotFound)));
    assert_eq!(list.to_vec().expect("items"), [1]);
}

/// As Python's `a.append(a)`.
fn a_list_in_itself() {
    #[derive(serde::Serialize, serde::Deserialize)]
    enum Node {
        Leaf(u32),
        Inner(List<Node>),
    }

    let manager = manager();
    let list: List<Node> = manager.list_from([Node::Leaf(7)]).expect("a list");
    list.push(&Node::Inner(list.clone())).expect("push");
    let Node::Inner(inner) = list.get(1).expect("an item") else { panic!("another item") };
    assert!(inner.is_same(&list));
    assert!(matches!(inner.get(0).expect("an item"), Node::Leaf(7)));
    list.clear().expect("clear");
}

fn items_come_in_pages() {
    let manager = manager();
    let items: Vec<u64> = (0..20_000).collect();
    let list = manager.list_from(items.clone()).expect("a list");
    let dict = manager.dict_from(items.iter().map(|&item| (item, item))).expect("a dict");
    let calls = || manager.clients().expect("clients")[0].calls;
    let before = calls();
    assert_eq!(list.iter().collect::<Result<Vec<_>, _>>().expect("items"), items);
    assert_eq!(dict.iter().map(|entry| entry.expect("an entry").0).collect::<Vec<_>>(), items);
    assert!(calls() - before < 100, "{}", calls() - before);
}

fn entries_come_once_while_others_come_and_go() {
    let manager = manager();
    let dict: Dict<u32, u32> = manager.dict_from((0..5000).map(|key| (key, key))).expect("a dict");
    let mut seen = Vec::new();
    for (n, entry) in dict.iter().enumerate() {
        let (key, _) = entry.expect("an entry");
        seen.push(key);
        if n == 10 {
            // Of those to come, and those that were.
            for key in (1..5000).step_by(2) {
                dict.remove(&key).expect("remove");
            }
        }
    }
    let mut even: Vec<u32> = seen.iter().copied().filter(|key| key % 2 == 0).collect();
    assert_eq!(even.len(), 2500);
    even.dedup();
    assert_eq!(even.len(), 2500);
}

fn large_values_and_many() {
    let manager = manager();
    let dict: Dict<String, String> = manager.dict().expect("a dict");
    let large = "0123456789".repeat(300_000);
    dict.set("large", &large).expect("set");
    assert_eq!(dict.get("large").expect("get").as_deref(), Some(large.as_str()));
    let list = manager.list_from((0..100_000_u64).map(|n| n * n)).expect("a list");
    list.extend([1, 2, 3]).expect("extend");
    let items = list.to_vec().expect("items");
    assert_eq!((items.len(), items[99_999], items[100_002]), (100_003, 99_999 * 99_999, 3));
}

fn more_than_a_message_comes_in_pages() {
    let manager = manager();
    let (list, large) = (manager.list::<String>().expect("a list"), "0123456789".repeat(300_000));
    (0..23).for_each(|_| list.push(&large).expect("push"));
    let refused = list.to_vec();
    assert!(matches!(refused, Err(CallError::Limit { .. })), "{:?}", refused.map(|items| items.len()));
    assert_eq!(list.iter().map(|item| item.expect("an item").len()).sum::<usize>(), 23 * 3_000_000);
}

fn keys_are_equal_by_their_encoding() {
    let manager = manager();
    let dict: Dict<(u32, Option<String>), u8> = manager.dict().expect("a dict");
    dict.set(&(1, None), &1).expect("set");
    dict.set(&(1, Some("x".into())), &2).expect("set");
    assert_eq!(dict.get(&(1, None)).expect("get"), Some(1));
    assert_eq!(dict.get(&(1, Some("x".into()))).expect("get"), Some(2));
    assert_eq!(dict.get(&(2, None)).expect("get"), None);
    assert_eq!(dict.to_map().expect("entries"), HashMap::from([((1, None), 1), ((1, Some("x".into())), 2)]));
}

fn objects_in_all_containers() {
    let manager = manager();
    let queue: Queue<List<u8>> = manager.queue(0).expect("a queue");
    let dict: Dict<String, Queue<List<u8>>> = manager.dict().expect("a dict");
    dict.set("queue", &queue).expect("set");
    drop(queue);
    let queue = dict.get("queue").expect("get").expect("a queue");
    queue.put(&manager.list_from([1]).expect("a list")).expect("put");
    drop(dict);
    assert_eq!(queue.get().expect("get").to_vec().expect("items"), [1]);
}

fn a_namespace_knows_its_types() {
    let manager = manager();
    let namespace: Namespace = manager.namespace().expect("a namespace");
    namespace.set("list", &manager.list_from([1]).expect("a list")).expect("set");
    assert_eq!(namespace.get::<List<i32>>("list").expect("a list").to_vec().expect("items"), [1]);
    assert!(matches!(namespace.get::<u64>("list"), Err(CallError::WrongType { .. })));
    namespace.set("list", &5_u64).expect("another type");
    assert_eq!(namespace.get::<u64>("list").expect("a number"), 5);
}

fn a_set_changed_by_a_function_keeps_its_order() {
    let manager = manager();
    let set = manager.set_from(["c", "a", "b"].map(String::from)).expect("a set");
    set.modify(|items, what: String| items.remove(&what), "a".into()).expect("modify");
    assert_eq!(set.to_vec().expect("items"), ["c", "b"]);
}

fn an_iterator_ends_after_an_error() {
    let manager = manager();
    let list = manager.list_from(0..10_000_u64).expect("a list");
    let mut iter = list.iter();
    assert_eq!(iter.next().map(Result::ok), Some(Some(0)));
    manager.shutdown().expect("an end");
    let rest: Vec<_> = iter.collect();
    assert!(matches!(rest.last(), Some(Err(CallError::ServerGone))));
}
