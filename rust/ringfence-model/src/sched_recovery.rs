//! What drivers do about a hang: stopping, starting, resubmitting; and taking a scheduler down
//! (`drm_sched_stop()`, `drm_sched_start()`, `drm_sched_fini()` and their like in
//! `drivers/gpu/drm/scheduler/sched_main.c`). All of them walk over the pending jobs.

use ringfence_base::errno::ECANCELED;
use ringfence_base::scenario::Kind;
use ringfence_base::{EventKind, JobEvent};

use crate::dma_fence_cb::Callback;
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::value::Value;

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
