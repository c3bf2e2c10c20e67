//! A line to the server, for one call at a time: a duplex pipe in shared memory, or a connection to a gate.

use crate::error::{CallError, Failure};
use crate::remote::FarLine;
use crate::wire::{ObjectId, Op, REPLY_HEADER, Reader, TypeId, WENT_WELL, Writer};
use ipc_codec::Limits;
use ipc_queue::internals::{Ending, MessageReceiver, MessageSender, Received, Sent, channel};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use ipc_sys::socket::MessageSocket;
use std::io;

/// Bytes of the ring of each direction.
const RING_SIZE: usize = 64 << 10;
/// The most memory that a line keeps for its next request.
const KEPT_ROOM: usize = 64 << 10;

/// A line that no call is on.
#[derive(Debug)]
pub(super) struct Line {
    way: Way,
    /// The number of the last request.
    number: u32,
    /// The request.
    pub(super) request: Writer,
    /// What goes with it.
    pub(super) handles: Vec<OwnedHandle>,
}

/// Our ends of a duplex pipe, of which the server has the others.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) tx: MessageSender,
    pub(crate) rx: MessageReceiver,
}

/// What the bytes go through.
#[derive(Debug)]
enum Way {
    Near(Box<Ends>),
    Far(Box<FarLine>),
}

/// Why a line is of no use any more.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The server has let go of it.
    Ended,
    /// What came is no reply to the request.
    Nonsense,
    /// The request was not sent.
    Unsent(CallError),
}

impl Ends {
    /// Makes a pipe, and sends its other end to the server.
    pub(crate) fn open(session: &MessageSocket) -> Result<Box<Ends>, CallError> {
        let make = || channel(RING_SIZE).map_err(io::Error::other);
        let ((tx, their_rx), (their_tx, rx)) = (make()?, make()?);
        let ends = ipc_codec::encode(&(their_rx, their_tx), &Limits::default()).map_err(io::Error::other)?;
        let handles: Vec<BorrowedHandle<'_>> = ends.handles().iter().map(AsHandle::as_fd).collect();
        session.send(&[&[super::session::LINE], ends.bytes()], &handles, Deadline::NEVER).map_err(
            |error| match error {
                ipc_sys::socket::SendError::Os(error) => CallError::Os(error),
                _ => CallError::ServerGone,
            },
        )?;
        Ok(Box::new(Ends { tx, rx }))
    }
}

impl Line {
    /// A line to a server on this machine, by the socket of the session.
    pub(super) fn open(session: &MessageSocket) -> Result<Line, CallError> {
        Ok(Line::on(Way::Near(Ends::open(session)?)))
    }

    /// A line to a gate.
    pub(super) fn far(line: FarLine) -> Line {
        Line::on(Way::Far(Box::new(line)))
    }

    fn on(way: Way) -> Line {
        Line { way, number: 0, request: Writer::default(), handles: Vec::new() }
    }

    /// Begins a request.
    #[inline]
    pub(super) fn begin(&mut self, op: Op, id: ObjectId, type_id: TypeId) {
        self.number = self.number.wrapping_add(1);
        let request = &mut self.request;
        if request.0.capacity() > KEPT_ROOM {
            *request = Writer::default();
        }
        request.0.clear();
        request.header(self.number, op, id, type_id);
        self.handles.clear();
    }

    /// Sends the request and reads the reply to it.
    ///
    /// # Blocking
    ///
    /// Until the server replies or is gone.
    #[inline]
    pub(super) fn exchange<R>(
        &mut self,
        limits: &Limits,
        read: impl FnOnce(&[u8]) -> Result<R, CallError>,
    ) -> Result<Result<R, CallError>, Cut> {
        let number = self.number;
        let ends = match &mut self.way {
            Way::Near(ends) => ends,
            Way::Far(line) => {
                let reply = line.exchange(std::mem::take(&mut self.request.0), &self.handles)?;
                return parse(&reply, number, read).ok_or(Cut::Nonsense);
            }
        };
        match ends.tx.send(&self.request.0, &self.handles, Deadline::NEVER)? {
            Sent::Done => {}
            Sent::Full | Sent::TooLong(_) => return Err(Cut::Nonsense),
        }
        let parse = |bytes: &[u8], _: Vec<OwnedHandle>| parse(bytes, number, read);
        match ends.rx.read(limits.max_frame.saturating_add(REPLY_HEADER), Deadline::NEVER, parse)? {
            Received::Message(result) => result.ok_or(Cut::Nonsense),
            _ => Err(Cut::Nonsense),
        }
    }
}

/// What a reply says, or nothing if it is none to the request of this number.
#[inline]
fn parse<R>(
    bytes: &[u8],
    number: u32,
    read: impl FnOnce(&[u8]) -> Result<R, CallError>,
) -> Option<Result<R, CallError>> {
    let mut reader = Reader(bytes);
    if reader.u32().ok()? != number {
        return None;
    }
    match reader.u8().ok()? {
        WENT_WELL => Some(read(reader.rest())),
        number => Failure::read(number, &mut reader).ok().map(Err),
    }
}

impl From<Ending> for Cut {
    fn from(ending: Ending) -> Cut {
        match ending {
            Ending::Ended => Cut::Ended,
            Ending::Failed(_) => Cut::Nonsense,
        }
    }
}
