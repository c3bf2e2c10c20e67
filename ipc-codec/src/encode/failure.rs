//! How an error of encoding passes through serde.

use std::error::Error;
use std::fmt::{Display, Formatter, Result};

use serde::ser;

use crate::EncodeError;
use crate::error::bounded_message;

/// The error that travels through serde: a pointer, so that results stay small where all goes well.
#[derive(Debug)]
pub(super) struct Failure(Box<EncodeError>);

impl From<EncodeError> for Failure {
    #[cold]
    fn from(error: EncodeError) -> Failure {
        Failure(Box::new(error))
    }
}

impl From<Failure> for EncodeError {
    fn from(failure: Failure) -> EncodeError {
        *failure.0
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.fmt(f)
    }
}

impl Error for Failure {}

impl ser::Error for Failure {
    #[cold]
    fn custom<T: Display>(message: T) -> Failure {
        EncodeError::Refused { message: bounded_message(message) }.into()
    }
}
