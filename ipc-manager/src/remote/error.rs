//! Why there is no gate, and why nobody came through it.

use crate::error::CallError;
use ipc_pipe::{BindError, ConnectError};
use std::io;

/// Why a manager cannot be reached by an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// Nobody can listen at the address, or only in the clear.
    #[error("the manager cannot be had at this address")]
    Bind(#[from] BindError),
    /// The manager itself is not to be had.
    #[error("the manager does not answer")]
    Call(#[from] CallError),
    /// The system refused.
    #[error("the gate could not be made")]
    Os(#[from] io::Error),
}

/// Why a manager was not reached by its address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// There is no connection: nobody listens, the key is another one, the address is reached in the clear.
    #[error("the manager was not reached")]
    Connect(#[from] ConnectError),
    /// The gate has as many clients as it may have.
    #[error("the gate lets nobody in: {reason}")]
    Full {
        /// Of what there is too much.
        reason: String,
    },
    /// The manager is gone, or the gate speaks of something else.
    #[error("the manager does not answer")]
    Call(#[from] CallError),
}
