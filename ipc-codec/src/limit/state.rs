//! What one decode has left: input, budget, handles; and how an item is read.

use std::mem::needs_drop;
use std::str::from_utf8;

use super::budget::Budget;
use super::deserializer::Deserializer;
use super::failure::Failure;
use super::input::Input;
use crate::handle::Incoming;
use crate::varint::Broken;
use crate::{DecodeError, Limits};

/// What all deserializers of one payload share.
pub(crate) struct State<'de, I> {
    pub(super) input: I,
    size: usize,
    pub(super) budget: Budget<'de>,
    pub(super) handles: &'de mut Incoming,
}

impl<'de, I: Input<'de>> State<'de, I> {
    #[inline]
    pub(crate) fn new(input: I, handles: &'de mut Incoming, limits: &'de Limits) -> Self {
        State { input, size: input.len(), budget: Budget::new(limits), handles }
    }

    /// The deserializer of the outermost value, which is to be a `T`.
    #[inline]
    pub(crate) fn deserializer<T>(&mut self) -> Deserializer<'_, 'de, I> {
        let depth_left = self.budget.max_depth();
        Deserializer { state: self, depth_left, owning: needs_drop::<T>() }
    }

    /// Checks that the value took everything.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.input.len() > 0 {
            return Err(DecodeError::TrailingBytes { count: self.input.len() });
        }
        match self.handles.unused() {
            0 => Ok(()),
            count => Err(DecodeError::UnusedHandles { count }),
        }
    }

    /// Reads an integer of `n_bits` bits, at most 64.
    #[inline]
    pub(super) fn read_varint(&mut self, n_bits: u32) -> Result<u64, Failure> {
        self.input.take_varint(n_bits).map_err(|broken| self.broken(broken))
    }

    pub(super) fn read_varint_128(&mut self) -> Result<u128, Failure> {
        self.input.take_varint_128(128).map_err(|broken| self.broken(broken))
    }

    /// Reads an index of a handle, or of a variant.
    #[inline]
    pub(super) fn read_index(&mut self) -> Result<u32, Failure> {
        self.read_varint(32).map(|index| index as u32)
    }

    #[inline]
    pub(super) fn read_bool(&mut self) -> Result<bool, Failure> {
        match self.input.first() {
            Some(byte @ (0 | 1)) => {
                self.input.take(1);
                Ok(byte == 1)
            }
            Some(_) => Err(self.malformed("a bool is neither 0 nor 1")),
            None => Err(DecodeError::Truncated.into()),
        }
    }

    /// Reads as many bytes as the type has.
    #[inline]
    pub(super) fn read_array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        match self.input.take(N).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => Ok(*bytes),
            None => Err(DecodeError::Truncated.into()),
        }
    }

    /// Reads a length and as many bytes.
    #[inline]
    pub(super) fn read_bytes(&mut self) -> Result<&'de [u8], Failure> {
        let (bytes, rest) = self.split_bytes()?;
        self.input = rest;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn read_str(&mut self) -> Result<&'de str, Failure> {
        let (bytes, rest) = self.split_bytes()?;
        let Ok(text) = from_utf8(bytes) else { return Err(self.malformed("a string is not UTF-8")) };
        self.input = rest;
        Ok(text)
    }

    /// Reads a text of one character; if it has more, they are ignored.
    pub(super) fn read_char(&mut self) -> Result<char, Failure> {
        let start = self.input;
        let bytes = self.read_bytes()?;
        let text = if bytes.len() > 4 { "" } else { from_utf8(bytes).unwrap_or_default() };
        text.chars().next().ok_or_else(|| {
            self.input = start;
            self.malformed("a char is not one character of UTF-8")
        })
    }

    /// The bytes behind a length, and what follows them. The input stays, to tell where an item began that is not one.
    #[inline]
    fn split_bytes(&self) -> Result<(&'de [u8], I), Failure> {
        let mut rest = self.input;
        let len = rest.take_varint(64).map_err(|broken| self.broken(broken))?;
        let bytes = usize::try_from(len).ok().and_then(|len| rest.take(len));
        bytes.map(|bytes| (bytes, rest)).ok_or_else(|| DecodeError::Truncated.into())
    }

    #[inline]
    fn broken(&self, broken: Broken) -> Failure {
        broken_at(self.size - self.input.len(), broken)
    }

    #[inline]
    pub(super) fn malformed(&self, reason: &'static str) -> Failure {
        malformed_at(self.size - self.input.len(), reason)
    }
}

// What is cold gets no reference to the state, which can so be in registers as long as all goes well.

#[cold]
fn broken_at(offset: usize, broken: Broken) -> Failure {
    match broken {
        Broken::Truncated => DecodeError::Truncated.into(),
        Broken::TooLarge => malformed_at(offset, "an integer is larger than its type"),
    }
}

#[cold]
fn malformed_at(offset: usize, reason: &'static str) -> Failure {
    DecodeError::Malformed { offset, reason }.into()
}
