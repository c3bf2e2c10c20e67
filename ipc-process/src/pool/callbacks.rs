//! Calling back when tasks have ended: a thread of its own, so that code of the user holds back nothing.
//!
//! A callback is a future that is polled by this thread: once when it is set, and whenever it was woken.

use super::engine::Engine;
use super::pending::Pending;
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
    let engine = Arc::clone(&results.as_ref().engine);
    engine.callbacks.add(&engine, Box::pin(async move { callback(results.await) }));
}

impl Callbacks {
    fn add(&self, engine: &Engine, waiting: Waiting) {
        if engine.is_copy() {
            // The thread was not copied.
            return;
        }
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, _) = thread.get_or_insert_with(|| {
            let (sender, callbacks) = channel::<Arc<Callback>>();
            let run = move || callbacks.into_iter().for_each(|callback| callback.poll());
            let name = "multiproc calls".to_owned();
            let handle = std::thread::Builder::new().name(name).spawn(run).expect("room for one more thread");
            (sender, handle)
        });
        let callback = Callback { waiting: Mutex::new(Some(waiting)), again: sender.clone() };
        // The thread is there as long as there are senders.
        let _ = sender.send(Arc::new(callback));
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
