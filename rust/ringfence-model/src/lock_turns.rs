//! How steps use locks that are only ever taken exclusively: partial order reduction knows more of them than that they
//! are read and written.

use core::hash::{Hash, Hasher};

use ringfence_base::Access;

use crate::tracked::{Tracked, Uses};
use crate::tracked_list::SharedList;

/// What is done with a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It was free, nobody waited for it, and is taken.
    Takes,
    /// It is given back, and nobody waits for it.
    GivesBack,
    /// It is held by somebody, and is waited for.
    Waits,
}

/// What the step has done with each lock; the locks that have no resource of their own share the last bit. It is no
/// part of the state.
#[derive(Debug)]
pub(crate) struct Turns<const WORDS: usize> {
    turns: [[u64; WORDS]; 3],
}

impl<const WORDS: usize> Default for Turns<WORDS> {
    fn default() -> Self {
        Self { turns: [[0; WORDS]; 3] }
    }
}

impl<const WORDS: usize> PartialEq for Turns<WORDS> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<const WORDS: usize> Eq for Turns<WORDS> {}

impl<const WORDS: usize> Hash for Turns<WORDS> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl<const WORDS: usize> Turns<WORDS> {
    const REST: usize = 64 * WORDS - 1;

    #[inline]
    pub(crate) fn note(&mut self, lock: usize, turn: Turn) {
        let resource = lock.min(Self::REST);
        self.turns[turn as usize][resource / 64] |= 1 << (resource % 64);
    }

    #[inline]
    pub(crate) fn forget(&mut self) {
        self.turns = [[0; WORDS]; 3];
    }

    /// The uses of the locks: a lock with which more than one thing was done in the same step counts as written.
    pub(crate) fn collect<T: Clone + Hash>(&self, locks: &SharedList<T, WORDS>, uses: &mut Uses<'_>) {
        let first = uses.take(<SharedList<T, WORDS> as Tracked>::RESOURCES);
        for word in 0..WORDS {
            let (read, written) = locks.used(word);
            let [takes, gives, waits] = [0, 1, 2].map(|turn| self.turns[turn][word]);
            let mut bits = read | written | takes | gives | waits;
            while bits != 0 {
                let bit = bits & bits.wrapping_neg();
                bits &= bits - 1;
                let resource = word * 64 + bit.trailing_zeros() as usize;
                let of = |mask: u64| mask & bit != 0;
                let marked = of(read | written);
                let access = match (of(takes), of(gives), of(waits)) {
                    (false, false, false) if !of(written) => Access::Read,
                    _ if marked || resource == Self::REST => Access::Write,
                    (true, false, false) => Access::Acquire,
                    (false, true, false) => Access::Release,
                    (false, false, true) => Access::Wait,
                    _ => Access::Write,
                };
                uses.add(first + resource as u32, access);
            }
        }
    }
}
