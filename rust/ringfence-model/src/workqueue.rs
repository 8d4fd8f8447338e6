//! Workqueues: queueing, cancelling, flushing, delayed works (`kernel/workqueue.c`).
//!
//! Delayed works are works with a timer: they share one arena with plain ones, behind them. Who runs works, and
//! when, is in `kworker.rs`; waiting for them in `workqueue_flush.rs`.

use std::collections::BTreeSet;

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{ObjectId, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::flush::Flushes;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::kworker::{Pool, Slot, SlotLayout};
use crate::plan::{ContextKind, Instr, LockSort, Operand};
use crate::thread::NONE;
use crate::time::{Timed, TimerId};
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::value::Value;
use crate::wait::Wait;

tracked! {
    /// Works, their queues and workers, of a world.
    pub(crate) struct Workqueues {
        pub(crate) queues: SharedList<Queue>,
        pub(crate) works: SharedList<Work>,
        /// What each worker is at.
        pub(crate) slots: SharedList<Slot>,
        /// Workers of bound queues, and those of ordered ones.
        pub(crate) pools: Shared<[Pool; 2]>,
        pub(crate) flushes: Shared<Flushes>,
    }
}

/// A workqueue; 0 is `system_wq`.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Queue {
    /// Works that nobody has begun yet, longest first.
    pub(crate) waiting: Vec<u32>,
    /// How many are being run.
    pub(crate) running: u32,
}

/// A work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Work {
    pub(crate) pending: Pending,
    /// The queue it was put onto last.
    pub(crate) wq: u32,
    /// Synchronous cancellations in progress: it can't be queued.
    pub(crate) disabled: u32,
}

/// Whether a work can be queued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Pending {
    /// It can be queued.
    No,
    /// On its queue.
    Queued,
    /// Its timer is armed, after which it goes onto this queue.
    Timer { timer: TimerId, wq: u32 },
}

/// What never changes about workqueues.
#[derive(Debug, Default)]
pub(crate) struct WorkqueueLayout {
    pub(crate) queues: Vec<QueueLayout>,
    pub(crate) works: Vec<WorkLayout>,
    pub(crate) slots: Vec<SlotLayout>,
    /// How many works are plain ones.
    plain: u32,
    /// How many plain works, delayed works and queues the scenario declares; the schedulers' own come after them.
    declared: (u32, u32, u32),
    /// Names of the schedulers' works and queues, in the order of their indices.
    own_works: Vec<String>,
    own_delayed: Vec<String>,
    own_queues: Vec<String>,
}

/// What never changes about a workqueue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLayout {
    /// What the validator knows it by.
    pub(crate) map: u32,
    /// `wq->mutex`.
    pub(crate) mutex: u32,
    pub(crate) mem_reclaim: bool,
    pub(crate) max_active: u32,
    /// Index of its pool.
    pub(crate) pool: usize,
    /// A scheduler calls its driver here: in strict mode, whatever runs on it is a signalling section.
    pub(crate) of_sched: bool,
    /// Its workers, the rescuer (if there is one) last: start and end in the list of all.
    pub(crate) slots: (u32, u32),
}

/// What never changes about a work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkLayout {
    /// What the validator knows it by.
    pub(crate) map: u32,
    /// The map of its timer, for a delayed work.
    pub(crate) timer_map: Option<u32>,
    pub(crate) function: WorkFunction,
    /// Where it was declared.
    pub(crate) at: SiteId,
}

/// What a work runs: a function of the scenario, or one of the scheduler's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WorkFunction {
    /// A function of the scenario.
    Program(ProgramId),
    /// `drm_sched_run_job_work()` of this scheduler.
    RunJob(u32),
    /// `drm_sched_free_job_work()` of this scheduler.
    FreeJob(u32),
    /// `drm_sched_job_timedout()` of this scheduler.
    JobTimedout(u32),
    /// `drm_sched_entity_kill_jobs_work()` for the jobs of this entity, one after the other.
    KillJobs(u32),
}

impl WorkFunction {
    /// It is the scheduler's way of calling its driver, which in strict mode is a signalling section on any queue.
    pub(crate) fn is_signalling(self) -> bool {
        matches!(self, Self::RunJob(_) | Self::FreeJob(_) | Self::JobTimedout(_))
    }
}

impl WorkqueueLayout {
    /// The contexts of a queue's workers.
    pub(crate) fn tasks(&self, wq: u32) -> impl Iterator<Item = u32> + '_ {
        let (start, end) = self.queues[wq as usize].slots;
        self.slots[start as usize..end as usize].iter().map(|slot| slot.task)
    }

    /// Name of a work or queue that the scenario does not declare.
    pub(crate) fn own_name(&self, kind: Kind, index: u32) -> Option<&str> {
        let (works, delayed, queues) = self.declared;
        let (names, declared) = match kind {
            Kind::Work => (&self.own_works, works),
            Kind::DelayedWork => (&self.own_delayed, delayed),
            // 0 is `system_wq`.
            Kind::Workqueue => (&self.own_queues, queues + 1),
            _ => return None,
        };
        let own = index.checked_sub(declared)?;
        names.get(own as usize).map(String::as_str)
    }

    /// The declared works and delayed works.
    pub(crate) fn declared(&self) -> (u32, u32) {
        (self.declared.0, self.declared.1)
    }

    /// Another queue that the scenario does not declare; its index.
    pub(crate) fn add_own_queue(&mut self, name: &str) -> u32 {
        self.own_queues.push(name.to_owned());
        self.declared.2 + self.own_queues.len() as u32
    }

    /// A delayed work among all works.
    pub(crate) fn delayed(&self, work: u32) -> u32 {
        self.plain + work
    }
}

impl Clone for Queue {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone(), running: self.running }
    }

    fn clone_from(&mut self, source: &Self) {
        self.waiting.clone_from(&source.waiting);
        self.running = source.running;
    }
}

impl Workqueues {
    /// Delayed works whose timer is armed, as indices among all works.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (u32, TimerId)> {
        self.works.iter().enumerate().filter_map(|(work, entry)| match entry.pending {
            Pending::Timer { timer, .. } => Some((work as u32, timer)),
            Pending::No | Pending::Queued => None,
        })
    }

    /// Works that wait on their queue, and which that is.
    pub(crate) fn queued(&self) -> impl Iterator<Item = (u32, u32)> {
        let queued = self.works.iter().enumerate().filter(|(_, entry)| entry.pending == Pending::Queued);
        queued.map(|(work, entry)| (work as u32, entry.wq))
    }

    /// A cancellation is over: the work can be queued again.
    pub(crate) fn enable(&mut self, work: u32) {
        self.works[work as usize].disabled -= 1;
    }

    /// The first waiting work of the queue is being run from now on. `position`: where it waits.
    pub(crate) fn take(&mut self, wq: u32, position: usize) -> u32 {
        let queue = &mut self.queues[wq as usize];
        let work = queue.waiting.remove(position);
        queue.running += 1;
        self.works[work as usize].pending = Pending::No;
        work
    }
}

impl WorkqueueLayout {
    /// What waiting for a work is.
    pub(crate) fn wait(&self, work: u32) -> Wait {
        match work.checked_sub(self.plain) {
            None => Wait::Work(work),
            Some(delayed) => Wait::DelayedWork(delayed),
        }
    }

    /// What a work is to the scenario.
    pub(crate) fn kind(&self, work: u32) -> (Kind, u32) {
        match work.checked_sub(self.plain) {
            None => (Kind::Work, work),
            Some(delayed) => (Kind::DelayedWork, delayed),
        }
    }
}

/// `WQ_DFL_ACTIVE`.
const DEFAULT_MAX_ACTIVE: u32 = 256;

impl Compiler {
    pub(crate) fn set_up_workqueues(&mut self) {
        let count = |kind: Kind| self.plan.by_kind[kind as usize].len() as u32;
        let declared = (count(Kind::Work), count(Kind::DelayedWork), count(Kind::Workqueue));
        self.plan.deferred.workqueues.declared = declared;
        self.lay_out_scheds();
        self.set_up_works();
        let by_queue = self.works_by_queue();
        let declared = self.plan.by_kind[Kind::Workqueue as usize].clone();
        self.set_up_queue("events", None, (false, false, 0), by_queue[0].len());
        for (id, works) in declared.iter().zip(&by_queue[1..]) {
            let object = &self.plan.scenario.objects[id.index()];
            if let ObjectKind::Workqueue { ordered, mem_reclaim, max_active } = object.kind {
                let name = object.name.clone();
                self.set_up_queue(&name, None, (ordered, mem_reclaim, max_active), works.len());
            }
        }
        for (number, works) in by_queue[declared.len() + 1..].iter().enumerate() {
            let name = self.plan.deferred.workqueues.own_queues[number].clone();
            // alloc_ordered_workqueue_lockdep_map(): one map for the queues of all schedulers.
            self.set_up_queue(&name, Some("drm_sched_lockdep_map"), (true, true, 0), works.len());
        }
        for sched in &self.plan.scheds.list {
            for wq in [sched.submit_wq, sched.timeout_wq] {
                self.plan.deferred.workqueues.queues[wq as usize].of_sched |= wq != 0;
            }
        }
    }

    fn set_up_works(&mut self) {
        let plain = self.plan.by_kind[Kind::Work as usize].clone();
        let delayed = self.plan.by_kind[Kind::DelayedWork as usize].clone();
        let mut classes: Vec<(ProgramId, u32)> = Vec::new();
        self.set_up_declared_works(&plain, &mut classes);
        self.set_up_sched_works();
        self.plan.deferred.workqueues.plain = self.plan.deferred.workqueues.works.len() as u32;
        self.set_up_declared_works(&delayed, &mut classes);
        self.set_up_timeout_works();
    }

    fn set_up_declared_works(&mut self, works: &[ObjectId], classes: &mut Vec<(ProgramId, u32)>) {
        for id in works {
            let object = &self.plan.scenario.objects[id.index()];
            let (name, at) = (object.name.clone(), object.at);
            let (function, is_delayed) = match object.kind {
                ObjectKind::Work { function } => (function, false),
                ObjectKind::DelayedWork { function } => (function, true),
                ref other => panic!("engine bug: {other:?} is no work"),
            };
            // One INIT_WORK() has one class, and one function.
            let known = classes.iter().find(|(known, _)| *known == function).map(|&(_, class)| class);
            let class = known.unwrap_or_else(|| {
                let class = self.add_class(&format!("(work_completion)({name})"), LockSort::Map);
                classes.push((function, class));
                class
            });
            let map = self.lock_of_class(&format!("(work_completion)({name})"), class);
            let timer_name = format!("&({name})->timer");
            let timer_map = is_delayed.then(|| self.lock(&timer_name, None, LockSort::Map));
            self.add_work(WorkLayout { map, timer_map, function: WorkFunction::Program(function), at });
        }
    }

    fn add_work(&mut self, layout: WorkLayout) {
        self.plan.deferred.workqueues.works.push(layout);
        let work = Work { pending: Pending::No, wq: 0, disabled: 0 };
        self.plan.initial.deferred.workqueues.works.push(work);
    }

    /// The plain works of schedulers and entities.
    fn set_up_sched_works(&mut self) {
        for sched in 0..self.plan.scheds.list.len() as u32 {
            self.sched_work("&sched->work_run_job", WorkFunction::RunJob(sched));
            self.sched_work("&sched->work_free_job", WorkFunction::FreeJob(sched));
        }
        for entity in 0..self.plan.scheds.entities.len() as u32 {
            self.sched_work("&job->work", WorkFunction::KillJobs(entity));
        }
    }

    /// The timeout works of schedulers.
    fn set_up_timeout_works(&mut self) {
        for sched in 0..self.plan.scheds.list.len() as u32 {
            self.sched_work("&(&sched->work_tdr)->work", WorkFunction::JobTimedout(sched));
        }
    }

    fn sched_work(&mut self, what: &str, function: WorkFunction) {
        let class = self.class_named(&format!("(work_completion)({what})"), LockSort::Map);
        let map = self.lock_of_class(&format!("(work_completion)({what})"), class);
        let (kind, owner) = match function {
            WorkFunction::KillJobs(entity) => (Kind::SchedEntity, entity),
            WorkFunction::RunJob(sched) | WorkFunction::FreeJob(sched) | WorkFunction::JobTimedout(sched) => {
                (Kind::DrmSched, sched)
            }
            WorkFunction::Program(_) => panic!("engine bug: a declared work among those of schedulers"),
        };
        let name = self.plan.object_name(kind, owner);
        let at = self.plan.declared_at(kind, owner);
        let names = &mut self.plan.deferred.workqueues;
        match function {
            WorkFunction::JobTimedout(_) => names.own_delayed.push(format!("timeout of {name}")),
            WorkFunction::KillJobs(_) => names.own_works.push(format!("kill jobs of {name}")),
            WorkFunction::FreeJob(_) => names.own_works.push(format!("free job of {name}")),
            _ => names.own_works.push(format!("run job of {name}")),
        }
        let timer_map = matches!(function, WorkFunction::JobTimedout(_)).then(|| {
            let class = self.class_named("&(&sched->work_tdr)->timer", LockSort::Map);
            self.lock_of_class("&(&sched->work_tdr)->timer", class)
        });
        self.add_work(WorkLayout { map, timer_map, function, at });
    }

    fn set_up_queue(
        &mut self,
        name: &str,
        class: Option<&str>,
        (ordered, mem_reclaim, limit): (bool, bool, u32),
        works: usize,
    ) {
        let map = self.lock(&format!("(wq_completion){name}"), class, LockSort::Map);
        let class = self.class_named("&wq->mutex", LockSort::Sleeping);
        let mutex = self.lock_of_class("&wq->mutex", class);
        let max_active = match (ordered, limit) {
            (true, _) => 1,
            (false, 0) => DEFAULT_MAX_ACTIVE,
            (false, limit) => limit,
        };
        let wq = self.plan.deferred.workqueues.queues.len() as u32;
        let start = self.plan.deferred.workqueues.slots.len() as u32;
        let workers = max_active.min(works as u32);
        for number in 0..workers {
            self.set_up_worker(format!("kworker/{number}-{name}"), wq, number, false);
        }
        if mem_reclaim && works != 0 {
            self.set_up_worker(format!("kworker/R-{name}"), wq, workers, true);
        }
        let slots = (start, self.plan.deferred.workqueues.slots.len() as u32);
        let pool = usize::from(ordered);
        let layout = QueueLayout { map, mutex, mem_reclaim, max_active, pool, of_sched: false, slots };
        self.plan.deferred.workqueues.queues.push(layout);
        self.plan.initial.deferred.workqueues.queues.push(Queue::default());
    }

    fn set_up_worker(&mut self, name: String, wq: u32, number: u32, rescuer: bool) {
        let task = self.context(name, ContextKind::Worker { wq, number });
        self.plan.deferred.workqueues.slots.push(SlotLayout { task, wq, rescuer });
        self.plan.initial.deferred.workqueues.slots.push(Slot::Idle);
    }

    /// The works that can come onto each queue: so many workers it needs at most. A thread that is commanded by
    /// hand can do anything.
    fn works_by_queue(&self) -> Vec<BTreeSet<u32>> {
        let plain = self.plan.deferred.workqueues.plain;
        let works = self.plan.deferred.workqueues.works.len() as u32;
        let own = self.plan.deferred.workqueues.own_queues.len() as u32;
        let declared = self.plan.by_kind[Kind::Workqueue as usize].len() as u32 + 1;
        let queues = declared + own;
        let mut threads = self.plan.contexts.iter().filter(|context| context.kind == ContextKind::Thread);
        if threads.any(|thread| thread.program.is_none()) {
            return vec![(0..works).collect(); queues as usize];
        }
        let mut by_queue = vec![BTreeSet::new(); queues as usize];
        for (sched, layout) in self.plan.scheds.list.iter().enumerate() {
            by_queue[layout.submit_wq as usize].extend([layout.run_work, layout.free_work]);
            by_queue[layout.timeout_wq as usize].insert(plain + self.plan.scheds.timeout_work(sched as u32));
        }
        by_queue[0].extend(self.plan.scheds.entities.iter().map(|entity| entity.kill_work));
        for instr in &self.plan.code {
            let &Instr::Call { op, args: [wq, work, ..], .. } = instr else { continue };
            let base = match op {
                Op::QueueWork => 0,
                Op::QueueDelayedWork | Op::ModDelayedWork => plain,
                _ => continue,
            };
            let onto = match wq {
                Operand::Value(wq) => wq.index().unwrap_or(0)..wq.index().unwrap_or(0) + 1,
                _ => 0..declared,
            };
            let put = match work {
                Operand::Value(work) => work.index().map_or(0..0, |work| base + work..base + work + 1),
                _ if op == Op::QueueWork => 0..plain,
                _ => plain..works,
            };
            for wq in onto {
                by_queue[wq as usize].extend(put.clone());
            }
        }
        by_queue
    }
}

impl Kernel<'_> {
    pub(crate) fn workqueue_op(&mut self, call: Call<'_>) -> Flow {
        let nothing = Flow::Return(Value::Null);
        match call.op {
            Op::FlushWorkqueue => {
                let wq = self.arg(call, 0).index().unwrap_or(0);
                return self.flush_workqueue(wq);
            }
            Op::QueueWork | Op::QueueDelayedWork | Op::ModDelayedWork => return self.queue_op(call),
            _ => {}
        }
        let Some(index) = self.object(call, 0) else { return nothing };
        let delayed = self.plan.deferred.workqueues.plain;
        match call.op {
            Op::FlushWork => self.flush_work(index),
            Op::FlushDelayedWork => self.flush_delayed_work(delayed + index),
            Op::CancelWork => Flow::Return(Value::bool(self.grab_pending(index))),
            Op::CancelDelayedWork => Flow::Return(Value::bool(self.grab_pending(delayed + index))),
            Op::CancelWorkSync => self.cancel_work_sync(index),
            Op::CancelDelayedWorkSync => self.cancel_work_sync(delayed + index),
            other => panic!("engine bug: {other:?} is no operation on workqueues"),
        }
    }

    fn queue_op(&mut self, call: Call<'_>) -> Flow {
        let wq = self.arg(call, 0).index().unwrap_or(0);
        let Some(index) = self.object(call, 1) else { return Flow::Return(Value::Int(0)) };
        let delayed = self.plan.deferred.workqueues.plain + index;
        Flow::Return(Value::bool(match call.op {
            Op::QueueWork => self.queue_work(wq, index, 0),
            Op::QueueDelayedWork => {
                let delay = self.int(call, 2);
                self.queue_work(wq, delayed, delay)
            }
            _ => {
                let delay = self.int(call, 2);
                let was_pending = self.grab_pending(delayed);
                self.queue_work(wq, delayed, delay);
                was_pending
            }
        }))
    }

    /// Puts a work onto a queue, after a delay; false if it was pending, or is being cancelled.
    pub(crate) fn queue_work(&mut self, wq: u32, work: u32, delay: i64) -> bool {
        let entry = &mut self.w.deferred.workqueues.works[work as usize];
        if entry.pending != Pending::No || entry.disabled != 0 {
            return false;
        }
        match u64::try_from(delay) {
            Ok(delay @ 1..) => {
                let delayed = work - self.plan.deferred.workqueues.plain;
                let timer = self.w.time.set(delay, Timed::DelayedWork(delayed));
                self.w.deferred.workqueues.works[work as usize].pending = Pending::Timer { timer, wq };
            }
            _ => self.insert_work(wq, work),
        }
        true
    }

    fn insert_work(&mut self, wq: u32, work: u32) {
        let workqueues = &mut self.w.deferred.workqueues;
        let entry = &mut workqueues.works[work as usize];
        (entry.pending, entry.wq) = (Pending::Queued, wq);
        workqueues.queues[wq as usize].waiting.push(work);
        self.settle_queue(wq);
    }

    /// The delay of a work has passed.
    pub(crate) fn delayed_work_expires(&mut self, delayed: u32) {
        self.delay_is_over(self.plan.deferred.workqueues.plain + delayed);
    }

    /// A work whose timer was armed goes onto its queue.
    pub(crate) fn delay_is_over(&mut self, work: u32) {
        if let Pending::Timer { wq, .. } = self.w.deferred.workqueues.works[work as usize].pending {
            self.insert_work(wq, work);
        }
    }

    /// Takes a work off its queue, or its timer; false if it was not pending.
    pub(crate) fn grab_pending(&mut self, work: u32) -> bool {
        let workqueues = &mut self.w.deferred.workqueues;
        let entry = &mut workqueues.works[work as usize];
        let wq = entry.wq;
        match std::mem::replace(&mut entry.pending, Pending::No) {
            Pending::No => return false,
            Pending::Timer { timer, .. } => {
                self.w.time.cancel(timer);
            }
            Pending::Queued => {
                workqueues.queues[wq as usize].waiting.retain(|&waiting| waiting != work);
                self.end_flushes(work, NONE);
                self.settle_queue(wq);
            }
        }
        true
    }
}
