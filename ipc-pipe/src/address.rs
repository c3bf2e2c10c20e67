//! Where a listener is to be found.

use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The address of a [`Listener`](crate::Listener): a local socket or a TCP port.
///
/// As text it is `local:` with the path of the socket, or with a bare name for one in the folder of the user's own; or
/// `tcp:` with address and port, `tcp:127.0.0.1:4000` or `tcp:[::1]:4000`, where a listener may ask for port 0 and gets one
/// that is free. Host names are not looked up.
///
/// # Other processes
///
/// An address is plain data, and may be an argument or part of a message.
///
/// # Platform
///
/// Linux: the folder for bare names is `/run/user/<uid>/multiproc` where the first part is there, else `/tmp/multiproc-<uid>`.
/// Abstract socket names have no permissions and are not supported.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Address;
///
/// let address: Address = "tcp:[::1]:4000".parse()?;
/// assert_eq!(address, Address::Tcp("[::1]:4000".parse()?));
/// let address: Address = "local:/run/answers/socket".parse()?;
/// assert_eq!(address.to_string(), "local:/run/answers/socket");
/// // A bare name stands for a path, too.
/// assert!(Address::named("answers")?.to_string().ends_with("/answers"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Address {
    /// The path of a local socket; it is absolute.
    Local(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

impl Address {
    /// The address of a name in the folder of the user's own.
    ///
    /// # Errors
    ///
    /// [`AddressError::Path`] when it cannot be the name of a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Address;
    ///
    /// assert_eq!(Address::named("answers")?, "local:answers".parse()?);
    /// assert!(Address::named("no/folders").is_err());
    /// # Ok::<(), ipc_pipe::AddressError>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, AddressError> {
        if name.contains('/') {
            return Err(AddressError::Path);
        }
        Address::local(ipc_sys::rendezvous::default_path().join(name))
    }

    /// The address of a local socket by its path.
    ///
    /// # Errors
    ///
    /// [`AddressError::Path`] when it is not absolute or does not end with a name.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Address;
    ///
    /// assert!(Address::local("/run/answers/socket").is_ok());
    /// assert!(Address::local("answers/socket").is_err());
    /// assert!(Address::local("/run/answers/..").is_err());
    /// ```
    pub fn local(path: impl Into<PathBuf>) -> Result<Self, AddressError> {
        let path = path.into();
        split(&path).ok_or(AddressError::Path)?;
        Ok(Address::Local(path))
    }
}

/// The folder and the name that a path consists of.
pub(crate) fn split(path: &Path) -> Option<(&Path, &str)> {
    let name = path.file_name().and_then(OsStr::to_str)?;
    let is_name = path.is_absolute() && !name.contains('\0') && path.as_os_str().to_str()?.ends_with(name);
    is_name.then_some((path.parent()?, name))
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once(':') {
            Some(("local", path)) if path.starts_with('/') => Address::local(path),
            Some(("local", name)) => Address::named(name),
            Some(("tcp", address)) => address.parse().map(Address::Tcp).map_err(|_| AddressError::Tcp),
            _ => Err(AddressError::Kind),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Local(path) => write!(f, "local:{}", path.display()),
            Address::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Tcp(address)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// Why a text is no address.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Address, AddressError};
///
/// assert_eq!("tcp:localhost:80".parse::<Address>(), Err(AddressError::Tcp));
/// assert_eq!("http://[::1]".parse::<Address>(), Err(AddressError::Kind));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It begins with neither `local:` nor `tcp:`.
    #[error("an address begins with local: or tcp:")]
    Kind,
    /// What follows `local:` is neither a name nor an absolute path of one.
    #[error("the address of a local socket is a name or an absolute path")]
    Path,
    /// What follows `tcp:` is not an internet address with a port.
    #[error("a TCP address is an address in numbers, a colon and a port")]
    Tcp,
}
