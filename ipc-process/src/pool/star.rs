//! Functions of several arguments, called with tuples.
//!
//! # Safety
//!
//! A function is made from nothing, in the process of a worker. That is sound because:
//!
//! 1. It is a type without any content that may be copied, so a value of it is like any other: one was passed to `starmap`.
#![allow(unsafe_code)]

use std::ptr::NonNull;

/// A function, or a closure that captures nothing, which takes the elements of the tuple `A` one by one.
///
/// For [`Pool::starmap`](crate::Pool::starmap), for up to six arguments; nothing else implements it.
pub trait StarFn<A>: Copy + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    #[doc(hidden)]
    fn call_star(self, args: A) -> Self::Output;
}

macro_rules! star_fn {
    ($($arg:ident)*) => {
        impl<F, R, $($arg),*> StarFn<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R + Copy + 'static,
        {
            type Output = R;

            #[allow(non_snake_case)]
            fn call_star(self, ($($arg,)*): ($($arg,)*)) -> R {
                self($($arg),*)
            }
        }
    };
}

star_fn! { A1 }
star_fn! { A1 A2 }
star_fn! { A1 A2 A3 }
star_fn! { A1 A2 A3 A4 }
star_fn! { A1 A2 A3 A4 A5 }
star_fn! { A1 A2 A3 A4 A5 A6 }

/// The function of one tuple that calls `F` with its elements.
pub(super) fn spread<F: StarFn<A>, A>(_function: F) -> fn(A) -> F::Output {
    const {
        assert!(
            size_of::<F>() == 0,
            "a function for a pool captures nothing, and is no pointer to a function"
        );
    }
    |args| {
        // SAFETY: by rule 1; the size was checked above, so nothing is read.
        let function = unsafe { NonNull::<F>::dangling().read() };
        function.call_star(args)
    }
}
