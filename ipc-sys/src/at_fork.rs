//! Running functions around every fork of this process.
//!
//! A value that must not be used by parent and child alike has to learn that there was a fork, whoever called it.
//!
//! # What a port provides
//!
//! [`register`], on systems that fork; elsewhere it does nothing.
//!
//! # Safety
//!
//! Registers C functions, and follows a pointer to a record that is never freed.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The newest registration. Only ever replaced by one that refers to it, and none is freed.
static NEWEST: AtomicPtr<Handlers> = AtomicPtr::new(ptr::null_mut());
/// Whether the C library calls us. Two threads at once may both find it false; see [`prepare`].
static INSTALLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The newest registration whose `prepare` was called for the fork that this thread is in.
    static PREPARED: Cell<Option<&'static Handlers>> = const { Cell::new(None) };
}

struct Handlers {
    prepare: fn(),
    parent: fn(),
    child: fn(),
    earlier: Option<&'static Handlers>,
}

/// Has `prepare` called before every fork of this process, `parent` after it in the parent, and `child` in the child, all
/// on the thread that forks.
///
/// `prepare` functions run in the reverse order of registration, `parent` and `child` functions in the order of
/// registration, as those of `pthread_atfork` do: what was registered later may build on what was registered earlier. A
/// registration lasts for the life of the process and of the children it forks; make each once. One that is made
/// during a fork of another thread does not take part in that fork.
///
/// What holds for a fork holds for `child`: if the process had other threads, it may call only what is safe in a signal
/// handler. If the fork fails, `parent` runs all the same. A function that panics ends the process; none may
/// fork.
///
/// # Errors
///
/// `OutOfMemory`, at the first registration.
///
/// # Platform
///
/// Linux: `pthread_atfork`. Forks of the C library run the functions; a raw `fork` or `clone` system call that goes round
/// it does not, nor do `vfork`, `posix_spawn` and [`spawn`](crate::process::spawn), whose children run nothing of ours.
///
/// # Examples
///
/// ```
/// use ipc_sys::clock::Deadline;
/// use ipc_sys::process::{ExitStatus, Forked, exit_now, fork};
/// use std::sync::atomic::{AtomicI32, Ordering};
///
/// static GENERATION: AtomicI32 = AtomicI32::new(0);
/// ipc_sys::at_fork::register(|| (), || (), || _ = GENERATION.fetch_add(1, Ordering::Relaxed))?;
///
/// // SAFETY: the child uses nothing but a number.
/// match unsafe { fork() }? {
///     Forked::Child => exit_now(GENERATION.load(Ordering::Relaxed)),
///     Forked::Parent(child) => assert_eq!(child.wait(Deadline::NEVER)?, Some(ExitStatus::Exited(1))),
/// }
/// assert_eq!(GENERATION.load(Ordering::Relaxed), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn register(prepare: fn(), parent: fn(), child: fn()) -> io::Result<()> {
    install()?;
    // No lock: a child of a fork that comes in between would find it held for ever.
    let handlers = Box::leak(Box::new(Handlers { prepare, parent, child, earlier: newest() }));
    loop {
        let earlier = handlers.earlier.map_or(ptr::null_mut(), |earlier| ptr::from_ref(earlier).cast_mut());
        // Release: `newest` acquires, and finds the record whole.
        match NEWEST.compare_exchange_weak(earlier, handlers, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Ok(()),
            Err(_) => handlers.earlier = newest(),
        }
    }
}

/// Has the C library call the three functions below.
fn install() -> io::Result<()> {
    if INSTALLED.load(Ordering::Acquire) {
        return Ok(());
    }
    // SAFETY: the functions are there as long as the program, and allowed around a fork: they take no lock and allocate
    // nothing.
    let error = unsafe { libc::pthread_atfork(Some(run_prepare), Some(run_parent), Some(run_child)) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    INSTALLED.store(true, Ordering::Release);
    Ok(())
}

/// Calls the `prepare` functions, newest first, and notes which they were.
extern "C" fn run_prepare() {
    // Installed twice, the second call finds that the first has done it; likewise in the two below.
    if PREPARED.get().is_some() {
        return;
    }
    let newest = newest();
    PREPARED.set(newest);
    let mut next = newest;
    while let Some(handlers) = next {
        (handlers.prepare)();
        next = handlers.earlier;
    }
}

extern "C" fn run_parent() {
    finish(PREPARED.take(), |handlers| (handlers.parent)());
}

extern "C" fn run_child() {
    finish(PREPARED.take(), |handlers| (handlers.child)());
}

/// Calls a function of each of these registrations, oldest first.
fn finish(newest: Option<&'static Handlers>, call: fn(&Handlers)) {
    if let Some(handlers) = newest {
        finish(handlers.earlier, call);
        call(handlers);
    }
}

fn newest() -> Option<&'static Handlers> {
    // SAFETY: null, or a record that `register` leaked: it is never freed, and unchanged since it became visible, with
    // which this load synchronizes.
    unsafe { NEWEST.load(Ordering::Acquire).as_ref() }
}
