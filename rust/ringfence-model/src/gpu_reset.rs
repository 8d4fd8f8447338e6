//! Resetting a GPU, or one of its engines. It takes a while, in which the hardware stands still: what was about to be
//! completed is not, and what is put on its rings is gone with the reset.

use ringfence_base::errno::{EIO, ENODEV, EOPNOTSUPP};
use ringfence_base::scenario::Kind;
use ringfence_base::{ChoiceKind, EventKind, GpuEvent, ObjectRef};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::Plan;
use crate::ring::Work;
use crate::value::Value;

/// A reset under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ResetFrame {
    /// The engine, or the GPU.
    of: ObjectRef,
    /// For an engine: whose work is taken off it.
    guilty: Guilty,
}

impl ResetFrame {
    /// It is one of this engine, or of all of its GPU.
    pub(crate) fn is_of(&self, plan: &Plan, engine: u32) -> bool {
        engines(&plan.gpu.gpus, &self.of).contains(&engine)
    }
}

/// Whose work is taken off an engine that is reset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Guilty {
    /// Whatever it is at.
    Current,
    /// What has this fence.
    Fence(u32),
    /// What was emitted for this `drm_sched_job`.
    SchedJob(u32),
    /// What does this.
    Job(u32),
}

impl Guilty {
    fn is(self, work: &Work) -> bool {
        match self {
            Self::Current => false,
            Self::Fence(fence) => work.fence == fence,
            Self::SchedJob(job) => work.sched_job == job,
            Self::Job(job) => work.job == job,
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn gpu_engine_reset(&mut self, call: Call<'_>, device: ObjectRef) -> Flow {
        let guilty = match self.arg(call, 1) {
            Value::Object(Kind::Fence, fence) => Guilty::Fence(fence),
            Value::Object(Kind::SchedJob, job) => Guilty::SchedJob(job),
            Value::Object(_, job) => Guilty::Job(job),
            _ => Guilty::Current,
        };
        let of = ObjectRef { kind: Kind::Engine, index: self.plan.engine_of(device) };
        let gpu = &self.plan.gpu.gpus[self.plan.gpu_of(device) as usize];
        self.reset_begins(ResetFrame { of, guilty }, gpu.has_engine_reset())
    }

    pub(crate) fn gpu_reset(&mut self, device: ObjectRef) -> Flow {
        let of = ObjectRef { kind: Kind::Gpu, index: self.plan.gpu_of(device) };
        let gpu = &self.plan.gpu.gpus[of.index as usize];
        self.reset_begins(ResetFrame { of, guilty: Guilty::Current }, gpu.has_full_reset())
    }

    fn reset_begins(&mut self, frame: ResetFrame, supported: bool) -> Flow {
        if self.w.gpu.wedged[self.plan.gpu_of(frame.of) as usize] {
            return self.reset_refused(frame, ENODEV);
        }
        if !supported {
            return self.reset_refused(frame, EOPNOTSUPP);
        }
        self.emit(EventKind::Gpu(GpuEvent::ResetBegin, frame.of));
        for &engine in engines(&self.plan.gpu.gpus, &frame.of) {
            self.engine_reset_begins(engine);
        }
        self.call(Frame::Gpu(frame))
    }

    fn reset_refused(&mut self, frame: ResetFrame, error: i64) -> Flow {
        self.emit(EventKind::Gpu(GpuEvent::ResetEnd(error as i32), frame.of));
        Flow::Return(Value::errno(error))
    }

    pub(crate) fn run_gpu_reset(&mut self, frame: ResetFrame) -> Flow {
        // That the hardware stands still and that it goes on are two moments: others can run between them.
        if self.stepped {
            return Flow::Yield;
        }
        self.stepped = true;
        let error = self.reset_ends(frame);
        self.emit(EventKind::Gpu(GpuEvent::ResetEnd(error as i32), frame.of));
        Flow::Return(Value::errno(error))
    }

    /// 0, or what is wrong.
    fn reset_ends(&mut self, frame: ResetFrame) -> i64 {
        let plan = self.plan;
        let can_fail = plan.scenario.environment.reset_failure;
        let wedged = self.w.gpu.wedged[plan.gpu_of(frame.of) as usize];
        let error = if wedged {
            ENODEV
        } else if can_fail && self.choose(ChoiceKind::GpuReset, 2) == 1 {
            EIO
        } else {
            0
        };
        for &engine in engines(&plan.gpu.gpus, &frame.of) {
            match error {
                0 if frame.of.kind == Kind::Gpu => self.engine_is_emptied(engine),
                0 => self.guilty_is_removed(engine, frame.guilty),
                EIO => self.engine_hangs(engine),
                _ => {}
            }
            for &ring in &plan.gpu.engines[engine as usize].rings {
                self.ring_loses_doomed(ring);
            }
        }
        for &engine in engines(&plan.gpu.gpus, &frame.of) {
            self.engine_reset_ends(engine, error == 0);
        }
        error
    }

    /// What the engine is at comes first, if there are several of which this is true.
    fn guilty_is_removed(&mut self, engine: u32, guilty: Guilty) {
        let plan = self.plan;
        let current = self.w.gpu.engines[engine as usize].current();
        if let Some(ring) = current
            && (guilty == Guilty::Current || guilty.is(&self.w.gpu.rings[ring as usize].queue[0]))
        {
            return self.ring_loses(ring, 0);
        }
        for &ring in &plan.gpu.engines[engine as usize].rings {
            let mut works = self.w.gpu.rings[ring as usize].queue.iter();
            if let Some(position) = works.position(|work| guilty.is(work)) {
                return self.ring_loses(ring, position);
            }
        }
    }
}

/// The engines that a reset is of.
fn engines<'a>(gpus: &'a [crate::gpu::GpuInfo], of: &'a ObjectRef) -> &'a [u32] {
    match of.kind {
        Kind::Gpu => &gpus[of.index as usize].engines,
        _ => std::slice::from_ref(&of.index),
    }
}
