//! Places in somebody's source.

use crate::PlaceView;

/// `function (file:line)`, as far as it is known. No offsets: a model has none.
pub(super) fn source(place: &PlaceView) -> Option<String> {
    let function = place.function.as_deref().filter(|function| !function.is_empty());
    match (function, short_source(place)) {
        (Some(function), Some(file)) => Some(format!("{function} ({file})")),
        (Some(function), None) => Some(function.to_owned()),
        (None, file) => file,
    }
}

/// `file:line`, as far as it is known.
pub(super) fn short_source(place: &PlaceView) -> Option<String> {
    let file = place.file.as_deref().filter(|file| !file.is_empty())?;
    Some(match place.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    })
}
