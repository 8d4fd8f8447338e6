//! The validator: its state, and what can be asked of it.

use ringfence_base::{ClassId, LockEvent, LockEventKind, LockId, Observer, Origin, Place, SiteId, TaskId};
use ringfence_diag::{LockFinding, LockReportKind};
use rustc_hash::FxHashMap;

use crate::chain::ChainCache;
use crate::class::{Key, KeyId, Lock, LockInit, NONE, Registry};
use crate::config::Config;
use crate::graph::Graph;
use crate::held::Task;
use crate::misuse::Misuse;
use crate::problem::{Problem, Verdict};
use crate::reach::Reach;
use crate::search::Search;
use crate::sites::Sites;
use crate::topological_order::TopologicalOrder;
use crate::wait_context::WaitScale;

/// A streaming lock-order, usage and context validator with the semantics of Linux lockdep.
///
/// It is fed events one by one and knows nothing but locks, tasks and interrupts; the kernel's annotations
/// (reclaim, MMU notifiers, fence signalling) are a layer on top, [`annotations`](crate::annotations).
///
/// Every event takes an [`Origin`], which comes back in reports. Events return how many reports they made;
/// [`Validator::reported`] then says which.
///
/// ```
/// use ringfence_base::{AcquireFlags, Origin, SiteId};
/// use ringfence_lockdep::{Config, LockInit, LockType, Validator, WaitType};
///
/// let mut validator = Validator::new(Config::default());
/// let task = validator.add_task("kworker");
/// let mut mutex = |name| {
///     let key = validator.add_key(name);
///     validator.add_lock(&LockInit {
///         name,
///         key,
///         wait_inner: WaitType::Sleep,
///         wait_outer: WaitType::None,
///         lock_type: LockType::Normal,
///     })
/// };
/// let (a, b) = (mutex("a"), mutex("b"));
/// let mut op = 0;
/// for (first, second) in [(a, b), (b, a)] {
///     for lock in [first, second] {
///         op += 1;
///         validator.acquire(Origin { op, task, site: SiteId::UNKNOWN }, lock, AcquireFlags::default());
///     }
///     for lock in [second, first] {
///         op += 1;
///         validator.release(Origin { op, task, site: SiteId::UNKNOWN }, lock);
///     }
/// }
/// assert_eq!(validator.findings()[0].rule, "RF601");
/// ```
pub struct Validator {
    pub(crate) config: Config,
    pub(crate) scale: WaitScale,
    pub(crate) registry: Registry,
    pub(crate) tasks: Vec<Task>,
    pub(crate) graph: Graph,
    pub(crate) chains: ChainCache,
    /// `None` once the kernel's search let a strong circle into the graph.
    pub(crate) order: Option<TopologicalOrder>,
    pub(crate) reach: Reach,
    pub(crate) search: Search,
    pub(crate) sites: Sites,
    pub(crate) problems: Vec<Problem>,
    /// By kind, class and detail: the problem it is.
    pub(crate) known: FxHashMap<(LockReportKind, u32, u32, u32), u32>,
    /// Problems met by the latest event.
    pub(crate) reported: Vec<usize>,
    /// How many reports there were, each repetition counted.
    pub(crate) reports: u64,
    /// The event being worked on.
    pub(crate) now: Origin,
    /// The kernel's `debug_locks`.
    pub(crate) on: bool,
}

impl Validator {
    /// An empty validator.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            scale: WaitScale { raw_lock_nesting: config.raw_lock_nesting },
            registry: Registry::default(),
            tasks: Vec::new(),
            graph: Graph::default(),
            chains: ChainCache::default(),
            order: Some(TopologicalOrder::default()),
            reach: Reach::default(),
            search: Search::default(),
            sites: Sites::default(),
            problems: Vec::new(),
            known: FxHashMap::default(),
            reported: Vec::new(),
            reports: 0,
            now: Origin { op: 0, task: TaskId::new(0), site: SiteId::UNKNOWN },
            on: true,
        }
    }

    /// Forgets everything but keeps its memory, for the next trace.
    pub fn reset(&mut self, config: Config) {
        self.config = config;
        self.scale = WaitScale { raw_lock_nesting: config.raw_lock_nesting };
        self.registry.clear();
        self.tasks.clear();
        self.graph.clear();
        self.chains.clear();
        let mut order = self.order.take().unwrap_or_default();
        order.clear();
        self.order = Some(order);
        self.sites.clear();
        self.problems.clear();
        self.known.clear();
        self.reported.clear();
        self.reports = 0;
        self.on = true;
    }

    /// All tasks start anew, with nothing held; what was learnt of classes and dependencies stays, as it does in
    /// Linux from one process to the next.
    pub fn restart_tasks(&mut self) {
        self.tasks.iter_mut().for_each(Task::restart);
    }

    /// What it was made with.
    pub fn config(&self) -> Config {
        self.config
    }

    /// A new key: the identity of a set of locks that obey the same rules (`struct lock_class_key`). The
    /// name is the one its classes are reported under.
    pub fn add_key(&mut self, name: &str) -> KeyId {
        let key =
            KeyId(u32::try_from(self.registry.keys.len()).expect("engine bug: more than 2^32 lock keys"));
        self.registry.keys.push(Key { newest: NONE });
        self.registry.key_names.push(name);
        key
    }

    /// A new instance. Its class comes into being when it is first used.
    pub fn add_lock(&mut self, init: &LockInit<'_>) -> LockId {
        assert!(
            (init.key.0 as usize) < self.registry.keys.len(),
            "engine bug: a lock with the key of another validator"
        );
        let lock = LockId::new(self.registry.locks.len());
        self.registry.lock_names.push(init.name);
        self.registry.locks.push(Lock {
            key: init.key,
            class0: NONE,
            wait_inner: init.wait_inner,
            wait_outer: init.wait_outer,
            lock_type: init.lock_type,
        });
        lock
    }

    /// A new task: nothing held, all interrupts on, in process context.
    pub fn add_task(&mut self, name: &str) -> TaskId {
        let task = TaskId::new(self.tasks.len());
        self.tasks.push(Task::new(name.into()));
        task
    }

    /// Gives a place in the code a number, for [`Origin::site`].
    pub fn intern(&mut self, place: Place) -> SiteId {
        self.sites.intern(place)
    }

    /// False once a report has switched it off (only with [`AfterReport::Stop`](crate::AfterReport::Stop)).
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The first report of all, bare.
    pub fn verdict(&self) -> Option<Verdict> {
        self.problems.first().map(Problem::verdict)
    }

    /// How many distinct problems there are.
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The problems that the latest event met (new ones and ones known before), as indices into
    /// [`Validator::findings`].
    pub fn reported(&self) -> &[usize] {
        &self.reported
    }

    /// All distinct problems, in order of discovery.
    pub fn findings(&self) -> Vec<LockFinding> {
        (0..self.problems.len()).map(|problem| self.finding(problem)).collect()
    }

    /// One problem in words.
    ///
    /// # Panics
    /// If there is no problem of that index.
    pub fn finding(&self, problem: usize) -> LockFinding {
        let problem = &self.problems[problem];
        match &problem.finding {
            Some(finding) => LockFinding { count: problem.count, ..(**finding).clone() },
            None => self.describe(problem),
        }
    }

    /// Classes, dependencies (pairs of classes) and chains on record.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            classes: self.registry.classes.len(),
            dependencies: self.graph.edge_count(),
            chains: self.chains.kernel_cached,
            order_steps: self.order.as_ref().map_or(0, |order| order.steps),
        }
    }

    /// Names of the locks a task holds, oldest first.
    pub fn held(&self, task: TaskId) -> impl Iterator<Item = &str> {
        self.tasks[task.index()].held.iter().map(|held| &self.registry.lock_names[held.lock.index()])
    }

    /// The task's name.
    pub fn task_name(&self, task: TaskId) -> &str {
        &self.tasks[task.index()].name
    }

    /// `lock_is_held_type()`: the first held entry that matches, from the oldest on and across interrupt
    /// contexts, decides; with `read` it must be held that way.
    pub fn is_held(&mut self, task: TaskId, lock: LockId, read: Option<bool>) -> bool {
        if self.tasks[task.index()].held.is_empty() {
            return false;
        }
        let class0 = self.registry.look_up(lock, 0);
        let held = self.tasks[task.index()].held.iter().find(|held| matches(held, lock, class0));
        held.is_some_and(|held| read.is_none_or(|read| held.read.is_read() == read))
    }

    /// Hard interrupts are on for this task.
    pub fn hardirqs_enabled(&self, task: TaskId) -> bool {
        self.tasks[task.index()].irqs.hardirqs_enabled()
    }

    fn check_ids(&self, event: &LockEvent) -> Result<(), Misuse> {
        let lock_known = |lock: LockId| lock.index() < self.registry.locks.len();
        if event.origin.task.index() >= self.tasks.len() {
            return Err(Misuse::UnknownTask);
        }
        let known = match event.kind {
            LockEventKind::Acquire(lock, flags) | LockEventKind::Sync(lock, flags) => {
                lock_known(lock) && flags.nest.is_none_or(lock_known)
            }
            LockEventKind::Release(lock) | LockEventKind::Downgrade(lock) | LockEventKind::Free(lock) => {
                lock_known(lock)
            }
            _ => true,
        };
        if known { Ok(()) } else { Err(Misuse::UnknownLock) }
    }

    /// Starts an event: true if there is anything to do.
    #[inline]
    pub(crate) fn begin(&mut self, origin: Origin) -> bool {
        self.now = origin;
        if !self.reported.is_empty() {
            self.reported.clear();
        }
        self.on
    }

    /// The class of a lock, if anybody used it yet.
    #[inline]
    pub(crate) fn class_of(&mut self, lock: LockId, subclass: u32) -> Option<ClassId> {
        self.registry.look_up(lock, subclass)
    }
}

/// Sizes, for people and benchmarks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statistics {
    /// Lock classes.
    pub classes: usize,
    /// Dependencies: ordered pairs of classes.
    pub dependencies: usize,
    /// Distinct chains that Linux would have cached.
    pub chains: usize,
    /// Dependencies looked at to keep the topological order: what new ones cost besides a constant. 0 once
    /// the kernel's search let a circle in, for then there is no order.
    pub order_steps: u64,
}

/// `match_held_lock()`: the same instance; or, for an entry with references, the same class. An entry that
/// counts references though its first acquirer named no nest lock can't be found by class.
#[inline]
pub(crate) fn matches(held: &crate::held::HeldLock, lock: LockId, class0: Option<ClassId>) -> bool {
    held.lock == lock || (held.references != 0 && held.nest.is_some() && class0 == Some(held.class))
}

impl Observer for Validator {
    type Error = Misuse;

    fn observe(&mut self, event: &LockEvent) -> Result<(), Misuse> {
        self.check_ids(event)?;
        let origin = event.origin;
        match event.kind {
            LockEventKind::Acquire(lock, flags) => drop(self.acquire(origin, lock, flags)),
            LockEventKind::Release(lock) => drop(self.release(origin, lock)),
            LockEventKind::Sync(lock, flags) => drop(self.sync(origin, lock, flags)),
            LockEventKind::Downgrade(lock) => drop(self.downgrade(origin, lock)),
            LockEventKind::Free(lock) => drop(self.free(origin, lock)),
            LockEventKind::IrqOff => self.irq_off(origin),
            LockEventKind::IrqOn => drop(self.irq_on(origin)?),
            LockEventKind::BhDisable => self.bh_disable(origin),
            LockEventKind::BhEnable => drop(self.bh_enable(origin)?),
            LockEventKind::HardirqEnter { threaded } => self.hardirq_enter(origin, threaded),
            LockEventKind::HardirqExit => drop(self.hardirq_exit(origin)?),
            LockEventKind::SoftirqEnter => self.softirq_enter(origin),
            LockEventKind::SoftirqExit => drop(self.softirq_exit(origin)?),
        }
        Ok(())
    }
}
