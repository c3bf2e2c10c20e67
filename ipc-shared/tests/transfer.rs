//! Shared memory in messages: what arrives is the same memory, or an error; nothing leaks.

mod support;

use ipc_codec::{Limits, decode, encode};
use ipc_shared::SharedMemory;
use ipc_shared::shared_memory::UnlinkError;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::os::fd::AsFd;
use support::{TestName, fork_child, join};

#[test]
fn memory_travels() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let name = TestName::new("travels");
        for memory in [SharedMemory::unnamed(5001), SharedMemory::create(&name, 5001)] {
            let memory = memory.expect("memory is left");
            let message = encode(&memory, &limits).expect("memory can be encoded");
            assert_eq!(message.handles().len(), 1);
            let there: SharedMemory = message.decode(&limits).expect("it is what the message says");
            there.write(4996, b"there").expect("it fits");
            assert_eq!(memory.read_vec(4996, 5).expect("inside"), b"there");
            assert_eq!((there.name(), there.size()), (memory.name(), 5001));
            assert_eq!(there.is_sealed(), memory.name().is_none());
            // Also when the name is gone.
            if memory.name().is_some() {
                there.unlink().expect("the name came along");
                let message = encode(&memory, &limits).expect("memory can be encoded");
                let late: SharedMemory = message.decode(&limits).expect("the handle is enough");
                assert_eq!(late.read_vec(4996, 5).expect("inside"), b"there");
            }
            let error = serde_json::to_string(&memory).unwrap_err();
            assert!(error.to_string().contains("outside a message"), "{error}");
        }
        before.assert_no_growth();
    });
}

/// From one process to another, through a socket.
#[test]
fn memory_travels_between_processes() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let name = TestName::new("socket");
        for memory in [SharedMemory::unnamed(5001), SharedMemory::create(&name, 5001)] {
            let memory = memory.expect("memory is left");
            let (ours, theirs) = MessageSocket::pair().expect("handles are left");
            let child = fork_child(|| {
                let mut buffer = [0; 1000];
                let received = theirs.recv(&mut buffer, Deadline::NEVER).expect("a message comes");
                let bytes = &buffer[..received.size];
                let memory: SharedMemory = decode(bytes, received.handles, &limits).expect("it is memory");
                memory.write(4996, b"there").expect("it fits");
            });
            let message = encode(&memory, &limits).expect("memory can be encoded");
            let handles: Vec<_> = message.handles().iter().map(|handle| handle.as_fd()).collect();
            ours.send(&[message.bytes()], &handles, Deadline::NEVER).expect("the child is there");
            join(&child);
            assert_eq!(memory.read_vec(4996, 5).expect("inside"), b"there");
        }
        drop(name);
        before.assert_no_growth();
    });
}

/// A peer that has memory without a name can write to it, and nothing worse.
#[test]
fn nobody_shrinks_memory_without_a_name() {
    isolated(|| {
        let memory = SharedMemory::unnamed(8192).expect("memory is left");
        memory.fill(0, 8192, 7).expect("inside");
        join(&fork_child(|| {
            for size in [0, 1, 4096, 8191, 8193] {
                assert_eq!(rustix::fs::ftruncate(&memory, size), Err(rustix::io::Errno::PERM));
            }
            let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&memory, flags, 0, 4096).expect("the seals allow it");
        }));
        let bytes = memory.read_vec(0, 8192).expect("no fault");
        assert!(bytes[..4096].iter().all(|&byte| byte == 0) && bytes[4096..].iter().all(|&byte| byte == 7));
    });
}

/// What a sender could say, and what its handle could be instead.
#[test]
fn what_is_no_memory_is_refused() {
    isolated(|| {
        let before = Snapshot::take();
        let limits = Limits::default();
        let name = TestName::new("refused");
        let named = || SharedMemory::create(&name, 4096).expect("memory is left");
        let unnamed = || SharedMemory::unnamed(4096).expect("memory is left");
        let handle = |memory: SharedMemory| {
            let _ = memory.unlink();
            memory.as_fd().try_clone_to_owned().expect("handles are left")
        };
        let folder = ipc_testkit::temp_dir();
        let file = || {
            let file = std::fs::File::create(folder.path().join("file")).expect("the folder is ours");
            file.set_len(4096).expect("a small file");
            OwnedHandle::from(file)
        };
        let null = || OwnedHandle::from(std::fs::File::open("/dev/null").expect("Linux has it"));
        let directory = || OwnedHandle::from(std::fs::File::open("/dev/shm").expect("Linux has it"));
        // The form of the message: an option of a name, the size as a varint, the index of the handle.
        let says = |name: Option<&str>, size: u64| {
            let mut bytes = encode(&(name, size), &limits).expect("plain data").bytes().to_vec();
            bytes.push(0);
            bytes
        };
        let refused = |bytes: Vec<u8>, handle: OwnedHandle| {
            let result = decode::<SharedMemory>(&bytes, vec![handle], &limits);
            let error = result.map(|memory| memory.size()).expect_err("this is not what it should be");
            println!("{error}");
        };
        // The wrong size, on either side.
        for size in [0, 1, 4095, 4097, u64::MAX] {
            refused(says(None, size), handle(unnamed()));
            refused(says(Some("x"), size), handle(named()));
        }
        // The wrong kind.
        refused(says(None, 4096), handle(named()));
        for other in [&file as &dyn Fn() -> OwnedHandle, &null, &directory] {
            refused(says(None, 4096), other());
            refused(says(Some("x"), 4096), other());
        }
        // The wrong name.
        refused(says(Some("a/b"), 4096), handle(named()));
        refused(says(Some(""), 4096), handle(named()));
        // A handle that can do nothing.
        let path = rustix::fs::open("/dev/shm", rustix::fs::OFlags::PATH, rustix::fs::Mode::empty());
        refused(says(Some("x"), 4096), path.expect("Linux has it"));
        // A name that is another's is only a name: removing it is refused.
        let memory = named();
        let bytes = says(Some(&name), 4096);
        let other: SharedMemory = decode(&bytes, vec![handle(unnamed())], &limits).expect("it could be");
        assert!(matches!(other.unlink(), Err(UnlinkError::NotFound { .. })));
        // What was said to have a name is never taken for sealed.
        assert!(!other.is_sealed() && !memory.is_sealed());
        memory.unlink().expect("it is still there");
        drop((memory, other, folder));
        before.assert_no_growth();
    });
}
