//! How the workers of a pool are made.
//!
//! # Safety
//!
//! Starts processes by the function that may fork; it never asks it to.
#![allow(unsafe_code)]

use super::board::Board;
use super::crew::{Link, Worker};
use super::desk::Desk;
use super::worker::{Initializer, WorkerStart, work};
use crate::builder::Builder;
use crate::error::SpawnError;
use crate::fork_server::ForkServer;
use crate::method::StartMethod;
use crate::wire::channel_limits;
use ipc_codec::Limits;
use ipc_pipe::internals::line;
use std::sync::Arc;
use std::time::Duration;

/// How long a worker may take to start, as any process.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What each worker is made of.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) board: Arc<Board>,
    pub(super) limits: Limits,
    pub(super) maker: Maker,
    pub(super) initializer: Option<Initializer>,
    pub(super) max_memory: Option<u64>,
}

/// Who makes the workers.
#[derive(Debug)]
pub(super) enum Maker {
    /// This process, which has them run its program again.
    Spawn,
    /// A copy of this process, as it was when the pool was made.
    Copy(ForkServer),
    /// The fork server of this process, which makes its other processes, too.
    ForkServer,
}

impl Recipe {
    /// Starts a worker, without waiting for its first word.
    pub(super) fn start(&self) -> Result<Worker, SpawnError> {
        // Each one has a desk of its own: what a copy of a dead worker may still do there means nothing.
        let desk = Arc::new(Desk::new().map_err(SpawnError::os("making a worker's desk"))?);
        let (ours, theirs) = line().map_err(SpawnError::os("making a worker's line"))?;
        let start = WorkerStart {
            line: theirs,
            desk: Arc::clone(&desk),
            board: Arc::clone(&self.board),
            limits: self.limits.into(),
            initializer: self.initializer.clone(),
            max_memory: self.max_memory,
        };
        let builder = Builder::new().name_prefix("PoolWorker").daemon(true);
        let process = match &self.maker {
            Maker::Copy(server) => builder.launch_served(server, work, start)?,
            // SAFETY: spawned, not forked.
            Maker::Spawn => unsafe { builder.method(StartMethod::Spawn).launch(work, start) }?,
            // SAFETY: ordered, not forked.
            Maker::ForkServer => unsafe { builder.method(StartMethod::ForkServer).launch(work, start) }?,
        };
        let link = Link { process, line: ours.with_limits(channel_limits()) };
        Ok(Worker::new(link, desk, START_TIMEOUT))
    }
}
