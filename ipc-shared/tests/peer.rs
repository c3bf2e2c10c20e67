//! The crate `shared_memory` and ours: each opens what the other has made, by name.
//!
//! # Safety
//!
//! The other crate lends an address; it is read while its mapping lives and nobody writes.

mod support;

use ipc_shared::SharedMemory;
use ipc_testkit::isolated;
use shared_memory::{ShmemConf, ShmemError};
use support::TestName;

/// Copies bytes out of a mapping of the other crate, which only lends an address.
#[allow(unsafe_code)]
fn read(memory: &shared_memory::Shmem, len: usize) -> Vec<u8> {
    assert!(len <= memory.len());
    // SAFETY: the mapping has so many bytes and lives as long as `memory`; nobody writes them meanwhile.
    unsafe { std::slice::from_raw_parts(memory.as_ptr(), len) }.to_vec()
}

#[test]
fn the_crate_shared_memory_opens_ours() {
    isolated(|| {
        let name = TestName::new("ours");
        let memory = SharedMemory::create(&name, 5001).expect("memory is left");
        memory.write(0, b"from us").expect("it fits");
        // That crate takes the name as the system has it, with the slash.
        let theirs = ShmemConf::new().os_id(format!("/{}", &*name)).open().expect("it is there");
        assert_eq!((theirs.len(), theirs.is_owner()), (5001, false));
        assert_eq!(read(&theirs, 7), b"from us");
        let error = ShmemConf::new().os_id(format!("/{}", &*name)).size(10).create();
        assert!(matches!(error, Err(ShmemError::MappingIdExists)));
        drop(theirs);
        memory.unlink().expect("who opens it does not remove it");
    });
}

#[test]
fn we_open_what_the_crate_shared_memory_makes() {
    isolated(|| {
        let name = TestName::new("theirs");
        let theirs =
            ShmemConf::new().os_id(format!("/{}", &*name)).size(5001).create().expect("memory is left");
        let memory = SharedMemory::open(&name).expect("it is there");
        assert_eq!(memory.size(), theirs.len());
        memory.write(0, b"from us").expect("it fits");
        assert_eq!(read(&theirs, 7), b"from us");
        // Its owner removes the name when it is dropped, and the bytes are still ours.
        drop(theirs);
        SharedMemory::open(&name).expect_err("its owner has removed it");
        assert_eq!(memory.read_vec(0, 7).expect("inside"), b"from us");
    });
}
