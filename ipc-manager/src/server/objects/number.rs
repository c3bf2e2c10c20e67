//! Adding to a number whose encoding is kept.

use crate::error::Failure;
use crate::wire::numbered;
use ipc_codec::Limits;
use serde::Serialize;
use serde::de::DeserializeOwned;

numbered! {
    /// The types that a server can add to without a function.
    NumberType { U8 U16 U32 U64 U128 I8 I16 I32 I64 I128 F32 F64 }
}

/// The encoding of the sum of two encoded numbers. Integers wrap around.
pub(crate) fn add(number_type: NumberType, one: &[u8], other: &[u8]) -> Result<Vec<u8>, Failure> {
    match number_type {
        NumberType::U8 => sum(one, other, u8::wrapping_add),
        NumberType::U16 => sum(one, other, u16::wrapping_add),
        NumberType::U32 => sum(one, other, u32::wrapping_add),
        NumberType::U64 => sum(one, other, u64::wrapping_add),
        NumberType::U128 => sum(one, other, u128::wrapping_add),
        NumberType::I8 => sum(one, other, i8::wrapping_add),
        NumberType::I16 => sum(one, other, i16::wrapping_add),
        NumberType::I32 => sum(one, other, i32::wrapping_add),
        NumberType::I64 => sum(one, other, i64::wrapping_add),
        NumberType::I128 => sum(one, other, i128::wrapping_add),
        NumberType::F32 => sum(one, other, |a: f32, b| a + b),
        NumberType::F64 => sum(one, other, |a: f64, b| a + b),
    }
}

fn sum<N: Serialize + DeserializeOwned>(
    one: &[u8],
    other: &[u8],
    add: fn(N, N) -> N,
) -> Result<Vec<u8>, Failure> {
    let limits = Limits::default();
    let number = |bytes| ipc_codec::decode::<N>(bytes, Vec::new(), &limits).map_err(|_| Failure::Malformed);
    let sum = add(number(one)?, number(other)?);
    let encoded = ipc_codec::encode(&sum, &limits).map_err(|_| Failure::Malformed)?;
    Ok(encoded.into_parts().0)
}
