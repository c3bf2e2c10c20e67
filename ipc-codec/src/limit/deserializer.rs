//! The decoder: items are read as postcard's format has them, and every step that a hostile payload could repeat is
//! paid for.

use std::convert::identity;
use std::mem::needs_drop;

use serde::de::{self, IntoDeserializer, Visitor, value::U32Deserializer};

use super::access::{Elements, Entries, Fields};
use super::failure::Failure;
use super::input::Input;
use super::state::State;
use crate::DecodeError;
use crate::handle::{self, Given};
use crate::varint;

/// Decodes one value; its parts get deserializers of their own.
pub(crate) struct Deserializer<'a, 'de, I> {
    pub(super) state: &'a mut State<'de, I>,
    pub(super) depth_left: u32,
    /// Whether the type that asks may own memory, so that the value could stand behind a pointer that nothing
    /// else announces: `Box<T>` deserializes like `T`.
    pub(super) owning: bool,
}

impl<'a, 'de, I: Input<'de>> Deserializer<'a, 'de, I> {
    /// Pays for a value of type `T`, if it may have been boxed, with the two counters of an `Rc` in front.
    #[inline]
    fn pay_for<T>(&mut self) -> Result<(), Failure> {
        if self.owning {
            self.state.budget.charge(size_of::<T>().next_multiple_of(16) + 16, 0)?;
        }
        Ok(())
    }

    /// Pays for a value of type `T` that has values inside, and goes down one level.
    #[inline]
    fn enter<T>(mut self) -> Result<Deserializer<'a, 'de, I>, Failure> {
        self.pay_for::<T>()?;
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            return Err(DecodeError::Depth { limit: self.state.budget.max_depth() }.into());
        };
        Ok(Deserializer { state: self.state, depth_left, owning: needs_drop::<T>() })
    }

    /// Reads an index, and has `visitor` share the handle there with all values that refer to it.
    fn share<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Deserializer { state, depth_left, owning } = self;
        let index = state.read_index()?;
        let share = state.handles.share(index)?;
        let inner = Deserializer { state: &mut *state, depth_left, owning };
        let (result, given) = handle::hand_over_shared(share, || visitor.visit_newtype_struct(inner));
        match given {
            Given::Nothing => {}
            Given::Opened(opened) => state.handles.keep(index, opened),
            Given::OtherType => return Err(DecodeError::HandleUsedTwice { index }.into()),
        }
        result
    }

    #[inline]
    fn read_str<T>(&mut self) -> Result<&'de str, Failure> {
        self.pay_for::<T>()?;
        let text = self.state.read_str()?;
        self.state.budget.charge(text.len(), text.len())?;
        Ok(text)
    }

    #[inline]
    fn read_bytes<T>(&mut self) -> Result<&'de [u8], Failure> {
        self.pay_for::<T>()?;
        let bytes = self.state.read_bytes()?;
        self.state.budget.charge(bytes.len(), bytes.len())?;
        Ok(bytes)
    }
}

/// Items that have nothing inside, each by the method that reads it and what makes the value of that.
macro_rules! items {
    ($($method:ident $visit:ident $read:ident($($n_bits:literal)?) $make:expr;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failure> {
            self.pay_for::<V::Value>()?;
            visitor.$visit(($make)(self.state.$read($($n_bits)?)?))
        }
    )*};
}

impl<'de, I: Input<'de>> de::Deserializer<'de> for Deserializer<'_, 'de, I> {
    type Error = Failure;

    items! {
        deserialize_bool visit_bool read_bool() identity;
        deserialize_i8 visit_i8 read_array() i8::from_le_bytes;
        deserialize_i16 visit_i16 read_varint(16) |value| varint::unzigzag(value) as i16;
        deserialize_i32 visit_i32 read_varint(32) |value| varint::unzigzag(value) as i32;
        deserialize_i64 visit_i64 read_varint(64) varint::unzigzag;
        deserialize_i128 visit_i128 read_varint_128() varint::unzigzag_128;
        deserialize_u8 visit_u8 read_array() u8::from_le_bytes;
        deserialize_u16 visit_u16 read_varint(16) |value| value as u16;
        deserialize_u32 visit_u32 read_varint(32) |value| value as u32;
        deserialize_u64 visit_u64 read_varint(64) identity;
        deserialize_u128 visit_u128 read_varint_128() identity;
        deserialize_f32 visit_f32 read_array() f32::from_le_bytes;
        deserialize_f64 visit_f64 read_array() f64::from_le_bytes;
        deserialize_char visit_char read_char() identity;
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_borrowed_str(self.read_str::<V::Value>()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_borrowed_bytes(self.read_bytes::<V::Value>()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let inner = self.enter::<V::Value>()?;
        match inner.state.input.first() {
            Some(0) => {
                inner.state.input.take(1);
                visitor.visit_none()
            }
            Some(1) => {
                inner.state.input.take(1);
                visitor.visit_some(inner)
            }
            Some(_) => Err(inner.state.malformed("an option is neither 0 nor 1")),
            None => Err(DecodeError::Truncated.into()),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failure> {
        self.pay_for::<V::Value>()?;
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let inner = self.enter::<V::Value>()?;
        if name == handle::TOKEN {
            let index = inner.state.read_index()?;
            let handle = inner.state.handles.take(index)?;
            return handle::hand_over(handle, || visitor.visit_newtype_struct(inner));
        }
        if name == handle::SHARED_TOKEN {
            return inner.share(visitor);
        }
        visitor.visit_newtype_struct(inner)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let inner = self.enter::<V::Value>()?;
        let len = inner.state.read_varint(64)?;
        let mut elements = Elements::new(inner, len);
        let value = visitor.visit_seq(&mut elements)?;
        elements.finish()?;
        Ok(value)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(Fields::new(self.enter::<V::Value>()?, len))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let inner = self.enter::<V::Value>()?;
        let len = inner.state.read_varint(64)?;
        let mut entries = Entries::new(inner, len);
        let value = visitor.visit_map(&mut entries)?;
        entries.finish()?;
        Ok(value)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_enum(self.enter::<V::Value>()?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(DecodeError::NotSelfDescribing.into())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(DecodeError::NotSelfDescribing.into())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(DecodeError::NotSelfDescribing.into())
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        // Types that have two forms, such as `IpAddr`, must choose the one that the encoder chose.
        false
    }
}

impl<'de, I: Input<'de>> de::EnumAccess<'de> for Deserializer<'_, 'de, I> {
    type Error = Failure;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let index: U32Deserializer<Failure> = self.state.read_index()?.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de, I: Input<'de>> de::VariantAccess<'de> for Deserializer<'_, 'de, I> {
    type Error = Failure;

    #[inline]
    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, Failure> {
        self.owning = needs_drop::<S::Value>();
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(Fields::new(self, len))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_seq(Fields::new(self, fields.len()))
    }
}
