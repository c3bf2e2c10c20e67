//! Namespaces.

use super::{no_reply, proxy};
use crate::client::Request;
use crate::error::CallError;
use crate::wire::Op;
use ipc_pipe::internals::fingerprint;
use serde::Serialize;
use serde::de::DeserializeOwned;

proxy! {
    /// Values of any types under names. Made by [`Host::namespace`](crate::Host::namespace).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{CallError, Manager};
    /// # ipc_process::init();
    ///
    /// let manager = Manager::start()?;
    /// let namespace = manager.namespace()?;
    /// namespace.set("width", &80_u32)?;
    /// namespace.set("title", &"Hamlet".to_string())?;
    /// assert_eq!(namespace.get::<u32>("width")?, 80);
    /// assert!(matches!(namespace.get::<u32>("title"), Err(CallError::WrongType { .. })));
    /// assert_eq!(namespace.names()?, ["width", "title"]);
    /// namespace.remove("width")?;
    /// assert!(matches!(namespace.get::<u32>("width"), Err(CallError::NotFound)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Namespace<> of Namespace
}

impl Namespace {
    /// The value of a name.
    ///
    /// # Errors
    ///
    /// [`CallError::NotFound`] if there is none, [`CallError::WrongType`] if it is of another type.
    pub fn get<T: Serialize + DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        self.call(
            Op::Get,
            |request| request.key(name),
            |reply| {
                if reply.bool()? { reply.typed(of::<T>()) } else { Err(CallError::NotFound) }
            },
        )
    }

    /// Sets the value of a name, whatever type it had before.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn set<T: Serialize + DeserializeOwned>(&self, name: &str, value: &T) -> Result<(), CallError> {
        let write = |request: &mut Request<'_>| {
            request.sized_key(name)?;
            request.value(&(of::<T>(), value))
        };
        self.call(Op::Set, write, no_reply)
    }

    /// Removes a name.
    ///
    /// # Errors
    ///
    /// [`CallError::NotFound`] if it is not there.
    pub fn remove(&self, name: &str) -> Result<(), CallError> {
        self.call(
            Op::Remove,
            |request| request.key(name),
            |reply| {
                // What was there goes back to the server.
                if reply.bool()? { reply.give_up() } else { Err(CallError::NotFound) }
            },
        )
    }

    /// Whether a name has a value.
    pub fn contains(&self, name: &str) -> Result<bool, CallError> {
        self.call(Op::Contains, |request| request.key(name), |reply| reply.bool())
    }

    /// All names, in the order in which they came.
    pub fn names(&self) -> Result<Vec<String>, CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u64(0);
            request.number(usize::MAX >> 1)?;
            request.to.bool(true);
            request.to.bool(false);
            Ok(())
        };
        self.call(Op::Page, write, |reply| {
            reply.from.u64()?;
            let n_names = reply.from.u32()?;
            (0..n_names).map(|_| reply.key()).collect()
        })
    }
}

/// What a type looks like.
fn of<T: DeserializeOwned>() -> [u8; 4] {
    let [a, b, c, d, ..] = fingerprint::<T>();
    [a, b, c, d]
}
