//! Shared memory: nobody changes its size, strangers are refused, a lack of anything is an error.

mod support;

use ipc_sys::handle::OwnedHandle;
use ipc_sys::memory::{FrozenBytes, SharedMapping};
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
    let outside: [&(dyn Fn() + std::panic::RefUnwindSafe); 8] = [
        &|| memory.write(4096, b"x"),
        &|| memory.write(4097, b""),
        &|| memory.read(4000, &mut [0; 97]),
        &|| memory.read(usize::MAX, &mut [0; 2]),
        &|| _ = memory.atomic_u64(4089).load(SeqCst),
        &|| _ = memory.atomic_u64(4096).load(SeqCst),
        &|| _ = memory.atomic_u64(4).load(SeqCst),
        &|| _ = memory.atomic_u32(2).load(SeqCst),
    ];
    for (idx, access) in outside.iter().enumerate() {
        assert!(catch_unwind(access).is_err(), "case {idx}");
    }
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
