//! A report in the validator's own terms, before it is put into words.

use ringfence_base::{ClassId, LockId, Origin, TaskId};
use ringfence_diag::{IrqState, LockFinding, LockReportKind, Silence};

use crate::held::HeldLock;
use crate::search::PathStep;
use crate::usage::UsageBit;

/// A path from a root outwards, by the direction it was searched in.
pub(crate) type Path = Vec<PathStep>;

/// What the kinds of reports have besides the lock.
#[derive(Clone, Debug)]
pub(crate) enum Detail {
    /// `path` leads from the new lock's class to the class of `prev`.
    Circular {
        prev: HeldLock,
        path: Path,
    },
    Recursive {
        prev: HeldLock,
    },
    /// `before` leads backwards from `prev` to the safe class, `after` forwards from the new lock to the
    /// unsafe one.
    IrqDependency {
        prev: HeldLock,
        before: Path,
        after: Path,
        safe: UsageBit,
        unsafe_: UsageBit,
    },
    InconsistentUsage {
        old: UsageBit,
        new: UsageBit,
    },
    /// `path` leads from the lock's class to `other`, which has usage `bit`.
    IrqInversion {
        path: Path,
        other: ClassId,
        bit: UsageBit,
        new: UsageBit,
        forwards: bool,
    },
    WaitContext,
    UnlockImbalance,
    NestLockNotHeld {
        nest: LockId,
    },
    HeldLockFreed,
    LimitReached(Limit),
}

/// A limit of the kernel's validator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    Keys,
    Entries,
    Chains,
    Depth,
    Subclasses,
}

impl Limit {
    /// The kernel's name for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "MAX_LOCKDEP_KEYS",
            Self::Entries => "MAX_LOCKDEP_ENTRIES",
            Self::Chains => "MAX_LOCKDEP_CHAINS",
            Self::Depth => "MAX_LOCK_DEPTH",
            Self::Subclasses => "MAX_LOCKDEP_SUBCLASSES",
        }
    }
}

impl Detail {
    pub(crate) fn kind(&self) -> LockReportKind {
        match self {
            Self::Circular { .. } => LockReportKind::Circular,
            Self::Recursive { .. } => LockReportKind::Recursive,
            Self::IrqDependency { .. } => LockReportKind::IrqDependency,
            Self::InconsistentUsage { .. } => LockReportKind::InconsistentUsage,
            Self::IrqInversion { .. } => LockReportKind::IrqInversion,
            Self::WaitContext => LockReportKind::WaitContext,
            Self::UnlockImbalance => LockReportKind::UnlockImbalance,
            Self::NestLockNotHeld { .. } => LockReportKind::NestLockNotHeld,
            Self::HeldLockFreed => LockReportKind::HeldLockFreed,
            Self::LimitReached(_) => LockReportKind::LimitReached,
        }
    }

    /// What makes two reports about the same class the same problem.
    pub(crate) fn key(&self, lock: &HeldLock) -> (LockReportKind, u32, u32, u32) {
        let (a, b) = match self {
            Self::Circular { prev, .. } | Self::Recursive { prev } => (prev.class.raw(), 0),
            Self::IrqDependency { prev, safe, unsafe_, .. } => {
                (prev.class.raw(), u32::from(safe.number()) << 8 | u32::from(unsafe_.number()))
            }
            Self::InconsistentUsage { old, new } => (u32::from(old.number()), u32::from(new.number())),
            Self::IrqInversion { other, bit, new, .. } => {
                (other.raw(), u32::from(bit.number()) << 8 | u32::from(new.number()))
            }
            Self::NestLockNotHeld { nest } => (nest.raw(), 0),
            Self::UnlockImbalance | Self::HeldLockFreed => (lock.lock.raw(), 0),
            Self::WaitContext => (0, 0),
            Self::LimitReached(limit) => return (self.kind(), *limit as u32, 0, 0),
        };
        (self.kind(), lock.class.raw(), a, b)
    }
}

/// The bare verdict on a trace: what the kernel's recordings hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// 0-based index of the operation that was reported.
    pub at: u64,
    /// What kind of report it was.
    pub kind: LockReportKind,
    /// For circular reports: recorded dependencies on the shortest path from the new lock to the held one.
    pub cycle: Option<usize>,
}

/// One distinct problem, as the validator keeps it.
pub(crate) struct Problem {
    pub(crate) detail: Detail,
    pub(crate) origin: Origin,
    pub(crate) task: TaskId,
    pub(crate) lock: HeldLock,
    pub(crate) irq: IrqState,
    pub(crate) wait_context: u8,
    pub(crate) silence: Option<Silence>,
    pub(crate) count: u64,
    /// In words; put there at once when the validator goes on, because its state changes.
    pub(crate) finding: Option<Box<LockFinding>>,
}

impl Problem {
    pub(crate) fn verdict(&self) -> Verdict {
        let cycle = match &self.detail {
            Detail::Circular { path, .. } => Some(path.len()),
            _ => None,
        };
        Verdict { at: self.origin.op, kind: self.detail.kind(), cycle }
    }
}
