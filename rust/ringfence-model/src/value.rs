//! Values that programs handle at run time.

use ringfence_base::ObjectRef;
use ringfence_base::scenario::Kind;

/// NULL, a number, or a reference to an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Value {
    /// NULL, or nothing.
    #[default]
    Null,
    /// A number.
    Int(i64),
    /// An object: its kind, and its index in the world's arena of that kind.
    Object(Kind, u32),
}

impl Value {
    /// A truth value.
    pub const fn bool(value: bool) -> Self {
        Self::Int(value as i64)
    }

    /// A negative errno.
    pub const fn errno(errno: i64) -> Self {
        Self::Int(-errno)
    }

    /// A fence.
    pub const fn fence(index: u32) -> Self {
        Self::Object(Kind::Fence, index)
    }

    /// Nonzero or not NULL.
    pub const fn is_true(self) -> bool {
        !matches!(self, Self::Null | Self::Int(0))
    }

    /// The number; NULL is 0.
    ///
    /// # Panics
    /// On an object: [`Scenario::validate`](ringfence_base::scenario::Scenario::validate) lets none through.
    pub fn int(self) -> i64 {
        match self {
            Self::Null => 0,
            Self::Int(value) => value,
            Self::Object(..) => panic!("engine bug: an object where a number was checked for"),
        }
    }

    /// The object's index, or `None` for NULL.
    ///
    /// # Panics
    /// On a number other than 0.
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Null | Self::Int(0) => None,
            Self::Object(_, index) => Some(index),
            Self::Int(_) => panic!("engine bug: a number where an object was checked for"),
        }
    }

    /// The object.
    pub fn object(self) -> Option<ObjectRef> {
        match self {
            Self::Object(kind, index) => Some(ObjectRef { kind, index }),
            _ => None,
        }
    }
}
