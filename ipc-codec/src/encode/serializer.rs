//! The encoder: items go to the output as postcard's format has them, handles to the table.

use std::fmt::Write;

use serde::ser::{self, Serialize, Serializer as _};

use super::failure::Failure;
use super::handles::Handles;
use super::output::Output;
use super::parts::Counted;
use crate::error::BoundedText;
use crate::handle::{self, Lent, Shared};
use crate::{EncodeError, varint};

/// Writes one value to an output.
pub(super) struct Serializer<'a, 't, O> {
    output: &'a mut O,
    handles: &'a mut Handles<'t>,
}

impl<'a, 't, O: Output> Serializer<'a, 't, O> {
    #[inline]
    pub(super) fn new(output: &'a mut O, handles: &'a mut Handles<'t>) -> Serializer<'a, 't, O> {
        Serializer { output, handles }
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

/// Items that have nothing inside, as bytes or as another item.
macro_rules! items {
    ($($method:ident($self:ident, $value:ident: $type:ty) $body:expr;)*) => {$(
        #[inline]
        fn $method($self, $value: $type) -> Result<(), Failure> {
            $body
        }
    )*};
}

impl<'s, 'a, 't, O: Output> ser::Serializer for &'s mut Serializer<'a, 't, O> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Counted<'s, 'a, 't, O>;
    type SerializeMap = Counted<'s, 'a, 't, O>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    items! {
        serialize_bool(self, value: bool) self.serialize_u8(value.into());
        serialize_i8(self, value: i8) self.serialize_u8(value as u8);
        serialize_i16(self, value: i16) self.serialize_i64(value.into());
        serialize_i32(self, value: i32) self.serialize_i64(value.into());
        serialize_i64(self, value: i64) self.serialize_u64(varint::zigzag(value));
        serialize_i128(self, value: i128) self.serialize_u128(varint::zigzag_128(value));
        serialize_u8(self, value: u8) self.output.write(&[value]);
        serialize_u16(self, value: u16) self.serialize_u64(value.into());
        serialize_u32(self, value: u32) self.serialize_u64(value.into());
        serialize_f32(self, value: f32) self.output.write(&value.to_bits().to_le_bytes());
        serialize_f64(self, value: f64) self.output.write(&value.to_bits().to_le_bytes());
        serialize_char(self, value: char) self.serialize_str(value.encode_utf8(&mut [0; 4]));
        serialize_str(self, value: &str) self.serialize_bytes(value.as_bytes());
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Failure> {
        if value < 0x80 {
            return self.output.write(&[value as u8]);
        }
        let (bytes, size) = varint::encode(value);
        self.output.write_short(bytes, size)
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        let (bytes, size) = varint::encode_128(value);
        self.output.write(&bytes[..size])
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        self.serialize_u64(value.len() as u64)?;
        self.output.write(value)
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
    fn serialize_seq(self, len: Option<usize>) -> Result<Counted<'s, 'a, 't, O>, Failure> {
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
    fn serialize_map(self, len: Option<usize>) -> Result<Counted<'s, 'a, 't, O>, Failure> {
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
        let room = self.output.room();
        let mut text = BoundedText::new(room);
        if write!(text, "{value}").is_err() {
            if text.is_full() {
                return Err(self.output.refuse(room.saturating_add(1)));
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
