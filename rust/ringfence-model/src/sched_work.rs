//! What runs on a scheduler's submit workqueue: handing jobs to the hardware; freeing them is in `sched_free_job.rs`
//! (`drm_sched_run_job_work()`, `drm_sched_free_job_work()` in `drivers/gpu/drm/scheduler/sched_main.c`,
//! `drm_sched_entity_pop_job()` in `sched_entity.c`).
//!
//! Where the kernel's function could be overtaken by somebody else, a new step begins.

use ringfence_base::errno::ECANCELED;
use ringfence_base::{AcquireFlags, EventKind, JobEvent};

use crate::dma_fence::FenceSort;
use crate::dma_fence_cb::Callback;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_dependency::Dependency;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_ops::SchedFrame;
use crate::thread::NONE;
use crate::value::Value;
use crate::wait::Wait;

/// `drm_sched_run_job_work()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RunFrame {
    sched: u32,
    entity: u32,
    job: u32,
    at: RunAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum RunAt {
    Select,
    /// `update_job_credits` has returned.
    Credits,
    /// Looks for the next dependency of the job.
    Depend,
    /// `prepare_job` has returned.
    Prepared,
    /// The reference to another fence that this one takes the place of has gone.
    Replaced(u32),
    /// A callback was added to this dependency, or not.
    Added(u32),
    /// The job is off the queue; what was scheduled last has gone.
    Popped,
    /// `run_job` has returned.
    Ran,
    /// It gave this fence, or [`NONE`].
    Gave(u32),
    /// The hardware's fence knows of the deadline.
    Parent(u32),
    /// The scheduled fence is signaled.
    Scheduled(u32),
    /// The reference that `run_job` gave has gone.
    Put(u32),
    /// A callback was added to the hardware's fence, or not.
    Callback(u32),
    Over,
}

impl RunFrame {
    /// The job that is handed on, or [`NONE`].
    pub(crate) fn job(&self) -> u32 {
        self.job
    }
}

impl Kernel<'_> {
    /// `drm_sched_run_job_queue()`.
    pub(crate) fn run_job_queue(&mut self, sched: u32) {
        let layout = &self.plan.scheds.list[sched as usize];
        if !self.w.scheds.sched(sched).paused {
            self.queue_work(layout.submit_wq, layout.run_work, 0);
        }
    }

    pub(crate) fn run_job_work(&mut self, sched: u32) -> Flow {
        let frame = RunFrame { sched, entity: NONE, job: NONE, at: RunAt::Select };
        self.call(Frame::Sched(SchedFrame::Run(frame)))
    }

    /// The context is here, in the scheduler's own code.
    pub(crate) fn at_sched(&mut self, sched: u32) {
        let at = self.plan.scheds.list[sched as usize].at;
        self.me().site = at;
    }

    pub(crate) fn run_run_job(&mut self, mut frame: RunFrame) -> Flow {
        loop {
            let flow = match frame.at {
                RunAt::Select | RunAt::Credits => self.run_select(&mut frame),
                RunAt::Depend | RunAt::Prepared | RunAt::Replaced(_) | RunAt::Added(_) => {
                    self.run_depend(&mut frame)
                }
                RunAt::Popped => Some(self.run_popped(&mut frame)),
                RunAt::Ran
                | RunAt::Gave(_)
                | RunAt::Parent(_)
                | RunAt::Scheduled(_)
                | RunAt::Put(_)
                | RunAt::Callback(_) => self.run_scheduled(&mut frame),
                RunAt::Over => {
                    self.wake_flushers(frame.sched);
                    self.run_job_queue(frame.sched);
                    return Flow::Return(Value::Null);
                }
            };
            if let Some(flow) = flow {
                return flow;
            }
        }
    }

    /// Who is next, if anybody, and whether its job fits.
    fn run_select(&mut self, frame: &mut RunFrame) -> Option<Flow> {
        let sched = frame.sched;
        if frame.at == RunAt::Select {
            if !self.begins_step() {
                return Some(Flow::Yield);
            }
            self.at_sched(sched);
            if !self.sched_is_usable(sched) || self.w.scheds.sched(sched).paused {
                return Some(Flow::Return(Value::Null));
            }
            let Some(entity) = self.select_entity(sched) else { return Some(Flow::Return(Value::Null)) };
            frame.entity = entity;
            frame.at = RunAt::Credits;
            let job = self.w.scheds.entities[entity as usize].queue.peek();
            if let (Some(job), Some(program)) =
                (job, self.plan.scheds.list[sched as usize].ops.update_job_credits)
            {
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                // It is asked in the middle of choosing, which is atomic.
                self.lock_acquire(self.plan.scheds.list[sched as usize].rq_lock, AcquireFlags::default());
                self.me().preempt += 1;
                return Some(self.call_program(program, &[Value::Object(JOB, job)]));
            }
        } else {
            self.run_credits(frame);
        }
        let (entity, job) = (frame.entity, self.w.scheds.entities[frame.entity as usize].queue.peek());
        let Some(job) = job.filter(|_| self.can_queue(sched, entity)) else {
            return Some(Flow::Return(Value::Null));
        };
        self.take_turn(sched, entity);
        frame.job = job;
        frame.at = RunAt::Depend;
        None
    }

    /// `update_job_credits` has returned.
    fn run_credits(&mut self, frame: &RunFrame) {
        let credits = self.ret().int();
        self.lock_release(self.plan.scheds.list[frame.sched as usize].rq_lock);
        self.preempt_count_sub("update_job_credits enables preemption");
        // If its entity was killed meanwhile, the job is not asked for any more.
        let Some(job) = self.w.scheds.entities[frame.entity as usize].queue.peek() else { return };
        if credits <= 0 {
            let what = "update_job_credits returns no credits: the job would bypass the limit";
            self.broken("RF706", what, job_object(job));
        }
        self.job_mut(job).credits = u32::try_from(credits).unwrap_or(0);
    }

    /// Waits for the job's dependencies, one after the other: a callback comes when it is time for the next.
    fn run_depend(&mut self, frame: &mut RunFrame) -> Option<Flow> {
        let (entity, job) = (frame.entity, frame.job);
        match frame.at {
            RunAt::Depend => {
                let next = self.job(job).next_dependency;
                if next != NONE {
                    let Dependency { fence, next } = self.w.scheds.dependencies[next as usize];
                    self.job_mut(job).next_dependency = next;
                    self.fence_get(fence);
                    return self.depend_on(frame, fence);
                }
                let Some(program) = self.plan.scheds.list[frame.sched as usize].ops.prepare_job else {
                    return self.run_pop(frame);
                };
                frame.at = RunAt::Prepared;
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                let args = [Value::Object(JOB, job), Value::Object(ENTITY, entity)];
                Some(self.call_program(program, &args))
            }
            RunAt::Prepared => match self.ret().index() {
                Some(fence) if self.fence_is_usable(fence) => self.depend_on(frame, fence),
                _ => self.run_pop(frame),
            },
            RunAt::Replaced(fence) => self.add_dependency_callback(frame, fence, true),
            RunAt::Added(fence) => self.dependency_added(frame, fence),
            other => panic!("engine bug: {other:?} is no state of waiting for dependencies"),
        }
    }

    /// `drm_sched_entity_add_dependency_cb()`.
    fn depend_on(&mut self, frame: &mut RunFrame, fence: u32) -> Option<Flow> {
        let entity = frame.entity;
        self.w.scheds.entities[entity as usize].dependency = fence;
        let context = self.w.scheds.entities[entity as usize].context;
        let of = self.w.fences.get(fence);
        if of.context == context || of.context == context + 1 {
            // The entity's own jobs run in order anyway.
            return self.no_dependency(frame, fence);
        }
        let other = match of.sort {
            FenceSort::Scheduled(other) | FenceSort::Finished(other) => Some(other),
            _ => None,
        };
        if let Some(other) = other
            && of.error == 0
            && self.job(other).sched == frame.sched
        {
            // The same ring: it is enough that the other job is on it.
            let scheduled = self.job(other).scheduled;
            self.fence_get(scheduled);
            self.w.scheds.entities[entity as usize].dependency = scheduled;
            frame.at = RunAt::Replaced(scheduled);
            self.replace(Frame::Sched(SchedFrame::Run(*frame)));
            return self.put_and_go_on(fence);
        }
        self.add_dependency_callback(frame, fence, false)
    }

    /// Drops a reference; `None`: that was all, and the frame goes on.
    fn put_and_go_on(&mut self, fence: u32) -> Option<Flow> {
        match self.fence_put(fence) {
            Flow::Return(_) => None,
            flow => Some(flow),
        }
    }

    /// The fence need not be waited for: on to the next one.
    fn no_dependency(&mut self, frame: &mut RunFrame, fence: u32) -> Option<Flow> {
        self.w.scheds.entities[frame.entity as usize].dependency = NONE;
        frame.at = RunAt::Depend;
        self.replace(Frame::Sched(SchedFrame::Run(*frame)));
        self.put_and_go_on(fence)
    }

    /// `replaced`: it took the place of a fence of the same scheduler.
    fn add_dependency_callback(&mut self, frame: &mut RunFrame, fence: u32, replaced: bool) -> Option<Flow> {
        let entity = frame.entity;
        let silent = replaced && self.plan.scheds.list[frame.sched as usize].bugs.clears_silently;
        let node = self.w.fences.new_node(match silent {
            true => Callback::EntityClearDep(entity),
            false => Callback::EntityWakeup(entity),
        });
        self.w.scheds.entities[entity as usize].node = node;
        frame.at = RunAt::Added(fence);
        self.replace(Frame::Sched(SchedFrame::Run(*frame)));
        self.left(|kernel| kernel.fence_add_callback(fence, node))
    }

    fn dependency_added(&mut self, frame: &mut RunFrame, fence: u32) -> Option<Flow> {
        if self.ret().is_true() {
            // It is signaled already.
            let node = std::mem::replace(&mut self.w.scheds.entities[frame.entity as usize].node, NONE);
            if node != NONE {
                self.w.fences.drop_node(node);
            }
            return self.no_dependency(frame, fence);
        }
        // The scheduler is free for others until the callback comes.
        self.entity_becomes_idle(frame.entity);
        self.run_job_queue(frame.sched);
        Some(Flow::Return(Value::Null))
    }

    /// Everything is there: the job leaves its entity.
    fn run_pop(&mut self, frame: &mut RunFrame) -> Option<Flow> {
        let RunFrame { entity, job, .. } = *frame;
        let finished = self.job(job).finished;
        let entry = &self.w.scheds.entities[entity as usize];
        let (guilty, last) = (entry.guilty, entry.last_scheduled);
        if guilty != NONE && self.w.cells[guilty as usize] != 0 {
            self.fence_set_error(finished, -ECANCELED);
        }
        self.fence_get(finished);
        let scheds = &mut *self.w.scheds;
        let entry = &mut scheds.entities[entity as usize];
        entry.last_scheduled = finished;
        entry.queue.pop(&mut scheds.jobs);
        let next = entry.queue.peek();
        if let Some(next) = next {
            let submitted = self.job(next).submitted;
            let lock = self.plan.scheds.entities[entity as usize].lock;
            self.lock_acquire(lock, AcquireFlags::default());
            if self.w.scheds.entities[entity as usize].listed {
                self.rq_update_tree(entity, submitted);
            }
            self.lock_release(lock);
        }
        self.job_mut(job).entity = NONE;
        frame.at = RunAt::Popped;
        self.replace(Frame::Sched(SchedFrame::Run(*frame)));
        if last == NONE { None } else { self.put_and_go_on(last) }
    }

    /// `drm_sched_job_begin()`, and `run_job`.
    fn run_popped(&mut self, frame: &mut RunFrame) -> Flow {
        let job = frame.job;
        let now = *self.w.time.now;
        // Linux counts them at the scheduler that runs it, and gives them back at the one that it was armed for. Where
        // those differ, that was found when the job was pushed, or counted late.
        let Job { sched, credits, .. } = *self.job(job);
        self.w.scheds.sched_mut(sched).credit_count += credits;
        if sched != frame.sched && self.plan.scheds.list[sched as usize].bugs.counts_late {
            let what =
                "a job runs on another scheduler than it was armed for: its entity has moved meanwhile";
            self.broken("RF507", what, job_object(job));
        }
        let entry = self.job_mut(job);
        entry.began = now;
        entry.flags |= job_flag::CREDITED;
        self.pending_add_last(sched, job);
        self.start_timeout(sched);
        frame.at = RunAt::Ran;
        self.replace(Frame::Sched(SchedFrame::Run(*frame)));
        self.emit(EventKind::Job(JobEvent::Run, job));
        let run_job = self.plan.scheds.list[frame.sched as usize].ops.run_job;
        self.call_program(run_job, &[Value::Object(JOB, job)])
    }

    /// The job is on the hardware, or not: its fences are told.
    fn run_scheduled(&mut self, frame: &mut RunFrame) -> Option<Flow> {
        let job = frame.job;
        match frame.at {
            RunAt::Ran => {
                // Before anybody else can run: an interrupt on top of this context has results of its own.
                self.at_sched(frame.sched);
                frame.at = RunAt::Gave(self.run_job_result(job).unwrap_or(NONE));
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
            }
            RunAt::Gave(fence) => {
                if !self.begins_step() {
                    return Some(Flow::Yield);
                }
                self.at_sched(frame.sched);
                self.entity_becomes_idle(frame.entity);
                frame.at = RunAt::Parent(fence);
                if fence != NONE {
                    self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                    return self.left(|kernel| kernel.sched_fence_set_parent(job, fence));
                }
            }
            RunAt::Parent(fence) => {
                frame.at = RunAt::Scheduled(fence);
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                let scheduled = self.job(job).scheduled;
                return self.left(|kernel| kernel.signal_sched_fence(scheduled));
            }
            RunAt::Scheduled(NONE) => {
                frame.at = RunAt::Over;
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                let error = self.job(job).run_error;
                return self.left(|kernel| kernel.job_done(job, error));
            }
            RunAt::Scheduled(fence) => {
                // The hardware may be done before somebody waits for it.
                if !self.begins_step() {
                    return Some(Flow::Yield);
                }
                frame.at = RunAt::Put(fence);
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                return self.left(|kernel| kernel.fence_put(fence));
            }
            RunAt::Put(fence) => {
                let node = self.w.fences.new_node(Callback::JobDone(job));
                self.job_mut(job).node = node;
                frame.at = RunAt::Callback(fence);
                self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                return self.left(|kernel| kernel.fence_add_callback(fence, node));
            }
            RunAt::Callback(fence) => {
                frame.at = RunAt::Over;
                if self.ret().is_true() {
                    self.drop_job_node(job);
                    let error = self.w.fences.get(fence).error;
                    self.replace(Frame::Sched(SchedFrame::Run(*frame)));
                    return self.left(|kernel| kernel.job_done(job, error));
                }
            }
            other => panic!("engine bug: {other:?} is no state of a job that ran"),
        }
        None
    }

    /// What `run_job` returned: a fence, or the error that the job ends with at once (0 for NULL).
    pub(crate) fn run_job_result(&mut self, job: u32) -> Result<u32, i32> {
        let error = match self.ret() {
            Value::Object(_, fence) if self.fence_is_usable(fence) => {
                self.job_mut(job).run_error = 0;
                return Ok(fence);
            }
            Value::Int(error) if error > 0 => {
                self.broken("RF512", "run_job returns an error that is no negative errno", job_object(job));
                -1
            }
            Value::Int(error) => i32::try_from(error).unwrap_or(-1),
            Value::Null | Value::Object(..) => 0,
        };
        self.job_mut(job).run_error = error;
        Err(error)
    }

    /// The job's callback is not on any fence.
    pub(crate) fn drop_job_node(&mut self, job: u32) {
        let node = std::mem::replace(&mut self.job_mut(job).node, NONE);
        if node != NONE {
            self.w.fences.drop_node(node);
        }
    }

    /// `drm_sched_entity_wakeup()`: the entity's first job can go on.
    pub(crate) fn entity_wakeup(&mut self, entity: u32, fence: u32, wakes: bool) -> Flow {
        let entry = &mut self.w.scheds.entities[entity as usize];
        entry.dependency = NONE;
        entry.node = NONE;
        let sched = entry.sched;
        if wakes && sched != NONE && self.sched_is_usable(sched) {
            self.run_job_queue(sched);
        }
        self.fence_put(fence)
    }

    /// `wake_up(&sched->job_scheduled)`.
    pub(crate) fn wake_flushers(&mut self, sched: u32) {
        if self.w.scheds.sched(sched).flushers != 0 {
            // Those that flush entities of other schedulers are woken as well, and look at theirs.
            let scheds = &mut self.w.scheds.list;
            for other in 0..scheds.unmarked().len() {
                if scheds.unmarked()[other].flushers != 0 {
                    scheds.mark_written(other);
                }
            }
            self.wake(|wait| matches!(wait, Wait::EntityQueue(_)));
        }
    }
}

const JOB: ringfence_base::scenario::Kind = ringfence_base::scenario::Kind::SchedJob;
const ENTITY: ringfence_base::scenario::Kind = ringfence_base::scenario::Kind::SchedEntity;
