//! What every contender can do: carry numbers from those who put to those who get.

use super::crew::{Kind, Outcome};

/// A way for numbers. It is made before the others are started; each opens its end where it uses it.
pub(crate) trait Way: Send + Sync + 'static {
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
pub(crate) trait Put {
    /// Puts a number, and waits while there is no room.
    fn put(&mut self, number: u64) -> Outcome;
}

/// The end where numbers come out.
pub(crate) trait Get {
    /// Takes a number, and waits while there is none.
    fn get(&mut self) -> Outcome<u64>;
}

/// A byte string of one size that begins with a number, where it lies outside of what carries it.
pub(crate) struct Message {
    bytes: Vec<u8>,
    size: usize,
}

impl Message {
    /// At least as long as a number.
    pub(crate) fn new(size: usize) -> Message {
        Message { bytes: vec![1; size], size }
    }

    pub(crate) fn set(&mut self, number: u64) {
        Message::write(&mut self.bytes, number);
    }

    /// Writes the number at the start and at the end, so that a part of a message is none.
    pub(crate) fn write(bytes: &mut [u8], number: u64) {
        let number = number.to_ne_bytes();
        bytes[..size_of::<u64>()].copy_from_slice(&number);
        let end = bytes.len() - size_of::<u64>();
        bytes[end..].copy_from_slice(&number);
    }

    pub(crate) fn number(&self) -> Outcome<u64> {
        Message::number_of(&self.bytes, self.size)
    }

    /// The number at the start of bytes, if there are as many as there should be.
    pub(crate) fn number_of(bytes: &[u8], size: usize) -> Outcome<u64> {
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(&first), Some(&last)) if bytes.len() == size && first == last => {
                Ok(u64::from_ne_bytes(first))
            }
            _ => {
                Err(format!("{} bytes came instead of {size}, or not all of one message", bytes.len()).into())
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(crate) fn vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}
