//! What a caller can get wrong. Never a finding: findings are about the program under test.

use thiserror::Error;

/// An event that contradicts the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Misuse {
    /// A hard interrupt ends that never began.
    #[error("hardirq_exit without a hardirq_enter on this task")]
    HardirqExitWithoutEnter,
    /// A soft interrupt ends that never began.
    #[error("softirq_exit without a softirq_enter on this task")]
    SoftirqExitWithoutEnter,
    /// Bottom halves are enabled that were not disabled.
    #[error("bh_enable without a bh_disable on this task")]
    BhEnableWithoutDisable,
    /// Interrupts are switched on inside a hard interrupt, which Linux forbids outright.
    #[error("irq_on inside a hard interrupt; leave it with hardirq_exit first")]
    IrqOnInHardirq,
    /// A lock of another validator, or none.
    #[error("no such lock in this validator")]
    UnknownLock,
    /// A task of another validator, or none.
    #[error("no such task in this validator")]
    UnknownTask,
    /// A signalling section ends that never began.
    #[error("end_signalling without a begin_signalling on this task")]
    EndSignallingWithoutBegin,
}
