//! Reaching a manager by its address.

use super::error::RemoteError;
use super::far::Far;
use super::frames::{Outside, limits_around};
use crate::client::Session;
use crate::error::CallError;
use crate::host::Host;
use crate::manager::Manager;
use crate::proxy::{Namespace, Proxy};
use ipc_codec::Limits;
use ipc_pipe::{Address, ConnectError, Connector, Key};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to come in.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A manager that was reached by its address. Made by [`Manager::connect`], or by a [`RemoteBuilder`].
///
/// It makes objects as a [`Host`] does, to which it dereferences, and finds those that were [published](crate::Gate::publish). All proxies work as
/// those of the same machine do, with these differences: they cannot be passed to other processes, which have to connect by themselves;
/// values cannot have handles in them; and the gate may not let functions be run.
///
/// # Other processes
///
/// The session of this process ends when its connections do: when the last proxy is dropped, when the process is killed, or when its
/// machine has been silent for as long as the system's keepalive allows. Its locks, permits and references are given back then.
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, Dict, Lock, Manager};
/// use ipc_pipe::Key;
/// # ipc_process::init();
///
/// let (manager, key) = (Manager::start()?, Key::random()?);
/// let ages = manager.dict_from([("Ada".to_string(), 36_u32)])?;
/// let gate = manager.serve(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// gate.publish("ages", &ages)?;
///
/// // Perhaps in a program on another machine, which was given the address and the key.
/// let remote = Manager::connect(gate.address(), &key)?;
/// let ages: Dict<String, u32> = remote.find("ages")?;
/// ages.fetch_add("Ada", 1)?;
/// assert_eq!(ages.get("Ada")?, Some(37));
/// assert!(matches!(remote.find::<Lock>("screen"), Err(CallError::NotFound)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    host: Host,
    names: Namespace,
}

/// Settings for reaching a manager.
///
/// # Examples
///
/// ```
/// use ipc_manager::{Manager, RemoteBuilder};
/// use ipc_pipe::Key;
/// use std::time::Duration;
/// # ipc_process::init();
///
/// let (manager, key) = (Manager::start()?, Key::random()?);
/// let gate = manager.serve(&"tcp:127.0.0.1:0".parse()?, &key)?;
/// let remote = RemoteBuilder::new(&key).timeout(Duration::from_secs(30)).connect(gate.address())?;
/// assert_eq!(remote.list_from([1, 2])?.len()?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is reached before `connect`"]
pub struct RemoteBuilder {
    key: Key,
    pub(super) timeout: Duration,
    insecure: bool,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::TlsClient>,
}

impl Manager {
    /// Reaches a manager by its address. [`RemoteBuilder`] has options.
    ///
    /// # Blocking
    ///
    /// Until the gate has let this process in, for 5 seconds at most.
    ///
    /// # Errors
    ///
    /// [`RemoteError`].
    pub fn connect(address: &Address, key: &Key) -> Result<Remote, RemoteError> {
        RemoteBuilder::new(key).connect(address)
    }
}

impl RemoteBuilder {
    /// Settings for those who have this key.
    pub fn new(key: &Key) -> RemoteBuilder {
        RemoteBuilder {
            key: key.clone(),
            timeout: TIMEOUT,
            insecure: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// How long it may take to come in, for the first time and for each call that needs a further connection; 5 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> RemoteBuilder {
        self.timeout = timeout;
        self
    }

    /// Allows an address on another machine. What goes there is not encrypted: all on the way can read and change it.
    pub fn insecure(mut self) -> RemoteBuilder {
        self.insecure = true;
        self
    }

    /// Has all that is said encrypted, for a gate that does so.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::tls::TlsClient) -> RemoteBuilder {
        self.tls = Some(tls);
        self
    }

    /// Reaches the manager whose gate is at an address.
    ///
    /// # Blocking
    ///
    /// Until the gate has let this process in, or the timeout.
    ///
    /// # Errors
    ///
    /// [`RemoteError`].
    pub fn connect(self, address: &Address) -> Result<Remote, RemoteError> {
        let (far, server, names) = Far::enter(self, address.clone())?;
        let session = Session::through(server, far)?;
        let host = Host::of(&session);
        let names = Namespace::of(Arc::new(session.acquire(names)?));
        Ok(Remote { host, names })
    }

    /// Makes a connection to the gate.
    pub(super) fn reach(&self, address: &Address) -> Result<Outside, ConnectError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return super::tls::reach(address, tls, &self.key, self.timeout);
        }
        let connector =
            Connector::new(&self.key).timeout(self.timeout).limits(limits_around(&Limits::default()));
        let connector = if self.insecure { connector.insecure() } else { connector };
        connector.connect(address)
    }
}

impl Remote {
    /// What makes objects there.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What was published under a name.
    ///
    /// # Errors
    ///
    /// [`CallError::NotFound`] if nothing was, [`CallError::WrongType`] if it is of another type.
    pub fn find<P: Serialize + DeserializeOwned>(&self, name: &str) -> Result<P, CallError> {
        found(self.names.get(name))
    }

    /// Lets others find an object under a name, in the place of what had that name before.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn publish<P: Serialize + DeserializeOwned>(&self, name: &str, object: &P) -> Result<(), CallError> {
        self.names.set(name, object)
    }

    /// All names under which there is something.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn published(&self) -> Result<Vec<String>, CallError> {
        self.names.names()
    }
}

impl Deref for Remote {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// A proxy looks like other proxies; that it is of another object shows when it is decoded.
fn found<P>(result: Result<P, CallError>) -> Result<P, CallError> {
    result.map_err(|error| match error {
        CallError::Decode(_) => CallError::WrongType { reason: "what has this name".into() },
        other => other,
    })
}
