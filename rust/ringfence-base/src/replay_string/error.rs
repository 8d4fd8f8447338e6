//! What is wrong with a text that should be a replay string.

use thiserror::Error;

/// A text is no replay string, or not any more.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NotAReplayString {
    /// It does not look like one.
    #[error(
        "`{0}` is no replay string; expected `rf1:` and letters and digits behind it, as a report ends with"
    )]
    Other(String),
    /// Its beginning was lost.
    #[error("the replay string has lost its beginning; it is rf1:{0}")]
    NoPrefix(String),
    /// Another form.
    #[error(
        "the replay string is of version {0} of the form, and this ringfence knows version 1 only; replay it with the \
         ringfence that made it"
    )]
    OtherForm(String),
    /// A character that no replay string has, or one that is not what it was.
    #[error("character {position} of the replay string, `{found}`, is wrong{}", right(*instead))]
    Character {
        /// 1-based, with `rf1:`.
        position: usize,
        /// The character.
        found: char,
        /// What it must have been, if that can be told.
        instead: Option<char>,
    },
    /// Characters are missing.
    #[error(
        "the replay string is cut off: behind `…{end}` characters are missing; copy it whole, or run the check again"
    )]
    CutOff {
        /// Its last characters.
        end: String,
    },
    /// There are characters behind its end.
    #[error("the replay string goes on behind its end, `…{end}`; copy nothing else with it")]
    TooLong {
        /// Its last characters.
        end: String,
    },
    /// The checksum says so.
    #[error("the replay string is damaged: its checksum is wrong; copy it again, or run the check again")]
    Damaged,
    /// It is whole, and makes no sense.
    #[error(
        "the replay string is whole, but this ringfence can't make sense of it; replay it with the ringfence that made \
         it"
    )]
    Senseless,
}

fn right(instead: Option<char>) -> String {
    instead.map_or_else(
        || "; a replay string has digits and small letters other than i, l, o and u".to_owned(),
        |right| format!("; it was `{right}`"),
    )
}
