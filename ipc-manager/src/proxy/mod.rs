//! What users have in their hands: a type for each kind of object.

mod barrier;
mod condition;
mod contents;
mod dict;
mod event;
mod items;
mod list;
mod lock;
mod namespace;
mod number;
mod object;
mod pages;
mod pool;
mod queue;
mod semaphore;
mod set;
mod transact;
mod value;

pub use barrier::{Barrier, BarrierState};
pub use condition::{Condition, ConditionGuard};
pub use dict::Dict;
pub use event::Event;
pub use items::Array;
pub use list::List;
pub use lock::{Lock, LockGuard, ReentrantLock};
pub use namespace::Namespace;
pub use number::Number;
pub use object::Object;
pub use pool::{Outcome, Outcomes, Pool};
pub use queue::{JoinableQueue, Queue};
pub use semaphore::{BoundedSemaphore, Permit, Semaphore};
pub use set::Set;
pub use transact::Transact;
pub(crate) use transact::WriteNames;
pub use value::Value;

use crate::client::{Reference, Reply, Request};
use crate::error::CallError;
use crate::wire::{Kind, TypeId};
use ipc_pipe::internals::fingerprint;
use serde::de::DeserializeOwned;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// What all proxies have in common.
pub(crate) trait Proxy {
    const KIND: Kind;

    /// What stands for the kind and the types of what is in it.
    fn type_id() -> TypeId;

    fn of(object: Arc<Reference>) -> Self;
}

/// Makes a proxy type: its fields, and how it is cloned, shown and sent.
macro_rules! proxy {
    ($(#[$doc:meta])* $name:ident<$($P:ident),*> of $kind:ident $(where $($bounds:tt)+)?) => {
        $(#[$doc])*
        pub struct $name<$($P),*> {
            pub(crate) object: std::sync::Arc<crate::client::Reference>,
            pub(crate) type_id: crate::wire::TypeId,
            types: std::marker::PhantomData<fn() -> ($($P,)*)>,
        }

        impl<$($P),*> crate::proxy::Proxy for $name<$($P),*>
        where
            $($P: serde::de::DeserializeOwned,)*
        {
            const KIND: crate::wire::Kind = crate::wire::Kind::$kind;

            fn type_id() -> crate::wire::TypeId {
                crate::proxy::type_id::<($($P,)*)>(Self::KIND)
            }

            fn of(object: std::sync::Arc<crate::client::Reference>) -> Self {
                $name { object, type_id: Self::type_id(), types: std::marker::PhantomData }
            }
        }

        impl<$($P),*> Clone for $name<$($P),*> {
            fn clone(&self) -> Self {
                $name {
                    object: std::sync::Arc::clone(&self.object),
                    type_id: self.type_id,
                    types: std::marker::PhantomData,
                }
            }
        }

        impl<$($P),*> std::fmt::Debug for $name<$($P),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("index", &self.object.id().index).finish_non_exhaustive()
            }
        }

        impl<$($P),*> serde::Serialize for $name<$($P),*> {
            fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                crate::client::Reference::serialize(&self.object, self.type_id, serializer)
            }
        }

        impl<'de, $($P),*> serde::Deserialize<'de> for $name<$($P),*>
        where
            $($P: serde::de::DeserializeOwned,)*
        {
            fn deserialize<Z: serde::Deserializer<'de>>(deserializer: Z) -> Result<Self, Z::Error> {
                let type_id = <Self as crate::proxy::Proxy>::type_id();
                let object = crate::client::Reference::deserialize(type_id, deserializer)?;
                Ok($name { object, type_id, types: std::marker::PhantomData })
            }
        }

        impl<$($P),*> $name<$($P),*> {
            /// Calls an operation of the object.
            #[inline]
            pub(crate) fn call<Out>(
                &self,
                op: crate::wire::Op,
                write: impl FnOnce(&mut crate::client::Request<'_>) -> Result<(), crate::error::CallError>,
                read: impl FnOnce(&mut crate::client::Reply<'_>) -> Result<Out, crate::error::CallError>,
            ) -> Result<Out, crate::error::CallError> {
                self.object.call(op, self.type_id, write, read)
            }

            /// Whether both are proxies of the same object.
            pub fn is_same(&self, other: &Self) -> bool {
                self.object.id() == other.object.id()
                    && self.object.session().server() == other.object.session().server()
            }
        }
    };
}
use proxy;

/// The four forms of a wait, on one that has a deadline and whatever other arguments.
macro_rules! waits {
    (
        $(#[$doc:meta])*
        $wait:ident, $try_wait:ident, $wait_timeout:ident, $wait_deadline:ident
        ($($arg:ident: $Arg:ty),*) -> $Out:ty = $until:ident
    ) => {
        $(#[$doc])*
        pub fn $wait(&self, $($arg: $Arg),*) -> Result<$Out, crate::error::CallError> {
            self.$until($($arg,)* ipc_sys::clock::Deadline::NEVER)
        }

        /// The same without waiting: [`CallError::TimedOut`] if it would have to.
        pub fn $try_wait(&self, $($arg: $Arg),*) -> Result<$Out, crate::error::CallError> {
            self.$until($($arg,)* ipc_sys::clock::Deadline::NOW)
        }

        /// The same, for at most `timeout`: then it is [`CallError::TimedOut`].
        pub fn $wait_timeout(
            &self,
            $($arg: $Arg,)*
            timeout: std::time::Duration,
        ) -> Result<$Out, crate::error::CallError> {
            self.$until($($arg,)* ipc_sys::clock::Deadline::after(timeout))
        }

        /// The same, until `deadline`: then it is [`CallError::TimedOut`].
        pub fn $wait_deadline(
            &self,
            $($arg: $Arg,)*
            deadline: std::time::Instant,
        ) -> Result<$Out, crate::error::CallError> {
            self.$until($($arg,)* ipc_sys::clock::Deadline::at(deadline))
        }
    };
}
use waits;

/// For a call without arguments.
pub(crate) fn no_args(_: &mut Request<'_>) -> Result<(), CallError> {
    Ok(())
}

/// For a call that is told nothing but that it went well.
pub(crate) fn no_reply(_: &mut Reply<'_>) -> Result<(), CallError> {
    Ok(())
}

/// Looks like a type for each kind and each type of its contents.
pub(crate) fn type_id<T: DeserializeOwned>(kind: Kind) -> TypeId {
    thread_local! {
        static KNOWN: RefCell<HashMap<&'static str, u32>> = RefCell::default();
    }
    let name = std::any::type_name::<T>();
    let known = KNOWN.with_borrow(|known| known.get(name).copied());
    let number = known.unwrap_or_else(|| {
        // The types inside ask here, too, and one may be this type again: then any number will do, since a tracer's proxy is refused.
        KNOWN.with_borrow_mut(|known| known.insert(name, 0));
        let [a, b, c, d, ..] = fingerprint::<T>();
        let number = u32::from_le_bytes([a, b, c, d]);
        KNOWN.with_borrow_mut(|known| known.insert(name, number));
        number
    });
    number ^ (kind as u32 + 1).wrapping_mul(0x9e37_79b1)
}

/// A number for this thread, that no other thread of the process has had.
pub(crate) fn thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Relaxed));
    }
    NUMBER.get()
}
