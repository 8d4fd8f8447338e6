//! The operations of the GPU scheduler, and the frames of its functions.

use ringfence_base::errno::{EINVAL, ENOENT};
use ringfence_base::scenario::{Kind, Op};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::sched_dependency::DependencyFrame;
use crate::sched_entity::PushFrame;
use crate::sched_entity_kill::{EndFrame, KillFrame};
use crate::sched_fence::DoneFrame;
use crate::sched_free_job::FreeFrame;
use crate::sched_job::{CleanupFrame, InitFrame, job_flag, job_object};
use crate::sched_recovery::{Walk, WalkFrame};
use crate::sched_tdr::TimeoutFrame;
use crate::sched_work::RunFrame;
use crate::thread::NONE;
use crate::value::Value;

/// Does something, and goes on in the given state: at once if that is done, otherwise when the frame is entered
/// again. The result is then `ret()`.
macro_rules! go {
    ($kernel:ident, $frame:expr, $what:expr) => {{
        $kernel.replace($crate::frame::Frame::Sched($frame));
        match $what {
            $crate::frame::Flow::Return(value) => $kernel.me().ret = value,
            flow => return flow,
        }
    }};
}
pub(crate) use go;

/// A function of the scheduler that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SchedFrame {
    /// `drm_sched_run_job_work()`.
    Run(RunFrame),
    /// `drm_sched_free_job_work()`.
    Free(FreeFrame),
    /// `drm_sched_job_timedout()`.
    Timeout(TimeoutFrame),
    /// `drm_sched_job_done()`.
    Done(DoneFrame),
    /// `drm_sched_stop()`, `_start()`, `_resubmit_jobs()`, `_fini()`.
    Walk(WalkFrame),
    /// `drm_sched_entity_push_job()`.
    Push(PushFrame),
    /// `drm_sched_entity_flush()`, `_kill()`, `_fini()`, `_destroy()`.
    End(EndFrame),
    /// `drm_sched_entity_kill_jobs_work()`.
    Kill(KillFrame),
    /// `drm_sched_job_init()`.
    Init(InitFrame),
    /// `drm_sched_job_add_dependency()`.
    Dependency(DependencyFrame),
    /// `drm_sched_job_cleanup()`.
    Cleanup(CleanupFrame),
}

impl SchedFrame {
    /// The kernel's name of a work.
    pub(crate) fn work(&self) -> Option<&'static str> {
        Some(match self {
            Self::Run(_) => "drm_sched_run_job_work",
            Self::Free(_) => "drm_sched_free_job_work",
            Self::Timeout(_) => "drm_sched_job_timedout",
            Self::Kill(frame) if frame.is_work() => "drm_sched_entity_kill_jobs_work",
            _ => return None,
        })
    }

    /// The job that a work is at, or [`NONE`].
    pub(crate) fn job(&self) -> Option<u32> {
        match self {
            Self::Run(frame) => Some(frame.job()),
            Self::Timeout(frame) => Some(frame.job()),
            _ => None,
        }
    }
}

const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    pub(crate) fn run_sched(&mut self, frame: SchedFrame) -> Flow {
        match frame {
            SchedFrame::Run(frame) => self.run_run_job(frame),
            SchedFrame::Free(frame) => self.run_free_job(frame),
            SchedFrame::Timeout(frame) => self.run_job_timedout(frame),
            SchedFrame::Done(frame) => self.run_job_done(frame),
            SchedFrame::Walk(frame) => self.run_sched_walk(frame),
            SchedFrame::Push(frame) => self.run_push(frame),
            SchedFrame::End(frame) => self.run_entity_end(frame),
            SchedFrame::Kill(frame) => self.run_kill(frame),
            SchedFrame::Init(frame) => self.run_job_init(frame),
            SchedFrame::Dependency(frame) => self.run_job_dependency(frame),
            SchedFrame::Cleanup(frame) => self.run_job_cleanup(frame),
        }
    }

    pub(crate) fn sched_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::DrmSchedJobAlloc => {
                let work = self.arg(call, 0).index().unwrap_or(NONE);
                Flow::Return(self.job_alloc(work))
            }
            Op::DrmSchedEntityInit
            | Op::DrmSchedEntityModifySched
            | Op::DrmSchedEntitySetPriority
            | Op::DrmSchedEntityError
            | Op::DrmSchedEntityFlush
            | Op::DrmSchedEntityKill
            | Op::DrmSchedEntityFini
            | Op::DrmSchedEntityDestroy => match self.object(call, 0) {
                Some(entity) => self.entity_op(call, entity),
                None => NOTHING,
            },
            Op::DrmSchedStop
            | Op::DrmSchedStart
            | Op::DrmSchedResubmitJobs
            | Op::DrmSchedFault
            | Op::DrmSchedTdrQueueImm
            | Op::DrmSchedSuspendTimeout
            | Op::DrmSchedResumeTimeout
            | Op::DrmSchedWqueueStop
            | Op::DrmSchedWqueueStart
            | Op::DrmSchedWqueueReady
            | Op::DrmSchedIsStopped
            | Op::DrmSchedSetReady
            | Op::DrmSchedFirstPendingJob
            | Op::DrmSchedFini => match self.object(call, 0) {
                Some(sched) => self.scheduler_op(call, sched),
                None => NOTHING,
            },
            Op::DrmSchedJobFree => {
                if let Some(job) = self.object(call, 0) {
                    self.job_free(job);
                }
                NOTHING
            }
            _ => match self.object(call, 0) {
                Some(job) if self.job_is_usable(job) => self.job_op(call, job),
                _ => NOTHING,
            },
        }
    }

    fn entity_op(&mut self, call: Call<'_>, entity: u32) -> Flow {
        match call.op {
            Op::DrmSchedEntityInit => {
                let Some(priority) = self.priority(call, 1) else {
                    return Flow::Return(Value::errno(EINVAL));
                };
                let Some(scheds) = self.scheds_arg(call, 2) else {
                    return Flow::Return(Value::errno(EINVAL));
                };
                self.entity_init(entity, priority, &scheds);
                Flow::Return(Value::Int(0))
            }
            Op::DrmSchedEntityModifySched => {
                if let Some(scheds) = self.scheds_arg(call, 1) {
                    self.entity_modify_sched(entity, &scheds);
                }
                NOTHING
            }
            Op::DrmSchedEntitySetPriority => {
                if let Some(priority) = self.priority(call, 1) {
                    self.entity_set_priority(entity, priority);
                }
                NOTHING
            }
            Op::DrmSchedEntityError => Flow::Return(Value::Int(self.entity_error(entity))),
            op => {
                let timeout = if op == Op::DrmSchedEntityFlush { self.int(call, 1) } else { 0 };
                self.entity_end(entity, op, timeout)
            }
        }
    }

    /// A priority; one that is none is reported.
    fn priority(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        let priority = u32::try_from(self.int(call, n)).ok();
        if priority.is_none() {
            self.broken("RF706", "a priority is negative", None);
        }
        priority
    }

    fn scheds_arg(&mut self, call: Call<'_>, n: usize) -> Option<Vec<u32>> {
        let scheds: Option<Vec<u32>> = self.list(call, n).into_iter().map(Value::index).collect();
        if scheds.is_none() {
            self.broken("RF509", "NULL pointer dereference", None);
        }
        scheds
    }

    fn scheduler_op(&mut self, call: Call<'_>, sched: u32) -> Flow {
        match call.op {
            Op::DrmSchedWqueueReady => return Flow::Return(Value::bool(self.w.scheds.sched(sched).ready)),
            Op::DrmSchedIsStopped => return Flow::Return(Value::bool(self.w.scheds.sched(sched).paused)),
            _ => {}
        }
        if !self.sched_is_usable(sched) {
            return NOTHING;
        }
        match call.op {
            Op::DrmSchedStop => {
                self.might_sleep();
                match self.arg(call, 1).index() {
                    Some(bad) if !self.job_is_usable(bad) => NOTHING,
                    bad => self.sched_walk(sched, Walk::Stop(bad.unwrap_or(NONE))),
                }
            }
            Op::DrmSchedStart => {
                let error = i32::try_from(self.int(call, 1)).unwrap_or(0);
                self.sched_walk(sched, Walk::Start(error))
            }
            Op::DrmSchedResubmitJobs => self.sched_walk(sched, Walk::Resubmit(0)),
            Op::DrmSchedWqueueStop => self.sched_walk(sched, Walk::WqueueStop),
            Op::DrmSchedFini => self.sched_walk(sched, Walk::Fini),
            Op::DrmSchedSuspendTimeout => Flow::Return(Value::Int(self.suspend_timeout(sched))),
            Op::DrmSchedFirstPendingJob => {
                Flow::Return(job_or_null(self.w.scheds.sched(sched).first_pending))
            }
            _ => {
                self.plain_scheduler_op(call, sched);
                NOTHING
            }
        }
    }

    /// What neither blocks nor returns anything.
    fn plain_scheduler_op(&mut self, call: Call<'_>, sched: u32) {
        match call.op {
            Op::DrmSchedFault => self.sched_fault(sched),
            Op::DrmSchedTdrQueueImm => self.tdr_queue_imm(sched),
            Op::DrmSchedResumeTimeout => {
                let remaining = self.int(call, 1);
                self.resume_timeout(sched, remaining);
            }
            Op::DrmSchedWqueueStart => self.wqueue_start(sched),
            Op::DrmSchedSetReady => {
                let ready = self.arg(call, 1).is_true();
                self.w.scheds.sched_mut(sched).ready = ready;
            }
            other => panic!("engine bug: {other:?} is no operation on schedulers"),
        }
    }

    fn job_op(&mut self, call: Call<'_>, job: u32) -> Flow {
        match call.op {
            Op::DrmSchedJobInit => match self.object(call, 1) {
                Some(entity) => {
                    let credits = self.int(call, 2);
                    self.job_init(job, entity, credits)
                }
                None => Flow::Return(Value::errno(ENOENT)),
            },
            Op::DrmSchedJobAddDependency => match self.arg(call, 1).index() {
                None => Flow::Return(Value::Int(0)),
                Some(fence) if self.fence_is_usable(fence) => self.job_add_dependency(job, fence),
                Some(_) => Flow::Return(Value::errno(EINVAL)),
            },
            Op::DrmSchedJobAddResvDependencies | Op::DrmSchedJobAddImplicitDependencies => {
                let Some(resv) = self.object(call, 1) else { return Flow::Return(Value::errno(EINVAL)) };
                let usage = match call.op {
                    Op::DrmSchedJobAddResvDependencies => self.usage(call, 2),
                    // dma_resv_usage_rw(): a writer waits for readers, too.
                    _ => 1 + u8::from(self.arg(call, 2).is_true()),
                };
                self.job_add_resv_dependencies(job, resv, usage)
            }
            Op::DrmSchedJobAddSyncobjDependency => {
                let Some(syncobj) = self.object(call, 1) else { return Flow::Return(Value::errno(EINVAL)) };
                let point = self.int(call, 2).cast_unsigned();
                self.job_add_syncobj_dependency(job, syncobj, point)
            }
            Op::DrmSchedEntityPushJob => self.entity_push_job(job),
            Op::DrmSchedJobCleanup => self.job_cleanup(job),
            _ => self.plain_job_op(call, job),
        }
    }

    /// What neither blocks nor calls anybody.
    fn plain_job_op(&mut self, call: Call<'_>, job: u32) -> Flow {
        let entry = *self.job(job);
        let fence = |fence: u32| if fence == NONE { Value::Null } else { Value::fence(fence) };
        Flow::Return(match call.op {
            Op::DrmSchedJobArm => {
                self.job_arm(job);
                Value::Null
            }
            Op::DrmSchedJobScheduled => fence(entry.scheduled),
            Op::DrmSchedJobFinished => fence(entry.finished),
            Op::DrmSchedJobParent => fence(entry.parent),
            Op::DrmSchedJobKarma => Value::Int(i64::from(entry.karma)),
            Op::DrmSchedJobIs => Value::bool(self.arg(call, 1).index() == Some(entry.work)),
            Op::DrmSchedJobHasDependency => match self.arg(call, 1).index() {
                Some(fence) => Value::bool(self.job_has_dependency(job, fence)),
                None => Value::bool(false),
            },
            Op::DrmSchedNextPendingJob => job_or_null(entry.next_pending),
            Op::DrmSchedIncreaseKarma => {
                self.increase_karma(job);
                Value::Null
            }
            Op::DrmSchedInsertPendingJob => {
                if entry.sched == NONE || !entry.has(job_flag::ARMED) {
                    self.broken("RF509", "NULL pointer dereference", job_object(job));
                } else {
                    self.touch_spinlock(self.plan.scheds.list[entry.sched as usize].job_list_lock);
                    self.pending_add_first(job);
                }
                Value::Null
            }
            other => panic!("engine bug: {other:?} is no operation on jobs"),
        })
    }
}

fn job_or_null(job: u32) -> Value {
    if job == NONE { Value::Null } else { Value::Object(Kind::SchedJob, job) }
}
