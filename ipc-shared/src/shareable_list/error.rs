//! Why a list could not be made or opened, or an element could not be read or changed.

use super::item::Item;
use crate::shared_memory::{AccessError, CreateError, OpenError};

/// Why a list could not be made. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewListError {
    /// The memory could not be had, or not under this name.
    #[error("the memory of the list could not be had")]
    Memory(#[from] CreateError),
    /// An element is longer than the layout can say: 9,999,999 bytes.
    #[error("element {index} has {size} bytes, more than the layout of a list can say")]
    TooLong {
        /// Which element it is.
        index: usize,
        /// How many bytes it has.
        size: usize,
    },
    /// All elements together are larger than any memory.
    #[error("no memory is as large as these elements")]
    TooLarge,
}

/// Why there is no list to be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenListError {
    /// The memory could not be opened.
    #[error("the memory of the list could not be opened")]
    Memory(#[from] OpenError),
    /// The memory is there, but whoever was making a list in it was killed, or is stopped.
    #[error("the list was begun and not finished")]
    Stale,
    /// The memory holds something else.
    #[error("the memory does not hold a list")]
    NoList(#[from] Corruption),
}

/// Why an element could not be read.
///
/// # Examples
///
/// ```
/// use ipc_shared::ShareableList;
/// use ipc_shared::shareable_list::GetError;
///
/// let list = ShareableList::new([1, 2, 3])?;
/// assert!(matches!(list.get(3), Err(GetError::OutOfRange { index: 3, len: 3 })));
/// # Ok::<(), ipc_shared::shareable_list::NewListError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There are fewer elements.
    #[error("there is no element {index} in a list of {len}")]
    OutOfRange {
        /// Which element was asked for.
        index: usize,
        /// How many there are.
        len: usize,
    },
    /// The element is a text whose bytes are none. CPython cuts texts that are not ASCII.
    #[error("the text of element {index} is not valid UTF-8")]
    NotUtf8 {
        /// Which element it is.
        index: usize,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The element changed each time that it was looked at.
    #[error("element {index} changes all the time")]
    Changing {
        /// Which element it is.
        index: usize,
    },
    /// What stands in the memory is no element: two processes changed it at a time, or one wrote over it.
    #[error("element {index} is corrupt")]
    Corrupt {
        /// Which element it is.
        index: usize,
        /// What was found.
        #[source]
        found: Corruption,
    },
}

/// Why an element could not be changed. It is as before, and the new value comes back.
///
/// # Examples
///
/// ```
/// use ipc_shared::shareable_list::SetError;
/// use ipc_shared::{Item, ShareableList};
///
/// let list = ShareableList::new(["short"])?;
/// let error = list.set(0, "longer than its slot").unwrap_err();
/// assert!(matches!(error, SetError::DoesNotFit { index: 0, room: 8, .. }));
/// assert_eq!(error.into_item(), Item::from("longer than its slot"));
/// # Ok::<(), ipc_shared::shareable_list::NewListError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// There are fewer elements.
    #[error("there is no element {index} in a list of {len}")]
    OutOfRange {
        /// Which element was asked for.
        index: usize,
        /// How many there are.
        len: usize,
        /// The new value.
        item: Item,
    },
    /// The new value is longer than the slot, which has the size that the first value of the element needed.
    #[error("the value does not fit in the {room} bytes of element {index}")]
    DoesNotFit {
        /// Which element it is.
        index: usize,
        /// How many bytes the slot has.
        room: usize,
        /// The new value.
        item: Item,
    },
    /// The list was opened for reading only.
    #[error("the list was opened for reading only")]
    ReadOnly {
        /// The new value.
        item: Item,
    },
    /// The place of the slot, which stands in the memory, is not in it: something else was written over the list.
    #[error("element {index} is corrupt")]
    Corrupt {
        /// Which element it is.
        index: usize,
        /// What was found.
        #[source]
        found: Corruption,
        /// The new value.
        item: Item,
    },
}

impl SetError {
    /// The value that was not stored.
    pub fn into_item(self) -> Item {
        match self {
            SetError::OutOfRange { item, .. }
            | SetError::DoesNotFit { item, .. }
            | SetError::ReadOnly { item }
            | SetError::Corrupt { item, .. } => item,
        }
    }
}

/// What is wrong with the bytes of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// The memory is smaller than the smallest list.
    #[error("the memory has {size} bytes, a list has at least {least}")]
    TooSmall {
        /// Its size in bytes.
        size: usize,
        /// The least size of a list.
        least: usize,
    },
    /// The memory is too small for so many elements.
    #[error("a list of {found} elements is larger than {size} bytes")]
    Length {
        /// How many elements there are, as the memory says.
        found: i64,
        /// The size of the memory in bytes.
        size: usize,
    },
    /// The place of a slot is not in the data, or not behind the one before.
    #[error("slot {index} cannot begin at offset {found}")]
    Offset {
        /// Which slot it is; the last stands for the end of the data.
        index: usize,
        /// Where it begins, as the memory says.
        found: i64,
    },
    /// The format of an element is none of those that are in use.
    #[error("{} is no format", String::from_utf8_lossy(found).escape_debug())]
    Format {
        /// What stands there.
        found: [u8; 8],
    },
    /// The code of an element is none of those that are in use.
    #[error("{found} is no code")]
    Code {
        /// What stands there.
        found: u8,
    },
    /// The format says more bytes than the slot has.
    #[error("the format says {size} bytes, the slot has {room}")]
    Slot {
        /// How many bytes the format says.
        size: usize,
        /// How many the slot has.
        room: usize,
    },
    /// The format and the code of an element do not go together.
    #[error("the format and the code do not go together")]
    Mismatch,
    /// A place is not in the memory.
    #[error("a part of the list cannot be reached")]
    Access(#[from] AccessError),
}
