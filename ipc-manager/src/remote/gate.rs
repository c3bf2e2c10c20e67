//! Opening a manager to those who have its address and its key.

use super::error::GateError;
use super::frames::{FromClient, FromGate, limits_around};
use super::keeper::{Keeper, Office, Rules};
use crate::client::era;
use crate::error::CallError;
use crate::host::Host;
use crate::proxy::Namespace;
use ipc_codec::Limits;
use ipc_pipe::{Address, Key, Listener, ListenerBuilder, TurnedAway};
use ipc_sys::socket::MessageSocket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// An address at which a manager is reached, until this is dropped. Made by [`Host::serve`], or by a [`GateBuilder`].
///
/// It is a thread of this process, which passes on between its clients and the server. Those who do not show the key within 5 seconds are
/// turned away, and hold nobody up meanwhile. Each client has a session of its own with the server.
///
/// # Other processes
///
/// When the gate ends, or its process does, all its clients find the server gone, and what they had is given back. The objects stay, and so do
/// the clients of other gates. A forked child has no part in it.
///
/// # Examples
///
/// See [`Remote`](crate::Remote).
pub struct Gate {
    address: Address,
    names: Namespace,
    office: Arc<Office>,
    threads: Vec<JoinHandle<()>>,
    era: u32,
}

/// Settings of a gate to be.
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, GateBuilder, GateError, Manager};
/// use ipc_pipe::{BindError, Key};
/// # ipc_process::init();
///
/// let (manager, key) = (Manager::start()?, Key::random()?);
/// let value = manager.value(1_u32)?;
///
/// // What goes to other machines in the clear has to be asked for.
/// let refused = manager.serve(&"tcp:0.0.0.0:0".parse()?, &key);
/// assert!(matches!(refused, Err(GateError::Bind(BindError::Plaintext))));
///
/// // Functions of the program have to be allowed.
/// let gate = GateBuilder::new(&key).with_functions().bind(&manager, &"tcp:127.0.0.1:0".parse()?)?;
/// gate.publish("value", &value)?;
/// let value: ipc_manager::Value<u32> = Manager::connect(gate.address(), &key)?.find("value")?;
/// value.update(|number: &mut u32, by: u32| *number += by, 2)?;
/// assert_eq!(value.get()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nobody is let in before it is bound"]
pub struct GateBuilder {
    key: Key,
    rules: Rules,
    insecure: bool,
    known_as: Vec<SocketAddr>,
    timeout: Duration,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::TlsServer>,
}

impl Host {
    /// Opens the manager to those who have the address and the key. [`GateBuilder`] has options.
    ///
    /// # Errors
    ///
    /// [`GateError`].
    pub fn serve(&self, address: &Address, key: &Key) -> Result<Gate, GateError> {
        GateBuilder::new(key).bind(self, address)
    }
}

impl GateBuilder {
    /// A gate for those who have this key.
    pub fn new(key: &Key) -> GateBuilder {
        let rules =
            Rules { max_clients: 1024, max_calls: 64, limits: Limits::default(), runs_functions: false };
        GateBuilder {
            key: key.clone(),
            rules,
            insecure: false,
            known_as: Vec::new(),
            timeout: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Lets clients that run the same program have functions of it run in the server. They are named by their place in the program, so this
    /// is for those who are trusted as the program itself is.
    pub fn with_functions(mut self) -> GateBuilder {
        self.rules.runs_functions = true;
        self
    }

    /// How many clients there may be; 1,024 by default.
    pub fn max_clients(mut self, n_clients: usize) -> GateBuilder {
        self.rules.max_clients = n_clients;
        self
    }

    /// How many calls of one client may be under way; 64 by default. A further one is [`CallError::Limit`].
    pub fn max_calls(mut self, n_calls: usize) -> GateBuilder {
        self.rules.max_calls = n_calls;
        self
    }

    /// How many bytes a request may have, and a reply; 64 MiB by default. The gate holds one of them for each call under way.
    pub fn max_bytes(mut self, n_bytes: usize) -> GateBuilder {
        self.rules.limits = Limits::with_max_frame(n_bytes);
        self
    }

    /// How long a client may take to show the key; 5 seconds by default.
    pub fn handshake_timeout(mut self, timeout: Duration) -> GateBuilder {
        self.timeout = timeout;
        self
    }

    /// Has all that is said encrypted, so that any TCP address will do. The key is asked for inside.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::tls::TlsServer) -> GateBuilder {
        self.tls = Some(tls);
        self
    }

    /// Another address by which clients reach this gate, through a tunnel say.
    pub fn also_known_as(mut self, address: SocketAddr) -> GateBuilder {
        self.known_as.push(address);
        self
    }

    /// Allows an address that other machines can reach. What goes there is not encrypted: all on the way can read and change it.
    pub fn insecure(mut self) -> GateBuilder {
        self.insecure = true;
        self
    }

    /// Opens the manager.
    ///
    /// # Errors
    ///
    /// [`GateError`].
    pub fn bind(self, host: &Host, address: &Address) -> Result<Gate, GateError> {
        let names = host.namespace()?;
        let (door, _) = host.session().lease()?;
        let door = MessageSocket::from_handle(door)?;
        let which = (host.session().server(), names.object.id());
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            let keeper = Keeper::new(None, door, which, (self.rules.clone(), self.timeout))?;
            let limits = super::frames::limits_around(&self.rules.limits);
            let tls =
                super::tls::Porter::bind(address, tls, self.key, (limits, self.timeout), keeper.office())?;
            let address = tls.address();
            let porter = std::thread::Builder::new().name("gate tls".into()).spawn(move || tls.run())?;
            let mut gate = Gate::run(keeper, address, names)?;
            gate.threads.push(porter);
            return Ok(gate);
        }
        let listener = self.listen(address)?;
        let address = listener.address().clone();
        Gate::run(Keeper::new(Some(listener), door, which, (self.rules, self.timeout))?, address, names)
    }

    fn listen(&self, address: &Address) -> Result<Listener<FromGate, FromClient>, GateError> {
        let mut listener = ListenerBuilder::new(&self.key)
            .handshake_timeout(self.timeout)
            .limits(limits_around(&self.rules.limits));
        if self.insecure {
            listener = listener.insecure();
        }
        let listener = self.known_as.iter().fold(listener, |listener, &at| listener.also_known_as(at));
        Ok(listener.bind(address)?)
    }
}

impl Gate {
    fn run(keeper: Keeper, address: Address, names: Namespace) -> Result<Gate, GateError> {
        let office = keeper.office();
        let thread = std::thread::Builder::new().name("gate".into()).spawn(move || keeper.run())?;
        Ok(Gate { address, names, office, threads: vec![thread], era: era() })
    }

    /// The address, with the port that a TCP address without one got.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Lets clients find an object under a name, in the place of what had that name before. The object is there at least as long as
    /// its name.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn publish<P: Serialize + DeserializeOwned>(&self, name: &str, object: &P) -> Result<(), CallError> {
        self.names.set(name, object)
    }

    /// Takes a name away. Who has found the object keeps it.
    ///
    /// # Errors
    ///
    /// [`CallError::NotFound`], and others.
    pub fn unpublish(&self, name: &str) -> Result<(), CallError> {
        self.names.remove(name)
    }

    /// How many were turned away at the door so far, and why.
    pub fn turned_away(&self) -> TurnedAway {
        self.office.turned_away()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A copy of the process has no such thread.
        if self.era != era() {
            return;
        }
        self.office.close();
        for thread in self.threads.drain(..) {
            // If it panicked it has said so.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("address", &self.address).finish_non_exhaustive()
    }
}
