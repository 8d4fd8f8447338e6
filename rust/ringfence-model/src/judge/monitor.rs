//! The third judge: clauses of the contract that need state.

use std::hash::{Hash, Hasher};

use ringfence_base::scenario::Kind;
use ringfence_base::{
    AcquireFlags, Event, EventKind, Footprint, Gfp, GpuEvent, JobEvent, LockId, ObjectRef, Origin, SiteId,
    TaskId,
};

use crate::dma_fence::{fence_object, flag};
use crate::judge::recovery::Recovery;
use crate::judge::starvation::Starvation;
use crate::judge::unsignaled::makes_no_progress;
use crate::plan::{ContextKind, Plan, class};
use crate::sched_job::job_object;
use crate::thread::NONE;
use crate::tracked::{Sealer, Shared, Tracked, Uses};
use crate::tracked_list::SharedList;
use crate::world::World;

/// How sure it is that a rule was broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Certainty {
    /// As the rule says.
    OfRule,
    /// Something could hang because of it, or stay behind.
    Predicted,
    /// The execution itself shows it.
    Shown,
}

/// A rule was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breach {
    /// The rule.
    pub rule: &'static str,
    /// What exactly.
    pub what: &'static str,
    /// On which object.
    pub object: Option<ObjectRef>,
    /// The mask, if it is about an allocation.
    pub gfp: Option<Gfp>,
    /// It needs a section that only strict mode makes one.
    pub strict: bool,
    /// How sure that is.
    pub certainty: Certainty,
    /// Who, when and where.
    pub origin: Origin,
}

/// How a fence became known to others, who may wait for it until it is signaled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Publication {
    pub(super) by: Begun,
    section: InSection,
    /// By when it must be signaled, on the clock that counts only time in which nobody could run; unless it is
    /// known to be late already.
    due: Option<u64>,
    /// It was published in an interrupt, which has nothing to do with the task that it arrived on.
    in_interrupt: bool,
}

/// What happened before, and where: when is no part of the state of an execution, which can come back to what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun(pub(super) Origin);

impl Begun {
    fn key(&self) -> (TaskId, SiteId) {
        (self.0.task, self.0.site)
    }
}

impl PartialEq for Begun {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Begun {}

impl Hash for Begun {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Whether the publisher was in a signalling section.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum InSection {
    No,
    /// In one that has not ended since.
    Open,
    /// In one that has ended.
    Ended,
}

/// What is known of a task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Task {
    /// Open signalling sections.
    depth: u32,
    /// How many of them only strict mode makes sections.
    strict: u32,
    /// Where the outermost one began.
    outermost: Option<SiteId>,
    /// Where it has met a fault, if that is the latest that it has broken.
    fault: Option<SiteId>,
    /// Interrupts being served on it.
    interrupts: u32,
    /// Where it began the acquire context of reservations in which it has taken no lock yet.
    acquire: Option<Begun>,
}

/// Watches one run after the other.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    /// Per task.
    tasks: SharedList<Task>,
    /// Per fence; `None` once it is signaled.
    pub(super) publications: SharedList<Option<Publication>>,
    /// No published fence is late before this.
    earliest_due: u64,
    /// Fences that are late, for a moment.
    late: Vec<(u64, u32)>,
    breaches: Vec<Breach>,
    pub(super) recovery: Shared<Recovery>,
    starvation: Shared<Starvation>,
    starved: Vec<u32>,
    /// Nobody is told when user memory goes: allocations that enter no file system wait for no fence.
    no_mmu_notifiers: bool,
}

impl Monitor {
    /// For a kernel without `CONFIG_MMU_NOTIFIER`, if not `mmu_notifier`.
    pub fn new(mmu_notifier: bool) -> Self {
        let mut monitor = Self { no_mmu_notifiers: !mmu_notifier, ..Self::default() };
        // It has never begun a run.
        *monitor.recovery = Recovery::default();
        monitor
    }

    /// A new run begins.
    pub fn restart(&mut self, plan: &Plan) {
        if self.tasks.is_changed() || self.tasks.unmarked().len() != plan.contexts().len() {
            let tasks = self.tasks.unmarked_all();
            tasks.clear();
            tasks.resize(plan.contexts().len(), Task::default());
            self.tasks.is_reset();
        }
        if self.publications.is_changed() {
            self.publications.unmarked_all().clear();
            self.publications.is_reset();
        }
        self.earliest_due = u64::MAX;
        self.breaches.clear();
        if self.recovery.is_changed() || !self.recovery.unmarked().fits(plan) {
            self.recovery.restart(plan);
            self.recovery.is_reset();
        }
        if self.starvation.is_changed() {
            self.starvation.restart();
            self.starvation.is_reset();
        }
    }

    /// From here on, uses count.
    pub fn before_step(&mut self) {
        self.recovery.forget();
        self.starvation.forget();
    }

    /// Adds what the step has touched of what the monitors know; its resources have numbers from `first` on.
    ///
    /// What they know of tasks is told by the tasks' own steps, and what they know of fences by steps that write
    /// the fence (to publish it, to signal it, to free it) or the clock.
    pub fn add_uses(&self, first: u32, footprint: &mut Footprint) {
        let mut uses = Uses::new(footprint, first);
        self.recovery.collect(&mut uses);
        self.starvation.collect(&mut uses);
    }

    /// Seals what has changed since, behind the world that it watches.
    pub fn seal(&mut self, sealer: &mut Sealer) {
        self.tasks.seal(sealer);
        self.publications.seal(sealer);
        self.recovery.seal(sealer);
        self.starvation.seal(sealer);
    }

    /// Knows what another one did that was sealed by the same sealer. What that had found broken is forgotten.
    pub fn adopt(&mut self, source: &Self) {
        self.tasks.adopt(&source.tasks);
        self.publications.adopt(&source.publications);
        self.recovery.adopt(&source.recovery);
        self.starvation.adopt(&source.starvation);
        self.earliest_due = source.earliest_due;
        self.breaches.clear();
    }

    /// Both will find the same things broken from here on.
    pub fn knows_the_same(&self, other: &Self) -> bool {
        self.tasks == other.tasks
            && self.publications == other.publications
            && self.recovery == other.recovery
            && self.starvation == other.starvation
    }

    /// What this run has broken so far.
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// Where a fence that is not signaled yet was published.
    pub fn published_at(&self, fence: u32) -> Option<Origin> {
        self.publications.unmarked().get(fence as usize).copied().flatten().map(|known| known.by.0)
    }

    fn breach(&mut self, rule: &'static str, what: &'static str, object: Option<ObjectRef>, origin: Origin) {
        let certainty = Certainty::OfRule;
        self.breaks(Breach { rule, what, object, gfp: None, strict: false, certainty, origin });
    }

    fn breaks(&mut self, breach: Breach) {
        let task = breach.origin.task.index();
        if task < self.tasks.unmarked().len() {
            self.tasks.unmarked_mut(task).fault = (breach.rule == "RF302").then_some(breach.origin.site);
        }
        self.breaches.push(breach);
    }

    /// One that the rule alone does not say the certainty of.
    pub(super) fn breach_that_is(
        &mut self,
        certainty: Certainty,
        rule: &'static str,
        what: &'static str,
        fence: u32,
        origin: Origin,
    ) {
        let object = fence_object(fence);
        self.breaks(Breach { rule, what, object, gfp: None, strict: false, certainty, origin });
    }

    /// One that there is because of a section.
    fn breach_in_section(
        &mut self,
        rule: &'static str,
        what: &'static str,
        object: Option<ObjectRef>,
        gfp: Option<Gfp>,
        origin: Origin,
    ) {
        let Task { depth, strict, .. } = *self.task(origin);
        let strict = strict == depth;
        let certainty = Certainty::OfRule;
        self.breaks(Breach { rule, what, object, gfp, strict, certainty, origin });
    }

    /// Takes one event; `world` is as it is after the step.
    #[inline]
    pub fn observe(&mut self, plan: &Plan, world: &World, event: &Event) {
        match event.kind {
            EventKind::Acquire(lock, flags) => self.acquired(plan, world, event.origin, lock, flags),
            EventKind::Release(lock) => self.released(world, event.origin, lock),
            // Not its business, and in every execution.
            EventKind::Block(_) | EventKind::Exit => {}
            _ => self.observe_rare(plan, world, event),
        }
    }

    /// Takes the event that a lock is taken.
    #[inline]
    pub fn acquired(
        &mut self,
        plan: &Plan,
        world: &World,
        origin: Origin,
        lock: LockId,
        flags: AcquireFlags,
    ) {
        if self.depth(origin) != 0 && !flags.trylock {
            self.lock_in_section(plan, world, lock.raw(), origin);
        }
    }

    /// Takes the event that a lock is given back.
    #[inline]
    pub fn released(&mut self, world: &World, origin: Origin, lock: LockId) {
        if self.tasks.unmarked()[origin.task.index()].acquire.is_some() {
            self.acquire_context_ends(world, lock.raw(), origin);
        }
    }

    /// Takes an event that no context has done: time moved on, a GPU has done something.
    pub fn observe_time(&mut self, plan: &Plan, world: &World, event: &Event) {
        match event.kind {
            EventKind::Time(_) => self.late(plan, world, event.origin),
            EventKind::Broken(rule, what, object) => self.breach(rule, what, object, event.origin),
            EventKind::Gpu(gpu, of) => self.gpu(plan, world, gpu, of, event.origin),
            _ => {}
        }
    }

    /// Takes an event that is not one of a lock's.
    #[inline(never)]
    pub fn observe_rare(&mut self, plan: &Plan, world: &World, event: &Event) {
        let Event { origin, kind } = *event;
        match kind {
            EventKind::BeginSignalling => self.begin(origin),
            EventKind::BeginStrict => {
                self.begin(origin);
                self.task(origin).strict += 1;
            }
            EventKind::EndSignalling => self.end_section(origin),
            EventKind::HardirqEnter { .. } | EventKind::SoftirqEnter => self.task(origin).interrupts += 1,
            EventKind::HardirqExit | EventKind::SoftirqExit => {
                let interrupts = &mut self.task(origin).interrupts;
                *interrupts = interrupts.saturating_sub(1);
            }
            EventKind::Alloc(gfp) => self.allocation(world, gfp, origin),
            EventKind::FencePublish(fence, _) => self.published(plan, world, fence, origin),
            EventKind::FenceSignal(fence) => self.signaled(plan, world, fence, origin),
            EventKind::FenceFree(fence) => drop(self.take(fence)),
            EventKind::Broken(rule, what, object) => self.breach(rule, what, object, origin),
            EventKind::Gpu(gpu, of) => self.gpu(plan, world, gpu, of, origin),
            EventKind::Job(event, job) => self.job(plan, world, event, job, origin),
            _ => {}
        }
    }

    fn gpu(&mut self, plan: &Plan, world: &World, event: GpuEvent, of: ObjectRef, origin: Origin) {
        if let Some(what) = self.recovery.gpu_event(plan, world, event, of, origin) {
            self.breach("RF102", what, Some(of), origin);
        }
    }

    fn job(&mut self, plan: &Plan, world: &World, event: JobEvent, job: u32, origin: Origin) {
        self.recovery.job_event(world, event, job, origin);
        if event != JobEvent::Run {
            return;
        }
        let finished = world.scheds.jobs[job as usize].finished;
        if finished != NONE && world.is_published(finished) {
            self.handed_on(plan, world, finished, origin);
        }
        let mut starved = std::mem::take(&mut self.starved);
        self.starvation.runs(plan, world, job, &mut starved);
        for job in starved.drain(..) {
            let what = "a job that could run is overtaken by too many jobs that came later";
            self.breach("RF704", what, job_object(job), origin);
        }
        self.starved = starved;
    }

    /// A job whose finished fence is published is on the hardware.
    fn handed_on(&mut self, plan: &Plan, world: &World, finished: u32, origin: Origin) {
        let Some(site) = world.scheduler_without_timeout(plan, finished) else { return };
        if plan.scheds.watchdog {
            return;
        }
        let what =
            "a job whose fence is published is handed to the hardware by a scheduler without a timeout";
        let origin = Origin { site, ..origin };
        self.breach_that_is(Certainty::Predicted, "RF101", what, finished, origin);
    }

    fn task(&mut self, origin: Origin) -> &mut Task {
        self.tasks.unmarked_mut(origin.task.index())
    }

    #[inline]
    fn depth(&self, origin: Origin) -> u32 {
        self.tasks.unmarked()[origin.task.index()].depth
    }

    fn begin(&mut self, origin: Origin) {
        let task = self.task(origin);
        task.depth += 1;
        if task.depth == 1 {
            task.outermost = Some(origin.site);
        }
    }

    fn end_section(&mut self, origin: Origin) {
        let task = self.task(origin);
        task.depth = task.depth.saturating_sub(1);
        task.strict = task.strict.min(task.depth);
        if task.depth == 0 && task.outermost.take().is_some() && !self.publications.unmarked().is_empty() {
            let published = self
                .publications
                .unmarked_all()
                .iter_mut()
                .flatten()
                .filter(|known| known.by.0.task == origin.task);
            for known in published.filter(|known| known.section == InSection::Open) {
                known.section = InSection::Ended;
            }
        }
    }

    /// The locks that others may hold over a wait for any fence.
    fn lock_in_section(&mut self, plan: &Plan, world: &World, lock: u32, origin: Origin) {
        let object = Some(ObjectRef { kind: Kind::Mutex, index: lock });
        match world.locks.class(lock) {
            class::RESV_MUTEX => {
                self.task(origin).acquire = None;
                let what = "a dma_resv lock is taken inside a signalling section";
                self.breach_in_section("RF301", what, object, None, origin);
            }
            class::MMAP_LOCK => {
                let what = "mmap_lock is taken, or a page may fault, inside a signalling section";
                self.breach_in_section("RF302", what, object, None, origin);
            }
            // Usually a lock follows, which says it all.
            class::RESV_ACQUIRE => self.task(origin).acquire = Some(Begun(origin)),
            class if plan.is_ww_mutex(class) => {
                let what = "a ww_mutex is taken inside a signalling section";
                self.breach_in_section("RF302", what, object, None, origin);
            }
            _ => {}
        }
    }

    /// An acquire context ends in which no lock was taken.
    fn acquire_context_ends(&mut self, world: &World, lock: u32, origin: Origin) {
        if world.locks.class(lock) == class::RESV_ACQUIRE
            && let Some(Begun(begun)) = self.task(origin).acquire.take()
        {
            let what = "a ww_acquire_ctx is begun inside a signalling section";
            self.breach_in_section("RF302", what, None, None, begun);
        }
    }

    fn allocation(&mut self, world: &World, gfp: Gfp, origin: Origin) {
        if self.depth(origin) == 0 || self.is_fault(origin) {
            return;
        }
        let scopes = world.threads[origin.task.index()].scopes;
        let left = scopes.apply(gfp);
        if !left.contains(Gfp::DIRECT_RECLAIM) || scopes.memalloc || gfp.contains(Gfp::NOLOCKDEP) {
            return;
        }
        let (rule, what) = match left.contains(Gfp::FS) {
            true => ("RF401", "an allocation inside a signalling section may reclaim"),
            false if self.no_mmu_notifiers => return,
            false => {
                ("RF402", "an allocation inside a signalling section may reclaim (file systems excepted)")
            }
        };
        self.breach_in_section(rule, what, None, Some(left), origin);
    }

    /// The operation is a page fault that has just been found to take `mmap_lock`.
    fn is_fault(&self, origin: Origin) -> bool {
        self.tasks.unmarked()[origin.task.index()].fault == Some(origin.site)
    }

    fn published(&mut self, plan: &Plan, world: &World, fence: u32, origin: Origin) {
        let index = fence as usize;
        if self.publications.unmarked().len() <= index {
            self.publications.unmarked_all().resize(index + 1, None);
        }
        // Whoever publishes a fence that is signaled promises nothing.
        if self.publications.unmarked()[index].is_some() || world.fences.has(fence, flag::SIGNALED) {
            return;
        }
        let task = *self.task(origin);
        let section = if task.outermost.is_some() { InSection::Open } else { InSection::No };
        let due = world.time.idle.saturating_add(world.fence_bound(plan, fence));
        self.earliest_due = self.earliest_due.min(due);
        let in_interrupt = task.interrupts != 0;
        *self.publications.unmarked_mut(index) =
            Some(Publication { by: Begun(origin), section, due: Some(due), in_interrupt });
        if world.is_on_hardware(fence) {
            self.handed_on(plan, world, fence, origin);
        }
    }

    pub(super) fn take(&mut self, fence: u32) -> Option<Publication> {
        if self.publications.unmarked().get(fence as usize)?.is_none() {
            return None;
        }
        self.publications.unmarked_mut(fence as usize).take()
    }

    /// A thread that has published the fence itself must not have left its section, nor begun it only then: what it
    /// did in between was needed to signal, too.
    fn signaled(&mut self, plan: &Plan, world: &World, fence: u32, origin: Origin) {
        let Some(known) = self.take(fence) else { return };
        if world.fences.get(fence).error != 0 && self.recovery.is_innocent(plan, world, fence) {
            let what =
                "a fence ends with an error because another context's work hung, and could have been spared";
            self.breach("RF104", what, fence_object(fence), origin);
        }
        let task = *self.task(origin);
        let Some(section) = task.outermost else { return };
        let interrupt = known.in_interrupt || task.interrupts != 0;
        // A worker runs one function after the other, which have nothing to do with each other.
        let thread = plan.contexts[origin.task.index()].kind == ContextKind::Thread;
        // The section that dma_fence_signal() itself begins is none: that is for RF201.
        if known.by.0.task != origin.task || interrupt || !thread || section == origin.site {
            return;
        }
        let what = match known.section {
            InSection::No => "the fence is published before the signalling section begins",
            InSection::Ended => "the signalling section ends between publication and signal",
            InSection::Open => return,
        };
        self.breach("RF202", what, fence_object(fence), known.by.0);
    }

    /// Fences whose bound has run out.
    fn late(&mut self, plan: &Plan, world: &World, origin: Origin) {
        let idle = *world.time.idle;
        if self.earliest_due >= idle {
            return;
        }
        self.earliest_due = u64::MAX;
        let mut late = std::mem::take(&mut self.late);
        for (fence, known) in self.publications.unmarked_all().iter_mut().enumerate() {
            let Some(known) = known else { continue };
            if let Some(due) = known.due.take_if(|due| *due < idle) {
                late.push((due, fence as u32));
            }
            self.earliest_due = self.earliest_due.min(known.due.unwrap_or(u64::MAX));
        }
        late.sort_unstable();
        for (_, fence) in late.drain(..) {
            if let Some(known) = self.publications.unmarked()[fence as usize]
                && !world.fence_needs_nobody(plan, fence)
            {
                let by = Origin { op: origin.op, ..known.by.0 };
                let (rule, what) = match makes_no_progress(world, &self.recovery, fence) {
                    true => (
                        "RF107",
                        "a published fence is not signaled within its bound: recovery is tried again and again",
                    ),
                    false => ("RF106", "a published fence is not signaled within its bound"),
                };
                self.breach(rule, what, fence_object(fence), by);
            }
        }
        self.late = late;
    }
}
