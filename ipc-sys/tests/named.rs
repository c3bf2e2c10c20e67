//! Named objects: whole when the name appears, of exactly their size, and removed by nobody but `unlink`.
//!
//! # Safety
//!
//! Sets a signal handler and a timer by the C library's calls.

mod support;

use ipc_sys::handle::AsHandle;
use ipc_sys::memory::SharedMapping;
use ipc_sys::named::{Access, Name, NamedMapping, create, open, refers_to, unlink};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, unique_name};
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
use std::io::ErrorKind;
use support::{FullTable, fork_child, is_close_on_exec, join};

fn name(label: &str) -> Name {
    Name::new(&unique_name(label)).expect("a name")
}

#[test]
fn an_object_is_whole_when_its_name_appears() {
    isolated(|| {
        let before = Snapshot::take();
        for size in [1, 4096, 4097, (1 << 20) + 1, 3 << 20] {
            let name = name("whole");
            assert_eq!(open(&name, Access::ReadWrite).expect_err("not made yet").kind(), ErrorKind::NotFound);
            let fill = |_: &NamedMapping| {
                // Nobody sees it before it is filled.
                let error = open(&name, Access::ReadOnly).expect_err("not there yet");
                assert_eq!((error.call, error.kind()), ("shm_open", ErrorKind::NotFound));
            };
            let here = create(&name, size, fill).expect("memory is left");
            let there = open(&name, Access::ReadOnly).expect("it is there").expect("it has bytes");
            assert_eq!((here.size(), there.size()), (size, size));
            assert!(here.is_writable() && !there.is_writable());
            assert!(is_close_on_exec(here.handle()) && is_close_on_exec(there.handle()));
            let stat = fstat(here.handle()).expect("it is open");
            assert!(stat.st_blocks * 512 >= size as i64);
            assert_eq!((stat.st_mode & 0o7777, stat.st_nlink), (0o600, 1));
            let error = create(&name, size, |_| panic!("the name is taken")).expect_err("the name is taken");
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            unlink(&name).expect("it is there");
            assert_eq!(unlink(&name).expect_err("it is gone").kind(), ErrorKind::NotFound);
        }
        before.assert_no_growth();
    });
}

#[test]
fn a_name_is_of_one_object_at_a_time() {
    let name = name("one");
    let first = create(&name, 10, |_| ()).expect("memory is left");
    assert!(refers_to(&name, first.handle()).expect("it can be seen"));
    unlink(&name).expect("it is there");
    assert!(!refers_to(&name, first.handle()).expect("it can be seen"));
    let second = create(&name, 10, |_| ()).expect("the name is free");
    assert!(!refers_to(&name, first.handle()).expect("it can be seen"));
    assert!(refers_to(&name, second.handle()).expect("it can be seen"));
    unlink(&name).expect("it is there");
}

#[test]
fn a_race_has_one_winner() {
    isolated(|| {
        for _ in 0..20 {
            let name = name("race");
            let wins = SharedMapping::create(8).expect("memory is left");
            let children: Vec<_> = (0..6)
                .map(|_| {
                    fork_child(|| match create(&name, 5000, |_| ()) {
                        Ok(_) => _ = wins.atomic_u32(0).fetch_add(1, std::sync::atomic::Ordering::SeqCst),
                        Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
                    })
                })
                .collect();
            children.iter().for_each(join);
            assert_eq!(wins.atomic_u32(0).load(std::sync::atomic::Ordering::SeqCst), 1);
            unlink(&name).expect("it is there");
        }
    });
}

#[test]
fn a_handle_is_verified() {
    let name = name("handle");
    let memory = create(&name, 5000, |_| ()).expect("memory is left");
    unlink(&name).expect("it is there");
    let copy = || memory.handle().try_clone_to_owned().expect("handles are left");
    assert_eq!(NamedMapping::from_handle(copy(), 5000).expect("the same").size(), 5000);
    for size in [0, 4999, 5001, usize::MAX] {
        let error = NamedMapping::from_handle(copy(), size).expect_err("another size");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
    // It is never taken for memory that nobody can shrink.
    let seals = fcntl_get_seals(memory.handle()).unwrap_or(SealFlags::empty());
    assert!(!seals.contains(SealFlags::SHRINK));
    assert_eq!(SharedMapping::from_handle(copy()).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn an_object_without_bytes_is_not_there_yet() {
    let name = name("empty");
    let path = format!("/dev/shm/{}", name.as_str());
    let file = std::fs::File::create_new(&path).expect("the name is free");
    assert!(open(&name, Access::ReadWrite).expect("it is there").is_none());
    file.set_len(4097).expect("memory is left");
    let memory = open(&name, Access::ReadWrite).expect("it is there").expect("it has bytes");
    assert_eq!(memory.size(), 4097);
    // What its maker has not reserved, we have.
    assert!(fstat(memory.handle()).expect("it is open").st_blocks * 512 >= 4097);
    unlink(&name).expect("it is there");
}

#[test]
fn every_lack_of_handles_is_an_error_that_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        let name = name("lack");
        let full = FullTable::with_room_for(0);
        let error = create(&name, 5000, |_| ()).expect_err("there is no handle left");
        assert_eq!((error.call, error.error.raw_os_error()), ("open(O_TMPFILE)", Some(libc::EMFILE)));
        drop(full);
        let full = FullTable::with_room_for(1);
        let memory = create(&name, 5000, |_| ()).expect("one handle is enough");
        drop(full);
        unlink(&name).expect("it is there");
        drop(memory);
        before.assert_no_growth();
    });
}

/// Two signals in each millisecond: before Linux 6.11, what is given its memory in one step would begin anew for ever.
#[test]
fn signals_do_not_keep_large_memory_from_being_made() {
    isolated(|| {
        let name = name("signals");
        ring_every(500);
        let memory = create(&name, 200 << 20, |_| ()).expect("memory is left");
        ring_every(0);
        println!("{} signals", N_RINGS.load(std::sync::atomic::Ordering::SeqCst));
        unlink(&name).expect("it is there");
        assert_eq!(memory.size(), 200 << 20);
        assert!(memory.handle().as_fd().try_clone_to_owned().is_ok());
    });
}

static N_RINGS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// Sends this process a signal that it handles, every so many microseconds; zero ends it.
#[allow(unsafe_code)]
fn ring_every(microseconds: i64) {
    extern "C" fn handle(_signal: libc::c_int) {
        N_RINGS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    let handler = handle as extern "C" fn(libc::c_int);
    let time = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: the handler has the signature that the system calls, and does nothing.
    unsafe { libc::signal(libc::SIGALRM, handler as libc::sighandler_t) };
    // SAFETY: the pointer is that of a local variable, and nothing is to be written.
    let set = unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}
