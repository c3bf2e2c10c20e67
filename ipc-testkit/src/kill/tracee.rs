//! A child under `ptrace`, which stands still wherever the sweeps want it to.
//!
//! # Safety
//!
//! Requests of `ptrace` name a child that is stopped under this tracer; those that read or write memory take numbers, and
//! an address that the child does not have is an error of the call.
//!
//! # Platform
//!
//! Linux on x86-64: a breakpoint is one byte, and the address of the next instruction is behind it then.

#![allow(unsafe_code)]

use super::forked::{Change, Ending, Forked, WaitsOn};
use super::pin::Pin;
use std::cell::Cell;
use std::io;

/// Why a child does not run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It stands still: it has made its step, or come to a breakpoint or a marker.
    Trap,
    /// It sleeps in a system call, and nobody wanted to wait for that. It is not stopped.
    Asleep,
    /// It is gone.
    Ended,
    /// Nothing has happened for too long. It is not stopped.
    Late,
}

/// A child between its fork and its death.
pub(super) struct Tracee {
    child: Forked,
    /// The address behind the instruction that marks start and end.
    marker: u64,
    is_running: Cell<bool>,
    /// The address of a breakpoint, and the word that stood there.
    planted: Cell<Option<(u64, u64)>>,
    _pin: Pin,
}

impl Tracee {
    /// Forks a child and returns when it stands before the call.
    pub(super) fn start(call: impl FnOnce()) -> Tracee {
        let pin = Pin::new();
        let child = Forked::start(|| {
            // With a trace of the stack a panic would be millions of single steps.
            std::panic::set_hook(Box::new(|panic| eprintln!("in the call that is swept: {panic}")));
            // SAFETY: asks to be traced; takes no pointer.
            unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
            mark();
            call();
            mark();
        });
        let (is_running, planted) = (Cell::new(true), Cell::new(None));
        let mut tracee = Tracee { child, marker: 0, is_running, planted, _pin: pin };
        assert_eq!(tracee.wait(&mut || true), Stop::Trap, "the child does not come to the call");
        tracee.request(libc::PTRACE_SETOPTIONS, 0, libc::PTRACE_O_EXITKILL as u64);
        tracee.marker = tracee.address();
        tracee
    }

    /// Whether it stands behind the call.
    pub(super) fn is_at_end(&self) -> bool {
        !self.is_running.get() && self.address() == self.marker
    }

    /// The address of the next instruction.
    pub(super) fn address(&self) -> u64 {
        self.read(libc::PTRACE_PEEKUSER, ADDRESS_AT)
    }

    /// Makes one instruction.
    pub(super) fn step(&self, waits_on: WaitsOn<'_>) -> Stop {
        self.resume(libc::PTRACE_SINGLESTEP, waits_on)
    }

    /// Runs until something stops it: the end of the call, if nothing else.
    pub(super) fn run(&self, waits_on: WaitsOn<'_>) -> Stop {
        self.resume(libc::PTRACE_CONT, waits_on)
    }

    /// Runs to the `occurrence`-th time that the child is about to execute the instruction at `address`. A trap is that
    /// place, or another one if the child went another way.
    pub(super) fn run_to(&self, address: u64, occurrence: u64, waits_on: WaitsOn<'_>) -> Stop {
        self.plant(address);
        for passed in 1.. {
            let stop = self.run(waits_on);
            if stop != Stop::Trap || !self.lift() || passed == occurrence {
                return stop;
            }
            match self.step(waits_on) {
                Stop::Trap => self.plant(address),
                other => return other,
            }
        }
        unreachable!("no address is passed that often")
    }

    /// Lets the child run to the end of its process, from wherever it is.
    pub(super) fn finish(&self) -> Ending {
        if !self.is_running.get() {
            self.tell(libc::PTRACE_CONT, 0);
        }
        loop {
            match self.await_change(libc::PTRACE_CONT, &mut || true) {
                Change::Ended(ending) => return ending,
                // The end of the call, or a breakpoint on a way that it did not take before.
                Change::Stopped(_) => {
                    self.lift();
                    self.tell(libc::PTRACE_CONT, 0);
                }
                Change::Asleep | Change::Late => {
                    self.kill();
                    return Ending::Hung;
                }
            }
        }
    }

    /// Kills and collects the child, as it stands.
    pub(super) fn kill(&self) {
        self.child.kill();
    }

    /// Replaces the instruction at an address by one that stops the child.
    fn plant(&self, address: u64) {
        const BREAKPOINT: u64 = 0xcc;
        let word = self.read(libc::PTRACE_PEEKTEXT, address);
        self.request(libc::PTRACE_POKETEXT, address, word & !0xff | BREAKPOINT);
        self.planted.set(Some((address, word)));
    }

    /// Takes the breakpoint away. True if the child has just come to it; then it stands before what was there.
    fn lift(&self) -> bool {
        let Some((address, word)) = self.planted.take() else { return false };
        self.request(libc::PTRACE_POKETEXT, address, word);
        let was_hit = self.address() == address + 1;
        if was_hit {
            self.request(libc::PTRACE_POKEUSER, ADDRESS_AT, address);
        }
        was_hit
    }

    /// Lets the child go on, and waits.
    fn resume(&self, how: libc::c_uint, waits_on: WaitsOn<'_>) -> Stop {
        self.tell(how, 0);
        self.wait_for(how, waits_on)
    }

    /// Waits for a child that was told to go on before.
    pub(super) fn wait(&self, waits_on: WaitsOn<'_>) -> Stop {
        self.wait_for(libc::PTRACE_CONT, waits_on)
    }

    fn wait_for(&self, how: libc::c_uint, waits_on: WaitsOn<'_>) -> Stop {
        match self.await_change(how, waits_on) {
            Change::Stopped(_) => Stop::Trap,
            Change::Ended(_) => Stop::Ended,
            Change::Asleep => Stop::Asleep,
            Change::Late => Stop::Late,
        }
    }

    /// Waits, and passes on the signals that are for the child itself.
    fn await_change(&self, how: libc::c_uint, waits_on: WaitsOn<'_>) -> Change {
        loop {
            let change = self.child.wait(waits_on);
            self.is_running.set(!matches!(change, Change::Stopped(_)));
            match change {
                Change::Stopped(signal) if signal != libc::SIGTRAP => self.tell(how, signal as u64),
                other => return other,
            }
        }
    }

    fn tell(&self, how: libc::c_uint, signal: u64) {
        self.request(how, 0, signal);
        self.is_running.set(true);
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
        let pid = self.child.pid();
        // SAFETY: by the section above; a request that answers with a word has the address of one in `data`.
        let result = unsafe { libc::syscall(libc::SYS_ptrace, u64::from(request), pid, address, data) };
        assert!(result != -1, "ptrace {request}: {}", io::Error::last_os_error());
    }
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
