//! What Linux builds on top of its validator: reclaim, MMU notifiers, fence signalling and the boot-time
//! priming, each of them a few lock events.
//!
//! The validator knows none of this; it sees acquisitions and releases of three maps (`fs_reclaim`,
//! `mmu_notifier_invalidate_range_start`, `dma_fence_map`) and of the locks that the priming takes.

mod dma_fence;
mod fs_reclaim;
mod mmu_notifier;
pub mod prime;
mod profile;

use ringfence_base::{AcquireFlags, LockId, Origin, Place, SiteId, TaskId};
use ringfence_diag::LockFinding;
use rustc_hash::FxHashMap;

pub use dma_fence::Cookie;
pub use profile::{Annotation, Profile, ProfileError};
pub use ringfence_base::{Gfp, Scope, UnknownGfp};

use crate::class::{LockInit, LockType, WaitType};
use crate::config::{AfterReport, Search};
use crate::misuse::Misuse;
use crate::validator::Validator;

/// A lock as the annotations see it: how it is initialised, and whether holding it makes the context
/// atomic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LockKind {
    /// Inner wait type.
    pub wait_inner: WaitType,
    /// Outer wait type.
    pub wait_outer: WaitType,
    /// Sort of lock.
    pub lock_type: LockType,
    /// Taking it raises the preempt count.
    pub atomic: bool,
}

impl LockKind {
    const fn plain(wait_inner: WaitType, atomic: bool) -> Self {
        Self { wait_inner, wait_outer: WaitType::None, lock_type: LockType::Normal, atomic }
    }

    /// `raw_spinlock_t`.
    pub const RAW_SPINLOCK: Self = Self::plain(WaitType::Spin, true);
    /// `spinlock_t` and `rwlock_t`.
    pub const SPINLOCK: Self = Self::plain(WaitType::Config, true);
    /// mutex, rwsem, `ww_mutex`.
    pub const SLEEPING: Self = Self::plain(WaitType::Sleep, false);
    /// A bare annotation map.
    pub const MAP: Self = Self::plain(WaitType::None, false);
    /// `local_lock_t`.
    pub const LOCAL_LOCK: Self = Self { lock_type: LockType::PerCpu, ..Self::plain(WaitType::Config, true) };
    /// `rcu_read_lock()`.
    pub const RCU: Self = Self { wait_outer: WaitType::Free, ..Self::plain(WaitType::Config, false) };
}

/// What a task carries besides its locks.
#[derive(Clone, Copy, Default)]
struct TaskState {
    /// Locks that spin, hard irqs, soft irqs and disabled bottom halves (`preempt_count()`).
    preempt_count: u32,
    /// Its signalling section is one of strict mode.
    strict: bool,
    scopes: fs_reclaim::Scopes,
}

/// The section that strict mode puts the works of GPU schedulers in, as reports name it.
pub const STRICT_MODE: &str = "strict mode";

/// Which kernel function acts on the caller's behalf, for reports.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Via {
    BeginSignalling,
    StrictMode,
    MightWait,
    Reclaim(Gfp),
    InvalidateRange,
    Prime,
}

/// A validator with the kernel's annotations on top.
pub struct Annotations {
    validator: Validator,
    profile: Profile,
    tasks: Vec<TaskState>,
    /// Per lock: taking it raises the preempt count.
    atomic: Vec<bool>,
    maps: Maps,
    sites: FxHashMap<(SiteId, Via), SiteId>,
}

/// The maps, made when they are first needed, so that class numbers follow first use.
#[derive(Clone, Copy, Default)]
struct Maps {
    dma_fence: Option<LockId>,
    fs_reclaim: Option<LockId>,
    mmu_notifier: Option<LockId>,
    prime: Option<prime::Locks>,
}

impl Annotations {
    /// A fresh kernel.
    pub fn new(profile: Profile, search: Search, after_report: AfterReport) -> Self {
        Self {
            validator: Validator::new(profile.config(search, after_report)),
            profile,
            tasks: Vec::new(),
            atomic: Vec::new(),
            maps: Maps::default(),
            sites: FxHashMap::default(),
        }
    }

    /// Forgets everything but keeps its memory.
    pub fn reset(&mut self, profile: Profile, search: Search, after_report: AfterReport) {
        self.validator.reset(profile.config(search, after_report));
        self.profile = profile;
        self.tasks.clear();
        self.atomic.clear();
        self.maps = Maps::default();
        self.sites.clear();
    }

    /// All tasks start anew, with nothing held and in no scope; what was learnt stays.
    pub fn restart_tasks(&mut self) {
        self.validator.restart_tasks();
        self.tasks.iter_mut().for_each(|task| *task = TaskState::default());
    }

    /// The validator below.
    pub fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Which kernel this is.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// False once a report has switched the validator off.
    pub fn is_on(&self) -> bool {
        self.validator.is_on()
    }

    /// All distinct problems so far.
    pub fn findings(&self) -> Vec<LockFinding> {
        self.validator.findings()
    }

    /// A new task.
    pub fn add_task(&mut self, name: &str) -> TaskId {
        self.tasks.push(TaskState::default());
        self.validator.add_task(name)
    }

    /// A new set of locks that obey the same rules.
    pub fn add_key(&mut self, name: &str) -> crate::KeyId {
        self.validator.add_key(name)
    }

    /// A new lock of a set.
    pub fn add_lock(&mut self, name: &str, key: crate::KeyId, kind: LockKind) -> LockId {
        let LockKind { wait_inner, wait_outer, lock_type, atomic } = kind;
        self.atomic.push(atomic);
        self.validator.add_lock(&LockInit { name, key, wait_inner, wait_outer, lock_type })
    }

    /// A place in the code, for [`Origin::site`].
    pub fn intern(&mut self, place: Place) -> SiteId {
        self.validator.intern(place)
    }

    /// The map of this name, made when it is first needed.
    fn map(&mut self, name: &str, slot: impl Fn(&mut Maps) -> &mut Option<LockId>) -> LockId {
        if let Some(map) = *slot(&mut self.maps) {
            return map;
        }
        let key = self.add_key(name);
        let map = self.add_lock(name, key, LockKind::MAP);
        *slot(&mut self.maps) = Some(map);
        map
    }

    /// The same origin, done by this kernel function.
    fn via(&mut self, origin: Origin, via: Via) -> Origin {
        if let Some(site) = self.sites.get(&(origin.site, via)) {
            return Origin { site: *site, ..origin };
        }
        let name = match via {
            Via::BeginSignalling => "dma_fence_begin_signalling()".into(),
            Via::StrictMode => STRICT_MODE.into(),
            Via::MightWait => "__dma_fence_might_wait()".into(),
            Via::Reclaim(gfp) => format!("fs_reclaim_acquire({gfp})"),
            Via::InvalidateRange => "mmu_notifier_invalidate_range_start()".into(),
            Via::Prime => "dma_resv_lockdep()".into(),
        };
        let place = self.validator.sites.place(origin.site).clone();
        // The priming goes through the other functions.
        let name = match &place.via {
            Some(caller) => format!("{name} in {caller}"),
            None => name,
        };
        let place = Place { via: Some(name), ..place };
        let site = self.validator.intern(place);
        self.sites.insert((origin.site, via), site);
        Origin { site, ..origin }
    }

    fn task(&mut self, origin: Origin) -> &mut TaskState {
        &mut self.tasks[origin.task.index()]
    }

    /// With `lockdep` off there is nothing to do at all.
    fn active(&mut self) -> bool {
        self.validator.reported.clear();
        self.profile.lockdep && self.validator.is_on()
    }

    /// Several lock events that belong to one operation: reports of all of them count.
    fn steps(&mut self, mut steps: impl FnMut(&mut Self, &mut Vec<usize>)) -> usize {
        let mut reported = Vec::new();
        steps(self, &mut reported);
        reported.sort_unstable();
        reported.dedup();
        self.validator.reported = reported;
        self.validator.reported.len()
    }

    fn step(&mut self, reported: &mut Vec<usize>, event: impl FnOnce(&mut Validator) -> usize) {
        if event(&mut self.validator) != 0 {
            reported.extend_from_slice(self.validator.reported());
        }
    }

    /// `lock_map_acquire()` and the like: an exclusive acquisition with all checks.
    fn map_acquire(&mut self, reported: &mut Vec<usize>, origin: Origin, map: LockId) {
        self.step(reported, |validator| validator.acquire(origin, map, AcquireFlags::default()));
    }

    fn map_release(&mut self, reported: &mut Vec<usize>, origin: Origin, map: LockId) {
        self.step(reported, |validator| validator.release(origin, map));
    }

    /// Takes a lock; one that spins makes the context atomic. Returns how many problems were reported.
    #[inline]
    pub fn acquire(&mut self, origin: Origin, lock: LockId, flags: AcquireFlags) -> usize {
        if self.atomic[lock.index()] {
            self.task(origin).preempt_count += 1;
        }
        if self.profile.lockdep { self.validator.acquire(origin, lock, flags) } else { 0 }
    }

    /// Gives a lock back. Returns how many problems were reported.
    #[inline]
    pub fn release(&mut self, origin: Origin, lock: LockId) -> usize {
        if self.atomic[lock.index()] {
            let task = self.task(origin);
            task.preempt_count = task.preempt_count.saturating_sub(1);
        }
        if self.profile.lockdep { self.validator.release(origin, lock) } else { 0 }
    }

    /// `lock_sync()`. Returns how many problems were reported.
    pub fn sync(&mut self, origin: Origin, lock: LockId, flags: AcquireFlags) -> usize {
        if self.active() { self.validator.sync(origin, lock, flags) } else { 0 }
    }

    /// `lock_downgrade()`. Returns how many problems were reported.
    pub fn downgrade(&mut self, origin: Origin, lock: LockId) -> usize {
        if self.active() { self.validator.downgrade(origin, lock) } else { 0 }
    }

    /// The lock's memory is freed or initialised again. Returns how many problems were reported.
    pub fn free(&mut self, origin: Origin, lock: LockId) -> usize {
        if self.active() { self.validator.free(origin, lock) } else { 0 }
    }

    /// `local_irq_disable()`.
    pub fn irq_off(&mut self, origin: Origin) {
        if self.active() {
            self.validator.irq_off(origin);
        }
    }

    /// `local_irq_enable()`. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::IrqOnInHardirq`].
    pub fn irq_on(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.active() { self.validator.irq_on(origin) } else { Ok(0) }
    }

    /// `preempt_disable()`: the context is atomic. The validator below hears nothing of it.
    pub fn preempt_disable(&mut self, origin: Origin) {
        self.task(origin).preempt_count += 1;
    }

    /// `preempt_enable()`.
    pub fn preempt_enable(&mut self, origin: Origin) {
        let task = self.task(origin);
        task.preempt_count = task.preempt_count.saturating_sub(1);
    }

    /// `local_bh_disable()`.
    pub fn bh_disable(&mut self, origin: Origin) {
        self.task(origin).preempt_count += 1;
        if self.active() {
            self.validator.bh_disable(origin);
        }
    }

    /// `local_bh_enable()`. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::BhEnableWithoutDisable`].
    pub fn bh_enable(&mut self, origin: Origin) -> Result<usize, Misuse> {
        let result = if self.active() { self.validator.bh_enable(origin) } else { Ok(0) };
        self.leave_atomic(origin, result)
    }

    /// A hard irq arrives.
    pub fn hardirq_enter(&mut self, origin: Origin, threaded: bool) {
        self.task(origin).preempt_count += 1;
        if self.active() {
            self.validator.hardirq_enter(origin, threaded);
        }
    }

    /// The hard irq returns. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::HardirqExitWithoutEnter`].
    pub fn hardirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        let result = if self.active() { self.validator.hardirq_exit(origin) } else { Ok(0) };
        self.leave_atomic(origin, result)
    }

    /// Soft irqs are served.
    pub fn softirq_enter(&mut self, origin: Origin) {
        self.task(origin).preempt_count += 1;
        if self.active() {
            self.validator.softirq_enter(origin);
        }
    }

    /// Serving soft irqs ends. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::SoftirqExitWithoutEnter`].
    pub fn softirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        let result = if self.active() { self.validator.softirq_exit(origin) } else { Ok(0) };
        self.leave_atomic(origin, result)
    }

    fn leave_atomic(&mut self, origin: Origin, result: Result<usize, Misuse>) -> Result<usize, Misuse> {
        if result.is_ok() {
            let task = self.task(origin);
            task.preempt_count = task.preempt_count.saturating_sub(1);
        }
        result
    }
}
