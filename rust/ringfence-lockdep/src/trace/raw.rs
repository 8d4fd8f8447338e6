//! The JSON of a trace, borrowed and not yet understood.

use core::fmt;
use std::borrow::Cow;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One line.
#[derive(Deserialize)]
pub(super) struct RawTrace<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) family: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) locks: Option<RawLocks<'a>>,
    #[serde(borrow)]
    pub(super) ops: Vec<RawOp<'a>>,
    #[serde(borrow, default)]
    pub(super) verdict: Recorded<'a>,
}

/// The recorded verdict: a field that is absent is not one that is `null`.
#[derive(Default)]
pub(super) enum Recorded<'a> {
    #[default]
    Absent,
    Clean,
    Report(RawVerdict<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Recorded<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let verdict = Option::<RawVerdict<'a>>::deserialize(deserializer)?;
        Ok(verdict.map_or(Self::Clean, Self::Report))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "null, or a verdict: {at, kind, cycle}")]
pub(super) struct RawVerdict<'a> {
    pub(super) at: u64,
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(default)]
    pub(super) cycle: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a lock: {class, wait_inner, wait_outer, lock_type}")]
pub(super) struct RawLock<'a> {
    #[serde(borrow)]
    pub(super) class: Cow<'a, str>,
    #[serde(default)]
    pub(super) wait_inner: u64,
    #[serde(default)]
    pub(super) wait_outer: u64,
    #[serde(default)]
    pub(super) lock_type: u64,
}

/// The lock table in the order of the file.
pub(super) struct RawLocks<'a>(pub(super) Vec<(Cow<'a, str>, RawLock<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawLocks<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = RawLocks<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of locks")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut locks = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    locks.push((name, map.next_value()?));
                }
                Ok(RawLocks(locks))
            }
        }
        deserializer.deserialize_map(Table)
    }
}

/// A string, borrowed where it has no escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.into())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// The second element of an operation.
pub(super) enum RawArg<'a> {
    None,
    Text(Cow<'a, str>),
    Number(u64),
    Options(RawOptions<'a>),
}

/// `{"subclass":…,"trylock":…}`; numbers are checked later, where the operation is known.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of options: {subclass, trylock, read, check, nest}")]
pub(super) struct RawOptions<'a> {
    pub(super) subclass: Option<u64>,
    pub(super) trylock: Option<u64>,
    pub(super) read: Option<u64>,
    pub(super) check: Option<u64>,
    #[serde(borrow)]
    pub(super) nest: Option<Cow<'a, str>>,
    pub(super) threaded: Option<u64>,
}

/// `[name]`, `[name, argument]`, `[name, argument, options]`.
pub(super) struct RawOp<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) arg: RawArg<'a>,
    pub(super) options: Option<RawOptions<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for RawArg<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = RawArg<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a lock, a gfp mask, a task number or a table of options")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(RawArg::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(RawArg::Text(Cow::Owned(text.into())))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(RawArg::Number(number))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                RawOptions::deserialize(de::value::MapAccessDeserializer::new(map)).map(RawArg::Options)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawOp<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sequence;
        impl<'de> Visitor<'de> for Sequence {
            type Value = RawOp<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operation: [name, argument, options]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let Text(name) = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let arg = seq.next_element()?.unwrap_or(RawArg::None);
                let options = seq.next_element()?;
                if seq.next_element::<IgnoredAny>()?.is_some() {
                    return Err(de::Error::invalid_length(4, &self));
                }
                Ok(RawOp { name, arg, options })
            }
        }
        deserializer.deserialize_seq(Sequence)
    }
}
