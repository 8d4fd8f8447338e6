//! A scenario made ready to run: flat code, resolved references, contexts, locks and their classes.

use ringfence_base::scenario::{Kind, ObjectKind, Op, Program, Scenario, ScenarioError};
use ringfence_base::{ObjectId, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::frame::Frame;
use crate::plain_step::PlainStep;
use crate::sched_main::SchedLayouts;
use crate::value::Value;
use crate::world::World;

/// A scenario made ready to run. Immutable; any number of worlds run on it.
#[derive(Debug)]
pub struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) code: Vec<Instr>,
    pub(crate) programs: Vec<ProgramInfo>,
    /// Operands of list arguments.
    pub(crate) lists: Vec<Operand>,
    pub(crate) contexts: Vec<ContextDecl>,
    pub(crate) classes: Vec<LockClass>,
    /// All `ww_class`es; the first is that of reservations.
    pub(crate) ww_classes: Vec<crate::ww_acquire_ctx::WwClass>,
    /// Names of the locks that exist from the start.
    pub(crate) lock_names: Vec<String>,
    /// Per declared object: its index among those of its kind (for locks: in the world's locks).
    pub(crate) indices: Vec<u32>,
    /// Per kind: its declared objects.
    pub(crate) by_kind: Vec<Vec<ObjectId>>,
    /// Where interrupts come from.
    pub(crate) sources: Vec<Source>,
    /// What runs later: maps, functions, contexts.
    pub(crate) deferred: crate::deferred::Layout,
    /// The GPU schedulers and their entities.
    pub(crate) scheds: crate::sched_main::SchedLayouts,
    /// GPUs, their engines and rings, what their jobs do.
    pub(crate) gpu: crate::gpu::GpuLayout,
    pub(crate) version: KernelVersion,
    /// What the GPU scheduler calls its driver in counts as a signalling section, annotated or not.
    pub(crate) strict: bool,
    pub(crate) initial: World,
    /// Per lock that is there from the start: see [`Plan::is_plain`].
    pub(crate) plain_locks: Vec<bool>,
    /// Per instruction: whether it may be done as a plain step, and its place.
    pub(crate) plain_steps: Vec<(PlainStep, SiteId)>,
    /// Nothing in it ever takes time.
    pub(crate) timeless: bool,
}

/// Which kernel is modelled, where they differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum KernelVersion {
    /// Linux 6.12.
    #[default]
    V6_12,
    /// Later ones: a fence's ops are detached when it is signaled.
    Next,
}

/// A program's place in the code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramInfo {
    pub(crate) entry: u32,
    pub(crate) registers: u32,
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instr {
    /// An operation.
    Call {
        op: Op,
        visible: bool,
        /// Register of the result; [`NO_REGISTER`] if nobody wants it.
        out: u16,
        site: SiteId,
        args: [Operand; 4],
    },
    /// A branch.
    JumpUnless { cond: Operand, to: u32 },
    /// A jump.
    Jump { to: u32 },
    /// The end of a program.
    Return { value: Operand },
}

/// No register.
pub(crate) const NO_REGISTER: u16 = u16::MAX;

/// An argument, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    /// A value that never changes.
    Value(Value),
    /// A register, counted from the program's first.
    Register(u16),
    /// Several: a range of the plan's lists.
    List { start: u32, len: u32 },
    /// Several: a range of registers, counted from the program's first.
    Registers { start: u16, len: u16 },
}

/// What a context is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ContextKind {
    /// A thread of the scenario.
    Thread,
    /// Runs an interrupt's threaded handler.
    IrqThread(u32),
    /// Runs works of a workqueue; 0 is `system_wq`.
    Worker {
        /// Index of the workqueue.
        wq: u32,
        /// Which of its workers.
        number: u32,
    },
    /// Runs works of a kthread worker.
    KthreadWorker(u32),
    /// Reclaims memory in the background.
    Kswapd,
    /// An idle CPU, on which interrupts from one source arrive.
    Idle(Source),
}

/// Where interrupts come from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// An interrupt line.
    Irq(u32),
    /// A timer.
    Timer(u32),
    /// A tasklet.
    Tasklet(u32),
    /// An `irq_work`.
    IrqWork(u32),
    /// RCU callbacks.
    Rcu,
    /// The `irq_work` in which fence arrays and chains signal.
    FenceIrqWork,
}

impl Source {
    /// Served in hard interrupt context; the others in soft interrupt context.
    pub fn is_hard(self) -> bool {
        matches!(self, Self::Irq(_) | Self::IrqWork(_) | Self::FenceIrqWork)
    }
}

/// A context that exists from the start.
#[derive(Clone, Debug)]
pub struct ContextDecl {
    /// Its name in reports (`comm`).
    pub name: String,
    /// What it is for.
    pub kind: ContextKind,
    /// What it runs, for threads.
    pub(crate) program: Option<ProgramId>,
    /// Its memory.
    pub(crate) mm: Option<u32>,
}

/// What sort of lock the validator sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LockSort {
    /// `raw_spinlock_t`.
    RawSpinlock,
    /// `spinlock_t`, `rwlock_t`.
    Spinlock,
    /// Sleeping locks.
    Sleeping,
    /// `local_lock_t`.
    LocalLock,
    /// `rcu_read_lock()`.
    Rcu,
    /// An annotation that nobody blocks on.
    Map,
}

impl LockSort {
    /// Taking it switches preemption off.
    pub const fn spins(self) -> bool {
        matches!(self, Self::RawSpinlock | Self::Spinlock)
    }
}

/// A lockdep class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockClass {
    /// Its name.
    pub name: String,
    /// What sort of locks are in it.
    pub sort: LockSort,
}

/// Classes that exist in every kernel.
pub mod class {
    /// `mm->mmap_lock`.
    pub const MMAP_LOCK: u32 = 0;
    /// The acquire contexts of reservations.
    pub const RESV_ACQUIRE: u32 = 1;
    /// The locks of reservations.
    pub const RESV_MUTEX: u32 = 2;
    /// `rcu_read_lock()`.
    pub const RCU: u32 = 3;
    /// The lock of a `dma_fence_array`.
    pub const FENCE_ARRAY: u32 = 4;
    /// The lock of a `dma_fence_chain`.
    pub const FENCE_CHAIN: u32 = 5;
    /// The lock inside a fence that brings its own.
    pub const FENCE_INLINE: u32 = 6;
    /// The lock of the stub fences.
    pub const FENCE_STUB: u32 = 7;
    /// The lock of a `sw_sync` timeline.
    pub const SW_SYNC: u32 = 8;
    /// The lock that both fences of a `drm_sched_job` share.
    pub const SCHED_FENCE: u32 = 9;
    /// The first class of the scenario's own.
    pub const FIRST_FREE: u32 = 10;
}

impl Plan {
    /// Makes a scenario ready to run by hand: besides its own threads it gets `manual` ones, which do what a
    /// [`Session`](crate::Session) tells them. They come first.
    ///
    /// # Errors
    /// What [`Scenario::validate`] finds.
    pub(crate) fn with_manual_threads(scenario: &Scenario, manual: usize) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        Ok(Compiler::compile(scenario.clone(), manual))
    }

    /// Makes a scenario ready to run.
    ///
    /// # Errors
    /// What [`Scenario::validate`] finds.
    pub fn new(scenario: &Scenario) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        let expanded = crate::contract::expand(scenario);
        Ok(Compiler::compile(expanded, 0))
    }

    /// The same for another kernel.
    #[must_use]
    pub fn with_version(mut self, version: KernelVersion) -> Self {
        self.version = version;
        self
    }

    /// The same without strict mode: only what Linux annotates is a signalling section.
    #[must_use]
    pub fn without_strict_mode(mut self) -> Self {
        self.strict = false;
        self
    }

    /// The scenario as it runs: with what the environment adds to it.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The world before the first step.
    pub fn initial(&self) -> &World {
        &self.initial
    }

    /// The contexts that exist from the start, in the order of their task ids.
    pub fn contexts(&self) -> &[ContextDecl] {
        &self.contexts
    }

    /// All lock classes.
    pub fn classes(&self) -> &[LockClass] {
        &self.classes
    }

    /// Name of a lock of a world.
    pub fn lock_name(&self, world: &World, lock: u32) -> String {
        match self.lock_names.get(lock as usize) {
            Some(name) => name.clone(),
            None => format!("{}@{lock}", self.classes[world.locks.class(lock) as usize].name),
        }
    }

    /// What interrupts can come from.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Name of a source of interrupts, with its kind.
    pub fn source_name(&self, source: u32) -> String {
        let named = |kind: Kind, index| format!("{kind} {}", self.object_name(kind, index));
        match self.sources[source as usize] {
            Source::Irq(index) => named(Kind::Irq, index),
            Source::Timer(index) => named(Kind::Timer, index),
            Source::Tasklet(index) => named(Kind::Tasklet, index),
            Source::IrqWork(index) => named(Kind::IrqWork, index),
            Source::Rcu => "RCU callbacks".into(),
            Source::FenceIrqWork => "irq_work of fence containers".into(),
        }
    }

    /// Name of an object.
    pub fn object_name(&self, kind: Kind, index: u32) -> String {
        if kind == Kind::Task {
            return self.contexts[index as usize].name.clone();
        }
        let Some(position) = position(kind, index) else {
            return "events".into();
        };
        if let Some(name) = self.deferred.workqueues.own_name(kind, index) {
            return name.to_owned();
        }
        match self.by_kind[kind as usize].get(position) {
            Some(id) => self.scenario.objects[id.index()].name.clone(),
            None => format!("{kind}#{index}"),
        }
    }

    /// Where the `index`-th object of a kind was declared.
    pub(crate) fn declared_at(&self, kind: Kind, index: u32) -> SiteId {
        let id = position(kind, index).and_then(|position| self.by_kind[kind as usize].get(position));
        id.map_or(SiteId::UNKNOWN, |id| self.scenario.objects[id.index()].at)
    }

    /// Declaration of the `index`-th object of a kind.
    pub(crate) fn declared(&self, kind: Kind, index: u32) -> &ObjectKind {
        let position = position(kind, index).expect("engine bug: system_wq has no declaration");
        let id = self.by_kind[kind as usize][position];
        &self.scenario.objects[id.index()].kind
    }

    /// Whether locks of this class are `ww_mutex`es.
    pub(crate) fn is_ww_mutex(&self, class: u32) -> bool {
        self.ww_classes.iter().any(|known| known.mutex == class)
    }

    /// The fences of a timeline share this lock.
    pub fn is_timeline_lock(&self, lock: u32) -> bool {
        self.by_kind[Kind::Timeline as usize].iter().any(|id| match self.scenario.objects[id.index()].kind {
            ObjectKind::Timeline { lock: Some(shared), .. } => self.index(shared) == lock,
            _ => false,
        })
    }

    /// It is one of the GPU schedulers' own locks.
    pub fn is_sched_lock(&self, lock: u32) -> bool {
        let SchedLayouts { list, entities, xa_lock, .. } = &self.scheds;
        (!list.is_empty() && *xa_lock == lock)
            || list.iter().any(|sched| lock == sched.job_list_lock || lock == sched.rq_lock)
            || entities.iter().any(|entity| entity.lock == lock)
    }

    /// Index of a declared object among those of its kind (for locks: in the world's locks).
    pub(crate) fn index(&self, id: ObjectId) -> u32 {
        self.indices[id.index()]
    }
}

impl Plan {
    /// Place of an operation, if it is one and its place is known.
    pub(crate) fn site_at(&self, pc: u32) -> Option<SiteId> {
        match self.code[pc as usize] {
            Instr::Call { site, .. } => Some(site).filter(|&site| site != SiteId::UNKNOWN),
            _ => None,
        }
    }

    /// Name of the program that this instruction belongs to.
    pub(crate) fn program_at(&self, pc: u32) -> &str {
        &self.declared_program_at(pc).name
    }

    /// The driver whose code this instruction is.
    pub(crate) fn driver_at(&self, pc: u32) -> Option<&str> {
        self.declared_program_at(pc).driver.as_deref()
    }

    /// Where the innermost program of these frames is whose place is known.
    pub(crate) fn site_of_innermost(&self, frames: &[Frame]) -> Option<SiteId> {
        frames.iter().rev().find_map(|frame| match frame {
            Frame::Program(frame) => self.site_at(frame.pc),
            _ => None,
        })
    }

    fn declared_program_at(&self, pc: u32) -> &Program {
        let after = self.programs.partition_point(|program| program.entry <= pc);
        &self.scenario.programs[after - 1]
    }
}

/// Where a declared object stands among those of its kind. Workqueue 0 is `system_wq`, which nobody declares.
fn position(kind: Kind, index: u32) -> Option<usize> {
    match kind {
        Kind::Workqueue => (index as usize).checked_sub(1),
        _ => Some(index as usize),
    }
}
