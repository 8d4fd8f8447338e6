//! The kinds of values that programs handle and objects that scenarios declare.

use core::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $text:literal $class:ident;)*) => {
        /// What a value is: a number with a unit, or a reference to a kernel object.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The spelling in JSON and in messages.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Numbers, objects that stand in the scenario, or objects that only come into being at run time.
            pub const fn sort(self) -> Sort {
                match self { $(Self::$name => Sort::$class),* }
            }
        }
    };
}

/// Where values of a kind come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// A number.
    Number,
    /// Declared by the scenario.
    Declared,
    /// Made by operations.
    Made,
    /// Both.
    Either,
}

kinds! {
    /// A plain number or truth value.
    Int "int" Number;
    /// 0 or a negative errno.
    Errno "errno" Number;
    /// Virtual nanoseconds.
    Nanos "ns" Number;
    /// An allocation mask.
    Gfp "gfp" Number;
    /// `enum dma_resv_usage`.
    Usage "usage" Number;
    /// What `dma_fence_begin_signalling()` or a scope's save returned.
    Cookie "cookie" Number;
    /// A number on a timeline.
    Seqno "seqno" Number;

    /// `raw_spinlock_t`.
    RawSpinlock "raw_spinlock" Declared;
    /// `spinlock_t`.
    Spinlock "spinlock" Declared;
    /// `rwlock_t`.
    Rwlock "rwlock" Declared;
    /// `struct mutex`.
    Mutex "mutex" Declared;
    /// `struct rw_semaphore`.
    Rwsem "rwsem" Declared;
    /// `local_lock_t`.
    LocalLock "local_lock" Declared;
    /// `struct ww_class`.
    WwClass "ww_class" Declared;
    /// `struct ww_mutex`.
    WwMutex "ww_mutex" Declared;
    /// `struct ww_acquire_ctx`.
    WwCtx "ww_acquire_ctx" Made;
    /// `struct completion`.
    Completion "completion" Declared;
    /// `wait_queue_head_t`.
    WaitQueue "wait_queue_head" Declared;
    /// A shared variable.
    Cell "cell" Declared;

    /// `struct workqueue_struct`.
    Workqueue "workqueue" Declared;
    /// `struct work_struct`.
    Work "work" Declared;
    /// `struct delayed_work`.
    DelayedWork "delayed_work" Declared;
    /// `struct kthread_worker`.
    KthreadWorker "kthread_worker" Declared;
    /// `struct kthread_work`.
    KthreadWork "kthread_work" Declared;
    /// `struct timer_list`.
    Timer "timer" Declared;
    /// An interrupt line with its handler.
    Irq "irq" Declared;
    /// `struct tasklet_struct`.
    Tasklet "tasklet" Declared;
    /// `struct irq_work`.
    IrqWork "irq_work" Declared;
    /// `struct rcu_head` with its callback.
    RcuHead "rcu_head" Declared;
    /// `struct task_struct`.
    Task "task" Declared;

    /// Allocated memory; null if the allocation failed.
    Memory "memory" Made;
    /// `struct mm_struct`.
    Mm "mm" Declared;
    /// A range of user memory of an mm.
    UserRange "user_range" Declared;
    /// `struct shrinker`.
    Shrinker "shrinker" Declared;
    /// `struct mmu_notifier`.
    MmuNotifier "mmu_notifier" Declared;
    /// `struct mmu_interval_notifier`.
    IntervalNotifier "mmu_interval_notifier" Declared;

    /// `struct dma_fence_ops`.
    FenceOps "dma_fence_ops" Declared;
    /// A fence context with its lock and ops.
    Timeline "timeline" Declared;
    /// `struct dma_fence`, containers included.
    Fence "dma_fence" Either;
    /// `struct dma_fence_cb`.
    FenceCb "dma_fence_cb" Declared;
    /// `struct sync_file`.
    SyncFile "sync_file" Made;
    /// `struct drm_syncobj`.
    Syncobj "drm_syncobj" Declared;
    /// A `sw_sync` timeline (`drivers/dma-buf/sw_sync.c`).
    SwSync "sw_sync" Declared;
    /// `struct dma_resv`.
    Resv "dma_resv" Declared;
    /// A cursor over the fences of a `dma_resv`.
    ResvIter "dma_resv_iter" Made;
    /// A GPU: engines with their rings, which can be reset together.
    Gpu "gpu" Declared;
    /// What of a device executes work: after a while it completes it, and raises an interrupt.
    Engine "engine" Declared;
    /// A queue of slots in front of an engine.
    Ring "ring" Declared;
    /// A number in memory that the GPU waits for and writes.
    GpuSemaphore "gpu_semaphore" Declared;
    /// A lock that work on the GPU holds while it runs.
    GpuLock "gpu_lock" Declared;
    /// What a job has the GPU do.
    GpuJob "gpu_job" Declared;

    /// `struct drm_gpu_scheduler`.
    DrmSched "drm_gpu_scheduler" Declared;
    /// `struct drm_sched_entity`.
    SchedEntity "drm_sched_entity" Declared;
    /// `struct drm_sched_job`.
    SchedJob "drm_sched_job" Made;
    /// What `run_job` returns: a fence, NULL, or `ERR_PTR()` of a negative errno. For results of programs only.
    FenceOrErr "dma_fence_or_err" Made;
}

impl Kind {
    /// Values of this kind are numbers.
    pub const fn is_number(self) -> bool {
        matches!(self.sort(), Sort::Number)
    }

    /// Values of this kind are numbers that any other number can stand for; an allocation mask is none.
    pub const fn is_plain_number(self) -> bool {
        self.is_number() && !matches!(self, Self::Gfp)
    }

    /// The kind with this spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
