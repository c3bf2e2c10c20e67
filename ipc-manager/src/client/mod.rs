//! The side of those who call: sessions, lines, references, and values on their way.

mod call;
mod context;
mod era;
mod line;
mod reference;
mod session;

pub(crate) use call::{Reply, Request};
pub(crate) use context::{encode_here, encode_value, keep_alive, names_so_far, with_session};
pub(crate) use era::now as era;
pub(crate) use line::{Cut, Ends};
pub(crate) use reference::Reference;
pub(crate) use session::{LINE, RELEASE, Session, TELL, VERSION, enter};
