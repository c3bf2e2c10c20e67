//! The owner's side of a manager: starting the server, and ending it.

use crate::client::Session;
use crate::error::{CallError, StartError};
use crate::host::Host;
use crate::server::{Install, Registered, Setup, serve};
use ipc_codec::handle::Handle;
use ipc_codec::{EncodeError, Limits, Message};
use ipc_process::internals::Entry;
use ipc_process::{Process, SpawnError, StartMethod};
use ipc_sys::handle::duplicate;
use ipc_sys::socket::MessageSocket;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Deref;
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
    initializer: Option<Initializer>,
}

/// A function to call first: its name, if it has one, and its arguments.
type Initializer = (Option<Entry>, Result<Message, EncodeError>);

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
        Builder { method: StartMethod::Spawn, installs: Vec::new(), runs_functions: true, initializer: None }
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
        let ended = self.host.shutdown();
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

    /// Has the server call a function before anything else, to open what functions and registered types need say.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_manager::{Manager, StartError};
    /// use std::sync::OnceLock;
    /// # ipc_process::init();
    ///
    /// static GREETING: OnceLock<String> = OnceLock::new();
    ///
    /// let set = |greeting: String| GREETING.set(greeting).unwrap();
    /// let manager = Manager::builder().initializer(set, "hello".to_string()).start()?;
    /// let value = manager.value(String::new())?;
    /// value.update(|value: &mut String, (): ()| value.clone_from(GREETING.get().unwrap()), ())?;
    /// assert_eq!(value.get()?, "hello");
    ///
    /// let failed = Manager::builder().initializer(|(): ()| panic!("no luck"), ()).start();
    /// assert!(matches!(failed, Err(StartError::Server { reason }) if reason.contains("no luck")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn initializer<A>(mut self, function: fn(A), args: A) -> Builder
    where
        A: Serialize + DeserializeOwned,
    {
        self.initializer = Some((Entry::of(function), ipc_codec::encode(&args, &Limits::default())));
        self
    }

    /// Starts the server.
    ///
    /// # Blocking
    ///
    /// Until it answers, after its [`initializer`](Builder::initializer) if there is one.
    ///
    /// # Errors
    ///
    /// [`StartError`]; there is no server then.
    pub fn start(self) -> Result<Manager, StartError> {
        let (inside, outside) = MessageSocket::pair()?;
        let mut server = [0; 16];
        ipc_sys::random::fill(&mut server)?;
        let initializer = match self.initializer {
            Some((entry, args)) => {
                Some((entry.ok_or(SpawnError::NoSuchFunction)?, args.map_err(SpawnError::from)?))
            }
            None => None,
        };
        let setup = Setup {
            server,
            door: Handle::new(inside.into_handle()),
            outside: Handle::new(duplicate(outside.handle())?),
            installs: self.installs,
            runs_functions: self.runs_functions,
            initializer,
        };
        let builder = ipc_process::Builder::new().name("Manager").daemon(true).method(self.method);
        let process = builder.spawn(serve, setup)?;
        let host = Session::at(server, &outside).map(|session| Host::of(&session));
        match host.and_then(|host| host.ping().map(|()| host)) {
            Ok(host) => Ok(Manager { host, process }),
            Err(error) => Err(why(error, process)),
        }
    }
}

/// Why a server that was started does not answer; it is not there any more then.
fn why(error: CallError, process: Process<Result<(), String>>) -> StartError {
    // It is about to end, and to say why; if not, it is of no use.
    if !matches!(process.wait_timeout(PATIENCE), Ok(Some(_))) {
        let _ = process.kill();
    }
    match process.join() {
        Ok(Err(reason)) => StartError::Server { reason },
        _ => StartError::Call(error),
    }
}
