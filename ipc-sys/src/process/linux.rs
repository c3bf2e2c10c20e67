//! Children on Linux: `clone` with a pidfd for spawn, `fork` and `pidfd_open` for fork, `waitid` on the pidfd.
//!
//! # Safety
//!
//! Between `clone` and `execve` the child of [`spawn`] shares this process's memory while the calling thread is
//! suspended (`CLONE_VM | CLONE_VFORK`, as `posix_spawn` does). The function that runs there therefore allocates
//! nothing, takes no lock, cannot panic, and touches only its own stack and the [`Launch`] that it was given; all
//! signals are blocked until its handlers are back to their defaults.
#![allow(unsafe_code)]

use super::{Program, Signal, SpawnError, SpawnStep};
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus};
use rustix::thread::UnshareFlags;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};
use std::path::Path;
use std::{io, ptr};

pub(super) const OWN_IMAGE: &CStr = c"/proc/self/exe";

pub(super) fn spawn(program: &Program<'_>) -> Result<(u32, OwnedHandle), SpawnError> {
    let fail = |step| move |source: io::Error| SpawnError { step, source };
    // The child puts these in the places 0, 1 and 2 one after another; above 2 none of them can be overwritten
    // before its turn.
    let mut stdio_copies = Vec::new();
    let mut stdio = [None; 3];
    for (slot, handle) in stdio.iter_mut().zip(program.stdio) {
        if let Some(handle) = handle {
            let copy = rustix::io::fcntl_dupfd_cloexec(handle, 3)
                .map_err(|errno| fail(SpawnStep::Handles)(errno.into()))?;
            *slot = Some(copy.as_raw_fd());
            stdio_copies.push(copy);
        }
    }
    let argv = pointers(&program.args);
    let envp = pointers(&program.env);
    let mut launch = Launch {
        path: program.path.as_ptr(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        current_dir: program.current_dir.as_ref().map_or(ptr::null(), |dir| dir.as_ptr()),
        stdio,
        channel: program.channel.map(|handle| handle.as_raw_fd()),
        failure: None,
    };
    let (pid, pidfd) = launch.run().map_err(fail(SpawnStep::Clone))?;
    match launch.failure {
        None => Ok((pid, pidfd)),
        Some((step, errno)) => {
            // The child exits; its remains are collected here, since nobody will ever wait for it. This thread goes on
            // as soon as the child has let go of the memory, which is before it has ended: so this waits.
            let _ = rustix::io::retry_on_intr(|| {
                rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)
            });
            Err(fail(step)(io::Error::from_raw_os_error(errno)))
        }
    }
}

/// # Safety
///
/// As for [`super::fork`].
#[inline]
pub(super) unsafe fn fork() -> i32 {
    // SAFETY: handed on to the caller. The C library's own call is used, and not the system call: it keeps the
    // allocator usable, knows the new thread id, and runs the functions of `at_fork`.
    unsafe { libc::fork() }
}

/// What became of a fork, in the parent.
pub(super) fn forked(pid: i32) -> io::Result<(u32, OwnedHandle)> {
    if pid == -1 {
        return Err(io::Error::last_os_error());
    }
    let pid = rustix::process::Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
    let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(errno) => {
            // Without a handle the child could not be named safely later; now, before anybody could collect it
            // and free its number, it still can.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            let _ = rustix::io::retry_on_intr(|| {
                rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
            });
            return Err(errno.into());
        }
    };
    // Another part of the program may collect children that are not its own, and then the number may belong to a
    // stranger already. A stranger is not our child.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), options)?;
    Ok((pid.as_raw_nonzero().get() as u32, pidfd))
}

pub(super) fn try_wait(handle: BorrowedHandle<'_>) -> io::Result<Option<super::ExitStatus>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(handle), options)) {
        Ok(status) => Ok(status.as_ref().map(exit_status)),
        // Somebody else collected the child. Kernels from 6.15 on keep the status with the pidfd.
        Err(Errno::CHILD) => Ok(Some(status_from_pidfd(handle).unwrap_or(super::ExitStatus::Unknown))),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn signal(handle: BorrowedHandle<'_>, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    match rustix::process::pidfd_send_signal(handle, signal) {
        Err(Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}

pub(super) fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

pub(super) fn resident_memory() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let resident = resident.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm"))?;
    Ok(resident * rustix::param::page_size() as u64)
}

#[inline]
pub(super) fn thread_count() -> io::Result<usize> {
    // A process of one thread may leave a thread group that it is alone in, which changes nothing, and one of several may not. That
    // is the shortest way to know, and stands on the way of every fork. A sandbox may forbid it, to all alike.
    let group = UnshareFlags::from_bits_retain(libc::CLONE_THREAD as u32);
    // SAFETY: with this flag the call has no effect other than its result.
    if unsafe { rustix::thread::unshare_unsafe(group) }.is_ok() {
        return Ok(1);
    }
    count_threads()
}

#[cold]
fn count_threads() -> io::Result<usize> {
    // A folder counts itself, its entry in the folder above, and each folder in it; here, each thread is one.
    match rustix::fs::stat("/proc/self/task")?.st_nlink {
        3 => Ok(1),
        _ => Ok(std::fs::read_dir("/proc/self/task")?
            .flatten()
            .filter(|entry| is_running(&entry.path()))
            .count()),
    }
}

pub(super) fn is_ending(pid: u32) -> bool {
    !is_running(Path::new(&format!("/proc/{pid}")))
}

/// Whether a thread is not on its way out. One that was joined stays in the list for a moment, and runs nothing any more.
fn is_running(task: &Path) -> bool {
    /// `PF_EXITING` of the kernel's `linux/sched.h`.
    const EXITING: u32 = 4;
    /// The flags are the ninth field; the name, which may hold anything, is the second, and ends with the last parenthesis.
    const FIELDS_AFTER_NAME: usize = 6;
    let Ok(stat) = std::fs::read_to_string(task.join("stat")) else { return false };
    let flags = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(FIELDS_AFTER_NAME));
    flags.and_then(|flags| flags.parse::<u32>().ok()).is_none_or(|flags| flags & EXITING == 0)
}

#[inline]
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process; nothing of it runs any more.
    unsafe { libc::_exit(code) }
}

pub(super) fn replace_stdio(number: usize, handle: BorrowedHandle<'_>) -> io::Result<()> {
    Ok(match number {
        0 => rustix::stdio::dup2_stdin(handle),
        1 => rustix::stdio::dup2_stdout(handle),
        2 => rustix::stdio::dup2_stderr(handle),
        _ => panic!("there is no standard stream {number}"),
    }?)
}

pub(super) fn stream_id(number: usize) -> Option<(u64, u64)> {
    // SAFETY: used for one call, which fails cleanly when the number is not open.
    let stream = unsafe { BorrowedHandle::borrow_raw(number as RawFd) };
    rustix::fs::fstat(stream).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

pub(super) fn copy_stream(number: usize) -> io::Result<OwnedHandle> {
    // SAFETY: as above.
    let stream = unsafe { BorrowedHandle::borrow_raw(number as RawFd) };
    Ok(rustix::io::fcntl_dupfd_cloexec(stream, 3)?)
}

#[inline]
pub(super) fn flush_c_streams() {
    // SAFETY: with null it writes out what the C library holds for all its streams, and takes their locks for it.
    unsafe { libc::fflush(ptr::null_mut()) };
}

pub(super) fn open_parent(pid: u32) -> io::Result<Option<OwnedHandle>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return Ok(None) };
    let handle = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    // A parent that dies is replaced at once. As long as it is this one, the number was its own all the time.
    Ok((rustix::process::getppid() == Some(pid)).then_some(handle))
}

#[inline]
pub(super) fn with_own_handle<R>(work: impl FnOnce(u32, BorrowedHandle<'_>) -> R) -> io::Result<R> {
    let pid = rustix::process::getpid();
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let result = work(pid.as_raw_nonzero().get() as u32, handle.as_fd());
    // SAFETY: it was opened here. By the system call: the code of the C library's would be a page more.
    unsafe { rustix::io::close(handle.into_raw_fd()) };
    Ok(result)
}

pub(super) fn ignore_interrupts() -> libc::sigaction {
    // SAFETY: plain data, for which zero is a value: no flags, an empty mask, the default action.
    let mut ignore: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut before = ignore;
    ignore.sa_sigaction = libc::SIG_IGN;
    // SAFETY: valid records; ignoring a signal runs no code.
    unsafe { libc::sigaction(libc::SIGINT, &ignore, &mut before) };
    before
}

#[inline]
pub(super) fn restore_interrupts(before: &libc::sigaction) {
    // SAFETY: the record was given by the system, in this process or in the one that it is a copy of.
    unsafe { libc::sigaction(libc::SIGINT, before, ptr::null_mut()) };
}

pub(super) use libc::sigaction as InterruptAction;

pub(super) fn above_stdio(handle: OwnedHandle) -> io::Result<OwnedHandle> {
    if handle.as_raw_fd() > 2 {
        return Ok(handle);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&handle, 3)?)
}

pub(super) fn display_name(name: &str) -> CString {
    // Without zeros, which would end it, and no longer than the kernel keeps it.
    let bytes: Vec<u8> = name.bytes().filter(|&byte| byte != 0).take(15).collect();
    CString::new(bytes).unwrap_or_default()
}

#[inline]
pub(super) fn set_display_name(name: &CStr) {
    // A name for the eye: that it could not be set hurts nobody.
    let _ = rustix::thread::set_name(name);
}

pub(super) fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

pub(super) fn name_channel(handle: BorrowedHandle<'_>) -> io::Result<String> {
    let stat = rustix::fs::fstat(handle)?;
    Ok(format!("{}:{}", handle.as_raw_fd(), stat.st_ino))
}

pub(super) fn claim_channel(name: &str) -> Option<OwnedHandle> {
    let (fd, inode) = name.split_once(':')?;
    let fd: RawFd = fd.parse().ok().filter(|&fd| fd >= 0)?;
    let inode: u64 = inode.parse().ok()?;
    // SAFETY: used for two calls that fail cleanly when the number is not open.
    let unproven = unsafe { BorrowedHandle::borrow_raw(fd) };
    // A descriptor that came across exec is not close-on-exec, and everything this program opened itself is. So a
    // clear flag on the very object the name speaks of proves that nobody here owns the number yet; setting the
    // flag makes sure that it is claimed once.
    let flags = rustix::io::fcntl_getfd(unproven).ok()?;
    let is_ours = !flags.contains(rustix::io::FdFlags::CLOEXEC)
        && rustix::fs::fstat(unproven).is_ok_and(|stat| stat.st_ino == inode);
    if !is_ours {
        return None;
    }
    rustix::io::fcntl_setfd(unproven, rustix::io::FdFlags::CLOEXEC).ok()?;
    // SAFETY: open, and owned by nobody else, as argued above.
    Some(unsafe { OwnedHandle::from_raw_fd(fd) })
}

/// What the child of [`spawn`] needs, prepared by the parent, and where it reports a failure.
struct Launch {
    path: *const libc::c_char,
    argv: *const *const libc::c_char,
    envp: *const *const libc::c_char,
    /// Null for none.
    current_dir: *const libc::c_char,
    stdio: [Option<RawFd>; 3],
    channel: Option<RawFd>,
    failure: Option<(SpawnStep, i32)>,
}

impl Launch {
    /// Makes the child and returns when it has executed the program or failed.
    fn run(&mut self) -> io::Result<(u32, OwnedHandle)> {
        /// Room for two frames of ours and the C library's wrappers, with plenty to spare in debug builds.
        const STACK_SIZE: usize = 64 * 1024;
        let mut stack = vec![0_u128; STACK_SIZE / size_of::<u128>()];
        let top = stack.as_mut_ptr_range().end;
        let mut pidfd: libc::c_int = -1;
        let blocked = AllSignalsBlocked::new();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: the stack and `self` outlive the child's use of them, since CLONE_VFORK suspends this thread until
        // the child has executed a program or exited; the child keeps to the rules of this module.
        let pid =
            unsafe { libc::clone(launch, top.cast(), flags, ptr::from_mut(self).cast(), &raw mut pidfd) };
        let result = if pid == -1 { Err(io::Error::last_os_error()) } else { Ok(pid as u32) };
        drop(blocked);
        let pid = result?;
        // SAFETY: the kernel opened it for this call.
        Ok((pid, unsafe { OwnedHandle::from_raw_fd(pidfd) }))
    }

    /// In the child: everything up to the program; returns only the step that failed.
    fn execute(&self) -> SpawnStep {
        // Handlers of this process must not run in the child, which shares its memory. The ones that are set go back to
        // their defaults; what is ignored stays so, as across any exec.
        for signal in 1..=libc::SIGRTMAX() {
            reset_handler(signal);
        }
        set_signal_mask(&0);
        for (number, fd) in self.stdio.iter().enumerate() {
            if let Some(fd) = *fd {
                // SAFETY: plain numbers of this process's own table.
                if unsafe { libc::dup2(fd, number as libc::c_int) } == -1 {
                    return SpawnStep::Handles;
                }
            }
        }
        // What other code of this process left inheritable, on purpose or by accident, is not for the child. Kernels
        // before 5.11 refuse, and then it stays so.
        // SAFETY: a system call with three numbers, on this process's own table.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        if let Some(fd) = self.channel {
            // SAFETY: as above.
            if unsafe { libc::fcntl(fd, libc::F_SETFD, 0) } == -1 {
                return SpawnStep::Handles;
            }
        }
        // SAFETY: a C string that the parent keeps.
        if !self.current_dir.is_null() && unsafe { libc::chdir(self.current_dir) } == -1 {
            return SpawnStep::CurrentDir;
        }
        // SAFETY: C strings and null-terminated lists that the parent keeps.
        unsafe { libc::execve(self.path, self.argv, self.envp) };
        SpawnStep::Exec
    }
}

extern "C" fn launch(data: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the parent passes its `Launch` and is suspended while this runs.
    let launch = unsafe { &mut *data.cast::<Launch>() };
    let step = launch.execute();
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    launch.failure = Some((step, errno));
    super::exit_now(127)
}

/// Sets the action of a signal to the default, unless it is ignored.
fn reset_handler(signal: libc::c_int) {
    // SAFETY: plain data, for which zero is a value: no flags, an empty mask, the default action.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut action = default;
    // SAFETY: valid records; the call fails cleanly for the two signals that the C library keeps to itself.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    if result == 0 && action.sa_sigaction != libc::SIG_IGN && action.sa_sigaction != libc::SIG_DFL {
        // SAFETY: as above.
        unsafe { libc::sigaction(signal, &default, ptr::null_mut()) };
    }
}

/// All signals are blocked on this thread while the value lives, those of the C library included.
struct AllSignalsBlocked {
    before: u64,
}

impl AllSignalsBlocked {
    fn new() -> Self {
        AllSignalsBlocked { before: set_signal_mask(&u64::MAX) }
    }
}

impl Drop for AllSignalsBlocked {
    fn drop(&mut self) {
        set_signal_mask(&self.before);
    }
}

/// Sets the mask by the system call: the C library's wrapper leaves out its own signals, whose handlers must not run
/// in the child either. Returns the mask before.
fn set_signal_mask(mask: &u64) -> u64 {
    let mut before = 0_u64;
    // SAFETY: both masks are the 64 bits that the kernel expects. The call cannot fail with these arguments.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            ptr::from_ref(mask),
            &raw mut before,
            size_of::<u64>(),
        )
    };
    before
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

fn exit_status(status: &WaitIdStatus) -> super::ExitStatus {
    if let Some(code) = status.exit_status() {
        super::ExitStatus::Exited(code)
    } else {
        super::ExitStatus::Signaled {
            signal: status.terminating_signal().unwrap_or(0),
            core_dumped: status.dumped(),
        }
    }
}

/// The status that the kernel keeps with a pidfd after the process was collected.
fn status_from_pidfd(handle: BorrowedHandle<'_>) -> Option<super::ExitStatus> {
    /// `struct pidfd_info` of the kernel's `linux/pidfd.h`, first version.
    #[repr(C)]
    struct PidfdInfo {
        mask: u64,
        cgroup_id: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    const PIDFD_GET_INFO: libc::c_ulong = 0xC040_FF0B;
    const { assert!(size_of::<PidfdInfo>() == 64) };
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, cgroup_id: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the record has the size that is part of the request's number; kernels that do not know it refuse.
    let result = unsafe { libc::ioctl(handle.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
    if result == -1 || info.mask & PIDFD_INFO_EXIT == 0 {
        return None;
    }
    Some(if libc::WIFEXITED(info.exit_code) {
        super::ExitStatus::Exited(libc::WEXITSTATUS(info.exit_code))
    } else {
        super::ExitStatus::Signaled {
            signal: libc::WTERMSIG(info.exit_code),
            core_dumped: libc::WCOREDUMP(info.exit_code),
        }
    })
}
