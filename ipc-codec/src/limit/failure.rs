//! How an error of decoding passes through serde.

use std::error::Error;
use std::fmt::{Display, Formatter, Result};

use serde::de;

use crate::DecodeError;
use crate::error::bounded_message;

/// The error that travels through serde: a pointer, so that results stay small where all goes well.
#[derive(Debug)]
pub(crate) struct Failure(Box<DecodeError>);

impl From<DecodeError> for Failure {
    #[cold]
    fn from(error: DecodeError) -> Failure {
        Failure(Box::new(error))
    }
}

impl From<Failure> for DecodeError {
    fn from(failure: Failure) -> DecodeError {
        *failure.0
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.fmt(f)
    }
}

impl Error for Failure {}

impl de::Error for Failure {
    #[cold]
    fn custom<T: Display>(message: T) -> Failure {
        DecodeError::Refused { message: bounded_message(message) }.into()
    }
}
