//! A session: one process at one server, for as long as it has a proxy of that server.

use super::era;
use super::line::{Cut, Line};
use super::reference::Reference;
use crate::error::CallError;
use crate::remote::Far;
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
/// A request that has no reply.
pub(crate) const TELL: u8 = 2;

/// How many idle lines a process keeps.
const MOST_IDLE: usize = 8;
/// So many references are given back in one message.
const MOST_RELEASED: usize = 1000;
/// A server that has ended closes everything it had within this time.
const ENDING: Duration = Duration::from_millis(500);

/// Why such a proxy has no lease.
const FAR_PROXY: &str =
    "a proxy of a manager that was reached by an address cannot be passed on: let others connect, too";

/// The sessions of this process.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// A process at a server. It ends with the last reference.
#[derive(Debug)]
pub(crate) struct Session {
    server: ServerId,
    /// Which copy of the program has made it.
    era: u32,
    route: Route,
    is_gone: AtomicBool,
    idle: Mutex<Vec<Line>>,
    unsaid: Mutex<Unsaid>,
    /// Whether there was no room to say it.
    is_owing: AtomicBool,
    limits: Limits,
}

/// What the server is to be told beside the lines.
#[derive(Debug, Default)]
struct Unsaid {
    /// References that are given back.
    released: Vec<ObjectId>,
    /// Requests that have no reply.
    told: Vec<Vec<u8>>,
}

/// How the server is reached.
#[derive(Debug)]
enum Route {
    Near(MessageSocket),
    /// Through a gate, perhaps of another machine.
    Far(Box<Far>),
    Nowhere,
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
        Arc::new(Session { is_gone, ..Session::new(server, Route::Nowhere) })
    }

    /// The session that a gate has given to this process.
    pub(crate) fn through(server: ServerId, far: Far) -> Result<Arc<Session>, CallError> {
        era::watch()?;
        Ok(Arc::new(Session::new(server, Route::Far(Box::new(far)))))
    }

    fn new(server: ServerId, route: Route) -> Session {
        Session {
            server,
            era: era::now(),
            route,
            is_gone: AtomicBool::new(false),
            idle: Mutex::default(),
            unsaid: Mutex::default(),
            is_owing: AtomicBool::new(false),
            limits: Limits::default(),
        }
    }

    fn open(server: ServerId, door: &MessageSocket) -> Result<Session, CallError> {
        let socket = enter(door, std::process::id(), ipc_process::current().name())?;
        Ok(Session::new(server, Route::Near(socket)))
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
        what: (Op, ObjectId, TypeId),
        write: impl FnOnce(&mut Writer, &mut Vec<OwnedHandle>) -> Result<(), CallError>,
        read: impl FnOnce(&[u8]) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let line = self.line()?;
        self.call_on(line, what, write, read)
    }

    #[inline]
    fn call_on<R>(
        &self,
        mut line: Line,
        (op, id, type_id): (Op, ObjectId, TypeId),
        write: impl FnOnce(&mut Writer, &mut Vec<OwnedHandle>) -> Result<(), CallError>,
        read: impl FnOnce(&[u8]) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
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

    /// Gives back what is held by a token. If there is no line to be had for that, the server is told so by the session, and says nothing.
    pub(crate) fn hand_back(&self, what: (Op, ObjectId, TypeId), token: u64) -> Result<(), CallError> {
        let write = |to: &mut Writer, _: &mut Vec<OwnedHandle>| {
            to.u64(token);
            Ok(())
        };
        let called = match self.line() {
            Ok(line) => match (self.call_on(line, what, write, |_| Ok(())), &self.route) {
                // The server has not taken the line, so it has not read what is in it.
                (Err(error @ CallError::Limit { .. }), Route::Near(_)) => Err(error),
                (called, _) => return called,
            },
            Err(error) => Err(error),
        };
        match called {
            Err(CallError::Limit { .. } | CallError::Os(_)) => self.tell(what, token),
            other => other,
        }
    }

    fn tell(&self, (op, id, type_id): (Op, ObjectId, TypeId), token: u64) -> Result<(), CallError> {
        self.route()?;
        let mut message = Writer::default();
        message.u8(TELL);
        message.header(0, op, id, type_id);
        message.u64(token);
        lock(&self.unsaid).told.push(message.0);
        self.say();
        Ok(())
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
    pub(crate) fn lease(&self) -> io::Result<(OwnedHandle, u64)> {
        if matches!(self.route, Route::Far(_)) {
            return Err(io::Error::other(FAR_PROXY));
        }
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
        if self.route().is_ok() {
            lock(&self.unsaid).released.push(id);
            self.say();
        }
    }

    /// Says what the server is to be told. What there is no room for now is said after the next call.
    fn say(&self) {
        let Ok(route) = self.route() else { return };
        let mut unsaid = lock(&self.unsaid);
        let send = |message: Vec<u8>| match route {
            Route::Near(socket) => socket.send(&[&message], &[], Deadline::NOW).is_ok(),
            Route::Far(far) => far.say(message),
            Route::Nowhere => false,
        };
        let is_said = unsaid.say(send);
        self.is_owing.store(!is_said, Relaxed);
    }

    fn route(&self) -> Result<&Route, CallError> {
        if self.era != era::now() {
            return Err(CallError::Forked);
        }
        if self.is_gone.load(Relaxed) { Err(CallError::ServerGone) } else { Ok(&self.route) }
    }

    fn line(&self) -> Result<Line, CallError> {
        let route = self.route()?;
        if let Some(line) = lock(&self.idle).pop() {
            return Ok(line);
        }
        match route {
            Route::Near(socket) => Line::open(socket),
            Route::Far(far) => far.line().map(Line::far),
            Route::Nowhere => Err(CallError::ServerGone),
        }
    }

    fn keep(&self, line: Line) {
        if self.is_owing.load(Relaxed) {
            self.say();
        }
        let mut idle = lock(&self.idle);
        if idle.len() < MOST_IDLE {
            idle.push(line);
        }
    }

    /// What the end of a line means.
    #[cold]
    fn after(&self, cut: Cut) -> CallError {
        let patience = match cut {
            Cut::Ended => ENDING,
            Cut::Nonsense => Duration::ZERO,
            Cut::Unsent(error) => return error,
        };
        let is_gone = match self.route() {
            Ok(Route::Near(socket)) => {
                wait_one(socket.handle(), Interest::End, Deadline::after(patience)).unwrap_or(true)
            }
            Ok(Route::Far(far)) => far.is_gone(patience),
            Ok(Route::Nowhere) | Err(_) => true,
        };
        match cut {
            Cut::Ended if !is_gone => {
                return CallError::Limit {
                    what: "the server has no room for a connection, or has cut it".into(),
                };
            }
            _ if !is_gone => return CallError::Protocol,
            _ => {}
        }
        self.is_gone.store(true, Relaxed);
        lock(&self.idle).clear();
        CallError::ServerGone
    }
}

impl Unsaid {
    /// Sends as much of it as there is room for; whether that was all.
    fn say(&mut self, send: impl Fn(Vec<u8>) -> bool) -> bool {
        while let Some(message) = self.told.first() {
            if !send(message.clone()) {
                return false;
            }
            self.told.remove(0);
        }
        while !self.released.is_empty() {
            let n_now = self.released.len().min(MOST_RELEASED);
            let mut message = Writer::default();
            message.u8(RELEASE);
            self.released[..n_now].iter().for_each(|&id| message.id(id));
            if !send(message.0) {
                return false;
            }
            self.released.drain(..n_now);
        }
        true
    }
}

/// Makes a session at a door; our end of its socket.
pub(crate) fn enter(door: &MessageSocket, pid: u32, name: &str) -> Result<MessageSocket, CallError> {
    let (here, there) = MessageSocket::pair()?;
    let mut hello = Writer::default();
    hello.u8(VERSION);
    hello.u32(pid);
    hello.bytes(name.as_bytes());
    match door.send(&[&hello.0], &[there.handle()], Deadline::NEVER) {
        Ok(()) => Ok(here),
        Err(SendError::Os(error)) => Err(error.into()),
        Err(_) => Err(CallError::ServerGone),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
