//! Shared memory when the system is short of something, or has something in its way.

mod support;

use ipc_shared::shared_memory::{CreateError, OpenError, OpenOrCreateError};
use ipc_shared::{ShareableList, SharedMemory};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::{self, File};
use std::time::{Duration, Instant};
use support::{TestName, fork_child, join, refuse_nameless_files, small_shm};

/// What is in `/dev/shm`.
fn names() -> Vec<std::ffi::OsString> {
    fs::read_dir("/dev/shm").expect("it is there").map(|entry| entry.expect("an entry").file_name()).collect()
}

/// The same in both ways to make an object.
fn in_both_ways(body: impl Fn()) {
    body();
    refuse_nameless_files();
    body();
}

#[test]
fn a_full_file_system_is_an_error_and_no_signal() {
    isolated(|| {
        let before = Snapshot::take();
        if !small_shm(1 << 20) {
            return;
        }
        in_both_ways(|| {
            for size in [(1 << 20) + 1, 4 << 20, 1 << 40] {
                let error = SharedMemory::create("full", size).unwrap_err();
                assert!(
                    matches!(&error, CreateError::NoSpace { size: s, source }
                    if *s == size && source.kind() == std::io::ErrorKind::StorageFull),
                    "{error:?}"
                );
                assert_eq!(names(), [""; 0]);
            }
            let three_quarters = SharedMemory::create("most", 3 << 18).expect("there is room");
            three_quarters.fill(0, 3 << 18, 1).expect("all of it is there");
            let error = SharedMemory::open_or_create("rest", 1 << 19).unwrap_err();
            assert!(matches!(error, OpenOrCreateError::Create(CreateError::NoSpace { .. })), "{error:?}");
            let items = vec![vec![1_u8; 1 << 17]; 4];
            ShareableList::create("rest", items).expect_err("there is no room for it, either");
            assert_eq!(names(), ["most"]);
            // A name that is taken is the answer, whether there is room or not.
            let error = SharedMemory::create("most", 1 << 19).unwrap_err();
            assert!(matches!(error, CreateError::AlreadyExists { .. }), "{error:?}");
            three_quarters.unlink().expect("it is there");
            drop(three_quarters);
            let all = SharedMemory::create("all", 1 << 20).expect("the room is free again");
            all.fill(0, 1 << 20, 1).expect("all of it is there");
            all.unlink().expect("it is there");
        });
        before.assert_no_growth();
    });
}

/// Python, and everybody who only calls `ftruncate`, reserves nothing.
#[test]
fn what_a_stranger_has_not_reserved_is_reserved_or_refused() {
    isolated(|| {
        if !small_shm(1 << 20) {
            return;
        }
        let sized = |name, size| {
            File::create_new(format!("/dev/shm/{name}"))
                .expect("the name is free")
                .set_len(size)
                .expect("a size");
        };
        sized("fits", 1 << 19);
        let memory = SharedMemory::open("fits").expect("there is room");
        sized("larger", 1 << 20);
        let error = SharedMemory::open("larger").unwrap_err();
        assert!(matches!(error, OpenError::NoSpace { .. }), "{error:?}");
        // Nothing can take the first one's pages any more.
        let rest = SharedMemory::create("rest", 1 << 19).expect("there is room");
        rest.fill(0, 1 << 19, 1).expect("all of it is there");
        memory.fill(0, 1 << 19, 1).expect("all of it is there");
    });
}

#[test]
fn a_file_size_limit_is_an_error_and_no_signal() {
    isolated(|| {
        let before = Snapshot::take();
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..limit }).expect("a lower limit");
        in_both_ways(|| {
            let name = TestName::new("limit");
            for size in [(1 << 20) + 1, 1 << 30] {
                for error in [SharedMemory::create(&name, size), SharedMemory::unnamed(size)] {
                    let error = error.unwrap_err();
                    assert!(matches!(error, CreateError::LimitExceeded { .. }), "{error:?}");
                }
                assert!(!name.path().exists());
            }
            SharedMemory::create(&name, 1 << 20).expect("as much as the limit");
            SharedMemory::open(&name).expect("as much as the limit");
        });
        setrlimit(Resource::Fsize, limit).expect("the old limit");
        let name = TestName::new("limit");
        SharedMemory::create(&name, 2 << 20).expect("it works again");
        drop(name);
        before.assert_no_growth();
    });
}

#[test]
fn a_full_table_of_handles_is_an_error() {
    isolated(|| {
        let before = Snapshot::take();
        let name = TestName::new("table");
        let there = SharedMemory::create(&name, 64).expect("memory is left");
        let limit = getrlimit(Resource::Nofile);
        in_both_ways(|| {
            setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).expect("a lower limit");
            let mut fillers = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                fillers.push(file);
            }
            let other = TestName::new("other");
            for error in [SharedMemory::create(&other, 64), SharedMemory::unnamed(64)] {
                let CreateError::System { source, .. } = error.unwrap_err() else { panic!("another error") };
                assert_eq!(source.raw_os_error(), Some(libc::EMFILE));
            }
            let OpenError::System { source, .. } = SharedMemory::open(&name).unwrap_err() else {
                panic!("another error")
            };
            assert_eq!(source.raw_os_error(), Some(libc::EMFILE));
            ipc_codec::encode(&there, &Default::default()).expect_err("a handle cannot be duplicated");
            // What needs no handle works.
            there.write(0, b"works").expect("inside");
            drop(fillers);
            setrlimit(Resource::Nofile, limit).expect("the old limit");
            assert!(!other.path().exists());
            SharedMemory::create(&other, 64).expect("it works again");
        });
        drop((there, name));
        before.assert_no_growth();
    });
}

#[test]
fn something_else_of_the_name_is_no_memory() {
    isolated(|| {
        let name = TestName::new("else");
        let path = name.path();
        let refused = || {
            let start = Instant::now();
            for error in [SharedMemory::open(&name), SharedMemory::open_read_only(&name)] {
                let error = error.unwrap_err();
                assert!(matches!(error, OpenError::NotMemory { .. }), "{error:?}");
            }
            let error = SharedMemory::create(&name, 1).unwrap_err();
            assert!(matches!(error, CreateError::AlreadyExists { .. }), "{error:?}");
            assert!(start.elapsed() < support::LONG);
        };
        let target = TestName::new("target");
        let kept = SharedMemory::create(&target, 10).expect("memory is left");
        std::os::unix::fs::symlink(target.path(), &path).expect("the name is free");
        refused();
        fs::remove_file(&path).expect("it is there");
        fs::create_dir(&path).expect("the name is free");
        refused();
        fs::remove_dir(&path).expect("it is there");
        // A pipe without a writer does not make us wait.
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .expect("the name is free");
        refused();
        fs::remove_file(&path).expect("it is there");
        let socket = std::os::unix::net::UnixListener::bind(&path).expect("the name is free");
        refused();
        drop((socket, kept));
    });
}

#[test]
fn an_object_without_bytes_is_waited_for_and_then_stale() {
    isolated(|| {
        let name = TestName::new("stale");
        let file = File::create_new(name.path()).expect("the name is free");
        let start = Instant::now();
        let error = SharedMemory::open(&name).unwrap_err();
        assert!(matches!(error, OpenError::Stale { name: n } if *n == *name));
        assert!(start.elapsed() >= Duration::from_millis(900));
        let error = SharedMemory::open_or_create(&name, 64).unwrap_err();
        assert!(matches!(error, OpenOrCreateError::Open(OpenError::Stale { .. })), "{error:?}");
        let error = SharedMemory::create(&name, 64).unwrap_err();
        assert!(matches!(error, CreateError::AlreadyExists { .. }), "{error:?}");
        // Nobody has removed it, since its maker could be alive. This one is, and gives it its size.
        let child = fork_child(|| {
            std::thread::sleep(Duration::from_millis(100));
            file.set_len(4097).expect("memory is left");
        });
        assert_eq!(SharedMemory::open(&name).expect("it was only late").size(), 4097);
        join(&child);
        SharedMemory::unlink_name(&name).expect("it is there");
        assert_eq!(SharedMemory::open_or_create(&name, 64).expect("the name is free").size(), 64);
    });
}

#[test]
fn without_files_without_names_it_works_the_same() {
    isolated(|| {
        let before = Snapshot::take();
        refuse_nameless_files();
        let name = TestName::new("in-place");
        let memory = SharedMemory::create(&name, 5001).expect("memory is left");
        assert_eq!(memory.read_vec(0, 5001).expect("all of it"), [0; 5001]);
        let stat = rustix::fs::fstat(&memory).expect("it is open");
        assert_eq!((stat.st_size, stat.st_mode & 0o7777), (5001, 0o600));
        assert!(stat.st_blocks * 512 >= 5001);
        let error = SharedMemory::create(&name, 5001).unwrap_err();
        assert!(matches!(error, CreateError::AlreadyExists { .. }), "{error:?}");
        memory.unlink().expect("it is there");
        let list = ShareableList::create(&name, ["one", "two"]).expect("memory is left");
        let there = ShareableList::open(&name).expect("it is there");
        assert_eq!(there.to_vec().expect("good"), list.to_vec().expect("good"));
        drop((memory, list, there, name));
        before.assert_no_growth();
    });
}
