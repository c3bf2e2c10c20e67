//! Shared memory: nobody changes its size, strangers are refused, a lack of anything is an error.

mod support;

use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::{FrozenBytes, SharedMapping, object_id};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::io::Errno;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::panic::catch_unwind;
use std::sync::atomic::Ordering::SeqCst;
use support::{FullTable, fork_child, is_close_on_exec, join, pipe};

fn refusal(handle: impl Into<OwnedHandle>) -> ErrorKind {
    SharedMapping::from_handle(handle.into()).expect_err("this is no shared memory").kind()
}

#[test]
fn new_memory_is_zero_and_of_exactly_its_size() {
    for size in [1, 4095, 4096, 4097, 1 << 20] {
        let memory = SharedMapping::create(size).expect("memory is left");
        let mut bytes = vec![1; size];
        memory.read(0, &mut bytes);
        assert!(bytes.iter().all(|&byte| byte == 0));
        assert_eq!(memory.size(), size);
        let other = SharedMapping::from_handle(memory.duplicate_handle().expect("handles are left"));
        assert_eq!(other.expect("the same memory").size(), size);
        assert!(is_close_on_exec(memory.handle()));
    }
    assert_eq!(SharedMapping::create(0).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// The kernel itself would take page after page until it ends processes to find more.
#[test]
fn more_than_the_machine_has_is_refused_at_once() {
    for size in [1 << 50, isize::MAX as usize, usize::MAX] {
        assert_eq!(SharedMapping::create(size).unwrap_err().kind(), ErrorKind::OutOfMemory, "{size}");
    }
}

#[test]
fn a_peer_cannot_change_the_size() {
    isolated(|| {
        let memory = SharedMapping::create(8192).expect("memory is left");
        let child = fork_child(|| {
            for size in [0, 1, 4096, 8191, 8193, 1 << 30] {
                assert_eq!(ftruncate(memory.handle(), size), Err(Errno::PERM), "{size}");
            }
            let grow = fallocate(memory.handle(), FallocateFlags::empty(), 8192, 1);
            assert_eq!(grow, Err(Errno::PERM));
            assert_eq!(fcntl_add_seals(memory.handle(), SealFlags::WRITE), Err(Errno::PERM));
            memory.atomic_u64(8184).store(7, SeqCst);
        });
        join(&child);
        assert_eq!(memory.atomic_u64(8184).load(SeqCst), 7);
    });
}

/// A hole that a peer punches reads as zeros. It is the one thing that the seals allow.
#[test]
fn a_hole_is_no_fault() {
    let memory = SharedMapping::create(8192).expect("memory is left");
    memory.write(0, &[1; 8192]);
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(memory.handle(), flags, 0, 4096).expect("the seals allow it");
    let mut bytes = [9; 8192];
    memory.read(0, &mut bytes);
    assert!(bytes[..4096].iter().all(|&byte| byte == 0) && bytes[4096..].iter().all(|&byte| byte == 1));
    memory.write(0, &[2; 4096]);
}

#[test]
fn strangers_are_refused() {
    let unsealed = memfd_create("stranger", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("left");
    ftruncate(&unsealed, 4096).expect("a small size");
    assert_eq!(refusal(unsealed.try_clone().expect("left")), ErrorKind::InvalidData);
    // Each seal alone is too little.
    for seal in [SealFlags::SHRINK, SealFlags::GROW] {
        fcntl_add_seals(&unsealed, seal).expect("not sealed yet");
        assert_eq!(refusal(unsealed.try_clone().expect("left")), ErrorKind::InvalidData);
    }
    fcntl_add_seals(&unsealed, SealFlags::SEAL).expect("not sealed yet");
    assert!(SharedMapping::from_handle(unsealed).is_ok());

    let empty = memfd_create("empty", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("left");
    fcntl_add_seals(&empty, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).expect("not sealed yet");
    assert_eq!(refusal(empty), ErrorKind::InvalidData);

    let folder = ipc_testkit::temp_dir();
    let mut file = std::fs::File::create_new(folder.path().join("file")).expect("the folder is ours");
    file.write_all(&[0; 4096]).expect("a small file");
    assert_eq!(refusal(file), ErrorKind::InvalidData);
    assert_eq!(refusal(std::fs::File::open("/dev/zero").expect("Linux has it")), ErrorKind::InvalidData);
    assert_eq!(refusal(pipe().0), ErrorKind::InvalidData);
}

#[test]
fn a_file_size_limit_is_an_error_and_no_signal() {
    isolated(|| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = Snapshot::take();
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..limit }).expect("a lower limit");
        for size in [(1 << 20) + 1, 1 << 30] {
            let error = SharedMapping::create(size).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
        }
        let error = FrozenBytes::freeze(&[&[1; 1 << 20], b"x"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
        let error = SharedMapping::create_sparse((1 << 20) + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
        SharedMapping::create(1 << 20).expect("as much as the limit");
        FrozenBytes::freeze(&[&[1; 1 << 20]]).expect("as much as the limit");
        setrlimit(Resource::Fsize, limit).expect("the old limit");
        before.assert_no_growth();
        SharedMapping::create(2 << 20).expect("it works again");
    });
}

#[test]
fn a_full_table_of_handles_is_an_error() {
    isolated(|| {
        let memory = SharedMapping::create(4096).expect("memory is left");
        let full = FullTable::with_room_for(0);
        let is_full = |error: std::io::Error| error.raw_os_error() == Some(libc::EMFILE);
        assert!(is_full(SharedMapping::create(4096).unwrap_err()));
        assert!(is_full(memory.duplicate_handle().unwrap_err()));
        assert!(is_full(SharedMapping::create_sparse(4096).unwrap_err()));
        assert!(is_full(FrozenBytes::freeze(&[b"x"]).unwrap_err()));
        drop(full);
        SharedMapping::create(4096).expect("it works again");
        memory.atomic_u32(0).store(1, SeqCst);
    });
}

#[test]
fn nothing_outside_the_memory_is_reached() {
    let memory = SharedMapping::create(4096).expect("memory is left");
    memory.write(4096, b"");
    memory.atomic_u64(4088).store(1, SeqCst);
    let outside: [&(dyn Fn() + std::panic::RefUnwindSafe); 12] = [
        &|| memory.write(4096, b"x"),
        &|| memory.write(4097, b""),
        &|| memory.read(4000, &mut [0; 97]),
        &|| memory.read(usize::MAX, &mut [0; 2]),
        &|| _ = memory.atomic_u64(4089).load(SeqCst),
        &|| _ = memory.atomic_u64(4096).load(SeqCst),
        &|| _ = memory.atomic_u64(4).load(SeqCst),
        &|| _ = memory.atomic_u32(2).load(SeqCst),
        &|| memory.reserve(4096, 1).expect("not reached"),
        &|| memory.reserve(0, 4097).expect("not reached"),
        &|| memory.reserve(4097, 0).expect("not reached"),
        &|| memory.reserve(2, usize::MAX).expect("not reached"),
    ];
    for (idx, access) in outside.iter().enumerate() {
        assert!(catch_unwind(access).is_err(), "case {idx}");
    }
}

/// How many bytes of the memory the system has set aside.
fn reserved(memory: &SharedMapping) -> u64 {
    rustix::fs::fstat(memory.handle()).expect("it is open").st_blocks as u64 * 512
}

#[test]
fn sparse_memory_is_reserved_where_it_was_said() {
    let memory = SharedMapping::create_sparse(1 << 36).expect("more than this machine has");
    assert_eq!((memory.size(), reserved(&memory)), (1 << 36, 0));
    memory.reserve(0, 0).expect("nothing");
    memory.reserve(1 << 36, 0).expect("nothing, at the end");
    assert_eq!(reserved(&memory), 0);
    memory.reserve(8192, 4096).expect("memory is left");
    assert_eq!(reserved(&memory), 4096);
    memory.write(8192, b"stays");
    // Half a page on either side of it: three pages in all.
    memory.reserve(6000, 8000).expect("memory is left");
    assert_eq!(reserved(&memory), 3 * 4096);
    memory.reserve((1 << 36) - 1, 1).expect("memory is left");
    assert_eq!(reserved(&memory), 4 * 4096);
    let mut bytes = [1; 7];
    memory.read(8191, &mut bytes);
    assert_eq!(&bytes, b"\0stays\0");
}

#[test]
fn sparse_memory_is_shared_memory() {
    isolated(|| {
        let memory = SharedMapping::create_sparse(1 << 30).expect("address space is left");
        let child = fork_child(|| {
            assert_eq!(ftruncate(memory.handle(), 0), Err(Errno::PERM));
            assert_eq!(ftruncate(memory.handle(), 1 << 31), Err(Errno::PERM));
            let seals = rustix::fs::fcntl_get_seals(memory.handle()).expect("it has them");
            assert_eq!(seals & !SealFlags::EXEC, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL);
            let handle = memory.duplicate_handle().expect("handles are left");
            let memory = SharedMapping::from_handle(handle).expect("the same memory");
            memory.reserve(1 << 20, 8).expect("memory is left");
            memory.atomic_u64(1 << 20).store(7, SeqCst);
        });
        join(&child);
        assert_eq!((memory.atomic_u64(1 << 20).load(SeqCst), reserved(&memory)), (7, 4096));
        assert!(is_close_on_exec(memory.handle()));
    });
}

/// The sizes that cannot be: of the whole, as an error; of a reservation, too, before the system tries.
#[test]
fn more_than_there_is_cannot_be_reserved() {
    assert_eq!(SharedMapping::create_sparse(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    for size in [1 << 60, isize::MAX as usize, isize::MAX as usize + 1, usize::MAX] {
        assert_eq!(SharedMapping::create_sparse(size).unwrap_err().kind(), ErrorKind::OutOfMemory, "{size}");
    }
    let memory = SharedMapping::create_sparse(1 << 45).expect("address space is left");
    assert_eq!(memory.reserve(0, 1 << 45).unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_eq!(reserved(&memory), 0);
}

/// The limit is on growing a file, and this one has its size from the start.
#[test]
fn a_file_size_limit_is_no_matter_of_reserving() {
    isolated(|| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let memory = SharedMapping::create_sparse(1 << 24).expect("address space is left");
        let limit = getrlimit(Resource::Fsize);
        setrlimit(Resource::Fsize, Rlimit { current: Some(4096), ..limit }).expect("a lower limit");
        memory.reserve(1 << 20, 1 << 20).expect("memory is left");
        assert_eq!(reserved(&memory), 1 << 20);
        memory.write(1 << 20, &[1; 1 << 20]);
        setrlimit(Resource::Fsize, limit).expect("the old limit");
    });
}

#[test]
fn an_object_is_known_by_all_its_handles() {
    isolated(|| {
        let (one, other) = (
            SharedMapping::create(64).expect("memory is left"),
            SharedMapping::create_sparse(64).expect("memory is left"),
        );
        assert_ne!(one.id(), other.id());
        let copy = one.duplicate_handle().expect("handles are left");
        assert_eq!(object_id(copy.as_fd()).expect("it is open"), one.id());
        assert_eq!(SharedMapping::from_handle(copy).expect("the same memory").id(), one.id());
        let anew = ipc_sys::claim::Claimant::new(one.handle()).expect("handles are left").into_handle();
        assert_eq!(object_id(anew.as_fd()).expect("it is open"), one.id());
        let id = one.id();
        join(&fork_child(|| assert_eq!(object_id(one.handle()).expect("it is open"), id)));
        let many: Vec<_> = (0..40).map(|_| SharedMapping::create(1).expect("left")).collect();
        let ids: std::collections::HashSet<_> = many.iter().map(SharedMapping::id).collect();
        assert_eq!(ids.len(), many.len());
    });
}

#[test]
fn frozen_bytes_stay_as_they_are() {
    let handle = FrozenBytes::freeze(&[b"one ", b"", b"two"]).expect("memory is left");
    assert!(is_close_on_exec(handle.as_fd()));
    let bytes = FrozenBytes::from_handle(handle.try_clone().expect("left")).expect("frozen");
    assert_eq!(&*bytes, b"one two");
    let mut file = std::fs::File::from(handle.try_clone().expect("left"));
    assert_eq!(file.write(b"x").unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(ftruncate(&handle, 0), Err(Errno::PERM));
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    assert_eq!(fallocate(&handle, flags, 0, 4096), Err(Errno::PERM));
    assert_eq!(refusal(handle), ErrorKind::InvalidData, "it cannot be mapped for writing");
    assert_eq!(&*bytes, b"one two");
}

#[test]
fn what_can_be_written_is_not_frozen() {
    let memory = SharedMapping::create(4096).expect("memory is left");
    let error = FrozenBytes::from_handle(memory.duplicate_handle().expect("left")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(FrozenBytes::freeze(&[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(FrozenBytes::freeze(&[b"", b""]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn more_parts_than_one_call_writes() {
    let parts: Vec<Vec<u8>> = (0..3000_u32).map(|idx| idx.to_le_bytes().to_vec()).collect();
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let bytes = FrozenBytes::from_handle(FrozenBytes::freeze(&slices).expect("left")).expect("frozen");
    assert_eq!(&*bytes, parts.concat());
}

#[test]
fn create_and_drop_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        for size in 1..500 {
            let memory = SharedMapping::create(size).expect("memory is left");
            SharedMapping::from_handle(memory.duplicate_handle().expect("left")).expect("the same");
            FrozenBytes::from_handle(FrozenBytes::freeze(&[&vec![1; size]]).expect("left")).expect("frozen");
        }
        before.assert_no_growth();
    });
}
