//! Short numbers that stand for long texts: the same in every process, on every machine and for good.

use core::fmt;
use core::hash::Hasher as _;

use fnv::FnvHasher;

/// 24 bits that equal texts share, and different texts, but for one in 16 million pairs, do not: FNV-1a of 64 bits
/// (Fowler, Noll, Vo), folded as its authors fold it. No protection against malice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digest(u32);

impl Digest {
    /// How many bits it has.
    pub const BITS: u32 = 24;

    /// The digest of a text.
    pub fn of(text: &str) -> Self {
        let mut digester = Digester::default();
        digester.update(text.as_bytes());
        digester.finish()
    }

    /// As a number below 2^24.
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Out of the lowest 24 bits of a number.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }
}

/// Makes a digest of a text that comes in pieces.
#[derive(Default)]
pub struct Digester(FnvHasher);

impl Digester {
    /// The next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Of everything so far.
    pub fn finish(&self) -> Digest {
        let whole = self.0.finish();
        let folded = whole ^ (whole >> Digest::BITS) ^ (whole >> (2 * Digest::BITS));
        Digest::from_bits(folded as u32)
    }
}

impl fmt::Write for Digester {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.update(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digester({:06x})", self.finish().0)
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write as _;

    use super::{Digest, Digester};

    /// FNV-1a of "" and "foobar", from the authors' test vectors (cbf29ce484222325, 85944171f73967e8), folded by hand.
    #[test]
    fn it_is_what_its_authors_say() {
        let folded = |whole: u64| ((whole ^ (whole >> 24) ^ (whole >> 48)) & 0xff_ffff) as u32;
        assert_eq!(Digest::of("").to_bits(), folded(0xcbf2_9ce4_8422_2325));
        assert_eq!(Digest::of("foobar").to_bits(), folded(0x8594_4171_f739_67e8));
    }

    #[test]
    fn pieces_make_the_whole() {
        let mut digester = Digester::default();
        let end = "bar";
        write!(digester, "foo{end}").expect("it takes everything");
        assert_eq!(digester.finish(), Digest::of("foobar"));
        assert_eq!(Digest::from_bits(u32::MAX).to_bits(), 0xff_ffff);
    }
}
