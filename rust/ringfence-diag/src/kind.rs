//! The kinds of lockdep reports.

use core::fmt;

use serde::Serialize;

/// What kind of report it is; the spelling is that of the recorded verdicts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockReportKind {
    /// A new dependency closes a circle of dependencies (`print_circular_bug()`).
    Circular,
    /// A lock class is taken while already held (`print_deadlock_bug()`).
    Recursive,
    /// A new dependency connects an irq-safe with an irq-unsafe class (`print_bad_irq_dependency()`).
    IrqDependency,
    /// One class is used both in irqs and with irqs on (`print_usage_bug()`).
    InconsistentUsage,
    /// A new usage connects an irq-safe with an irq-unsafe class (`print_irq_inversion_bug()`).
    IrqInversion,
    /// A lock that may sleep (or spin, on a real-time kernel) is taken where that is not allowed
    /// (`print_lock_invalid_wait_context()`).
    WaitContext,
    /// A lock is released that is not held (`print_unlock_imbalance_bug()`).
    UnlockImbalance,
    /// The lock said to serialise a nested acquisition is not held
    /// (`print_lock_nested_lock_not_held()`).
    NestLockNotHeld,
    /// The memory of a held lock is freed or initialised again (`print_freed_lock_bug()`).
    HeldLockFreed,
    /// A limit of the kernel's validator is reached (`BUG: MAX_LOCKDEP_… too low!`).
    LimitReached,
}

impl LockReportKind {
    /// All kinds, in the order of their rule codes.
    pub const ALL: [Self; 10] = [
        Self::Circular,
        Self::Recursive,
        Self::IrqDependency,
        Self::InconsistentUsage,
        Self::IrqInversion,
        Self::WaitContext,
        Self::UnlockImbalance,
        Self::NestLockNotHeld,
        Self::HeldLockFreed,
        Self::LimitReached,
    ];

    /// The spelling used in traces and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Circular => "circular",
            Self::Recursive => "recursive",
            Self::IrqDependency => "irq-dependency",
            Self::InconsistentUsage => "inconsistent-usage",
            Self::IrqInversion => "irq-inversion",
            Self::WaitContext => "wait-context",
            Self::UnlockImbalance => "unlock-imbalance",
            Self::NestLockNotHeld => "nest-lock-not-held",
            Self::HeldLockFreed => "held-lock-freed",
            Self::LimitReached => "limit-reached",
        }
    }

    /// The kind with this spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The stable code of the rule that is broken.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Circular => "RF601",
            Self::Recursive => "RF602",
            Self::IrqDependency => "RF603",
            Self::InconsistentUsage => "RF604",
            Self::IrqInversion => "RF605",
            Self::WaitContext => "RF606",
            Self::UnlockImbalance => "RF607",
            Self::NestLockNotHeld => "RF608",
            Self::HeldLockFreed => "RF609",
            Self::LimitReached => "RF612",
        }
    }
}

impl fmt::Display for LockReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
