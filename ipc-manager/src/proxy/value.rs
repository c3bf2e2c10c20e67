//! Variables.

use super::contents::One;
use super::number::Number;
use super::{no_reply, proxy};
use crate::client::Request;
use crate::error::CallError;
use crate::wire::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;

proxy! {
    /// A variable. Made by [`Host::value`](crate::Host::value).
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let value = manager.value(1_u64)?;
    /// value.set(&40)?;
    /// assert_eq!(value.fetch_add(2)?, 40);
    /// assert_eq!(value.compare_exchange(&1, &2)?, Err(42));
    /// assert_eq!(value.update(|number: &mut u64, by: u64| std::mem::replace(number, *number * by), 2)?, 42);
    /// assert_eq!(value.replace(&0)?, 84);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Value<T> of Value
}

impl<T: Serialize + DeserializeOwned> Value<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// [`CallError`], as for all methods.
    pub fn get(&self) -> Result<T, CallError> {
        self.call(Op::Get, |request| request.number(0), |reply| reply.value())
    }

    /// Sets the value.
    pub fn set<Q: Serialize + ?Sized>(&self, value: &Q) -> Result<(), CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Set, |request| indexed(request, value), no_reply)
    }

    /// Sets the value, and returns the one before.
    pub fn replace<Q: Serialize + ?Sized>(&self, value: &Q) -> Result<T, CallError>
    where
        T: Borrow<Q>,
    {
        self.call(Op::Swap, |request| indexed(request, value), |reply| reply.value())
    }

    /// Sets the value if it is the expected one, as far as encodings tell.
    ///
    /// # Errors
    ///
    /// The inner error is the value that is there instead.
    pub fn compare_exchange(&self, expected: &T, new: &T) -> Result<Result<T, T>, CallError> {
        let write = |request: &mut Request<'_>| {
            request.number(0)?;
            request.sized(expected)?;
            request.value(new)
        };
        self.call(Op::CompareExchange, write, |reply| {
            let is_same = reply.bool()?;
            let value = reply.value()?;
            Ok(if is_same { Ok(value) } else { Err(value) })
        })
    }

    /// Adds to the number, and returns the one before.
    pub fn fetch_add(&self, by: T) -> Result<T, CallError>
    where
        T: Number,
    {
        let write = |request: &mut Request<'_>| {
            request.number(0)?;
            request.to.u8(T::TYPE);
            request.key(&by)
        };
        self.call(Op::Add, write, |reply| reply.value())
    }

    /// Changes the value by a function that runs in the server.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`] and [`CallError::Refused`]; the value is as it was before then.
    pub fn update<A, R>(&self, function: fn(&mut T, A) -> R, args: A) -> Result<R, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let write = |request: &mut Request<'_>| {
            request.number(0)?;
            request.change::<One<T>, A, R>(function, &args)
        };
        self.call(Op::Change, write, |reply| reply.value())
    }
}

fn indexed<Q: Serialize + ?Sized>(request: &mut Request<'_>, value: &Q) -> Result<(), CallError> {
    request.number(0)?;
    request.value(value)
}
