//! Shared memory with a name and without: sizes, names, accesses.
//!
//! # Safety
//!
//! Slices are taken of memory that nobody else has.

mod support;

use ipc_codec::{Limits, encode};
use ipc_shared::SharedMemory;
use ipc_shared::shared_memory::{
    AccessError, CreateError, NameError, OpenError, OpenOrCreateError, UnlinkError,
};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering::SeqCst;
use support::{TestName, fork_child, join};

#[test]
fn memory_is_zero_and_of_exactly_its_size() {
    for size in [1, 7, 4095, 4096, 4097, 1 << 20] {
        let name = TestName::new("size");
        for memory in [
            SharedMemory::unnamed(size).expect("memory is left"),
            SharedMemory::create(&name, size).expect("memory is left"),
            SharedMemory::open(&name).expect("it is there"),
            SharedMemory::open_read_only(&name).expect("it is there"),
        ] {
            assert_eq!(memory.size(), size);
            assert!(memory.read_vec(0, size).expect("all of it").iter().all(|&byte| byte == 0));
            let flags = rustix::io::fcntl_getfd(&memory).expect("it is open");
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
            // All pages are there, so that no access can fail for lack of one.
            let stat = rustix::fs::fstat(&memory).expect("it is open");
            assert!(stat.st_blocks as u64 * 512 >= size as u64, "{} blocks for {size} bytes", stat.st_blocks);
        }
    }
    for size in [0, usize::MAX, isize::MAX as usize + 1] {
        assert!(matches!(SharedMemory::unnamed(size), Err(CreateError::Size { size: s }) if s == size));
        let error = SharedMemory::create("multiproc-never", size).unwrap_err();
        assert!(matches!(error, CreateError::Size { size: s } if s == size));
    }
    let error = SharedMemory::create("multiproc-never", isize::MAX as usize).unwrap_err();
    assert!(matches!(error, CreateError::NoSpace { .. } | CreateError::LimitExceeded { .. }), "{error:?}");
    assert!(matches!(SharedMemory::open("multiproc-never"), Err(OpenError::NotFound { .. })));
}

#[test]
fn a_name_is_there_until_it_is_unlinked() {
    isolated(|| {
        let name = TestName::new("life");
        assert!(matches!(SharedMemory::open(&name), Err(OpenError::NotFound { name: n }) if *n == *name));
        let memory = SharedMemory::create(&name, 100).expect("memory is left");
        assert_eq!(memory.name(), Some(&*name));
        let error = SharedMemory::create(&name, 100).unwrap_err();
        assert!(matches!(error, CreateError::AlreadyExists { name: n } if *n == *name));
        memory.write(0, b"stays").expect("it fits");
        // Neither a drop nor the end of a process removes a name, be it that of a maker or of another.
        memory.close();
        join(&fork_child(|| {
            let memory = SharedMemory::open(&name).expect("it is there");
            assert_eq!(memory.read_vec(0, 5).expect("it is that long"), b"stays");
        }));
        let memory = SharedMemory::open(&name).expect("it is there");
        memory.unlink().expect("it is there");
        assert!(matches!(memory.unlink(), Err(UnlinkError::NotFound { .. })));
        assert!(matches!(SharedMemory::unlink_name(&name), Err(UnlinkError::NotFound { .. })));
        assert!(matches!(SharedMemory::open(&name), Err(OpenError::NotFound { .. })));
        // The bytes live on for those who have them, and the name is free for other bytes.
        assert_eq!(memory.read_vec(0, 5).expect("it is that long"), b"stays");
        let other = SharedMemory::create(&name, 7).expect("the name is free");
        assert_eq!(other.read_vec(0, 5).expect("it is that long"), [0; 5]);
        // The old one does not remove the name of the new one.
        assert!(matches!(memory.unlink(), Err(UnlinkError::NotFound { .. })));
        SharedMemory::unlink_name(&name).expect("it is there");
        assert!(matches!(SharedMemory::unnamed(1).expect("left").unlink(), Err(UnlinkError::Unnamed)));
    });
}

#[test]
fn what_is_no_name_is_refused_everywhere() {
    let long = "x".repeat(256);
    for (name, expected) in [
        ("", NameError::Empty),
        (".", NameError::Folder),
        ("..", NameError::Folder),
        ("/a", NameError::Slash),
        ("a/b", NameError::Slash),
        ("a\0b", NameError::Zero),
        (&*long, NameError::TooLong { size: 256 }),
    ] {
        assert!(matches!(SharedMemory::create(name, 1), Err(CreateError::Name(e)) if e == expected));
        assert!(matches!(SharedMemory::open(name), Err(OpenError::Name(e)) if e == expected));
        assert!(matches!(SharedMemory::open_read_only(name), Err(OpenError::Name(e)) if e == expected));
        assert!(matches!(SharedMemory::unlink_name(name), Err(UnlinkError::Name(e)) if e == expected));
        let error = SharedMemory::open_or_create(name, 1).unwrap_err();
        assert!(matches!(error, OpenOrCreateError::Open(OpenError::Name(e)) if e == expected));
    }
    let longest = TestName::new("longest");
    let longest = format!("{}{}", &*longest, "x".repeat(255 - longest.len()));
    SharedMemory::create(&longest, 1).expect("255 bytes are a name").unlink().expect("it is there");
}

#[test]
fn open_or_create_does_either() {
    isolated(|| {
        let name = TestName::new("either");
        let children: Vec<_> = (0..8)
            .map(|_| {
                fork_child(|| {
                    let memory = SharedMemory::open_or_create(&name, 64).expect("one makes it, all have it");
                    memory.atomic_u64(8).expect("inside").fetch_add(1, SeqCst);
                })
            })
            .collect();
        children.iter().for_each(join);
        let memory = SharedMemory::open_or_create(&name, 64).expect("it is there");
        assert_eq!(memory.load_u64(8), Ok(8));
        let error = SharedMemory::open_or_create(&name, 65).unwrap_err();
        assert!(matches!(error, OpenOrCreateError::SizeDiffers { wanted: 65, found: 64, .. }), "{error:?}");
        let error = SharedMemory::open_or_create(&name, 0).unwrap_err();
        assert!(matches!(error, OpenOrCreateError::Create(CreateError::Size { size: 0 })), "{error:?}");
    });
}

#[test]
fn only_the_user_can_open_it() {
    isolated(|| {
        for umask in [0, 0o777] {
            let name = TestName::new("mode");
            let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            let memory = SharedMemory::create(&name, 1);
            rustix::process::umask(before);
            memory.expect("memory is left");
            let mode = std::fs::metadata(name.path()).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
    });
}

#[test]
fn nothing_outside_the_memory_is_reached() {
    let name = TestName::new("bounds");
    let size = 5003;
    for memory in [SharedMemory::unnamed(size), SharedMemory::create(&name, size)] {
        let memory = memory.expect("memory is left");
        let outside = |offset, len| Err(AccessError::OutOfBounds { offset, len, size });
        assert_eq!(memory.write(size, b""), Ok(()));
        assert_eq!(memory.write(size, b"x"), outside(size, 1));
        assert_eq!(memory.write(size + 1, b""), outside(size + 1, 0));
        assert_eq!(memory.read(size - 2, &mut [0; 3]), outside(size - 2, 3));
        assert_eq!(memory.read(usize::MAX, &mut [0; 2]), outside(usize::MAX, 2));
        assert_eq!(memory.read_vec(0, usize::MAX).map(drop), outside(0, usize::MAX));
        assert_eq!(memory.fill(1, size, 7), outside(1, size));
        assert_eq!(memory.atomic_u32(5000).map(drop), outside(5000, 4));
        assert_eq!(memory.atomic_u64(5000).map(drop), outside(5000, 8));
        assert_eq!(memory.load_u32(5000).map(drop), outside(5000, 4));
        assert_eq!(memory.load_u64(usize::MAX - 7).map(drop), outside(usize::MAX - 7, 8));
        let misaligned = |offset, align| Err(AccessError::Misaligned { offset, align });
        assert_eq!(memory.atomic_u32(2).map(drop), misaligned(2, 4));
        assert_eq!(memory.atomic_u64(4).map(drop), misaligned(4, 8));
        assert_eq!(memory.load_u64(4991).map(drop), misaligned(4991, 8));
        // None of these has changed a byte.
        assert!(memory.read_vec(0, size).expect("all of it").iter().all(|&byte| byte == 0));
        memory.fill(1, size - 2, 7).expect("inside");
        let bytes = memory.read_vec(0, size).expect("all of it");
        assert!(bytes[0] == 0 && bytes[size - 1] == 0 && bytes[1..size - 1].iter().all(|&byte| byte == 7));
        memory.atomic_u32(4996).expect("the last word").store(9, SeqCst);
        assert_eq!(memory.load_u32(4996), Ok(9));
    }
}

#[test]
#[allow(unsafe_code)]
fn slices_are_for_those_who_answer_for_them() {
    let mut memory = SharedMemory::unnamed(10).expect("memory is left");
    // SAFETY: nobody else has the memory.
    unsafe { memory.as_mut_slice() }.expect("it can be written").copy_from_slice(b"0123456789");
    // SAFETY: as above.
    assert_eq!(unsafe { memory.as_slice() }, b"0123456789");
}

#[test]
#[allow(unsafe_code)]
fn what_is_opened_for_reading_is_only_read() {
    let name = TestName::new("reading");
    let memory = SharedMemory::create(&name, 64).expect("memory is left");
    memory.atomic_u64(8).expect("inside").store(7, SeqCst);
    let mut reader = SharedMemory::open_read_only(&name).expect("it is there");
    assert!(memory.is_writable() && !reader.is_writable());
    assert_eq!((reader.load_u64(8), reader.load_u32(8)), (Ok(7), Ok(7)));
    assert_eq!(reader.write(0, b"x"), Err(AccessError::ReadOnly));
    assert_eq!(reader.fill(0, 1, 1), Err(AccessError::ReadOnly));
    assert_eq!(reader.atomic_u32(0).map(drop), Err(AccessError::ReadOnly));
    assert_eq!(reader.atomic_u64(0).map(drop), Err(AccessError::ReadOnly));
    // SAFETY: there is no slice.
    assert_eq!(unsafe { reader.as_mut_slice() }.map(drop), Err(AccessError::ReadOnly));
    // Whom it is sent to can do no more.
    let limits = Limits::default();
    let sent: SharedMemory = encode(&reader, &limits).expect("a handle").decode(&limits).expect("the same");
    assert_eq!((sent.is_writable(), sent.load_u64(8)), (false, Ok(7)));
    reader.unlink().expect("a name is removed, not written");
}

#[test]
fn create_and_drop_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        for size in 1..300 {
            let name = TestName::new("loop");
            let memory = SharedMemory::create(&name, size).expect("memory is left");
            SharedMemory::open(&name).expect("it is there").close();
            SharedMemory::unnamed(size).expect("memory is left").close();
            SharedMemory::create(&name, size).expect_err("it is there");
            memory.unlink().expect("it is there");
        }
        before.assert_no_growth();
    });
}
