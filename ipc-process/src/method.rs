//! The ways to start a process.

use std::str::FromStr;
use std::{error, fmt};

/// How the new process comes to be.
///
/// The same function, arguments and handles give the same results by every method; they differ in what else the child
/// has of its parent, and in their price.
///
/// | | `Spawn` | `Fork` |
/// | --- | --- | --- |
/// | the child begins with | a fresh image of the program | a copy of the parent's memory |
/// | globals of the parent | as at the start of the program | as they were at the fork |
/// | allowed in a process with threads | yes | no: [`SpawnError::MultiThreaded`](crate::SpawnError::MultiThreaded) |
/// | needs [`init`](crate::init()) | yes | no |
/// | price | that of running a program | that of copying the page tables |
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
/// assert_eq!(error.to_string(), "there is no start method \"forc\"; there are spawn, fork");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartMethod {
    /// Run the program of this process again, and call the function in it. The default.
    #[default]
    Spawn,
    /// Copy this process, and call the function in the copy.
    Fork,
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
    /// assert_eq!(names, ["spawn", "fork"]);
    /// ```
    pub const ALL: &'static [StartMethod] = &[StartMethod::Spawn, StartMethod::Fork];

    /// The name of the method, as Python has it.
    pub fn name(self) -> &'static str {
        match self {
            StartMethod::Spawn => "spawn",
            StartMethod::Fork => "fork",
        }
    }
}

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
/// assert_eq!(method.unwrap_err().to_string(), "there is no start method \"thread\"; there are spawn, fork");
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
