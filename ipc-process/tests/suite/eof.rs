//! The end of a pipe shows when the last holder is gone, whoever else was started meanwhile.

use super::{PATIENCE, start};
use ipc_pipe::{Receiver, RecvError, SendError, Sender, simplex};
use ipc_process::{Process, StartMethod};

/// A process that has nothing to do with any pipe but the one that ends it.
struct Bystander {
    process: Process<()>,
    hold: Sender<()>,
}

impl Bystander {
    fn start(method: StartMethod) -> Self {
        fn stand_by((here, go): (Sender<()>, Receiver<()>)) {
            here.send(()).expect("the parent waits for this");
            let _ = go.recv();
        }
        let (here, is_there) = simplex().expect("a pipe");
        let (hold, go) = simplex().expect("a pipe");
        let process = start(method, stand_by, (here, go));
        is_there.recv().expect("the process is there");
        Bystander { process, hold }
    }

    #[track_caller]
    fn dismiss(self) {
        assert!(self.process.is_alive(), "the bystander has to live through the test");
        drop(self.hold);
        self.process.join().expect("an end");
    }
}

/// A process that holds the sending end and dies by SIGKILL once it is there.
fn start_writer(method: StartMethod, sender: Sender<u64>) -> Process<()> {
    fn write(sender: Sender<u64>) {
        (0..10).for_each(|number| sender.send(number).expect("the reader is there"));
        loop {
            std::thread::park();
        }
    }
    start(method, write, sender)
}

#[track_caller]
fn assert_ten_and_eof(receiver: &Receiver<u64>, writer: Process<()>) {
    for number in 0..10 {
        assert_eq!(receiver.recv().expect("a number"), number);
    }
    writer.kill().expect("it is there");
    let end = receiver.recv_timeout(PATIENCE);
    assert!(matches!(end, Err(ipc_pipe::RecvTimeoutError::Recv(RecvError::Eof))), "{end:?}");
    writer.join().expect_err("it was killed");
}

pub(crate) fn the_end_of_a_pipe_does_not_wait_for_a_later_sibling(method: StartMethod) {
    for other in [StartMethod::Spawn, StartMethod::Fork] {
        let (sender, receiver) = simplex().expect("a pipe");
        let writer = start_writer(method, sender);
        let sibling = Bystander::start(other);
        assert_ten_and_eof(&receiver, writer);
        sibling.dismiss();
    }
}

pub(crate) fn the_end_of_a_pipe_does_not_wait_for_an_earlier_sibling(method: StartMethod) {
    for other in [StartMethod::Spawn, StartMethod::Fork] {
        let (sender, receiver) = simplex().expect("a pipe");
        // This process still has the sending end, so a copy of this process has it, too.
        let sibling = Bystander::start(other);
        let writer = start_writer(method, sender);
        assert_ten_and_eof(&receiver, writer);
        sibling.dismiss();
    }
}

pub(crate) fn the_end_of_a_pipe_does_not_wait_for_a_grandchild(method: StartMethod) {
    fn write_and_leave_a_child((sender, method, pid): (Sender<u64>, String, Sender<u32>)) {
        (0..10).for_each(|number| sender.send(number).expect("the reader is there"));
        let child = start(super::method_of(&method), sleep, ());
        pid.send(child.pid()).expect("the reader is there");
        loop {
            std::thread::park();
        }
    }
    fn sleep((): ()) {
        loop {
            std::thread::park();
        }
    }
    for other in [StartMethod::Spawn, StartMethod::Fork] {
        let (sender, receiver) = simplex().expect("a pipe");
        let (pids, pid) = simplex().expect("a pipe");
        let writer = start(method, write_and_leave_a_child, (sender, other.to_string(), pids));
        let grandchild = super::hold(pid.recv().expect("a process id"));
        assert_ten_and_eof(&receiver, writer);
        assert!(!super::readable_within(&grandchild, std::time::Duration::ZERO), "it has to live that long");
        super::signal(&grandchild, rustix::process::Signal::KILL);
        super::assert_ends(&grandchild);
    }
}

pub(crate) fn a_sender_sees_the_end_of_the_only_receiver(method: StartMethod) {
    fn read_one(receiver: Receiver<u64>) -> u64 {
        receiver.recv().expect("a number")
    }
    for other in [StartMethod::Spawn, StartMethod::Fork] {
        let (sender, receiver) = simplex().expect("a pipe");
        let earlier = Bystander::start(other);
        let reader = start(method, read_one, receiver);
        let later = Bystander::start(other);
        sender.send(1).expect("room");
        assert_eq!(reader.join().expect("a number"), 1);
        let error = sender.send(2).expect_err("nobody reads");
        assert!(matches!(error, SendError::Closed(2)), "{error:?}");
        earlier.dismiss();
        later.dismiss();
    }
}
