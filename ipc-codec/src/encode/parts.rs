//! The parts of a value, one after another: elements, entries, fields.

use serde::ser::{self, Serialize};

use super::failure::Failure;
use super::output::Output;
use super::serializer::Serializer;
use crate::EncodeError;

/// A sequence or a map, whose items must be as many as were declared: the reader would take what follows for
/// the rest.
pub(super) struct Counted<'s, 'a, 't, O> {
    serializer: &'s mut Serializer<'a, 't, O>,
    declared: usize,
    written: usize,
}

impl<'s, 'a, 't, O> Counted<'s, 'a, 't, O> {
    #[inline]
    pub(super) fn new(serializer: &'s mut Serializer<'a, 't, O>, declared: usize) -> Counted<'s, 'a, 't, O> {
        Counted { serializer, declared, written: 0 }
    }

    #[inline]
    fn check(self) -> Result<(), Failure> {
        let Counted { declared, written, .. } = self;
        if declared == written {
            return Ok(());
        }
        Err(EncodeError::WrongLength { declared, written }.into())
    }
}

impl<O: Output> ser::SerializeSeq for Counted<'_, '_, '_, O> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.written += 1;
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Failure> {
        self.check()
    }
}

impl<O: Output> ser::SerializeMap for Counted<'_, '_, '_, O> {
    type Ok = ();
    type Error = Failure;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failure> {
        self.written += 1;
        key.serialize(&mut *self.serializer)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn end(self) -> Result<(), Failure> {
        self.check()
    }
}

/// Structs, tuples and variants: the type knows how many fields there are, and nothing is written beside
/// them.
macro_rules! fields {
    ($($trait:ident $method:ident;)*) => {$(
        impl<O: Output> ser::$trait for &mut Serializer<'_, '_, O> {
            type Ok = ();
            type Error = Failure;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Result<(), Failure> {
                Ok(())
            }
        }
    )*};
}

fields! {
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// The same for fields that have a name, which is not written.
macro_rules! named_fields {
    ($($trait:ident)*) => {$(
        impl<O: Output> ser::$trait for &mut Serializer<'_, '_, O> {
            type Ok = ();
            type Error = Failure;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result<(), Failure> {
                value.serialize(&mut **self)
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), Failure> {
                // The reader cannot know that the field is not there, and would take the next one for it.
                Err(ser::Error::custom(format_args!(
                    "the field `{name}` is skipped depending on its value, which the format cannot record"
                )))
            }

            #[inline]
            fn end(self) -> Result<(), Failure> {
                Ok(())
            }
        }
    )*};
}

named_fields! { SerializeStruct SerializeStructVariant }
