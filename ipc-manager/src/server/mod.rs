//! The process that has the objects.

mod clients;
mod jobs;
mod kept;
mod objects;
mod registry;
mod requests;
mod root;
mod run;
mod settle;
mod turn;
mod world;

pub(crate) use kept::body;
pub(crate) use objects::{NumberType, PoolReply, PoolTask};
pub(crate) use registry::Install;
pub use registry::{Methods, Registered};
pub(crate) use run::{Setup, serve};
