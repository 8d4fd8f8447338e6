//! The end of entities: flushing, killing, finishing (`drm_sched_entity_flush()`, `drm_sched_entity_kill()`,
//! `drm_sched_entity_fini()` in `drivers/gpu/drm/scheduler/sched_entity.c`).
//!
//! The jobs of a killed entity end with an error, but in order, and not before everything that they wait for: memory
//! that others still use must not be freed. In Linux every job has a work of its own for that; here its entity has
//! one, which takes one job after the other.

use ringfence_base::errno::ESRCH;
use ringfence_base::scenario::Op;

use crate::dma_fence::FenceSort;
use crate::dma_fence_cb::Callback;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_dependency::Dependency;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::time::TimerId;
use crate::value::Value;
use crate::wait::Wait;

/// `drm_sched_entity_flush()`, `_kill()`, `_fini()` or `_destroy()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct EndFrame {
    entity: u32,
    /// Which of them.
    op: Op,
    at: EndAt,
    /// The flush: the scheduler that it waits for, even if the entity moves to another one.
    sched: u32,
    /// The flush: for how long, and when that is over.
    timeout: i64,
    timer: Option<TimerId>,
    /// The process was dead already when the flush began.
    exiting: bool,
    /// The fence that the next job of the queue has to wait for, with a reference.
    prev: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum EndAt {
    Flush,
    Flushing,
    Kill,
    Idle,
    /// Jobs leave the queue one after the other; this one waits for the one before it.
    Jobs,
    Waits(u32),
    Ends(u32),
    Killed,
    Dependency,
    Last,
    Over,
}

impl EndFrame {
    /// When it stops waiting.
    pub(crate) fn timeout(&self) -> Option<TimerId> {
        self.timer
    }
}

/// `drm_sched_entity_kill_jobs_work()`; before 6.18 its walk over the dependencies was a fence callback.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct KillFrame {
    entity: u32,
    job: u32,
    /// The walk is a fence callback, which must not end the job itself.
    in_callback: bool,
    at: KillAt,
}

impl KillFrame {
    /// It is the work, not a callback.
    pub(crate) fn is_work(&self) -> bool {
        !self.in_callback
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum KillAt {
    Next,
    /// The reference to the fence that it waited for has gone.
    Walk,
    /// The reference to a scheduled fence was exchanged for one to the finished one.
    Promoted(u32),
    Added(u32),
    Scheduled,
    Finished,
}

/// `MAX_WAIT_SCHED_ENTITY_Q_EMPTY`.
const FLUSH_ON_DESTROY: i64 = 1_000_000_000;

impl Kernel<'_> {
    pub(crate) fn entity_end(&mut self, entity: u32, op: Op, timeout: i64) -> Flow {
        let at = match op {
            Op::DrmSchedEntityFlush | Op::DrmSchedEntityDestroy => EndAt::Flush,
            _ => EndAt::Kill,
        };
        let timeout = if op == Op::DrmSchedEntityDestroy { FLUSH_ON_DESTROY } else { timeout };
        let exiting = self.signal_pending();
        let frame = EndFrame { entity, op, at, sched: NONE, timeout, timer: None, exiting, prev: NONE };
        self.call(Frame::Sched(SchedFrame::End(frame)))
    }

    pub(crate) fn run_entity_end(&mut self, mut frame: EndFrame) -> Flow {
        loop {
            let flow = match frame.at {
                EndAt::Flush => self.flush_begins(&mut frame),
                EndAt::Flushing => self.flush_waits(&mut frame),
                EndAt::Kill | EndAt::Idle => self.kill_begins(&mut frame),
                EndAt::Jobs | EndAt::Waits(_) | EndAt::Ends(_) => self.kill_jobs(&mut frame),
                EndAt::Killed => {
                    frame.at = match frame.op {
                        Op::DrmSchedEntityFini | Op::DrmSchedEntityDestroy => EndAt::Dependency,
                        _ => EndAt::Over,
                    };
                    None
                }
                EndAt::Dependency => self.fini_dependency(&mut frame),
                EndAt::Last => {
                    frame.at = EndAt::Over;
                    let entry = &mut self.w.scheds.entities[frame.entity as usize];
                    let last = std::mem::replace(&mut entry.last_scheduled, NONE);
                    self.end_on(&frame, |kernel| kernel.fence_put(last))
                }
                EndAt::Over => {
                    return Flow::Return(match frame.op {
                        Op::DrmSchedEntityFlush => Value::Int(frame.timeout),
                        _ => Value::Null,
                    });
                }
            };
            if let Some(flow) = flow {
                return flow;
            }
        }
    }

    /// Enters the frame again once `what` is done; `None`: it is.
    fn end_on(&mut self, frame: &EndFrame, what: impl FnOnce(&mut Self) -> Flow) -> Option<Flow> {
        self.replace(Frame::Sched(SchedFrame::End(*frame)));
        self.left(what)
    }

    fn flush_begins(&mut self, frame: &mut EndFrame) -> Option<Flow> {
        self.might_sleep();
        let sched = self.w.scheds.entities[frame.entity as usize].sched;
        if sched == NONE {
            frame.timeout = 0;
            frame.at = if frame.op == Op::DrmSchedEntityDestroy { EndAt::Kill } else { EndAt::Over };
            return None;
        }
        if !self.sched_is_usable(sched) {
            frame.at = if frame.op == Op::DrmSchedEntityDestroy { EndAt::Kill } else { EndAt::Over };
            return None;
        }
        if frame.exiting && frame.timeout > 0 && !self.entity_is_idle(frame.entity) {
            let timer = (frame.timeout != i64::MAX).then(|| self.set_timeout(frame.timeout));
            frame.timer = timer;
        }
        self.w.scheds.sched_mut(sched).flushers += 1;
        frame.sched = sched;
        frame.at = EndAt::Flushing;
        None
    }

    /// Until the queue is empty; a dead process waits for a while, others until they are killed.
    fn flush_waits(&mut self, frame: &mut EndFrame) -> Option<Flow> {
        let entity = frame.entity;
        // What it waits for is woken by the scheduler, whether its queue is empty or not.
        self.w.scheds.list.mark_read(frame.sched as usize);
        if self.entity_is_idle(entity) {
            if let Some(timer) = frame.timer.take() {
                frame.timeout = self.time_left(timer).unwrap_or(1);
            }
        } else if frame.exiting {
            let ran_out = frame.timer.is_some_and(|timer| !self.w.time.is_set(timer));
            if !ran_out && frame.timeout > 0 {
                self.replace(Frame::Sched(SchedFrame::End(*frame)));
                return Some(Flow::Block(Wait::EntityQueue(entity)));
            }
            (frame.timer, frame.timeout) = (None, 0);
        } else if !self.signal_pending() {
            self.replace(Frame::Sched(SchedFrame::End(*frame)));
            return Some(Flow::Block(Wait::EntityQueue(entity)));
        }
        self.stepped = true;
        self.w.scheds.sched_mut(frame.sched).flushers -= 1;
        // Whoever flushes is not its user any more; if that process was killed, its jobs are, too.
        let task = self.task;
        let last_user = &mut self.w.scheds.entities[entity as usize].last_user;
        let mine = *last_user == task;
        if mine {
            *last_user = NONE;
        }
        let kills = mine && frame.exiting || frame.op == Op::DrmSchedEntityDestroy;
        frame.at = if kills { EndAt::Kill } else { EndAt::Over };
        None
    }

    /// `drm_sched_entity_kill()`: off the run-queue, and then until the scheduler is not at it.
    fn kill_begins(&mut self, frame: &mut EndFrame) -> Option<Flow> {
        let entity = frame.entity;
        let entry = &mut self.w.scheds.entities[entity as usize];
        if frame.at == EndAt::Kill {
            if entry.sched == NONE {
                frame.at = EndAt::Killed;
                return None;
            }
            entry.stopped = true;
            let lock = self.plan.scheds.entities[entity as usize].lock;
            self.lock_acquire(lock, ringfence_base::AcquireFlags::default());
            self.rq_remove_entity(entity);
            self.lock_release(lock);
            self.might_sleep();
            frame.at = EndAt::Idle;
        }
        let entry = &self.w.scheds.entities[entity as usize];
        if !entry.idle {
            self.replace(Frame::Sched(SchedFrame::End(*frame)));
            return Some(Flow::Block(Wait::EntityIdle(entity)));
        }
        let last = entry.last_scheduled;
        if last != NONE {
            self.fence_get(last);
        }
        frame.prev = last;
        frame.at = EndAt::Jobs;
        None
    }

    /// Every job waits for the one before it, and is ended then.
    fn kill_jobs(&mut self, frame: &mut EndFrame) -> Option<Flow> {
        let entity = frame.entity;
        match frame.at {
            EndAt::Waits(job) => {
                let finished = self.job(job).finished;
                if self.ret().is_true() {
                    // That one is over already.
                    self.drop_job_node(job);
                    frame.at = EndAt::Ends(job);
                    let prev = std::mem::replace(&mut frame.prev, finished);
                    return self.end_on(frame, |kernel| kernel.fence_put(prev));
                }
                frame.prev = finished;
                frame.at = EndAt::Jobs;
                None
            }
            EndAt::Ends(job) => {
                frame.at = EndAt::Jobs;
                self.end_on(frame, |kernel| kernel.kill_job_callback(job, NONE))
            }
            _ => {
                let scheds = &mut *self.w.scheds;
                let Some(job) = scheds.entities[entity as usize].queue.pop(&mut scheds.jobs) else {
                    frame.at = EndAt::Killed;
                    let prev = std::mem::replace(&mut frame.prev, NONE);
                    return self.end_on(frame, |kernel| kernel.fence_put(prev));
                };
                let finished = self.job(job).finished;
                self.fence_get(finished);
                self.job_mut(job).flags |= job_flag::DYING;
                if frame.prev == NONE {
                    frame.prev = finished;
                    frame.at = EndAt::Ends(job);
                    return None;
                }
                let node = self.w.fences.new_node(Callback::KillJob(job));
                self.job_mut(job).node = node;
                frame.at = EndAt::Waits(job);
                let prev = frame.prev;
                self.end_on(frame, |kernel| kernel.fence_add_callback(prev, node))
            }
        }
    }

    fn fini_dependency(&mut self, frame: &mut EndFrame) -> Option<Flow> {
        frame.at = EndAt::Last;
        let entry = &mut self.w.scheds.entities[frame.entity as usize];
        let dependency = std::mem::replace(&mut entry.dependency, NONE);
        let node = std::mem::replace(&mut entry.node, NONE);
        if dependency == NONE {
            return None;
        }
        if node != NONE {
            // Under the fence's lock: its callback either has run or won't.
            let lock = self.w.fences.get(dependency).lock;
            let irqs_on = self.irqs_on();
            self.irq_disable();
            self.touch_spinlock(lock);
            self.irq_restore(irqs_on);
            self.w.fences.drop_node(node);
        }
        self.end_on(frame, |kernel| kernel.fence_put(dependency))
    }

    /// `drm_sched_entity_kill_jobs_cb()`: what the job has waited for is over, and its reference goes.
    pub(crate) fn kill_job_callback(&mut self, job: u32, fence: u32) -> Flow {
        let Job { sched, owner, .. } = *self.job(job);
        let in_callback = self.plan.scheds.list[sched as usize].bugs.kills_in_callback;
        if in_callback {
            let frame = KillFrame { entity: owner, job, in_callback, at: KillAt::Walk };
            self.call(Frame::Sched(SchedFrame::Kill(frame)));
            return match self.fence_put(fence) {
                Flow::Return(_) => Flow::Continue,
                flow => flow,
            };
        }
        self.queue_kill(job);
        self.fence_put(fence)
    }

    fn queue_kill(&mut self, job: u32) {
        let owner = self.job(job).owner;
        self.w.scheds.entities[owner as usize].to_kill.push(job);
        self.queue_work(0, self.plan.scheds.entities[owner as usize].kill_work, 0);
    }

    pub(crate) fn kill_jobs_work(&mut self, entity: u32) -> Flow {
        let frame = KillFrame { entity, job: NONE, in_callback: false, at: KillAt::Next };
        self.call(Frame::Sched(SchedFrame::Kill(frame)))
    }

    pub(crate) fn run_kill(&mut self, mut frame: KillFrame) -> Flow {
        loop {
            let job = frame.job;
            match frame.at {
                KillAt::Next => {
                    if !self.begins_step() {
                        return Flow::Yield;
                    }
                    let to_kill = &mut self.w.scheds.entities[frame.entity as usize].to_kill;
                    if to_kill.is_empty() {
                        return Flow::Return(Value::Null);
                    }
                    frame.job = to_kill.remove(0);
                    let Job { sched, flags, .. } = *self.job(frame.job);
                    self.at_sched(sched);
                    let in_callback = self.plan.scheds.list[sched as usize].bugs.kills_in_callback;
                    if flags & job_flag::FREED != 0 {
                        self.broken(
                            "RF502",
                            "the scheduler ends a job that was freed",
                            job_object(frame.job),
                        );
                        continue;
                    }
                    // Where the walk was a callback, it is over.
                    if in_callback {
                        frame.at = KillAt::Scheduled;
                        let scheduled = self.job(frame.job).scheduled;
                        go!(self, SchedFrame::Kill(frame), self.signal_sched_fence(scheduled));
                    } else {
                        frame.at = KillAt::Walk;
                    }
                }
                KillAt::Walk => match self.next_kill_dependency(job) {
                    Some(fence) => {
                        if let Some(flow) = self.promote(&mut frame, fence) {
                            return flow;
                        }
                    }
                    None if frame.in_callback => {
                        self.queue_kill(job);
                        return Flow::Return(Value::Null);
                    }
                    None => {
                        frame.at = KillAt::Scheduled;
                        let scheduled = self.job(job).scheduled;
                        go!(self, SchedFrame::Kill(frame), self.signal_sched_fence(scheduled));
                    }
                },
                KillAt::Promoted(fence) => {
                    let node = self.w.fences.new_node(Callback::KillJob(job));
                    self.job_mut(job).node = node;
                    frame.at = KillAt::Added(fence);
                    go!(self, SchedFrame::Kill(frame), self.fence_add_callback(fence, node));
                }
                KillAt::Added(fence) => {
                    if !self.ret().is_true() {
                        // The callback goes on with it.
                        if frame.in_callback {
                            return Flow::Return(Value::Null);
                        }
                        frame.at = KillAt::Next;
                        continue;
                    }
                    self.drop_job_node(job);
                    frame.at = KillAt::Walk;
                    go!(self, SchedFrame::Kill(frame), self.fence_put(fence));
                }
                KillAt::Scheduled => {
                    frame.at = KillAt::Finished;
                    go!(self, SchedFrame::Kill(frame), self.sched_fence_finished(job, -(ESRCH as i32)));
                }
                KillAt::Finished => {
                    frame.at = KillAt::Next;
                    let entry = self.job_mut(job);
                    entry.flags = (entry.flags | job_flag::DONE) & !job_flag::DYING;
                    let sched = entry.sched;
                    if entry.parent != NONE {
                        let what = "a job that is killed in the queue has a fence of the hardware";
                        self.broken("RF706", what, job_object(job));
                    }
                    self.replace(Frame::Sched(SchedFrame::Kill(frame)));
                    return self.call_free_job(sched, job);
                }
            }
        }
    }

    /// Takes the job's next dependency out of its list, with its reference.
    fn next_kill_dependency(&mut self, job: u32) -> Option<u32> {
        let mut entry = self.job(job).first_dependency;
        while entry != NONE {
            let Dependency { fence, next } = self.w.scheds.dependencies[entry as usize];
            if fence != NONE {
                self.touch_spinlock(self.plan.scheds.xa_lock);
                self.w.scheds.dependencies[entry as usize].fence = NONE;
                return Some(fence);
            }
            entry = next;
        }
        None
    }

    /// A killed job waits for other jobs to finish, not just to be scheduled.
    fn promote(&mut self, frame: &mut KillFrame, fence: u32) -> Option<Flow> {
        frame.at = KillAt::Promoted(fence);
        let FenceSort::Scheduled(other) = self.w.fences.get(fence).sort else { return None };
        let finished = self.job(other).finished;
        if self.w.fences.get(finished).refs == 0 {
            // It is gone, so it is over.
            frame.at = KillAt::Walk;
        } else {
            self.fence_get(finished);
            frame.at = KillAt::Promoted(finished);
        }
        self.replace(Frame::Sched(SchedFrame::Kill(*frame)));
        match self.fence_put(fence) {
            Flow::Return(_) => None,
            flow => Some(flow),
        }
    }
}
