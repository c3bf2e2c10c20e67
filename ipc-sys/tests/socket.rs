//! Message sockets: whole messages in order, handles that neither leak nor get lost unnoticed, an exact end.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::family::FamilyHandle;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle, duplicate};
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::Signal;
use ipc_sys::socket::{MAX_HANDLES, MAX_MESSAGE, MessageSocket, Received, RecvError, SendError};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, watchdog};
use std::fs::File;
use std::io::ErrorKind;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{FullTable, LONG, fork_child, is_close_on_exec, join, pipe, status, wait_until};

fn pair() -> (MessageSocket, MessageSocket) {
    MessageSocket::pair().expect("handles are left")
}

fn null() -> File {
    File::open("/dev/null").expect("Linux has it")
}

fn send(socket: &MessageSocket, bytes: &[u8]) {
    socket.send(&[bytes], &[], Deadline::after(LONG)).expect("the other side takes it");
}

fn send_handles(socket: &MessageSocket, n_handles: usize) -> Result<(), SendError> {
    let file = null();
    let handles: Vec<BorrowedHandle<'_>> = vec![file.as_fd(); n_handles];
    socket.send(&[b"handles"], &handles, Deadline::after(LONG))
}

fn recv(socket: &MessageSocket) -> Result<Vec<u8>, RecvError> {
    let mut buffer = vec![0; MAX_MESSAGE];
    let received = socket.recv(&mut buffer, Deadline::after(LONG))?;
    assert!(received.handles.is_empty());
    buffer.truncate(received.size);
    Ok(buffer)
}

fn recv_handles(socket: &MessageSocket) -> Result<Received, RecvError> {
    socket.recv(&mut [0; 64], Deadline::after(LONG))
}

#[test]
fn boundaries_are_kept() {
    let (a, b) = pair();
    send(&a, b"one");
    a.send(&[b"t", b"", b"w", b"o"], &[], Deadline::NOW).expect("there is room");
    send(&a, &[3; 5000]);
    assert_eq!(recv(&b).expect("a message"), b"one");
    assert_eq!(recv(&b).expect("a message"), b"two");
    assert_eq!(recv(&b).expect("a message"), [3; 5000]);
    send(&b, b"back");
    assert_eq!(recv(&a).expect("a message"), b"back");
}

#[test]
fn the_largest_sure_message_fits_into_an_empty_socket() {
    let (a, b) = pair();
    a.send(&[&[7; MAX_MESSAGE]], &[], Deadline::NOW).expect("it is sure to fit");
    assert_eq!(recv(&b).expect("a message"), [7; MAX_MESSAGE]);
}

#[test]
fn a_message_that_never_fits_is_an_error_at_once() {
    let _guard = watchdog(LONG);
    let (a, b) = pair();
    let result = a.send(&[&vec![0; 64 << 20]], &[], Deadline::NEVER);
    assert!(matches!(result, Err(SendError::TooLarge)), "{result:?}");
    send(&a, b"small");
    assert_eq!(recv(&b).expect("a message"), b"small");
}

#[test]
fn handles_arrive_close_on_exec_and_in_order() {
    let (a, b) = pair();
    let (reader, writer) = pipe();
    let file = null();
    a.send(&[b"x"], &[writer.as_fd(), file.as_fd(), writer.as_fd()], Deadline::NOW).expect("there is room");
    drop((writer, file));
    let handles = recv_handles(&b).expect("a message").handles;
    assert!(handles.iter().all(|handle| is_close_on_exec(handle.as_fd())));
    let mut handles = handles.into_iter();
    let mut next = || File::from(handles.next().expect("three were sent"));
    let (first, second, third) = (next(), next(), next());
    std::io::Write::write_all(&mut &first, b"1").expect("the writer");
    assert!(std::io::Write::write_all(&mut &second, b"2").is_err(), "opened for reading");
    std::io::Write::write_all(&mut &third, b"3").expect("the writer");
    drop((first, third));
    assert_eq!(std::io::read_to_string(reader).expect("text"), "13");
}

#[test]
fn as_many_handles_as_allowed_and_one_more() {
    isolated(|| {
        let (a, b) = pair();
        let before = Snapshot::take();
        send_handles(&a, MAX_HANDLES).expect("this many are allowed");
        assert_eq!(recv_handles(&b).expect("a message").handles.len(), MAX_HANDLES);
        match send_handles(&a, MAX_HANDLES + 1) {
            Err(SendError::Os(error)) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            other => panic!("{other:?}"),
        }
        send(&a, b"next");
        assert_eq!(recv(&b).expect("nothing of the refused message was sent"), b"next");
        before.assert_no_growth();
    });
}

/// The kernel drops what does not fit into the table and says so; what did fit must be closed.
#[test]
fn handles_that_do_not_fit_are_reported_and_none_leaks() {
    isolated(|| {
        let (a, b) = pair();
        let before = Snapshot::take();
        for room in [0, 1, 4] {
            send_handles(&a, 5).expect("there is room in the socket");
            send(&a, b"next");
            let full = FullTable::with_room_for(room);
            let lost = recv_handles(&b);
            assert!(matches!(lost, Err(RecvError::HandlesLost)), "{lost:?}");
            assert_eq!(recv(&b).expect("the message after it is whole"), b"next");
            // As many can be opened as before.
            let fitting: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
            assert_eq!(fitting.len(), room);
            drop((full, fitting));
            send_handles(&a, 5).expect("there is room in the socket");
            assert_eq!(recv_handles(&b).expect("there is room in the table").handles.len(), 5);
        }
        before.assert_no_growth();
    });
}

#[test]
fn too_long_a_message_is_lost_alone_and_its_handles_are_closed() {
    isolated(|| {
        let (a, b) = pair();
        let before = Snapshot::take();
        let file = null();
        a.send(&[&[1; 100]], &[file.as_fd(), file.as_fd()], Deadline::NOW).expect("there is room");
        send(&a, b"next");
        drop(file);
        let long = b.recv(&mut [0; 99], Deadline::NEVER);
        assert!(matches!(long, Err(RecvError::TooLong)), "{long:?}");
        before.assert_no_growth();
        assert_eq!(recv(&b).expect("the message after it is whole"), b"next");
    });
}

/// The kernel reports a reset ahead of what was sent, when the dead side left something unread.
#[test]
fn messages_of_the_dead_come_before_the_end() {
    isolated(|| {
        for round in 0..20 {
            let (a, b) = pair();
            for _ in 0..3 {
                send(&b, b"never read");
            }
            let child = fork_child(|| {
                (0..5_u8).for_each(|number| send(&a, &[number]));
                if round % 2 == 0 {
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                        .expect("it is this process");
                }
            });
            drop(a);
            status(&child);
            for number in 0..5_u8 {
                assert_eq!(recv(&b).expect("it was sent before the end"), [number]);
            }
            assert!(matches!(recv(&b), Err(RecvError::Closed)));
            assert!(matches!(recv(&b), Err(RecvError::Closed)), "the end stays the end");
            assert!(matches!(b.send(&[b"x"], &[], Deadline::NEVER), Err(SendError::Closed)));
        }
    });
}

/// The same when the message is waited for with a deadline, and without one.
#[test]
fn a_reset_ends_no_wait() {
    isolated(|| {
        for deadline in [Deadline::NEVER, Deadline::after(LONG)] {
            let (a, b) = pair();
            send(&b, b"never read");
            let child = fork_child(|| sleep(Duration::from_millis(20)));
            drop(a);
            assert!(matches!(b.recv(&mut [0; 9], deadline), Err(RecvError::Closed)));
            join(&child);
        }
    });
}

#[test]
fn a_sender_killed_at_any_time_leaves_no_half_message() {
    isolated(|| {
        for round in 0..50 {
            let (a, b) = pair();
            let child = fork_child(|| {
                for number in 0..u32::MAX {
                    let word = number.to_le_bytes();
                    a.send(&[&word, &word.repeat(2000)], &[], Deadline::NEVER).expect("somebody reads");
                }
            });
            drop(a);
            let mut expected = 0_u32;
            let mut killed = false;
            let end = loop {
                match recv(&b) {
                    Ok(bytes) => assert_eq!(bytes, expected.to_le_bytes().repeat(2001)),
                    Err(end) => break end,
                }
                expected += 1;
                if expected > round && !killed {
                    child.signal(Signal::Kill).expect("it is our child");
                    killed = true;
                }
            };
            assert!(matches!(end, RecvError::Closed), "{end:?}");
            status(&child);
        }
    });
}

#[test]
fn each_message_goes_to_one_of_several_receivers() {
    isolated(|| {
        const MESSAGES: usize = 5000;
        let (a, b) = pair();
        let taken = SharedMapping::create(MESSAGES * 8).expect("memory is left");
        let mut sender = Some(a);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                fork_child(|| {
                    // The child's copy of the sending end would keep the end away.
                    drop(sender.take());
                    while let Ok(bytes) = recv(&b) {
                        let number = usize::from_le_bytes(bytes.try_into().expect("eight bytes"));
                        taken.atomic_u64(number * 8).fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        drop(b);
        let a = sender.take().expect("the children took their copies");
        (0..MESSAGES).for_each(|number| send(&a, &number.to_le_bytes()));
        drop(a);
        receivers.iter().for_each(join);
        for number in 0..MESSAGES {
            assert_eq!(taken.atomic_u64(number * 8).load(SeqCst), 1, "message {number}");
        }
    });
}

#[test]
fn a_full_socket_times_out_and_goes_on() {
    let (a, b) = pair();
    let mut n_sent = 0;
    while a.send(&[&[0; 10_000]], &[], Deadline::NOW).is_ok() {
        n_sent += 1;
    }
    let (start, timeout) = (Instant::now(), Duration::from_millis(30));
    let result = a.send(&[&[0; 10_000]], &[], Deadline::after(timeout));
    assert!(matches!(result, Err(SendError::TimedOut)), "{result:?}");
    assert!(start.elapsed() >= timeout);
    std::thread::scope(|scope| {
        scope.spawn(|| send(&a, b"last"));
        for _ in 0..n_sent {
            assert_eq!(recv(&b).expect("a message").len(), 10_000);
        }
        assert_eq!(recv(&b).expect("a message"), b"last");
    });
}

#[test]
fn a_message_that_is_there_is_received_when_the_time_is_over() {
    let (a, b) = pair();
    send(&a, b"1");
    send(&a, b"2");
    assert_eq!(b.recv(&mut [0; 9], Deadline::NOW).expect("it is there").size, 1);
    let past = Instant::now();
    sleep(Duration::from_millis(1));
    assert_eq!(b.recv(&mut [0; 9], Deadline::at(past)).expect("it is there").size, 1);
    assert!(matches!(b.recv(&mut [0; 9], Deadline::NOW), Err(RecvError::TimedOut)));
    let (start, timeout) = (Instant::now(), Duration::from_millis(30));
    assert!(matches!(b.recv(&mut [0; 9], Deadline::after(timeout)), Err(RecvError::TimedOut)));
    assert!(start.elapsed() >= timeout);
}

#[test]
fn shutdown_is_the_end_for_the_other_side_alone() {
    let (a, b) = pair();
    send(&a, b"last");
    a.shutdown_send().expect("the other side is there");
    assert_eq!(recv(&b).expect("it was sent before"), b"last");
    assert!(matches!(recv(&b), Err(RecvError::Closed)));
    assert!(matches!(a.send(&[b"x"], &[], Deadline::NEVER), Err(SendError::Closed)));
    send(&b, b"back");
    assert_eq!(recv(&a).expect("this way is open"), b"back");
    drop(b);
    a.shutdown_send().expect("nothing, when the other side is gone");
}

#[test]
fn other_handles_are_refused() {
    let refuse = |handle: OwnedHandle| {
        assert_eq!(MessageSocket::from_handle(handle).unwrap_err().kind(), ErrorKind::InvalidData);
    };
    refuse(null().into());
    refuse(pipe().0.into());
    refuse(std::os::unix::net::UnixStream::pair().expect("left").0.into());
    refuse(std::os::unix::net::UnixDatagram::pair().expect("left").0.into());
    refuse(std::net::UdpSocket::bind("127.0.0.1:0").expect("left").into());
    MessageSocket::from_handle(pair().0.into_handle()).expect("an end");
}

/// What no process of the family sends, a hostile one can.
#[test]
fn an_empty_message_with_handles_leaks_none() {
    isolated(|| {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
        let (a, b) = pair();
        let before = Snapshot::take();
        let file = null();
        let mut space = [std::mem::MaybeUninit::uninit(); 64];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let handles = [file.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&handles)));
        sendmsg(a.handle(), &[], &mut control, SendFlags::empty()).expect("there is room");
        drop(file);
        assert!(matches!(recv(&b), Err(RecvError::Closed)));
        before.assert_no_growth();
    });
}

#[test]
fn the_death_of_a_process_is_the_end() {
    isolated(|| {
        let (a, b) = pair();
        let memory = SharedMapping::create(8).expect("memory is left");
        let child = fork_child(|| {
            memory.atomic_u32(0).store(1, SeqCst);
            sleep(LONG);
        });
        drop(a);
        wait_until(|| memory.atomic_u32(0).load(SeqCst) == 1);
        assert!(matches!(b.recv(&mut [0; 9], Deadline::NOW), Err(RecvError::TimedOut)));
        child.signal(Signal::Kill).expect("it is our child");
        assert!(matches!(recv(&b), Err(RecvError::Closed)));
        status(&child);
    });
}

#[test]
fn making_ends_leaves_nothing() {
    isolated(|| {
        let before = Snapshot::take();
        for _ in 0..500 {
            let (a, b) = pair();
            send_handles(&a, 3).expect("there is room");
            drop(duplicate(a.handle()).expect("handles are left"));
            drop(FamilyHandle::new(b.into_handle()));
        }
        before.assert_no_growth();
    });
}
