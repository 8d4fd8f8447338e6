//! The two fences of a job, which share a lock (`drivers/gpu/drm/scheduler/sched_fence.c`).
//!
//! Who has a reference to the finished one keeps the scheduled one, and who has one to that keeps the hardware's.

use ringfence_base::EventKind;
use ringfence_base::scenario::SchedPolicy;

use crate::dma_fence::{FenceSort, flag};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{Job, job_flag, job_object};
use crate::sched_main::sched_object;
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::value::Value;

/// `drm_sched_job_done()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DoneFrame {
    job: u32,
    at: DoneAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum DoneAt {
    Signaled,
    Put,
}

/// By how much time on the GPU counts for an entity, per priority (later kernels' fair policy).
const VRUNTIME_SHIFT: [u32; 4] = [1, 2, 4, 7];

impl Kernel<'_> {
    /// `dma_fence_init()` with the lock of the job's other fence.
    pub(crate) fn fence_init_sched(&mut self, sort: FenceSort, lock: u32, context: u64, seqno: u64) -> u32 {
        let fence = self.w.fences.add(sort, lock, context, seqno, 0);
        self.emit(EventKind::FenceInit(fence));
        fence
    }

    /// `drm_sched_fence_set_parent()`: takes a reference, and passes a deadline on.
    pub(crate) fn sched_fence_set_parent(&mut self, job: u32, parent: u32) -> Flow {
        self.fence_get(parent);
        let entry = self.job_mut(job);
        entry.parent = parent;
        match i64::try_from(entry.deadline) {
            Ok(deadline) => self.fence_set_deadline(parent, deadline),
            Err(_) => Flow::Return(Value::Null),
        }
    }

    /// `drm_sched_fence_set_deadline_finished()`: the earliest counts. The hardware's fence, if it is to be told.
    pub(crate) fn sched_fence_deadline(&mut self, job: u32, deadline: i64) -> Option<u32> {
        let deadline = u64::try_from(deadline).unwrap_or(0);
        let entry = self.job_mut(job);
        if deadline > entry.deadline {
            return None;
        }
        entry.deadline = deadline;
        (entry.parent != NONE).then_some(entry.parent)
    }

    /// `drm_sched_job_done()`: gives the credits back, signals, and has the job freed.
    pub(crate) fn job_done(&mut self, job: u32, result: i32) -> Flow {
        let Job { sched, finished, credits, flags, owner, began, priority, .. } = *self.job(job);
        if flags & job_flag::FREED != 0 {
            self.broken("RF502", "the scheduler completes a job that was freed", job_object(job));
            return Flow::Return(Value::Null);
        }
        if flags & job_flag::DONE != 0 {
            self.broken(
                "RF517",
                "a job is completed twice: its credits are given back twice",
                job_object(job),
            );
            return Flow::Return(Value::Null);
        }
        if !self.w.scheds.sched(sched).alive {
            self.broken("RF502", "a job completes after drm_sched_fini()", sched_object(sched));
        }
        let entry = self.job_mut(job);
        entry.flags = (entry.flags | job_flag::DONE) & !job_flag::CREDITED;
        let now = *self.w.time.now;
        let scheduler = self.w.scheds.sched_mut(sched);
        if flags & job_flag::CREDITED != 0 {
            scheduler.credit_count -= credits;
        }
        scheduler.score -= 1;
        if self.plan.scheds.list[sched as usize].policy == SchedPolicy::Fair {
            let shift = VRUNTIME_SHIFT[(priority as usize).min(VRUNTIME_SHIFT.len() - 1)];
            let had = now.saturating_sub(began).saturating_mul(1 << shift);
            let vruntime = &mut self.w.scheds.entities[owner as usize].vruntime;
            *vruntime = vruntime.saturating_add(had);
        }
        self.fence_get(finished);
        self.call(Frame::Sched(SchedFrame::Done(DoneFrame { job, at: DoneAt::Signaled })));
        self.sched_fence_finished(job, result)
    }

    /// `drm_sched_fence_finished()`.
    pub(crate) fn sched_fence_finished(&mut self, job: u32, result: i32) -> Flow {
        let finished = self.job(job).finished;
        if result != 0 {
            self.fence_set_error(finished, i64::from(result));
        }
        self.signal_sched_fence(finished)
    }

    /// `dma_fence_signal()` of one of the two.
    pub(crate) fn signal_sched_fence(&mut self, fence: u32) -> Flow {
        if self.w.fences.has(fence, flag::FREED) {
            let object = crate::dma_fence::fence_object(fence);
            self.broken("RF502", "the scheduler signals a fence that was freed", object);
            return Flow::Return(Value::Null);
        }
        self.fence_signal(fence)
    }

    pub(crate) fn run_job_done(&mut self, mut frame: DoneFrame) -> Flow {
        let Job { sched, finished, .. } = *self.job(frame.job);
        if frame.at == DoneAt::Signaled {
            frame.at = DoneAt::Put;
            go!(self, SchedFrame::Done(frame), self.fence_put(finished));
        }
        self.free_job_queue(sched);
        Flow::Return(Value::Null)
    }
}
