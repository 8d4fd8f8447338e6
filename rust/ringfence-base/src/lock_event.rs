//! The lock events a validator lives on: exactly what Linux reports to lockdep.

use crate::{LockId, Origin};

/// The `read` argument of the kernel's `lock_acquire()` (`include/linux/lockdep.h`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Read {
    /// Exclusive (`read == 0`).
    #[default]
    Exclusive = 0,
    /// Shared; a second reader may block behind a waiting writer (`read == 1`, `down_read()`).
    Shared = 1,
    /// Shared; never blocks behind a waiting writer (`read == 2`, `rcu_read_lock()`, and
    /// `read_lock()` where rwlocks are not fair).
    Recursive = 2,
}

impl Read {
    /// The kernel's number for it, and back.
    pub const fn from_raw(raw: u64) -> Option<Self> {
        match raw {
            0 => Some(Self::Exclusive),
            1 => Some(Self::Shared),
            2 => Some(Self::Recursive),
            _ => None,
        }
    }

    /// True for both kinds of readers.
    #[inline]
    pub const fn is_read(self) -> bool {
        !matches!(self, Self::Exclusive)
    }
}

/// The arguments of `lock_acquire()` besides the lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AcquireFlags {
    /// Nesting level given by the caller (`mutex_lock_nested()`).
    pub subclass: u32,
    /// A trylock that succeeded: it can't block, so it depends on nothing.
    pub trylock: bool,
    /// Exclusive or one of the two kinds of readers.
    pub read: Read,
    /// False for `lockdep_set_novalidate_class()` and the like: tracked, not proven.
    pub check: bool,
    /// The lock that serialises several acquisitions of this class (`mutex_lock_nest_lock()`).
    pub nest: Option<LockId>,
}

impl Default for AcquireFlags {
    fn default() -> Self {
        Self { subclass: 0, trylock: false, read: Read::Exclusive, check: true, nest: None }
    }
}

/// One thing a task did that concerns the validator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockEventKind {
    /// `lock_acquire()`.
    Acquire(LockId, AcquireFlags),
    /// `lock_release()`.
    Release(LockId),
    /// `lock_sync()`: checked like an acquisition, holds nothing.
    Sync(LockId, AcquireFlags),
    /// `lock_downgrade()`: held for writing, from now on held for reading.
    Downgrade(LockId),
    /// The lock's memory is freed or initialised again (`debug_check_no_locks_freed()`).
    Free(LockId),
    /// `local_irq_disable()`.
    IrqOff,
    /// `local_irq_enable()`.
    IrqOn,
    /// `local_bh_disable()`.
    BhDisable,
    /// `local_bh_enable()`.
    BhEnable,
    /// A hard interrupt begins; `threaded` if its handler would be forced into a thread.
    HardirqEnter {
        /// The handler would run in a thread where interrupt threading is forced.
        threaded: bool,
    },
    /// The hard interrupt returns.
    HardirqExit,
    /// Soft interrupts are being served.
    SoftirqEnter,
    /// Serving soft interrupts ends.
    SoftirqExit,
}

/// One event with its task and place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockEvent {
    /// Who, when and where.
    pub origin: Origin,
    /// What.
    pub kind: LockEventKind,
}

/// Something that listens to events.
pub trait Observer {
    /// What the observer answers when the event makes no sense to it.
    type Error;

    /// Takes one event.
    ///
    /// # Errors
    /// When the event contradicts the ones before it (an exit without an enter, an unknown lock).
    /// The observer's state is then as before the event.
    fn observe(&mut self, event: &LockEvent) -> Result<(), Self::Error>;
}
