//! How a validator works.

use ringfence_base::Limits;

/// Which searches decide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Search {
    /// Complete under the strong-path rule: finds every circle that can really block, also those that
    /// lockdep's shortcuts hide from it. The default.
    #[default]
    Exact,
    /// Equal to Linux 6.12, its chain cache and breadth-first marking included.
    Kernel,
}

/// What happens after a report.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AfterReport {
    /// Go on: each distinct problem once, with a count. The default.
    #[default]
    Continue,
    /// Stop, as the kernel does (`debug_locks_off()`).
    Stop,
}

/// Configuration of a [`Validator`](crate::Validator).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Which searches decide.
    pub search: Search,
    /// What happens after a report.
    pub after_report: AfterReport,
    /// `CONFIG_PROVE_RAW_LOCK_NESTING`: a spinlock may not be taken under a raw spinlock.
    pub raw_lock_nesting: bool,
    /// Upper bounds; none unless asked for.
    pub limits: Limits,
}

impl Default for Config {
    /// Exact, going on, with raw lock nesting and without limits.
    fn default() -> Self {
        Self {
            search: Search::Exact,
            after_report: AfterReport::Continue,
            raw_lock_nesting: true,
            limits: Limits::default(),
        }
    }
}
