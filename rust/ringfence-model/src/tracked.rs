//! What a step touches of what contexts share, and what has changed since: kept by the state itself.
//!
//! Every part of a world that contexts share is a [`Shared`] value or a [`SharedList`]. Looking at it marks it as read,
//! getting at it mutably as written, so that nothing a step does can be missed. A mark may say too much (a mutable
//! borrow that changes nothing is a write), never too little. Equality, hashes and clones ignore the marks.
//!
//! Three things are kept: what was read and what was written since [`Tracked::forget`], for footprints; and what
//! was changed since [`Tracked::reset`], so that going back copies only that. Searches that keep states seal them
//! ([`Tracked::seal`]): parts with the same stamp are the same, and need not be copied; and the fingerprint of a world
//! is the sum of those of its parts, so that only what has changed is hashed.
//!
//! The marks of reading are atomic because a plan, which many executions share, holds a world. They are stored
//! relaxed, and never with a read-modify-write: on a world that several threads only look at, nobody asks for them.

use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU8, Ordering};

use ringfence_base::{Access, Footprint, Use};
use rustc_hash::FxHasher;

/// A part of a world that knows what was done with it.
pub(crate) trait Tracked {
    /// How many resources it is.
    const RESOURCES: u32;

    /// How many things it seals.
    const SEALS: u64;

    /// Adds what was read and written since [`Tracked::forget`].
    fn collect(&self, uses: &mut Uses<'_>);

    /// From here on, what is read and written counts.
    fn forget(&mut self);

    /// Makes this the same as `source`, which it was made of, or reset to, before it was changed.
    fn reset(&mut self, source: &Self);

    /// What has changed since it was sealed last gets a new stamp, and counts in the fingerprint.
    fn seal(&mut self, sealer: &mut Sealer);

    /// Makes this the same as `source`, which is sealed: what has the same stamp is the same already.
    fn adopt(&mut self, source: &Self);
}

/// Numbers the resources in the order of the parts, and gathers their uses.
#[derive(Debug)]
pub(crate) struct Uses<'a> {
    footprint: &'a mut Footprint,
    next: u32,
}

impl<'a> Uses<'a> {
    /// The first resource gets the number `first`.
    pub(crate) fn new(footprint: &'a mut Footprint, first: u32) -> Self {
        Self { footprint, next: first }
    }

    /// So many numbers, from the returned one on.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u32 {
        let first = self.next;
        self.next += count;
        first
    }

    /// One use; each resource once.
    #[inline]
    pub(crate) fn add(&mut self, resource: u32, access: Access) {
        self.footprint.uses.push(Use { resource, access });
    }
}

/// Two things with the same stamp are the same, if the same sealer has sealed them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sealed {
    /// 0: never sealed.
    stamp: u64,
    print: u64,
}

impl Sealed {
    /// It was never sealed.
    pub(crate) fn is_none(self) -> bool {
        self.stamp == 0
    }

    /// They are the same.
    #[inline]
    pub(crate) fn is(self, other: Self) -> bool {
        self.stamp == other.stamp
    }

    /// It is another one, with the same fingerprint.
    pub(crate) fn restamp(&mut self, sealer: &mut Sealer) {
        self.stamp = sealer.stamp();
    }
}

/// Hands out stamps, and keeps the fingerprint of everything it has sealed.
#[derive(Clone, Debug, Default)]
pub struct Sealer {
    stamp: u64,
    print: u64,
    part: u64,
}

impl Sealer {
    /// A number that follows from what has been sealed, wherever and however it came about.
    pub fn print(&self) -> u64 {
        self.print
    }

    /// The state is one that was saved with this fingerprint.
    pub fn adopt(&mut self, print: u64) {
        self.print = print;
    }

    /// The parts are sealed one after the other, from the first on.
    pub(crate) fn begin(&mut self) {
        self.part = 0;
    }

    /// So many things are as they were.
    #[inline]
    pub(crate) fn skip(&mut self, things: u64) {
        self.part += things;
    }

    /// The next part.
    #[inline]
    pub(crate) fn part(&mut self) -> u64 {
        self.part += 1;
        self.part << 32
    }

    pub(crate) fn stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// `what` has changed, at this place of this part.
    #[inline]
    pub(crate) fn seal(&mut self, sealed: &mut Sealed, place: u64, what: &impl Hash) {
        let mut hasher = FxHasher::default();
        what.hash(&mut hasher);
        let print = mix(hasher.finish() ^ mix(place));
        self.print = self.print.wrapping_sub(sealed.print).wrapping_add(print);
        *sealed = Sealed { stamp: self.stamp(), print };
    }

    /// `sealed` is gone.
    pub(crate) fn forget(&mut self, sealed: Sealed) {
        self.print = self.print.wrapping_sub(sealed.print);
    }
}

/// Every bit of the result depends on every bit of `word` (the finaliser of `SplitMix64`).
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const READ: u8 = 1;
const WRITTEN: u8 = 1 << 1;
const CHANGED: u8 = 1 << 2;

/// A value that contexts share: one resource.
#[derive(Default)]
pub(crate) struct Shared<T> {
    value: T,
    marks: AtomicU8,
    sealed: Sealed,
}

impl<T> Shared<T> {
    /// The value, for those whose look is no step's: nothing is marked.
    #[inline]
    pub(crate) fn unmarked(&self) -> &T {
        &self.value
    }

    /// Something has changed since [`Tracked::reset`] or [`Tracked::seal`].
    #[inline]
    pub(crate) fn is_changed(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & CHANGED != 0
    }

    /// It is what it was at the start again.
    #[inline]
    pub(crate) fn is_reset(&mut self) {
        *self.marks.get_mut() = 0;
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.marks.store(self.marks.load(Ordering::Relaxed) | READ, Ordering::Relaxed);
        &self.value
    }
}

impl<T> DerefMut for Shared<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        *self.marks.get_mut() |= WRITTEN | CHANGED;
        &mut self.value
    }
}

impl<T: Clone + Hash> Tracked for Shared<T> {
    const RESOURCES: u32 = 1;
    const SEALS: u64 = 1;

    #[inline]
    fn collect(&self, uses: &mut Uses<'_>) {
        let resource = uses.take(1);
        let marks = self.marks.load(Ordering::Relaxed);
        if marks & WRITTEN != 0 {
            uses.add(resource, Access::Write);
        } else if marks & READ != 0 {
            uses.add(resource, Access::Read);
        }
    }

    #[inline]
    fn forget(&mut self) {
        *self.marks.get_mut() &= CHANGED;
    }

    #[inline]
    fn reset(&mut self, source: &Self) {
        if *self.marks.get_mut() & CHANGED != 0 {
            self.value.clone_from(&source.value);
        }
        *self.marks.get_mut() = 0;
    }

    #[inline]
    fn seal(&mut self, sealer: &mut Sealer) {
        let place = sealer.part();
        if *self.marks.get_mut() & CHANGED != 0 || self.sealed.stamp == 0 {
            sealer.seal(&mut self.sealed, place, &self.value);
            *self.marks.get_mut() &= !CHANGED;
        }
    }

    #[inline]
    fn adopt(&mut self, source: &Self) {
        if *self.marks.get_mut() & CHANGED != 0 || self.sealed.stamp != source.sealed.stamp {
            self.value.clone_from(&source.value);
            self.sealed = source.sealed;
            *self.marks.get_mut() &= !CHANGED;
        }
    }
}

impl<T: Clone> Clone for Shared<T> {
    fn clone(&self) -> Self {
        let marks = AtomicU8::new(self.marks.load(Ordering::Relaxed) & CHANGED);
        Self { value: self.value.clone(), marks, sealed: self.sealed }
    }

    fn clone_from(&mut self, source: &Self) {
        self.value.clone_from(&source.value);
        *self.marks.get_mut() |= CHANGED;
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.value.fmt(f)
    }
}

/// A structure all of whose fields are [`Tracked`]: so is it, and clones of it keep the memory that is there.
macro_rules! tracked {
    ($(#[$attr:meta])* $vis:vis struct $name:ident {
        $($(#[$doc:meta])* $field_vis:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$attr])*
        #[derive(PartialEq, Eq, Hash, Debug, Default)]
        $vis struct $name { $($(#[$doc])* $field_vis $field: $type,)* }

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* }
            }

            fn clone_from(&mut self, source: &Self) {
                $(self.$field.clone_from(&source.$field);)*
            }
        }

        impl $crate::tracked::Tracked for $name {
            const RESOURCES: u32 = 0 $(+ <$type as $crate::tracked::Tracked>::RESOURCES)*;
            const SEALS: u64 = 0 $(+ <$type as $crate::tracked::Tracked>::SEALS)*;

            #[inline]
            fn collect(&self, uses: &mut $crate::tracked::Uses<'_>) {
                $($crate::tracked::Tracked::collect(&self.$field, uses);)*
            }

            #[inline]
            fn forget(&mut self) {
                $($crate::tracked::Tracked::forget(&mut self.$field);)*
            }

            #[inline]
            fn reset(&mut self, source: &Self) {
                $($crate::tracked::Tracked::reset(&mut self.$field, &source.$field);)*
            }

            #[inline]
            fn seal(&mut self, sealer: &mut $crate::tracked::Sealer) {
                $($crate::tracked::Tracked::seal(&mut self.$field, sealer);)*
            }

            #[inline]
            fn adopt(&mut self, source: &Self) {
                $($crate::tracked::Tracked::adopt(&mut self.$field, &source.$field);)*
            }
        }
    };
}
pub(crate) use tracked;
