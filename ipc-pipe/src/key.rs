//! The secret that both sides of a connection have.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use std::{fmt, hint, io};

/// What both sides of a connection know and nobody else does.
///
/// It is shown to nobody: neither by `Debug` nor on the wire of a handshake. Hand it to a child as an argument of its
/// process, which travels over a private socket; the arguments and the environment of a program can be read by others.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Key;
///
/// let key = Key::random()?;
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// // One that somebody else chose.
/// let key = Key::new(b"correct horse battery staple")?;
/// assert!(Key::new(b"").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Key(Box<[u8]>);

impl Key {
    /// A key of the given bytes. It is as good as they are hard to guess: a handshake that is overheard can be tried with all
    /// words of a dictionary.
    ///
    /// # Errors
    ///
    /// [`EmptyKey`].
    pub fn new(bytes: &[u8]) -> Result<Self, EmptyKey> {
        if bytes.is_empty() {
            return Err(EmptyKey);
        }
        Ok(Key(bytes.into()))
    }

    /// A new key of 32 random bytes.
    ///
    /// # Errors
    ///
    /// The system's error when it gives no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        ipc_sys::random::fill(&mut bytes)?;
        let key = Key(bytes.into());
        wipe(&mut bytes);
        Ok(key)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = Vec::<u8>::deserialize(deserializer)?;
        let key = Key::new(&bytes).map_err(D::Error::custom);
        wipe(&mut bytes);
        key
    }
}

/// A key of no bytes, which everybody would know.
///
/// # Examples
///
/// ```
/// assert_eq!(ipc_pipe::Key::new(&[]).unwrap_err().to_string(), "the key is empty");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is empty")]
pub struct EmptyKey;

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // Otherwise the compiler may see that nobody reads the zeros.
    hint::black_box(bytes);
}
