//! Which types have an atomic, which one that is, and how their bits go in and out.
//!
//! # Safety
//!
//! The implementations say that the atomics of the standard library keep what [`Overlay`] asks for.
#![allow(unsafe_code)]

use crate::arena::Overlay;
use bytemuck::{NoUninit, Zeroable};
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering,
};

/// A type that a processor changes in one step: `u8` to `u64`, `i8` to `i64`, `f32`, `f64` and `bool`.
///
/// `usize` and `isize` are not among them: they have another size in a program of another width, and shared memory means the
/// same to all. A `bool` is a byte, of which anything but zero is `true`.
#[allow(private_bounds)]
pub trait Atomic: NoUninit + Zeroable + Word<Cell = <Self as Atomic>::Std> {
    /// The atomic of the standard library that has its bits.
    type Std: Sync;
}

/// An [`Atomic`] that can be counted up and down: `u8` to `u64` and `i8` to `i64`.
#[allow(private_bounds)]
pub trait AtomicInteger: Atomic + IntegerWord {}

/// The bits of a type in an atomic of the standard library.
pub(crate) trait Word: Copy {
    /// The atomic, of the same size.
    type Cell: Overlay;

    fn load(cell: &Self::Cell, order: Ordering) -> Self;
    fn store(cell: &Self::Cell, value: Self, order: Ordering);
    fn swap(cell: &Self::Cell, value: Self) -> Self;
    fn compare_exchange(cell: &Self::Cell, current: Self, new: Self) -> Result<Self, Self>;
    fn update(cell: &Self::Cell, change: impl FnMut(Self) -> Self) -> Self;
}

/// What integers can do besides.
pub(crate) trait IntegerWord: Word {
    fn fetch_add(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_sub(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_and(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_or(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_xor(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_max(cell: &Self::Cell, value: Self) -> Self;
    fn fetch_min(cell: &Self::Cell, value: Self) -> Self;
}

/// Declares a type, its atomic, and how its bits are made and read.
macro_rules! word {
    ($type:ident, $std:ident, $to_bits:expr, $from_bits:expr) => {
        const _: () = assert!(size_of::<$type>() == size_of::<$std>());

        impl Atomic for $type {
            type Std = $std;
        }

        impl Word for $type {
            type Cell = $std;

            #[inline]
            fn load(cell: &$std, order: Ordering) -> $type {
                $from_bits(cell.load(order))
            }

            #[inline]
            fn store(cell: &$std, value: $type, order: Ordering) {
                cell.store($to_bits(value), order);
            }

            #[inline]
            fn swap(cell: &$std, value: $type) -> $type {
                $from_bits(cell.swap($to_bits(value), Ordering::SeqCst))
            }

            #[inline]
            fn compare_exchange(cell: &$std, current: $type, new: $type) -> Result<$type, $type> {
                let exchange =
                    |bits| cell.compare_exchange(bits, $to_bits(new), Ordering::SeqCst, Ordering::SeqCst);
                let result = match exchange($to_bits(current)) {
                    // Another process may have written the same value in other bits: a `true` that is 2.
                    Err(found) if $to_bits($from_bits(found)) == $to_bits(current) => exchange(found),
                    result => result,
                };
                result.map($from_bits).map_err($from_bits)
            }

            #[inline]
            fn update(cell: &$std, mut change: impl FnMut($type) -> $type) -> $type {
                let mut found = cell.load(Ordering::SeqCst);
                loop {
                    let new = $to_bits(change($from_bits(found)));
                    match cell.compare_exchange_weak(found, new, Ordering::SeqCst, Ordering::SeqCst) {
                        Ok(before) => return $from_bits(before),
                        Err(other) => found = other,
                    }
                }
            }
        }
    };
}

macro_rules! integers {
    ($($type:ident $std:ident,)*) => {$(
        word!($type, $std, std::convert::identity, std::convert::identity);

        impl AtomicInteger for $type {}

        impl IntegerWord for $type {
            integer_operations!($type, $std, fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max fetch_min);
        }
    )*};
}

macro_rules! integer_operations {
    ($type:ident, $std:ident, $($name:ident)*) => {$(
        #[inline]
        fn $name(cell: &$std, value: $type) -> $type {
            cell.$name(value, Ordering::SeqCst)
        }
    )*};
}

integers! {
    u8 AtomicU8, u16 AtomicU16, u32 AtomicU32, u64 AtomicU64,
    i8 AtomicI8, i16 AtomicI16, i32 AtomicI32, i64 AtomicI64,
}
word!(f32, AtomicU32, f32::to_bits, f32::from_bits);
word!(f64, AtomicU64, f64::to_bits, f64::from_bits);
word!(bool, AtomicU8, u8::from, is_not_zero);

fn is_not_zero(byte: u8) -> bool {
    byte != 0
}

// SAFETY: an atomic of a plain number.
unsafe impl Overlay for AtomicU8 {}
// SAFETY: as above.
unsafe impl Overlay for AtomicU16 {}
// SAFETY: as above.
unsafe impl Overlay for AtomicI8 {}
// SAFETY: as above.
unsafe impl Overlay for AtomicI16 {}
// SAFETY: as above.
unsafe impl Overlay for AtomicI32 {}
// SAFETY: as above.
unsafe impl Overlay for AtomicI64 {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::SeqCst;

    /// Another process can write any bits.
    #[test]
    fn a_true_in_other_bits_is_true() {
        let cell = AtomicU8::new(2);
        assert!(bool::load(&cell, SeqCst));
        assert_eq!(bool::compare_exchange(&cell, false, true), Err(true));
        assert_eq!(cell.load(SeqCst), 2);
        assert_eq!(bool::compare_exchange(&cell, true, false), Ok(true));
        assert_eq!(cell.swap(255, SeqCst), 0);
        assert!(bool::update(&cell, |flag| flag));
        assert_eq!(cell.swap(128, SeqCst), 1);
        assert!(bool::swap(&cell, false));
    }

    #[test]
    fn floats_are_equal_by_their_bits() {
        let cell = AtomicU64::new(f64::NAN.to_bits());
        assert!(f64::compare_exchange(&cell, 0.0, 1.0).is_err_and(f64::is_nan));
        assert!(f64::compare_exchange(&cell, f64::NAN, -0.0).is_ok_and(f64::is_nan));
        assert!(f64::compare_exchange(&cell, 0.0, 1.0).is_err());
        assert_eq!(f64::update(&cell, |zero| zero + 2.0), 0.0);
        assert_eq!(f64::load(&cell, SeqCst), 2.0);
    }
}
