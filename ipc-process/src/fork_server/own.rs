//! The fork server of this process, which starts with the first process that needs it.

use super::{Failure, ForkServer};
use crate::attached::Attached;
use crate::error::SpawnError;
use crate::init;
use crate::launch::Surroundings;
use crate::per_process::{Held, PerProcess};
use crate::stdio::Streams;
use crate::wire::Start;
use crate::words::Words;
use ipc_sys::clock::Deadline;
use std::convert::Infallible;
use std::sync::Arc;

/// How many servers may be gone when one is needed, before that is an error.
const ATTEMPTS: usize = 3;

/// What this process has of fork servers.
#[derive(Debug, Default)]
pub(crate) struct Own {
    preload: Option<fn()>,
    server: Option<Arc<ForkServer>>,
}

impl Own {
    /// Whether there is a server to let go of.
    pub(crate) fn holds_handles(&self) -> bool {
        self.server.is_some()
    }
}

static OWN: PerProcess<Own> = PerProcess::new();

/// Sets a function that the fork server of this process calls once, before it makes any process: what it loads, all of them
/// have without loading it, the workers of [pools](crate::Pool) by this method included.
///
/// It has to leave the server with one thread, or no process can be made. It takes effect when a server starts: to be called
/// before the first process, or with [`stop_forkserver`] behind it.
///
/// # Other processes
///
/// The function runs in the server, which is the program as it starts: it sees no variable of this process. Where it panics, each
/// start by the server is an error that says so.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, StartMethod, set_forkserver_preload};
/// use std::sync::OnceLock;
/// # ipc_process::init();
///
/// static TABLE: OnceLock<Vec<u64>> = OnceLock::new();
///
/// set_forkserver_preload(|| _ = TABLE.set((0..1000).map(|n| n * n).collect()));
/// let look_up = |index: usize| TABLE.get().map(|table| table[index]);
/// let process = Builder::new().method(StartMethod::ForkServer).spawn(look_up, 30)?;
/// assert_eq!(process.join()?, Some(900));
/// assert!(TABLE.get().is_none()); // Nobody needs it here.
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_forkserver_preload(preload: fn()) {
    own(&mut OWN.hold()).preload = Some(preload);
}

/// Ends the fork server of this process, if there is one. The next process that needs it starts another one.
///
/// # Blocking
///
/// Until the server has ended, which is at once; not for the processes that it made.
///
/// # Other processes
///
/// The processes that it made go on. How they end can be learned from their handles still; the exact status, where the
/// system does not keep it for others than the parent (Linux before 6.15), is unknown.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, StartMethod, stop_forkserver};
/// # ipc_process::init();
///
/// let builder = || Builder::new().method(StartMethod::ForkServer);
/// assert_eq!(builder().spawn(|n: u32| n + 1, 1)?.join()?, 2);
/// stop_forkserver();
/// assert_eq!(builder().spawn(|n: u32| n + 1, 2)?.join()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stop_forkserver() {
    let server = own(&mut OWN.hold()).server.take();
    drop(server);
}

/// Has the server of this process fork one that does what `start` says, and starts the server if there is none.
pub(crate) fn fork(
    start: Start,
    surroundings: &mut Surroundings,
    deadline: Deadline,
) -> Result<(Attached, Arc<Words>), SpawnError> {
    let stdio = std::mem::take(&mut surroundings.stdio);
    let streams = Streams::open(stdio).map_err(SpawnError::os("opening the standard streams"))?;
    let start = Arc::new(start);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let server = running()?;
        match server.fork_here(&start, (surroundings, &streams), deadline) {
            Ok(made) => return Ok(made),
            Err(Failure::Failed(error)) => return Err(error),
            Err(Failure::Gone) => {}
        }
        retire(&server);
        // It may have been killed at any time before. What it complained of itself, the next one will complain of, too.
        let end = server.end();
        let is_final = end.is_final;
        last = Some(end.into());
        if is_final {
            break;
        }
    }
    Err(last.expect("there was an attempt"))
}

/// The server, locked for the length of a fork.
pub(crate) fn hold() -> Held<'static, Own> {
    OWN.hold()
}

/// The server that runs, or a new one.
fn running() -> Result<Arc<ForkServer>, SpawnError> {
    if !init::was_called() {
        return Err(SpawnError::NotInitialized);
    }
    let mut held = OWN.hold();
    let own = own(&mut held);
    match &own.server {
        Some(server) => Ok(Arc::clone(server)),
        None => {
            let server = Arc::new(ForkServer::spawned(own.preload)?);
            own.server = Some(Arc::clone(&server));
            Ok(server)
        }
    }
}

/// Forgets a server, unless somebody else has done so and has another one already.
fn retire(server: &Arc<ForkServer>) {
    let mut held = OWN.hold();
    let own = own(&mut held);
    if own.server.as_ref().is_some_and(|known| Arc::ptr_eq(known, server)) {
        own.server = None;
    }
}

fn own<'a>(held: &'a mut Held<'_, Own>) -> &'a mut Own {
    let Ok(own) = held.get_or_try(|| Ok::<_, Infallible>(Own::default()));
    own
}
