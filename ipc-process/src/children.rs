//! The children of this process: a list of those that run, and the end of those whose handle was dropped.

use crate::attached::Attached;
use crate::per_process::{Held, PerProcess};
use ipc_pipe::{Look, Waitable};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle};
use ipc_sys::process::{ExitStatus, Signal};
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{fmt, io};

/// A child of this process that ran when [`active_children`] looked.
///
/// It is the same process as that of the [`Process`](crate::Process), if there is still one, without its result.
///
/// # Examples
///
/// ```
/// use ipc_process::{Process, active_children};
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let process = Process::spawn(|seconds: u64| std::thread::sleep(Duration::from_secs(seconds)), 60)?;
/// for child in active_children() {
///     assert!(child.is_alive());
///     child.terminate()?;
///     assert_eq!(child.wait()?.signal(), Some(15));
/// }
/// assert!(!process.is_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ActiveChild(Arc<Member>);

/// The children of this process that have not ended, the oldest first.
///
/// All that were started through this crate are there, however: also those whose [`Process`](crate::Process) was dropped, and the workers
/// of pools. The fork server is not. Those of them that have ended and were dropped are collected by this call.
///
/// # Other processes
///
/// Each process has a list of its own, which is empty in a new process.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, active_children};
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let sleep = |seconds: u64| std::thread::sleep(Duration::from_secs(seconds));
/// let sleeper = Builder::new().name("sleeper").spawn(sleep, 60)?;
/// let names: Vec<_> = active_children().iter().map(|child| child.name().to_owned()).collect();
/// assert_eq!(names, ["sleeper"]);
/// sleeper.kill()?;
/// sleeper.wait()?;
/// assert!(active_children().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn active_children() -> Vec<ActiveChild> {
    let members: Vec<Arc<Member>> = {
        let mut children = CHILDREN.hold();
        let children = own(&mut children);
        children.collect();
        children.members.iter().filter_map(Weak::upgrade).collect()
    };
    // Whoever is asked here is asked without the lock.
    members.into_iter().map(ActiveChild).filter(ActiveChild::is_alive).collect()
}

impl ActiveChild {
    /// The name of the process.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.0.child().pid()
    }

    /// Whether the process ends together with this one.
    pub fn is_daemon(&self) -> bool {
        self.0.is_daemon()
    }

    /// Whether the process has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.0.child().wait(Deadline::NOW).ok().flatten().is_none()
    }

    /// Waits for the process to end, as [`Process::wait`](crate::Process::wait) does.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait(&self) -> io::Result<ExitStatus> {
        self.0.child().wait_for_ever()
    }

    /// Waits for the process to end, for at most `timeout`; `None` when it still runs.
    ///
    /// # Errors
    ///
    /// The system's error, when memory is short.
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        self.0.child().wait(Deadline::after(timeout))
    }

    /// Asks the process to end; nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`Process::terminate`](crate::Process::terminate).
    pub fn terminate(&self) -> io::Result<()> {
        self.0.child().signal(Signal::Terminate)
    }

    /// Ends the process at once; nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`Process::terminate`](crate::Process::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.0.child().signal(Signal::Kill)
    }

    /// Interrupts the process as from the keyboard; nothing if it has ended.
    ///
    /// # Errors
    ///
    /// As for [`Process::terminate`](crate::Process::terminate).
    pub fn interrupt(&self) -> io::Result<()> {
        self.0.child().signal(Signal::Interrupt)
    }

    /// A handle that is readable once the process has ended.
    pub fn sentinel(&self) -> BorrowedHandle<'_> {
        self.0.child().handle()
    }
}

impl AsHandle for ActiveChild {
    fn as_fd(&self) -> BorrowedHandle<'_> {
        self.sentinel()
    }
}

/// Ready once the process has ended.
impl Waitable for ActiveChild {
    fn look(&self) -> io::Result<Look<'_>> {
        Ok(Look::Ask(self.sentinel()))
    }
}

impl fmt::Debug for ActiveChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveChild")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

/// A child, as everybody knows it who has to do with it.
#[derive(Debug)]
pub(crate) struct Member {
    name: String,
    daemon: bool,
    child: Attached,
    /// Whose child it is. A forked child of this process has a copy of this value.
    parent: u32,
}

impl Member {
    /// A child that is not in the list.
    pub(crate) fn unlisted(name: String, daemon: bool, child: Attached) -> Arc<Self> {
        Arc::new(Member { name, daemon, child, parent: std::process::id() })
    }

    /// A child in the list.
    pub(crate) fn listed(name: String, daemon: bool, child: Attached) -> Arc<Self> {
        let member = Member::unlisted(name, daemon, child);
        let mut children = CHILDREN.hold();
        let members = &mut own(&mut children).members;
        // Those that are gone make room when there are as many of them as of the others.
        if members.len() == members.capacity() {
            members.retain(|member| member.strong_count() > 0);
        }
        members.push(Arc::downgrade(&member));
        member
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.daemon
    }

    pub(crate) fn child(&self) -> &Attached {
        &self.child
    }
}

/// What a process knows of its children.
#[derive(Debug, Default)]
pub(crate) struct Children {
    members: Vec<Weak<Member>>,
    /// Those whose handle was dropped before they ended: nobody else collects them.
    detached: Vec<Arc<Member>>,
}

static CHILDREN: PerProcess<Children> = PerProcess::new();

/// Takes over a child that nobody waits for any more.
pub(crate) fn adopt(child: Arc<Member>) {
    if child.parent != std::process::id() {
        return;
    }
    let mut children = CHILDREN.hold();
    let children = own(&mut children);
    children.detached.push(child);
    children.collect();
}

/// Collects the detached children that have ended; called whenever a process is started.
pub(crate) fn sweep() {
    own(&mut CHILDREN.hold()).collect();
}

/// The children, held still across a fork.
pub(crate) fn hold() -> Held<'static, Children> {
    CHILDREN.hold()
}

fn own<'a>(held: &'a mut Held<'_, Children>) -> &'a mut Children {
    let Ok(children) = held.get_or_try(|| Ok::<_, Infallible>(Children::default()));
    children
}

impl Children {
    /// Whether nobody else has the handles of some of them.
    pub(crate) fn holds_handles(&self) -> bool {
        !self.detached.is_empty()
    }

    fn collect(&mut self) {
        // A wait that fails says nothing about the child; the next sweep asks again.
        self.detached.retain(|member| !matches!(member.child.wait(Deadline::NOW), Ok(Some(_))));
    }
}
