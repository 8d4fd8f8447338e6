//! gfp masks.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use pyo3::prelude::*;
use pyo3::types::PyType;
use ringfence::validator::annotations::Gfp as Mask;

use crate::errors;

/// A gfp mask: what an allocation may do to get memory.
#[pyclass(frozen, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct Gfp {
    pub(crate) mask: Mask,
}

/// Every flag that Linux's reclaim looks at or that may be written.
const ALL: &str = "GFP_HIGHUSER|__GFP_RECLAIM|__GFP_HIGH|__GFP_NOLOCKDEP|__GFP_NOWARN|__GFP_NORETRY\
|__GFP_RETRY_MAYFAIL|__GFP_NOFAIL|__GFP_ZERO|__GFP_COMP|__GFP_MEMALLOC|__GFP_NOMEMALLOC|__GFP_ACCOUNT|__GFP_DMA\
|__GFP_DMA32";

fn all() -> Mask {
    Mask::parse(ALL).expect("engine bug: a gfp flag that it does not know itself")
}

fn union(a: Mask, b: Mask) -> Mask {
    // Masks are written out and read back without loss; an empty one is written as 0.
    match (a == Mask::default(), b == Mask::default()) {
        (true, _) => b,
        (_, true) => a,
        _ => Mask::parse(&format!("{a}|{b}")).expect("engine bug: a gfp mask that it can't read back"),
    }
}

#[pymethods]
impl Gfp {
    #[new]
    #[pyo3(signature = (mask, /))]
    fn new(mask: &str) -> PyResult<Self> {
        if mask.trim() == "0" {
            return Ok(Self { mask: Mask::default() });
        }
        Mask::parse(mask).map(|mask| Self { mask }).map_err(errors::gfp)
    }

    fn __or__(&self, other: &Self) -> Self {
        Self { mask: union(self.mask, other.mask) }
    }

    fn __and__(&self, other: &Self) -> Self {
        Self { mask: self.mask.without(all().without(other.mask)) }
    }

    fn __invert__(&self) -> Self {
        Self { mask: all().without(self.mask) }
    }

    fn __contains__(&self, other: &Self) -> bool {
        self.mask.contains(other.mask)
    }

    fn __bool__(&self) -> bool {
        self.mask != Mask::default()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.mask.hash(&mut hasher);
        hasher.finish()
    }

    fn __str__(&self) -> String {
        self.mask.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Gfp('{}')", self.mask)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().mask.to_string(),))
    }
}
