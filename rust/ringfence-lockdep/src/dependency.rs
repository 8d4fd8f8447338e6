//! The four kinds of dependencies and the strong-path rule (`DEP_*_BIT` and `__bfs()` in
//! `kernel/locking/lockdep.c`; reasoning in `Documentation/locking/lockdep-design.rst`).
//!
//! A dependency `A -> B` has two ends. At the left, A was held exclusively (E) or shared (S). At the
//! right, B was taken by a recursive reader (R) or in a way that can block behind any holder (N). A
//! path is *strong*, that is it can really block, unless somewhere an R end meets an S start: a
//! recursive reader never waits for a reader.

use ringfence_base::Read;
use ringfence_diag::DependencyKind;

use crate::graph::Direction;

/// A set of kinds; one edge per pair of classes carries all that were seen.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Kinds(u8);

/// One kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kind {
    /// The left end is E.
    pub(crate) exclusive: bool,
    /// The right end is R.
    pub(crate) recursive: bool,
}

impl Kind {
    /// The kind of `prev -> next` (`calc_dep()`).
    #[inline]
    pub(crate) fn of(prev: Read, next: Read) -> Self {
        Self { exclusive: prev == Read::Exclusive, recursive: next == Read::Recursive }
    }

    pub(crate) const fn set(self) -> Kinds {
        Kinds(1 << ((self.exclusive as u8) | ((!self.recursive as u8) << 1)))
    }

    pub(crate) fn view(self) -> DependencyKind {
        match (self.exclusive, self.recursive) {
            (false, true) => DependencyKind::SR,
            (true, true) => DependencyKind::ER,
            (false, false) => DependencyKind::SN,
            (true, false) => DependencyKind::EN,
        }
    }
}

impl Kinds {
    const ER: Self = Self(2);
    const SN: Self = Self(4);
    const EN: Self = Self(8);
    const EXCLUSIVE: Self = Self(Self::ER.0 | Self::EN.0);
    const NON_RECURSIVE: Self = Self(Self::SN.0 | Self::EN.0);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn keep(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What may follow a step forwards. `weak`: the path so far ends only in R.
    #[inline]
    pub(crate) const fn after(self, weak: bool) -> Self {
        if weak { self.keep(Self::EXCLUSIVE) } else { self }
    }

    /// What may precede a step backwards. `weak`: the path so far starts only with S.
    #[inline]
    pub(crate) const fn before(self, weak: bool) -> Self {
        if weak { self.keep(Self::NON_RECURSIVE) } else { self }
    }

    /// No kind is left whose right end is N.
    #[inline]
    pub(crate) const fn ends_weak(self) -> bool {
        self.keep(Self::NON_RECURSIVE).is_empty()
    }

    /// No kind is left whose left end is E.
    #[inline]
    pub(crate) const fn starts_weak(self) -> bool {
        self.keep(Self::EXCLUSIVE).is_empty()
    }

    /// The kinds.
    pub(crate) fn iter(self) -> impl Iterator<Item = Kind> {
        [(true, false), (false, false), (true, true), (false, true)]
            .into_iter()
            .map(|(exclusive, recursive)| Kind { exclusive, recursive })
            .filter(move |kind| self.contains(kind.set()))
    }

    /// The kind that makes a path strong: an N end if a path that was searched forwards comes by here, an
    /// E start if it was searched backwards; and where that is settled, the stronger other end.
    pub(crate) fn strongest(self, direction: Direction) -> Kind {
        let strength = |kind: &Kind| match direction {
            Direction::Forwards => (!kind.recursive, kind.exclusive),
            Direction::Backwards => (kind.exclusive, !kind.recursive),
        };
        self.iter().max_by_key(strength).expect("engine bug: an edge without a kind")
    }
}
