//! Names of objects, checked once.

use std::{error, fmt};

/// The longest name, in bytes.
const MOST: usize = 255;

/// A name that an object can have: what C, Python and others give to `shm_open`, without the slash in front.
///
/// 1 to 255 bytes, none of them a slash or a zero, and not the two names that every folder has.
///
/// # Examples
///
/// ```
/// use ipc_sys::named::{Name, NameError};
///
/// assert_eq!(Name::new("frames")?.as_str(), "frames");
/// assert_eq!(Name::new("/frames"), Err(NameError::Slash));
/// # Ok::<(), NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// What [`NameError`] tells.
    pub fn new(name: &str) -> Result<Name, NameError> {
        match name {
            "" => Err(NameError::Empty),
            "." | ".." => Err(NameError::Folder),
            _ if name.len() > MOST => Err(NameError::TooLong { size: name.len() }),
            _ if name.contains('/') => Err(NameError::Slash),
            _ if name.contains('\0') => Err(NameError::Zero),
            _ => Ok(Name(name.to_owned())),
        }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why something is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It has no bytes.
    Empty,
    /// It has more than 255 bytes.
    TooLong {
        /// How many it has.
        size: usize,
    },
    /// It contains a slash. The one that POSIX puts in front is added where it is needed.
    Slash,
    /// It contains a zero byte.
    Zero,
    /// It is `.` or `..`.
    Folder,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("the name is empty"),
            NameError::TooLong { size } => {
                write!(f, "the name has {size} bytes, at most {MOST} are possible")
            }
            NameError::Slash => f.write_str("the name contains a slash"),
            NameError::Zero => f.write_str("the name contains a zero byte"),
            NameError::Folder => f.write_str("the name is that of a folder"),
        }
    }
}

impl error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_name_and_what_is_not() {
        for good in ["a", "psm_0badcafe", "...", ".hidden", "ä ö", &"x".repeat(255)] {
            assert_eq!(Name::new(good).expect("a name").as_str(), good);
        }
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new("."), Err(NameError::Folder));
        assert_eq!(Name::new(".."), Err(NameError::Folder));
        assert_eq!(Name::new(&"ä".repeat(128)), Err(NameError::TooLong { size: 256 }));
        assert_eq!(Name::new("/a"), Err(NameError::Slash));
        assert_eq!(Name::new("a/../b"), Err(NameError::Slash));
        assert_eq!(Name::new("a\0b"), Err(NameError::Zero));
    }
}
