//! What operations in recordings are written with: lists that begin with a name.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// The name, and what comes behind it.
pub(super) fn name_and_args(op: &Json) -> Option<(&str, &[Json])> {
    let (name, args) = op.as_array()?.split_first()?;
    Some((name.as_str()?, args))
}

pub(super) fn index(value: &Json) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("expected a number from 0 on, not {value}"))
}

pub(super) fn number(value: &Json) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| format!("expected a number, not {value}"))
}

pub(super) fn options<T: DeserializeOwned>(value: &Json) -> Result<T, String> {
    if !value.is_object() {
        return Err(format!("expected named options, not {value}"));
    }
    T::deserialize(value).map_err(|error| error.to_string())
}
