//! Functions of the user that change a value: what runs on another thread.

use super::super::kept::body;
use super::super::turn::{Job, Product};
use super::super::world::World;
use crate::client::{Session, names_so_far};
use crate::error::Failure;
use ipc_codec::{Limits, Message};
use ipc_process::internals::{Entry, Outcome};
use std::sync::Arc;

/// What calls the function of this name with what is kept and its arguments.
pub(in crate::server) fn job(
    world: &World,
    entry: &[u8],
    kept: Vec<u8>,
    args: &[u8],
) -> Result<Job, Failure> {
    if !world.runs_functions {
        return Err(Failure::Refused("this manager runs no functions of its clients".into()));
    }
    let entry: Entry =
        ipc_codec::decode(entry, Vec::new(), &Limits::default()).map_err(|_| Failure::Malformed)?;
    let args = body(args).to_vec();
    Ok(Box::new(move |own: &Arc<Session>| changed(entry, kept, args, own).unwrap_or_else(Product::Failed)))
}

fn changed(entry: Entry, kept: Vec<u8>, args: Vec<u8>, own: &Session) -> Result<Product, Failure> {
    let callee = entry.resolve().map_err(|error| Failure::Refused(error.to_string()))?;
    let both = (Message::from_parts(kept, Vec::new()), Message::from_parts(args, Vec::new()));
    let limits = own.limits();
    let both = ipc_codec::encode(&both, limits).map_err(|error| Failure::Refused(error.to_string()))?;
    match callee.call(both, limits, &mut || ()) {
        Outcome::Returned(returned) => {
            let decoded = returned.decode::<(Message, Message)>(limits);
            let (kept, result) = decoded.map_err(|error| Failure::Refused(error.to_string()))?;
            if !result.handles().is_empty() {
                return Err(Failure::Refused("the result has handles in it".into()));
            }
            let mut reply = names_so_far();
            reply.extend_from_slice(result.bytes());
            Ok(Product::Changed(kept.into_parts().0, reply))
        }
        Outcome::Panicked(report) => Err(Failure::Panicked {
            message: format!("the function {report}"),
            backtrace: report.backtrace().to_owned(),
        }),
        Outcome::ArgumentsRefused(reason) => Err(Failure::Refused(format!("the arguments: {reason}"))),
        Outcome::ResultRefused(reason) => Err(Failure::Refused(format!("the result: {reason}"))),
        Outcome::ImageDiffers(reason) => Err(Failure::Refused(reason)),
    }
}
