//! The manager itself: starting its server, making objects, and the end.

use crate::client::{Reference, Request, Session};
use crate::error::{CallError, StartError};
use crate::info::{ClientInfo, ObjectInfo};
use crate::proxy::{
    Array, Barrier, BoundedSemaphore, Condition, Dict, Event, JoinableQueue, List, Lock, Namespace, Object,
    Pool, Proxy, Queue, ReentrantLock, Semaphore, Set, Transact, Value, WriteNames,
};
use crate::server::{Install, Registered, Setup, serve};
use crate::wire::{Op, root};
use ipc_codec::handle::Handle;
use ipc_process::{Process, StartMethod};
use ipc_sys::handle::duplicate;
use ipc_sys::socket::MessageSocket;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server process with objects, which ends with this value.
///
/// The methods that make objects are those of [`Host`], to which it dereferences, and which can be sent to others.
///
/// # Other processes
///
/// The server is a daemon of the process that starts it: it ends when that process does, in whatever way. Proxies in other processes
/// then say [`CallError::ServerGone`].
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, Manager};
/// # ipc_process::init();
///
/// let manager = Manager::start()?;
/// let list = manager.list_from(["to", "be"].map(String::from))?;
/// list.push("or not")?;
/// assert_eq!(list.to_vec()?, ["to", "be", "or not"]);
/// drop(manager);
/// assert!(matches!(list.len(), Err(CallError::ServerGone)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the server ends when the manager is dropped"]
pub struct Manager {
    host: Host,
    process: Process<Result<(), String>>,
}

/// Settings of a manager to start.
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, Manager};
/// # ipc_process::init();
///
/// let manager = Manager::builder().without_functions().start()?;
/// let value = manager.value(1_u32)?;
/// let refused = value.update(|number: &mut u32, (): ()| *number += 1, ());
/// assert!(matches!(refused, Err(CallError::Refused { .. })));
/// assert_eq!(value.fetch_add(1)?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is started before `start`"]
pub struct Builder {
    method: StartMethod,
    installs: Vec<Install>,
    runs_functions: bool,
}

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

impl Manager {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// [`StartError`]; there is no server then.
    pub fn start() -> Result<Manager, StartError> {
        Manager::builder().start()
    }

    /// The settings of a manager to start.
    pub fn builder() -> Builder {
        Builder { method: StartMethod::Spawn, installs: Vec::new(), runs_functions: true }
    }

    /// What makes objects, to be sent to others.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process of the server.
    pub fn process(&self) -> &Process<Result<(), String>> {
        &self.process
    }

    /// Ends the server. All calls of everybody fail from then on, those that wait too.
    ///
    /// # Blocking
    ///
    /// Until the server has ended. One that does not end by itself within five seconds is killed.
    ///
    /// # Errors
    ///
    /// [`CallError::ServerGone`] if it had ended before; [`CallError::Forked`] in a copy of the process that has started it.
    pub fn shutdown(self) -> Result<(), CallError> {
        self.end()
    }

    fn end(&self) -> Result<(), CallError> {
        let ended = self.host.0.call(Op::Shutdown, 0, |_| Ok(()), |_| Ok(()));
        if !matches!(ended, Err(CallError::Forked)) && matches!(self.process.wait_timeout(PATIENCE), Ok(None))
        {
            self.process.kill()?;
            self.process.wait()?;
        }
        ended
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // It is gone already, or this is a copy.
        let _ = self.end();
    }
}

impl Deref for Manager {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl Builder {
    /// How the process of the server is made; by [`Spawn`](StartMethod::Spawn) unless told otherwise.
    pub fn method(mut self, method: StartMethod) -> Builder {
        self.method = method;
        self
    }

    /// Makes a type known, of which values can then be made in the server.
    pub fn register<T: Registered>(mut self) -> Builder {
        self.installs.push(Install::of::<T>());
        self
    }

    /// Has the server refuse functions of its clients: they can use the operations of the objects, and the methods of registered
    /// types.
    pub fn without_functions(mut self) -> Builder {
        self.runs_functions = false;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// [`StartError`]; there is no server then.
    pub fn start(self) -> Result<Manager, StartError> {
        let (inside, outside) = MessageSocket::pair()?;
        let mut server = [0; 16];
        ipc_sys::random::fill(&mut server)?;
        let setup = Setup {
            server,
            door: Handle::new(inside.into_handle()),
            outside: Handle::new(duplicate(outside.handle())?),
            installs: self.installs,
            runs_functions: self.runs_functions,
        };
        let builder = ipc_process::Builder::new().name("Manager").daemon(true).method(self.method);
        let process = builder.spawn(serve, setup)?;
        let session = Session::at(server, &outside)?;
        let host = Host(Arc::new(Reference::adopt(&session, root())));
        Ok(Manager { host, process })
    }
}

impl Host {
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

    /// Makes a value of a [registered](Builder::register) type, in the server.
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
