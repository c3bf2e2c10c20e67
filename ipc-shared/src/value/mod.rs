//! Variables in shared memory: [`Value`] with a lock, [`RawValue`] without, and the types that may be in them.
//!
//! # Types
//!
//! What is shared is plain data: [`Pod`](crate::Pod), the trait of the crate [`bytemuck`], of numbers and of
//! structs and fixed arrays of numbers. Any bits are such a value, it contains no pointer and no padding. The compiler
//! checks it:
//!
//! ```
//! use ipc_shared::{Pod, Value, Zeroable};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
//! #[bytemuck(crate = "ipc_shared::bytemuck")]
//! #[repr(C)]
//! struct Particle {
//!     position: [f64; 3],
//!     charge: i32,
//!     id: u32,
//! }
//!
//! let particle = Value::new(Particle { position: [0.0; 3], charge: -1, id: 17 })?;
//! particle.update(|particle| particle.position[0] += 0.5)?;
//! assert_eq!(particle.get()?.position, [0.5, 0.0, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The line `#[bytemuck(..)]` is not needed in a program that depends on `bytemuck` itself. In one that depends on
//! `multiproc` it says `"multiproc::shared::bytemuck"`.
//!
//! Padding would be bytes that nobody has written, so it is refused; a field that fills the gap helps:
//!
//! ```compile_fail
//! use ipc_shared::{Pod, Zeroable};
//!
//! #[derive(Clone, Copy, Pod, Zeroable)]
//! #[bytemuck(crate = "ipc_shared::bytemuck")]
//! #[repr(C)]
//! struct Padded {
//!     id: u32,
//!     weight: f64,
//! }
//! ```
//!
//! An address means nothing in another process:
//!
//! ```compile_fail,E0277
//! use ipc_shared::{Pod, Zeroable};
//!
//! #[derive(Clone, Copy, Pod, Zeroable)]
//! #[bytemuck(crate = "ipc_shared::bytemuck")]
//! #[repr(C)]
//! struct Named {
//!     name: &'static str,
//! }
//! ```
//!
//! Neither does a `String`, which is an address and a length; `[u8; 32]` is a text of fixed size:
//!
//! ```compile_fail,E0277
//! ipc_shared::Value::new(String::from("text"))?;
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! A `bool` has two values, and another process could write a third; a `u8` has none that is wrong:
//!
//! ```compile_fail,E0277
//! ipc_shared::Value::new(true)?;
//! # Ok::<(), ipc_shared::AllocError>(())
//! ```
//!
//! A [`RawValue<bool>`](crate::RawValue) exists, since it lends no reference to its byte.
//!
//! # From Python
//!
//! | Python | `ctypes` | Rust | |
//! | --- | --- | --- | --- |
//! | `'c'` | `c_char` | `u8` | |
//! | `'b'` | `c_byte`, `c_int8` | `i8` | |
//! | `'B'` | `c_ubyte`, `c_uint8` | `u8` | |
//! | `'h'` | `c_short`, `c_int16` | `i16` | |
//! | `'H'` | `c_ushort`, `c_uint16` | `u16` | |
//! | `'i'` | `c_int`, `c_int32` | `i32` | |
//! | `'I'` | `c_uint`, `c_uint32` | `u32` | |
//! | `'l'` | `c_long` | `i64` | 8 bytes on Linux, also in Python |
//! | `'L'` | `c_ulong` | `u64` | as above |
//! | `'q'` | `c_longlong`, `c_int64` | `i64` | |
//! | `'Q'` | `c_ulonglong`, `c_uint64` | `u64` | |
//! | `'f'` | `c_float` | `f32` | |
//! | `'d'` | `c_double` | `f64` | |
//! | `'u'` | `c_wchar` | `u32` | the number of a character: `u32::from(c)`, `char::from_u32(n)` |
//! | | `c_bool` | `bool` | in a `RawValue` or a `RawArray`; with a lock `u8` |
//! | | `c_size_t` | `u64` | `usize` works, too, between programs of the same width |
//! | | `Structure` | a struct with `derive(Pod, Zeroable)` and `repr(C)` | without padding |
//! | | `c_int * 3` | `[i32; 3]`, or an [`Array`](crate::Array) of it | |
//! | | `c_char_p`, `POINTER(..)` | none | an address means nothing in another process |
//!
//! | Python | Rust | |
//! | --- | --- | --- |
//! | `Value('i', 7)` | `Value::new(7_i32)?` | |
//! | `Value('i', 7, lock=False)`, `RawValue('i', 7)` | `RawValue::new(7_i32)?` | |
//! | `v.value` | `v.get()?`, `v.set(8)?` | |
//! | `with v.get_lock(): v.value += 1` | `v.update(\|v\| *v += 1)?` | nobody can forget the lock |
//! | `Array('d', 10)` | `Array::<f64>::zeroed(10)?` | |
//! | `Array('d', [1.0, 2.0])` | `Array::new(&[1.0, 2.0])?` | |
//! | `a[3]`, `a[3] = x` | `a.get(3)?`, `a.set(3, x)?` | no negative indices |
//! | `a[2:5]` | `a.lock()?[2..5]` | a slice, not a copy |
//! | `Value(T, lock=other)` | | a value always has its own lock; for another one, a [`Mutex`](crate::sync::Mutex) and a `RawValue` |
//!
//! A number that does not fit is cut off in silence by Python. Here it has the type of the value or does not compile.

mod atomic;
mod cell;
mod locked;
mod raw;

pub(crate) use atomic::Word;
pub use atomic::{Atomic, AtomicInteger};
pub use cell::AtomicCell;
pub use locked::Value;
pub use raw::RawValue;
