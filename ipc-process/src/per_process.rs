//! A static that belongs to one process: whoever forked it, a child begins without the value of its parent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{mem, process};

/// A value of this process, or none.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(Mutex<Option<Owned<T>>>);

#[derive(Debug)]
struct Owned<T> {
    owner: u32,
    value: T,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(Mutex::new(None))
    }

    /// The value, locked; held across a fork, so that the child finds it whole and unlocked.
    pub(crate) fn hold(&self) -> Held<'_, T> {
        Held(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A value of this process, locked.
pub(crate) struct Held<'a, T>(MutexGuard<'a, Option<Owned<T>>>);

impl<T> Held<'_, T> {
    /// The value, made if there is none.
    pub(crate) fn get_or_try<E>(&mut self, make: impl FnOnce() -> Result<T, E>) -> Result<&mut T, E> {
        let owner = process::id();
        let owned = match self.0.take().filter(|owned| owned.owner == owner) {
            Some(owned) => owned,
            None => Owned { owner, value: make()? },
        };
        Ok(&mut self.0.insert(owned).value)
    }

    /// In a forked child: lets go of the copy of the parent's value, which a child of somebody else's fork does when it comes by.
    ///
    /// What holds handles is dropped. Else it stays where it is: to give memory back is to copy the pages that it is on.
    #[inline]
    pub(crate) fn forget_parents(mut self, holds_handles: impl FnOnce(&T) -> bool) {
        if let Some(owned) = self.0.take() {
            if holds_handles(&owned.value) {
                drop(owned);
            } else {
                mem::forget(owned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn the_value_of_another_process_is_dropped() {
        let slot = PerProcess::new();
        let make = |value| move || Ok::<_, Infallible>(value);
        assert_eq!(slot.hold().get_or_try(make(1)), Ok(&mut 1));
        assert_eq!(slot.hold().get_or_try(make(2)), Ok(&mut 1));
        // As a child finds it.
        slot.hold().0.as_mut().expect("made above").owner += 1;
        assert_eq!(slot.hold().get_or_try(make(3)), Ok(&mut 3));
        slot.hold().forget_parents(|_| true);
        assert_eq!(slot.hold().get_or_try(make(4)), Ok(&mut 4));
    }
}
