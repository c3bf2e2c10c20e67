//! Names that go away, forked children, Python, and a system that lacks something, for the tests of this crate.
//!
//! # Safety
//!
//! Forks, and asks the kernel to refuse calls. The callers are bodies of `ipc_testkit::isolated` or a program of one
//! thread.
#![allow(unsafe_code)]
// Each test file uses some of these.
#![allow(dead_code)]

use ipc_shared::SharedMemory;
use ipc_sys::clock::Deadline;
use ipc_sys::process::{Child, ExitStatus, Forked, exit_now, fork, thread_count};
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Long enough for a machine that is busy; reached only when a test fails.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A name that nobody else has, and that is removed with this if it is still there.
pub(crate) struct TestName(String);

impl TestName {
    pub(crate) fn new(label: &str) -> TestName {
        TestName(ipc_testkit::unique_name(label))
    }

    /// Where the system has the object.
    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(&self.0)
    }
}

impl Deref for TestName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for TestName {
    fn drop(&mut self) {
        let _ = SharedMemory::unlink_name(&self.0);
    }
}

/// Runs `body` in a forked child, which exits with 0 when it returns and with 101 when it panics.
pub(crate) fn fork_child(body: impl FnOnce()) -> Child {
    assert_eq!(thread_count().expect("procfs is there"), 1, "only a process of one thread forks safely");
    // SAFETY: this is the only thread.
    match unsafe { fork() }.expect("the process can be made") {
        Forked::Parent(child) => child,
        Forked::Child => {
            let result = catch_unwind(AssertUnwindSafe(body));
            exit_now(if result.is_ok() { 0 } else { 101 })
        }
    }
}

/// Waits for the end of a child, which is that of its body.
#[track_caller]
pub(crate) fn join(child: &Child) {
    let status = child.wait(Deadline::after(LONG)).expect("a child can be waited for");
    assert_eq!(status, Some(ExitStatus::Exited(0)));
}

/// Every program that is to be tested with: `python3`, or what the variable `IPC_SHARED_PYTHON` has, between colons.
/// Says so if there is none.
pub(crate) fn pythons() -> Vec<String> {
    let wanted = std::env::var("IPC_SHARED_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut found: Vec<String> = wanted.split(':').map(str::to_owned).collect();
    found.retain(|python| {
        let question = "import _posixshmem, sys; assert sys.version_info >= (3, 10)";
        let answer = Command::new(python).args(["-c", question]).output();
        let works = answer.is_ok_and(|output| output.status.success());
        if !works {
            println!("skipped: {python} is no Python of version 3.10 or later with shared memory");
        }
        works
    });
    found
}

/// What the lines of Python begin with: `memory(name)` and `items(name)` attach without letting the tracker of that
/// process believe that the object is its own, and `keep(it)` takes a new one out of its hands.
const PRELUDE: &str = r#"
import sys
from multiprocessing.shared_memory import SharedMemory, ShareableList
from multiprocessing import resource_tracker
def keep(shm):
    resource_tracker.unregister(shm._name, "shared_memory")
    return shm
def memory(name):
    if sys.version_info >= (3, 13):
        return SharedMemory(name=name, track=False)
    return keep(SharedMemory(name=name))
def items(name):
    it = ShareableList(name=name)
    keep(it.shm)
    return it
name = sys.argv[1]
"#;

/// Runs lines of Python, which find the name in `name`, and returns what they print.
#[track_caller]
pub(crate) fn run_python(python: &str, name: &str, lines: &str) -> String {
    let output = Command::new(python)
        .arg("-c")
        .arg([PRELUDE, lines].concat())
        .arg(name)
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .expect("it was there a moment ago");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{python}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("it prints text").trim_end().to_owned()
}

/// From here on this process, and all that it starts, has no files without a name: the kernel refuses `O_TMPFILE`.
pub(crate) fn refuse_nameless_files() {
    const O_TMPFILE_BIT: u32 = 0o20_000_000;
    // Offsets in the record that a filter sees: the number of the call, and the lower half of an argument.
    const CALL_AT: u32 = 0;
    const ARGUMENTS_AT: u32 = 16;
    // A call that not every machine has.
    #[cfg(target_arch = "x86_64")]
    const OPEN: u32 = libc::SYS_open as u32;
    #[cfg(not(target_arch = "x86_64"))]
    const OPEN: u32 = u32::MAX;
    let refusal = libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP as u32;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let is_equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let mut program = [
        step(load, 0, 0, CALL_AT),
        step(is_equal, 1, 0, OPEN),
        step(is_equal, 2, 5, libc::SYS_openat as u32),
        step(load, 0, 0, ARGUMENTS_AT + 8),
        step(libc::BPF_JMP | libc::BPF_JA, 0, 0, 1),
        step(load, 0, 0, ARGUMENTS_AT + 2 * 8),
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, O_TMPFILE_BIT),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, refusal),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the call takes numbers.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(allowed, 0, "{}", io::Error::last_os_error());
    // SAFETY: the filter points to the program, and both live until the call is over.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) };
    assert_eq!(set, 0, "{}", io::Error::last_os_error());
    let flags = rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::RDWR;
    let refused = rustix::fs::open("/dev/shm", flags, rustix::fs::Mode::RUSR);
    assert_eq!(refused.err(), Some(rustix::io::Errno::OPNOTSUPP));
}

/// From here on this process has a `/dev/shm` of its own, of so many bytes. Says so and returns false if that is not
/// permitted.
pub(crate) fn small_shm(size: usize) -> bool {
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    // SAFETY: the call takes a number, and this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) } != 0 {
        println!("skipped: no namespaces here: {}", io::Error::last_os_error());
        return false;
    }
    let mapped = std::fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| std::fs::write("/proc/self/uid_map", format!("0 {user} 1")))
        .and_then(|()| std::fs::write("/proc/self/gid_map", format!("0 {group} 1")));
    let options = std::ffi::CString::new(format!("size={size}")).expect("no zero inside");
    // SAFETY: the pointers are those of texts that end with a zero.
    let mounted = unsafe {
        libc::mount(c"tmpfs".as_ptr(), c"/dev/shm".as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast())
    };
    if mounted != 0 {
        println!("skipped: no mounts here: {}, {mapped:?}", io::Error::last_os_error());
    }
    mounted == 0
}
