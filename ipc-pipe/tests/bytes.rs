//! Byte strings: as they were sent, into a buffer or a vector, and what becomes of those that have no room there.

use ipc_codec::{EncodeError, FrameError, Limits};
use ipc_pipe::{
    Builder, Pipe, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, pipe,
    simplex,
};
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{isolated, watchdog};
use std::thread;
use std::time::{Duration, Instant};

/// What is waited for in vain.
const SHORT: Duration = Duration::from_millis(10);

/// Short ones, those that go in one part, and in many.
const SIZES: [usize; 9] = [0, 1, 63, 64, 65, 5000, 32 << 10, (32 << 10) + 1, 1 << 20];

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|idx| (idx * 7 + size) as u8).collect()
}

#[test]
fn bytes_of_any_size_arrive_as_they_were() {
    let _guard = watchdog(Duration::from_secs(60));
    let (here, there) = pipe::<(), ()>().expect("a pipe");
    let sender = thread::spawn(move || {
        for size in SIZES {
            for _ in 0..2 {
                here.send_bytes(&bytes(size)).expect("the receiver is there");
            }
        }
    });
    let mut buffer = vec![0; 1 << 20];
    for size in SIZES {
        assert!(there.recv_bytes().expect("bytes") == bytes(size), "{size}");
        assert_eq!(there.recv_bytes_into(&mut buffer).expect("bytes"), size);
        assert!(buffer[..size] == bytes(size), "{size}");
    }
    sender.join().expect("no panic");
    assert!(matches!(there.recv_bytes(), Err(RecvError::Eof)));
    assert!(matches!(there.recv_bytes_into(&mut buffer), Err(RecvError::Eof)));
}

#[test]
fn a_buffer_that_is_too_short_leaves_the_message() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<()>().expect("a pipe");
    thread::scope(|scope| {
        scope
            .spawn(move || SIZES.map(|size| sender.send_bytes(&bytes(size)).expect("the receiver is there")));
        for size in SIZES {
            let mut short = vec![0; size.saturating_sub(1)];
            for _ in 0..if size == 0 { 0 } else { 3 } {
                match receiver.recv_bytes_into(&mut short) {
                    Err(RecvError::BufferTooShort { size: told }) => assert_eq!(told, size),
                    other => panic!("{other:?} for {size}"),
                }
            }
            let mut fitting = vec![0; size];
            assert_eq!(receiver.recv_bytes_into(&mut fitting).expect("bytes"), size);
            assert!(fitting == bytes(size), "{size}");
        }
    });
}

/// Another call has begun to receive a message, with more room: the next one leaves it where it is all the same.
#[test]
fn a_message_that_was_begun_stays_when_there_is_no_room() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = Builder::new().ring_size(10_000).simplex::<()>().expect("a pipe");
    sender.send_bytes_timeout(&bytes(30_000), SHORT).expect_err("nobody receives");
    // What it has sent of that is withdrawn with the next message.
    thread::scope(|scope| {
        scope.spawn(|| sender.send_bytes(&bytes(30_000)).expect("the receiver is there"));
        let mut begun = receiver.recv_bytes_timeout(Duration::from_micros(100));
        let mut small = [0; 100];
        while let Err(RecvTimeoutError::TimedOut) = begun {
            match receiver.recv_bytes_into_timeout(&mut small, Duration::from_micros(100)) {
                Err(
                    RecvTimeoutError::TimedOut | RecvTimeoutError::Recv(RecvError::BufferTooShort { .. }),
                ) => {}
                other => panic!("{other:?}"),
            }
            begun = receiver.recv_bytes_timeout(Duration::from_micros(100));
        }
        assert!(begun.expect("bytes") == bytes(30_000));
    });
}

/// A call that gives up in the middle leaves what it has to the next one, whose buffer is another or none.
#[test]
fn a_message_is_received_into_several_buffers() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = Builder::new().ring_size(10_000).simplex::<()>().expect("a pipe");
    thread::scope(|scope| {
        scope.spawn(move || (0..20).for_each(|_| sender.send_bytes(&bytes(300_000)).expect("a receiver")));
        let (mut n_calls, moment) = (0, Duration::from_micros(100));
        let mut buffers = [vec![0; 300_000], vec![0; 400_000]];
        for _ in 0..20 {
            let found = loop {
                n_calls += 1;
                let buffer = &mut buffers[n_calls % 2];
                match receiver.recv_bytes_into_timeout(buffer, moment) {
                    Ok(size) => break buffer[..size].to_vec(),
                    Err(RecvTimeoutError::TimedOut) => {}
                    Err(error) => panic!("{error:?}"),
                }
                match receiver.recv_bytes_timeout(if n_calls % 3 == 0 { moment } else { Duration::ZERO }) {
                    Ok(bytes) => break bytes,
                    Err(RecvTimeoutError::TimedOut) => thread::sleep(moment),
                    Err(error) => panic!("{error:?}"),
                }
            };
            assert!(found == bytes(300_000));
        }
        println!("{n_calls} calls");
        assert!(matches!(receiver.recv_bytes(), Err(RecvError::Eof)));
    });
}

/// Threads that receive at the same time, each into a buffer of its own: each message is in one of them.
#[test]
fn several_threads_receive_into_buffers() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<()>().expect("a pipe");
    let n_received = thread::scope(|scope| {
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut buffer, mut count) = (vec![0; 200_000], 0);
                    loop {
                        match receiver.recv_bytes_into(&mut buffer) {
                            Ok(size) => assert!(buffer[..size] == bytes(size), "{size}"),
                            Err(RecvError::Eof) => return count,
                            Err(error) => panic!("{error:?}"),
                        }
                        count += 1;
                    }
                })
            })
            .collect();
        scope.spawn(move || {
            for size in (0..200).map(|number| number * 1000) {
                sender.send_bytes(&bytes(size)).expect("a receiver");
            }
        });
        receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).sum::<u32>()
    });
    assert_eq!(n_received, 200);
}

#[test]
fn bytes_wait_as_values_do() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<()>().expect("a pipe");
    let mut buffer = [0; 8];
    assert!(matches!(receiver.try_recv_bytes(), Err(TryRecvError::Empty)));
    assert!(matches!(receiver.try_recv_bytes_into(&mut buffer), Err(TryRecvError::Empty)));
    let begin = Instant::now();
    assert!(matches!(receiver.recv_bytes_timeout(SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(matches!(receiver.recv_bytes_into_timeout(&mut buffer, SHORT), Err(RecvTimeoutError::TimedOut)));
    assert!(begin.elapsed() >= 2 * SHORT);
    let deadline = Instant::now() + SHORT;
    assert!(matches!(receiver.recv_bytes_deadline(deadline), Err(RecvTimeoutError::TimedOut)));
    let into = receiver.recv_bytes_into_deadline(&mut buffer, deadline);
    assert!(matches!(into, Err(RecvTimeoutError::TimedOut)));
    sender.try_send_bytes(b"one").expect("room");
    sender.send_bytes_timeout(b"two", Duration::ZERO).expect("room");
    sender.send_bytes_deadline(b"three", deadline).expect("room");
    assert_eq!(receiver.try_recv_bytes().expect("bytes"), b"one");
    assert_eq!(receiver.try_recv_bytes_into(&mut buffer).expect("bytes"), 3);
    assert_eq!(receiver.recv_bytes_into_timeout(&mut buffer, Duration::ZERO).expect("bytes"), 5);
    while sender.try_send_bytes(&[7; 1000]).is_ok() {}
    assert!(matches!(sender.send_bytes_timeout(&[7; 1000], SHORT), Err(SendTimeoutError::TimedOut(()))));
    assert!(matches!(sender.send_bytes_deadline(&[7; 1000], deadline), Err(SendTimeoutError::TimedOut(()))));
    drop(receiver);
    assert!(matches!(sender.send_bytes(b"five"), Err(SendError::Closed(()))));
}

#[test]
fn limits_hold_for_bytes() {
    let _guard = watchdog(Duration::from_secs(60));
    let (sender, receiver) = simplex::<()>().expect("a pipe");
    let receiver: Receiver<()> = receiver.with_limits(Limits::with_max_frame(1000));
    for size in [1001, 100_000] {
        sender.send_bytes(&bytes(size)).expect("the sender has its own limits");
        sender.send_bytes(b"next").expect("the receiver is there");
        match receiver.recv_bytes() {
            Err(RecvError::Frame(FrameError::TooLarge { len, limit: 1000 })) => assert_eq!(len, size as u64),
            other => panic!("{other:?}"),
        }
        assert_eq!(receiver.recv_bytes().expect("bytes"), b"next");
    }
    let sender = sender.with_limits(Limits::with_max_frame(1000));
    let error = sender.send_bytes(&bytes(1001)).expect_err("too large");
    assert!(
        matches!(error, SendError::Encode((), EncodeError::TooLarge { size: 1001, limit: 1000 })),
        "{error:?}"
    );
}

/// Bytes and values are messages alike: a value is received as its encoding, and its handles are closed.
#[test]
fn a_value_that_is_received_as_bytes_leaves_no_handle() {
    isolated(|| {
        let (sender, receiver) = simplex::<(String, Pipe<(), ()>)>().expect("a pipe");
        let (here, there) = pipe::<(), ()>().expect("a pipe");
        let before = Snapshot::take();
        sender.send(("text".to_owned(), there)).expect("the receiver is there");
        let bytes = receiver.recv_bytes().expect("bytes");
        assert!(bytes.starts_with(b"\x04text"), "{bytes:?}");
        assert!(matches!(here.recv(), Err(RecvError::Eof)));
        assert!(matches!(here.send(()), Err(SendError::Closed(()))));
        let after = Snapshot::take();
        assert!(before.diff(&after).is_empty(), "{}", before.diff(&after));
    });
}
