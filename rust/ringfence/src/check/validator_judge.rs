//! The first judge: the validator on every event of every run. It remembers from run to run, as lockdep does from
//! boot on.

use ringfence_base::{AcquireFlags, Event, EventKind, LockId, Origin, Place, SiteId, TaskId};
use ringfence_lockdep::annotations::{Annotations, Cookie, LockKind, Profile, prime};
use ringfence_lockdep::{AfterReport, KeyId, Search};
use ringfence_model::{LockSort, Plan, World, class};

/// The validator and what the model's numbers are in it.
pub struct ValidatorJudge {
    kernel: Annotations,
    keys: Vec<KeyId>,
    /// Per lock of the model: the class it had, and its number in the validator.
    locks: Vec<(u32, LockId)>,
    sites: Vec<SiteId>,
    cookies: Vec<Vec<Cookie>>,
    boot: TaskId,
}

/// The class of a lock that was never used.
const NO_CLASS: u32 = u32::MAX;

fn kind(sort: LockSort) -> LockKind {
    match sort {
        LockSort::RawSpinlock => LockKind::RAW_SPINLOCK,
        LockSort::Spinlock => LockKind::SPINLOCK,
        LockSort::Sleeping => LockKind::SLEEPING,
        LockSort::LocalLock => LockKind::LOCAL_LOCK,
        LockSort::Rcu => LockKind::RCU,
        LockSort::Map => LockKind::MAP,
    }
}

impl ValidatorJudge {
    /// A validator that knows the contract, and the scenario's classes, tasks and places.
    pub fn new(plan: &Plan, profile: Profile) -> Self {
        let mut kernel = Annotations::new(profile, Search::Exact, AfterReport::Continue);
        let keys: Vec<KeyId> = plan.classes().iter().map(|class| kernel.add_key(&class.name)).collect();
        for context in plan.contexts() {
            kernel.add_task(&context.name);
        }
        let boot = kernel.add_task("swapper/0");
        let place =
            |location: &ringfence_base::SourceLocation| Place { location: Some(location.clone()), via: None };
        let mut sites = vec![SiteId::UNKNOWN];
        sites.extend(plan.scenario().sites.iter().map(|location| kernel.intern(place(location))));
        let cookies = vec![Vec::new(); plan.contexts().len()];
        let mut judge = Self { kernel, keys, locks: Vec::new(), sites, cookies, boot };
        judge.prime();
        judge
    }

    fn prime(&mut self) {
        let mut lock =
            |name: &str, class: u32, kind| self.kernel.add_lock(name, self.keys[class as usize], kind);
        let mmap_lock = lock("mmap_lock", class::MMAP_LOCK, LockKind::SLEEPING);
        let ww_ctx = lock("ww_ctx", class::RESV_ACQUIRE, LockKind::MAP);
        let resv = lock("resv", class::RESV_MUTEX, LockKind::SLEEPING);
        let key = self.kernel.add_key("i_mmap_rwsem");
        let i_mmap_rwsem = self.kernel.add_lock("i_mmap_rwsem", key, LockKind::SLEEPING);
        self.kernel.set_prime_locks(prime::Locks { mmap_lock, ww_ctx, resv, i_mmap_rwsem });
        self.kernel.prime(Origin { op: 0, task: self.boot, site: SiteId::UNKNOWN });
    }

    /// A new run begins.
    pub fn restart(&mut self) {
        self.kernel.restart_tasks();
        self.cookies.iter_mut().for_each(Vec::clear);
    }

    /// The kernel with its validator.
    pub fn kernel(&self) -> &Annotations {
        &self.kernel
    }

    #[inline]
    fn lock(&mut self, plan: &Plan, world: &World, lock: LockId) -> LockId {
        let class = world.locks().class(lock.raw());
        if let Some(&(known, number)) = self.locks.get(lock.index())
            && known == class
        {
            return number;
        }
        self.add_lock(plan, world, lock, class)
    }

    #[cold]
    fn add_lock(&mut self, plan: &Plan, world: &World, lock: LockId, class: u32) -> LockId {
        let name = plan.lock_name(world, lock.raw());
        let key = self.keys[class as usize];
        let number = self.kernel.add_lock(&name, key, kind(plan.classes()[class as usize].sort));
        if self.locks.len() <= lock.index() {
            self.locks.resize(lock.index() + 1, (NO_CLASS, number));
        }
        self.locks[lock.index()] = (class, number);
        number
    }

    #[inline]
    fn flags(&mut self, plan: &Plan, world: &World, flags: AcquireFlags) -> AcquireFlags {
        match flags.nest {
            None => flags,
            Some(nest) => AcquireFlags { nest: Some(self.lock(plan, world, nest)), ..flags },
        }
    }

    /// Takes one event; returns how many problems it made visible. [`Annotations::validator`] says which.
    #[inline]
    pub fn observe(&mut self, plan: &Plan, world: &World, event: &Event) -> usize {
        match event.kind {
            EventKind::Acquire(lock, flags) => self.acquire(plan, world, event.origin, lock, flags),
            EventKind::Release(lock) => self.release(plan, world, event.origin, lock),
            // Not its business, and in every execution.
            EventKind::Block(_) | EventKind::Exit => 0,
            _ => self.observe_rare(plan, world, event),
        }
    }

    /// A lock is taken.
    #[inline]
    pub(super) fn acquire(
        &mut self,
        plan: &Plan,
        world: &World,
        origin: Origin,
        lock: LockId,
        flags: AcquireFlags,
    ) -> usize {
        let origin = self.seen_at(origin);
        let lock = self.lock(plan, world, lock);
        let flags = self.flags(plan, world, flags);
        self.kernel.acquire(origin, lock, flags)
    }

    /// A lock is given back.
    #[inline]
    pub(super) fn release(&mut self, plan: &Plan, world: &World, origin: Origin, lock: LockId) -> usize {
        let origin = self.seen_at(origin);
        let lock = self.lock(plan, world, lock);
        self.kernel.release(origin, lock)
    }

    /// The origin with the validator's number of the place.
    #[inline]
    fn seen_at(&self, origin: Origin) -> Origin {
        Origin { site: self.sites[origin.site.index()], ..origin }
    }

    /// Any other event.
    #[inline(never)]
    pub(super) fn observe_rare(&mut self, plan: &Plan, world: &World, event: &Event) -> usize {
        // The model only lets interrupts and bottom halves end that have begun.
        const PAIRED: &str = "engine bug: the model let an interrupt state end that had not begun";
        let Event { origin, kind } = *event;
        let origin = self.seen_at(origin);
        match kind {
            EventKind::Sync(lock, flags) => {
                let lock = self.lock(plan, world, lock);
                let flags = self.flags(plan, world, flags);
                self.kernel.sync(origin, lock, flags)
            }
            EventKind::Downgrade(lock) => {
                let lock = self.lock(plan, world, lock);
                self.kernel.downgrade(origin, lock)
            }
            EventKind::Free(lock) => {
                let lock = self.lock(plan, world, lock);
                self.kernel.free(origin, lock)
            }
            EventKind::IrqOff => {
                self.kernel.irq_off(origin);
                0
            }
            EventKind::IrqOn => self.kernel.irq_on(origin).expect(PAIRED),
            EventKind::BhDisable => {
                self.kernel.bh_disable(origin);
                0
            }
            EventKind::BhEnable => self.kernel.bh_enable(origin).expect(PAIRED),
            EventKind::HardirqEnter { threaded } => {
                self.kernel.hardirq_enter(origin, threaded);
                0
            }
            EventKind::HardirqExit => self.kernel.hardirq_exit(origin).expect(PAIRED),
            EventKind::SoftirqEnter => {
                self.kernel.softirq_enter(origin);
                0
            }
            EventKind::SoftirqExit => self.kernel.softirq_exit(origin).expect(PAIRED),
            EventKind::PreemptDisable => {
                self.kernel.preempt_disable(origin);
                0
            }
            EventKind::PreemptEnable => {
                self.kernel.preempt_enable(origin);
                0
            }
            EventKind::Alloc(gfp) => self.kernel.alloc(origin, gfp),
            EventKind::FsReclaimAcquire(gfp) => self.kernel.fs_reclaim_acquire(origin, gfp),
            EventKind::FsReclaimRelease(gfp) => self.kernel.fs_reclaim_release(origin, gfp),
            EventKind::ScopeSave(scope) => {
                self.kernel.scope_save(origin, scope);
                0
            }
            EventKind::ScopeRestore(scope) => {
                self.kernel.scope_restore(origin, scope);
                0
            }
            EventKind::BeginSignalling => {
                let (reported, cookie) = self.kernel.begin_signalling(origin);
                self.cookies[origin.task.index()].push(cookie);
                reported
            }
            EventKind::BeginStrict => {
                let (reported, cookie) = self.kernel.begin_strict_section(origin);
                self.cookies[origin.task.index()].push(cookie);
                reported
            }
            EventKind::EndSignalling => match self.cookies[origin.task.index()].pop() {
                Some(cookie) => self.kernel.end_signalling(origin, cookie),
                None => 0,
            },
            EventKind::MightWait => self.kernel.might_wait(origin),
            EventKind::InvalidateRangeStart => self.kernel.invalidate_range_start(origin),
            EventKind::InvalidateRangeEnd => self.kernel.invalidate_range_end(origin),
            _ => 0,
        }
    }
}
