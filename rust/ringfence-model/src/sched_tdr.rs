//! Timeouts: the list of jobs that the hardware has, and what happens when one takes too long
//! (`drm_sched_job_timedout()`, `drm_sched_start_timeout()` and their like in
//! `drivers/gpu/drm/scheduler/sched_main.c`). What drivers do then is in `sched_recovery.rs`.

use ringfence_base::{EventKind, JobEvent};

use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_main::{STAT_ENODEV, STAT_NO_HANG, sched_object};
use crate::sched_ops::SchedFrame;
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
    pub(crate) fn timeout_work(&self, sched: u32) -> u32 {
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
        let left = due.and_then(|due| due.checked_sub(*self.w.time.now)).filter(|&left| left != 0);
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
}
