//! What a task holds (`struct held_lock`) and which interrupts it is in.

use ringfence_base::{AcquireFlags, ClassId, LockId, Origin, Read};

use crate::chain::Chain;
use crate::irqs::Irqs;
use crate::usage::{UsageBit, UsageMask};

/// One entry of a task's stack of held locks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldLock {
    pub(crate) origin: Origin,
    pub(crate) lock: LockId,
    pub(crate) class: ClassId,
    /// The chain before this lock was taken.
    pub(crate) prev_chain: Chain,
    pub(crate) nest: Option<LockId>,
    /// Merged acquisitions; 0 if there were none.
    pub(crate) references: u32,
    pub(crate) read: Read,
    pub(crate) trylock: bool,
    pub(crate) check: bool,
    pub(crate) sync: bool,
    pub(crate) hardirqs_off: bool,
    /// Bit 0: hard irq, bit 1: soft irq.
    pub(crate) irq_context: u8,
    /// Strictest inner wait type from the start of this irq context up to and including this lock.
    pub(crate) wait_limit: WaitLimit,
    /// Everything held was taken in this irq context: the chain is the whole stack.
    pub(crate) whole: bool,
    /// Not every dependency on the locks below is on record (a nest lock excused it, or adding one
    /// would have closed a circle), so this lock can't stand for them.
    pub(crate) incomplete: bool,
}

/// Accumulated wait context of a run of held locks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitLimit {
    pub(crate) inner: u8,
    /// A wait override was among them: what the context itself allows no longer counts.
    pub(crate) overridden: bool,
}

impl WaitLimit {
    pub(crate) const OPEN: Self = Self { inner: u8::MAX, overridden: false };
}

impl HeldLock {
    /// Taking this class in this way waits for the holder itself; two readers don't, if the second is recursive.
    #[inline]
    pub(crate) fn recurses(&self, class: ClassId, read: Read) -> bool {
        self.class == class && !(read == Read::Recursive && self.read.is_read())
    }

    /// The kernel's first argument list again, for re-acquiring.
    pub(crate) fn flags(&self, subclass: u32) -> AcquireFlags {
        AcquireFlags { subclass, trylock: self.trylock, read: self.read, check: self.check, nest: self.nest }
    }
}

/// A task: its held locks and its interrupt state.
pub(crate) struct Task {
    pub(crate) name: Box<str>,
    pub(crate) held: Vec<HeldLock>,
    pub(crate) chain: Chain,
    pub(crate) irqs: Irqs,
}

impl Task {
    pub(crate) fn new(name: Box<str>) -> Self {
        Self { name, held: Vec::new(), chain: Chain::EMPTY, irqs: Irqs::default() }
    }

    /// As when it was new: nothing held, all interrupts on.
    pub(crate) fn restart(&mut self) {
        self.held.clear();
        self.chain = Chain::EMPTY;
        self.irqs.restart();
    }

    /// The usage bits that an acquisition now puts on its class (`mark_usage()`).
    #[inline]
    pub(crate) fn usage_of(&self, flags: &AcquireFlags, hardirqs_off: bool, sync: bool) -> UsageMask {
        let used = UsageBit::USED.mask().for_read(flags.read);
        if !flags.check {
            return used;
        }
        let mut mask = UsageMask::NONE;
        if !flags.trylock {
            if self.irqs.in_hardirq() {
                mask = mask.union(UsageBit::USED_IN_HARDIRQ.mask());
            }
            if self.irqs.in_softirq() {
                mask = mask.union(UsageBit::USED_IN_SOFTIRQ.mask());
            }
        }
        if !hardirqs_off && !sync {
            mask = mask.union(UsageBit::ENABLED_HARDIRQ.mask());
            if self.irqs.softirqs_enabled() {
                mask = mask.union(UsageBit::ENABLED_SOFTIRQ.mask());
            }
        }
        used.union(mask.for_read(flags.read))
    }
}
