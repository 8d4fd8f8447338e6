//! Timeouts, and what drivers do about them: stopping, starting, resubmitting, taking down (`drm_sched_job_timedout()`,
//! `drm_sched_stop()`, `drm_sched_start()` and their like in `drivers/gpu/drm/scheduler/sched_main.c`).

use ringfence_base::errno::ECANCELED;
use ringfence_base::{EventKind, JobEvent};

use crate::dma_fence_cb::Callback;
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_main::{STAT_ENODEV, STAT_NO_HANG, sched_object};
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::value::Value;
use crate::workqueue::Pending;
use ringfence_base::scenario::Kind;

/// `drm_sched_job_timedout()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimeoutFrame {
    sched: u32,
    job: u32,
    status: i64,
    at: TimeoutAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum TimeoutAt {
    Start,
    Handled,
    Over,
}

impl TimeoutFrame {
    /// The job whose time is up, or [`NONE`].
    pub(crate) fn job(&self) -> u32 {
        self.job
    }
}

/// A walk over the pending jobs, after submission was stopped, if that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WalkFrame {
    sched: u32,
    /// The job that is being dealt with, and the one after it.
    job: u32,
    next: u32,
    at: WalkAt,
    what: Walk,
}

/// What is done with the pending jobs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Walk {
    /// `drm_sched_wqueue_stop()`: nothing.
    WqueueStop,
    /// `drm_sched_stop()` for this bad job, or [`NONE`].
    Stop(u32),
    /// `drm_sched_start()` with this error.
    Start(i32),
    /// `drm_sched_resubmit_jobs()`: the guilty context, or 0.
    Resubmit(u64),
    /// `drm_sched_fini()`.
    Fini,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum WalkAt {
    /// The work that hands jobs on is to be cancelled, and then the one that frees them.
    CancelRun,
    CancelFree,
    Cancelled,
    /// The timeout is to be cancelled (`drm_sched_fini()`), and then the workqueue to be flushed.
    CancelTimeout,
    Flush,
    Flushed,
    Job,
    /// The callback was taken off the hardware's fence, or not.
    Removed,
    /// Its finished fence has been waited for.
    Waited,
    /// A callback was added to the hardware's fence, or not.
    Added,
    /// `run_job` has returned.
    Ran,
    /// `cancel_job` has returned.
    CancelledJob,
    Over,
}

impl Kernel<'_> {
    /// Puts a job at the end of the list of pending ones.
    pub(crate) fn pending_add_last(&mut self, sched: u32, job: u32) {
        self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
        let last = std::mem::replace(&mut self.w.scheds.sched_mut(sched).last_pending, job);
        let entry = self.job_mut(job);
        (entry.prev_pending, entry.next_pending) = (last, NONE);
        entry.flags |= job_flag::PENDING;
        match last {
            NONE => self.w.scheds.sched_mut(sched).first_pending = job,
            last => self.job_mut(last).next_pending = job,
        }
    }

    /// Puts it at the front: it was the oldest.
    pub(crate) fn pending_add_first(&mut self, job: u32) {
        let sched = self.job(job).sched;
        if self.job(job).has(job_flag::PENDING) {
            let what = "a job is put on the list of pending jobs twice: the list is broken";
            self.broken("RF502", what, job_object(job));
            return;
        }
        if self.job(job).has(job_flag::HANDED_BACK) {
            let what = "a job that is given back to its driver is put on the list of pending jobs again";
            self.broken("RF502", what, job_object(job));
            return;
        }
        let first = std::mem::replace(&mut self.w.scheds.sched_mut(sched).first_pending, job);
        let entry = self.job_mut(job);
        (entry.prev_pending, entry.next_pending) = (NONE, first);
        entry.flags |= job_flag::PENDING;
        match first {
            NONE => self.w.scheds.sched_mut(sched).last_pending = job,
            first => self.job_mut(first).prev_pending = job,
        }
    }

    /// Takes a job off the list of pending ones.
    pub(crate) fn pending_remove(&mut self, job: u32) {
        let Job { sched, prev_pending, next_pending, flags, .. } = *self.job(job);
        if flags & job_flag::PENDING == 0 {
            return;
        }
        match prev_pending {
            NONE => self.w.scheds.sched_mut(sched).first_pending = next_pending,
            prev => self.job_mut(prev).next_pending = next_pending,
        }
        match next_pending {
            NONE => self.w.scheds.sched_mut(sched).last_pending = prev_pending,
            next => self.job_mut(next).prev_pending = prev_pending,
        }
        let entry = self.job_mut(job);
        (entry.prev_pending, entry.next_pending) = (NONE, NONE);
        entry.flags &= !job_flag::PENDING;
    }

    /// The timeout's delayed work, among all works.
    fn timeout_work(&self, sched: u32) -> u32 {
        self.plan.deferred.workqueues.delayed(self.plan.scheds.timeout_work(sched))
    }

    /// `mod_delayed_work()` of the timeout.
    fn set_job_timeout(&mut self, sched: u32, timeout: i64) -> bool {
        let work = self.timeout_work(sched);
        let was_pending = self.grab_pending(work);
        self.queue_work(self.plan.scheds.list[sched as usize].timeout_wq, work, timeout);
        was_pending
    }

    /// `cancel_delayed_work()` of the timeout.
    pub(crate) fn cancel_timeout(&mut self, sched: u32) {
        let work = self.timeout_work(sched);
        self.grab_pending(work);
    }

    /// `drm_sched_start_timeout()`.
    pub(crate) fn start_timeout(&mut self, sched: u32) {
        let entry = self.w.scheds.sched(sched);
        let timeout = entry.timeout;
        if timeout != i64::MAX && entry.first_pending != NONE {
            self.set_job_timeout(sched, timeout);
        }
    }

    /// `drm_sched_tdr_queue_imm()`.
    pub(crate) fn tdr_queue_imm(&mut self, sched: u32) {
        self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
        self.w.scheds.sched_mut(sched).timeout = 0;
        self.start_timeout(sched);
    }

    /// `drm_sched_fault()`.
    pub(crate) fn sched_fault(&mut self, sched: u32) {
        self.set_job_timeout(sched, 0);
    }

    /// `drm_sched_suspend_timeout()`: what was left of it.
    pub(crate) fn suspend_timeout(&mut self, sched: u32) -> i64 {
        let work = self.timeout_work(sched);
        let due = match self.w.deferred.workqueues.works[work as usize].pending {
            Pending::Timer { timer, .. } => Some(timer.due()),
            Pending::No | Pending::Queued => None,
        };
        // As far away as to be never: there is no such time in a run.
        self.grab_pending(work);
        let left = due.and_then(|due| due.checked_sub(self.w.time.now)).filter(|&left| left != 0);
        left.map_or(self.w.scheds.sched(sched).timeout, |left| i64::try_from(left).unwrap_or(i64::MAX))
    }

    /// `drm_sched_resume_timeout()`.
    pub(crate) fn resume_timeout(&mut self, sched: u32, remaining: i64) {
        self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
        if self.w.scheds.sched(sched).first_pending == NONE || remaining == i64::MAX {
            self.cancel_timeout(sched);
        } else {
            self.set_job_timeout(sched, remaining);
        }
    }

    /// `drm_sched_increase_karma()`: jobs of the kernel's own are beyond blame.
    pub(crate) fn increase_karma(&mut self, job: u32) {
        let Job { sched, priority, owner, .. } = *self.job(job);
        if sched == NONE || priority == 0 {
            return;
        }
        self.job_mut(job).karma += 1;
        // Only an entity that is on a run-queue is found.
        let listed = (1..self.w.scheds.sched(sched).rqs.len())
            .any(|rq| self.w.scheds.sched(sched).rqs[rq].entities.contains(&owner));
        let fair = self.w.scheds.sched(sched).rqs[0].entities.contains(&owner)
            && self.plan.scheds.list[sched as usize].rq(priority, 4) == 0;
        let guilty = self.w.scheds.entities[owner as usize].guilty;
        if (listed || fair) && guilty != NONE {
            self.w.cells[guilty as usize] = 1;
        }
    }

    pub(crate) fn job_timedout_work(&mut self, sched: u32) -> Flow {
        let frame = TimeoutFrame { sched, job: NONE, status: 0, at: TimeoutAt::Start };
        self.call(Frame::Sched(SchedFrame::Timeout(frame)))
    }

    pub(crate) fn run_job_timedout(&mut self, mut frame: TimeoutFrame) -> Flow {
        let sched = frame.sched;
        if frame.at == TimeoutAt::Start {
            if !self.begins_step() {
                return Flow::Yield;
            }
            self.at_sched(sched);
            if !self.sched_is_usable(sched) {
                return Flow::Return(Value::Null);
            }
            self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
            frame.job = self.w.scheds.sched(sched).first_pending;
            frame.at = TimeoutAt::Handled;
            if frame.job != NONE {
                return self.call_timedout_job(frame);
            }
        }
        if frame.at == TimeoutAt::Handled && frame.job != NONE {
            frame.at = TimeoutAt::Over;
            frame.status = self.ret().int();
            if let Some(flow) = self.timeout_was_handled(frame) {
                return flow;
            }
        }
        if frame.job != NONE {
            self.check_job_not_lost(frame.job);
        }
        if frame.status != STAT_ENODEV && self.w.scheds.sched(sched).alive {
            self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
            self.start_timeout(sched);
        }
        Flow::Return(Value::Null)
    }

    fn call_timedout_job(&mut self, frame: TimeoutFrame) -> Flow {
        let TimeoutFrame { sched, job, .. } = frame;
        let layout = &self.plan.scheds.list[sched as usize];
        // So that nobody frees it meanwhile; drm_sched_stop() puts it back.
        if !layout.bugs.timeout_keeps_job {
            self.pending_remove(job);
        }
        self.job_mut(job).flags |= job_flag::TIMING_OUT;
        self.emit(EventKind::Job(JobEvent::TimedOut, job));
        self.replace(Frame::Sched(SchedFrame::Timeout(frame)));
        let Some(program) = layout.ops.timedout_job else {
            self.broken("RF509", "NULL pointer dereference", sched_object(sched));
            self.me().ret = Value::Int(0);
            return Flow::Continue;
        };
        self.call_program(program, &[Value::Object(Kind::SchedJob, job)])
    }

    /// The handler has returned: what is left to do with its job.
    fn timeout_was_handled(&mut self, frame: TimeoutFrame) -> Option<Flow> {
        let TimeoutFrame { sched, job, status, .. } = frame;
        self.job_mut(job).flags &= !job_flag::TIMING_OUT;
        self.emit(EventKind::Job(JobEvent::Handled, job));
        self.replace(Frame::Sched(SchedFrame::Timeout(frame)));
        // drm_sched_stop() found the job complete, and has left it for this.
        let frees = std::mem::take(&mut self.w.scheds.sched_mut(sched).free_guilty);
        let puts_back =
            status == STAT_NO_HANG && !self.plan.scheds.list[sched as usize].bugs.timeout_keeps_job;
        if self.job(job).has(job_flag::FREED) {
            if frees || puts_back {
                let what = "the scheduler goes on with a job that its timeout handler has freed";
                self.broken("RF502", what, job_object(job));
            }
            return None;
        }
        if puts_back {
            self.pending_add_first(job);
            self.free_job_queue_if_ready(sched);
        }
        frees.then(|| self.call_free_job(sched, job))
    }

    /// Whatever becomes of a job whose timeout was handled, somebody must still have it: the scheduler, or the driver,
    /// which has cleaned it up then.
    fn check_job_not_lost(&mut self, job: u32) {
        let flags = self.job(job).flags;
        let taken = flags & (job_flag::PENDING | job_flag::FREED | job_flag::HANDED_BACK) != 0;
        if !taken && flags & job_flag::INIT != 0 {
            let what = "a job is on no list any more after its timeout was handled: nobody will free it";
            self.broken("RF515", what, job_object(job));
        }
    }

    /// A walk over the pending jobs, after both works were cancelled where that comes first.
    pub(crate) fn sched_walk(&mut self, sched: u32, what: Walk) -> Flow {
        let at = match what {
            Walk::WqueueStop | Walk::Stop(_) | Walk::Fini => {
                self.w.scheds.sched_mut(sched).paused = true;
                WalkAt::CancelRun
            }
            Walk::Start(_) | Walk::Resubmit(_) => WalkAt::Job,
        };
        let job = self.w.scheds.sched(sched).first_pending;
        let frame = WalkFrame { sched, job, next: NONE, at, what };
        self.call(Frame::Sched(SchedFrame::Walk(frame)))
    }

    pub(crate) fn run_sched_walk(&mut self, mut frame: WalkFrame) -> Flow {
        let sched = frame.sched;
        loop {
            let layout = &self.plan.scheds.list[sched as usize];
            match frame.at {
                WalkAt::CancelRun => {
                    frame.at = WalkAt::CancelFree;
                    go!(self, SchedFrame::Walk(frame), self.cancel_work_sync(layout.run_work));
                }
                WalkAt::CancelFree => {
                    frame.at = WalkAt::Cancelled;
                    go!(self, SchedFrame::Walk(frame), self.cancel_work_sync(layout.free_work));
                }
                WalkAt::Cancelled => match frame.what {
                    Walk::Fini => {
                        self.fini_stops_entities(sched);
                        frame.at = WalkAt::CancelTimeout;
                    }
                    Walk::Stop(bad) => {
                        // Where the handler's job was not taken off the list, it need not go back.
                        let is_off = !layout.bugs.timeout_keeps_job;
                        if is_off && bad != NONE && self.job(bad).sched == sched {
                            self.pending_add_first(bad);
                        }
                        frame.job = self.w.scheds.sched(sched).last_pending;
                        frame.at = WalkAt::Job;
                    }
                    _ => return Flow::Return(Value::Null),
                },
                WalkAt::CancelTimeout => {
                    frame.at = WalkAt::Flush;
                    let work = self.timeout_work(sched);
                    go!(self, SchedFrame::Walk(frame), self.cancel_work_sync(work));
                }
                WalkAt::Flush => {
                    frame.at = WalkAt::Flushed;
                    if layout.own_submit_wq {
                        go!(self, SchedFrame::Walk(frame), self.flush_workqueue(layout.submit_wq));
                    }
                }
                WalkAt::Flushed => {
                    let cancels = self.is_next() && layout.ops.cancel_job.is_some();
                    frame.job = if cancels { self.w.scheds.sched(sched).last_pending } else { NONE };
                    frame.at = WalkAt::Job;
                }
                WalkAt::Job if frame.job == NONE => {
                    self.walk_is_over(frame);
                    return Flow::Return(Value::Null);
                }
                WalkAt::Over => {
                    self.check_walk(&mut frame);
                    frame.job = frame.next;
                    frame.at = WalkAt::Job;
                }
                _ => match self.walk_job(&mut frame) {
                    Flow::Return(value) => self.me().ret = value,
                    flow => return flow,
                },
            }
        }
    }

    /// Linux does not hold the lock of the list during its walks: whoever comes next must not go meanwhile.
    fn check_walk(&mut self, frame: &mut WalkFrame) {
        if frame.next != NONE && !self.job(frame.next).has(job_flag::PENDING) {
            let what = "a job leaves the list of pending jobs while somebody walks along it";
            self.broken("RF502", what, job_object(frame.next));
            frame.next = NONE;
        }
    }

    /// One step with one of the pending jobs.
    fn walk_job(&mut self, frame: &mut WalkFrame) -> Flow {
        if frame.at == WalkAt::Job {
            let Job { prev_pending, next_pending, .. } = *self.job(frame.job);
            frame.next = match frame.what {
                Walk::Stop(_) | Walk::Fini => prev_pending,
                _ => next_pending,
            };
        }
        match frame.what {
            Walk::Stop(bad) => self.stop_job(frame, bad),
            Walk::Start(error) => self.start_job(frame, error),
            Walk::Resubmit(guilty) => self.resubmit_job(frame, guilty),
            Walk::Fini => self.cancel_job(frame),
            Walk::WqueueStop => panic!("engine bug: drm_sched_wqueue_stop() walks over no jobs"),
        }
    }

    /// Enters the frame again once `what` is done; at once, if it is.
    fn walk_on(&mut self, frame: &WalkFrame, what: impl FnOnce(&mut Self) -> Flow) -> Flow {
        self.replace(Frame::Sched(SchedFrame::Walk(*frame)));
        what(self)
    }

    /// Takes the job off the hardware's fence; one that has completed already is freed.
    fn stop_job(&mut self, frame: &mut WalkFrame, bad: u32) -> Flow {
        let (sched, job) = (frame.sched, frame.job);
        let Job { parent, node, finished, credits, flags, .. } = *self.job(job);
        match frame.at {
            WalkAt::Job => {
                frame.at = WalkAt::Removed;
                if parent == NONE || node == NONE {
                    self.replace(Frame::Sched(SchedFrame::Walk(*frame)));
                    return Flow::Return(Value::bool(false));
                }
                self.walk_on(frame, |kernel| kernel.with_fence_lock(parent, Doing::RemoveCallback(node)))
            }
            WalkAt::Removed if self.ret().is_true() => {
                self.drop_job_node(job);
                self.job_mut(job).parent = NONE;
                if flags & job_flag::CREDITED != 0 {
                    self.job_mut(job).flags &= !job_flag::CREDITED;
                    self.w.scheds.sched_mut(sched).credit_count -= credits;
                }
                frame.at = WalkAt::Over;
                self.walk_on(frame, |kernel| kernel.fence_put(parent))
            }
            WalkAt::Removed => {
                self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
                self.pending_remove(job);
                frame.at = WalkAt::Waited;
                self.walk_on(frame, |kernel| kernel.fence_wait(finished, false))
            }
            _ => {
                frame.at = WalkAt::Over;
                if job == bad {
                    self.w.scheds.sched_mut(sched).free_guilty = true;
                    self.replace(Frame::Sched(SchedFrame::Walk(*frame)));
                    return Flow::Return(Value::Null);
                }
                self.walk_on(frame, |kernel| kernel.call_free_job(sched, job))
            }
        }
    }

    /// Waits for the job's fence again; without one it ends here.
    fn start_job(&mut self, frame: &mut WalkFrame, error: i32) -> Flow {
        let (sched, job) = (frame.sched, frame.job);
        let Job { parent, credits, flags, .. } = *self.job(job);
        if frame.at == WalkAt::Added {
            frame.at = WalkAt::Over;
            if !self.ret().is_true() {
                self.replace(Frame::Sched(SchedFrame::Walk(*frame)));
                return Flow::Return(Value::Null);
            }
            self.drop_job_node(job);
            let error = self.w.fences.get(parent).error;
            return self.walk_on(frame, |kernel| kernel.job_done(job, error));
        }
        if flags & (job_flag::CREDITED | job_flag::DONE) == 0 {
            self.job_mut(job).flags |= job_flag::CREDITED;
            self.w.scheds.sched_mut(sched).credit_count += credits;
        }
        if parent == NONE {
            frame.at = WalkAt::Over;
            let error = if error == 0 { -(ECANCELED as i32) } else { error };
            return self.walk_on(frame, |kernel| kernel.job_done(job, error));
        }
        let node = self.w.fences.new_node(Callback::JobDone(job));
        self.job_mut(job).node = node;
        frame.at = WalkAt::Added;
        self.walk_on(frame, |kernel| kernel.fence_add_callback(parent, node))
    }

    /// Hands the job to the hardware again; those of a guilty context get an error.
    fn resubmit_job(&mut self, frame: &mut WalkFrame, mut guilty: u64) -> Flow {
        let (sched, job) = (frame.sched, frame.job);
        let Job { scheduled, finished, karma, .. } = *self.job(job);
        let ops = self.plan.scheds.list[sched as usize].ops;
        if frame.at == WalkAt::Job {
            let context = self.w.fences.get(scheduled).context;
            if guilty == 0 && karma > self.plan.scheds.list[sched as usize].hang_limit {
                guilty = context;
                frame.what = Walk::Resubmit(guilty);
            }
            if guilty == context {
                self.fence_set_error(finished, -ECANCELED);
            }
            frame.at = WalkAt::Ran;
            self.emit(EventKind::Job(JobEvent::Run, job));
            return self.walk_on(frame, |kernel| {
                kernel.call_program(ops.run_job, &[Value::Object(Kind::SchedJob, job)])
            });
        }
        // The reference that run_job gave becomes the job's own.
        let parent = match self.run_job_result(job) {
            Ok(fence) => fence,
            Err(0) => NONE,
            Err(error) => {
                self.fence_set_error(finished, i64::from(error));
                NONE
            }
        };
        self.job_mut(job).parent = parent;
        frame.at = WalkAt::Over;
        self.replace(Frame::Sched(SchedFrame::Walk(*frame)));
        Flow::Return(Value::Null)
    }

    /// `drm_sched_cancel_remaining_jobs()` (since 6.17).
    fn cancel_job(&mut self, frame: &mut WalkFrame) -> Flow {
        let (sched, job) = (frame.sched, frame.job);
        let ops = self.plan.scheds.list[sched as usize].ops;
        if frame.at == WalkAt::Job {
            frame.at = WalkAt::CancelledJob;
            self.emit(EventKind::Job(JobEvent::Cancel, job));
            let program = ops.cancel_job.expect("engine bug: jobs are cancelled without cancel_job");
            return self.walk_on(frame, |kernel| {
                kernel.call_program(program, &[Value::Object(Kind::SchedJob, job)])
            });
        }
        self.pending_remove(job);
        frame.at = WalkAt::Over;
        self.walk_on(frame, |kernel| kernel.call_free_job(sched, job))
    }

    fn walk_is_over(&mut self, frame: WalkFrame) {
        let sched = frame.sched;
        match frame.what {
            Walk::Stop(_) => self.cancel_timeout(sched),
            Walk::Start(_) => {
                self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
                self.start_timeout(sched);
                self.wqueue_start(sched);
            }
            Walk::Fini => self.sched_is_gone(sched),
            Walk::WqueueStop | Walk::Resubmit(_) => {}
        }
    }

    /// `drm_sched_wqueue_start()`.
    pub(crate) fn wqueue_start(&mut self, sched: u32) {
        self.w.scheds.sched_mut(sched).paused = false;
        self.run_job_queue(sched);
        self.free_job_queue(sched);
    }

    /// Nobody can put jobs on its run-queues any more.
    fn fini_stops_entities(&mut self, sched: u32) {
        for rq in 0..self.w.scheds.sched(sched).rqs.len() {
            self.touch_spinlock(self.plan.scheds.list[sched as usize].rq_lock);
            for position in 0..self.w.scheds.sched(sched).rqs[rq].entities.len() {
                let entity = self.w.scheds.sched(sched).rqs[rq].entities[position];
                self.w.scheds.entities[entity as usize].stopped = true;
            }
        }
        self.wake_flushers(sched);
    }

    fn sched_is_gone(&mut self, sched: u32) {
        let pending = self.w.scheds.sched(sched).first_pending;
        if pending != NONE {
            let what = "a scheduler is taken down with jobs in flight: nobody will free them";
            self.broken("RF514", what, job_object(pending));
        }
        let queued = self.w.scheds.sched(sched).rqs.iter().flat_map(|rq| rq.entities.iter().copied());
        let queued =
            queued.into_iter().find(|&entity| self.w.scheds.entities[entity as usize].queue.peek().is_some());
        if let Some(entity) = queued {
            let what = "a scheduler is taken down while an entity has jobs queued for it";
            self.broken("RF514", what, crate::sched_entity::entity_object(entity));
        }
        let entry = self.w.scheds.sched_mut(sched);
        (entry.ready, entry.alive) = (false, false);
    }
}
