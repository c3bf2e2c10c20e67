//! What can be in a list.

use serde::{Deserialize, Serialize};

/// One element of a [`ShareableList`](crate::ShareableList).
///
/// Two items are equal if they are of the same kind and hold the same: unlike in Python, `Int(1)` is neither
/// `Bool(true)` nor `Float(1.0)`.
///
/// # Examples
///
/// ```
/// use ipc_shared::Item;
///
/// assert_eq!(Item::from("text"), Item::Str("text".to_string()));
/// assert_eq!(Item::from(7_u32), Item::Int(7));
/// assert_eq!(Item::from(None::<bool>), Item::None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Item {
    /// A number. Python's are of any size; those of a list have 64 bits there, too.
    Int(i64),
    /// A number of floating point. Keeps its bits, also those of a NaN.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Nothing; also what a process leaves that was killed while it changed an element.
    None,
}

macro_rules! from_numbers {
    ($($number:ty),*) => { $(
        impl From<$number> for Item {
            fn from(value: $number) -> Item {
                Item::Int(value.into())
            }
        }
    )* };
}

from_numbers!(i8, i16, i32, i64, u8, u16, u32);

impl From<f32> for Item {
    fn from(value: f32) -> Item {
        Item::Float(value.into())
    }
}

impl From<f64> for Item {
    fn from(value: f64) -> Item {
        Item::Float(value)
    }
}

impl From<bool> for Item {
    fn from(value: bool) -> Item {
        Item::Bool(value)
    }
}

impl From<&str> for Item {
    fn from(value: &str) -> Item {
        Item::Str(value.to_owned())
    }
}

impl From<String> for Item {
    fn from(value: String) -> Item {
        Item::Str(value)
    }
}

impl From<&[u8]> for Item {
    fn from(value: &[u8]) -> Item {
        Item::Bytes(value.to_owned())
    }
}

impl<const N: usize> From<&[u8; N]> for Item {
    fn from(value: &[u8; N]) -> Item {
        Item::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Item {
    fn from(value: Vec<u8>) -> Item {
        Item::Bytes(value)
    }
}

impl<T: Into<Item>> From<Option<T>> for Item {
    fn from(value: Option<T>) -> Item {
        value.map_or(Item::None, Into::into)
    }
}
