//! JSON as a tree that borrows from its text.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::scenario::{MAX_NESTING, ScenarioError};

/// Levels of JSON that the deepest scenario needs: three around the outermost list of statements, two per
/// statement (its list and itself), three for an argument in a list in the list of arguments. `serde_json`
/// takes one more.
const MAX_LEVELS: usize = 3 + 2 * MAX_NESTING + 3;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that only fits without a sign.
    Large(u64),
    /// Any other number.
    Float,
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object, in the order of the text, duplicates included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    /// What it is, for messages.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a number",
            Self::Large(_) => "a number beyond 64 bits with a sign",
            Self::Float => "a number with a fraction or beyond 64 bits",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads one JSON value and nothing after it.
///
/// # Errors
/// With line and column.
pub(super) fn parse(text: &str) -> Result<Json<'_>, ScenarioError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let json = Tree { levels: MAX_LEVELS }.deserialize(&mut deserializer);
    json.and_then(|json| deserializer.end().map(|()| json)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = error.to_string();
        let why = why.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&why);
        let message = if error.is_eof() {
            format!("not JSON: the text ends too early ({why})")
        } else if error.is_syntax() && !why.starts_with(TOO_DEEP) {
            format!("not JSON: {why}")
        } else {
            why.to_owned()
        };
        ScenarioError { place: format!("line {line}, column {column}"), message }
    })
}

const TOO_DEEP: &str = "nested too deep";

/// Reads a value with so many levels of nesting left.
#[derive(Clone, Copy)]
struct Tree {
    levels: usize,
}

impl Tree {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1);
        levels
            .map(|levels| Self { levels })
            .ok_or_else(|| E::custom(format_args!("{TOO_DEEP}: statements may be nested {MAX_NESTING} deep")))
    }
}

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Json::Large(value), Json::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Json::Float)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Vec::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            object.push((key, entries.next_value_seed(inner)?));
        }
        Ok(Json::Object(object))
    }
}

/// Reads the name of a field, borrowed where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
