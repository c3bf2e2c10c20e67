//! From a request to a reply: finding the object, what becomes of its answer, and what else that changes.

use super::clients::{self, State};
use super::jobs::Done;
use super::kept::Kept;
use super::run::{Parked, Server};
use super::turn::{Answer, Job, Product, SessionId, Ticket, Turn};
use super::world::Deferred;
use crate::client::with_session;
use crate::error::Failure;
use crate::wire::{ObjectId, Op, REQUEST_HEADER, ROOT, Reader, TypeId, Writer};
use ipc_codec::Limits;
use ipc_queue::internals::{Received, Sent};
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use std::sync::Arc;
use std::time::Duration;

/// How long a client may take to make room for a reply that does not go at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The beginning of a request.
struct Header {
    number: u32,
    op: Op,
    id: ObjectId,
    type_id: TypeId,
}

impl Header {
    #[inline]
    fn read(from: &mut Reader<'_>) -> Result<Header, Failure> {
        let number = from.u32()?;
        let op = Op::from_u8(from.u8()?).ok_or(Failure::Malformed)?;
        Ok(Header { number, op, id: from.id()?, type_id: from.u32()? })
    }
}

impl Server {
    /// Takes the request that is in a line.
    pub(super) fn take_request(&mut self, index: usize) {
        let line = &mut self.clients.lines[index];
        line.is_armed = false;
        let (session, key) = (line.session, line.key);
        let mut request = Vec::new();
        let limit = Limits::default().max_frame.saturating_add(REQUEST_HEADER);
        let received = line.rx.read(limit, Deadline::NOW, |bytes, handles: Vec<OwnedHandle>| {
            request.extend_from_slice(bytes);
            handles
        });
        match received {
            Ok(Received::Message(handles)) => {
                if let Some(client) = self.clients.sessions.get_mut(&session) {
                    client.n_calls += 1;
                }
                self.answer((key, session), index, &request, handles);
            }
            // The rest of a long one has not come yet.
            Ok(Received::Nothing) => {}
            // The client has ended, or does not keep to the protocol.
            _ => self.cut(key),
        }
    }

    /// Answers a request, now or later.
    fn answer(
        &mut self,
        (key, session): (u64, SessionId),
        index: usize,
        request: &[u8],
        handles: Vec<OwnedHandle>,
    ) {
        let mut reader = Reader(request);
        let Ok(header) = Header::read(&mut reader) else { return self.cut(key) };
        self.clients.lines[index].number = header.number;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let mut outbox = std::mem::take(&mut self.outbox);
        clients::begin(&mut outbox);
        let place = Place { line: key, session, ticket };
        let answered = if header.id.index == ROOT {
            self.answer_root(header.op, &place, (&mut reader, request), handles, &mut outbox)
        } else {
            self.answer_object(&header, &place, request, (&mut reader, handles), &mut outbox)
        };
        match answered {
            Ok(Next::Reply) => {
                self.give((ticket, session));
                self.reply(index, key, &mut outbox, Ok(()));
            }
            Ok(Next::Later(state)) => self.clients.lines[index].state = state,
            Err(failure) => {
                self.effects.given.clear();
                self.effects.kept.clear();
                self.reply(index, key, &mut outbox, Err(failure));
            }
        }
        self.outbox = outbox;
        self.settle();
    }

    #[inline]
    fn answer_object(
        &mut self,
        header: &Header,
        place: &Place,
        request: &[u8],
        (reader, handles): (&mut Reader<'_>, Vec<OwnedHandle>),
        outbox: &mut Writer,
    ) -> Result<Next, Failure> {
        let slot = self.world.find(header.id, header.type_id)?;
        if let Some(backlog) = &mut slot.backlog {
            backlog.push_back(Deferred { line: place.line, bytes: request.to_vec() });
            return Ok(Next::Later(State::Working));
        }
        let mut object = slot.object.take().ok_or(Failure::NoSuchObject)?;
        let turn = &mut Turn {
            world: &self.world,
            session: place.session,
            ticket: place.ticket,
            handles,
            reply: outbox,
            effects: &mut self.effects,
        };
        let answer = object.call(header.op, reader, turn);
        let Some(slot) = self.world.slot(header.id) else { return Err(Failure::NoSuchObject) };
        slot.object = Some(object);
        match answer? {
            Answer::Done => Ok(Next::Reply),
            Answer::Parked(deadline) => {
                slot.n_parked += 1;
                let Place { line, session, ticket } = *place;
                self.parked.insert(ticket, Parked { line, session, object: header.id, deadline });
                self.deadlines.extend(deadline.map(|deadline| (deadline, ticket)));
                Ok(Next::Later(State::Parked(ticket)))
            }
            Answer::Work(job) => Ok(self.start(place, vec![header.id], job)),
            Answer::Aside(job) => Ok(self.start_aside(place, header.id, job)),
            Answer::Begun(job) => {
                self.start_aside(&Place { line: 0, ..*place }, header.id, job);
                Ok(Next::Reply)
            }
        }
    }

    /// Carries out a request that has no reply: something is given back.
    pub(super) fn obey(&mut self, session: SessionId, request: &[u8]) {
        let mut reader = Reader(request);
        let Ok(header) = Header::read(&mut reader) else { return };
        let is_known = self.world.find(header.id, header.type_id).is_ok();
        if is_known && matches!(header.op, Op::Release | Op::Abort | Op::Remove) {
            // What is held by nobody cannot be given back, and nobody is there to be told.
            let _ = self.with_object(header.id, (session, 0), |object, turn| {
                object.call(header.op, &mut reader, turn)
            });
            self.effects.given.retain(|&(whose, _)| whose != 0);
            self.settle();
        }
    }

    /// Runs a job on another thread; the objects are busy until it is done.
    pub(super) fn start(&mut self, place: &Place, busy: Vec<ObjectId>, job: Job) -> Next {
        for &id in &busy {
            if let Some(slot) = self.world.slot(id) {
                slot.backlog = Some(Default::default());
            }
        }
        self.spawn(place, busy, job)
    }

    fn start_aside(&mut self, place: &Place, id: ObjectId, job: Job) -> Next {
        // The object must be there when it is told what came of it.
        self.world.retain(id);
        self.spawn(place, vec![id], job)
    }

    fn spawn(&mut self, place: &Place, busy: Vec<ObjectId>, job: Job) -> Next {
        let own = Arc::clone(&self.own);
        let Place { line, session, ticket } = *place;
        self.jobs.run(Box::new(move || {
            let (product, alive) = with_session(&own, || job(&own));
            Done::Job { line, session, ticket, busy, product, alive }
        }));
        Next::Later(State::Working)
    }

    /// A job is done: what it changed is changed, its caller is answered, and those that waited for its end go on.
    pub(super) fn finish_job(
        &mut self,
        (line, session, ticket): (u64, SessionId, Ticket),
        busy: &[ObjectId],
        product: Product,
    ) {
        let mut outbox = Writer::default();
        clients::begin(&mut outbox);
        let finished = self.take_product((session, ticket), busy, product, &mut outbox);
        if finished.is_err() {
            self.effects.given.clear();
            self.effects.kept.clear();
        }
        match self.clients.lines.iter().position(|known| known.key == line) {
            Some(index) => {
                self.give((ticket, session));
                self.reply(index, line, &mut outbox, finished);
            }
            // Nobody reads the reply: nobody would give back what is in it.
            None => self.effects.given.retain(|&(whose, _)| whose != ticket),
        }
        self.settle();
        let mut waiting = Vec::new();
        for &id in busy {
            let Some(slot) = self.world.slot(id) else { continue };
            match slot.backlog.take() {
                Some(backlog) => {
                    waiting.extend(backlog);
                    self.world.drop_if_unheld(id);
                }
                None => self.world.drop_references(vec![id]),
            }
        }
        waiting.into_iter().for_each(|deferred| self.go_on(deferred));
    }

    fn take_product(
        &mut self,
        (session, ticket): (SessionId, Ticket),
        busy: &[ObjectId],
        product: Product,
        outbox: &mut Writer,
    ) -> Result<(), Failure> {
        let Server { world, effects, .. } = self;
        match (busy, product) {
            (_, Product::Failed(failure)) => Err(failure),
            (&[id], product) => {
                let slot = world.slot(id).ok_or(Failure::NoSuchObject)?;
                let mut object = slot.object.take().ok_or(Failure::NoSuchObject)?;
                let turn = &mut Turn { world, session, ticket, handles: Vec::new(), reply: outbox, effects };
                let finished = object.finished(product, turn);
                if let Some(slot) = world.slot(id) {
                    slot.object = Some(object);
                }
                finished
            }
            (ids, Product::Changed(wholes, result)) => {
                self.set_wholes((session, ticket), ids, &wholes, &result, outbox)
            }
            _ => Err(Failure::Malformed),
        }
    }

    /// A request that has waited for the end of a job.
    fn go_on(&mut self, deferred: Deferred) {
        if let Some(index) = self.clients.lines.iter().position(|line| line.key == deferred.line) {
            let session = self.clients.lines[index].session;
            self.clients.lines[index].state = State::Idle;
            self.answer((deferred.line, session), index, &deferred.bytes, Vec::new());
        }
    }

    pub(super) fn reply(&mut self, index: usize, key: u64, outbox: &mut Writer, result: Result<(), Failure>) {
        let line = &mut self.clients.lines[index];
        if let Some(tx) = line.reply(outbox, result) {
            // The client has to make room first.
            line.state = State::Working;
            let bytes = std::mem::take(&mut outbox.0);
            self.jobs.run(Box::new(move || match tx.send(&bytes, &[], Deadline::after(PATIENCE)) {
                Ok(Sent::Done) => Done::Delivered { line: key },
                _ => Done::Undelivered { line: key },
            }));
        } else if line.state == State::Over {
            self.cut(key);
        }
    }

    fn set_wholes(
        &mut self,
        (session, ticket): (SessionId, Ticket),
        ids: &[ObjectId],
        wholes: &[u8],
        result: &[u8],
        outbox: &mut Writer,
    ) -> Result<(), Failure> {
        let mut reader = Reader(wholes);
        let parts = ids.iter().map(|_| reader.bytes()).collect::<Result<Vec<_>, _>>()?;
        for (&id, part) in ids.iter().zip(parts) {
            self.with_object(id, (session, ticket), |object, turn| object.set_whole(part, turn))
                .ok_or(Failure::NoSuchObject)??;
        }
        let kept = Kept::new(result)?;
        self.effects.given.extend(kept.names().map(|id| (ticket, id)));
        outbox.rest(result);
        Ok(())
    }
}

/// Where a call comes from.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) session: SessionId,
    pub(super) ticket: Ticket,
}

/// What happens to the line next.
pub(super) enum Next {
    /// It gets the reply that was written.
    Reply,
    /// It gets one later.
    Later(State),
}
