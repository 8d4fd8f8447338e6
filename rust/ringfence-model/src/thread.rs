//! Contexts in which code runs: threads, workers, and the idle tasks that interrupts arrive on.

use ringfence_base::{Gfp, SiteId};

use crate::frame::Frame;
use crate::memory_usage::reserved;
use crate::value::Value;
use crate::wait::Wait;

/// No context, or no object.
pub(crate) const NONE: u32 = u32::MAX;

/// A lock in the hands of a context.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    /// Index in the world's locks.
    pub lock: u32,
    /// Where it was taken.
    pub site: SiteId,
    /// Held for reading.
    pub shared: bool,
}

/// Whether a context can run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Its next step can be taken.
    Ready,
    /// It waits.
    Blocked(Wait),
    /// It has nothing to do: an idle worker, an idle task. Nobody's hang.
    Idle,
    /// Its program has returned.
    Done,
}

/// A context: what the kernel keeps in a `task_struct`, as far as it matters here.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct Thread {
    /// What it is doing, innermost last.
    pub(crate) frames: Vec<Frame>,
    /// Registers of all its programs, innermost last.
    pub(crate) registers: Vec<Value>,
    /// Values that kernel functions keep between steps, innermost last.
    pub(crate) scratch: Vec<Value>,
    /// Whether it can run.
    pub(crate) state: State,
    /// Result of the latest call.
    pub(crate) ret: Value,
    /// Locks it holds, oldest first.
    pub(crate) held: Vec<Held>,
    /// Place of the operation being done.
    pub(crate) site: SiteId,
    /// `preempt_count()` without interrupts and bottom halves.
    pub(crate) preempt: u32,
    /// How many of its locks spin.
    pub(crate) spinning: u32,
    /// `local_bh_disable()` nesting.
    pub(crate) bh_off: u32,
    /// Hard interrupts being served on it.
    pub(crate) hardirq: u32,
    /// Soft interrupts being served on it.
    pub(crate) softirq: u32,
    /// `rcu_read_lock()` nesting.
    pub(crate) rcu: u32,
    /// `non_block_start()` nesting.
    pub(crate) non_block: u32,
    /// Hard interrupts are off.
    pub(crate) irqs_off: bool,
    /// A fatal signal is pending.
    pub(crate) signal: bool,
    /// `PF_MEMALLOC` and its kin.
    pub(crate) scopes: Scopes,
    /// Open signalling sections, outermost first.
    pub(crate) sections: Vec<Section>,
    /// What `dma_fence_chain_find_seqno()` or `drm_syncobj_find_fence()` found last.
    pub(crate) found: Value,
}

/// An open signalling section.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Section {
    /// Where it began.
    pub site: SiteId,
    /// What its begin returned.
    pub cookie: i64,
    /// Only strict mode makes it one.
    pub strict: bool,
}

/// Task scopes (`include/linux/sched/mm.h`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scopes {
    /// `PF_MEMALLOC_NOFS`.
    pub nofs: bool,
    /// `PF_MEMALLOC_NOIO`.
    pub noio: bool,
    /// `PF_MEMALLOC`.
    pub memalloc: bool,
}

impl Scopes {
    /// The mask as it counts in these scopes (`current_gfp_context()`).
    pub fn apply(self, gfp: Gfp) -> Gfp {
        match self {
            Self { noio: true, .. } => gfp.without(Gfp::IO).without(Gfp::FS),
            Self { nofs: true, .. } => gfp.without(Gfp::FS),
            _ => gfp,
        }
    }
}

impl Thread {
    pub(crate) fn new(state: State) -> Self {
        Self {
            frames: Vec::new(),
            registers: Vec::new(),
            scratch: Vec::new(),
            state,
            ret: Value::Null,
            held: Vec::new(),
            site: SiteId::UNKNOWN,
            preempt: 0,
            spinning: 0,
            bh_off: 0,
            hardirq: 0,
            softirq: 0,
            rcu: 0,
            non_block: 0,
            irqs_off: false,
            signal: false,
            scopes: Scopes::default(),
            sections: Vec::new(),
            found: Value::Null,
        }
    }

    /// `in_atomic()`: preemption is off. Interrupts being off alone is not.
    #[inline]
    pub(crate) fn in_atomic(&self) -> bool {
        self.preempt + self.bh_off + self.hardirq + self.softirq != 0
    }

    /// It is allowed to sleep.
    #[inline]
    pub(crate) fn may_sleep(&self) -> bool {
        !self.in_atomic() && !self.irqs_off && self.rcu == 0 && self.non_block == 0
    }

    /// Bytes that its lists have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved(&self.frames)
            + reserved(&self.registers)
            + reserved(&self.scratch)
            + reserved(&self.held)
            + reserved(&self.sections)
    }

    /// Whether it can run.
    pub fn state(&self) -> State {
        self.state
    }

    /// Locks it holds, oldest first.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Place of the operation it is at.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// Open signalling sections, outermost first.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}

impl Clone for Thread {
    fn clone(&self) -> Self {
        let mut thread = Self::new(self.state);
        thread.clone_from(self);
        thread
    }

    /// Keeps the memory that is there: a run is reset in place.
    fn clone_from(&mut self, source: &Self) {
        let Self { frames, registers, scratch, held, sections, .. } = self;
        frames.clone_from(&source.frames);
        registers.clone_from(&source.registers);
        scratch.clone_from(&source.scratch);
        held.clone_from(&source.held);
        sections.clone_from(&source.sections);
        self.state = source.state;
        self.ret = source.ret;
        self.site = source.site;
        self.preempt = source.preempt;
        self.spinning = source.spinning;
        self.bh_off = source.bh_off;
        self.hardirq = source.hardirq;
        self.softirq = source.softirq;
        self.rcu = source.rcu;
        self.non_block = source.non_block;
        self.irqs_off = source.irqs_off;
        self.signal = source.signal;
        self.scopes = source.scopes;
        self.found = source.found;
    }
}
