//! Pools of worker processes that belong to the server, so that many processes can give them work.

use super::super::turn::{Answer, Job, Object, Product, SessionId, Ticket, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader};
use ipc_codec::{Limits, Message};
use ipc_process::internals::{Entry, Outcome};
use ipc_sys::handle::OwnedHandle;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A pool, and the results that were not asked for yet.
pub(super) struct Pool {
    n_workers: usize,
    workers: Arc<Workers>,
    /// Of tasks that were begun: what came of them, or who waits for it.
    results: HashMap<Ticket, (SessionId, Pending)>,
    n_running: usize,
    joiners: Vec<Ticket>,
    is_closed: bool,
}

/// The pool itself, once it was needed.
#[derive(Default)]
struct Workers {
    pool: OnceLock<Result<ipc_process::Pool, String>>,
    /// Whether it is to end at once. Who makes the pool looks here after that, and who says so looks for the pool after that.
    is_over: Mutex<bool>,
}

/// What came of a task.
enum Pending {
    Running(Vec<Ticket>),
    Done(Vec<u8>),
}

/// A function and its arguments, as a worker gets them.
#[derive(Serialize, Deserialize)]
pub(crate) struct PoolTask {
    pub(crate) entry: Entry,
    pub(crate) args: Message,
}

/// What came of a task, as a client gets it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum PoolReply {
    Returned(Vec<u8>),
    Panicked { message: String, backtrace: String },
    Refused(String),
}

impl Pool {
    pub(super) fn create(args: &mut Reader<'_>) -> Result<Pool, Failure> {
        let n_workers = args.count()?;
        if n_workers == 0 {
            return Err(Failure::Refused("a pool has at least one worker".into()));
        }
        Ok(Pool {
            n_workers,
            workers: Arc::default(),
            results: HashMap::new(),
            n_running: 0,
            joiners: Vec::new(),
            is_closed: false,
        })
    }

    /// Runs tasks, and has all their results.
    fn tasks(&mut self, args: &mut Reader<'_>, handles: Vec<OwnedHandle>) -> Result<Job, Failure> {
        if self.is_closed {
            return Err(Failure::Broken);
        }
        let tasks: Vec<PoolTask> = ipc_codec::decode(args.rest(), handles, &Limits::default())
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let (workers, n_workers) = (Arc::clone(&self.workers), self.n_workers);
        self.n_running += 1;
        Ok(Box::new(move |_| {
            let replies: Vec<PoolReply> = match workers.start(n_workers) {
                Ok(pool) => pool.map(run, tasks).into_iter().map(reply).collect(),
                Err(reason) => tasks.iter().map(|_| PoolReply::Refused(reason.clone())).collect(),
            };
            match ipc_codec::encode(&replies, &Limits::default()) {
                Ok(replies) => Product::Reply(replies.into_parts().0),
                Err(error) => Product::Failed(Failure::Refused(error.to_string())),
            }
        }))
    }

    /// A pool that takes no more tasks ends its workers when the last task is done, which may not have begun yet.
    fn close_if_done(&self) {
        if let (true, 0, Some(Ok(pool))) = (self.is_closed, self.n_running, self.workers.pool.get()) {
            pool.close();
        }
    }
}

impl Workers {
    fn start(&self, n_workers: usize) -> &Result<ipc_process::Pool, String> {
        let pool =
            self.pool.get_or_init(|| ipc_process::Pool::new(n_workers).map_err(|error| error.to_string()));
        if *self.is_over() {
            self.terminate();
        }
        pool
    }

    fn terminate(&self) {
        if let Some(Ok(pool)) = self.pool.get() {
            pool.terminate();
        }
    }

    fn is_over(&self) -> MutexGuard<'_, bool> {
        self.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Pool {
    fn kind(&self) -> Kind {
        Kind::Pool
    }

    fn size(&self) -> usize {
        self.n_running
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match op {
            Op::Map => return self.tasks(args, std::mem::take(&mut turn.handles)).map(Answer::Aside),
            Op::MapAsync => {
                let job = self.tasks(args, std::mem::take(&mut turn.handles))?;
                self.results.insert(turn.ticket, (turn.session, Pending::Running(Vec::new())));
                turn.reply.u64(turn.ticket);
                return Ok(Answer::Begun(job));
            }
            Op::Get => {
                let (left, task) = (args.u64()?, args.u64()?);
                match &mut self.results.get_mut(&task).ok_or(Failure::NotFound)?.1 {
                    Pending::Done(reply) => turn.reply.rest(reply),
                    Pending::Running(waiters) => {
                        let answer = turn.park(left)?;
                        waiters.push(turn.ticket);
                        return Ok(answer);
                    }
                }
            }
            Op::Remove => drop(self.results.remove(&args.u64()?)),
            Op::Close => {
                self.is_closed = true;
                self.close_if_done();
            }
            Op::Terminate => {
                self.is_closed = true;
                *self.workers.is_over() = true;
                self.workers.terminate();
            }
            Op::Join if self.n_running > 0 => {
                let answer = turn.park(args.u64()?)?;
                self.joiners.push(turn.ticket);
                return Ok(answer);
            }
            Op::Join => {}
            op => return Err(unknown(Kind::Pool, op)),
        }
        Ok(Answer::Done)
    }

    fn finished(&mut self, product: Product, turn: &mut Turn<'_>) -> Result<(), Failure> {
        self.n_running -= 1;
        self.close_if_done();
        if self.n_running == 0 {
            self.joiners.drain(..).for_each(|joiner| turn.complete(joiner, Vec::new()));
        }
        let Product::Reply(reply) = product else { return Err(Failure::Malformed) };
        if let Some((_, pending)) = self.results.get_mut(&turn.ticket) {
            if let Pending::Running(waiters) = std::mem::replace(pending, Pending::Done(reply.clone())) {
                waiters.into_iter().for_each(|waiter| turn.complete(waiter, reply.clone()));
            }
        }
        turn.reply.rest(&reply);
        Ok(())
    }

    fn expire(&mut self, ticket: Ticket, turn: &mut Turn<'_>) -> bool {
        self.forget(ticket, turn);
        true
    }

    /// Results are for whoever began the task.
    fn session_ended(&mut self, session: SessionId, _turn: &mut Turn<'_>) {
        self.results.retain(|_, (owner, _)| *owner != session);
    }

    fn forget(&mut self, ticket: Ticket, _turn: &mut Turn<'_>) {
        self.joiners.retain(|&joiner| joiner != ticket);
        for (_, pending) in self.results.values_mut() {
            if let Pending::Running(waiters) = pending {
                waiters.retain(|&waiter| waiter != ticket);
            }
        }
    }
}

/// The workers end on a thread of their own: the server does not wait for them.
impl Drop for Pool {
    fn drop(&mut self) {
        let workers = std::mem::take(&mut self.workers);
        std::thread::spawn(move || drop(workers));
    }
}

/// In a worker.
fn run(task: PoolTask) -> PoolReply {
    let callee = match task.entry.resolve() {
        Ok(callee) => callee,
        Err(error) => return PoolReply::Refused(error.to_string()),
    };
    match callee.call(task.args, &Limits::default(), &mut || ()) {
        Outcome::Returned(result) if result.handles().is_empty() => {
            PoolReply::Returned(result.into_parts().0)
        }
        Outcome::Returned(_) => PoolReply::Refused("the result has handles in it".into()),
        Outcome::Panicked(report) => PoolReply::Panicked {
            message: format!("the function {report}"),
            backtrace: report.backtrace().to_owned(),
        },
        Outcome::ArgumentsRefused(reason)
        | Outcome::ResultRefused(reason)
        | Outcome::ImageDiffers(reason) => PoolReply::Refused(reason),
    }
}

fn reply(result: Result<PoolReply, ipc_process::TaskError>) -> PoolReply {
    result.unwrap_or_else(|error| PoolReply::Refused(error.to_string()))
}
