//! Texts of a caller in messages.

/// Longer texts are cut after so many characters.
const MAX_CHARS: usize = 120;

/// A caller's text as messages show it: control characters spelled out, cut where it gets too long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_CHARS {
            shown.push('…');
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}
