//! Words whose every change is a step.

use super::step;
#[cfg(loom)]
use loom::sync::atomic as inner;
#[cfg(not(loom))]
use std::sync::atomic as inner;
use std::sync::atomic::Ordering;

/// A word that counts its changes as steps. All else goes to the word inside.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $value:ty) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug, Default)]
        pub struct $name(inner::$name);

        impl $name {
            /// A word that holds a value.
            pub fn new(value: $value) -> $name {
                $name(inner::$name::new(value))
            }

            /// A step, and the operation of this name.
            pub fn store(&self, value: $value, order: Ordering) {
                step();
                self.0.store(value, order);
            }

            /// A step, and the operation of this name.
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.swap(value, order)
            }

            /// A step, and the operation of this name.
            pub fn fetch_or(&self, bits: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_or(bits, order)
            }

            /// A step, and the operation of this name.
            pub fn fetch_and(&self, bits: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_and(bits, order)
            }

            /// A step, and the operation of this name.
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_add(value, order)
            }

            /// A step, and the operation of this name.
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.fetch_sub(value, order)
            }

            /// A step, and the operation of this name.
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                step();
                self.0.compare_exchange(current, new, success, failure)
            }

            /// The same as [`compare_exchange`](Self::compare_exchange).
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }
        }

        impl std::ops::Deref for $name {
            type Target = inner::$name;

            fn deref(&self) -> &inner::$name {
                &self.0
            }
        }
    };
}

word!(
    /// A word of 32 bits.
    AtomicU32,
    u32
);
word!(
    /// A word of 64 bits.
    AtomicU64,
    u64
);
