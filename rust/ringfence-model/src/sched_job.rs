//! Jobs: their making, their dependencies, their end (`drm_sched_job_*()` in
//! `drivers/gpu/drm/scheduler/sched_main.c`).

use ringfence_base::errno::{EINVAL, ENOENT, ENOMEM};
use ringfence_base::scenario::Kind;
use ringfence_base::{EventKind, Gfp, JobEvent, ObjectRef};

use crate::dma_fence::{FenceSort, fence_object, flag};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::class;
use crate::sched_dependency::Dependency;
use crate::sched_entity::entity_object;
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::value::Value;

/// `struct drm_sched_job` with its `drm_sched_fence`, which may outlive it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Job {
    /// `job->entity`, or [`NONE`] once the scheduler has taken it.
    pub(crate) entity: u32,
    /// The entity that it was made for.
    pub(crate) owner: u32,
    /// `job->sched`, and that of its fences; [`NONE`] before it is armed.
    pub(crate) sched: u32,
    pub(crate) credits: u32,
    pub(crate) priority: u32,
    pub(crate) karma: u32,
    /// What it has the GPU do; [`NONE`].
    pub(crate) work: u32,
    /// Its fences; [`NONE`] before it is armed.
    pub(crate) scheduled: u32,
    pub(crate) finished: u32,
    /// `s_fence->parent`: the hardware's fence, with a reference; [`NONE`].
    pub(crate) parent: u32,
    /// Its fences' number in the entity's contexts.
    pub(crate) seqno: u64,
    /// `submit_ts`: when it was pushed.
    pub(crate) submitted: u64,
    /// The error that `run_job` returned last.
    pub(crate) run_error: i32,
    /// When it was handed to the hardware, in virtual nanoseconds.
    pub(crate) began: u64,
    /// The earliest deadline that somebody has set; [`u64::MAX`].
    pub(crate) deadline: u64,
    /// `cb` and `finish_cb`: its callback on another fence; [`NONE`] until it is used.
    pub(crate) node: u32,
    /// Its first dependency, the last, and the first that was not waited for yet.
    pub(crate) first_dependency: u32,
    pub(crate) last_dependency: u32,
    pub(crate) next_dependency: u32,
    /// Behind it on its entity's queue.
    pub(crate) next_queued: u32,
    /// Around it on its scheduler's `pending_list`.
    pub(crate) prev_pending: u32,
    pub(crate) next_pending: u32,
    pub(crate) flags: u16,
}

/// Bits of [`Job::flags`].
pub(crate) mod job_flag {
    /// `drm_sched_job_init()` succeeded, and nobody has cleaned up.
    pub(crate) const INIT: u16 = 1;
    /// `drm_sched_job_arm()` was called.
    pub(crate) const ARMED: u16 = 1 << 1;
    /// `drm_sched_entity_push_job()` was called.
    pub(crate) const PUSHED: u16 = 1 << 2;
    /// It is on its entity's queue.
    pub(crate) const QUEUED: u16 = 1 << 3;
    /// It is on `pending_list`.
    pub(crate) const PENDING: u16 = 1 << 4;
    /// Its credits count as in use.
    pub(crate) const CREDITED: u16 = 1 << 5;
    /// `drm_sched_job_done()` was called.
    pub(crate) const DONE: u16 = 1 << 6;
    /// Its memory is gone.
    pub(crate) const FREED: u16 = 1 << 7;
    /// The scheduler has called `free_job`.
    pub(crate) const HANDED_BACK: u16 = 1 << 8;
    /// Somebody is waiting for its dependencies, to end it.
    pub(crate) const DYING: u16 = 1 << 9;
    /// Its timeout is being handled.
    pub(crate) const TIMING_OUT: u16 = 1 << 10;
}

/// `drm_sched_job_init()`: its fences are allocated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct InitFrame {
    job: u32,
    entity: u32,
    credits: u32,
}

/// `drm_sched_job_cleanup()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CleanupFrame {
    job: u32,
}

/// An object reference to a job.
#[expect(clippy::unnecessary_wraps, reason = "goes where an object may be missing")]
pub(crate) const fn job_object(job: u32) -> Option<ObjectRef> {
    Some(ObjectRef { kind: Kind::SchedJob, index: job })
}

impl Job {
    fn new(work: u32) -> Self {
        Self {
            entity: NONE,
            owner: NONE,
            sched: NONE,
            credits: 0,
            priority: 0,
            karma: 0,
            work,
            scheduled: NONE,
            finished: NONE,
            parent: NONE,
            seqno: 0,
            submitted: 0,
            run_error: 0,
            began: 0,
            deadline: u64::MAX,
            node: NONE,
            first_dependency: NONE,
            last_dependency: NONE,
            next_dependency: NONE,
            next_queued: NONE,
            prev_pending: NONE,
            next_pending: NONE,
            flags: 0,
        }
    }

    /// All of these bits of [`job_flag`] are set.
    pub(crate) fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }
}

impl Kernel<'_> {
    #[inline]
    pub(crate) fn job(&self, job: u32) -> &Job {
        &self.w.scheds.jobs[job as usize]
    }

    #[inline]
    pub(crate) fn job_mut(&mut self, job: u32) -> &mut Job {
        &mut self.w.scheds.jobs[job as usize]
    }

    /// Its memory is still there; otherwise the finding has been reported.
    pub(crate) fn job_is_usable(&mut self, job: u32) -> bool {
        let freed = self.job(job).has(job_flag::FREED);
        if freed {
            self.broken("RF502", "a job is used after it was freed", job_object(job));
        }
        !freed
    }

    /// The driver's own allocation: nothing of the scheduler's yet.
    pub(crate) fn job_alloc(&mut self, work: u32) -> Value {
        self.w.scheds.jobs.push(Job::new(work));
        Value::Object(Kind::SchedJob, self.w.scheds.jobs.len() as u32 - 1)
    }

    /// `drm_sched_job_init()`.
    pub(crate) fn job_init(&mut self, job: u32, entity: u32, credits: i64) -> Flow {
        let sched = self.w.scheds.entities[entity as usize].sched;
        // Later kernels find out when the job is armed.
        if sched == NONE && !self.is_next() {
            return Flow::Return(Value::errno(ENOENT));
        }
        if sched != NONE && !self.sched_is_usable(sched) {
            return Flow::Return(Value::errno(ENOENT));
        }
        let Ok(credits @ 1..) = u32::try_from(credits) else { return Flow::Return(Value::errno(EINVAL)) };
        if self.job(job).flags & (job_flag::QUEUED | job_flag::PENDING | job_flag::INIT) != 0 {
            self.broken("RF502", "a job is initialised again while it is in use", job_object(job));
            return Flow::Return(Value::errno(EINVAL));
        }
        self.call(Frame::Sched(SchedFrame::Init(InitFrame { job, entity, credits })));
        let flow = self.allocate(Gfp::KERNEL);
        self.returned(flow)
    }

    pub(crate) fn run_job_init(&mut self, frame: InitFrame) -> Flow {
        let memory = self.ret();
        if !memory.is_true() {
            return Flow::Return(Value::errno(ENOMEM));
        }
        self.free_memory(memory);
        let InitFrame { job, entity, credits } = frame;
        let Job { work, node, .. } = *self.job(job);
        self.fences_outlive(job);
        *self.job_mut(job) =
            Job { entity, owner: entity, credits, node, flags: job_flag::INIT, ..Job::new(work) };
        Flow::Return(Value::Int(0))
    }

    /// The job's memory is used again while others still have references to its fences: those stay behind with
    /// what they need of the job.
    fn fences_outlive(&mut self, job: u32) {
        let entry = *self.job(job);
        if entry.scheduled == NONE || self.w.fences.has(entry.scheduled, flag::FREED) {
            return;
        }
        let old = self.w.scheds.jobs.len() as u32;
        let flags = entry.flags | job_flag::FREED;
        self.w.scheds.jobs.push(Job { flags, node: NONE, ..entry });
        self.w.fences.get_mut(entry.scheduled).sort = FenceSort::Scheduled(old);
        self.w.fences.get_mut(entry.finished).sort = FenceSort::Finished(old);
    }

    /// `drm_sched_job_arm()`: its fences come into being.
    pub(crate) fn job_arm(&mut self, job: u32) {
        let Job { entity, flags, .. } = *self.job(job);
        if flags & job_flag::INIT == 0 || entity == NONE {
            self.broken("RF509", "NULL pointer dereference", job_object(job));
            return;
        }
        if flags & job_flag::ARMED != 0 {
            self.broken("RF507", "a job is armed that is armed already", job_object(job));
            return;
        }
        self.entity_select_rq(entity);
        let entry = &mut self.w.scheds.entities[entity as usize];
        let (sched, priority, context) = (entry.sched, entry.priority, entry.context);
        if sched == NONE {
            self.broken("RF509", "NULL pointer dereference", entity_object(entity));
            return;
        }
        entry.fence_seq += 1;
        let seqno = entry.fence_seq;
        if !self.sched_is_usable(sched) {
            return;
        }
        let scheduled = self.fence_init_own(FenceSort::Scheduled(job), class::SCHED_FENCE, context, seqno);
        let lock = self.w.fences.get(scheduled).lock;
        let finished = self.fence_init_sched(FenceSort::Finished(job), lock, context + 1, seqno);
        let entry = self.job_mut(job);
        (entry.sched, entry.priority, entry.seqno) = (sched, priority, seqno);
        (entry.scheduled, entry.finished) = (scheduled, finished);
        entry.next_dependency = entry.first_dependency;
        entry.flags |= job_flag::ARMED;
        self.emit(EventKind::Job(JobEvent::Arm, job));
    }

    /// The driver whose scheduler the job goes to, if one has declared it: the job's fences are its promise.
    pub(crate) fn job_driver(&self, job: u32) -> Option<&str> {
        let sched = self.job(job).sched as usize;
        let id = self.plan.by_kind[Kind::DrmSched as usize].get(sched)?;
        self.plan.scenario.objects[id.index()].driver.as_deref()
    }

    /// `drm_sched_job_cleanup()`.
    pub(crate) fn job_cleanup(&mut self, job: u32) -> Flow {
        let Job { flags, finished, .. } = *self.job(job);
        if flags & job_flag::INIT == 0 {
            self.broken("RF509", "NULL pointer dereference", job_object(job));
            return Flow::Return(Value::Null);
        }
        if flags & job_flag::ARMED != 0 && flags & job_flag::PUSHED == 0 {
            let what = "a job is given up after drm_sched_job_arm(): its fences will never be signaled";
            self.broken("RF507", what, fence_object(finished));
        }
        if flags & job_flag::QUEUED != 0 {
            self.broken("RF502", "a job is cleaned up while it is on its entity's queue", job_object(job));
        }
        self.job_mut(job).flags &= !job_flag::INIT;
        self.job_mut(job).next_dependency = self.job(job).first_dependency;
        self.call(Frame::Sched(SchedFrame::Cleanup(CleanupFrame { job })));
        let put =
            if flags & job_flag::ARMED != 0 { self.fence_put(finished) } else { Flow::Return(Value::Null) };
        match put {
            Flow::Return(_) => Flow::Continue,
            flow => flow,
        }
    }

    /// Drops what is left of the dependencies.
    pub(crate) fn run_job_cleanup(&mut self, frame: CleanupFrame) -> Flow {
        loop {
            let entry = self.job(frame.job).next_dependency;
            if entry == NONE {
                let job = self.job_mut(frame.job);
                (job.first_dependency, job.last_dependency) = (NONE, NONE);
                return Flow::Return(Value::Null);
            }
            let Dependency { fence, next } = self.w.scheds.dependencies[entry as usize];
            self.w.scheds.dependencies[entry as usize].fence = NONE;
            self.job_mut(frame.job).next_dependency = next;
            go!(self, SchedFrame::Cleanup(frame), self.fence_put(fence));
        }
    }

    /// `kfree()` of the driver's job.
    pub(crate) fn job_free(&mut self, job: u32) {
        let flags = self.job(job).flags;
        if flags & job_flag::FREED != 0 {
            self.broken("RF502", "a job is freed twice", job_object(job));
            return;
        }
        if flags & (job_flag::QUEUED | job_flag::PENDING | job_flag::DYING) != 0 {
            self.broken("RF502", "a job is freed while the scheduler still has it", job_object(job));
        }
        if flags & job_flag::INIT != 0 {
            self.broken("RF513", "a job is freed without drm_sched_job_cleanup()", job_object(job));
        }
        self.job_mut(job).flags |= job_flag::FREED;
    }
}
