//! A decoder that has no input: it notes what it is asked for, and answers with the smallest thing that there is.

use super::record::Record;
use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use std::fmt;

/// From here on, whatever may be absent is, so that types which contain themselves come to an end.
const SHALLOW: u32 = 12;
/// Deeper a type is not asked.
const MAX_DEPTH: u32 = 64;

pub(super) struct Tracer<'a> {
    record: &'a mut Record,
    depth: u32,
}

/// The type refused an answer, or asked too much.
#[derive(Debug)]
pub(super) struct Stop;

impl<'a> Tracer<'a> {
    pub(super) fn new(record: &'a mut Record) -> Self {
        Tracer { record, depth: 0 }
    }

    fn note(&mut self, kind: &str, names: &[&str], count: usize) -> Result<(), Stop> {
        if self.record.note(kind, names, count) && self.depth < MAX_DEPTH { Ok(()) } else { Err(Stop) }
    }

    fn inner(&mut self) -> Tracer<'_> {
        Tracer { record: self.record, depth: self.depth + 1 }
    }

    fn elements(self, left: usize) -> Elements<'a> {
        Elements { of: self, left }
    }

    /// One, or none where a type has gone deep enough.
    fn some(&self) -> usize {
        usize::from(self.depth < SHALLOW)
    }
}

/// One method for each kind of value without parts.
macro_rules! answers {
    ($($method:ident $visit:ident $value:expr;)*) => {
        $(
            fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
                self.note(stringify!($visit), &[], 0)?;
                visitor.$visit($value)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Stop;

    // Not zero: some types refuse it.
    answers! {
        deserialize_bool visit_bool false;
        deserialize_i8 visit_i8 1;
        deserialize_i16 visit_i16 1;
        deserialize_i32 visit_i32 1;
        deserialize_i64 visit_i64 1;
        deserialize_i128 visit_i128 1;
        deserialize_u8 visit_u8 1;
        deserialize_u16 visit_u16 1;
        deserialize_u32 visit_u32 1;
        deserialize_u64 visit_u64 1;
        deserialize_u128 visit_u128 1;
        deserialize_f32 visit_f32 1.0;
        deserialize_f64 visit_f64 1.0;
        deserialize_char visit_char 'a';
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_bytes visit_bytes b"";
        deserialize_byte_buf visit_bytes b"";
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note("option", &[], 0)?;
        if self.some() == 1 { visitor.visit_some(self.inner()) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note("unit", &[], 0)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("unit struct", &[name], 0)?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("newtype", &[name], 0)?;
        visitor.visit_newtype_struct(self.inner())
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note("sequence", &[], 0)?;
        let count = self.some();
        visitor.visit_seq(self.elements(count))
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note("tuple", &[], len)?;
        visitor.visit_seq(self.elements(len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("tuple struct", &[name], len)?;
        visitor.visit_seq(self.elements(len))
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Stop> {
        self.note("map", &[], 0)?;
        let count = self.some();
        visitor.visit_map(self.elements(count))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("struct", &[name], fields.len())?;
        self.note("fields", fields, fields.len())?;
        visitor.visit_seq(self.elements(fields.len()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("enum", &[name], variants.len())?;
        self.note("variants", variants, variants.len())?;
        visitor.visit_enum(Variant { of: self, name, n_variants: variants.len() })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn is_human_readable(&self) -> bool {
        // As in messages.
        false
    }
}

/// So many elements, entries or fields.
struct Elements<'a> {
    of: Tracer<'a>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.of.inner()).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self.of.inner())
    }
}

/// The variant of an enum whose turn it is.
struct Variant<'a> {
    of: Tracer<'a>,
    name: &'static str,
    n_variants: usize,
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'a> {
    type Error = Stop;
    type Variant = Tracer<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Tracer<'a>), Stop> {
        let idx = self.of.record.next_variant(self.name, self.n_variants);
        let idx: U32Deserializer<Stop> = (idx as u32).into_deserializer();
        Ok((seed.deserialize(idx)?, self.of))
    }
}

impl<'de> de::VariantAccess<'de> for Tracer<'_> {
    type Error = Stop;

    fn unit_variant(mut self) -> Result<(), Stop> {
        self.note("unit variant", &[], 0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Stop> {
        self.note("newtype variant", &[], 0)?;
        seed.deserialize(self.inner())
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note("tuple variant", &[], len)?;
        visitor.visit_seq(self.elements(len))
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note("struct variant", fields, fields.len())?;
        visitor.visit_seq(self.elements(fields.len()))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type refused an answer")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Stop
    }
}
