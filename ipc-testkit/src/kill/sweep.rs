//! Kills a process at each instruction of one call: every point, where random kills meet the rare ones never.
//!
//! A first child runs the call in single steps, and the address of each is written down. Then, for each point, a
//! fresh child runs to it by a breakpoint and is killed there. The children are forks of one process, so that their
//! code stands at the same addresses and takes the same way, unless it depends on the time.
//!
//! # Safety
//!
//! Forks, and traces the children with `ptrace`.
//!
//! 1. The process that sweeps has one thread, so a fork may do anything.
//! 2. Requests of `ptrace` name a child that is stopped under this tracer; those that read or write memory take
//!    numbers, and an address that the child does not have is an error of the call.
//!
//! # Platform
//!
//! Linux on x86-64. Elsewhere nothing is swept, and [`Sweep::points`] is 0.
#![allow(unsafe_code)]

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// How many instructions the call has.
    pub steps: u64,
    /// At how many of them a child was killed.
    pub points: u64,
    /// How many children took another way and ended before their point; they were killed after the call.
    pub missed: u64,
}

/// Rounds before the way of the call is written down.
const WARM_UP: usize = 5;

/// Kills a child before every `stride`-th instruction of `call`, and once after it, and has each result checked.
///
/// For each point, `make` makes what the call works on, shared with the child; the child calls; and after its death
/// `check` sees what is left, with the number of the point.
///
/// # Panics
///
/// If the process has more than one thread, or if the call panics.
///
/// # Examples
///
/// ```no_run
/// use ipc_testkit::kill::sweep;
///
/// let swept = sweep(1, || std::fs::File::open("/dev/null"), |_file| (), |_file, point| println!("{point}"));
/// assert_eq!(swept.missed, 0);
/// ```
pub fn sweep<S>(
    stride: u64,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    mut check: impl FnMut(S, u64),
) -> Sweep {
    assert_eq!(crate::proc::tasks(crate::proc::own_pid()).len(), 1, "a process with threads cannot be swept");
    let mut swept = Sweep::default();
    if !cfg!(target_arch = "x86_64") {
        return swept;
    }
    // The way of a call depends on what the allocator has at hand, which the first rounds change. So they kill after the call,
    // and the way is written down again once it has settled.
    let first = Route::of(&make, &call, &mut check);
    for _ in 0..WARM_UP {
        round(&first, first.addresses.len(), &make, &call, &mut check, &mut swept);
    }
    let route = Route::of(&make, &call, &mut check);
    let n_steps = route.addresses.len();
    for point in (0..n_steps).step_by(stride.max(1) as usize).chain([n_steps]) {
        round(&route, point, &make, &call, &mut check, &mut swept);
    }
    swept.steps = n_steps as u64;
    swept
}

/// One child, killed at one point of the route.
fn round<S>(
    route: &Route,
    point: usize,
    make: impl Fn() -> S,
    call: impl Fn(&S),
    mut check: impl FnMut(S, u64),
    swept: &mut Sweep,
) {
    let state = make();
    let tracee = Tracee::start(|| call(&state));
    let arrived = route.lead(&tracee, point);
    tracee.kill();
    swept.points += 1;
    swept.missed += u64::from(!arrived);
    check(state, point as u64);
}

/// The address of each instruction of the call, and how often it came before.
struct Route {
    addresses: Vec<u64>,
    /// The how-manieth time the address of the same place comes, from 1 on.
    occurrences: Vec<u64>,
}

impl Route {
    /// More single steps than this are not taken to save stops at a breakpoint.
    const MOST_STEPS: usize = 400;

    /// The way of a call at this moment; what it leaves is checked like that of a child that was killed after the call.
    fn of<S>(make: impl Fn() -> S, call: impl Fn(&S), mut check: impl FnMut(S, u64)) -> Route {
        let state = make();
        let tracee = Tracee::start(|| call(&state));
        let mut addresses = Vec::new();
        let mut counts = std::collections::HashMap::new();
        let mut occurrences = Vec::new();
        let mut address = tracee.address();
        loop {
            addresses.push(address);
            let count = counts.entry(address).or_insert(0);
            *count += 1;
            occurrences.push(*count);
            assert!(tracee.resume(libc::PTRACE_SINGLESTEP), "the call has ended its process");
            address = tracee.address();
            if address == tracee.marker {
                break;
            }
        }
        tracee.kill();
        // The last one is the marker itself.
        addresses.pop();
        check(state, addresses.len() as u64);
        Route { addresses, occurrences }
    }

    /// Runs a child, which stands at the start, to a point; whether it got there.
    fn lead(&self, tracee: &Tracee, point: usize) -> bool {
        if point == self.addresses.len() {
            return tracee.resume(libc::PTRACE_CONT) && tracee.address() == tracee.marker;
        }
        // A place shortly before the point that is not passed often: a stop there costs two, a step costs one.
        let places = point.saturating_sub(Route::MOST_STEPS)..=point;
        let place =
            places.min_by_key(|&place| 2 * self.occurrences[place] + (point - place) as u64).unwrap_or(point);
        let steps = point - place;
        tracee.run_to(self.addresses[place], self.occurrences[place])
            && (0..steps).all(|_| tracee.resume(libc::PTRACE_SINGLESTEP) && tracee.address() != tracee.marker)
    }
}

/// A child between its fork and its death.
struct Tracee {
    pid: libc::pid_t,
    /// The address behind the instruction that marks start and end.
    marker: u64,
}

impl Tracee {
    /// Forks a child and returns when it stands before the call.
    fn start(call: impl FnOnce()) -> Tracee {
        // SAFETY: by Invariant 1.
        match unsafe { libc::fork() } {
            -1 => panic!("cannot fork: {}", io::Error::last_os_error()),
            0 => run_traced(call),
            pid => {
                let mut tracee = Tracee { pid, marker: 0 };
                assert!(tracee.wait(), "the child has ended before the call");
                tracee.request(libc::PTRACE_SETOPTIONS, 0, libc::PTRACE_O_EXITKILL as u64);
                tracee.marker = tracee.address();
                tracee
            }
        }
    }

    /// Lets the child go on until it stops; false when it has ended.
    fn resume(&self, how: libc::c_uint) -> bool {
        self.request(how, 0, 0);
        self.wait()
    }

    /// Waits until the child stops for the tracer; false when it has ended.
    fn wait(&self) -> bool {
        loop {
            let mut status = 0;
            // SAFETY: the pointer is that of a local variable.
            let pid = unsafe { libc::waitpid(self.pid, &mut status, 0) };
            assert_eq!(pid, self.pid, "cannot wait: {}", io::Error::last_os_error());
            if !libc::WIFSTOPPED(status) {
                return false;
            }
            match libc::WSTOPSIG(status) {
                libc::SIGTRAP => return true,
                // A signal for the child itself.
                signal => self.request(libc::PTRACE_CONT, 0, signal as u64),
            };
        }
    }

    /// Runs to the `occurrence`-th time that the child is about to execute the instruction at `address`.
    fn run_to(&self, address: u64, occurrence: u64) -> bool {
        const BREAKPOINT: u64 = 0xcc;
        let word = self.read(libc::PTRACE_PEEKTEXT, address);
        let plant = || self.request(libc::PTRACE_POKETEXT, address, word & !0xff | BREAKPOINT);
        plant();
        for passed in 1.. {
            if !self.resume(libc::PTRACE_CONT) || self.address() != address + 1 {
                return false;
            }
            self.request(libc::PTRACE_POKETEXT, address, word);
            self.request(libc::PTRACE_POKEUSER, ADDRESS_AT, address);
            if passed == occurrence {
                break;
            }
            if !self.resume(libc::PTRACE_SINGLESTEP) {
                return false;
            }
            plant();
        }
        true
    }

    /// The address of the next instruction.
    fn address(&self) -> u64 {
        self.read(libc::PTRACE_PEEKUSER, ADDRESS_AT)
    }

    fn kill(self) {
        // SAFETY: the call takes no pointer, and the child was not waited for: its number is its own. If it has
        // ended, it was.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        // Until it has ended or there is none.
        let mut status = 0;
        // SAFETY: the pointer is that of a local variable.
        while unsafe { libc::waitpid(self.pid, &mut status, 0) } == self.pid && libc::WIFSTOPPED(status) {}
    }

    /// Makes a request whose answer is a word.
    fn read(&self, request: libc::c_uint, address: u64) -> u64 {
        let mut word = 0_u64;
        self.request(request, address, &raw mut word as u64);
        word
    }

    /// Makes a request, in the form of the system call: the wrapper of the C library returns a word where an error
    /// would be.
    fn request(&self, request: libc::c_uint, address: u64, data: u64) {
        // SAFETY: by Invariant 2; a request that answers with a word has the address of one in `data`.
        let result = unsafe { libc::syscall(libc::SYS_ptrace, u64::from(request), self.pid, address, data) };
        assert!(result != -1, "ptrace {request}: {}", io::Error::last_os_error());
    }
}

/// In the child: the call between two markers.
fn run_traced(call: impl FnOnce()) -> ! {
    // SAFETY: asks to be traced; takes no pointer.
    unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    let result = catch_unwind(AssertUnwindSafe(|| {
        mark();
        call();
        mark();
    }));
    // SAFETY: the call takes no pointer and does not return.
    unsafe { libc::_exit(if result.is_ok() { 0 } else { 101 }) }
}

/// One instruction, the same for start and end, that stops the process for its tracer.
#[inline(never)]
fn mark() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the process is traced, and the instruction changes nothing.
    unsafe {
        std::arch::asm!("int3", options(nomem, nostack))
    };
}

/// Where the address of the next instruction stands among the registers that `ptrace` shows.
#[cfg(target_arch = "x86_64")]
const ADDRESS_AT: u64 =
    (std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rip)) as u64;
#[cfg(not(target_arch = "x86_64"))]
const ADDRESS_AT: u64 = 0;
