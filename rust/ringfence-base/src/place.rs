//! Where something happened: compact while the engine runs, resolved in findings.

use crate::{SiteId, TaskId};

/// Where and when an operation happened, as the engine keeps it with every held lock, usage and
/// dependency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// 0-based index of the operation in its trace, or number of the call for a live validator.
    pub op: u64,
    /// The task that ran.
    pub task: TaskId,
    /// The place in the code, if the caller gave one.
    pub site: SiteId,
}

/// A position in somebody's source.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SourceLocation {
    /// Path as the caller gave it.
    pub file: String,
    /// 1-based line.
    pub line: u32,
    /// Enclosing function, or empty.
    pub function: String,
}

/// What a [`SiteId`] stands for.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// The source position, if the caller gave one.
    pub location: Option<SourceLocation>,
    /// The kernel function that did it on the caller's behalf, such as
    /// `fs_reclaim_acquire(GFP_NOFS)` or `dma_fence_begin_signalling()`.
    pub via: Option<String>,
}
