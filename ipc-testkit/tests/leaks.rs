//! Snapshots within one test: what they see, and that loops without a leak show none.

use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, proc};
use std::fs::File;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_loop_that_closes_what_it_opens_does_not_grow() {
    isolated(|| {
        let before = Snapshot::take();
        for _ in 0..200 {
            drop(File::open("/dev/null").expect("the device is there"));
            std::thread::spawn(|| {}).join().expect("the thread does nothing");
        }
        before.assert_no_growth();
    });
}

#[test]
fn each_kind_is_seen_by_its_name() {
    isolated(|| {
        let before = Snapshot::take();
        let file = File::open("/dev/zero").expect("the device is there");
        let mut child = Command::new("sleep").arg("1000").spawn().expect("the program is there");
        let diff = before.growth(Duration::ZERO);
        assert_eq!(diff.descriptors.len(), 1);
        assert!(diff.descriptors[0].ends_with(" -> /dev/zero"));
        assert_eq!(diff.children.len(), 1);
        assert!(diff.threads.is_empty() && diff.mappings.is_empty() && diff.names.is_empty());
        child.kill().expect("the child is ours");
        child.wait().expect("the child is ours");
        drop(file);
        assert!(before.growth(Duration::from_secs(1)).is_empty());
    });
}

#[test]
fn a_zombie_is_a_child() {
    isolated(|| {
        let mut child = Command::new("true").spawn().expect("the program is there");
        let pid = child.id() as i32;
        while proc::stat(pid).expect("a zombie is still a process").state != 'Z' {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(proc::children(), [pid]);
        child.wait().expect("the child is ours");
        assert_eq!(proc::children(), []);
    });
}

#[test]
fn a_file_that_is_deleted_meanwhile_is_no_new_descriptor() {
    isolated(|| {
        let folder = ipc_testkit::temp_dir();
        let path = folder.path().join("file");
        let file = File::create(&path).expect("the folder is there");
        let before = Snapshot::take();
        std::fs::remove_file(&path).expect("the file is there");
        assert!(before.growth(Duration::ZERO).is_empty());
        drop(file);
    });
}

#[test]
fn memory_is_reported() {
    isolated(|| {
        let before = Snapshot::take().rss_kib();
        let bytes = std::hint::black_box(vec![1_u8; 32 << 20]);
        assert!(Snapshot::take().rss_kib() >= before + (30 << 10));
        drop(bytes);
    });
}
