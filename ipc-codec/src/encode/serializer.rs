//! The encoder: postcard writes the items; handles go to the table, and errors keep their reason.

use std::fmt::Write;

use serde::ser::{self, Serialize, Serializer as _};

use super::failure::Failure;
use super::handles::Handles;
use super::output::Output;
use super::parts::Counted;
use crate::error::BoundedText;
use crate::handle::{self, Lent, Shared};
use crate::{EncodeError, Limits};

/// Writes one value to the end of a buffer.
pub(super) struct Serializer<'a, 't> {
    inner: postcard::Serializer<Output<'a>>,
    handles: &'a mut Handles<'t>,
}

impl<'a, 't> Serializer<'a, 't> {
    #[inline]
    pub(super) fn new(
        bytes: &'a mut Vec<u8>,
        handles: &'a mut Handles<'t>,
        limits: &Limits,
    ) -> Serializer<'a, 't> {
        Serializer { inner: postcard::Serializer { output: Output::new(bytes, limits.max_frame) }, handles }
    }

    /// Tells why postcard did not write an item.
    #[cold]
    fn explain(&self, error: postcard::Error) -> Failure {
        match self.inner.output.refused() {
            Some((size, limit)) => EncodeError::TooLarge { size, limit }.into(),
            None => ser::Error::custom(error),
        }
    }

    #[inline]
    fn write_len(&mut self, len: Option<usize>) -> Result<usize, Failure> {
        let len = len.ok_or(EncodeError::UnknownLength)?;
        self.serialize_u64(len as u64)?;
        Ok(len)
    }

    /// Puts the handle that `value` lends into the table, and its index into the payload.
    fn serialize_handle<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let index = self.handles.next_index()?;
        let (result, lent) = handle::ask(|| value.serialize(&mut *self));
        match lent {
            Lent::Handle(handle) => self.handles.push(handle),
            Lent::Failed(error) => return Err(EncodeError::DuplicateHandle(error).into()),
            Lent::Nothing => {
                result?;
                return Err(ser::Error::custom("a type that is no handle calls itself one"));
            }
        }
        result?;
        self.serialize_u32(index)
    }

    /// Puts the handle that `value` shares into the table, if it is new, and its index into the payload.
    fn serialize_shared<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        let table = self.handles.shared();
        let next = self.handles.next_index();
        let (result, lent) =
            handle::ask_shared(table, next.as_ref().ok().copied(), || value.serialize(&mut *self));
        let index = match lent {
            Lent::Handle(Shared::Known(index)) => index,
            Lent::Handle(Shared::New(handle)) => {
                self.handles.push(handle);
                next?
            }
            Lent::Handle(Shared::NoRoom) => next?,
            Lent::Failed(error) => return Err(EncodeError::SharedHandle(error).into()),
            Lent::Nothing => {
                result?;
                return Err(ser::Error::custom("a type that shares no handle says that it does"));
            }
        };
        result?;
        self.serialize_u32(index)
    }
}

/// Items that postcard writes and that have nothing inside.
macro_rules! items {
    ($($method:ident $type:ty;)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), Failure> {
            self.inner.$method(value).map_err(|error| self.explain(error))
        }
    )*};
}

impl<'s, 'a, 't> ser::Serializer for &'s mut Serializer<'a, 't> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Counted<'s, 'a, 't>;
    type SerializeMap = Counted<'s, 'a, 't>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    items! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
        serialize_char char;
        serialize_str &str;
        serialize_bytes &[u8];
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Failure> {
        self.serialize_u8(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        self.serialize_u8(1)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), Failure> {
        self.serialize_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        if name == handle::TOKEN {
            return self.serialize_handle(value);
        }
        if name == handle::SHARED_TOKEN {
            return self.serialize_shared(value);
        }
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Failure> {
        self.serialize_u32(index)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Counted<'s, 'a, 't>, Failure> {
        let declared = self.write_len(len)?;
        Ok(Counted::new(self, declared))
    }

    #[inline]
    fn serialize_tuple(self, _len: usize) -> Result<Self, Failure> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self, Failure> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self, Failure> {
        self.serialize_u32(index)?;
        Ok(self)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Counted<'s, 'a, 't>, Failure> {
        self.serialize_seq(len)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, Failure> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self, Failure> {
        self.serialize_u32(index)?;
        Ok(self)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<(), Failure> {
        // The length goes first, so the text is made before it is written; formatting it twice could give two
        // lengths.
        let room = self.inner.output.room();
        let mut text = BoundedText::new(room);
        if write!(text, "{value}").is_err() {
            if text.is_full() {
                let error = self.inner.output.refuse(room.saturating_add(1));
                return Err(self.explain(error));
            }
            return Err(ser::Error::custom("its text form could not be written"));
        }
        self.serialize_str(&text.text)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}
