//! Claims: one claimant at a time, given back by every kind of end and by nothing else.

mod support;

use ipc_sys::claim::Claimant;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, duplicate};
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::Signal;
use ipc_sys::socket::MessageSocket;
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use support::{FullTable, LONG, fork_child, is_close_on_exec, join, set_stopped, state, status, wait_until};

/// Far beyond the end of any object here, as the users of this module have it.
const BYTE: u64 = (1 << 40) + 17;

fn memory() -> SharedMapping {
    SharedMapping::create(64).expect("memory is left")
}

fn claimant(memory: &SharedMapping) -> Claimant {
    Claimant::new(memory.handle()).expect("handles are left")
}

fn claims(claimant: &Claimant, byte: u64) -> bool {
    claimant.try_claim(byte).expect("memory for locks is left")
}

fn sees(claimant: &Claimant, byte: u64) -> bool {
    claimant.is_claimed(byte).expect("memory for locks is left")
}

fn copy(claimant: &Claimant) -> Claimant {
    Claimant::from_handle(duplicate(claimant).expect("handles are left"))
}

#[test]
fn one_at_a_time_also_in_one_process() {
    let memory = memory();
    let (one, other) = (claimant(&memory), claimant(&memory));
    for byte in [0, 63, 64, BYTE, i64::MAX as u64] {
        assert!(claims(&one, byte) && claims(&one, byte));
        assert!(!claims(&other, byte));
        one.release(byte).expect("it is ours");
        one.release(byte).expect("it is nobody's, which is nothing");
        assert!(claims(&other, byte) && !claims(&one, byte));
        one.release(byte).expect("it is another's, which is nothing");
        assert!(!claims(&one, byte));
    }
    assert!(is_close_on_exec(one.as_fd()));
}

#[test]
fn a_claim_is_for_one_number() {
    let memory = memory();
    let (one, other) = (claimant(&memory), claimant(&memory));
    assert!(claims(&one, BYTE));
    for neighbour in [BYTE - 1, BYTE + 1] {
        assert!(!sees(&other, neighbour) && claims(&other, neighbour));
    }
    // A claim inside a row of claims is given back alone.
    assert!((0..9).all(|byte| claims(&one, byte)));
    one.release(4).expect("it is ours");
    assert!((0..9).all(|byte| sees(&other, byte) == (byte != 4)));
}

#[test]
fn one_does_not_see_its_own() {
    let memory = memory();
    let (one, other) = (claimant(&memory), claimant(&memory));
    assert!(!sees(&one, BYTE) && !sees(&other, BYTE));
    assert!(claims(&one, BYTE));
    assert!(!sees(&one, BYTE) && !sees(&copy(&one), BYTE));
    assert!(sees(&other, BYTE));
}

#[test]
fn another_object_has_other_claims() {
    let (one, other) = (claimant(&memory()), claimant(&memory()));
    assert!(claims(&one, BYTE) && claims(&other, BYTE));
}

#[test]
fn a_number_that_is_no_offset_is_an_error() {
    let memory = memory();
    let claimant = claimant(&memory);
    for byte in [1 << 63, u64::MAX] {
        assert_eq!(claimant.try_claim(byte).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(claimant.is_claimed(byte).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(claimant.release(byte).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_killed_process_gives_back() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        for round in 0..50 {
            memory.atomic_u32(0).store(0, SeqCst);
            let child = fork_child(|| {
                let claimant = claimant(&memory);
                assert!(claims(&claimant, BYTE) && claims(&claimant, round));
                memory.atomic_u32(0).store(1, SeqCst);
                sleep(LONG);
            });
            wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
            assert!(!claims(&watcher, BYTE) && sees(&watcher, round));
            child.signal(Signal::Kill).expect("it is our child");
            // Not collected yet, and its claims are gone already.
            assert!(child.has_ended(Deadline::after(LONG)).expect("it is our child"));
            assert_eq!(state(child.pid()), Some('Z'));
            assert!(!sees(&watcher, round) && claims(&watcher, BYTE));
            watcher.release(BYTE).expect("it is ours");
            status(&child);
        }
    });
}

#[test]
fn a_stopped_process_keeps_its_claims() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        let child = fork_child(|| {
            let claimant = claimant(&memory);
            assert!(claims(&claimant, BYTE));
            memory.atomic_u32(0).store(1, SeqCst);
            sleep(LONG);
        });
        wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
        set_stopped(child.pid(), true);
        assert!(sees(&watcher, BYTE) && !claims(&watcher, BYTE));
        child.signal(Signal::Kill).expect("it is our child");
        status(&child);
        assert!(!sees(&watcher, BYTE));
    });
}

/// Copies count together: a forked child has one, and so has a message that nobody has received.
#[test]
fn the_last_copy_counts_wherever_it_is() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        let mut owner = Some(claimant(&memory));
        assert!(claims(owner.as_ref().expect("made above"), BYTE));
        let child = fork_child(|| {
            wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
        });
        drop(owner.take());
        assert!(sees(&watcher, BYTE), "the child has a copy");
        memory.atomic_u32(0).store(1, SeqCst);
        join(&child);
        assert!(!sees(&watcher, BYTE));
    });
}

#[test]
fn a_message_in_flight_keeps_the_claim() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        let (here, there) = MessageSocket::pair().expect("handles are left");
        let send = |byte| {
            let claimant = claimant(&memory);
            assert!(claims(&claimant, byte));
            here.send(&[b"x"], &[claimant.as_fd()], Deadline::after(LONG)).expect("there is room");
        };
        send(BYTE);
        send(BYTE + 1);
        assert!(sees(&watcher, BYTE) && sees(&watcher, BYTE + 1));
        let mut received = there.recv(&mut [0; 8], Deadline::after(LONG)).expect("a message");
        let arrived = Claimant::from_handle(received.handles.pop().expect("it came along"));
        assert!(sees(&watcher, BYTE) && !sees(&arrived, BYTE), "it is the same claimant");
        drop(arrived);
        assert!(!sees(&watcher, BYTE) && sees(&watcher, BYTE + 1));
        // With the socket goes what was never received.
        drop((here, there));
        assert!(!sees(&watcher, BYTE + 1));
    });
}

/// The sender is dead and nobody else holds the claim; still the message does.
#[test]
fn a_message_of_a_dead_sender_keeps_the_claim() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        let (here, there) = MessageSocket::pair().expect("handles are left");
        let child = fork_child(|| {
            let claimant = claimant(&memory);
            assert!(claims(&claimant, BYTE));
            here.send(&[b"x"], &[claimant.as_fd()], Deadline::after(LONG)).expect("there is room");
        });
        join(&child);
        assert!(sees(&watcher, BYTE));
        drop(there.recv(&mut [0; 8], Deadline::after(LONG)).expect("a message"));
        assert!(!sees(&watcher, BYTE));
    });
}

/// The record locks of POSIX belong to the process, and any close of the same file drops all of them.
#[test]
fn closing_another_handle_of_the_object_changes_nothing() {
    isolated(|| {
        let memory = memory();
        let (owner, watcher) = (claimant(&memory), claimant(&memory));
        assert!(claims(&owner, BYTE));
        drop(memory.duplicate_handle().expect("handles are left"));
        drop(claimant(&memory));
        drop(File::open(format!("/proc/self/fd/{}", raw(&memory))).expect("it is open"));
        drop(copy(&owner));
        drop(memory);
        assert!(sees(&watcher, BYTE) && !claims(&watcher, BYTE));
    });
}

fn raw(memory: &SharedMapping) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(&memory.handle())
}

#[test]
fn a_forked_child_lets_go_of_its_parents_claims() {
    isolated(|| {
        let memory = memory();
        let watcher = claimant(&memory);
        let mut parents = Some(claimant(&memory));
        let number = std::os::fd::AsRawFd::as_raw_fd(&parents.as_ref().expect("made above").as_fd());
        assert!(claims(parents.as_ref().expect("made above"), BYTE));
        let child = fork_child(|| {
            let parents = parents.take().expect("made above");
            let own = claimant(&memory);
            assert!(claims(&own, BYTE + 1));
            parents.become_copy_of(&own).expect("both are open");
            drop(own);
            assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&parents.as_fd()), number);
            assert!(is_close_on_exec(parents.as_fd()));
            // It is the successor: what that claimed is its own, what the parent claimed is not.
            assert!(!sees(&parents, BYTE + 1) && sees(&parents, BYTE));
            memory.atomic_u32(0).store(1, SeqCst);
            wait_until(|| memory.atomic_u32(0).load(SeqCst) == 2);
        });
        wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
        assert!(sees(&watcher, BYTE) && sees(&watcher, BYTE + 1));
        drop(parents);
        assert!(!sees(&watcher, BYTE), "the child has kept a copy");
        memory.atomic_u32(0).store(2, SeqCst);
        join(&child);
        assert!(!sees(&watcher, BYTE + 1));
    });
}

#[test]
fn a_claimant_does_not_become_itself() {
    let memory = memory();
    let (one, other) = (claimant(&memory), claimant(&memory));
    assert!(claims(&one, BYTE));
    assert_eq!(one.become_copy_of(&one).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(sees(&other, BYTE));
}

#[test]
fn a_full_table_of_handles_is_an_error() {
    isolated(|| {
        let memory = memory();
        let (one, other) = (claimant(&memory), claimant(&memory));
        assert!(claims(&one, BYTE));
        let before = Snapshot::take();
        let full = FullTable::with_room_for(0);
        let error = Claimant::new(memory.handle()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        // What a child does needs no free number.
        other.become_copy_of(&one).expect("both are open");
        drop(full);
        before.assert_no_growth();
        drop(one);
        assert!(sees(&claimant(&memory), BYTE));
    });
}

#[test]
fn a_handle_of_another_kind_is_an_error() {
    let socket = MessageSocket::pair().expect("handles are left").0;
    assert!(Claimant::new(socket.handle()).is_err());
    let null = Claimant::from_handle(File::open("/dev/null").expect("Linux has it").into());
    assert!(null.try_claim(0).is_err(), "it is not open for writing");
}
