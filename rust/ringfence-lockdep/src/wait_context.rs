//! Which locks may be taken where (`check_wait_context()`, `task_wait_context()`).

use crate::class::{Class, LockType, WaitType};
use crate::held::{Task, WaitLimit};

/// The scale of wait types in force. Without `PROVE_RAW_LOCK_NESTING` a `spinlock_t` is as good as a
/// `raw_spinlock_t`, and what comes after moves down by one (`enum lockdep_wait_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WaitScale {
    pub(crate) raw_lock_nesting: bool,
}

impl WaitScale {
    /// The number Linux gives the type.
    pub(crate) fn number(self, wait: WaitType) -> u8 {
        let number = wait as u8;
        if self.raw_lock_nesting || wait < WaitType::Config { number } else { number - 1 }
    }

    /// What the task's context allows by itself: above all types in process context.
    #[inline]
    pub(crate) fn context(self, task: &Task) -> u8 {
        let config = 3 - u8::from(!self.raw_lock_nesting);
        if task.irqs.in_hardirq() {
            if task.irqs.hardirq_threaded() { config } else { WaitType::Spin as u8 }
        } else if task.irqs.in_softirq() {
            // Soft interrupts are always threaded on a real-time kernel.
            config
        } else {
            config + 2
        }
    }
}

impl WaitLimit {
    /// What may be taken next, in a context that allows `context`.
    #[inline]
    pub(crate) fn allows(self, context: u8) -> u8 {
        if self.overridden { self.inner } else { self.inner.min(context) }
    }

    /// The limit with one more lock of this class held.
    #[inline]
    pub(crate) fn and(self, class: &Class) -> Self {
        if class.wait_inner == 0 {
            self
        } else if class.lock_type == LockType::WaitOverride {
            Self { inner: class.wait_inner, overridden: true }
        } else {
            Self { inner: self.inner.min(class.wait_inner), ..self }
        }
    }
}
