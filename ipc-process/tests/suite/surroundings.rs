//! What a process finds around it: variables, working directory, standard streams.
//!
//! # Safety
//!
//! One test closes the standard streams of its process, by their numbers.
#![allow(unsafe_code)]

use super::start;
use ipc_process::{Builder, StartMethod, Stdio};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;

fn variables((): ()) -> BTreeMap<String, String> {
    std::env::vars().collect()
}

fn print_and_read((): ()) -> String {
    println!("on stdout");
    eprintln!("on stderr");
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("text");
    text
}

pub(crate) fn variables_are_set_and_removed(method: StartMethod) {
    let builder = Builder::new().method(method).env("NEW", "value = 1").env("PATH", "").env_remove("HOME");
    let found = builder.env("LATE", "first").env("LATE", "second").spawn(variables, ()).expect("a process");
    let found = found.join().expect("variables");
    assert_eq!(found["NEW"], "value = 1");
    assert_eq!((found["PATH"].as_str(), found["LATE"].as_str()), ("", "second"));
    assert!(!found.contains_key("HOME"));
    // The others stay, and none is added.
    let mut expected: BTreeMap<String, String> = std::env::vars().collect();
    expected.remove("HOME");
    for (name, value) in [("NEW", "value = 1"), ("PATH", ""), ("LATE", "second")] {
        expected.insert(name.into(), value.into());
    }
    assert_eq!(found, expected);
}

pub(crate) fn a_cleared_environment_is_empty(method: StartMethod) {
    let builder = Builder::new().method(method).env("FORGOTTEN", "x").env_clear();
    let found = builder.env("ONLY", "this").spawn(variables, ()).expect("a process");
    assert_eq!(found.join().expect("variables"), BTreeMap::from([("ONLY".into(), "this".into())]));
}

pub(crate) fn the_parents_environment_stays_as_it_is(method: StartMethod) {
    let before: Vec<_> = std::env::vars_os().collect();
    let process = Builder::new().method(method).env("NEW", "x").env_remove("PATH").spawn(variables, ());
    process.expect("a process").join().expect("variables");
    assert_eq!(std::env::vars_os().collect::<Vec<_>>(), before);
    // A child without settings has what its parent has, and nothing of how it was started.
    let found = start(method, variables, ()).join().expect("variables");
    assert_eq!(found, std::env::vars().collect());
}

pub(crate) fn the_working_directory_is_the_childs(method: StartMethod) {
    fn here((): ()) -> PathBuf {
        std::env::current_dir().expect("it is there")
    }
    let folder = ipc_testkit::temp_dir();
    let before = here(());
    let path = folder.path().canonicalize().expect("it is there");
    let process = Builder::new().method(method).current_dir(&path).spawn(here, ()).expect("a process");
    assert_eq!(process.join().expect("a path"), path);
    assert_eq!(here(()), before);
    assert_eq!(start(method, here, ()).join().expect("a path"), before);
}

pub(crate) fn streams_go_nowhere(method: StartMethod) {
    let builder = Builder::new().method(method).stdin(Stdio::null()).stdout(Stdio::null());
    let process = builder.stderr(Stdio::null()).spawn(print_and_read, ()).expect("a process");
    assert_eq!(process.join().expect("no text"), "");
}

pub(crate) fn streams_go_to_files(method: StartMethod) {
    let folder = ipc_testkit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("in"), "from stdin").expect("room on the disk");
    let create = |name| File::create(path(name)).expect("a new file");
    let builder = Builder::new().method(method).stdin(File::open(path("in")).expect("it is there"));
    let process = builder.stdout(create("out")).stderr(create("err")).spawn(print_and_read, ());
    assert_eq!(process.expect("a process").join().expect("text"), "from stdin");
    assert_eq!(fs::read_to_string(path("out")).expect("text"), "on stdout\n");
    assert_eq!(fs::read_to_string(path("err")).expect("text"), "on stderr\n");

    // Two streams on one handle, in exchanged order: no place may be overwritten before its turn.
    let both = create("both");
    let copy = both.try_clone().expect("a descriptor");
    let process = Builder::new().method(method).stderr(both).stdout(copy).stdin(Stdio::null());
    process.spawn(print_and_read, ()).expect("a process").join().expect("text");
    assert_eq!(fs::read_to_string(path("both")).expect("text"), "on stdout\non stderr\n");
}

/// The ends that the child has are nobody's beside it, so that reading ends with the child, and while this process starts another.
pub(crate) fn streams_go_through_pipes(method: StartMethod) {
    use rustix::pipe::{PipeFlags, pipe_with};
    if method == StartMethod::Fork {
        // It copies this process's ends, as any open file, and the child would wait for itself.
        return;
    }
    let ends = || pipe_with(PipeFlags::CLOEXEC).expect("a pipe");
    let ((their_in, our_in), (our_out, their_out), (our_err, their_err)) = (ends(), ends(), ends());
    let builder = Builder::new().method(method).stdin(their_in).stdout(their_out).stderr(their_err);
    let process = builder.spawn(print_and_read, ()).expect("a process");
    let (hold, go) = ipc_pipe::simplex::<()>().expect("a pipe");
    let sibling = start(method, |go: ipc_pipe::Receiver<()>| drop(go.recv()), go);
    File::from(our_in).write_all(b"from stdin").expect("the child reads");
    let read = |end| std::io::read_to_string(File::from(end)).expect("text");
    assert_eq!((read(our_out).as_str(), read(our_err).as_str()), ("on stdout\n", "on stderr\n"));
    assert_eq!(process.join().expect("text"), "from stdin");
    drop(hold);
    sibling.join().expect("an end");
}

/// Lets `work` run with a file as the stdout of this process, and returns what was written there.
fn with_stdout_in_a_file(work: impl FnOnce()) -> String {
    let folder = ipc_testkit::temp_dir();
    let path = folder.path().join("stdout");
    std::io::stdout().flush().expect("it can be written");
    let before = ipc_sys::handle::duplicate(std::io::stdout()).expect("a descriptor");
    rustix::stdio::dup2_stdout(File::create(&path).expect("a new file")).expect("a descriptor");
    work();
    std::io::stdout().flush().expect("it can be written");
    rustix::stdio::dup2_stdout(before).expect("a descriptor");
    fs::read_to_string(&path).expect("text")
}

pub(crate) fn what_the_parent_had_not_flushed_is_printed_once(method: StartMethod) {
    fn print((): ()) {
        println!("child");
        // Not a whole line, so that it has to be flushed at the end of the process.
        print!("end");
    }
    let found = with_stdout_in_a_file(|| {
        for _ in 0..3 {
            print!("parent;");
            start(method, print, ()).join().expect("an end");
        }
    });
    assert_eq!(found.matches("parent;").count(), 3, "{found:?}");
    assert_eq!(found.matches("child\n").count(), 3, "{found:?}");
    assert_eq!(found.matches("end").count(), 3, "{found:?}");
}

/// As a service that was started with its streams closed: the first descriptors that it opens are 0, 1 and 2.
pub(crate) fn a_parent_without_standard_streams_starts_processes(method: StartMethod) {
    let folder = ipc_testkit::temp_dir();
    let saved: Vec<_> = [0, 1, 2].map(close_stream).into();
    let plain = Builder::new().method(method).spawn(|number: u64| number + 1, 1);
    let plain = plain.map_err(|error| error.to_string()).map(|process| process.join().ok());
    let path = folder.path().join("out");
    let redirected = File::create(&path).map(|file| {
        let builder = Builder::new().method(method).stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
        builder
            .spawn(print_and_read, ())
            .map_err(|error| error.to_string())
            .map(|process| process.join().ok())
    });
    for (number, stream) in saved.into_iter().enumerate() {
        ipc_sys::process::replace_stdio(number, ipc_sys::handle::AsHandle::as_fd(&stream))
            .expect("a descriptor");
    }
    assert_eq!(plain, Ok(Some(2)));
    assert_eq!(redirected.expect("a new file"), Ok(Some(String::new())));
    assert_eq!(fs::read_to_string(path).expect("text"), "on stdout\n");
}

/// Closes a standard stream; the copy, above them all, is to restore it.
fn close_stream(number: i32) -> ipc_sys::handle::OwnedHandle {
    use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
    // SAFETY: nobody owns the standard streams, and this process has them.
    let stream = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = rustix::io::fcntl_dupfd_cloexec(stream, 10).expect("a descriptor");
    // SAFETY: as above; what uses the number meanwhile finds it closed, which is the point.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    copy
}
