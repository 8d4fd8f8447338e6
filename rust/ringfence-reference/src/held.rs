//! What a task holds and which context it is in.

use ringfence_base::Read;

/// Position of a lock in the validator's table.
pub(crate) type Lock = usize;

/// Position of a class in the validator's table.
pub(crate) type Class = usize;

/// The arguments of an acquisition.
#[derive(Clone, Copy)]
pub(crate) struct Args {
    pub(crate) subclass: u32,
    pub(crate) trylock: bool,
    pub(crate) read: Read,
    pub(crate) check: bool,
    pub(crate) nest: Option<Lock>,
}

impl Args {
    /// What a bare annotation map is taken with.
    pub(crate) const EXCLUSIVE: Self =
        Self { subclass: 0, trylock: false, read: Read::Exclusive, check: true, nest: None };
}

/// A lock in the hands of a task.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) lock: Lock,
    pub(crate) class: Class,
    pub(crate) args: Args,
    /// Acquisitions merged into this entry; 0 as long as there is only its own.
    pub(crate) references: u32,
    /// Hard irqs were off when it was taken; an acquisition anew does not change that.
    pub(crate) irqs_off: bool,
    pub(crate) context: IrqContext,
}

/// Locks held in different ones of these don't depend on each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct IrqContext {
    pub(crate) hard: bool,
    pub(crate) soft: bool,
}

/// Per-task flags that forbid an allocation something.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scopes {
    pub(crate) nofs: bool,
    pub(crate) noio: bool,
    pub(crate) memalloc: bool,
}

/// A task.
pub(crate) struct Task {
    /// Oldest first.
    pub(crate) held: Vec<Held>,
    pub(crate) irqs_on: bool,
    pub(crate) softirqs_on: bool,
    /// For each hard irq being served: whether irqs were on when it arrived.
    pub(crate) hardirqs: Vec<bool>,
    /// The hard irq would be served by a thread.
    pub(crate) threaded: bool,
    /// Soft irqs being served.
    pub(crate) softirqs: u32,
    /// Reasons for soft irqs to be off: `bh_disable` and soft irqs being served.
    pub(crate) bh_disabled: u32,
    pub(crate) preempt_count: u32,
    pub(crate) scopes: Scopes,
    /// For each `begin_signalling` not ended: whether it did nothing.
    pub(crate) cookies: Vec<bool>,
}

impl Task {
    pub(crate) fn new() -> Self {
        Self {
            held: Vec::new(),
            irqs_on: true,
            softirqs_on: true,
            hardirqs: Vec::new(),
            threaded: false,
            softirqs: 0,
            bh_disabled: 0,
            preempt_count: 0,
            scopes: Scopes::default(),
            cookies: Vec::new(),
        }
    }

    pub(crate) fn context(&self) -> IrqContext {
        IrqContext { hard: !self.hardirqs.is_empty(), soft: self.softirqs != 0 }
    }

    /// The entries held in the current irq context since it was last entered, nearest first.
    pub(crate) fn held_in_context(&self) -> impl Iterator<Item = &Held> {
        let context = self.context();
        self.held.iter().rev().take_while(move |held| held.context == context)
    }
}
