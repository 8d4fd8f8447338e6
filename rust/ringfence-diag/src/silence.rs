//! Why the kernel's own validator would not have reported a finding.

use core::fmt;

use serde::Serialize;

/// The shortcut of Linux lockdep that hides a real problem from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The same sequence of classes was seen before with other flags, so its dependencies were
    /// never looked at (`lookup_chain_cache_add()`: the key has no trylock, check or nest lock).
    ChainCache,
    /// The breadth-first search marks a class visited before it drops a weak edge into it, so a
    /// strong edge that comes later is passed over (`__bfs()`, steps 1 and 2).
    VisitedBeforeFilter,
    /// Only the nearest blocking lock gets a dependency, and the path through that lock is not
    /// strong (`check_prevs_add()`).
    NearestLockOnly,
}

impl Silence {
    /// One sentence for people.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::ChainCache => {
                "lockdep would have stayed silent: its chain cache had seen this sequence of classes \
                 before with another trylock, check or nest lock and does not look again"
            }
            Self::VisitedBeforeFilter => {
                "lockdep would have stayed silent: its search marks a class as visited before it drops \
                 a weak (recursive reader, then reader) edge, and so never follows the strong one"
            }
            Self::NearestLockOnly => {
                "lockdep would have stayed silent: it records only the dependency on the nearest held \
                 lock, and the way through that lock is not a strong path"
            }
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChainCache => "chain-cache",
            Self::VisitedBeforeFilter => "visited-before-filter",
            Self::NearestLockOnly => "nearest-lock-only",
        })
    }
}
