//! What a scenario declares.

use super::Kind;
use crate::{ObjectId, ProgramId, SiteId};

/// A declared object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Object {
    /// Its name in reports.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The driver that it belongs to, if it belongs to one.
    pub driver: Option<String>,
    /// Where it was declared.
    pub at: SiteId,
}

/// How a `ww_class` keeps its locks from deadlocking (`Documentation/locking/ww-mutex-design.rst`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WwAlgorithm {
    /// The younger one backs off (`DEFINE_WD_CLASS`, as for `dma_resv`).
    WaitDie,
    /// The older one makes the younger one back off (`DEFINE_WW_CLASS`, as for modeset locks).
    WoundWait,
}

/// A kind of object with what it takes to make one.
///
/// `class` is the lockdep class; locks of the same kind and class obey the same rules. `None`: a class of its own,
/// named like the object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ObjectKind {
    /// `DEFINE_RAW_SPINLOCK()`.
    RawSpinlock {
        /// lockdep class
        class: Option<String>,
    },
    /// `DEFINE_SPINLOCK()`.
    Spinlock {
        /// lockdep class
        class: Option<String>,
    },
    /// `DEFINE_RWLOCK()`.
    Rwlock {
        /// lockdep class
        class: Option<String>,
    },
    /// `DEFINE_MUTEX()`.
    Mutex {
        /// lockdep class
        class: Option<String>,
    },
    /// `DECLARE_RWSEM()`.
    Rwsem {
        /// lockdep class
        class: Option<String>,
    },
    /// `local_lock_init()`.
    LocalLock {
        /// lockdep class
        class: Option<String>,
    },
    /// `DEFINE_WD_CLASS()` or `DEFINE_WW_CLASS()`.
    WwClass {
        /// wait-die or wound-wait
        algorithm: WwAlgorithm,
    },
    /// `ww_mutex_init()`.
    WwMutex {
        /// its `ww_class`
        class: ObjectId,
    },
    /// `init_completion()`.
    Completion,
    /// `init_waitqueue_head()`.
    WaitQueue,
    /// A shared variable.
    Cell {
        /// initial value
        init: i64,
    },

    /// `alloc_workqueue()`.
    Workqueue {
        /// Works run one at a time, in order.
        ordered: bool,
        /// `WQ_MEM_RECLAIM`: a rescuer guarantees progress without memory.
        mem_reclaim: bool,
        /// At most that many works at once; 0: the kernel's default.
        max_active: u32,
    },
    /// `INIT_WORK()`.
    Work {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// `INIT_DELAYED_WORK()`.
    DelayedWork {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// `kthread_create_worker()`.
    KthreadWorker,
    /// `kthread_init_work()`.
    KthreadWork {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// `timer_setup()`.
    Timer {
        /// The function; it takes no parameters.
        function: ProgramId,
        /// `TIMER_IRQSAFE`: runs with interrupts off, may be deleted synchronously from one.
        irqsafe: bool,
    },
    /// `request_irq()` or `request_threaded_irq()`.
    Irq {
        /// The hard irq handler; it takes no parameters. Its result, if not zero, wakes the thread.
        handler: Option<ProgramId>,
        /// The threaded handler; it takes no parameters.
        thread: Option<ProgramId>,
    },
    /// `tasklet_setup()`.
    Tasklet {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// `init_irq_work()`.
    IrqWork {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// An RCU callback.
    RcuHead {
        /// the function; it takes no parameters
        function: ProgramId,
    },
    /// A thread, as an object to wait for or to signal.
    Task {
        /// index into the scenario's threads
        thread: u32,
    },

    /// `struct mm_struct`.
    Mm,
    /// User memory of an mm.
    UserRange {
        /// the mm
        mm: ObjectId,
    },
    /// `shrinker_register()`.
    Shrinker {
        /// Returns how many objects it could free; takes no parameters.
        count: ProgramId,
        /// Takes how many it should look at; returns how many it freed, or -1 for `SHRINK_STOP`.
        scan: ProgramId,
        /// `shrinker->seeks`; 2 is the kernel's default.
        seeks: u32,
        /// `shrinker->batch`; 0: the kernel's default of 128.
        batch: u32,
    },
    /// `mmu_notifier_register()`.
    MmuNotifier {
        /// The mm it watches.
        mm: ObjectId,
        /// `invalidate_range_start`; takes `blockable` (1 or 0) and returns 0 or, if not blockable, -EAGAIN.
        invalidate: Option<ProgramId>,
        /// `release`; takes no parameters.
        release: Option<ProgramId>,
    },
    /// `mmu_interval_notifier_insert()`.
    IntervalNotifier {
        /// The range it watches.
        range: ObjectId,
        /// `invalidate`; takes `blockable` (1 or 0) and the sequence number to set; returns 1, or, if not
        /// blockable, 0.
        invalidate: ProgramId,
    },

    /// `struct dma_fence_ops`. Programs take the fence.
    FenceOps {
        /// Runs with the fence lock held; returns 0 if the fence is already done.
        enable_signaling: Option<ProgramId>,
        /// Polls; returns 1 if the fence is done.
        signaled: Option<ProgramId>,
        /// Replaces the default wait; returns like it.
        wait: Option<ProgramId>,
        /// Runs instead of the default release.
        release: Option<ProgramId>,
        /// Takes the fence and the deadline in virtual nanoseconds.
        set_deadline: Option<ProgramId>,
        /// `use_64bit_seqno`.
        use_64bit_seqno: bool,
    },
    /// A fence context.
    Timeline {
        /// The lock that its fences share; `None`: every fence has a lock of its own inside it (since 7.x).
        lock: Option<ObjectId>,
        /// What its fences do; `None`: no optional ops.
        ops: Option<ObjectId>,
        /// The first sequence number.
        first_seqno: u64,
        /// Virtual nanoseconds a published fence of it may take; `None`: the environment's.
        bound: Option<i64>,
    },
    /// A fence that exists from the start.
    Fence {
        /// its fence context
        timeline: ObjectId,
        /// its number; `None`: the next one
        seqno: Option<u64>,
    },
    /// `struct dma_fence_cb`; the program takes the fence and runs with the fence lock held, interrupts off.
    FenceCb {
        /// the function
        function: ProgramId,
    },
    /// `struct drm_syncobj`.
    Syncobj,
    /// A `sw_sync` timeline.
    SwSync,
    /// `dma_resv_init()`.
    Resv,
    /// A device that completes submitted work in order.
    Engine {
        /// Raised after each completion.
        irq: Option<ObjectId>,
    },
}

impl ObjectKind {
    /// The kind of value that refers to it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::RawSpinlock { .. } => Kind::RawSpinlock,
            Self::Spinlock { .. } => Kind::Spinlock,
            Self::Rwlock { .. } => Kind::Rwlock,
            Self::Mutex { .. } => Kind::Mutex,
            Self::Rwsem { .. } => Kind::Rwsem,
            Self::LocalLock { .. } => Kind::LocalLock,
            Self::WwClass { .. } => Kind::WwClass,
            Self::WwMutex { .. } => Kind::WwMutex,
            Self::Completion => Kind::Completion,
            Self::WaitQueue => Kind::WaitQueue,
            Self::Cell { .. } => Kind::Cell,
            Self::Workqueue { .. } => Kind::Workqueue,
            Self::Work { .. } => Kind::Work,
            Self::DelayedWork { .. } => Kind::DelayedWork,
            Self::KthreadWorker => Kind::KthreadWorker,
            Self::KthreadWork { .. } => Kind::KthreadWork,
            Self::Timer { .. } => Kind::Timer,
            Self::Irq { .. } => Kind::Irq,
            Self::Tasklet { .. } => Kind::Tasklet,
            Self::IrqWork { .. } => Kind::IrqWork,
            Self::RcuHead { .. } => Kind::RcuHead,
            Self::Task { .. } => Kind::Task,
            Self::Mm => Kind::Mm,
            Self::UserRange { .. } => Kind::UserRange,
            Self::Shrinker { .. } => Kind::Shrinker,
            Self::MmuNotifier { .. } => Kind::MmuNotifier,
            Self::IntervalNotifier { .. } => Kind::IntervalNotifier,
            Self::FenceOps { .. } => Kind::FenceOps,
            Self::Timeline { .. } => Kind::Timeline,
            Self::Fence { .. } => Kind::Fence,
            Self::FenceCb { .. } => Kind::FenceCb,
            Self::Syncobj => Kind::Syncobj,
            Self::SwSync => Kind::SwSync,
            Self::Resv => Kind::Resv,
            Self::Engine { .. } => Kind::Engine,
        }
    }
}
