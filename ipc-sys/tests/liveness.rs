//! Learning of a death, and dying with the parent: exactly then, and never because a thread ended.
//!
//! # Safety
//!
//! Forks from a thread; what the process holds at that moment stands at the place.

mod support;

use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::liveness::{Lifeline, lifeline};
use ipc_sys::memory::SharedMapping;
use ipc_sys::process::{Child, ExitStatus, Signal};
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::isolated;
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, set_child_subreaper, waitpid};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;
use support::{LONG, fork_child, join, set_stopped, state, status, wait_until};

/// Long enough for a signal to arrive that should not.
const A_WHILE: Duration = Duration::from_millis(150);

/// Words in which grandchildren write their number when they are ready.
const FIRST: usize = 0;
const SECOND: usize = 4;

fn memory() -> SharedMapping {
    // Grandchildren become children of this process when their parent dies, so that it can wait for them.
    set_child_subreaper(Some(rustix::process::getpid())).expect("Linux has it");
    SharedMapping::create(64).expect("memory is left")
}

/// A process that is not a child, yet, but will be when its parent is dead.
struct Grandchild {
    pid: Pid,
    handle: OwnedHandle,
}

impl Grandchild {
    /// Waits until the process has written its number.
    fn find(memory: &SharedMapping, word: usize) -> Grandchild {
        wait_until(|| memory.atomic_u32(word).load(SeqCst) != 0);
        let pid = Pid::from_raw(memory.atomic_u32(word).load(SeqCst) as i32).expect("not zero");
        Grandchild { pid, handle: pidfd_open(pid, PidfdFlags::empty()).expect("it is alive") }
    }

    fn number(&self) -> u32 {
        self.pid.as_raw_nonzero().get() as u32
    }

    fn ends_within(&self, time: Duration) -> bool {
        wait_one(self.handle.as_fd(), Interest::Read, Deadline::after(time)).expect("memory is left")
    }

    /// The signal that ended it.
    #[track_caller]
    fn death(self) -> Option<i32> {
        assert!(self.ends_within(LONG), "it lives on");
        let (_, status) =
            waitpid(Some(self.pid), WaitOptions::empty()).expect("it is ours").expect("it ended");
        status.terminating_signal()
    }

    fn kill(self) {
        ipc_sys::process::signal(self.handle.as_fd(), Signal::Kill).expect("it is ours");
        self.death();
    }
}

/// Kills a parent. Its handles are gone before its children have another parent, so this waits for its end.
fn kill_and_wait(parent: &Child) {
    parent.signal(Signal::Kill).expect("it is our child");
    status(parent);
}

/// Says that this process is ready and waits for its end.
fn stay(memory: &SharedMapping, word: usize) {
    memory.atomic_u32(word).store(std::process::id(), SeqCst);
    sleep(LONG);
}

/// Makes a child that dies when this process does.
fn start_mortal(memory: &SharedMapping) -> ipc_sys::liveness::Keeper {
    let (keeper, line) = lifeline().expect("handles are left");
    let mut ends = Some((keeper, line));
    let child = fork_child(|| {
        let (keeper, line) = ends.take().expect("made above");
        drop(keeper);
        line.die_when_cut().expect("a pipe can signal");
        stay(memory, FIRST);
    });
    std::mem::forget(child);
    ends.take().expect("made above").0
}

#[test]
fn the_child_dies_with_its_parent() {
    isolated(|| {
        for is_stopped in [false, true, false, true] {
            let memory = memory();
            let parent = fork_child(|| {
                let _keeper = start_mortal(&memory);
                sleep(LONG);
            });
            let grandchild = Grandchild::find(&memory, FIRST);
            assert!(!grandchild.ends_within(A_WHILE));
            if is_stopped {
                set_stopped(grandchild.number(), true);
            }
            kill_and_wait(&parent);
            assert_eq!(grandchild.death(), Some(9));
        }
    });
}

#[test]
fn a_busy_child_dies_with_its_parent() {
    isolated(|| {
        let memory = memory();
        let parent = fork_child(|| {
            let (keeper, line) = lifeline().expect("handles are left");
            let mut ends = Some((keeper, line));
            let child = fork_child(|| {
                let (keeper, line) = ends.take().expect("made above");
                drop(keeper);
                line.die_when_cut().expect("a pipe can signal");
                memory.atomic_u32(FIRST).store(std::process::id(), SeqCst);
                loop {
                    std::hint::spin_loop();
                }
            });
            std::mem::forget((child, ends));
            sleep(LONG);
        });
        let grandchild = Grandchild::find(&memory, FIRST);
        kill_and_wait(&parent);
        assert_eq!(grandchild.death(), Some(9));
    });
}

#[test]
fn an_exit_of_the_parent_counts_as_well() {
    isolated(|| {
        let memory = memory();
        let parent = fork_child(|| {
            std::mem::forget(start_mortal(&memory));
            wait_until(|| memory.atomic_u32(FIRST).load(SeqCst) != 0);
        });
        let grandchild = Grandchild::find(&memory, FIRST);
        join(&parent);
        assert_eq!(grandchild.death(), Some(9));
    });
}

/// `PR_SET_PDEATHSIG` kills here: that is why it is not used.
#[test]
fn the_end_of_a_thread_is_no_death() {
    isolated(|| {
        let memory = memory();
        let parent = fork_child(|| {
            let thread = std::thread::scope(|scope| {
                scope
                    .spawn(|| {
                        let (keeper, line) = lifeline().expect("handles are left");
                        let child = fork_in_thread(&memory, &line);
                        (keeper, line, child)
                    })
                    .join()
            });
            let _kept = thread.expect("the thread does not panic");
            memory.atomic_u32(SECOND).store(1, SeqCst);
            sleep(LONG);
        });
        let grandchild = Grandchild::find(&memory, FIRST);
        wait_until(|| memory.atomic_u32(SECOND).load(SeqCst) == 1);
        assert!(!grandchild.ends_within(A_WHILE), "it died with the thread that made it");
        kill_and_wait(&parent);
        // It has a copy of the keeper itself, and so lives on now, too.
        grandchild.kill();
    });
}

/// A child that dies when the line is cut, forked by a thread that is not the first.
#[allow(unsafe_code)]
fn fork_in_thread(memory: &SharedMapping, line: &Lifeline) -> Child {
    let copy = ipc_sys::handle::duplicate(line.handle()).expect("handles are left");
    // SAFETY: the only other thread waits for this one to end and holds nothing; the child allocates nothing.
    match unsafe { ipc_sys::process::fork() }.expect("the process can be made") {
        ipc_sys::process::Forked::Parent(child) => child,
        ipc_sys::process::Forked::Child => {
            let _ = Lifeline::from_handle(copy).die_when_cut();
            stay(memory, FIRST);
            ipc_sys::process::exit_now(0)
        }
    }
}

#[test]
fn a_line_that_is_cut_already_kills_at_once() {
    isolated(|| {
        let (keeper, line) = lifeline().expect("handles are left");
        drop(keeper);
        assert!(line.is_cut().expect("memory is left"));
        let mut line = Some(line);
        let child = fork_child(|| {
            line.take().expect("made above").die_when_cut().expect("a pipe can signal");
            sleep(LONG);
        });
        assert_eq!(status(&child), ExitStatus::Signaled { signal: 9, core_dumped: false });
    });
}

/// Also when it is cut at any moment of the call.
#[test]
fn no_moment_of_the_call_is_missed() {
    isolated(|| {
        let memory = memory();
        for round in 0..200_u64 {
            memory.atomic_u32(FIRST).store(0, SeqCst);
            let (keeper, line) = lifeline().expect("handles are left");
            let mut ends = Some((keeper, line));
            let child = fork_child(|| {
                let (keeper, line) = ends.take().expect("made above");
                drop(keeper);
                memory.atomic_u32(FIRST).store(1, SeqCst);
                line.die_when_cut().expect("a pipe can signal");
                sleep(LONG);
            });
            while memory.atomic_u32(FIRST).load(SeqCst) == 0 {
                std::hint::spin_loop();
            }
            (0..round * 50).for_each(|_| std::hint::spin_loop());
            drop(ends);
            assert_eq!(status(&child), ExitStatus::Signaled { signal: 9, core_dumped: false });
        }
    });
}

#[test]
fn the_order_is_for_one_process() {
    isolated(|| {
        let memory = memory();
        let parent = fork_child(|| {
            let (keeper, line) = lifeline().expect("handles are left");
            let mut ends = Some((keeper, line));
            let child = fork_child(|| {
                let (keeper, line) = ends.take().expect("made above");
                drop(keeper);
                line.die_when_cut().expect("a pipe can signal");
                let child = fork_child(|| stay(&memory, SECOND));
                stay(&memory, FIRST);
                drop(child);
            });
            std::mem::forget((child, ends));
            sleep(LONG);
        });
        let (first, second) = (Grandchild::find(&memory, FIRST), Grandchild::find(&memory, SECOND));
        kill_and_wait(&parent);
        assert_eq!(first.death(), Some(9));
        assert!(!second.ends_within(A_WHILE), "the child of the child was never told to");
        second.kill();
    });
}

#[test]
fn a_stopped_process_is_not_dead() {
    isolated(|| {
        let memory = memory();
        let owner = fork_child(|| {
            let _keeper = start_mortal(&memory);
            sleep(LONG);
        });
        let watcher = Grandchild::find(&memory, FIRST);
        set_stopped(owner.pid(), true);
        assert!(!watcher.ends_within(A_WHILE));
        assert_eq!(state(owner.pid()), Some('T'));
        kill_and_wait(&owner);
        assert_eq!(watcher.death(), Some(9));
    });
}

#[test]
fn any_number_of_processes_may_watch() {
    isolated(|| {
        let (keeper, line) = lifeline().expect("handles are left");
        let mut keeper = Some(keeper);
        let watchers: Vec<_> = (0..4)
            .map(|_| {
                fork_child(|| {
                    drop(keeper.take());
                    let handle = ipc_sys::handle::duplicate(line.handle()).expect("handles are left");
                    let line = Lifeline::from_handle(Lifeline::from_handle(handle).into_handle());
                    assert!(wait_one(line.handle(), Interest::Read, Deadline::after(LONG)).expect("left"));
                    assert!(line.is_cut().expect("memory is left"));
                })
            })
            .collect();
        sleep(Duration::from_millis(10));
        assert!(watchers.iter().all(|watcher| state(watcher.pid()) != Some('Z')));
        drop(keeper);
        watchers.iter().for_each(join);
    });
}

/// Whom to signal must not be overwritten by the next one who asks.
#[test]
fn several_processes_die_with_one_keeper() {
    isolated(|| {
        let memory = memory();
        let (keeper, line) = lifeline().expect("handles are left");
        let mut ends = Some((keeper, line));
        let children: Vec<_> = (0..4)
            .map(|_| {
                fork_child(|| {
                    let (keeper, line) = ends.take().expect("made above");
                    drop(keeper);
                    line.die_when_cut().expect("a pipe can signal");
                    memory.atomic_u32(FIRST).fetch_add(1, SeqCst);
                    sleep(LONG);
                })
            })
            .collect();
        wait_until(|| memory.atomic_u32(FIRST).load(SeqCst) == 4);
        drop(ends);
        for child in &children {
            assert_eq!(status(child), ExitStatus::Signaled { signal: 9, core_dumped: false });
        }
    });
}

#[test]
fn what_cannot_signal_is_an_error() {
    isolated(|| {
        let file = std::fs::File::open("/dev/null").expect("Linux has it");
        let result = Lifeline::from_handle(file.into()).die_when_cut();
        // A file that is always readable looks like a line that is cut. It must not come so far.
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    });
}
