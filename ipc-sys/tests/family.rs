//! What forked children let go of.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::family::{FamilyHandle, ForkPreparation};
use ipc_sys::handle::{AsHandle, OwnedHandle};
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::Signal;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::{MessageSocket, RecvError, SendError};
use ipc_testkit::isolated;
use ipc_testkit::leaks::Snapshot;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use support::{FullTable, LONG, fork_child, is_close_on_exec, join, pipe, status, wait_until};

fn pair() -> (MessageSocket, MessageSocket) {
    MessageSocket::pair().expect("handles are left")
}

/// The other side sees the end though a child that was forked meanwhile lives.
#[test]
fn the_end_comes_although_a_forked_child_lives() {
    isolated(|| {
        let (a, b) = pair();
        let memory = SharedMapping::create(8).expect("memory is left");
        let preparation = ForkPreparation::new().expect("handles are left");
        let mut preparation = Some(preparation);
        let child = fork_child(|| {
            preparation.take().expect("made above").bury_members().expect("the members are open");
            memory.atomic_u32(0).store(1, SeqCst);
            sleep(LONG);
        });
        drop(preparation);
        wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
        assert!(matches!(b.recv(&mut [0; 9], Deadline::NOW), Err(RecvError::TimedOut)));
        drop(a);
        assert!(matches!(b.recv(&mut [0; 9], Deadline::NOW), Err(RecvError::Closed)));
        assert!(matches!(b.send(&[b"x"], &[], Deadline::NOW), Err(SendError::Closed)));
        child.signal(Signal::Kill).expect("it is our child");
        status(&child);
    });
}

/// In the child the number stays taken, every use says that the other side is gone, and dropping the value is
/// harmless.
#[test]
fn a_buried_handle_says_that_nobody_is_there() {
    isolated(|| {
        let (a, b) = pair();
        a.send(&[b"for the parent"], &[], Deadline::NOW).expect("there is room");
        let preparation = ForkPreparation::new().expect("handles are left");
        let mut ends = Some((preparation, a));
        let child = fork_child(|| {
            let (preparation, a) = ends.take().expect("made above");
            preparation.bury_members().expect("the members are open");
            for end in [&a, &b] {
                assert!(matches!(end.send(&[b"x"], &[], Deadline::NEVER), Err(SendError::Closed)));
                assert!(matches!(end.recv(&mut [0; 9], Deadline::NEVER), Err(RecvError::Closed)));
                assert!(is_close_on_exec(end.handle()));
            }
            let number = a.handle().as_raw_fd();
            let file = std::fs::File::open("/dev/null").expect("Linux has it");
            assert_ne!(file.as_raw_fd(), number);
            drop(a);
            // New members are members again.
            let (c, d) = pair();
            c.send(&[b"x"], &[], Deadline::NOW).expect("there is room");
            assert_eq!(d.recv(&mut [0; 9], Deadline::NOW).expect("it is there").size, 1);
        });
        let (preparation, a) = ends.take().expect("made above");
        drop(preparation);
        join(&child);
        // For the parent nothing has changed.
        assert_eq!(b.recv(&mut [0; 99], Deadline::NOW).expect("nobody took it").size, 14);
        a.send(&[b"x"], &[], Deadline::NOW).expect("the other side is there");
    });
}

#[test]
fn what_left_the_set_stays_with_the_child() {
    isolated(|| {
        let (a, b) = pair();
        let kept: OwnedHandle = a.into_handle();
        let mut preparation = Some(ForkPreparation::new().expect("handles are left"));
        let child = fork_child(|| {
            preparation.take().expect("made above").bury_members().expect("the members are open");
            let a = MessageSocket::from_handle(kept.try_clone().expect("left")).expect("still an end");
            a.send(&[b"from the child"], &[], Deadline::NOW).expect("the parent is there");
        });
        drop((preparation, kept));
        assert_eq!(b.recv(&mut [0; 99], Deadline::after(LONG)).expect("a message").size, 14);
        join(&child);
        assert!(matches!(b.recv(&mut [0; 99], Deadline::NOW), Err(RecvError::Closed)));
    });
}

/// Members come and go; the set does not keep the number of one that is gone.
#[test]
fn a_number_that_is_used_again_is_not_buried() {
    isolated(|| {
        let (reader, writer) = pipe();
        let member = FamilyHandle::new(reader.into());
        let number = member.as_fd().as_raw_fd();
        drop(member);
        let (reader, second_writer) = pipe();
        assert_eq!(reader.as_raw_fd(), number, "the lowest free number");
        let mut preparation = Some(ForkPreparation::new().expect("handles are left"));
        join(&fork_child(|| {
            preparation.take().expect("made above").bury_members().expect("there is none");
            std::io::Write::write_all(&mut &second_writer, b"x").expect("the reader is there");
            assert!(wait_one(reader.as_fd(), Interest::Read, Deadline::NOW).expect("memory is left"));
        }));
        drop((preparation, writer));
    });
}

#[test]
fn a_full_table_is_an_error_before_the_fork() {
    isolated(|| {
        // Where nothing is to be buried, nothing is needed for it.
        let member = FamilyHandle::new(pipe().0.into());
        let full = FullTable::with_room_for(1);
        let error = ForkPreparation::new().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        drop(full);
        drop(ForkPreparation::new().expect("it works again"));
        drop(member);
    });
}

#[test]
fn preparing_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        let (a, b) = pair();
        for _ in 0..100 {
            drop(ForkPreparation::new().expect("handles are left"));
        }
        drop((a, b));
        before.assert_no_growth();
    });
}
