//! Newtype indices. An id is dense: it indexes an arena of its owner and means nothing elsewhere.

use core::fmt;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id of the `index`-th element of its arena.
            ///
            /// # Panics
            /// If `index` does not fit into 32 bits: an arena that large is an engine bug.
            #[inline]
            pub fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("engine bug: more than 2^32 elements in one arena"))
            }

            /// The position in the arena.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The raw 32-bit value, for packing into keys.
            #[inline]
            pub const fn raw(self) -> u32 {
                self.0
            }

            /// The id with this raw value.
            #[inline]
            pub const fn from_raw(raw: u32) -> Self {
                Self(raw)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id_type!(
    /// A lock instance: what the kernel calls a `struct lockdep_map`.
    LockId
);
id_type!(
    /// A lock class: one per lock class key and subclass, the kernel's `struct lock_class`.
    ClassId
);
id_type!(
    /// A task: the kernel's `struct task_struct`.
    TaskId
);
id_type!(
    /// An interned place in the code (see [`Origin`](crate::Origin)).
    SiteId
);

id_type!(
    /// A declared object of a scenario.
    ObjectId
);
id_type!(
    /// A program of a scenario.
    ProgramId
);

impl SiteId {
    /// The place nobody told us.
    pub const UNKNOWN: Self = Self(0);
}
