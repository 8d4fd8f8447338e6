//! A part of a world that most scenarios have nothing in, and most steps nothing to do with.

use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::tracked::{Sealed, Sealer, Tracked, Uses};

/// Many tracked things at once: as long as nobody gets at any of them, none is asked for its marks, however many there
/// are.
#[derive(Default)]
pub(crate) struct Part<T> {
    value: T,
    /// Somebody has looked since [`Tracked::forget`]. Atomic for the same reason as the marks of reading.
    looked: AtomicBool,
    /// Somebody could have changed something since [`Tracked::reset`] or [`Tracked::seal`].
    changed: bool,
    /// Of all together.
    sealed: Sealed,
}

impl<T> Part<T> {
    /// For those whose look is no step's: nothing inside may mark anything either.
    #[inline]
    pub(crate) fn unmarked(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.looked.store(true, Ordering::Relaxed);
        &self.value
    }
}

impl<T> DerefMut for Part<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        *self.looked.get_mut() = true;
        self.changed = true;
        &mut self.value
    }
}

impl<T: Tracked> Tracked for Part<T> {
    const RESOURCES: u32 = T::RESOURCES;
    const SEALS: u64 = T::SEALS;

    #[inline]
    fn collect(&self, uses: &mut Uses<'_>) {
        if self.looked.load(Ordering::Relaxed) {
            self.value.collect(uses);
        } else {
            uses.take(Self::RESOURCES);
        }
    }

    #[inline]
    fn forget(&mut self) {
        if std::mem::replace(self.looked.get_mut(), false) {
            self.value.forget();
        }
    }

    #[inline]
    fn reset(&mut self, source: &Self) {
        if std::mem::replace(&mut self.changed, false) {
            self.value.reset(&source.value);
        }
    }

    #[inline]
    fn seal(&mut self, sealer: &mut Sealer) {
        if self.changed || self.sealed.is_none() {
            self.value.seal(sealer);
            self.sealed.restamp(sealer);
            self.changed = false;
        } else {
            sealer.skip(Self::SEALS);
        }
    }

    #[inline]
    fn adopt(&mut self, source: &Self) {
        if self.changed || !self.sealed.is(source.sealed) {
            self.value.adopt(&source.value);
            self.sealed = source.sealed;
            self.changed = false;
        }
    }
}

impl<T: Clone> Clone for Part<T> {
    fn clone(&self) -> Self {
        let looked = AtomicBool::new(self.looked.load(Ordering::Relaxed));
        Self { value: self.value.clone(), looked, changed: self.changed, sealed: self.sealed }
    }

    fn clone_from(&mut self, source: &Self) {
        self.value.clone_from(&source.value);
        *self.looked.get_mut() = true;
        self.changed = true;
    }
}

impl<T: PartialEq> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Part<T> {}

impl<T: Hash> Hash for Part<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.value.fmt(f)
    }
}
