//! Numbers that the server can add to by itself.

use crate::server::NumberType;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A number that a server can add to without a function: the integers, which wrap around, and floats.
///
/// No other types can be: the trait is sealed.
pub trait Number: Serialize + DeserializeOwned + Default + Copy + sealed::Typed {}

pub(crate) mod sealed {
    /// Which type it is.
    pub trait Typed {
        #[doc(hidden)]
        const TYPE: u8;
    }
}

macro_rules! numbers {
    ($($type:ident $variant:ident)*) => {
        $(
            impl sealed::Typed for $type {
                const TYPE: u8 = NumberType::$variant as u8;
            }
            impl Number for $type {}
        )*
    };
}

numbers! {
    u8 U8 u16 U16 u32 U32 u64 U64 u128 U128
    i8 I8 i16 I16 i32 I32 i64 I64 i128 I128
    f32 F32 f64 F64
}
