//! Freeing jobs, oldest first (`drm_sched_free_job_work()` in `drivers/gpu/drm/scheduler/sched_main.c`).

use ringfence_base::scenario::Kind;
use ringfence_base::{EventKind, JobEvent};

use crate::dma_fence::flag;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_ops::SchedFrame;
use crate::thread::NONE;
use crate::value::Value;

/// `drm_sched_free_job_work()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FreeFrame {
    sched: u32,
    freed: bool,
}

impl Kernel<'_> {
    /// `__drm_sched_run_free_queue()`.
    pub(crate) fn free_job_queue(&mut self, sched: u32) {
        let layout = &self.plan.scheds.list[sched as usize];
        if !self.w.scheds.sched(sched).paused {
            self.queue_work(layout.submit_wq, layout.free_work, 0);
        }
    }

    pub(crate) fn free_job_work(&mut self, sched: u32) -> Flow {
        self.call(Frame::Sched(SchedFrame::Free(FreeFrame { sched, freed: false })))
    }

    pub(crate) fn run_free_job(&mut self, mut frame: FreeFrame) -> Flow {
        let sched = frame.sched;
        if !frame.freed {
            if !self.begins_step() {
                return Flow::Yield;
            }
            self.at_sched(sched);
            if !self.sched_is_usable(sched) || self.w.scheds.sched(sched).paused {
                return Flow::Return(Value::Null);
            }
            frame.freed = true;
            if let Some(job) = self.finished_job(sched) {
                self.replace(Frame::Sched(SchedFrame::Free(frame)));
                return self.call_free_job(sched, job);
            }
        }
        self.free_job_queue_if_ready(sched);
        self.run_job_queue(sched);
        Flow::Return(Value::Null)
    }

    /// Gives a job back to the driver.
    pub(crate) fn call_free_job(&mut self, sched: u32, job: u32) -> Flow {
        if self.job(job).has(job_flag::HANDED_BACK) {
            self.broken("RF502", "the scheduler frees a job twice", job_object(job));
            return Flow::Continue;
        }
        self.job_mut(job).flags |= job_flag::HANDED_BACK;
        self.emit(EventKind::Job(JobEvent::Free, job));
        self.call_program(
            self.plan.scheds.list[sched as usize].ops.free_job,
            &[Value::Object(Kind::SchedJob, job)],
        )
    }

    /// `drm_sched_run_free_queue()`.
    pub(crate) fn free_job_queue_if_ready(&mut self, sched: u32) {
        self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
        let first = self.w.scheds.sched(sched).first_pending;
        if first != NONE && self.job_is_finished(first) {
            self.free_job_queue(sched);
        }
    }

    pub(crate) fn job_is_finished(&self, job: u32) -> bool {
        self.w.fences.has(self.job(job).finished, flag::SIGNALED)
    }

    /// `drm_sched_get_finished_job()`: the oldest pending job, if it has finished; its timeout makes room for that
    /// of the next.
    fn finished_job(&mut self, sched: u32) -> Option<u32> {
        self.touch_spinlock(self.plan.scheds.list[sched as usize].job_list_lock);
        let job = self.w.scheds.sched(sched).first_pending;
        if job == NONE || !self.job_is_finished(job) {
            return None;
        }
        self.pending_remove(job);
        self.cancel_timeout(sched);
        let next = self.w.scheds.sched(sched).first_pending;
        if next != NONE {
            let Job { finished, .. } = *self.job(job);
            let ended = self.w.fences.get(finished).timestamp;
            let scheduled = self.job(next).scheduled;
            let entry = self.w.fences.get_mut(scheduled);
            if entry.flags & flag::SIGNALED != 0 {
                entry.timestamp = ended;
            }
            self.start_timeout(sched);
        }
        Some(job)
    }
}
