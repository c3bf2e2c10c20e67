//! Threads for what may take its time: functions of the user, pools, and replies that a client has to make room for.

use super::turn::Product;
use crate::client::Reference;
use crate::wire::ObjectId;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::BorrowedHandle;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// So many threads at most; further work waits for one of them.
const MOST_THREADS: usize = 256;

/// Something to run.
type Work = Box<dyn FnOnce() -> Done + Send>;

/// The threads, and what they have done.
pub(crate) struct Jobs(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    done: Mutex<Vec<Done>>,
    has_done: AtomicBool,
    bell: Doorbell,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    n_idle: usize,
    n_threads: usize,
}

/// What was done, and for whom.
pub(crate) enum Done {
    /// For a call: the line of the caller, its ticket, and the objects that were busy.
    Job {
        line: u64,
        session: u64,
        ticket: u64,
        busy: Vec<ObjectId>,
        product: Product,
        /// What the product names, until the server holds it.
        alive: Vec<Arc<Reference>>,
    },
    /// A reply that had to wait for room is delivered.
    Delivered { line: u64 },
    /// It could not be.
    Undelivered { line: u64 },
}

impl Jobs {
    pub(crate) fn new() -> io::Result<Jobs> {
        Ok(Jobs(Arc::new(Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            done: Mutex::default(),
            has_done: AtomicBool::new(false),
            bell: Doorbell::new()?,
        })))
    }

    /// Runs something on a thread that is idle, or on a new one.
    pub(crate) fn run(&self, work: Work) {
        let mut queue = lock(&self.0.queue);
        queue.work.push_back(work);
        if queue.n_idle < queue.work.len() && queue.n_threads < MOST_THREADS {
            let shared = Arc::clone(&self.0);
            // If there is no thread to be had, those that are there have to do it.
            if std::thread::Builder::new().name("job".into()).spawn(move || shared.work()).is_ok() {
                queue.n_threads += 1;
            }
        }
        drop(queue);
        self.0.more.notify_one();
    }

    /// What was done since it was asked last.
    #[inline]
    pub(crate) fn done(&self) -> Vec<Done> {
        // Acquire: of the list, which was changed before.
        if !self.0.has_done.load(Acquire) {
            return Vec::new();
        }
        self.0.bell.silence();
        self.0.has_done.store(false, Release);
        std::mem::take(&mut *lock(&self.0.done))
    }

    /// Readable when something was done.
    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.0.bell.handle()
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(work) = queue.work.pop_front() {
                drop(queue);
                self.tell(work());
                queue = lock(&self.queue);
            } else {
                queue.n_idle += 1;
                queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.n_idle -= 1;
            }
        }
    }

    fn tell(&self, done: Done) {
        lock(&self.done).push(done);
        self.has_done.store(true, Release);
        self.bell.ring();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing of the user's runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
