//! Who this process is to the family: its name and its place in the tree.

use crate::parent::Family;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// This process, as the family knows it.
///
/// # Examples
///
/// ```
/// use ipc_process::Process;
/// # ipc_process::init();
///
/// assert_eq!(ipc_process::current().name(), "MainProcess");
/// let process = Process::spawn(|(): ()| ipc_process::current().name().to_owned(), ())?;
/// assert_eq!(process.join()?, "Process-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Current(Arc<Identity>);

impl Current {
    /// The name that the parent gave, `MainProcess` for a process that the family did not start.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Whether the family ends this process together with its parent.
    pub fn is_daemon(&self) -> bool {
        self.0.daemon
    }
}

/// This process.
///
/// # Examples
///
/// ```
/// use ipc_process::Builder;
/// # ipc_process::init();
///
/// let process = Builder::new().name("helper").daemon(true).spawn(
///     |(): ()| {
///         let me = ipc_process::current();
///         (me.name().to_owned(), me.pid(), me.is_daemon())
///     },
///     (),
/// )?;
/// let pid = process.pid();
/// assert_eq!(process.join()?, ("helper".to_string(), pid, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn current() -> Current {
    Current(identity())
}

/// A process's place in the tree of the family: the first child of the third child of the main process is `[3, 1]`.
pub(crate) type TreePath = Vec<u32>;

#[derive(Debug)]
struct Identity {
    name: String,
    path: TreePath,
    daemon: bool,
    parent: Option<Arc<Family>>,
    n_children: AtomicU32,
}

static IDENTITY: Mutex<Option<Arc<Identity>>> = Mutex::new(None);

/// The identity, held still across a fork.
pub(crate) fn hold() -> HeldIdentity {
    HeldIdentity(IDENTITY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The identity of this process, locked.
pub(crate) struct HeldIdentity(MutexGuard<'static, Option<Arc<Identity>>>);

impl HeldIdentity {
    /// Who a child will be. Without a parent of its own it has that of the process that it is a copy of.
    pub(crate) fn of_child(
        &self,
        name: String,
        path: TreePath,
        daemon: bool,
        parent: Option<Arc<Family>>,
    ) -> ChildIdentity {
        let parent = parent.or_else(|| self.0.as_ref().and_then(|identity| identity.parent.clone()));
        ChildIdentity(Arc::new(Identity { name, path, daemon, parent, n_children: AtomicU32::new(0) }))
    }

    /// In a child: from now on it is this one.
    #[inline]
    pub(crate) fn become_child(mut self, identity: ChildIdentity) {
        // The parent's stays where it is: to give the memory back is to copy the pages that it is on.
        std::mem::forget(self.0.replace(identity.0));
    }
}

/// Who a child will be, made where there is memory in use already: before the fork.
pub(crate) struct ChildIdentity(Arc<Identity>);

/// The place in the tree of the next child.
pub(crate) fn next_child() -> TreePath {
    let identity = identity();
    let number = identity.n_children.fetch_add(1, Ordering::Relaxed) + 1;
    identity.path.iter().copied().chain([number]).collect()
}

/// The name of a process that was not given one: `Process-3:1`.
pub(crate) fn default_name(prefix: &str, path: &[u32]) -> String {
    let numbers: Vec<_> = path.iter().map(u32::to_string).collect();
    format!("{prefix}-{}", numbers.join(":"))
}

/// The parent, if the family started this process.
pub(crate) fn parent() -> Option<Arc<Family>> {
    identity().parent.clone()
}

fn identity() -> Arc<Identity> {
    let mut slot = IDENTITY.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(slot.get_or_insert_with(|| {
        Arc::new(Identity {
            name: "MainProcess".into(),
            path: Vec::new(),
            daemon: false,
            parent: None,
            n_children: AtomicU32::new(0),
        })
    }))
}
