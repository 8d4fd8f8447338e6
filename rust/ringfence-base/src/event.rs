//! What a step did. The judges see nothing else of a run, besides the world itself.

use crate::scenario::Kind;
use crate::{AcquireFlags, Gfp, LockId, Origin};

/// A reference to a kernel object: its kind, and its index among those of its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectRef {
    /// What it is.
    pub kind: Kind,
    /// Index in the world's arena of that kind.
    pub index: u32,
}

/// A task scope that changes what its allocations may do (`include/linux/sched/mm.h`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// `memalloc_nofs_save()`: no file systems.
    Nofs,
    /// `memalloc_noio_save()`: no I/O, and hence no file systems.
    Noio,
    /// `memalloc_noreclaim_save()`: the task is reclaiming already.
    Memalloc,
}

/// How a fence came to be known to others, from which moment on they may wait for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Published {
    /// `dma_resv_add_fence()`.
    Resv,
    /// `fd_install()` of a `sync_file`.
    SyncFile,
    /// In a `drm_syncobj`.
    Syncobj,
    /// Otherwise.
    Otherwise,
}

/// What the scheduler, or a driver, does with a `drm_sched_job`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobEvent {
    /// `drm_sched_job_arm()`.
    Arm,
    /// `drm_sched_entity_push_job()`.
    Push,
    /// `run_job` is called.
    Run,
    /// `timedout_job` is called.
    TimedOut,
    /// It has returned.
    Handled,
    /// `cancel_job` is called.
    Cancel,
    /// `free_job` is called.
    Free,
}

/// What a GPU does, or what is done with it. Of work: its fence, if it has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum GpuEvent {
    /// Work is put on a ring.
    Emit(Option<u32>),
    /// An engine turns to it for the first time.
    Begin(Option<u32>),
    /// The engine leaves it for another ring's.
    Preempt(Option<u32>),
    /// It has accessed memory that is not mapped, and stops.
    Fault(Option<u32>),
    /// It will never end.
    Hang(Option<u32>),
    /// It is completed.
    Complete(Option<u32>),
    /// It was taken off its ring before it was completed.
    Lost(Option<u32>),
    /// A reset begins: the hardware stands still.
    ResetBegin,
    /// It is over, or was refused: 0, or a positive error number.
    ResetEnd(i32),
    /// An interrupt is lost: its line.
    IrqLost,
    /// The GPU is given up.
    Wedge,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventKind {
    /// `lock_acquire()`; comes before any wait for the lock.
    Acquire(LockId, AcquireFlags),
    /// `lock_release()`.
    Release(LockId),
    /// `lock_sync()`: checked like an acquisition, holds nothing.
    Sync(LockId, AcquireFlags),
    /// `lock_downgrade()`.
    Downgrade(LockId),
    /// The lock's memory is freed or initialised again.
    Free(LockId),
    /// Interrupts go off.
    IrqOff,
    /// Interrupts come on.
    IrqOn,
    /// Bottom halves go off.
    BhDisable,
    /// Bottom halves come on.
    BhEnable,
    /// A hard interrupt arrives on this task.
    HardirqEnter {
        /// The handler would run in a thread where that is forced.
        threaded: bool,
    },
    /// It returns.
    HardirqExit,
    /// Soft interrupts are served on this task.
    SoftirqEnter,
    /// Serving ends.
    SoftirqExit,
    /// `preempt_disable()`.
    PreemptDisable,
    /// `preempt_enable()`.
    PreemptEnable,
    /// `might_alloc()`: an allocation that may reclaim here, whether it does or not.
    Alloc(Gfp),
    /// Reclaim begins.
    FsReclaimAcquire(Gfp),
    /// Reclaim ends.
    FsReclaimRelease(Gfp),
    /// A scope begins.
    ScopeSave(Scope),
    /// A scope ends.
    ScopeRestore(Scope),
    /// `dma_fence_begin_signalling()`.
    BeginSignalling,
    /// The same of a scheduler's work, which strict mode makes a signalling section and Linux does not.
    BeginStrict,
    /// `dma_fence_end_signalling()` of the latest begin of this task that has no end yet.
    EndSignalling,
    /// `__dma_fence_might_wait()`.
    MightWait,
    /// `mmu_notifier_invalidate_range_start()`.
    InvalidateRangeStart,
    /// `mmu_notifier_invalidate_range_end()`.
    InvalidateRangeEnd,

    /// The task blocks; the object is what it waits for.
    Block(ObjectRef),
    /// The task has returned from its program.
    Exit,
    /// The task finds that it has a fatal signal, which decides what it does.
    SignalPending,
    /// A fence was made.
    FenceInit(u32),
    /// A fence is known to others from now on.
    FencePublish(u32, Published),
    /// A fence was signaled.
    FenceSignal(u32),
    /// A callback of a fence ran: fence, callback object.
    FenceCallback(u32, u32),
    /// A driver's `enable_signaling` was called.
    FenceEnableSignaling(u32),
    /// A fence was freed.
    FenceFree(u32),
    /// A worker of a workqueue has a work to begin: its task.
    WorkerAwake(u32),
    /// Something is done with a job.
    Job(JobEvent, u32),
    /// A GPU does something, or something is done with it: on which ring, for work (the engine, if that was not
    /// submitted to a ring), otherwise the engine or the GPU.
    Gpu(GpuEvent, ObjectRef),
    /// An allocation was made: whether it got memory.
    Allocated(bool),
    /// Virtual time moved on to this nanosecond.
    Time(u64),
    /// The kernel's code, or the model's, noticed that a rule is broken: `WARN_ON()`, a use after free. The code
    /// of the rule, what exactly, and on which object.
    Broken(&'static str, &'static str, Option<ObjectRef>),
}

/// One event with its thread, number of the step, and place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Who, when and where; `op` is the 0-based number of the step.
    pub origin: Origin,
    /// What.
    pub kind: EventKind,
}
