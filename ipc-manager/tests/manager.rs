//! Managed objects from one process and from several.

use ipc_manager::{Dict, List, Manager};
use ipc_process::Process;
use ipc_testkit::isolated;

#[test]
fn a_dict_is_changed_by_a_child() {
    isolated(|| {
        let manager = Manager::start().expect("a server");
        let dict: Dict<String, u32> = manager.dict().expect("a dict");
        dict.set("here", &1).expect("set");
        let child = Process::spawn(
            |dict: Dict<String, u32>| {
                dict.set("there", &2).expect("set");
                dict.get("here").expect("get")
            },
            dict.clone(),
        )
        .expect("a child");
        assert_eq!(child.join().expect("a result"), Some(1));
        assert_eq!(dict.get("there").expect("get"), Some(2));
        manager.shutdown().expect("an end");
    });
}

#[test]
fn nested_objects_are_the_objects() {
    isolated(|| {
        let manager = Manager::start().expect("a server");
        let rows: List<List<u32>> = manager.list().expect("a list");
        {
            let row = manager.list_from([1, 2]).expect("a list");
            rows.push(&row).expect("push");
        }
        rows.get(0).expect("a row").push(&3).expect("push");
        assert_eq!(rows.get(0).expect("a row").to_vec().expect("items"), [1, 2, 3]);
    });
}
