//! What a context waits for.

use ringfence_base::ObjectRef;
use ringfence_base::scenario::Kind;

/// The object a blocked context waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wait {
    /// A lock; `shared` for reading.
    Lock {
        /// Index in the world's locks.
        lock: u32,
        /// For reading.
        shared: bool,
    },
    /// `wait_for_completion()`.
    Completion(u32),
    /// `wait_event()`: the queue.
    WaitQueue(u32),
    /// A fence.
    Fence(u32),
    /// Any of several fences: the context that waits (its fences are `World::fences_of_wait()`).
    AnyFence(u32),
    /// Until a `drm_syncobj` gets a fence.
    Syncobj(u32),
    /// Until a work does not run any more (`flush_work()`, `cancel_work_sync()`).
    Work(u32),
    /// Until a delayed work does not run any more.
    DelayedWork(u32),
    /// Until all works queued so far are done.
    Workqueue(u32),
    /// Until a kthread work does not run any more.
    KthreadWork(u32),
    /// Until a kthread worker has done what was queued so far.
    KthreadWorker(u32),
    /// A worker's work waits for a worker to be made, for which there is no memory: the workqueue.
    WorkerCreation(u32),
    /// Until a timer's function does not run any more.
    Timer(u32),
    /// Until an interrupt's handlers do not run any more.
    Irq(u32),
    /// Until a tasklet does not run any more.
    Tasklet(u32),
    /// Until an `irq_work` does not run any more.
    IrqWork(u32),
    /// A grace period.
    Rcu,
    /// All RCU callbacks queued so far.
    RcuBarrier,
    /// Until no invalidation of an interval notifier's range runs.
    IntervalNotifier(u32),
    /// Until the scheduler is done with a `drm_sched_entity` (`entity->entity_idle`).
    EntityIdle(u32),
    /// Until the queue of a `drm_sched_entity` is empty (`drm_sched_entity_flush()`).
    EntityQueue(u32),
    /// Until a thread has returned.
    Task(u32),
    /// Virtual time.
    Sleep,
    /// Of work on a GPU: until a semaphore has a value.
    GpuSemaphore(u32),
    /// Of work on a GPU: a lock that other work holds.
    GpuLock(u32),
    /// Of work on a GPU: until its engine is done with that of another ring.
    Engine(u32),
    /// Of work on a GPU: until somebody brings its engine to life again.
    Recovery(u32),
}

impl Wait {
    /// The object, for events and reports.
    pub fn object(self) -> Option<ObjectRef> {
        let object = |kind, index| Some(ObjectRef { kind, index });
        match self {
            // Locks share one arena; the kind that names it is only a label.
            Self::Lock { lock, .. } => object(Kind::Mutex, lock),
            Self::Completion(index) => object(Kind::Completion, index),
            Self::WaitQueue(index) => object(Kind::WaitQueue, index),
            Self::Fence(index) => object(Kind::Fence, index),
            Self::Syncobj(index) => object(Kind::Syncobj, index),
            Self::Work(index) => object(Kind::Work, index),
            Self::DelayedWork(index) => object(Kind::DelayedWork, index),
            Self::Workqueue(index) | Self::WorkerCreation(index) => object(Kind::Workqueue, index),
            Self::KthreadWork(index) => object(Kind::KthreadWork, index),
            Self::KthreadWorker(index) => object(Kind::KthreadWorker, index),
            Self::Timer(index) => object(Kind::Timer, index),
            Self::Irq(index) => object(Kind::Irq, index),
            Self::Tasklet(index) => object(Kind::Tasklet, index),
            Self::IrqWork(index) => object(Kind::IrqWork, index),
            Self::IntervalNotifier(index) => object(Kind::IntervalNotifier, index),
            Self::EntityIdle(index) | Self::EntityQueue(index) => object(Kind::SchedEntity, index),
            Self::Task(index) => object(Kind::Task, index),
            Self::GpuSemaphore(index) => object(Kind::GpuSemaphore, index),
            Self::GpuLock(index) => object(Kind::GpuLock, index),
            Self::Engine(index) | Self::Recovery(index) => object(Kind::Engine, index),
            Self::AnyFence(_) | Self::Rcu | Self::RcuBarrier | Self::Sleep => None,
        }
    }
}
