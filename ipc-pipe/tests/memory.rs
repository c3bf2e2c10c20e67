//! A message of hundreds of megabytes through a small pipe: what is in shared memory stays as small as the pipe, however slow the
//! receiver is.
//!
//! `IPC_PIPE_LONG=1` makes it a gibibyte.

mod support;

use ipc_codec::Limits;
use ipc_pipe::{Builder, Receiver, RecvError, Sender};
use ipc_sys::clock::Deadline;
use ipc_testkit::isolated_within;
use std::fs;
use std::time::Duration;
use support::fork_child;

const RING: usize = 64 << 10;
const MIB: usize = 1 << 20;
/// All that is shared: the ring, what it needs beside it, and what the tests of this process share otherwise.
const SHARED: usize = 2 * MIB;

/// A number of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").expect("procfs is there");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the kernel tells it");
    let number = line.split_whitespace().nth(1).and_then(|word| word.parse::<usize>().ok());
    number.expect("a number of KiB") << 10
}

fn size() -> usize {
    if std::env::var_os("IPC_PIPE_LONG").is_some() { 1 << 30 } else { 256 << 20 }
}

/// A pipe for one message of this size.
fn ends() -> (Sender<()>, Receiver<()>) {
    let limits = Limits::with_max_frame(size());
    Builder::new().ring_size(RING).limits(limits).simplex().expect("a pipe")
}

/// Each page of the message is full of its number. By pages, since bytes one by one take long where nothing is optimized.
const PAGE: usize = 4096;

/// Memory that a process of its own has beside what is shared: the message once, and little more.
#[track_caller]
fn assert_bounded(before: usize) {
    let (shared, own) = (status("RssShmem"), status("VmHWM"));
    assert!(shared < SHARED, "{shared} bytes of shared memory");
    let most = before + size() + 16 * MIB;
    assert!(own < most, "{own} bytes at the most, and {before} before a message of {}", size());
}

#[test]
fn a_very_large_message_takes_no_more_shared_memory_than_a_small_one() {
    isolated_within(Duration::from_secs(300), || {
        let (sender, receiver) = ends();
        let child = fork_child(|| {
            let before = status("VmHWM");
            let mut bytes = vec![0; size()];
            bytes.chunks_mut(PAGE).enumerate().for_each(|(idx, page)| page.fill(idx as u8));
            sender.send_bytes(&bytes).expect("the receiver is there");
            assert_bounded(before);
        });
        drop(sender);
        let before = status("VmHWM");
        // Slowly at first: the sender waits, and nothing piles up.
        let mut n_calls = 0;
        let bytes = loop {
            let wait = if n_calls < 100 { Duration::ZERO } else { Duration::from_secs(60) };
            if let Ok(bytes) = receiver.recv_bytes_timeout(wait) {
                break bytes;
            }
            n_calls += 1;
            std::thread::sleep(Duration::from_millis(1));
            assert!(status("RssShmem") < SHARED);
        };
        assert_eq!(bytes.len(), size());
        assert!(bytes.chunks(PAGE).enumerate().all(|(idx, page)| page == [idx as u8; PAGE]));
        assert_bounded(before);
        assert!(matches!(receiver.recv_bytes(), Err(RecvError::Eof)));
        let ending = child.wait(Deadline::NEVER).expect("a child can be waited for");
        assert!(ending.is_some_and(|ending| ending.success()), "{ending:?}");
    });
}
