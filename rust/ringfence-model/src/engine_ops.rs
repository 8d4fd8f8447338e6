//! What a driver does with an engine: submits work without a ring, preempts, lets faulted work go on. And how it hangs.

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{GpuEvent, ObjectRef};

use crate::engine::Phase;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::ring::{Work, flag};
use crate::thread::NONE;
use crate::value::Value;

impl Kernel<'_> {
    pub(crate) fn engine_op(&mut self, call: Call<'_>, engine: u32) -> Flow {
        let own = self.plan.gpu.engines[engine as usize].rings[0];
        match call.op {
            Op::EngineSubmit => {
                let fence = self.arg(call, 1).index().unwrap_or(NONE);
                if fence == NONE || self.fence_is_usable(fence) {
                    let work = Work::of_run_time(fence, self.int(call, 2));
                    self.ring_takes(own, work);
                }
            }
            Op::EngineCompleted => return Flow::Return(self.ring_completed(own)),
            Op::EngineIdle => {
                let rings = &self.plan.gpu.engines[engine as usize].rings;
                let idle = rings.iter().all(|&ring| self.w.gpu.rings[ring as usize].queue.is_empty());
                return Flow::Return(Value::bool(idle));
            }
            Op::EngineHang => {
                self.engine_stops(engine);
                self.w.gpu.engines[engine as usize].hang();
            }
            Op::EngineReset => {
                self.engine_is_emptied(engine);
                self.engine_resumes(engine);
            }
            other => panic!("engine bug: {other:?} is no operation on engines"),
        }
        Flow::Return(Value::Null)
    }

    /// What it is at never ends.
    pub(crate) fn engine_hangs(&mut self, engine: u32) {
        let entry = &self.w.gpu.engines[engine as usize];
        let phase = entry.phase();
        let Some(ring) = entry.current() else { return };
        self.w.gpu.rings[ring as usize].queue[0].flags |= flag::HANGS;
        if let Phase::Running(_) = phase {
            self.engine_stops(engine);
            self.engine_goes_on(engine);
        }
    }

    /// `ring_preempt()`: its work goes back to its ring, if that is possible and it is at this one.
    pub(crate) fn engine_is_preempted(&mut self, ring: u32) {
        let info = self.plan.gpu.rings[ring as usize];
        let entry = &self.w.gpu.engines[info.engine as usize];
        let preemptible = matches!(entry.phase(), Phase::Running(_) | Phase::Waiting);
        let can = self.plan.gpu.engines[info.engine as usize].preemption
            && entry.current() == Some(ring)
            && preemptible
            && !self.engine_is_stopped(info.engine);
        if !can {
            return;
        }
        self.engine_leaves(info.engine);
        self.w.gpu.rings[ring as usize].queue[0].flags |= flag::PREEMPTED;
        self.emit_work(GpuEvent::Preempt, ring, 0);
        self.engine_turns_to(info.engine, info.position);
    }

    /// The fence of what has stopped at a memory fault.
    pub(crate) fn faulted(&mut self, device: ObjectRef) -> Value {
        let entry = &self.w.gpu.engines[self.plan.engine_of(device) as usize];
        let is_it = |&ring: &u32| device.kind != Kind::Ring || ring == device.index;
        match entry.current().filter(is_it) {
            Some(ring) if entry.phase() == Phase::Faulted => self.w.gpu.rings[ring as usize].head(),
            _ => Value::Null,
        }
    }

    /// The memory is mapped now.
    pub(crate) fn fault_resume(&mut self, engine: u32) {
        let entry = &self.w.gpu.engines[engine as usize];
        if entry.phase() == Phase::Faulted
            && let Some(ring) = entry.current()
        {
            self.w.gpu.rings[ring as usize].queue[0].flags &= !flag::FAULTS;
            self.engine_goes_on(engine);
        }
    }
}
