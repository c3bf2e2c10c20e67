//! Words whose every change is a step.
//!
//! # Safety
//!
//! In a model [`AtomicU64::load_owned`] reads a word that nobody else may change meanwhile; loom reports whoever does.
#![allow(unsafe_code)]

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
        #[cfg_attr(not(loom), repr(transparent))]
        #[derive(Debug, Default)]
        pub struct $name(inner::$name, #[cfg(loom)] inner::AtomicU32);

        impl $name {
            /// A word that holds a value.
            pub fn new(value: $value) -> $name {
                $name(inner::$name::new(value), #[cfg(loom)] inner::AtomicU32::new(0))
            }

            /// The operation of this name, of which loom takes note.
            ///
            /// Loom tries another order where an access depends on the last one to the same word. Two loads do not, so a
            /// thread that looks and then stores hides from it that others have looked before. So in models that are tried
            /// by `noting_looks` each look also changes a word beside, by which nobody learns anything.
            #[cfg(loom)]
            pub fn load(&self, order: Ordering) -> $value {
                if crate::model::notes_looks() {
                    self.1.fetch_add(0, Ordering::Relaxed);
                }
                self.0.load(order)
            }

            /// What the word holds, for who may rely on that nobody changes it meanwhile: who has the lock that it belongs to.
            ///
            /// In a model it is an error if somebody does.
            pub fn load_owned(&self) -> $value {
                // SAFETY: whoever changes the word meanwhile ends the model with an error.
                #[cfg(loom)]
                let value = unsafe { self.0.unsync_load() };
                #[cfg(not(loom))]
                let value = self.0.load(Ordering::Relaxed);
                value
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
