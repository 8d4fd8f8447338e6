//! Entities: a queue of jobs each, in front of one scheduler or several
//! (`drivers/gpu/drm/scheduler/sched_entity.c`, `include/drm/spsc_queue.h`).
//!
//! What happens when one is killed is in `sched_entity_kill.rs`.

use ringfence_base::scenario::Kind;
use ringfence_base::{EventKind, JobEvent, ObjectRef};

use crate::dma_fence::flag;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_ops::SchedFrame;
use crate::thread::NONE;
use crate::tracked_list::SharedList;
use crate::value::Value;

/// `struct drm_sched_entity`.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Entity {
    /// `entity->rq->sched`, or [`NONE`]: it has no run-queue.
    pub(crate) sched: u32,
    /// Which of the scheduler's run-queues.
    pub(crate) rq: u32,
    pub(crate) priority: u32,
    /// The schedulers that it may choose from while nothing of it runs; none: it has but one.
    pub(crate) sched_list: Vec<u32>,
    /// The shared variable that says that it is guilty, or [`NONE`].
    pub(crate) guilty: u32,
    pub(crate) queue: SpscQueue,
    /// The fence that its first job waits for, with a reference; [`NONE`].
    pub(crate) dependency: u32,
    /// `entity->cb`: the callback on that fence; [`NONE`] until it is used.
    pub(crate) node: u32,
    /// `last_scheduled`: the finished fence of the job that was handed on last, with a reference; [`NONE`].
    pub(crate) last_scheduled: u32,
    /// Context of its jobs' scheduled fences; finished ones have the next.
    pub(crate) context: u64,
    pub(crate) fence_seq: u64,
    /// Numbers of the jobs that were pushed last.
    pub(crate) pushed_seq: u64,
    pub(crate) stopped: bool,
    /// `entity_idle`: the scheduler is not at it.
    pub(crate) idle: bool,
    /// It is on its run-queue's list.
    pub(crate) listed: bool,
    /// Its place in its run-queue's tree.
    pub(crate) key: Option<(u64, u64)>,
    /// What it has had of the GPU, by the fair policy.
    pub(crate) vruntime: u64,
    /// The context that pushed a job, or flushed it, last; [`NONE`].
    pub(crate) last_user: u32,
    /// Jobs that its work has to end, oldest first.
    pub(crate) to_kill: Vec<u32>,
}

/// `struct spsc_queue`: jobs in the order in which they were pushed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SpscQueue {
    pub(crate) head: u32,
    tail: u32,
    /// `job_count`.
    pub(crate) count: i32,
}

/// `drm_sched_entity_push_job()` in a kernel that counts jobs late.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PushFrame {
    job: u32,
    entity: u32,
    first: bool,
}

impl Default for SpscQueue {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, count: 0 }
    }
}

impl SpscQueue {
    /// `spsc_queue_peek()`.
    pub(crate) fn peek(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// The part of `spsc_queue_push()` that links the job; whether it is the first one.
    fn link(&mut self, jobs: &mut SharedList<Job>, job: u32) -> bool {
        jobs[job as usize].next_queued = NONE;
        match std::mem::replace(&mut self.tail, job) {
            NONE => {
                self.head = job;
                true
            }
            last => {
                jobs[last as usize].next_queued = job;
                false
            }
        }
    }

    /// `spsc_queue_pop()`.
    pub(crate) fn pop(&mut self, jobs: &mut SharedList<Job>) -> Option<u32> {
        let job = self.peek()?;
        self.head = std::mem::replace(&mut jobs[job as usize].next_queued, NONE);
        if self.head == NONE {
            self.tail = NONE;
        }
        self.count -= 1;
        jobs[job as usize].flags &= !job_flag::QUEUED;
        Some(job)
    }
}

impl Default for Entity {
    fn default() -> Self {
        Self {
            sched: NONE,
            rq: 0,
            priority: 0,
            sched_list: Vec::new(),
            guilty: NONE,
            queue: SpscQueue::default(),
            dependency: NONE,
            node: NONE,
            last_scheduled: NONE,
            context: 0,
            fence_seq: 0,
            pushed_seq: 0,
            stopped: false,
            idle: true,
            listed: false,
            key: None,
            vruntime: 0,
            last_user: NONE,
            to_kill: Vec::new(),
        }
    }
}

impl Clone for Entity {
    fn clone(&self) -> Self {
        let mut entity = Self::default();
        entity.clone_from(self);
        entity
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { sched_list, to_kill, .. } = self;
        sched_list.clone_from(&source.sched_list);
        to_kill.clone_from(&source.to_kill);
        let (sched_list, to_kill) = (std::mem::take(sched_list), std::mem::take(to_kill));
        *self = Self { sched_list, to_kill, ..*source };
    }
}

/// What never changes about an entity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntityLayout {
    /// The work that ends its jobs when it is killed.
    pub(crate) kill_work: u32,
    /// `entity->lock`.
    pub(crate) lock: u32,
}

/// An object reference to an entity.
#[expect(clippy::unnecessary_wraps, reason = "goes where an object may be missing")]
pub(crate) const fn entity_object(entity: u32) -> Option<ObjectRef> {
    Some(ObjectRef { kind: Kind::SchedEntity, index: entity })
}

impl Entity {
    /// `drm_sched_entity_init()` with two fence contexts.
    pub(crate) fn init(&mut self, priority: u32, scheds: &[u32], context: u64, rq: impl Fn(u32) -> u32) {
        // Jobs of an entity that was killed here before have works of their own, which go on.
        let (guilty, to_kill) = (self.guilty, std::mem::take(&mut self.to_kill));
        *self = Self { guilty, to_kill, ..Self::default() };
        self.context = context;
        self.priority = priority;
        if let Some(&first) = scheds.first() {
            self.sched = first;
            self.rq = rq(priority);
        }
        if scheds.len() > 1 {
            self.sched_list.extend_from_slice(scheds);
        }
    }
}

impl Kernel<'_> {
    /// `drm_sched_entity_init()`.
    pub(crate) fn entity_init(&mut self, entity: u32, priority: u32, scheds: &[u32]) {
        let entry = &self.w.scheds.entities[entity as usize];
        // drm_sched_entity_fini() lets go of everything; without it, what the entity has a reference to is lost.
        let kept = entry.dependency != NONE || entry.last_scheduled != NONE;
        if entry.listed || entry.queue.peek().is_some() || kept {
            self.broken("RF502", "an entity is initialised again while it is in use", entity_object(entity));
            return;
        }
        let context = self.w.fences.new_context();
        self.w.fences.new_context();
        let mut priority = priority;
        let mut rq = 0;
        if let Some(&first) = scheds.first() {
            if !self.sched_is_usable(first) {
                return;
            }
            let rqs = self.w.scheds.sched(first).rqs.len();
            if priority as usize >= rqs {
                let what = "an entity has a priority for which its scheduler has no run-queue";
                self.broken("RF706", what, entity_object(entity));
                priority = rqs as u32 - 1;
            }
            rq = self.plan.scheds.list[first as usize].rq(priority, rqs);
        }
        self.w.scheds.entities[entity as usize].init(priority, scheds, context, |_| rq);
    }

    /// `drm_sched_entity_modify_sched()`.
    pub(crate) fn entity_modify_sched(&mut self, entity: u32, scheds: &[u32]) {
        if scheds.is_empty() {
            self.broken("RF706", "an entity is given no scheduler", entity_object(entity));
        }
        self.touch_spinlock(self.plan.scheds.entities[entity as usize].lock);
        let list = &mut self.w.scheds.entities[entity as usize].sched_list;
        list.clear();
        list.extend_from_slice(scheds);
    }

    /// `drm_sched_entity_set_priority()`.
    pub(crate) fn entity_set_priority(&mut self, entity: u32, priority: u32) {
        self.touch_spinlock(self.plan.scheds.entities[entity as usize].lock);
        self.w.scheds.entities[entity as usize].priority = priority;
    }

    /// `drm_sched_entity_error()`.
    pub(crate) fn entity_error(&self, entity: u32) -> i64 {
        match self.w.scheds.entities[entity as usize].last_scheduled {
            NONE => 0,
            fence => i64::from(self.w.fences.get(fence).error),
        }
    }

    /// `drm_sched_entity_select_rq()`: an entity with a choice moves to the least busy scheduler, once nothing of
    /// it is queued or runs.
    pub(crate) fn entity_select_rq(&mut self, entity: u32) {
        let entry = &self.w.scheds.entities[entity as usize];
        let (last, priority) = (entry.last_scheduled, entry.priority);
        if entry.sched_list.is_empty() || entry.queue.count != 0 {
            return;
        }
        if last != NONE && !self.w.fences.has(last, flag::SIGNALED) {
            return;
        }
        let lock = self.plan.scheds.entities[entity as usize].lock;
        self.lock_acquire(lock, ringfence_base::AcquireFlags::default());
        // drm_sched_pick_best()
        let entry = &self.w.scheds.entities[entity as usize];
        let ready = entry.sched_list.iter().copied().filter(|&sched| self.w.scheds.sched(sched).ready);
        let best = ready.min_by_key(|&sched| self.w.scheds.sched(sched).score);
        let rq = best.map_or(0, |sched| {
            let rqs = self.w.scheds.sched(sched).rqs.len();
            self.plan.scheds.list[sched as usize].rq(priority, rqs)
        });
        let best = best.unwrap_or(NONE);
        if (entry.sched, entry.rq) != (best, rq) {
            if entry.sched != NONE {
                self.rq_remove_entity(entity);
            }
            let entry = &mut self.w.scheds.entities[entity as usize];
            (entry.sched, entry.rq) = (best, rq);
        }
        let entry = &mut self.w.scheds.entities[entity as usize];
        if entry.sched_list.len() == 1 {
            entry.sched_list.clear();
        }
        self.lock_release(lock);
    }

    /// `drm_sched_entity_push_job()`.
    pub(crate) fn entity_push_job(&mut self, job: u32) -> Flow {
        let Job { entity, flags, seqno, sched: armed_for, .. } = self.w.scheds.jobs[job as usize];
        if flags & job_flag::ARMED == 0 || flags & job_flag::PUSHED != 0 || entity == NONE {
            let what = "a job is pushed that is not armed, or was pushed before";
            self.broken("RF507", what, job_object(job));
            return Flow::Return(Value::Null);
        }
        let sched = self.w.scheds.entities[entity as usize].sched;
        if sched == NONE {
            self.broken("RF509", "NULL pointer dereference", entity_object(entity));
            return Flow::Return(Value::Null);
        }
        if !self.sched_is_usable(sched) {
            return Flow::Return(Value::Null);
        }
        let task = self.task;
        let scheds = &mut *self.w.scheds;
        scheds.list[sched as usize].score += 1;
        *scheds.pushed += 1;
        let entry = &mut scheds.entities[entity as usize];
        entry.last_user = task;
        let in_order = seqno > std::mem::replace(&mut entry.pushed_seq, seqno);
        let pushed = &mut scheds.jobs[job as usize];
        pushed.submitted = *scheds.pushed;
        pushed.flags |= job_flag::PUSHED | job_flag::QUEUED;
        let late = self.plan.scheds.list[sched as usize].bugs.counts_late;
        let first = entry.queue.link(&mut scheds.jobs, job);
        self.emit(EventKind::Job(JobEvent::Push, job));
        if !in_order {
            let what = "the jobs of an entity are pushed in another order than they were armed";
            self.broken("RF501", what, job_object(job));
        }
        if sched != armed_for {
            let what =
                "a job is pushed to another scheduler than it was armed for: its entity has moved meanwhile";
            self.broken("RF507", what, job_object(job));
        }
        let frame = PushFrame { job, entity, first };
        if late {
            return self.call(Frame::Sched(SchedFrame::Push(frame)));
        }
        self.push_counted(frame);
        Flow::Return(Value::Null)
    }

    /// Where the count comes late, others can see the job before.
    pub(crate) fn run_push(&mut self, frame: PushFrame) -> Flow {
        if !self.begins_step() {
            return Flow::Yield;
        }
        self.push_counted(frame);
        Flow::Return(Value::Null)
    }

    /// The job is counted; the first one puts the entity on its run-queue and wakes the scheduler.
    fn push_counted(&mut self, PushFrame { job, entity, first }: PushFrame) {
        let entry = &mut self.w.scheds.entities[entity as usize];
        entry.queue.count += 1;
        if !first {
            return;
        }
        let (sched, stopped) = (entry.sched, entry.stopped);
        if sched == NONE {
            self.broken("RF509", "NULL pointer dereference", entity_object(entity));
            return;
        }
        let lock = self.plan.scheds.entities[entity as usize].lock;
        self.lock_acquire(lock, ringfence_base::AcquireFlags::default());
        if stopped {
            self.lock_release(lock);
            let what =
                "a job is pushed to an entity that was killed: it is left behind, and its fence with it";
            self.broken("RF516", what, job_object(job));
            return;
        }
        self.rq_add_entity(entity);
        let submitted = self.w.scheds.jobs[job as usize].submitted;
        self.rq_update_tree(entity, submitted);
        self.lock_release(lock);
        self.run_job_queue(sched);
    }

    /// `drm_sched_entity_is_idle()`.
    pub(crate) fn entity_is_idle(&self, entity: u32) -> bool {
        let entry = &self.w.scheds.entities[entity as usize];
        !entry.listed || entry.queue.count == 0 || entry.stopped
    }

    /// `complete_all(&entity->entity_idle)`.
    pub(crate) fn entity_becomes_idle(&mut self, entity: u32) {
        self.w.scheds.entities[entity as usize].idle = true;
        if self.w.scheds.entities[entity as usize].stopped {
            self.wake(|wait| wait == crate::wait::Wait::EntityIdle(entity));
        }
    }
}
