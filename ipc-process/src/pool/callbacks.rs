//! Calling back when tasks have ended: a thread of its own, so that code of the user holds back nothing.
//!
//! A callback is a future that is polled by this thread: once when it is set, and whenever it was woken.

use super::pending::Pending;
use ipc_sys::clock::Deadline;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;

/// Where the callbacks of a pool are handed to their thread, which is started with the first one.
#[derive(Debug, Default)]
pub(super) struct Callbacks(Mutex<Option<Running>>);

/// The thread, and the way to it.
type Running = (Sender<Arc<Callback>>, JoinHandle<()>);

/// A future and what to do with its value.
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Callback {
    /// None once it was called.
    waiting: Mutex<Option<Waiting>>,
    again: Sender<Arc<Callback>>,
}

/// Has `callback` called with what `results` come to.
pub(super) fn call_back<T>(results: T, callback: impl FnOnce(T::Output) + Send + 'static)
where
    T: Future<Output: 'static> + AsRef<Pending> + Send + 'static,
{
    let pending = results.as_ref();
    if pending.engine.is_copy() {
        // The thread was not copied.
        return;
    }
    let Ok(again) = pending.engine.callbacks.sender() else {
        // There is no room for a thread: it is called here, and by then.
        pending.wait(Deadline::NEVER);
        let mut waiting: Waiting = Box::pin(async move { callback(results.await) });
        let poll = || waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // As in the thread.
        return drop(catch_unwind(AssertUnwindSafe(poll)));
    };
    let waiting = Mutex::new(Some(Box::pin(async move { callback(results.await) }) as Waiting));
    let to_thread = again.clone();
    // The thread is there as long as there are senders.
    let _ = to_thread.send(Arc::new(Callback { waiting, again }));
}

impl Callbacks {
    /// The way to the thread, which is started if it is not there.
    fn sender(&self) -> io::Result<Sender<Arc<Callback>>> {
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((sender, _)) = &*thread {
            return Ok(sender.clone());
        }
        let (sender, callbacks) = channel::<Arc<Callback>>();
        let run = move || callbacks.into_iter().for_each(Callback::poll);
        let handle = std::thread::Builder::new().name("multiproc calls".into()).spawn(run)?;
        *thread = Some((sender.clone(), handle));
        Ok(sender)
    }

    /// Waits until all callbacks were called; all tasks have ended by now.
    pub(super) fn join(&self) {
        let thread = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, handle)) = thread {
            drop(sender);
            if handle.thread().id() != std::thread::current().id() {
                // Whatever panicked in it was printed.
                let _ = handle.join();
            }
        }
    }
}

impl Callback {
    fn poll(self: Arc<Self>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut future) = waiting.take() else { return };
        let waker = Waker::from(Arc::clone(&self));
        let poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        // Code of the user, whose panic was printed; the next callback is called all the same.
        if let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(poll)) {
            *waiting = Some(future);
        }
    }
}

impl Wake for Callback {
    fn wake(self: Arc<Self>) {
        let again = self.again.clone();
        // A thread that is gone has called it.
        let _ = again.send(self);
    }
}
