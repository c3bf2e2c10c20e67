//! What every contender can do: carry numbers from those who put to those who get.

use super::crew::{Kind, Outcome};

/// A way for numbers. It is made before the others are started; each opens its end where it uses it.
pub(super) trait Way: Send + Sync + 'static {
    type Putter: Put + 'static;
    type Getter: Get + 'static;

    /// How it is called in the notes.
    const NAME: &'static str;
    /// Between whom it goes.
    const KIND: Kind;

    fn putter(&self) -> Outcome<Self::Putter>;
    fn getter(&self) -> Outcome<Self::Getter>;
}

/// The end where numbers go in.
pub(super) trait Put {
    /// Puts a number, and waits while there is no room.
    fn put(&mut self, number: u64) -> Outcome;
}

/// The end where numbers come out.
pub(super) trait Get {
    /// Takes a number, and waits while there is none.
    fn get(&mut self) -> Outcome<u64>;
}
