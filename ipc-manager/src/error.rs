//! What can go wrong in a call, as the server finds it and as the caller gets it.

use crate::wire::{Malformed, Reader, Writer};
use ipc_codec::{DecodeError, EncodeError};
use ipc_process::SpawnError;
use std::io;

/// Why there is no manager.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process of the server could not be started.
    #[error("the server could not be started")]
    Spawn(#[from] SpawnError),
    /// The server has ended, and said why: its initializer panicked.
    #[error("the server could not begin: {reason}")]
    Server {
        /// Why.
        reason: String,
    },
    /// The server was started and could not be reached.
    #[error("the server could not be reached")]
    Call(#[from] CallError),
    /// The system refused.
    #[error("the door of the server could not be made")]
    Os(#[from] io::Error),
}

/// Why a call on a managed object failed.
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, Manager};
/// # ipc_process::init();
///
/// let manager = Manager::start()?;
/// let list = manager.list::<u32>()?;
/// assert!(matches!(list.get(7), Err(CallError::NotFound)));
/// manager.shutdown()?;
/// assert!(matches!(list.len(), Err(CallError::ServerGone)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server has ended: it was shut down, or killed, or its owner was.
    #[error("the manager's server is gone")]
    ServerGone,
    /// This process is a forked copy of the one that has the proxy.
    #[error("this process is a copy of the one that has the proxy: pass it as an argument")]
    Forked,
    /// There is nothing at this index, under this key, of this value; or the container is empty.
    #[error("there is no such item")]
    NotFound,
    /// What the call had to wait for did not happen in time; for a call that does not wait, it would have had to.
    #[error("the call would have had to wait longer")]
    TimedOut,
    /// The handle names no object, or one that is there no more.
    #[error("the handle names no object of this manager")]
    NoSuchObject,
    /// The object is of another type than the handle says.
    #[error("the object is of another type: {reason}")]
    WrongType {
        /// Which.
        reason: String,
    },
    /// The object has no such method.
    #[error("the object has no such operation: {name}")]
    NoSuchMethod {
        /// What was called.
        name: String,
    },
    /// The function panicked. The object is as it was before.
    #[error("{message}")]
    Panicked {
        /// What the panic said, and where.
        message: String,
        /// The calls that led there.
        backtrace: String,
    },
    /// The server could not run the function: it runs another program, could not decode the arguments or encode the result, or
    /// was told to run none. The object is as it was before.
    #[error("the function was not run to its end: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The lock is not held by this guard, the semaphore has all its permits, no task was taken.
    #[error("there is nothing to release")]
    NotHeld,
    /// The barrier is broken, or the queue closed.
    #[error("the object is broken or closed")]
    Broken,
    /// The server has no room for more.
    #[error("a limit of the server was reached: {what}")]
    Limit {
        /// Of what.
        what: String,
    },
    /// An argument could not be encoded.
    #[error("an argument could not be encoded")]
    Encode(#[from] EncodeError),
    /// An argument has handles in it that are no proxies of this manager: the server cannot keep them.
    #[error("a managed value cannot hold handles other than proxies of its own manager")]
    ForeignHandle,
    /// The result could not be decoded.
    #[error("the result could not be decoded")]
    Decode(#[from] DecodeError),
    /// One side has said what the other does not understand.
    #[error("the other side has broken the protocol")]
    Protocol,
    /// The system refused.
    #[error("a connection to the server could not be made")]
    Os(#[from] io::Error),
}

impl CallError {
    /// Whether the time was over before what was waited for happened.
    pub fn is_timeout(&self) -> bool {
        matches!(self, CallError::TimedOut)
    }
}

/// The same on its way, as far as the server finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NotFound,
    TimedOut,
    NoSuchObject,
    WrongType(String),
    NoSuchMethod(String),
    Panicked { message: String, backtrace: String },
    Refused(String),
    NotHeld,
    Broken,
    Limit(String),
    Malformed,
}

impl Failure {
    /// Writes the number and what belongs to it.
    pub(crate) fn write(&self, to: &mut Writer) {
        let (number, texts): (u8, &[&String]) = match self {
            Failure::NotFound => (1, &[]),
            Failure::TimedOut => (2, &[]),
            Failure::NoSuchObject => (3, &[]),
            Failure::WrongType(reason) => (4, &[reason]),
            Failure::NoSuchMethod(name) => (5, &[name]),
            Failure::Panicked { message, backtrace } => (6, &[message, backtrace]),
            Failure::Refused(reason) => (7, &[reason]),
            Failure::NotHeld => (8, &[]),
            Failure::Broken => (9, &[]),
            Failure::Limit(what) => (10, &[what]),
            Failure::Malformed => (11, &[]),
        };
        to.u8(number);
        texts.iter().for_each(|text| to.bytes(text.as_bytes()));
    }

    /// What a reply with this number says.
    pub(crate) fn read(number: u8, from: &mut Reader<'_>) -> Result<CallError, Malformed> {
        Ok(match number {
            1 => CallError::NotFound,
            2 => CallError::TimedOut,
            3 => CallError::NoSuchObject,
            4 => CallError::WrongType { reason: from.text()? },
            5 => CallError::NoSuchMethod { name: from.text()? },
            6 => CallError::Panicked { message: from.text()?, backtrace: from.text()? },
            7 => CallError::Refused { reason: from.text()? },
            8 => CallError::NotHeld,
            9 => CallError::Broken,
            10 => CallError::Limit { what: from.text()? },
            _ => CallError::Protocol,
        })
    }
}
