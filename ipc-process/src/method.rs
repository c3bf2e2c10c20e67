//! The ways to start a process.

use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::{error, fmt};

/// How the new process comes to be.
///
/// The same function, arguments and handles give the same results by every method; they differ in what else the child
/// has of its parent, and in their price.
///
/// | | `Spawn` | `Fork` | `ForkServer` |
/// | --- | --- | --- | --- |
/// | the child begins with | a fresh image of the program | a copy of the parent's memory | a copy of the program as it starts |
/// | globals | as at the start of the program | as they were at the fork | as the [preload](crate::set_forkserver_preload) left them |
/// | in a process with threads | yes | no: [`SpawnError::MultiThreaded`](crate::SpawnError::MultiThreaded) | yes |
/// | needs [`init`](crate::init()) | yes | no | yes |
/// | price | that of running a program | that of copying the page tables | the same for few pages, two messages, and one spawn at first |
///
/// # Examples
///
/// ```
/// use ipc_process::StartMethod;
///
/// let method: StartMethod = "fork".parse()?;
/// assert_eq!(method, StartMethod::Fork);
/// assert_eq!(StartMethod::default().to_string(), "spawn");
/// let error = "forc".parse::<StartMethod>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no start method \"forc\"; there are spawn, fork, forkserver");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StartMethod {
    /// Run the program of this process again, and call the function in it. The default of the platform.
    Spawn,
    /// Copy this process, and call the function in the copy.
    Fork,
    /// Have a process of one thread, the *fork server*, copy itself, and call the function in the copy.
    ///
    /// The server is spawned by the first start that needs it, one for each process and all of its pools, and again if it has
    /// died. It ends with its owner, and nobody else can talk to it.
    ForkServer,
}

impl StartMethod {
    /// All methods that this platform has, the default first.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::StartMethod;
    ///
    /// let names: Vec<_> = StartMethod::ALL.iter().map(|method| method.name()).collect();
    /// assert_eq!(names, ["spawn", "fork", "forkserver"]);
    /// ```
    pub const ALL: &'static [StartMethod] = &[StartMethod::Spawn, StartMethod::Fork, StartMethod::ForkServer];

    /// The name of the method, as Python has it.
    pub fn name(self) -> &'static str {
        match self {
            StartMethod::Spawn => "spawn",
            StartMethod::Fork => "fork",
            StartMethod::ForkServer => "forkserver",
        }
    }
}

/// The method of this program: what [`set_start_method`] set, else the platform's.
impl Default for StartMethod {
    fn default() -> Self {
        set_method().unwrap_or(StartMethod::ALL[0])
    }
}

/// The place in the list of all methods, counted from 1; 0 until somebody sets one.
static SET: AtomicU8 = AtomicU8::new(0);

/// Sets the method by which this program starts processes where none is named, once: at the beginning of `main`, behind
/// [`init`](crate::init()).
///
/// A library does not call it, and has a [`Context`](crate::Context) of its own instead.
///
/// # Other processes
///
/// Processes started after this call have the same method.
///
/// # Errors
///
/// [`StartMethodAlreadySet`]; the method stays what it was.
///
/// # Examples
///
/// ```
/// use ipc_process::{Process, StartMethod, set_start_method};
/// # ipc_process::init();
///
/// set_start_method(StartMethod::ForkServer)?;
/// assert_eq!(StartMethod::default(), StartMethod::ForkServer);
/// let process = Process::spawn(|(): ()| StartMethod::default().name().to_owned(), ())?;
/// assert_eq!(process.join()?, "forkserver");
///
/// let error = set_start_method(StartMethod::Spawn).unwrap_err();
/// assert_eq!(error.to_string(), "the start method of this program was already set to forkserver");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_start_method(method: StartMethod) -> Result<(), StartMethodAlreadySet> {
    match SET.compare_exchange(0, number(method), Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(StartMethodAlreadySet { method: StartMethod::default() }),
    }
}

/// The method that was set, which a child has from its parent.
pub(crate) fn set_method() -> Option<StartMethod> {
    let place = usize::from(SET.load(Ordering::Relaxed)).checked_sub(1)?;
    StartMethod::ALL.get(place).copied()
}

/// In a child: what its parent had set.
#[inline]
pub(crate) fn inherit_method(method: Option<StartMethod>) {
    SET.store(method.map_or(0, number), Ordering::Relaxed);
}

fn number(method: StartMethod) -> u8 {
    let place = StartMethod::ALL.iter().position(|&known| known == method);
    place.expect("a method that the platform has") as u8 + 1
}

/// The start method of the program was set before, and is set once.
///
/// # Examples
///
/// ```
/// use ipc_process::{StartMethod, StartMethodAlreadySet, set_start_method};
///
/// set_start_method(StartMethod::Spawn).unwrap();
/// let again: Result<(), StartMethodAlreadySet> = set_start_method(StartMethod::Spawn);
/// assert!(again.is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartMethodAlreadySet {
    method: StartMethod,
}

impl fmt::Display for StartMethodAlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the start method of this program was already set to {}", self.method)
    }
}

impl error::Error for StartMethodAlreadySet {}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StartMethod {
    type Err = ParseStartMethodError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = StartMethod::ALL.iter().find(|method| method.name() == name);
        found.copied().ok_or_else(|| ParseStartMethodError { name: name.to_owned() })
    }
}

/// There is no start method of this name.
///
/// # Examples
///
/// ```
/// use ipc_process::{ParseStartMethodError, StartMethod};
///
/// let method: Result<StartMethod, ParseStartMethodError> = "thread".parse();
/// assert_eq!(method.unwrap_err().to_string(), "there is no start method \"thread\"; there are spawn, fork, forkserver");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStartMethodError {
    name: String,
}

impl fmt::Display for ParseStartMethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = StartMethod::ALL.iter().map(|method| method.name()).collect();
        write!(f, "there is no start method {:?}; there are {}", self.name, names.join(", "))
    }
}

impl error::Error for ParseStartMethodError {}
