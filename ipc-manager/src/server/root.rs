//! What is asked of the manager itself: new objects, references, leases, functions over several objects, and who is there.

use super::objects;
use super::requests::{Next, Place};
use super::run::Server;
use super::turn::Turn;
use super::world::{Deferred, Holder};
use crate::error::Failure;
use crate::wire::{Kind, ObjectId, Op, Reader, Writer};
use ipc_sys::handle::OwnedHandle;
use ipc_sys::socket::MessageSocket;

/// So many leases there may be: each is a descriptor of the server.
const MOST_LEASES: usize = 512;

impl Server {
    pub(super) fn answer_root(
        &mut self,
        op: Op,
        place: &Place,
        (args, request): (&mut Reader<'_>, &[u8]),
        handles: Vec<OwnedHandle>,
        outbox: &mut Writer,
    ) -> Result<Next, Failure> {
        match op {
            Op::Create => self.create(place, args, outbox)?,
            Op::Acquire => {
                let id = args.id()?;
                if !self.world.is_there(id) {
                    return Err(Failure::NoSuchObject);
                }
                self.world.hold(Holder::Session(place.session), id);
            }
            Op::Lease => outbox.u64(self.lease(handles)?),
            Op::LeaseMore => {
                let (lease, id) = (args.u64()?, args.id()?);
                if !self.clients.doors.contains_key(&lease) || !self.world.is_there(id) {
                    return Err(Failure::NoSuchObject);
                }
                self.world.hold(Holder::Lease(lease), id);
            }
            Op::Transact => return self.transact(place, args, request),
            Op::Objects => self.tell_objects(outbox),
            Op::Clients => self.tell_clients(outbox),
            // Whether anybody is there.
            Op::State => {}
            Op::Shutdown => self.is_over = true,
            op => return Err(Failure::NoSuchMethod(format!("{op:?} of a manager"))),
        }
        Ok(Next::Reply)
    }

    fn create(&mut self, place: &Place, args: &mut Reader<'_>, outbox: &mut Writer) -> Result<(), Failure> {
        let kind = Kind::from_u8(args.u8()?).ok_or(Failure::Malformed)?;
        let (type_id, type_name) = (args.u32()?, args.text()?);
        let object = if kind == Kind::Object {
            let make = self.registry.maker(&type_name);
            let make = make.ok_or_else(|| Failure::NoSuchMethod(format!("create of a {type_name}")))?;
            objects::of_user(make, args.rest())
        } else {
            let (world, effects) = (&self.world, &mut self.effects);
            let Place { session, ticket, .. } = *place;
            let turn = &mut Turn { world, session, ticket, handles: Vec::new(), reply: outbox, effects };
            objects::create(kind, args, turn)?
        };
        let id = self.world.add(object, (type_id, type_name), Holder::Session(place.session))?;
        outbox.id(id);
        Ok(())
    }

    fn lease(&mut self, handles: Vec<OwnedHandle>) -> Result<u64, Failure> {
        if self.clients.doors.len() > MOST_LEASES {
            return Err(Failure::Limit("messages with proxies that are on their way".into()));
        }
        let handle = handles.into_iter().next().ok_or(Failure::Malformed)?;
        let socket = MessageSocket::from_handle(handle).map_err(|_| Failure::Malformed)?;
        let key = self.clients.next();
        self.clients.doors.insert(key, socket);
        Ok(key)
    }

    /// Runs a function on several objects. If one of them is busy the request waits for its end, and begins again.
    fn transact(&mut self, place: &Place, args: &mut Reader<'_>, request: &[u8]) -> Result<Next, Failure> {
        let n_objects = args.count()?;
        let named =
            (0..n_objects).map(|_| Ok((args.id()?, args.u32()?))).collect::<Result<Vec<_>, Failure>>()?;
        let mut ids: Vec<ObjectId> = Vec::new();
        for &(id, type_id) in &named {
            if ids.contains(&id) {
                return Err(Failure::Refused("an object is named twice".into()));
            }
            let slot = self.world.find(id, type_id)?;
            if let Some(backlog) = &mut slot.backlog {
                backlog.push_back(Deferred { line: place.line, bytes: request.to_vec() });
                return Ok(Next::Later(super::clients::State::Working));
            }
            ids.push(id);
        }
        let mut wholes = Writer::default();
        for &id in &ids {
            let object = self.world.slot(id).and_then(|slot| slot.object.as_ref());
            wholes.bytes(&object.ok_or(Failure::NoSuchObject)?.whole()?);
        }
        let entry = args.bytes()?;
        let job = objects::change_job(&self.world, entry, wholes.0, args.rest())?;
        Ok(self.start(place, ids, job))
    }

    fn tell_objects(&mut self, outbox: &mut Writer) {
        let found: Vec<_> = self
            .world
            .objects()
            .map(|(id, slot)| {
                // While a function changes it, it may be of any.
                let object = slot.object.as_ref().filter(|_| slot.backlog.is_none());
                let size = object.map(|object| object.size());
                (id, slot.kind, slot.type_name.clone(), slot.n_references, slot.n_parked, size)
            })
            .collect();
        outbox.count(found.len());
        for (id, kind, type_name, n_references, n_parked, size) in found {
            outbox.u32(id.index);
            outbox.u8(kind as u8);
            outbox.bytes(type_name.as_bytes());
            outbox.u64(n_references);
            outbox.count(n_parked);
            outbox.bool(size.is_some());
            outbox.count(size.unwrap_or(0));
            let holders = self.world.holders_of(id);
            outbox.count(holders.len());
            for (holder, count) in holders {
                let pid = match holder {
                    Holder::Session(session) => self.clients.sessions.get(&session).map(|client| client.pid),
                    Holder::Lease(_) => None,
                };
                outbox.u32(pid.unwrap_or(0));
                outbox.u64(count);
            }
        }
    }

    fn tell_clients(&mut self, outbox: &mut Writer) {
        let own = std::process::id();
        let clients: Vec<_> = self.clients.sessions.iter().filter(|(_, client)| client.pid != own).collect();
        outbox.count(clients.len());
        for (&session, client) in clients {
            let lines = self.clients.lines.iter().filter(|line| line.session == session);
            let n_waiting = self.parked.values().filter(|parked| parked.session == session).count();
            outbox.u32(client.pid);
            outbox.bytes(client.name.as_bytes());
            outbox.u64(client.n_calls);
            outbox.count(lines.count());
            outbox.count(n_waiting);
            outbox.u64(self.world.held_by(Holder::Session(session)));
        }
    }
}
