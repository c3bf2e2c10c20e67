//! Managers that are reached by an address: the gate beside the server, and the way of those who come through it.

mod connector;
mod error;
mod far;
mod frames;
mod gate;
mod guests;
mod keeper;
#[cfg(feature = "tls")]
mod tls;

pub use connector::{Remote, RemoteBuilder};
pub use error::{GateError, RemoteError};
pub(crate) use far::{Far, FarLine};
pub use gate::{Gate, GateBuilder};
#[cfg(feature = "tls")]
pub use tls::{TlsClient, TlsError, TlsServer};
