//! The server's loop: it looks at all lines in turn, and sleeps when nobody has said anything for a while.

use super::clients::{Clients, Line, Said, State};
use super::jobs::{Done, Jobs};
use super::registry::{Install, Registry};
use super::turn::{Effects, SessionId, Ticket, Turn};
use super::world::{Holder, World};
use crate::client::Session;
use crate::wire::{ObjectId, ServerId, Writer};
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, Message};
use ipc_process::internals::{Entry, Outcome};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::readiness::{Interest, Watch, wait};
use ipc_sys::socket::MessageSocket;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many times the server looks at the lines when there is nothing, one look right after the other.
const LOOKS: u32 = 200;
/// After so many times it sleeps; from `LOOKS` on it gives way to others in between.
const ENOUGH: u32 = LOOKS + 40;
/// After so many rounds without work, while others come in between, the server looks at everything else.
const ROUNDS: u32 = 4096;
/// A round with work counts as so many without.
const WORK: u32 = 8;
/// How long a server sleeps that cannot be woken, for lack of memory.
const NAP: Duration = Duration::from_millis(1);

/// What a server is started with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) server: ServerId,
    /// The inner end of the door, and the outer one, for functions that use proxies.
    pub(crate) door: Handle<OwnedHandle>,
    pub(crate) outside: Handle<OwnedHandle>,
    pub(crate) installs: Vec<Install>,
    pub(crate) runs_functions: bool,
    /// What is called first, with its arguments.
    pub(crate) initializer: Option<(Entry, Message)>,
}

/// A server.
pub(crate) struct Server {
    pub(super) world: World,
    pub(super) clients: Clients,
    pub(super) parked: HashMap<Ticket, Parked>,
    pub(super) deadlines: BTreeSet<(Instant, Ticket)>,
    pub(super) effects: Effects,
    pub(super) jobs: Jobs,
    pub(super) registry: Arc<Registry>,
    pub(super) is_over: bool,
    pub(super) next_ticket: Ticket,
    /// The reply that is being written.
    pub(super) outbox: Writer,
    /// The session with itself, which functions use.
    pub(super) own: Arc<Session>,
}

/// A call that waits.
pub(crate) struct Parked {
    pub(super) line: u64,
    pub(super) session: SessionId,
    pub(super) object: ObjectId,
    pub(super) deadline: Option<Instant>,
}

/// The function of a server's process.
pub(crate) fn serve(setup: Setup) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let door = MessageSocket::from_handle(setup.door.into_inner()).map_err(text)?;
    let outside = MessageSocket::from_handle(setup.outside.into_inner()).map_err(text)?;
    let mut registry = Registry::default();
    setup.installs.iter().for_each(|install| install.run(&mut registry));
    if let Some((entry, args)) = setup.initializer {
        initialize(entry, args)?;
    }
    let mut server = Server {
        world: World::new(setup.runs_functions),
        clients: Clients::default(),
        parked: HashMap::new(),
        deadlines: BTreeSet::new(),
        effects: Effects::default(),
        jobs: Jobs::new().map_err(text)?,
        registry: Arc::new(registry),
        is_over: false,
        next_ticket: 1,
        outbox: Writer::default(),
        own: Session::at(setup.server, &outside).map_err(|error| error.to_string())?,
    };
    let key = server.clients.next();
    server.clients.doors.insert(key, door);
    server.run();
    Ok(())
}

/// Calls the initializer.
fn initialize(entry: Entry, args: Message) -> Result<(), String> {
    let callee = entry.resolve().map_err(|error| error.to_string())?;
    match callee.call(args, &Limits::default(), &mut || ()) {
        Outcome::Returned(_) => Ok(()),
        Outcome::Panicked(report) => Err(format!("the initializer {report}")),
        Outcome::ArgumentsRefused(reason)
        | Outcome::ResultRefused(reason)
        | Outcome::ImageDiffers(reason) => Err(format!("the initializer was not called: {reason}")),
    }
}

impl Server {
    fn run(&mut self) {
        let (mut n_quiet, mut n_rounds) = (0, 0);
        while !self.is_over {
            let has_worked = self.round();
            n_rounds += if has_worked { WORK } else { 1 };
            if n_rounds >= ROUNDS {
                n_rounds = 0;
                self.look_around(Deadline::NOW);
            }
            if has_worked {
                n_quiet = 0;
                continue;
            }
            n_quiet += 1;
            match n_quiet {
                0..LOOKS => std::hint::spin_loop(),
                LOOKS..ENOUGH => std::thread::yield_now(),
                _ => {
                    self.sleep();
                    (n_quiet, n_rounds) = (0, 0);
                }
            }
        }
    }

    /// Takes at most one request from each line; whether there was anything to do.
    #[inline]
    fn round(&mut self) -> bool {
        let mut has_worked = false;
        let mut index = 0;
        // Lines can go away while one of them is served; the last one then takes the place of the one that went.
        while let Some(line) = self.clients.lines.get(index) {
            if line.state == State::Idle && line.rx.has_item() {
                self.take_request(index);
                has_worked = true;
            }
            index += 1;
        }
        let done = self.jobs.done();
        if !done.is_empty() {
            done.into_iter().for_each(|done| self.after(done));
            has_worked = true;
        }
        if !self.deadlines.is_empty() {
            self.expire();
        }
        has_worked
    }

    fn after(&mut self, done: Done) {
        match done {
            Done::Job { line, session, ticket, busy, product, alive } => {
                self.finish_job((line, session, ticket), &busy, product);
                drop(alive);
            }
            Done::Delivered { line } => {
                if let Some(line) = self.clients.by_key(line) {
                    line.state = State::Idle;
                }
            }
            Done::Undelivered { line } => self.cut(line),
        }
    }

    /// Has all lines ring, and sleeps until somebody does or a deadline passes.
    fn sleep(&mut self) {
        let mut has_item = false;
        let is_awaited = |line: &&mut Line| !line.is_armed && line.state == State::Idle;
        for line in self.clients.lines.iter_mut().filter(is_awaited) {
            // What is wrong with a line shows when it is read.
            has_item |= line.rx.arm().unwrap_or(true);
            line.is_armed = true;
        }
        if !has_item {
            let first = self.deadlines.first().map(|&(first, _)| Deadline::at(first));
            self.look_around(first.unwrap_or(Deadline::NEVER));
        }
    }

    /// Sees who came, who has gone and who rings, waiting for that until the deadline.
    fn look_around(&mut self, deadline: Deadline) {
        let Clients { sessions, doors, lines, .. } = &self.clients;
        let mut watches: Vec<Watch<'_>> = vec![Watch::new(self.jobs.handle(), Interest::Read)];
        watches.extend(doors.values().map(|door| Watch::new(door.handle(), Interest::Read)));
        watches.extend(sessions.values().map(|client| Watch::new(client.socket.handle(), Interest::Read)));
        watches.extend(lines.iter().map(|line| {
            // An armed line may ring. Of the others only the end is of interest: their call is not answered yet, or they have an old
            // ring in them.
            let interest = if line.is_armed { Interest::Read } else { Interest::End };
            Watch::new(line.rx.handle(), interest)
        }));
        match wait(&mut watches, deadline) {
            Ok(0) => return,
            Ok(_) => {}
            // Memory is short.
            Err(_) => return std::thread::sleep(NAP),
        }
        let mut ready = watches.iter().skip(1).map(Watch::is_ready);
        let mut is_ready = |_: &_| ready.next().unwrap_or(false);
        let open: Vec<u64> = doors.keys().copied().filter(&mut is_ready).collect();
        let heard: Vec<SessionId> = sessions.keys().copied().filter(&mut is_ready).collect();
        let rung: Vec<u64> = lines.iter().map(|line| line.key).filter(&mut is_ready).collect();
        for door in open {
            if !self.clients.knock(door) {
                self.end_lease(door);
            }
        }
        heard.into_iter().for_each(|session| self.hear(session));
        rung.into_iter().for_each(|line| self.heard_ring(line));
    }

    fn hear(&mut self, session: SessionId) {
        loop {
            match self.clients.hear(session) {
                Said::Line(line) => self.clients.lines.push(*line),
                Said::Released(ids) => {
                    ids.into_iter().for_each(|id| self.world.let_go(Holder::Session(session), id));
                    self.fail_orphans();
                }
                Said::Told(request) => self.obey(session, &request),
                Said::Nothing => return,
                Said::Ended => return self.end_session(session),
            }
        }
    }

    fn heard_ring(&mut self, key: u64) {
        let Some(line) = self.clients.by_key(key) else { return };
        line.is_armed = false;
        // In this order: a request that comes in between is no end.
        if line.rx.is_ready() && !line.rx.has_item() {
            self.cut(key);
        }
    }

    /// A lease is over: its message was decoded, or lost.
    fn end_lease(&mut self, door: u64) {
        self.clients.doors.remove(&door);
        self.world.end(Holder::Lease(door));
        self.fail_orphans();
    }

    /// A client has ended.
    fn end_session(&mut self, session: SessionId) {
        self.clients.sessions.remove(&session);
        let lines: Vec<u64> =
            self.clients.lines.iter().filter(|line| line.session == session).map(|line| line.key).collect();
        lines.into_iter().for_each(|line| self.cut(line));
        let holders: Vec<ObjectId> = self.world.objects().map(|(id, _)| id).collect();
        for id in holders {
            self.with_object(id, (session, 0), |object, turn| object.session_ended(session, turn));
        }
        self.settle();
        self.world.end(Holder::Session(session));
        self.fail_orphans();
    }

    /// A line is not used any more; if its call waits nobody waits for it.
    pub(super) fn cut(&mut self, key: u64) {
        let Some(index) = self.clients.lines.iter().position(|line| line.key == key) else { return };
        let line = self.clients.lines.swap_remove(index);
        if let State::Parked(ticket) = line.state {
            if let Some(parked) = self.unpark(ticket) {
                self.with_object(parked.object, (parked.session, ticket), |object, turn| {
                    object.forget(ticket, turn);
                });
                self.settle();
            }
        }
    }

    /// Ends the waits whose time is over.
    fn expire(&mut self) {
        let now = Instant::now();
        while let Some(&(deadline, ticket)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            self.deadlines.pop_first();
            let Some(parked) = self.parked.get_mut(&ticket) else { continue };
            parked.deadline = None;
            let (object, session) = (parked.object, parked.session);
            let is_over =
                self.with_object(object, (session, ticket), |object, turn| object.expire(ticket, turn));
            if is_over.unwrap_or(true) {
                self.effects.completed.push((ticket, Err(crate::error::Failure::TimedOut)));
            }
            self.settle();
        }
    }

    /// Has an object do something that is no call.
    pub(super) fn with_object<R>(
        &mut self,
        id: ObjectId,
        (session, ticket): (SessionId, Ticket),
        work: impl FnOnce(&mut dyn super::turn::Object, &mut Turn<'_>) -> R,
    ) -> Option<R> {
        let mut object = self.world.slot(id)?.object.take()?;
        let (world, effects) = (&self.world, &mut self.effects);
        let mut reply = Writer::default();
        let result = work(
            &mut *object,
            &mut Turn { world, session, ticket, handles: Vec::new(), reply: &mut reply, effects },
        );
        if let Some(slot) = self.world.slot(id) {
            slot.object = Some(object);
        }
        Some(result)
    }
}
