//! Which character of a replay string is wrong, where it is only one.

use super::text::{ALPHABET, decode};

/// Longer strings are not searched: it would take too long, and nobody types them.
const SEARCHED: usize = 200;

/// A character that is not what it was.
pub(super) struct Wrong {
    /// 0-based, in characters.
    pub(super) index: usize,
    /// What it is.
    pub(super) found: char,
    /// What it must have been, if that can be told.
    pub(super) instead: Option<char>,
}

/// A character that no replay string has; else the only one that has to be another for everything to be right.
pub(super) fn wrong_character(letters: &str) -> Option<Wrong> {
    let characters: Vec<char> = letters.chars().collect();
    let foreign = characters.iter().position(|character| !ALPHABET.contains(*character));
    if characters.len() > SEARCHED {
        return foreign.map(|index| Wrong { index, found: characters[index], instead: None });
    }
    let candidates = match foreign {
        Some(index) => index..index + 1,
        None => 0..characters.len(),
    };
    let mut right = candidates.flat_map(|index| {
        let characters = &characters;
        ALPHABET
            .chars()
            .filter(move |&other| is_right(characters, index, other))
            .map(move |other| (index, other))
    });
    match (right.next(), right.next(), foreign) {
        (Some((index, other)), None, _) => {
            Some(Wrong { index, found: characters[index], instead: Some(other) })
        }
        (_, _, Some(index)) => Some(Wrong { index, found: characters[index], instead: None }),
        _ => None,
    }
}

/// With this character at this place there is nothing wrong.
fn is_right(characters: &[char], index: usize, other: char) -> bool {
    let repaired: String =
        characters.iter().enumerate().map(|(at, &known)| if at == index { other } else { known }).collect();
    decode(&repaired).is_ok()
}
