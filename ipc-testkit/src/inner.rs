//! The inner side of an isolated test: runs the body before `main`, on the only thread of its process.
//!
//! libtest gives every test a thread of its own, also under `--test-threads=1`, and its main thread stays. A test of
//! `fork` needs a process of one thread. So the inner process does not enter libtest at all: a constructor, which the
//! system calls before `main`, looks for an [`Order`], runs the body and ends the process. It stands in the plain
//! `.init_array`, after all constructors that have a number there, so that those of the crates under test have run.
//!
//! The body is code of the same program, and which one is told by its distance from a fixed function: the
//! distance is the same in every process of the program, wherever the system has loaded it.
//!
//! # Safety
//!
//! 1. The distance in an order is one that [`offset_of`] has computed in a process running the same program file
//!    ([`Program`] compared), between two functions of the program's own image (both found in mappings of that file).
//!    What is called through it is therefore an [`Entry`] again.
//! 2. The constructor runs on the only thread of the process.
//! 3. A body has no size and is `Copy`, and its value existed in the outer process. So its type has values, and making
//!    one needs no bytes and duplicates nothing that could not be duplicated.

#![allow(unsafe_code)]

use crate::leaks::Snapshot;
use crate::order::{INNER_VARIABLE, Order, Program};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{abort, exit, id};
use std::ptr::NonNull;
use std::time::Duration;

/// The code that an order names.
pub(crate) type Entry = fn(&Order);

/// How long descriptors, threads and the like may take to vanish after the body.
const GRACE: Duration = Duration::from_secs(1);

/// Called by the system before `main`, in every program that contains the kit.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

extern "C" fn constructor() {
    let Some(value) = std::env::var_os(INNER_VARIABLE) else { return };
    // SAFETY: by Invariant 2 nobody reads the environment meanwhile.
    unsafe { std::env::remove_var(INNER_VARIABLE) };
    let Some(order) = Order::decode(&value) else { return };
    // Ends with the thread that waits for us: a test run that is interrupted leaves nobody behind.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().is_none_or(|parent| parent.as_raw_pid() != order.outer) {
        // The variable was inherited from somewhere, or the outer process is dead. Either way there is nothing to do.
        return;
    }
    obey(&order);
}

/// Runs the body that the order names and ends the process.
fn obey(order: &Order) -> ! {
    let address = (anchor as Entry as usize).wrapping_add_signed(order.offset);
    if Program::current().ok() != Some(order.program) || !is_in_program(address) {
        eprintln!("ipc-testkit: the order is for another program");
        exit(100);
    }
    // SAFETY: the default runtime of Rust ignores this signal before `main`; the body has to find it so. By Invariant 2
    // no other thread relies on another disposition.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // A shell has what it runs in the background ignore these, and all that comes of it.
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
        // SAFETY: as above; it is how the system starts a process by itself.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: by Invariant 1, whose conditions have just been checked, there is an `Entry` at the address.
    let entry = unsafe { std::mem::transmute::<usize, Entry>(address) };
    entry(order);
    abort()
}

/// The distance from the fixed function to the code that runs a body of type `F`.
///
/// # Errors
///
/// A sentence, if that code is not in the image of the program itself but in a library.
pub(crate) fn offset_of<F: FnOnce() + Copy>() -> Result<isize, String> {
    let address = run_body::<F> as Entry as usize;
    let start = anchor as Entry as usize;
    // Naming the constructor here keeps the linker from dropping it.
    if std::hint::black_box(&CONSTRUCTOR) as *const _ as usize == 0
        || !is_in_program(start)
        || !is_in_program(address)
    {
        return Err("the body of an isolated test has to be in the test program, not in a library".to_owned());
    }
    Ok(address.wrapping_sub(start) as isize)
}

/// Where distances are counted from. The message makes the function unlike all others, so that no linker merges it.
fn anchor(order: &Order) {
    unreachable!("the anchor of ipc-testkit is not a body: {order:?}")
}

/// Whether the address lies in executable code that was loaded from the file of this program.
fn is_in_program(address: usize) -> bool {
    let Ok(inode) = fs::metadata("/proc/self/exe").map(|file| file.ino().to_string()) else { return false };
    fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().take(5).collect();
        let [range, permissions, _, _, file] = fields[..] else { return false };
        let Some((start, end)) = range.split_once('-') else { return false };
        let number = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        (number(start)..number(end)).contains(&address) && permissions.contains('x') && file == inode
    })
}

/// Makes a body of type `F` and runs it. Does not return.
fn run_body<F: FnOnce() + Copy>(order: &Order) {
    const { assert!(size_of::<F>() == 0, "the body runs in another process and cannot capture variables") };
    // SAFETY: by Invariant 3 a value of the type may be made of nothing; the pointer is aligned.
    let body = unsafe { NonNull::<F>::dangling().read() };
    take_name(std::any::type_name::<F>());
    run(&order.report, body);
}

/// Calls the process what the test is called: from `exec` of `/proc/self/exe` it would be `exe`.
fn take_name(body: &str) {
    let path = body.trim_end_matches("::{{closure}}");
    let name = path.rsplit("::").next().unwrap_or(path);
    if let Ok(name) = CString::new(name) {
        // A process without a good name still does its work. The kernel cuts the name to 15 bytes.
        let _ = rustix::thread::set_name(&name);
    }
}

/// Runs the body, compares what the process holds with what it held before, writes the findings, ends the process.
fn run(report: &Path, body: impl FnOnce()) -> ! {
    let pid = id();
    let before = Snapshot::take();
    let result = catch_unwind(AssertUnwindSafe(body));
    if id() != pid {
        write_line(report, &format!("escaped {}", id()));
        // Without handlers for the end of the process: they belong to the process this one was forked from.
        // SAFETY: the call takes no pointer and does not return.
        unsafe { libc::_exit(102) };
    }
    if result.is_err() {
        write_line(report, "panicked");
        exit(101);
    }
    for line in before.growth(GRACE).lines() {
        write_line(report, &format!("leaked {}", line.replace('\n', " ")));
    }
    write_line(report, "finished");
    exit(0)
}

/// Adds a line to the report. Opened only now, so that the body sees no descriptor that it did not open.
fn write_line(report: &Path, line: &str) {
    let file = OpenOptions::new().append(true).create(true).open(report);
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        // The missing line makes the test fail; this tells why.
        eprintln!("ipc-testkit: cannot write {}: {error}", report.display());
    }
}
