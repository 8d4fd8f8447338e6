//! Random numbers that are the same on every machine.

/// A seeded generator (`SplitMix64`). Equal seeds give equal numbers, everywhere and for good: replay
/// strings and corpora rely on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // The high half of the product: no division, and a bias too small to matter (end / 2^64).
        ((u128::from(self.next_u64()) * end as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included; `low` if there is none.
    pub fn number(&mut self, low: i32, high: i32) -> i64 {
        let (low, high) = (i64::from(low), i64::from(high));
        let offset = self.below(usize::try_from(high - low + 1).unwrap_or(0));
        low.saturating_add_unsigned(offset as u64)
    }

    /// True in so many of 100 cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        assert!(!from.is_empty(), "engine bug: a random pick from nothing");
        &from[self.below(from.len())]
    }
}
