//! Functions that run in the server, and types that live there.

use crate::{long_or, manager, tests};
use ipc_manager::{Barrier, CallError, Dict, Event, List, Manager, Methods, Registered, Value};
use ipc_process::Process;

tests! {
    no_update_is_lost
    two_calls_are_a_race
    a_panic_changes_nothing
    a_slow_function_holds_up_its_object_only
    functions_use_and_keep_proxies
    a_transaction_is_seen_whole
    an_object_twice_in_a_transaction
    an_array_keeps_its_length
    registered_types
    what_a_function_cannot_return
    a_pool_for_many
}

/// Eight processes, which change one key 100,000 times each if `IPC_MANAGER_LONG` is set.
fn no_update_is_lost() {
    let manager = manager();
    let n_updates = long_or(40, 100_000);
    let (value, dict) =
        (manager.value(0_u32).expect("a value"), manager.dict::<String, u32>().expect("a dict"));
    let count = |(value, dict, n_updates): (Value<u32>, Dict<String, u32>, u32)| {
        for _ in 0..n_updates {
            dict.update("n", |n: &mut Option<u32>, (): ()| *n = Some(n.unwrap_or(0) + 1), ())
                .expect("update");
            dict.fetch_add("m", 1).expect("add");
            value.update(|n: &mut u32, by: u32| *n += by, 1).expect("update");
            value.fetch_add(1).expect("add");
        }
    };
    let args = (value.clone(), dict.clone(), n_updates);
    let children: Vec<_> = (0..8).map(|_| Process::spawn(count, args.clone()).expect("a child")).collect();
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(value.get().expect("get"), 16 * n_updates);
    let (n, m) = (dict.get("n").expect("get"), dict.get("m").expect("get"));
    assert_eq!((n, m), (Some(8 * n_updates), Some(8 * n_updates)));
}

/// Python's `d["n"] += 1` is two calls, and whatever others do in between gets lost. So it is here with two calls.
fn two_calls_are_a_race() {
    let manager = manager();
    let (dict, both) =
        (manager.dict::<String, u32>().expect("a dict"), manager.barrier(2).expect("a barrier"));
    dict.set("n", &0).expect("set");
    let count = |(dict, both): (Dict<String, u32>, Barrier)| {
        let n = dict.get("n").expect("get").expect("a number");
        both.wait().expect("the other one");
        dict.set("n", &(n + 1)).expect("set");
    };
    let children = [(); 2].map(|()| Process::spawn(count, (dict.clone(), both.clone())).expect("a child"));
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(dict.get("n").expect("get"), Some(1), "one of the two got lost");
    // What sees that it was too late can begin again.
    let count = |dict: Dict<String, u32>| {
        for _ in 0..50 {
            let add_one = || {
                let n = dict.get("n").expect("get").expect("a number");
                dict.compare_exchange("n", Some(&n), Some(&(n + 1))).expect("an answer")
            };
            while !add_one() {}
        }
    };
    let children = [(); 2].map(|()| Process::spawn(count, dict.clone()).expect("a child"));
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(dict.get("n").expect("get"), Some(101));
}

fn a_panic_changes_nothing() {
    let manager = manager();
    let list = manager.list_from([1, 2]).expect("a list");
    let dict = manager.dict_from([(1, 1)]).expect("a dict");
    let check = |error: CallError| match error {
        CallError::Panicked { message, backtrace } => {
            assert!(message.contains("no luck") && message.contains("functions.rs"), "{message}");
            assert!(!backtrace.is_empty());
        }
        other => panic!("{other:?}"),
    };
    let update = list.update(
        0,
        |item: &mut i32, (): ()| -> () {
            *item = 9;
            panic!("no luck")
        },
        (),
    );
    check(update.unwrap_err());
    let modify = list.modify(
        |items: &mut Vec<i32>, (): ()| -> () {
            items.clear();
            panic!("no luck")
        },
        (),
    );
    check(modify.unwrap_err());
    let update = dict.update(
        &1,
        |item: &mut Option<i32>, (): ()| -> () {
            *item = None;
            panic!("no luck")
        },
        (),
    );
    check(update.unwrap_err());
    let both = manager.transaction(
        (&list, &dict),
        |(list, dict), (): ()| -> () {
            list.clear();
            dict.clear();
            panic!("no luck")
        },
        (),
    );
    check(both.unwrap_err());
    assert_eq!((list.to_vec().expect("items"), dict.to_vec().expect("entries")), (vec![1, 2], vec![(1, 1)]));
}

/// The function waits for an event of the same manager, which the server has to answer meanwhile.
fn a_slow_function_holds_up_its_object_only() {
    let manager = manager();
    let (list, other) = (manager.list_from([1]).expect("a list"), manager.list_from([2]).expect("a list"));
    let (begun, go) = (manager.event().expect("an event"), manager.event().expect("an event"));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let wait = |item: &mut i32, (begun, go): (Event, Event)| {
                begun.set().expect("set");
                go.wait().expect("wait");
                *item += 10;
            };
            list.update(0, wait, (begun.clone(), go.clone())).expect("update");
        });
        begun.wait().expect("wait");
        let waiting = scope.spawn(|| list.fetch_add(0, 100).expect("add"));
        assert_eq!(other.get(0).expect("get"), 2);
        assert_eq!(manager.objects().expect("objects")[0].size, None);
        go.set().expect("set");
        slow.join().expect("a thread");
        assert_eq!(waiting.join().expect("a thread"), 11);
    });
    assert_eq!(list.get(0).expect("get"), 111);
}

fn functions_use_and_keep_proxies() {
    let manager = manager();
    let rows: List<List<u32>> = manager.list().expect("a list");
    let row = manager.list_from([1]).expect("a list");
    let add = |rows: &mut Vec<List<u32>>, row: List<u32>| {
        row.push(&2).expect("push");
        rows.push(row.clone());
        row
    };
    let same = rows.modify(add, row.clone()).expect("modify");
    assert!(same.is_same(&row));
    drop((same, row));
    let references = || {
        let objects = manager.objects().expect("objects");
        objects.iter().find(|object| object.index == 1).map(|object| object.references)
    };
    crate::until("the list alone has the row", || references() == Some(1));
    assert_eq!(rows.get(0).expect("a row").to_vec().expect("items"), [1, 2]);
    rows.clear().expect("clear");
    crate::until("nobody has the row", || references().is_none());
}

fn a_transaction_is_seen_whole() {
    let manager = manager();
    let (left, right) = (manager.value(1000_i64).expect("a value"), manager.value(0_i64).expect("a value"));
    let host = manager.host().clone();
    let move_some = |(host, left, right): (ipc_manager::Host, Value<i64>, Value<i64>)| {
        for amount in 1..=40 {
            host.transaction(
                (&left, &right),
                |(left, right), amount: i64| {
                    left[0] -= amount;
                    right[0] += amount;
                },
                amount,
            )
            .expect("a transaction");
        }
    };
    let args = || (host.clone(), left.clone(), right.clone());
    let children = [(); 2].map(|()| Process::spawn(move_some, args()).expect("a child"));
    for _ in 0..40 {
        // In the other order, which must not end in each waiting for the other.
        let sum = manager.transaction((&right, &left), |(right, left), (): ()| right[0] + left[0], ());
        assert_eq!(sum.expect("a transaction"), 1000);
    }
    children.into_iter().for_each(|child| child.join().expect("a child that ends"));
    assert_eq!(right.get().expect("get"), 2 * 820);
}

fn an_object_twice_in_a_transaction() {
    let manager = manager();
    let value = manager.value(1).expect("a value");
    let twice = manager.transaction(
        (&value, &value),
        |(one, other): &mut (Vec<i32>, Vec<i32>), (): ()| {
            one[0] += other[0];
        },
        (),
    );
    assert!(matches!(twice, Err(CallError::Refused { .. })));
    assert_eq!(value.get().expect("get"), 1);
}

fn an_array_keeps_its_length() {
    let manager = manager();
    let array = manager.array([1, 2]).expect("an array");
    let shorter = array.modify(|items: &mut Vec<i32>, (): ()| items.clear(), ());
    assert!(matches!(shorter, Err(CallError::Refused { .. })));
    assert_eq!(array.to_vec().expect("items"), [1, 2]);
    array.sort().expect("sort");
    array.reverse().expect("reverse");
    assert_eq!(array.to_vec().expect("items"), [2, 1]);
}

#[derive(Clone)]
struct Words(Vec<String>);

impl Registered for Words {
    type Args = Vec<String>;

    fn create(words: Vec<String>) -> Self {
        assert!(!words.is_empty(), "no words");
        Words(words)
    }

    fn methods(methods: &mut Methods<Self>) {
        methods.read("longest", |words, (): ()| words.0.iter().map(String::len).max());
        methods.write("add", |words, word: String| words.0.push(word));
        methods.write("fail", |words, (): ()| -> () {
            words.0.clear();
            panic!("no luck")
        });
    }
}

fn registered_types() {
    let manager = Manager::builder().register::<Words>().without_functions().start().expect("a manager");
    let words = manager.object::<Words>(vec!["to".into()]).expect("an object");
    let child = Process::spawn(
        |words: ipc_manager::Object<Words>| words.call::<_, ()>("add", "question").expect("add"),
        words.clone(),
    );
    child.expect("a child").join().expect("a child that ends");
    assert_eq!(words.call::<_, Option<usize>>("longest", ()).expect("longest"), Some(8));
    assert!(matches!(words.call::<_, ()>("fail", ()), Err(CallError::Panicked { .. })));
    assert_eq!(words.call::<_, Option<usize>>("longest", ()).expect("longest"), Some(8));
    assert!(matches!(words.call::<_, ()>("add", ()), Err(CallError::Refused { .. })));
    assert!(matches!(words.call::<_, ()>("remove", ()), Err(CallError::NoSuchMethod { .. })));
    assert!(matches!(words.call::<_, (u64, u64, u64)>("longest", ()), Err(CallError::Decode(_))));
    assert!(matches!(manager.object::<Words>(Vec::new()), Err(CallError::Panicked { .. })));
    let unknown = crate::manager().object::<Words>(vec!["to".into()]);
    assert!(matches!(unknown, Err(CallError::NoSuchMethod { .. })));
}

fn what_a_function_cannot_return() {
    let manager = manager();
    let value = manager.value(1_u32).expect("a value");
    let file = |_: &mut u32, (): ()| {
        ipc_codec::handle::Handle::new(std::fs::File::open("/dev/null").expect("every system has it"))
    };
    assert!(matches!(value.update(file, ()), Err(CallError::Refused { .. })));
    assert_eq!(value.get().expect("get"), 1);
    let files: List<ipc_codec::handle::Handle<std::fs::File>> = manager.list().expect("a list");
    let file = ipc_codec::handle::Handle::new(std::fs::File::open("/dev/null").expect("every system has it"));
    assert!(matches!(files.push(&file), Err(CallError::ForeignHandle)));
    let other = crate::manager();
    let rows: List<List<u8>> = manager.list().expect("a list");
    let stranger: List<u8> = other.list().expect("a list");
    assert!(matches!(rows.push(&stranger), Err(CallError::ForeignHandle)));
    assert!(rows.is_empty().expect("a call"));
}

fn a_pool_for_many() {
    let manager = manager();
    let pool = manager.pool(2).expect("a pool");
    let list = manager.list::<u64>().expect("a list");
    let child = Process::spawn(
        |(pool, list): (ipc_manager::Pool, List<u64>)| {
            pool.apply(|(list, n): (List<u64>, u64)| list.push(&n).expect("push"), (list, 5))
                .expect("a task");
        },
        (pool.clone(), list.clone()),
    );
    child.expect("a child").join().expect("a child that ends");
    assert_eq!(list.to_vec().expect("items"), [5]);
    let results = pool.map(|n: u64| if n == 2 { panic!("no luck") } else { n }, 1..=3).expect("results");
    assert!(matches!(&results[..], [Ok(1), Err(CallError::Panicked { .. }), Ok(3)]), "{results:?}");
    let died = pool.apply(|(): ()| -> () { std::process::abort() }, ());
    assert!(matches!(died, Err(CallError::Refused { .. })), "{died:?}");
    assert_eq!(pool.apply(|n: u64| n + 1, 1).expect("a task"), 2);
    pool.close().expect("close");
    assert!(matches!(pool.apply(|n: u64| n + 1, 1), Err(CallError::Broken)));
}
