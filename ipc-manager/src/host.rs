//! A proxy of the manager itself: making objects, transactions, and who is there.

use crate::client::{Reference, Request, Session};
use crate::error::CallError;
use crate::info::{ClientInfo, ObjectInfo};
use crate::proxy::{
    Array, Barrier, BoundedSemaphore, Condition, Dict, Event, JoinableQueue, List, Lock, Namespace, Object,
    Pool, Proxy, Queue, ReentrantLock, Semaphore, Set, Transact, Value, WriteNames,
};
use crate::server::Registered;
use crate::wire::{Op, root};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::Hash;
use std::sync::Arc;

/// What makes objects in a manager, wherever it is: a proxy of the manager itself.
///
/// # Examples
///
/// ```
/// use ipc_manager::{Host, List, Manager};
/// use ipc_process::Process;
/// # ipc_process::init();
///
/// let manager = Manager::start()?;
/// let child = Process::spawn(|host: Host| host.list_from([1, 2, 3]).unwrap(), manager.host().clone())?;
/// // What the child has made came back as its result.
/// let list: List<u32> = child.join()?;
/// assert_eq!(list.to_vec()?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Host(Arc<Reference>);

impl Host {
    pub(crate) fn of(session: &Arc<Session>) -> Host {
        Host(Arc::new(Reference::adopt(session, root())))
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        self.0.session()
    }

    /// Whether the server answers.
    pub(crate) fn ping(&self) -> Result<(), CallError> {
        self.0.call(Op::State, 0, |_| Ok(()), |_| Ok(()))
    }

    /// Ends the server.
    pub(crate) fn shutdown(&self) -> Result<(), CallError> {
        self.0.call(Op::Shutdown, 0, |_| Ok(()), |_| Ok(()))
    }

    /// Makes an empty list.
    ///
    /// # Errors
    ///
    /// [`CallError`], here and in all others that make something: the server is gone, or has no room.
    pub fn list<T: Serialize + DeserializeOwned>(&self) -> Result<List<T>, CallError> {
        self.list_from([])
    }

    /// Makes a list of these items.
    pub fn list_from<T: Serialize + DeserializeOwned>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<List<T>, CallError> {
        self.create(|request| request.all(items))
    }

    /// Makes an empty dict.
    pub fn dict<K, V>(&self) -> Result<Dict<K, V>, CallError>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.dict_from([])
    }

    /// Makes a dict of these entries.
    pub fn dict_from<K, V>(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<Dict<K, V>, CallError>
    where
        K: Serialize + DeserializeOwned + Eq + Hash,
        V: Serialize + DeserializeOwned,
    {
        self.create(|request| request.pairs(entries))
    }

    /// Makes an empty set.
    pub fn set<T>(&self) -> Result<Set<T>, CallError>
    where
        T: Serialize + DeserializeOwned + Eq + Hash,
    {
        self.set_from([])
    }

    /// Makes a set of these items.
    pub fn set_from<T>(&self, items: impl IntoIterator<Item = T>) -> Result<Set<T>, CallError>
    where
        T: Serialize + DeserializeOwned + Eq + Hash,
    {
        self.create(|request| request.keys(items))
    }

    /// Makes a namespace without attributes.
    pub fn namespace(&self) -> Result<Namespace, CallError> {
        self.create(|request| request.keys::<()>([]))
    }

    /// Makes a variable.
    pub fn value<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<Value<T>, CallError> {
        self.create(|request| request.all([value]))
    }

    /// Makes an array of these items, whose length is fixed.
    pub fn array<T: Serialize + DeserializeOwned>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Array<T>, CallError> {
        self.create(|request| request.all(items))
    }

    /// Makes a queue for so many items; zero is no limit.
    pub fn queue<T: Serialize + DeserializeOwned>(&self, capacity: usize) -> Result<Queue<T>, CallError> {
        self.create(|request| request.number(capacity))
    }

    /// Makes a queue that knows which of its items are done.
    pub fn joinable_queue<T: Serialize + DeserializeOwned>(
        &self,
        capacity: usize,
    ) -> Result<JoinableQueue<T>, CallError> {
        self.create(|request| request.number(capacity))
    }

    /// Makes a lock.
    pub fn lock(&self) -> Result<Lock, CallError> {
        self.create(|_| Ok(()))
    }

    /// Makes a lock that its owner can take again.
    pub fn reentrant_lock(&self) -> Result<ReentrantLock, CallError> {
        self.create(|_| Ok(()))
    }

    /// Makes a semaphore with so many permits.
    pub fn semaphore(&self, permits: u64) -> Result<Semaphore, CallError> {
        self.create(|request| request.word(permits))
    }

    /// Makes a semaphore that never has more permits than at first.
    pub fn bounded_semaphore(&self, permits: u64) -> Result<BoundedSemaphore, CallError> {
        self.create(|request| request.word(permits))
    }

    /// Makes a condition, with a lock of its own.
    pub fn condition(&self) -> Result<Condition, CallError> {
        self.create(|_| Ok(()))
    }

    /// Makes an event that is not set.
    pub fn event(&self) -> Result<Event, CallError> {
        self.create(|_| Ok(()))
    }

    /// Makes a barrier for so many.
    pub fn barrier(&self, parties: usize) -> Result<Barrier, CallError> {
        self.create(|request| request.number(parties))
    }

    /// Makes a pool of so many worker processes, which belong to the server. They are started with the first task.
    pub fn pool(&self, workers: usize) -> Result<Pool, CallError> {
        self.create(|request| request.number(workers))
    }

    /// Makes a value of a [registered](crate::Builder::register) type, in the server.
    ///
    /// # Errors
    ///
    /// [`CallError::NoSuchMethod`] if the type is not registered, [`CallError::Panicked`] if its
    /// [`create`](Registered::create) did.
    pub fn object<T: Registered>(&self, args: T::Args) -> Result<Object<T>, CallError> {
        let object: Object<T> = self.create_as(std::any::type_name::<T>(), |request| request.value(&args))?;
        object.make()?;
        Ok(object)
    }

    /// Runs a function on several objects at once: nobody sees some of its changes without the others.
    ///
    /// Objects are [lists](List), [arrays](Array), [dicts](Dict), [sets](Set) and [values](Value), up to four of them, as a tuple of references. The function gets
    /// their contents, and what it leaves there takes their place.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`] and [`CallError::Refused`]; nothing has changed then.
    pub fn transaction<O: Transact, A, R>(
        &self,
        objects: O,
        function: fn(&mut O::Contents, A) -> R,
        args: A,
    ) -> Result<R, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let write = |request: &mut Request<'_>| {
            WriteNames::write(&objects, request);
            request.change::<O::Kept, A, R>(function, &args)
        };
        self.0.call(Op::Transact, 0, write, |reply| reply.value())
    }

    /// All objects of the manager.
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let list = manager.list_from([1, 2, 3])?;
    /// let objects = manager.objects()?;
    /// assert_eq!((objects[0].kind, objects[0].size, objects[0].references), ("list", Some(3), 1));
    /// assert_eq!(objects[0].holders[0].pid, Some(std::process::id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn objects(&self) -> Result<Vec<ObjectInfo>, CallError> {
        self.0.call(Op::Objects, 0, |_| Ok(()), ObjectInfo::read_all)
    }

    /// All processes that use the manager.
    pub fn clients(&self) -> Result<Vec<ClientInfo>, CallError> {
        self.0.call(Op::Clients, 0, |_| Ok(()), ClientInfo::read_all)
    }

    fn create<P: Proxy>(
        &self,
        write: impl FnOnce(&mut Request<'_>) -> Result<(), CallError>,
    ) -> Result<P, CallError> {
        self.create_as(std::any::type_name::<P>(), write)
    }

    fn create_as<P: Proxy>(
        &self,
        type_name: &str,
        write: impl FnOnce(&mut Request<'_>) -> Result<(), CallError>,
    ) -> Result<P, CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u8(P::KIND as u8);
            request.to.u32(P::type_id());
            request.to.bytes(type_name.as_bytes());
            write(request)
        };
        self.0.call(Op::Create, 0, write, |reply| reply.object()).map(|object| P::of(Arc::new(object)))
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reference::serialize(&self.0, 0, serializer)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Host, D::Error> {
        Reference::deserialize(0, deserializer).map(Host)
    }
}
