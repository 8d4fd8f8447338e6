//! GPU schedulers: what they consist of (`struct drm_gpu_scheduler` in `include/drm/gpu_scheduler.h`,
//! `drivers/gpu/drm/scheduler/sched_main.c`).
//!
//! Entities are in `sched_entity.rs`, jobs in `sched_job.rs`, run-queues in `sched_rq.rs`, what runs on the submit
//! workqueue in `sched_work.rs` and `sched_free_job.rs`, timeouts in `sched_tdr.rs`, recovery in `sched_recovery.rs`.

use ringfence_base::scenario::{Kind, ObjectKind, Op, SchedFix, SchedPolicy};
use ringfence_base::{ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::memory_usage::reserved;
use crate::plan::{Instr, KernelVersion, LockSort};
use crate::sched_dependency::Dependency;
use crate::sched_entity::{Entity, EntityLayout};
use crate::sched_job::Job;
use crate::sched_rq::Rq;
use crate::thread::NONE;
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;

/// `enum drm_gpu_sched_stat`: what `timedout_job` returns. The device is gone.
pub(crate) const STAT_ENODEV: i64 = 2;
/// It was no hang: the job goes on (since 6.17).
pub(crate) const STAT_NO_HANG: i64 = 3;

tracked! {
    /// Schedulers, entities and jobs of a world.
    pub(crate) struct Scheds {
        pub(crate) list: SharedList<Sched>,
        pub(crate) entities: SharedList<Entity>,
        /// The index of a job that was freed is never used again, so that whoever still uses it is found.
        pub(crate) jobs: SharedList<Job>,
        /// What jobs wait for, as lists.
        pub(crate) dependencies: SharedList<Dependency>,
        /// Jobs pushed so far: time as the policies see it.
        pub(crate) pushed: Shared<u64>,
    }
}

/// `struct drm_gpu_scheduler`.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Sched {
    /// One per priority.
    pub(crate) rqs: Vec<Rq>,
    /// Credits of the jobs that the hardware has.
    pub(crate) credit_count: u32,
    /// Jobs and entities that it has to do with: entities with a choice take the scheduler with the least.
    pub(crate) score: i64,
    /// `pending_list`.
    pub(crate) first_pending: u32,
    pub(crate) last_pending: u32,
    /// Virtual nanoseconds; [`i64::MAX`]: none.
    pub(crate) timeout: i64,
    /// `pause_submit`.
    pub(crate) paused: bool,
    pub(crate) ready: bool,
    /// Not taken down yet.
    pub(crate) alive: bool,
    /// `free_guilty`: the bad job had completed already, and is to be freed after the handler.
    pub(crate) free_guilty: bool,
    /// Contexts that wait in `drm_sched_entity_flush()`.
    pub(crate) flushers: u32,
}

/// What never changes about schedulers and entities.
#[derive(Debug, Default)]
pub(crate) struct SchedLayouts {
    pub(crate) list: Vec<SchedLayout>,
    pub(crate) entities: Vec<EntityLayout>,
    /// `xa_lock` of the jobs' dependencies.
    pub(crate) xa_lock: u32,
    /// Others than timeout handlers reset hardware: a driver looks after it itself, as msm does in its hang check.
    pub(crate) watchdog: bool,
    /// Declared delayed works; the timeouts come after them.
    delayed: u32,
}

/// What never changes about a scheduler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedLayout {
    pub(crate) ops: SchedOps,
    pub(crate) credit_limit: u32,
    pub(crate) hang_limit: u32,
    pub(crate) policy: SchedPolicy,
    pub(crate) submit_wq: u32,
    pub(crate) timeout_wq: u32,
    /// The submit workqueue is its own.
    pub(crate) own_submit_wq: bool,
    pub(crate) run_work: u32,
    pub(crate) free_work: u32,
    pub(crate) bugs: SchedBugs,
    pub(crate) job_list_lock: u32,
    pub(crate) rq_lock: u32,
    pub(crate) at: SiteId,
}

/// Bugs of the scheduler itself, that it has where their fixes are left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedBugs {
    /// A job is on the queue before it is counted, and the queue is looked at by its count.
    pub(crate) counts_late: bool,
    /// A dependency on a job of the same scheduler is cleared without waking the scheduler.
    pub(crate) clears_silently: bool,
    /// The dependencies of killed jobs are walked in fence callbacks.
    pub(crate) kills_in_callback: bool,
    /// The job stays on the list of pending ones while its timeout is handled.
    pub(crate) timeout_keeps_job: bool,
}

impl SchedBugs {
    fn new(without: &[SchedFix]) -> Self {
        let lacks = |fix| without.contains(&fix);
        Self {
            counts_late: lacks(SchedFix::SpscCount),
            clears_silently: lacks(SchedFix::DependencyWakeup),
            kills_in_callback: lacks(SchedFix::KillInWork),
            timeout_keeps_job: lacks(SchedFix::TimeoutUnlinks),
        }
    }
}

/// `struct drm_sched_backend_ops`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedOps {
    pub(crate) run_job: ProgramId,
    pub(crate) prepare_job: Option<ProgramId>,
    pub(crate) timedout_job: Option<ProgramId>,
    pub(crate) free_job: ProgramId,
    pub(crate) cancel_job: Option<ProgramId>,
    pub(crate) update_job_credits: Option<ProgramId>,
}

impl Clone for Sched {
    fn clone(&self) -> Self {
        let mut sched = Self::default();
        sched.clone_from(self);
        sched
    }

    fn clone_from(&mut self, source: &Self) {
        self.rqs.clone_from(&source.rqs);
        self.credit_count = source.credit_count;
        self.score = source.score;
        self.first_pending = source.first_pending;
        self.last_pending = source.last_pending;
        self.timeout = source.timeout;
        self.paused = source.paused;
        self.ready = source.ready;
        self.alive = source.alive;
        self.free_guilty = source.free_guilty;
        self.flushers = source.flushers;
    }
}

impl Scheds {
    #[inline]
    pub(crate) fn sched(&self, sched: u32) -> &Sched {
        &self.list[sched as usize]
    }

    #[inline]
    pub(crate) fn sched_mut(&mut self, sched: u32) -> &mut Sched {
        &mut self.list[sched as usize]
    }

    /// What a job has the GPU do: index of the `gpu_job`, if it is declared.
    pub(crate) fn work_of(&self, job: u32) -> Option<u32> {
        Some(self.jobs[job as usize].work).filter(|&work| work != NONE)
    }

    /// Bytes that they have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved(self.list.unmarked())
            + reserved(self.entities.unmarked())
            + reserved(self.jobs.unmarked())
            + reserved(self.dependencies.unmarked())
    }
}

impl SchedLayouts {
    /// The delayed work of a scheduler's timeout, among the delayed works.
    pub(crate) fn timeout_work(&self, sched: u32) -> u32 {
        self.delayed + sched
    }
}

impl SchedLayout {
    /// The run-queue of a priority: the fair policy has one for all.
    pub(crate) fn rq(&self, priority: u32, rqs: usize) -> u32 {
        match self.policy {
            SchedPolicy::Fair => 0,
            SchedPolicy::Fifo | SchedPolicy::RoundRobin => priority.min(rqs as u32 - 1),
        }
    }
}

/// An object reference to a scheduler.
#[expect(clippy::unnecessary_wraps, reason = "goes where an object may be missing")]
pub(crate) const fn sched_object(sched: u32) -> Option<ObjectRef> {
    Some(ObjectRef { kind: Kind::DrmSched, index: sched })
}

impl Compiler {
    /// What the workqueues have to know before they are set up: which works and queues there will be.
    pub(crate) fn lay_out_scheds(&mut self) {
        let (works, delayed) = self.plan.deferred.workqueues.declared();
        self.plan.scheds.delayed = delayed;
        let scheds = self.plan.by_kind[Kind::DrmSched as usize].clone();
        let entities = self.plan.by_kind[Kind::SchedEntity as usize].clone();
        if !scheds.is_empty() || !entities.is_empty() {
            self.plan.scheds.xa_lock = self.lock("&xa->xa_lock", Some("&xa->xa_lock"), LockSort::Spinlock);
        }
        for (number, id) in scheds.iter().enumerate() {
            let layout = self.sched_layout(*id, works + 2 * number as u32);
            self.plan.scheds.list.push(layout);
        }
        let kill_works = works + 2 * scheds.len() as u32;
        for number in 0..entities.len() as u32 {
            let lock = self.lock("&entity->lock", Some("&entity->lock"), LockSort::Spinlock);
            self.plan.scheds.entities.push(EntityLayout { kill_work: kill_works + number, lock });
        }
    }

    fn sched_layout(&mut self, id: ringfence_base::ObjectId, run_work: u32) -> SchedLayout {
        let object = self.plan.scenario.objects[id.index()].clone();
        let ObjectKind::DrmSched {
            run_job,
            prepare_job,
            timedout_job,
            free_job,
            cancel_job,
            update_job_credits,
            credit_limit,
            hang_limit,
            policy,
            submit_wq,
            timeout_wq,
            without,
            ..
        } = object.kind
        else {
            panic!("engine bug: a scheduler that is none");
        };
        let own_submit_wq = submit_wq.is_none();
        let submit_wq = match submit_wq {
            Some(wq) => self.plan.index(wq),
            None => self.plan.deferred.workqueues.add_own_queue(&object.name),
        };
        let ops = SchedOps { run_job, prepare_job, timedout_job, free_job, cancel_job, update_job_credits };
        let class = "&sched->job_list_lock";
        let job_list_lock = self.lock(class, Some(class), LockSort::Spinlock);
        let rq_lock = self.lock("&rq->lock", Some("&rq->lock"), LockSort::Spinlock);
        SchedLayout {
            ops,
            credit_limit,
            hang_limit,
            policy,
            submit_wq,
            timeout_wq: timeout_wq.map_or(0, |wq| self.plan.index(wq)),
            own_submit_wq,
            run_work,
            free_work: run_work + 1,
            bugs: SchedBugs::new(&without),
            job_list_lock,
            rq_lock,
            at: object.at,
        }
    }

    /// Something that is no timeout handler resets a GPU.
    fn has_watchdog(&self) -> bool {
        let handlers = self.plan.scheds.list.iter().filter_map(|sched| sched.ops.timedout_job);
        let handlers: Vec<usize> = handlers.map(ProgramId::index).collect();
        self.plan.code.iter().enumerate().any(|(pc, instr)| {
            let resets =
                matches!(instr, Instr::Call { op: Op::EngineReset | Op::GpuReset | Op::GpuEngineReset, .. });
            let program = || self.plan.programs.partition_point(|program| program.entry as usize <= pc) - 1;
            resets && !handlers.contains(&program())
        })
    }

    /// `drm_sched_init()` and `drm_sched_entity_init()` of everything that is declared.
    pub(crate) fn set_up_scheds(&mut self) {
        self.plan.scheds.watchdog = self.has_watchdog();
        for id in self.plan.by_kind[Kind::DrmSched as usize].clone() {
            let ObjectKind::DrmSched { timeout, num_rqs, .. } = self.plan.scenario.objects[id.index()].kind
            else {
                panic!("engine bug: a scheduler that is none");
            };
            self.plan.initial.scheds.list.push(Sched {
                rqs: vec![Rq::default(); num_rqs as usize],
                first_pending: NONE,
                last_pending: NONE,
                timeout,
                ready: true,
                alive: true,
                ..Sched::default()
            });
        }
        for id in self.plan.by_kind[Kind::SchedEntity as usize].clone() {
            let ObjectKind::SchedEntity { scheds, priority, guilty } =
                self.plan.scenario.objects[id.index()].kind.clone()
            else {
                panic!("engine bug: an entity that is none");
            };
            let scheds: Vec<u32> = scheds.iter().map(|&sched| self.plan.index(sched)).collect();
            let guilty = guilty.map_or(NONE, |cell| self.plan.index(cell));
            let mut entity = Entity { guilty, ..Entity::default() };
            if !scheds.is_empty() {
                let contexts = &mut self.plan.initial.fences;
                let context = contexts.new_context();
                contexts.new_context();
                let rqs = self.plan.initial.scheds.list[scheds[0] as usize].rqs.len();
                let layout = &self.plan.scheds.list[scheds[0] as usize];
                entity.init(priority, &scheds, context, |priority| layout.rq(priority, rqs));
            }
            self.plan.initial.scheds.entities.push(entity);
        }
    }
}

impl crate::kernel::Kernel<'_> {
    /// The validator sees a spinlock taken and given back; nobody can come in between.
    pub(crate) fn touch_spinlock(&mut self, lock: u32) {
        self.lock_acquire(lock, ringfence_base::AcquireFlags::default());
        self.lock_release(lock);
    }

    /// The scheduler still exists; otherwise the finding has been reported.
    pub(crate) fn sched_is_usable(&mut self, sched: u32) -> bool {
        let alive = self.w.scheds.sched(sched).alive;
        if !alive {
            self.broken("RF502", "a scheduler is used after drm_sched_fini()", sched_object(sched));
        }
        alive
    }

    /// The kernel is a later one than 6.12.
    pub(crate) fn is_next(&self) -> bool {
        self.plan.version == KernelVersion::Next
    }
}
