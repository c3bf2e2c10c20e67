//! Files, sockets, pipe ends and queues as arguments and as results.

use super::{PATIENCE, start};
use ipc_codec::handle::Handle;
use ipc_pipe::{Pipe, Receiver, RecvError, Sender, pipe, simplex};
use ipc_process::StartMethod;
use ipc_queue::Queue;
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::proc::descriptors;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::net::UnixStream;

fn scratch_file(text: &str) -> File {
    let folder = ipc_testkit::temp_dir();
    let path = folder.path().join("file");
    let mut file = File::options().read(true).write(true).create_new(true).open(path).expect("a new file");
    file.write_all(text.as_bytes()).expect("room on the disk");
    file.rewind().expect("a file can be rewound");
    file
}

fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("text");
    text
}

pub(crate) fn a_file_is_an_argument(method: StartMethod) {
    fn answer((name, mut file): (String, Handle<File>)) -> String {
        let text = read_all(&mut *file);
        file.write_all(b", answered").expect("room on the disk");
        format!("{name}: {text}")
    }
    let mut file = scratch_file("question");
    let copy = file.try_clone().expect("a descriptor");
    let process = start(method, answer, ("file".to_owned(), Handle::new(copy)));
    assert_eq!(process.join().expect("text"), "file: question");
    // The open file is the same, not only the one on the disk: it stands where the child left it.
    assert_eq!(file.stream_position().expect("a position"), 18);
    file.rewind().expect("a file can be rewound");
    assert_eq!(read_all(file), "question, answered");
}

pub(crate) fn pipe_ends_are_arguments(method: StartMethod) {
    fn serve((server, log): (Pipe<u64, String>, Sender<String>)) -> usize {
        let mut count = 0;
        for question in server.iter() {
            let question = question.expect("text");
            server.send(question.len() as u64).expect("the client is there");
            log.send(question).expect("the reader is there");
            count += 1;
        }
        count
    }
    let (client, server) = pipe::<String, u64>().expect("a pipe");
    let (log, lines) = simplex().expect("a pipe");
    let process = start(method, serve, (server, log));
    for word in ["a", "bc", "def"] {
        client.send(word.to_owned()).expect("the server is there");
        assert_eq!(client.recv().expect("a number"), word.len() as u64);
        assert_eq!(lines.recv().expect("a line"), word);
    }
    drop(client);
    assert_eq!(process.join().expect("a count"), 3);
    assert!(matches!(lines.recv(), Err(RecvError::Eof)));
}

pub(crate) fn a_queue_is_an_argument(method: StartMethod) {
    fn double((from, to): (Queue<u64>, Queue<u64>)) {
        for number in &from {
            to.put(number.expect("a number") * 2).expect("the queue is open");
        }
        to.close();
    }
    let (from, to) = (Queue::bounded(4).expect("a queue"), Queue::bounded(4).expect("a queue"));
    let processes: Vec<_> = (0..2).map(|_| start(method, double, (from.clone(), to.clone()))).collect();
    for number in 0..100 {
        from.put(number).expect("the queue is open");
        assert_eq!(to.get().expect("a number"), number * 2);
    }
    from.close();
    processes.into_iter().for_each(|process| process.join().expect("an end"));
    assert!(to.get().is_err());
}

pub(crate) fn sockets_and_bare_handles_are_arguments(method: StartMethod) {
    fn copy((from, mut to): (Handle<OwnedHandle>, Handle<UnixStream>)) {
        let text = read_all(File::from(from.into_inner()));
        to.write_all(text.as_bytes()).expect("the reader is there");
    }
    let (here, there) = UnixStream::pair().expect("sockets");
    let file = OwnedHandle::from(scratch_file("carried"));
    start(method, copy, (Handle::new(file), Handle::new(there))).join().expect("an end");
    assert_eq!(read_all(here), "carried");
}

pub(crate) fn handles_are_results(method: StartMethod) {
    type Made = (Handle<File>, Sender<u64>, Receiver<u64>, Queue<String>, Handle<UnixStream>);
    fn make(number: u64) -> Made {
        let (sender, receiver) = simplex().expect("a pipe");
        sender.send(number).expect("room");
        let queue = Queue::bounded(4).expect("a queue");
        queue.put("from the child".to_owned()).expect("room");
        let (mut here, there) = UnixStream::pair().expect("sockets");
        here.write_all(b"last words").expect("room");
        (Handle::new(scratch_file("made there")), sender, receiver, queue, Handle::new(there))
    }
    let process = start(method, make, 5);
    // They have to survive the process that made them.
    assert!(process.wait().expect("a status").success());
    let (file, sender, receiver, queue, socket) = process.join().expect("handles");
    assert_eq!(read_all(file.into_inner()), "made there");
    sender.send(6).expect("this process has the receiver");
    assert_eq!((receiver.recv().expect("a number"), receiver.recv().expect("a number")), (5, 6));
    drop(sender);
    assert!(matches!(receiver.recv(), Err(RecvError::Eof)));
    assert_eq!(queue.get().expect("text"), "from the child");
    assert_eq!(read_all(socket.into_inner()), "last words");
}

pub(crate) fn a_passed_end_is_the_childs_alone(method: StartMethod) {
    fn send_some((sender, go): (Sender<u64>, Receiver<()>)) {
        (0..3).for_each(|number| sender.send(number).expect("the reader is there"));
        drop(sender);
        // The end has to show while the process lives.
        let _ = go.recv();
    }
    let (sender, receiver) = simplex().expect("a pipe");
    let (hold, go) = simplex().expect("a pipe");
    let process = start(method, send_some, (sender, go));
    let numbers: Vec<u64> = receiver.iter().map(|number| number.expect("a number")).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(process.is_alive());
    drop(hold);
    process.join().expect("an end");
}

/// `TestCloseFds` of CPython, for every descriptor.
pub(crate) fn only_what_was_passed_is_there(method: StartMethod) {
    super::elsewhere(method, compare_descriptors);
}

fn compare_descriptors(method: String) {
    let method = super::method_of(&method);
    fn list(_passed: (Handle<File>, Sender<()>)) -> BTreeMap<i32, String> {
        descriptors()
    }
    let passed = scratch_file("");
    let target = descriptors()[&std::os::fd::AsRawFd::as_raw_fd(&passed)].clone();
    let (end, _reader) = simplex().expect("a pipe");
    let _kept = (pipe::<(), ()>().expect("a pipe"), simplex::<()>().expect("a pipe"));
    let builder = ipc_process::Builder::new().method(method).daemon(true);
    // As some libraries leave their descriptors.
    let inheritable = rustix::io::dup(&passed).expect("a descriptor");
    rustix::io::fcntl_setfd(&inheritable, rustix::io::FdFlags::empty()).expect("a flag");
    let before = descriptors();
    let process = builder.spawn(list, (Handle::new(passed), end)).expect("a process");
    let Ok(found) = process.join_timeout(PATIENCE) else { panic!("no list") };
    let others: Vec<_> = found.iter().filter(|&(&fd, found)| fd > 2 && *found != target).collect();
    let n_passed = found.values().filter(|found| **found == target).count();
    if method == StartMethod::Spawn {
        assert_eq!(n_passed, 1, "what was passed is there, and once: {found:#?}");
        // The channel is a socket, and the passed end of the pipe has one, and two descriptors of its memory. The lifeline is an OS
        // pipe.
        let n_sockets = others.iter().filter(|(_, target)| target.starts_with("socket:")).count();
        let n_pipes = others.iter().filter(|(_, target)| target.starts_with("pipe:")).count();
        let n_memories = others.iter().filter(|(_, target)| target.starts_with("/memfd:")).count();
        let counts = (n_sockets, n_memories, n_pipes, others.len());
        assert_eq!(counts, (2, 2, 1, 5), "{found:#?}, the parent had {before:#?}");
    } else {
        // A copy has the parent's files. Of the family's handles there are tombstones, all of them one socket.
        let kept = descriptors();
        let alive = |fd: &i32, target: &String| target.starts_with("socket:") && kept.get(fd) == Some(target);
        let leaked: Vec<_> = found.iter().filter(|(fd, target)| alive(fd, target)).collect();
        assert!(leaked.is_empty(), "{leaked:?} of the parent's sockets {kept:#?}");
    }
}
