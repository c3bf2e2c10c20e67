//! Pools.

use super::{no_args, no_reply, proxy, waits};
use crate::client::Request;
use crate::error::CallError;
use crate::server::{PoolReply, PoolTask};
use crate::wire::Op;
use ipc_codec::Limits;
use ipc_process::internals::Entry;
use ipc_sys::clock::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

proxy! {
    /// Worker processes that belong to the server, so that many processes can give them work. Made by
    /// [`Host::pool`](crate::Host::pool).
    ///
    /// Arguments may have any handles in them, results none, and so no proxies. The workers end with the last proxy.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::Manager;
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let pool = manager.pool(2)?;
    /// assert_eq!(pool.apply(|n: u64| n * n, 7)?, 49);
    /// let begun = pool.apply_async(|text: String| text.len(), "later".to_string())?;
    /// let squares: Result<Vec<u64>, _> = pool.map(|n: u64| n * n, 1..=4)?.into_iter().collect();
    /// assert_eq!(squares?, [1, 4, 9, 16]);
    /// assert_eq!(begun.get()?, 5);
    /// assert_eq!(pool.map_async(|n: u64| n + 1, [1, 2])?.get()?.len(), 2);
    /// pool.close()?;
    /// pool.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Pool<> of Pool
}

/// What will come of a task of a pool. Dropping it forgets the result; the task runs all the same.
#[derive(Debug)]
pub struct Outcome<R> {
    pool: Pool,
    task: u64,
    result: PhantomData<fn() -> R>,
}

/// The same of many tasks that were begun together.
#[derive(Debug)]
pub struct Outcomes<R>(Outcome<R>);

impl Pool {
    /// Runs a function in a worker.
    ///
    /// # Blocking
    ///
    /// Until it has returned.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`]; [`CallError::Refused`] if the worker died, or arguments or result could not be decoded or encoded;
    /// [`CallError::Broken`] if the pool is closed.
    pub fn apply<A, R>(&self, function: fn(A) -> R, args: A) -> Result<R, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.map(function, [args])?.pop().unwrap_or(Err(CallError::Protocol))
    }

    /// Runs a function for each of the arguments, and has all results in their order.
    ///
    /// # Blocking
    ///
    /// Until all of them have returned.
    ///
    /// # Errors
    ///
    /// As for [`apply`](Pool::apply); what goes wrong with one of them is its result.
    pub fn map<A, R>(
        &self,
        function: fn(A) -> R,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Vec<Result<R, CallError>>, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.call(Op::Map, |request| tasks(request, function, args), |reply| results(reply.from.rest()))
    }

    /// Has a worker run a function, without waiting for it.
    ///
    /// # Errors
    ///
    /// As for [`apply`](Pool::apply), as far as there is something to tell.
    pub fn apply_async<A, R>(&self, function: fn(A) -> R, args: A) -> Result<Outcome<R>, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.begin(|request| tasks(request, function, [args]))
    }

    /// Has the workers run a function for each of the arguments, without waiting for it.
    ///
    /// # Errors
    ///
    /// As for [`apply_async`](Pool::apply_async).
    pub fn map_async<A, R>(
        &self,
        function: fn(A) -> R,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Outcomes<R>, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.begin(|request| tasks(request, function, args)).map(Outcomes)
    }

    /// Takes no more tasks.
    pub fn close(&self) -> Result<(), CallError> {
        self.call(Op::Close, no_args, no_reply)
    }

    /// Ends the workers, whatever they do.
    pub fn terminate(&self) -> Result<(), CallError> {
        self.call(Op::Terminate, no_args, no_reply)
    }

    waits! {
        /// Waits until all tasks are done.
        ///
        /// # Blocking
        ///
        /// Until there is no task.
        ///
        /// # Errors
        ///
        /// [`CallError`].
        join, try_join, join_timeout, join_deadline () -> () = join_until
    }

    fn begin<R>(
        &self,
        write: impl FnOnce(&mut Request<'_>) -> Result<(), CallError>,
    ) -> Result<Outcome<R>, CallError> {
        let task = self.call(Op::MapAsync, write, |reply| Ok(reply.from.u64()?))?;
        Ok(Outcome { pool: self.clone(), task, result: PhantomData })
    }

    fn join_until(&self, deadline: Deadline) -> Result<(), CallError> {
        let write = |request: &mut Request<'_>| {
            request.deadline(deadline);
            Ok(())
        };
        self.call(Op::Join, write, no_reply)
    }
}

impl<R: DeserializeOwned> Outcome<R> {
    waits! {
        /// What came of the task.
        ///
        /// # Blocking
        ///
        /// Until the function has returned.
        ///
        /// # Errors
        ///
        /// As for [`Pool::apply`].
        get, try_get, get_timeout, get_deadline () -> R = get_until
    }

    fn get_until(&self, deadline: Deadline) -> Result<R, CallError> {
        self.all_until(deadline)?.pop().unwrap_or(Err(CallError::Protocol))
    }

    fn all_until(&self, deadline: Deadline) -> Result<Vec<Result<R, CallError>>, CallError> {
        let write = |request: &mut Request<'_>| {
            request.deadline(deadline);
            request.word(self.task)
        };
        self.pool.call(Op::Get, write, |reply| results(reply.from.rest()))
    }
}

impl<R: DeserializeOwned> Outcomes<R> {
    waits! {
        /// What came of all of them, in their order.
        ///
        /// # Blocking
        ///
        /// Until the function has returned for each.
        ///
        /// # Errors
        ///
        /// As for [`Pool::map`].
        get, try_get, get_timeout, get_deadline () -> Vec<Result<R, CallError>> = get_until
    }

    fn get_until(&self, deadline: Deadline) -> Result<Vec<Result<R, CallError>>, CallError> {
        self.0.all_until(deadline)
    }
}

impl<R> Drop for Outcome<R> {
    fn drop(&mut self) {
        // The server is gone, and the result with it.
        let _ = self.pool.object.hand_back(Op::Remove, self.pool.type_id, self.task);
    }
}

fn tasks<A, R>(
    request: &mut Request<'_>,
    function: fn(A) -> R,
    args: impl IntoIterator<Item = A>,
) -> Result<(), CallError>
where
    A: Serialize + DeserializeOwned,
    R: Serialize,
{
    let reason = "the function has no place in this program's code";
    let entry = Entry::of(function).ok_or_else(|| CallError::Refused { reason: reason.into() })?;
    let limits = Limits::default();
    let tasks = args
        .into_iter()
        .map(|args| Ok(PoolTask { entry, args: ipc_codec::encode(&args, &limits)? }))
        .collect::<Result<Vec<_>, CallError>>()?;
    let (bytes, handles) = ipc_codec::encode(&tasks, &limits)?.into_parts();
    request.to.rest(&bytes);
    request.handles.extend(handles);
    Ok(())
}

fn results<R: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<Result<R, CallError>>, CallError> {
    let limits = Limits::default();
    let replies: Vec<PoolReply> = ipc_codec::decode(bytes, Vec::new(), &limits)?;
    let result = |reply| match reply {
        PoolReply::Returned(bytes) => Ok(ipc_codec::decode(&bytes, Vec::new(), &limits)?),
        PoolReply::Panicked { message, backtrace } => Err(CallError::Panicked { message, backtrace }),
        PoolReply::Refused(reason) => Err(CallError::Refused { reason }),
    };
    Ok(replies.into_iter().map(result).collect())
}
