//! Recorded traces as data: one JSON line is one trace, with the verdict of whoever recorded it.

mod check;
mod locks;
mod parse;
mod raw;
mod replay;

use ringfence_diag::LockReportKind;

use crate::annotations::{Gfp, LockKind, Scope};

pub use parse::{TraceError, parse};
pub use replay::{Replay, ReplayError};

/// Index into [`Trace::locks`].
pub type LockIndex = u32;

/// A trace: locks, operations, and what its recorder answered.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// Its name, unique in its file.
    pub id: String,
    /// What sort of trace it is, or empty.
    pub family: String,
    /// The locks that its operations name, each once.
    pub locks: Vec<LockDecl>,
    /// Names of the classes of the locks.
    pub classes: Vec<String>,
    /// The numbers of its tasks in order of appearance; task 0 comes first.
    pub tasks: Vec<u64>,
    /// What happens, in order. Task 0 runs first.
    pub ops: Vec<Op>,
    /// The recorded verdict, if there is one.
    pub expected: Option<Expected>,
}

/// A lock of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockDecl {
    /// Its name in the trace.
    pub name: String,
    /// Index into [`Trace::classes`].
    pub class: u32,
    /// How it is initialised.
    pub kind: LockKind,
}

/// A recorded verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Nothing was reported.
    Clean,
    /// The first report.
    Report {
        /// 0-based index of the operation.
        at: u64,
        /// What was reported.
        kind: ExpectedKind,
        /// For circular reports: dependencies on the shortest path.
        cycle: Option<usize>,
    },
}

/// What was reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedKind {
    /// By lockdep.
    Lockdep(LockReportKind),
    /// By a `ww_mutex` debug check outside lockdep: not for the validator, which must stay silent.
    WwApi,
}

/// Arguments of an acquisition in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcquireOp {
    /// Which lock.
    pub lock: LockIndex,
    /// Nesting level.
    pub subclass: u32,
    /// A trylock that succeeded.
    pub trylock: bool,
    /// 0 exclusive, 1 shared, 2 recursive reader.
    pub read: ringfence_base::Read,
    /// False: tracked, not proven.
    pub check: bool,
    /// The lock that serialises the nesting.
    pub nest: Option<LockIndex>,
}

/// One operation of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// What follows runs on this task: an index into [`Trace::tasks`].
    Task(u32),
    /// `lock_acquire()`.
    Acquire(AcquireOp),
    /// `lock_release()`.
    Release(LockIndex),
    /// `lock_sync()`.
    Sync(AcquireOp),
    /// `lock_downgrade()`.
    Downgrade(LockIndex),
    /// The lock's memory is freed or initialised again.
    Free(LockIndex),
    /// `local_irq_disable()`.
    IrqOff,
    /// `local_irq_enable()`.
    IrqOn,
    /// `local_bh_disable()`.
    BhDisable,
    /// `local_bh_enable()`.
    BhEnable,
    /// A hard irq arrives.
    HardirqEnter {
        /// Its handler would be forced into a thread.
        threaded: bool,
    },
    /// The hard irq returns.
    HardirqExit,
    /// Soft irqs are served.
    SoftirqEnter,
    /// Serving soft irqs ends.
    SoftirqExit,
    /// An allocation.
    Alloc(Gfp),
    /// Reclaim begins.
    FsReclaimAcquire(Gfp),
    /// Reclaim ends.
    FsReclaimRelease(Gfp),
    /// A task scope begins.
    ScopeSave(Scope),
    /// A task scope ends.
    ScopeRestore(Scope),
    /// `dma_fence_begin_signalling()`.
    BeginSignalling,
    /// `dma_fence_end_signalling()` with the cookie of the matching begin.
    EndSignalling,
    /// `__dma_fence_might_wait()`.
    FenceMightWait,
    /// `mmu_notifier_invalidate_range_start()`.
    InvalidateRangeStart,
    /// `mmu_notifier_invalidate_range_end()`.
    InvalidateRangeEnd,
    /// The boot-time priming.
    Prime,
}
