//! A session: one process at one server, for as long as it has a proxy of that server.

use super::era;
use super::line::{Cut, Line};
use super::reference::Reference;
use crate::error::CallError;
use crate::wire::{ObjectId, Op, Reader, ServerId, TypeId, Writer, root};
use ipc_codec::Limits;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_sys::socket::{MessageSocket, SendError};
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The version of what is said here; it stands in front of the first message of a session.
pub(crate) const VERSION: u8 = 1;
/// What a message on a session's socket is: a line to serve, with its handles.
pub(crate) const LINE: u8 = 0;
/// Objects that are held no more.
pub(crate) const RELEASE: u8 = 1;

/// How many idle lines a process keeps.
const MOST_IDLE: usize = 8;
/// So many references are given back in one message.
const MOST_RELEASED: usize = 1000;
/// A server that has ended closes everything it had within this time.
const ENDING: Duration = Duration::from_millis(500);

/// The sessions of this process.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// A process at a server. It ends with the last reference.
#[derive(Debug)]
pub(crate) struct Session {
    server: ServerId,
    /// Which copy of the program has made it.
    era: u32,
    socket: Option<MessageSocket>,
    is_gone: AtomicBool,
    idle: Mutex<Vec<Line>>,
    /// References that are to be given back.
    released: Mutex<Vec<ObjectId>>,
    /// Whether there was no room to say so.
    is_owing: AtomicBool,
    limits: Limits,
}

impl Session {
    /// The session of this process with a server, to which a door leads.
    pub(crate) fn at(server: ServerId, door: &MessageSocket) -> Result<Arc<Session>, CallError> {
        era::watch()?;
        let mut sessions = lock(&SESSIONS);
        sessions.retain(|session| session.strong_count() > 0);
        let known = sessions.iter().filter_map(Weak::upgrade).find(|session| session.is_for(server));
        if let Some(session) = known {
            return Ok(session);
        }
        let session = Arc::new(Session::open(server, door)?);
        sessions.push(Arc::downgrade(&session));
        Ok(session)
    }

    /// For proxies of a server that was gone when they came.
    pub(super) fn dead(server: ServerId) -> Arc<Session> {
        let is_gone = AtomicBool::new(true);
        Arc::new(Session { is_gone, ..Session::new(server, None) })
    }

    fn new(server: ServerId, socket: Option<MessageSocket>) -> Session {
        Session {
            server,
            era: era::now(),
            socket,
            is_gone: AtomicBool::new(false),
            idle: Mutex::default(),
            released: Mutex::default(),
            is_owing: AtomicBool::new(false),
            limits: Limits::default(),
        }
    }

    fn open(server: ServerId, door: &MessageSocket) -> Result<Session, CallError> {
        let (here, there) = MessageSocket::pair()?;
        let mut hello = Writer::default();
        hello.u8(VERSION);
        hello.u32(std::process::id());
        hello.bytes(ipc_process::current().name().as_bytes());
        match door.send(&[&hello.0], &[there.handle()], Deadline::NEVER) {
            Ok(()) => Ok(Session::new(server, Some(here))),
            Err(SendError::Os(error)) => Err(error.into()),
            Err(_) => Err(CallError::ServerGone),
        }
    }

    fn is_for(&self, server: ServerId) -> bool {
        self.server == server && self.era == era::now() && !self.is_gone.load(Relaxed)
    }

    pub(crate) fn server(&self) -> ServerId {
        self.server
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes a call: `write` appends the arguments, `read` gets what is in the reply.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        (op, id, type_id): (Op, ObjectId, TypeId),
        write: impl FnOnce(&mut Writer, &mut Vec<OwnedHandle>) -> Result<(), CallError>,
        read: impl FnOnce(&[u8]) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let mut line = self.line()?;
        line.begin(op, id, type_id);
        if let Err(error) = write(&mut line.request, &mut line.handles) {
            self.keep(line);
            return Err(error);
        }
        match line.exchange(&self.limits, read) {
            Ok(result) => {
                self.keep(line);
                result
            }
            // The line is dropped: nobody gets what comes on it later.
            Err(cut) => Err(self.after(cut)),
        }
    }

    /// Takes a reference to an object through this session, which somebody else keeps alive meanwhile.
    pub(crate) fn acquire(self: &Arc<Session>, id: ObjectId) -> Result<Reference, CallError> {
        let write = |to: &mut Writer, _: &mut Vec<OwnedHandle>| {
            to.id(id);
            Ok(())
        };
        self.call((Op::Acquire, root(), 0), write, |_| Ok(Reference::adopt(self, id)))
    }

    /// Makes a lease; its handle, and its number.
    pub(super) fn lease(&self) -> io::Result<(OwnedHandle, u64)> {
        let (here, there) = MessageSocket::pair()?;
        let write = |_: &mut Writer, handles: &mut Vec<OwnedHandle>| {
            handles.push(there.into_handle());
            Ok(())
        };
        let read = |bytes: &[u8]| Ok(Reader(bytes).u64()?);
        let number = self.call((Op::Lease, root(), 0), write, read).map_err(io::Error::other)?;
        Ok((here.into_handle(), number))
    }

    /// Has a lease hold an object, too.
    pub(super) fn lease_more(&self, lease: u64, id: ObjectId) -> io::Result<()> {
        let write = |to: &mut Writer, _: &mut Vec<OwnedHandle>| {
            to.u64(lease);
            to.id(id);
            Ok(())
        };
        self.call((Op::LeaseMore, root(), 0), write, |_| Ok(())).map_err(io::Error::other)
    }

    /// Gives a reference back, without waiting.
    pub(crate) fn release(&self, id: ObjectId) {
        if self.socket().is_ok() {
            lock(&self.released).push(id);
            self.give_back();
        }
    }

    /// Says which references are given back. What there is no room for now is said after the next call.
    fn give_back(&self) {
        let Ok(socket) = self.socket() else { return };
        let mut released = lock(&self.released);
        while !released.is_empty() {
            let n_now = released.len().min(MOST_RELEASED);
            let mut message = Writer::default();
            message.u8(RELEASE);
            released[..n_now].iter().for_each(|&id| message.id(id));
            match socket.send(&[&message.0], &[], Deadline::NOW) {
                Ok(()) => drop(released.drain(..n_now)),
                Err(_) => return self.is_owing.store(true, Relaxed),
            }
        }
        self.is_owing.store(false, Relaxed);
    }

    fn socket(&self) -> Result<&MessageSocket, CallError> {
        if self.era != era::now() {
            return Err(CallError::Forked);
        }
        match &self.socket {
            Some(socket) if !self.is_gone.load(Relaxed) => Ok(socket),
            _ => Err(CallError::ServerGone),
        }
    }

    fn line(&self) -> Result<Line, CallError> {
        let socket = self.socket()?;
        let idle = lock(&self.idle).pop();
        idle.map_or_else(|| Line::open(socket), Ok)
    }

    fn keep(&self, line: Line) {
        if self.is_owing.load(Relaxed) {
            self.give_back();
        }
        let mut idle = lock(&self.idle);
        if idle.len() < MOST_IDLE {
            idle.push(line);
        }
    }

    /// What the end of a line means.
    #[cold]
    fn after(&self, cut: Cut) -> CallError {
        let Ok(socket) = self.socket() else { return CallError::ServerGone };
        let ends_within = |time| wait_one(socket.handle(), Interest::End, time).unwrap_or(true);
        match cut {
            Cut::Ended if !ends_within(Deadline::after(ENDING)) => {
                return CallError::Limit {
                    what: "the server has no room for a connection, or has cut it".into(),
                };
            }
            Cut::Nonsense if !ends_within(Deadline::NOW) => return CallError::Protocol,
            Cut::Ended | Cut::Nonsense => {}
        }
        self.is_gone.store(true, Relaxed);
        lock(&self.idle).clear();
        CallError::ServerGone
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
