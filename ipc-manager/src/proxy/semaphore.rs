//! Semaphores.

use super::{no_args, no_reply, proxy, waits};
use crate::client::Reference;
use crate::error::CallError;
use crate::wire::{Op, TypeId};
use ipc_sys::clock::Deadline;
use std::marker::PhantomData;
use std::sync::Arc;

proxy! {
    /// A semaphore: so many permits. Made by [`Host::semaphore`](crate::Host::semaphore).
    ///
    /// # Other processes
    ///
    /// The permits of a process that ends are free again.
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let semaphore = manager.semaphore(1)?;
    /// let permit = semaphore.acquire()?;
    /// assert!(semaphore.try_acquire().unwrap_err().is_timeout());
    /// semaphore.release()?; // One more than at first.
    /// drop(permit);
    /// assert_eq!(semaphore.available()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Semaphore<> of Semaphore
}

proxy! {
    /// A semaphore that never has more permits than at first. Made by
    /// [`Host::bounded_semaphore`](crate::Host::bounded_semaphore).
    ///
    /// # Other processes
    ///
    /// As for [`Semaphore`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::CallError;
    /// # ipc_process::init();
    ///
    /// let manager = ipc_manager::Manager::start()?;
    /// let semaphore = manager.bounded_semaphore(1)?;
    /// assert!(matches!(semaphore.release(), Err(CallError::NotHeld)));
    /// semaphore.acquire()?.forget()?;
    /// semaphore.release()?;
    /// assert_eq!(semaphore.available()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    BoundedSemaphore<> of BoundedSemaphore
}

/// A permit that is held until this is dropped.
#[derive(Debug)]
#[must_use = "the permit is given back when this is dropped"]
pub struct Permit<'a> {
    object: Arc<Reference>,
    type_id: TypeId,
    token: u64,
    is_held: bool,
    semaphore: PhantomData<&'a ()>,
}

macro_rules! semaphores {
    ($Type:ident) => {
        impl $Type {
            waits! {
                /// Takes a permit.
                ///
                /// # Blocking
                ///
                /// Until one is free; who waits longest gets it.
                ///
                /// # Errors
                ///
                /// [`CallError`].
                acquire, try_acquire, acquire_timeout, acquire_deadline () -> Permit<'_> = acquire_until
            }

            /// Adds a permit, for one that was [forgotten](Permit::forget) say.
            ///
            /// # Errors
            ///
            /// [`CallError::NotHeld`] if a bounded one has all it ever had.
            pub fn release(&self) -> Result<(), CallError> {
                self.call(Op::Release, |request| request.word(0), no_reply)
            }

            /// How many permits are free.
            pub fn available(&self) -> Result<u64, CallError> {
                self.call(Op::State, no_args, |reply| Ok(reply.from.u64()?))
            }

            fn acquire_until(&self, deadline: Deadline) -> Result<Permit<'_>, CallError> {
                let write = |request: &mut crate::client::Request<'_>| {
                    request.deadline(deadline);
                    Ok(())
                };
                let token = self.call(Op::Take, write, |reply| Ok(reply.from.u64()?))?;
                let (object, type_id) = (Arc::clone(&self.object), self.type_id);
                Ok(Permit { object, type_id, token, is_held: true, semaphore: PhantomData })
            }
        }
    };
}

semaphores!(Semaphore);
semaphores!(BoundedSemaphore);

impl Permit<'_> {
    /// Keeps the permit taken: it is not given back by the end of this process either, but by
    /// [`release`](Semaphore::release), of anybody.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn forget(mut self) -> Result<(), CallError> {
        self.end(Op::Abort)
    }

    fn end(&mut self, op: Op) -> Result<(), CallError> {
        if !std::mem::take(&mut self.is_held) {
            return Ok(());
        }
        self.object.hand_back(op, self.type_id, self.token)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The server is gone, and the semaphore with it.
        let _ = self.end(Op::Release);
    }
}
