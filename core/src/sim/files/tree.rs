//! TOML as a tree that serde reads: one deserializer for everything.
//!
//! The `toml` crate brings a deserializer of its own for each kind of value, and every type that is
//! read is compiled once for each of them: more than the whole consensus weighs in wasm. Here it
//! only parses; [`Node`] hands the tree to serde, and errors keep their place.

use alloc::string::{String, ToString};
use core::{fmt, ops::Range, slice};

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer, UsizeDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// What is wrong, and at which byte.
#[derive(Debug)]
pub(super) struct TreeError {
    pub(super) at: Option<usize>,
    pub(super) what: String,
}

impl TreeError {
    /// Errors know their innermost place.
    fn or_at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl core::error::Error for TreeError {}

impl de::Error for TreeError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { at: None, what: what.to_string() }
    }
}

/// Reads a whole file.
pub(super) fn read<T: de::DeserializeOwned>(source: &str) -> Result<T, TreeError> {
    let table = DeTable::parse(source).map_err(|error| TreeError {
        at: error.span().map(|span| span.start),
        what: error.message().to_string(),
    })?;
    let span = table.span();
    let value = DeValue::Table(table.into_inner());
    T::deserialize(Node { value: &value, span })
}

/// One value with its place.
struct Node<'t> {
    value: &'t DeValue<'t>,
    span: Range<usize>,
}

impl<'t> Node<'t> {
    fn of(spanned: &'t Spanned<DeValue<'t>>) -> Self {
        Self { value: spanned.get_ref(), span: spanned.span() }
    }

    fn table<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        let at = self.span.start;
        match self.value {
            DeValue::Table(table) => {
                visitor.visit_map(Entries { entries: table.iter(), value: None })
            }
            _ => Err(TreeError::custom("a table, { … }, belongs here")),
        }
        .map_err(|error| error.or_at(at))
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = TreeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        let at = self.span.start;
        match self.value {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| TreeError::custom("a whole number of at most 63 bits belongs here"))
                .and_then(|number| visitor.visit_i64(number)),
            // Nothing in a scenario is a fraction: what could be one counts in a smaller unit.
            DeValue::Float(number) => Err(TreeError::custom(format_args!(
                "invalid type: floating point `{}`, expected a whole number",
                number.as_str()
            ))),
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Datetime(_) => Err(TreeError::custom("a date has no meaning here")),
            DeValue::Array(array) => visitor.visit_seq(Items(array.iter())),
            DeValue::Table(table) => {
                visitor.visit_map(Entries { entries: table.iter(), value: None })
            }
        }
        .map_err(|error| error.or_at(at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        visitor.visit_newtype_struct(self)
    }

    /// Only what a struct can be is tried: each further kind of value would be compiled once more
    /// for every struct.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        match fields {
            // `toml::Spanned` asks for its value and place as a struct with this name.
            [start, end, value] if name.starts_with("$__serde_spanned") => {
                visitor.visit_map(Place { fields: [start, end, value], next: 0, node: Some(self) })
            }
            _ => self.table(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        self.table(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        let at = self.span.start;
        match self.value {
            DeValue::Array(array) => visitor.visit_seq(Items(array.iter())),
            _ => Err(TreeError::custom("a list, [ … ], belongs here")),
        }
        .map_err(|error| error.or_at(at))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        let at = self.span.start;
        let choice = match self.value {
            DeValue::String(name) => Some(Choice { name, at, inner: None }),
            DeValue::Table(table) if table.len() == 1 => {
                table.iter().next().map(|(name, inner)| Choice {
                    name: name.get_ref(),
                    at: name.span().start,
                    inner: Some(Node::of(inner)),
                })
            }
            _ => None,
        };
        choice
            .ok_or_else(|| TreeError::custom("a name, or a table with one name, belongs here"))
            .and_then(|choice| visitor.visit_enum(choice))
            .map_err(|error| error.or_at(at))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// An array's values.
struct Items<'t>(slice::Iter<'t, Spanned<DeValue<'t>>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = TreeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TreeError> {
        self.0.next().map(|item| seed.deserialize(Node::of(item))).transpose()
    }
}

/// A table's keys and values.
struct Entries<'t, I> {
    entries: I,
    value: Option<&'t Spanned<DeValue<'t>>>,
}

impl<'de, 't, I> MapAccess<'de> for Entries<'t, I>
where
    I: Iterator<Item = (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)>,
{
    type Error = TreeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TreeError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StrDeserializer<'_, TreeError> = key.get_ref().as_ref().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.or_at(key.span().start))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, TreeError> {
        match self.value.take() {
            Some(value) => seed.deserialize(Node::of(value)),
            None => Err(TreeError::custom("a value was asked for before its key")),
        }
    }
}

/// What `toml::Spanned` asks for.
struct Place<'t> {
    fields: [&'static str; 3],
    next: usize,
    node: Option<Node<'t>>,
}

impl<'de> MapAccess<'de> for Place<'_> {
    type Error = TreeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TreeError> {
        let Some(field) = self.fields.get(self.next) else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::<TreeError>::new(field)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, TreeError> {
        let span = self.node.as_ref().map_or(0..0, |node| node.span.clone());
        let number = |at: usize| -> UsizeDeserializer<TreeError> { at.into_deserializer() };
        self.next += 1;
        match (self.next, self.node.take_if(|_| self.next == 3)) {
            (1, _) => seed.deserialize(number(span.start)),
            (2, _) => seed.deserialize(number(span.end)),
            (_, Some(node)) => seed.deserialize(node),
            (_, None) => Err(TreeError::custom("a value was asked for twice")),
        }
    }
}

/// A variant, with its content if it has any.
struct Choice<'t> {
    name: &'t str,
    at: usize,
    inner: Option<Node<'t>>,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = TreeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), TreeError> {
        let name: StrDeserializer<'_, TreeError> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|error| error.or_at(self.at))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = TreeError;

    fn unit_variant(self) -> Result<(), TreeError> {
        match self.inner {
            None => Ok(()),
            Some(Node { value: DeValue::Table(table), .. }) if table.is_empty() => Ok(()),
            Some(node) => Err(TreeError::custom("nothing belongs in here").or_at(node.span.start)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, TreeError> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.content()?.table(visitor)
    }
}

impl<'t> Choice<'t> {
    fn content(self) -> Result<Node<'t>, TreeError> {
        let name = self.name;
        self.inner.ok_or_else(|| {
            TreeError::custom(format_args!("write {{ {name} = {{ … }} }}: this needs its fields"))
        })
    }
}
