//! A JSON object as it is written: its fields in their order, each as its own text.

use core::fmt;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The fields.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("field `{name}` comes twice")));
            }
            if fields.len() == MOST_FIELDS {
                return Err(A::Error::custom(format!("more than {MOST_FIELDS} fields")));
            }
            fields.push((name, map.next_value()?));
        }
        Ok(Fields(fields))
    }
}

/// More than any recording needs; they are looked up one after the other.
const MOST_FIELDS: usize = 64;

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl Fields {
    pub(super) fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The value of a field as it is written.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }

    /// The value of a field that has to be there.
    pub(super) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let text = self.text(name).ok_or_else(|| format!("missing field `{name}`"))?;
        serde_json::from_str(text).map_err(|error| said_of(name, &error))
    }

    /// The value of a field; absent and `null` are the same.
    pub(super) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let text = self.text(name).unwrap_or("null");
        serde_json::from_str(text).map_err(|error| said_of(name, &error))
    }

    /// The object as it was written, but with this value (JSON) in this field; a new field comes last.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let new = (!self.has(name)).then_some((name, value));
        object(self.texts().map(|(key, old)| (key, if key == name { value } else { old })).chain(new))
    }

    /// The object as it was written, but without this field.
    pub(super) fn without(&self, name: &str) -> String {
        object(self.texts().filter(|(key, _)| *key != name))
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.get()))
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("{");
    for (key, value) in fields {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(key).expect("engine bug: a string that is no JSON"));
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    text
}

fn said_of(name: &str, error: &serde_json::Error) -> String {
    // The line is always the first; the column is one inside of the value, where nobody would look for it.
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("`{name}`: {what}")
}
