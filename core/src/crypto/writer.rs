//! Postcard's encoding, written for what the core writes most: small numbers and digests, millions of
//! times a second. Reading is left to postcard itself, and a test holds this to what that writes.

use postcard::{Error, Result};
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// Where an encoding goes.
pub(super) trait Sink {
    fn byte(&mut self, byte: u8);

    fn bytes(&mut self, bytes: &[u8]);

    /// Seven bits a byte, the lowest first, the highest bit set while more come.
    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }
}

/// Writes values to a sink.
pub(super) struct Writer<'a, S>(pub(super) &'a mut S);

/// The sign goes into the lowest bit, so that numbers near 0 are short.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

impl<S: Sink> Writer<'_, S> {
    #[inline]
    fn next<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Writer(self.0))
    }

    fn length(&mut self, length: Option<usize>) -> Result<()> {
        self.0.number(length.ok_or(Error::SerializeSeqLengthUnknown)? as u64);
        Ok(())
    }
}

/// Ways to write that need nothing but the value as a number.
macro_rules! numbers {
    ($($method:ident($from:ty): $number:ident => $as:expr;)*) => {
        $(#[inline]
        fn $method(self, $number: $from) -> Result<()> {
            self.0.number($as);
            Ok(())
        })*
    };
}

impl<S: Sink> Serializer for Writer<'_, S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_u16(u16): number => u64::from(number);
        serialize_u32(u32): number => u64::from(number);
        serialize_u64(u64): number => number;
        serialize_i16(i16): number => zigzag(i64::from(number));
        serialize_i32(i32): number => zigzag(i64::from(number));
        serialize_i64(i64): number => zigzag(number);
    }

    #[inline]
    fn serialize_u8(self, number: u8) -> Result<()> {
        self.0.byte(number);
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<()> {
        self.serialize_u8(number as u8)
    }

    fn serialize_bool(self, yes: bool) -> Result<()> {
        self.serialize_u8(u8::from(yes))
    }

    fn serialize_f32(self, number: f32) -> Result<()> {
        self.0.bytes(&number.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<()> {
        self.0.bytes(&number.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, char: char) -> Result<()> {
        self.serialize_str(char.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<()> {
        self.serialize_bytes(text.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, bytes: &[u8]) -> Result<()> {
        self.0.number(bytes.len() as u64);
        self.0.bytes(bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_u8(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.0.byte(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<()> {
        self.serialize_u32(index)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        self.0.number(u64::from(index));
        value.serialize(self)
    }

    fn serialize_seq(mut self, length: Option<usize>) -> Result<Self> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self> {
        self.0.number(u64::from(index));
        Ok(self)
    }

    fn serialize_map(mut self, length: Option<usize>) -> Result<Self> {
        self.length(length)?;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self> {
        self.0.number(u64::from(index));
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts are written one after the other, whatever they are parts of.
macro_rules! parts {
    ($($of:ident { $method:ident($($name:ty)?) })*) => {
        $(impl<S: Sink> $of for Writer<'_, S> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<()> {
                self.next(value)
            }

            #[inline]
            fn end(self) -> Result<()> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeStruct { serialize_field(&'static str) }
    SerializeStructVariant { serialize_field(&'static str) }
}

impl<S: Sink> SerializeMap for Writer<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.next(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.next(value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}
