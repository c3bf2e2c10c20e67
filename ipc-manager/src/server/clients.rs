//! Who is connected: sessions with their lines, and leases.

use super::turn::{SessionId, Ticket};
use crate::client::{LINE, RELEASE, TELL, VERSION};
use crate::error::Failure;
use crate::wire::{ObjectId, REPLY_HEADER, Reader, WENT_WELL, Writer};
use ipc_codec::Limits;
use ipc_queue::internals::{MessageReceiver, MessageSender, Sent};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::{OwnedHandle, duplicate};
use ipc_sys::socket::{MessageSocket, RecvError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many lines one client may have.
const MOST_LINES: usize = 256;
/// So many descriptors stay free when a line is taken.
const N_SPARES: usize = 16;
/// No message of a session is longer.
const LONGEST_MESSAGE: usize = 16 << 10;

/// All who are connected.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) sessions: BTreeMap<SessionId, Client>,
    /// The owner's door, and leases: new sessions come through all of them.
    pub(crate) doors: BTreeMap<u64, MessageSocket>,
    pub(crate) lines: Vec<Line>,
    next: u64,
}

/// A client, by its session.
pub(crate) struct Client {
    pub(crate) socket: MessageSocket,
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) n_calls: u64,
}

/// A line of a client.
pub(crate) struct Line {
    pub(crate) key: u64,
    pub(crate) session: SessionId,
    pub(crate) tx: Arc<MessageSender>,
    pub(crate) rx: MessageReceiver,
    /// Whether whoever sends a request rings.
    pub(crate) is_armed: bool,
    pub(crate) state: State,
    /// The number of the request that is being answered.
    pub(crate) number: u32,
}

/// What a line is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The next request is awaited.
    Idle,
    /// Its call waits.
    Parked(Ticket),
    /// Its call is behind a job.
    Working,
    /// It is not used any more.
    Over,
}

/// What a client has said beside its lines.
pub(crate) enum Said {
    Line(Box<Line>),
    Released(Vec<ObjectId>),
    /// A request that has no reply.
    Told(Vec<u8>),
    /// Nothing more for now.
    Nothing,
    /// It has ended, or talks nonsense.
    Ended,
}

impl Clients {
    pub(crate) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Takes new sessions from a door; whether the door is still open.
    pub(crate) fn knock(&mut self, door: u64) -> bool {
        let mut buffer = [0; 1024];
        loop {
            let Some(socket) = self.doors.get(&door) else { return false };
            let received = match socket.recv(&mut buffer, Deadline::NOW) {
                Ok(received) => received,
                Err(RecvError::TimedOut) => return true,
                // No room for the handle: this client will find its session closed, the next one may have more luck.
                Err(RecvError::HandlesLost | RecvError::TooLong) => continue,
                Err(_) => return false,
            };
            let Some(client) = greeted(&buffer[..received.size], received.handles) else { continue };
            let session = self.next();
            self.sessions.insert(session, client);
        }
    }

    /// The next thing that a client says beside its lines.
    pub(crate) fn hear(&mut self, session: SessionId) -> Said {
        let mut buffer = vec![0; LONGEST_MESSAGE];
        let Some(client) = self.sessions.get(&session) else { return Said::Nothing };
        let received = match client.socket.recv(&mut buffer, Deadline::NOW) {
            Ok(received) => received,
            Err(RecvError::TimedOut) => return Said::Nothing,
            // No room for a line: the client finds it cut.
            Err(RecvError::HandlesLost) => return Said::Released(Vec::new()),
            Err(_) => return Said::Ended,
        };
        let mut reader = Reader(&buffer[..received.size]);
        match reader.u8() {
            Ok(LINE) => {
                let n_lines = self.lines.iter().filter(|line| line.session == session).count();
                // Before it is opened, which takes descriptors, too. The client finds the line cut.
                if n_lines >= MOST_LINES || !has_room(client) {
                    return Said::Released(Vec::new());
                }
                match ipc_codec::decode(reader.rest(), received.handles, &Limits::default()) {
                    Ok((rx, tx)) => Said::Line(Box::new(self.line(session, rx, tx))),
                    Err(_) => Said::Ended,
                }
            }
            Ok(TELL) => Said::Told(reader.rest().to_vec()),
            Ok(RELEASE) => Said::Released(std::iter::from_fn(|| reader.id().ok()).collect()),
            _ => Said::Ended,
        }
    }

    fn line(&mut self, session: SessionId, rx: MessageReceiver, tx: MessageSender) -> Line {
        let key = self.next();
        let state = State::Idle;
        Line { key, session, tx: Arc::new(tx), rx, is_armed: false, state, number: 0 }
    }

    pub(crate) fn by_key(&mut self, key: u64) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.key == key)
    }
}

impl Line {
    /// Replies; what is written is a reply that begins with room for its header. What cannot be sent at once comes back.
    pub(crate) fn reply(
        &mut self,
        reply: &mut Writer,
        result: Result<(), Failure>,
    ) -> Option<Arc<MessageSender>> {
        self.state = State::Idle;
        seal(reply, self.number, result);
        match self.tx.send(&reply.0, &[], Deadline::NOW) {
            Ok(Sent::Done) => None,
            Ok(Sent::Full | Sent::TooLong(_)) => Some(Arc::clone(&self.tx)),
            Err(_) => {
                self.state = State::Over;
                None
            }
        }
    }
}

/// A reply with room for its header.
pub(crate) fn begin(reply: &mut Writer) {
    reply.0.clear();
    reply.0.extend_from_slice(&[0; REPLY_HEADER]);
}

fn seal(reply: &mut Writer, number: u32, mut result: Result<(), Failure>) {
    if reply.0.len() - REPLY_HEADER > Limits::default().max_frame {
        result = Err(Failure::Limit("a reply is larger than a message can be: read it in pages".into()));
    }
    reply.0[..4].copy_from_slice(&number.to_le_bytes());
    match result {
        Ok(()) => reply.0[4] = WENT_WELL,
        Err(failure) => {
            reply.0.truncate(4);
            failure.write(reply);
        }
    }
}

/// Whether there is room for some descriptors more, by which others can at least be told that there is none.
fn has_room(client: &Client) -> bool {
    let spares: std::io::Result<Vec<OwnedHandle>> =
        (0..N_SPARES).map(|_| duplicate(client.socket.handle())).collect();
    spares.is_ok()
}

fn greeted(bytes: &[u8], handles: Vec<OwnedHandle>) -> Option<Client> {
    let mut reader = Reader(bytes);
    if reader.u8().ok()? != VERSION {
        return None;
    }
    let (pid, name) = (reader.u32().ok()?, reader.text().ok()?);
    let socket = MessageSocket::from_handle(handles.into_iter().next()?).ok()?;
    Some(Client { socket, pid, name, n_calls: 0 })
}
