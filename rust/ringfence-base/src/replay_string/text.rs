//! Bytes as text, and back.

use core::fmt;
use core::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{DecodeKind, Encoding, Specification};

use super::layout::{BadBytes, BadFields, from_bytes, length, to_bytes};
use super::repair::{Wrong, wrong_character};
use super::{NotAReplayString, Recorded};

/// What a replay string begins with.
const PREFIX: &str = "rf1:";

/// Digits and small letters that are not taken for each other or for digits (Crockford's base 32).
pub(super) const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

static BASE32: LazyLock<Encoding> = LazyLock::new(|| encoding(true));

/// The same, for texts that are cut off within a byte.
static CUT: LazyLock<Encoding> = LazyLock::new(|| encoding(false));

fn encoding(check_trailing_bits: bool) -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    specification.check_trailing_bits = check_trailing_bits;
    specification.encoding().expect("engine bug: no base 32")
}

/// Characters of it that a message shows.
const SHOWN: usize = 8;

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(&BASE32.encode(&to_bytes(self)))
    }
}

impl Recorded {
    /// The text can only be meant as a replay string, right or wrong.
    pub fn is_meant_by(text: &str) -> bool {
        form(text.trim_start()).is_some()
    }
}

impl FromStr for Recorded {
    type Err = NotAReplayString;

    /// White space in it, as a mail program may have put there, says nothing.
    fn from_str(text: &str) -> Result<Self, NotAReplayString> {
        let text: String = text.split_whitespace().collect();
        match form(&text) {
            Some(("1", letters)) => read(letters),
            Some((other, _)) => Err(NotAReplayString::OtherForm(other.to_owned())),
            None if text == "rf1" => Err(NotAReplayString::CutOff { end: text }),
            None if decode(&text).is_ok() => Err(NotAReplayString::NoPrefix(text)),
            None => Err(NotAReplayString::Other(text.chars().take(60).collect())),
        }
    }
}

/// `rf1:…`: the version of the form, and what comes behind it.
fn form(text: &str) -> Option<(&str, &str)> {
    let (version, letters) = text.strip_prefix("rf")?.split_once(':')?;
    let digits =
        !version.is_empty() && version.len() < 10 && version.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some((version, letters))
}

/// What letters mean, if nothing is wrong with them.
pub(super) fn decode(letters: &str) -> Result<Recorded, BadBytes> {
    let bytes = BASE32.decode(letters.as_bytes()).map_err(|_| BadBytes::Checksum)?;
    from_bytes(&bytes)
}

/// The bytes of letters that may be cut off anywhere.
fn decode_roughly(letters: &str) -> Option<Vec<u8>> {
    match CUT.decode(letters.as_bytes()) {
        Ok(bytes) => Some(bytes),
        // No bytes give so many letters; one letter less is enough.
        Err(error) if error.kind == DecodeKind::Length => {
            CUT.decode(&letters.as_bytes()[..error.position]).ok()
        }
        Err(_) => None,
    }
}

fn read(letters: &str) -> Result<Recorded, NotAReplayString> {
    let error = match decode(letters) {
        Ok(recorded) => return Ok(recorded),
        Err(error) => error,
    };
    if let BadBytes::Fields(_) = error {
        return Err(NotAReplayString::Senseless);
    }
    if let Some(Wrong { index, found, instead }) = wrong_character(letters) {
        let position = PREFIX.len() + index + 1;
        return Err(NotAReplayString::Character { position, found, instead });
    }
    let end = letters.chars().skip(letters.chars().count().saturating_sub(SHOWN)).collect();
    Err(match decode_roughly(letters).map_or(Err(BadFields::Senseless), |bytes| length(&bytes)) {
        Err(BadFields::TooShort) => NotAReplayString::CutOff { end },
        Err(BadFields::TooLong) => NotAReplayString::TooLong { end },
        Ok(()) | Err(BadFields::Senseless) => NotAReplayString::Damaged,
    })
}
