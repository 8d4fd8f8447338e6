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
        /// The GPU that it is a part of; `None`: one of its own, which can do everything.
        gpu: Option<ObjectId>,
        /// It can switch to another ring in the middle of a work.
        preemption: bool,
    },
    /// A GPU.
    Gpu {
        /// An engine can be reset alone, which spares the work of others.
        engine_reset: bool,
        /// It can be reset as a whole.
        full_reset: bool,
    },
    /// A queue of slots in front of an engine; an engine with several rings serves one after the other.
    Ring {
        /// Who executes what is on it.
        engine: ObjectId,
        /// How much can be on it at once.
        slots: u32,
        /// Raised after each completion; `None`: its engine's.
        irq: Option<ObjectId>,
    },
    /// What a job has the GPU do.
    GpuJob {
        /// Virtual nanoseconds.
        run_time: i64,
        /// Whether it ends.
        hang: GpuHang,
        /// It begins to run once each of these semaphores is at least its value.
        waits: Vec<SemaphorePoint>,
        /// Written when it is done.
        signals: Vec<SemaphorePoint>,
        /// Taken one after the other when it begins, given back when it ends, one way or the other.
        locks: Vec<ObjectId>,
        /// User memory that it uses while it runs.
        uses: Vec<ObjectId>,
        /// It accesses memory that is not mapped: it stops, and the engine's interrupt is raised.
        fault: bool,
    },
    /// A number in memory that the GPU waits for and writes; it only grows.
    GpuSemaphore,
    /// A lock that work on the GPU holds while it runs.
    GpuLock,

    /// `drm_sched_init()`, and `struct drm_sched_backend_ops`. Programs take the job, unless something else is said.
    DrmSched {
        /// Hands the job to the hardware; returns a fence with a reference, NULL, or a negative errno.
        run_job: ProgramId,
        /// Takes the entity as well; returns a fence with a reference to wait for first, or NULL.
        prepare_job: Option<ProgramId>,
        /// Recovers; returns an `enum drm_gpu_sched_stat`.
        timedout_job: Option<ProgramId>,
        /// Frees the job.
        free_job: ProgramId,
        /// Takes a job that runs off the hardware and signals its fence (since 6.17).
        cancel_job: Option<ProgramId>,
        /// `update_job_credits` (up to 6.18): returns how many credits the job takes now.
        update_job_credits: Option<ProgramId>,
        /// How much may run at once.
        credit_limit: u32,
        /// How many of a job's hangs are forgiven.
        hang_limit: u32,
        /// Virtual nanoseconds that a job may run; `i64::MAX`: for ever.
        timeout: i64,
        /// `drm_sched_policy`.
        policy: SchedPolicy,
        /// Run-queues, one for each priority: 1 to 4.
        num_rqs: u32,
        /// Where `run_job` and `free_job` are called; `None`: an ordered workqueue of its own.
        submit_wq: Option<ObjectId>,
        /// Where `timedout_job` is called; `None`: `system_wq`.
        timeout_wq: Option<ObjectId>,
        /// Bugs of the scheduler itself that are fixed in Linux 6.12.117, but not here.
        without: Vec<SchedFix>,
    },
    /// `drm_sched_entity_init()`.
    SchedEntity {
        /// The schedulers that its jobs may go to; none: it is initialised by a program.
        scheds: Vec<ObjectId>,
        /// `enum drm_sched_priority`: 0 KERNEL, 1 HIGH, 2 NORMAL, 3 LOW.
        priority: u32,
        /// Set to 1 when a job of it has hung more often than the scheduler forgives.
        guilty: Option<ObjectId>,
    },
}

/// Whether work on a GPU ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum GpuHang {
    /// After its run time.
    #[default]
    No,
    /// After so many virtual nanoseconds more.
    Finite(i64),
    /// Never.
    Infinite,
    /// Never, if it was preempted.
    AfterPreemption,
}

/// A semaphore and a value that it is to have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SemaphorePoint {
    /// Which.
    pub semaphore: ObjectId,
    /// At least that, or set to that.
    pub value: i64,
}

/// Whose job is next (`drm_sched_policy`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SchedPolicy {
    /// The entity whose job has waited longest.
    #[default]
    Fifo,
    /// One entity after the other.
    RoundRobin,
    /// The entity that has used the GPU least, weighted by priority (since 7.2).
    Fair,
}

impl SchedPolicy {
    /// All of them, with their names in JSON and Python.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Fifo, "fifo"), (Self::RoundRobin, "rr"), (Self::Fair, "fair")];
}

/// Bugs of the scheduler itself, by the fix that is left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SchedFix {
    /// 8af39ec5cf2b: a job is counted before it is put on the entity's queue.
    SpscCount,
    /// 15f77764e90a: a dependency on a job of the same scheduler wakes the scheduler, too.
    DependencyWakeup,
    /// 487df8b69834: dependencies of killed jobs are walked in a work, not in a fence callback.
    KillInWork,
    /// 135517d3565f: the timeout handler takes its job off the list of pending jobs.
    TimeoutUnlinks,
}

impl SchedFix {
    /// All of them, with their names in JSON and Python.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::SpscCount, "spsc_count"),
        (Self::DependencyWakeup, "dependency_wakeup"),
        (Self::KillInWork, "kill_in_work"),
        (Self::TimeoutUnlinks, "timeout_unlinks"),
    ];
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
            Self::Gpu { .. } => Kind::Gpu,
            Self::Ring { .. } => Kind::Ring,
            Self::GpuJob { .. } => Kind::GpuJob,
            Self::GpuSemaphore => Kind::GpuSemaphore,
            Self::GpuLock => Kind::GpuLock,
            Self::DrmSched { .. } => Kind::DrmSched,
            Self::SchedEntity { .. } => Kind::SchedEntity,
        }
    }
}
