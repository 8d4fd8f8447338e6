//! Choices: every source of non-determinism has a name.

/// What is decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChoiceKind {
    /// What an allocation does: succeed, reclaim first, fail.
    Allocation,
    /// Whether a trylock succeeds though the lock could be had, or fails.
    Trylock,
    /// Whether an interruptible wait is interrupted.
    Interrupted,
    /// Whether `ww_mutex_lock()` is told -EDEADLK without need.
    DeadlockInjection,
    /// Whether a new worker can be made.
    WorkerCreation,
    /// Whether user memory is there or must be faulted in.
    PageFault,
    /// Which published fence a foreign driver waits for.
    ForeignFence,
    /// A choice that the scenario names.
    Named,
    /// Which range of user memory reclaim takes, if any.
    Reclaim,
    /// Whether work on a GPU hangs.
    GpuHang,
    /// Whether a GPU's interrupt arrives, is lost, or comes late.
    GpuIrq,
    /// Whether a reset succeeds.
    GpuReset,
    /// Which of its rings an engine serves next.
    GpuRing,
}

/// Takes the choices of an execution.
pub trait Decide {
    /// One of `options` possibilities, at least 2; returns a number below it. 0 is always the most ordinary one.
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize;
}

/// Always the most ordinary possibility.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ordinary;

impl Decide for Ordinary {
    fn decide(&mut self, _: ChoiceKind, _: usize) -> usize {
        0
    }
}
