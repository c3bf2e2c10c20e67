//! What a parent and its child say to each other before, and after, the function runs.
//!
//! ```text
//! parent                         child
//!   Start            ->            finds the function, decodes the arguments
//!                    <-  Born      first, when a fork server made it
//!                    <-  Ready     if the parent asked for it
//!                    <-  Refused   instead, when the function is not called
//!                    <-  Done      with the result or the panic
//!                                  exits
//!                    <-  Ended     by the fork server, when it has collected it
//! ```
//!
//! A child that ends before it said `Ready` is an error of the start; one that ends before `Done` is an error of the join.

use crate::attached::WireStatus;
use crate::current::TreePath;
use crate::entry::{Entry, Outcome};
use crate::method::StartMethod;
use crate::parent::ParentNames;
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, MAX_HANDLES, Message};
use ipc_sys::handle::OwnedHandle;
use serde::{Deserialize, Serialize};

/// The parent's end of the channel to a child.
pub(crate) type ParentEnd = ipc_pipe::internals::Line<Start, FromChild>;
/// The child's end of it.
pub(crate) type ChildEnd = ipc_pipe::internals::Line<FromChild, Start>;

/// Everything that a child gets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) entry: Entry,
    pub(crate) args: Message,
    pub(crate) setup: Setup,
}

/// What a child is to be, whatever it runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) name: String,
    pub(crate) path: TreePath,
    /// The parent's lifeline, for a daemon.
    pub(crate) lifeline: Option<Handle<OwnedHandle>>,
    pub(crate) limits: WireLimits,
    /// Whether the parent waits for `Ready`.
    pub(crate) announce: bool,
    /// `None` when it is the parent of the process that the child is a copy of.
    pub(crate) parent: Option<ParentNames>,
    /// What the program set.
    pub(crate) method: Option<StartMethod>,
}

/// What a child says, or a fork server of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromChild {
    /// The handle that only the fork server would have otherwise, and the process id, which is last and always of the same size: a
    /// child puts its own in the place of another one's.
    Born(Handle<OwnedHandle>, [u8; 4]),
    Ready,
    Refused(Refusal),
    Done(Outcome),
    /// By the fork server, not by itself: it has ended, and was collected.
    Ended(WireStatus),
}

/// Why a child did not call the function.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// It runs another program.
    ImageDiffers(String),
    /// The arguments did not decode.
    Arguments(String),
    /// It could not become what it was to be.
    Setup(String),
}

/// [`Limits`] as they travel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WireLimits {
    max_frame: usize,
    max_decoded: usize,
    max_elements: u64,
    max_depth: u32,
    max_handles: usize,
}

impl From<Limits> for WireLimits {
    fn from(limits: Limits) -> Self {
        let Limits { max_frame, max_decoded, max_elements, max_depth, max_handles, .. } = limits;
        WireLimits { max_frame, max_decoded, max_elements, max_depth, max_handles }
    }
}

impl From<WireLimits> for Limits {
    fn from(limits: WireLimits) -> Self {
        let WireLimits { max_frame, max_decoded, max_elements, max_depth, max_handles } = limits;
        Limits { max_frame, max_decoded, max_elements, max_depth, max_handles }
    }
}

/// The limits of the channel itself, around arguments and results that have limits of their own.
///
/// They bind nobody: parent and child run the same program and trust each other as much as they trust themselves.
pub(crate) fn channel_limits() -> Limits {
    Limits {
        max_frame: isize::MAX as usize / 8,
        max_decoded: isize::MAX as usize,
        max_handles: MAX_HANDLES - 1,
        ..Limits::default()
    }
}
