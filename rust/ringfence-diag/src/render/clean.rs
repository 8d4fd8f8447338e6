//! Names come from the caller; a report must not become a terminal's escape sequence by accident.

use std::borrow::Cow;

/// The name with its control characters spelled out (`\u{1b}`).
pub(super) fn clean(name: &str) -> Cow<'_, str> {
    if !name.chars().any(char::is_control) {
        return Cow::Borrowed(name);
    }
    let spelled = |c: char| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(name.chars().map(spelled).collect())
}
