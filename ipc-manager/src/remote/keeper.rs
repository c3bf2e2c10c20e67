//! The thread of a gate: it lets clients in, and passes on between their connections and the server.
//!
//! It waits for no client. A client has one request under way on each of its lines, and is not read from until the reply has left, so what the
//! gate holds for it is bounded. Each line has a line to the server, by a session that the client has for itself: when its main connection
//! ends, so does the session, and the server gives back what the client had.

use super::frames::{ClientId, FromClient, FromGate, raw};
use super::guests::{Exchange, Gone, Inside, Link, Role};
use crate::client::{Ends, RELEASE, TELL, enter};
use crate::error::Failure;
use crate::wire::{ObjectId, Op, REPLY_HEADER, ServerId, Writer};
use ipc_codec::Limits;
use ipc_pipe::{Listener, TryAcceptError, TurnedAway};
use ipc_queue::internals::{Received, Sent};
use ipc_sys::clock::Deadline;
use ipc_sys::doorbell::Doorbell;
use ipc_sys::handle::AsHandle;
use ipc_sys::readiness::{Interest, Watch, wait};
use ipc_sys::socket::MessageSocket;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many times the gate looks for a reply before it sleeps.
const LOOKS: u32 = 50;
/// So many clients come in before others are served again.
const MOST_AT_ONCE: usize = 32;
/// How long the gate waits for room at the server, and for descriptors.
const NAP: Duration = Duration::from_millis(10);
/// How long the server may take to hear that references were given back.
const PATIENCE: Duration = Duration::from_secs(1);

/// What clients may do.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) max_clients: usize,
    pub(super) max_calls: usize,
    pub(super) limits: Limits,
    pub(super) runs_functions: bool,
}

/// The thread.
pub(super) struct Keeper {
    /// None if another door is the only one.
    listener: Option<Listener<FromGate, FromClient>>,
    door: MessageSocket,
    server: ServerId,
    names: ObjectId,
    rules: Rules,
    /// How long who came in may be silent.
    timeout: Duration,
    office: Arc<Office>,
    clients: HashMap<ClientId, Client>,
    links: BTreeMap<u64, Link>,
    next: u64,
    /// When to look after those who have not shown the key yet.
    look_again: Option<Instant>,
    /// Whether a request has gone to the server since the last sleep.
    has_asked: bool,
}

/// A client: its session with the server.
struct Client {
    session: MessageSocket,
    n_lines: usize,
}

/// What the thread and others know.
pub(super) struct Office {
    bell: Doorbell,
    is_over: AtomicBool,
    /// Lines whose long request was sent, or was not.
    returned: Mutex<Vec<(u64, Option<Box<Ends>>)>>,
    turned_away: Mutex<TurnedAway>,
    /// Connections that were let in at another door.
    arrived: Mutex<Vec<Inside>>,
}

/// What a sleep has found.
#[derive(Default)]
struct Found {
    has_rung: bool,
    has_come: bool,
    is_over: bool,
    links: Vec<u64>,
    lines: Vec<u64>,
}

impl Office {
    /// Has the thread end.
    pub(super) fn close(&self) {
        self.is_over.store(true, Release);
        self.bell.ring();
    }

    pub(super) fn turned_away(&self) -> TurnedAway {
        *lock(&self.turned_away)
    }

    /// Lets somebody in who has shown the key at another door.
    #[cfg(feature = "tls")]
    pub(super) fn let_in(&self, connection: Inside) {
        lock(&self.arrived).push(connection);
        self.bell.ring();
    }

    /// Has the gate closed as well for those who wait at another door.
    #[cfg(feature = "tls")]
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Acquire)
    }

    fn give_back(&self, link: u64, ends: Option<Box<Ends>>) {
        lock(&self.returned).push((link, ends));
        self.bell.ring();
    }
}

impl Rules {
    /// Why a request is not passed on, if it is not.
    fn refusal(&self, op: Option<Op>) -> Option<Failure> {
        match op? {
            Op::Lease | Op::LeaseMore | Op::Shutdown => {
                Some(Failure::NoSuchMethod("this one, for those who came through a gate".into()))
            }
            Op::Change
            | Op::ChangeWhole
            | Op::Transact
            | Op::Apply
            | Op::ApplyAsync
            | Op::Map
            | Op::MapAsync
                if !self.runs_functions =>
            {
                Some(Failure::Refused("the gate lets its clients run no functions".into()))
            }
            _ => None,
        }
    }
}

impl Keeper {
    pub(super) fn new(
        listener: Option<Listener<FromGate, FromClient>>,
        door: MessageSocket,
        (server, names): (ServerId, ObjectId),
        (rules, timeout): (Rules, Duration),
    ) -> io::Result<Keeper> {
        let office = Office {
            bell: Doorbell::new()?,
            is_over: AtomicBool::new(false),
            returned: Mutex::default(),
            turned_away: Mutex::default(),
            arrived: Mutex::default(),
        };
        Ok(Keeper {
            listener,
            door,
            server,
            names,
            rules,
            timeout,
            office: Arc::new(office),
            clients: HashMap::new(),
            links: BTreeMap::new(),
            next: 0,
            look_again: None,
            has_asked: false,
        })
    }

    pub(super) fn office(&self) -> Arc<Office> {
        Arc::clone(&self.office)
    }

    /// Serves until the gate is closed, or the server is gone.
    pub(super) fn run(mut self) {
        loop {
            let found = self.sleep();
            // Acquire: whoever closed the gate did so before.
            if found.is_over || self.office.is_over.load(Acquire) {
                return;
            }
            if found.has_rung {
                self.office.bell.silence();
                let returned = std::mem::take(&mut *lock(&self.office.returned));
                let arrived = std::mem::take(&mut *lock(&self.office.arrived));
                arrived.into_iter().for_each(|connection| self.add(connection));
                returned.into_iter().for_each(|(key, ends)| self.take_back(key, ends));
            }
            found.lines.into_iter().for_each(|key| self.attend(key, Keeper::answer));
            found.links.into_iter().for_each(|key| self.attend(key, Keeper::listen));
            if found.has_come || self.deadline().is_over() {
                self.let_in();
            }
        }
    }

    /// Waits until there is something to do.
    fn sleep(&mut self) -> Found {
        let mut deadline = self.deadline();
        if std::mem::take(&mut self.has_asked) && self.see_replies() {
            deadline = Deadline::NOW;
        }
        let mut watches = vec![
            Watch::new(self.office.bell.handle(), Interest::Read),
            Watch::new(
                self.listener.as_ref().map_or(self.office.bell.handle(), AsHandle::as_fd),
                Interest::Read,
            ),
            Watch::new(self.door.handle(), Interest::End),
        ];
        watches.extend(self.links.values().map(|link| Watch::new(link.handle(), link.interest())));
        let asked: Vec<(u64, &Ends)> =
            self.links.iter().filter_map(|(&key, link)| Some((key, link.asked()?))).collect();
        for (_, ends) in &asked {
            match ends.rx.pollable() {
                Ok(handle) => watches.push(Watch::new(handle, Interest::Read)),
                Err(_) => {
                    watches.push(Watch::new(ends.rx.handle(), Interest::End));
                    deadline = Deadline::after(NAP);
                }
            }
        }
        let has_reply = |ends: &Ends| ends.rx.has_item();
        if asked.iter().any(|(_, ends)| has_reply(ends)) {
            deadline = Deadline::NOW;
        }
        if wait(&mut watches, deadline).is_err() {
            // Memory is short.
            std::thread::sleep(NAP);
            return Found::default();
        }
        let mut ready = watches.iter().map(Watch::is_ready);
        let mut is_ready = || ready.next().unwrap_or(false);
        Found {
            has_rung: is_ready(),
            has_come: is_ready(),
            is_over: is_ready(),
            links: self.links.keys().copied().filter(|_| is_ready()).collect(),
            lines: asked
                .iter()
                .filter(|(_, ends)| is_ready() | has_reply(ends))
                .map(|&(key, _)| key)
                .collect(),
        }
    }

    /// When to wake without being called.
    fn deadline(&self) -> Deadline {
        let silent = self.links.values().filter_map(|link| match link.role {
            Role::Stranger(since) => Some(since + self.timeout),
            _ => None,
        });
        silent.chain(self.look_again).min().map_or(Deadline::NEVER, Deadline::at)
    }

    /// Looks for replies for a moment: most come sooner than a sleep begins.
    fn see_replies(&self) -> bool {
        let asked: Vec<&Ends> = self.links.values().filter_map(Link::asked).collect();
        (0..LOOKS).any(|_| {
            std::thread::yield_now();
            asked.iter().any(|ends| ends.rx.has_item())
        })
    }

    /// Lets those in who have shown the key, and those go who came in and say nothing.
    fn let_in(&mut self) {
        self.look_again = None;
        if let Some(mut listener) = self.listener.take() {
            self.accept(&mut listener);
            *lock(&self.office.turned_away) = listener.turned_away();
            self.listener = Some(listener);
        }
        let is_late =
            |link: &Link| matches!(link.role, Role::Stranger(since) if since.elapsed() >= self.timeout);
        self.links.retain(|_, link| !is_late(link));
    }

    fn accept(&mut self, listener: &mut Listener<FromGate, FromClient>) {
        for _ in 0..MOST_AT_ONCE {
            let pause = match listener.try_accept() {
                Ok(connection) => {
                    self.add(connection);
                    continue;
                }
                // Those at the door are turned away in calls alone.
                Err(TryAcceptError::Nobody) => self.timeout + NAP,
                Err(_) => NAP,
            };
            self.look_again = Some(Instant::now() + pause);
            return;
        }
    }

    fn add(&mut self, connection: Inside) {
        self.next += 1;
        self.links.insert(self.next, Link::new(connection));
    }

    /// Does something with a connection, and lets go of it if that fails.
    fn attend(&mut self, key: u64, work: impl FnOnce(&mut Keeper, u64, &mut Link) -> Result<(), Gone>) {
        let Some(mut link) = self.links.remove(&key) else { return };
        match work(self, key, &mut link) {
            Ok(()) => drop(self.links.insert(key, link)),
            Err(Gone) => self.part(&link),
        }
    }

    /// A connection has ended; with the main one of a client all others, and its session.
    fn part(&mut self, link: &Link) {
        match link.role {
            Role::Stranger(_) => {}
            Role::Main(client) => {
                self.clients.remove(&client);
                self.links.retain(|_, link| link.client() != Some(client));
            }
            Role::Line(client, _) => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.n_lines -= 1;
                }
            }
        }
    }

    /// Takes what a client has said, or sends what has no room until now.
    fn listen(&mut self, key: u64, link: &mut Link) -> Result<(), Gone> {
        match link.interest() {
            Interest::End => return Err(Gone),
            Interest::Write => return link.flush().map(drop),
            Interest::Read => {}
        }
        match link.hear()? {
            Some(word) => self.obey(key, link, word),
            None => Ok(()),
        }
    }

    fn obey(&mut self, key: u64, link: &mut Link, word: FromClient) -> Result<(), Gone> {
        match (&mut link.role, word) {
            (Role::Stranger(_), FromClient::Begin(pid, name)) => self.welcome(link, pid, &name),
            (Role::Stranger(_), FromClient::Join(client)) => self.join(link, client),
            (Role::Main(client), FromClient::Say(message)) => self.pass_on(*client, message.bytes()),
            (Role::Line(_, Exchange::Idle(_)), FromClient::Request(request)) => {
                self.ask(key, link, request.into_parts().0)
            }
            _ => Err(Gone),
        }
    }

    fn welcome(&mut self, link: &mut Link, pid: u32, name: &str) -> Result<(), Gone> {
        if self.clients.len() >= self.rules.max_clients {
            link.say(FromGate::Full("clients".into()))?;
            return Err(Gone);
        }
        let mut id = ClientId::default();
        ipc_sys::random::fill(&mut id).map_err(|_| Gone)?;
        let name: String = name.chars().take(64).collect();
        let session = enter(&self.door, pid, &name).map_err(|_| Gone)?;
        self.clients.insert(id, Client { session, n_lines: 0 });
        link.role = Role::Main(id);
        link.say(FromGate::Welcome(self.server, id, self.names))
    }

    fn join(&mut self, link: &mut Link, id: ClientId) -> Result<(), Gone> {
        let client = self.clients.get_mut(&id).ok_or(Gone)?;
        if client.n_lines >= self.rules.max_calls {
            link.say(FromGate::Full("calls of one client that are under way".into()))?;
            return Err(Gone);
        }
        let ends = Ends::open(&client.session).map_err(|_| Gone)?;
        client.n_lines += 1;
        link.role = Role::Line(id, Exchange::Idle(ends));
        link.say(FromGate::Joined)
    }

    /// Tells the server that something was given back; nothing else is said beside a line.
    fn pass_on(&self, client: ClientId, message: &[u8]) -> Result<(), Gone> {
        let client = self.clients.get(&client).ok_or(Gone)?;
        if !matches!(message.first(), Some(&RELEASE | &TELL)) {
            return Err(Gone);
        }
        client.session.send(&[message], &[], Deadline::after(PATIENCE)).map_err(|_| Gone)
    }

    /// Passes a request on.
    fn ask(&mut self, key: u64, link: &mut Link, request: Vec<u8>) -> Result<(), Gone> {
        let Some(&[a, b, c, d, op]) = request.first_chunk() else { return Err(Gone) };
        if let Some(failure) = self.rules.refusal(Op::from_u8(op)) {
            let mut reply = Writer(vec![a, b, c, d]);
            failure.write(&mut reply);
            return link.say(FromGate::Reply(raw(reply.0)));
        }
        let Role::Line(_, exchange) = &mut link.role else { return Err(Gone) };
        let Exchange::Idle(ends) = std::mem::replace(exchange, Exchange::Sending) else { return Err(Gone) };
        match ends.tx.send(&request, &[], Deadline::NOW) {
            Ok(Sent::Done) => {
                *exchange = Exchange::Asked(ends);
                self.has_asked = true;
                Ok(())
            }
            Ok(Sent::Full | Sent::TooLong(_)) => send_aside(Arc::clone(&self.office), key, ends, request),
            Err(_) => Err(Gone),
        }
    }

    /// A long request was sent, or the server has let go of the line.
    fn take_back(&mut self, key: u64, ends: Option<Box<Ends>>) {
        self.attend(key, |_, _, link| match (&mut link.role, ends) {
            (Role::Line(_, exchange @ Exchange::Sending), Some(ends)) => {
                *exchange = Exchange::Asked(ends);
                Ok(())
            }
            _ => Err(Gone),
        });
    }

    /// Passes a reply on, if it is here.
    fn answer(&mut self, _: u64, link: &mut Link) -> Result<(), Gone> {
        let Role::Line(_, exchange) = &mut link.role else { return Ok(()) };
        let Exchange::Asked(ends) = exchange else { return Ok(()) };
        let limit = self.rules.limits.max_frame.saturating_add(REPLY_HEADER);
        let reply = match ends.rx.read(limit, Deadline::NOW, |bytes, _| bytes.to_vec()) {
            Ok(Received::Message(reply)) => reply,
            Ok(Received::Nothing) => return Ok(()),
            _ => return Err(Gone),
        };
        if let Exchange::Asked(ends) = std::mem::replace(exchange, Exchange::Sending) {
            *exchange = Exchange::Idle(ends);
        }
        link.say(FromGate::Reply(raw(reply)))
    }
}

/// Sends what the ring cannot take at once, on a thread of its own: the server takes it in parts.
fn send_aside(office: Arc<Office>, key: u64, ends: Box<Ends>, request: Vec<u8>) -> Result<(), Gone> {
    let send = move || {
        let is_sent = matches!(ends.tx.send(&request, &[], Deadline::NEVER), Ok(Sent::Done));
        office.give_back(key, is_sent.then_some(ends));
    };
    std::thread::Builder::new().name("gate".into()).spawn(send).map(drop).map_err(|_| Gone)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
