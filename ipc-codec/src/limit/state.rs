//! What one decode has left: input, budget, handles; and how an item is read.

use serde::de::Deserialize;

use super::budget::Budget;
use super::deserializer::Deserializer;
use super::failure::Failure;
use crate::handle::Incoming;
use crate::{DecodeError, Limits};

/// What all deserializers of one payload share.
pub(crate) struct State<'de> {
    /// The bytes that are still to be read.
    pub(super) input: &'de [u8],
    size: usize,
    pub(super) budget: Budget,
    pub(super) handles: Incoming,
    pub(super) max_depth: u32,
}

impl<'de> State<'de> {
    pub(crate) fn new(input: &'de [u8], handles: Incoming, limits: &Limits) -> State<'de> {
        State { input, size: input.len(), budget: Budget::new(limits), handles, max_depth: limits.max_depth }
    }

    /// The deserializer of the outermost value.
    #[inline]
    pub(crate) fn deserializer(&mut self) -> Deserializer<'_, 'de> {
        let depth_left = self.max_depth;
        Deserializer { state: self, depth_left, owning: true }
    }

    /// Checks that the value took everything.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if !self.input.is_empty() {
            return Err(DecodeError::TrailingBytes { count: self.input.len() });
        }
        match self.handles.unused() {
            0 => Ok(()),
            count => Err(DecodeError::UnusedHandles { count }),
        }
    }

    /// Reads one item as postcard writes it.
    #[inline]
    pub(super) fn read<T: Deserialize<'de>>(&mut self) -> Result<T, Failure> {
        match postcard::take_from_bytes(self.input) {
            Ok((value, rest)) => {
                self.input = rest;
                Ok(value)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    #[cold]
    fn explain(&self, error: postcard::Error) -> Failure {
        let reason = match error {
            postcard::Error::DeserializeUnexpectedEnd => return DecodeError::Truncated.into(),
            postcard::Error::DeserializeBadVarint => "an integer is larger than its type",
            postcard::Error::DeserializeBadBool => "a bool is neither 0 nor 1",
            postcard::Error::DeserializeBadChar => "a char is not one character of UTF-8",
            postcard::Error::DeserializeBadUtf8 => "a string is not UTF-8",
            _ => "an item is not encoded as its type demands",
        };
        self.malformed(reason)
    }

    #[cold]
    pub(super) fn malformed(&self, reason: &'static str) -> Failure {
        DecodeError::Malformed { offset: self.size - self.input.len(), reason }.into()
    }
}
