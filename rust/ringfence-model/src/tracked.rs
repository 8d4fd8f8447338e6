//! What a step touches of what contexts share, and what has changed since: kept by the state itself.
//!
//! Every part of a world that contexts share is a [`Shared`] value or a [`SharedList`]. Looking at it marks it as read,
//! getting at it mutably as written, so that nothing a step does can be missed. A mark may say too much (a mutable
//! borrow that changes nothing is a write), never too little. Equality, hashes and clones ignore the marks.
//!
//! Three things are kept: what was read and what was written since [`Tracked::forget`], for footprints; and what
//! was changed since [`Tracked::reset`], so that going back copies only that.
//!
//! The marks of reading are atomic because a plan, which many executions share, holds a world. They are stored
//! relaxed, and never with a read-modify-write: on a world that several threads only look at, nobody asks for them.

use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU8, Ordering};

use ringfence_base::{Access, Footprint, Use};

/// A part of a world that knows what was done with it.
pub(crate) trait Tracked {
    /// Adds what was read and written since [`Tracked::forget`].
    fn collect(&self, uses: &mut Uses<'_>);

    /// From here on, what is read and written counts.
    fn forget(&mut self);

    /// Makes this the same as `source`, which it was made of, or reset to, before it was changed.
    fn reset(&mut self, source: &Self);
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

const READ: u8 = 1;
const WRITTEN: u8 = 1 << 1;
const CHANGED: u8 = 1 << 2;

/// A value that contexts share: one resource.
#[derive(Default)]
pub(crate) struct Shared<T> {
    value: T,
    marks: AtomicU8,
}

impl<T> Shared<T> {
    /// The value, for those whose look is no step's: nothing is marked.
    #[inline]
    pub(crate) fn unmarked(&self) -> &T {
        &self.value
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

impl<T: Clone> Tracked for Shared<T> {
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
}

impl<T: Clone> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), marks: AtomicU8::new(CHANGED) }
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
        }
    };
}
pub(crate) use tracked;
