//! What jobs wait for before they run (`drm_sched_job_add_dependency()` and its variants in
//! `drivers/gpu/drm/scheduler/sched_main.c`).

use ringfence_base::Gfp;
use ringfence_base::errno::ENOMEM;

use crate::dma_resv::Slot;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::sched_job::{job_flag, job_object};
use crate::sched_ops::{SchedFrame, go};
use crate::thread::NONE;
use crate::value::Value;

/// An entry of a job's dependencies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Dependency {
    /// With a reference; [`NONE`]: it was erased.
    pub(crate) fence: u32,
    pub(crate) next: u32,
}

/// `drm_sched_job_add_dependency()` and its variants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DependencyFrame {
    job: u32,
    at: DependencyAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum DependencyAt {
    /// This fence is to be added.
    Fence(u32),
    /// The entry for it has been allocated, or not.
    Allocated(u32),
    /// A fence was put; this is the result.
    Put(i64),
    /// `drm_syncobj_find_fence()` has returned.
    Found,
    /// The fences are in the scratch, from there on.
    Several(u32),
    /// One of them could not be added: the references to the others go. The result.
    Dropping(u32, i64),
}

impl Kernel<'_> {
    /// `drm_sched_job_add_dependency()`; takes over the reference.
    pub(crate) fn job_add_dependency(&mut self, job: u32, fence: u32) -> Flow {
        if fence == NONE {
            return Flow::Return(Value::Int(0));
        }
        if !self.job(job).has(job_flag::INIT) {
            self.broken("RF509", "NULL pointer dereference", job_object(job));
            return Flow::Return(Value::Int(0));
        }
        self.call(Frame::Sched(SchedFrame::Dependency(DependencyFrame {
            job,
            at: DependencyAt::Fence(fence),
        })))
    }

    /// `drm_sched_job_add_syncobj_dependency()`.
    pub(crate) fn job_add_syncobj_dependency(&mut self, job: u32, syncobj: u32, point: u64) -> Flow {
        let frame = DependencyFrame { job, at: DependencyAt::Found };
        self.call(Frame::Sched(SchedFrame::Dependency(frame)));
        // The point is an u32 there.
        let point = point & u64::from(u32::MAX);
        let flow = self.syncobj_find_fence(syncobj, point, false);
        self.returned(flow)
    }

    /// `drm_sched_job_add_resv_dependencies()`.
    pub(crate) fn job_add_resv_dependencies(&mut self, job: u32, resv: u32, usage: u8) -> Flow {
        self.resv_assert_held(resv, "a job takes the fences of a reservation without its lock");
        let base = self.me().scratch.len() as u32;
        // The last one first: they are taken from the end.
        for position in (0..self.resv(resv).slots.len()).rev() {
            let Slot { fence, usage: of_slot, .. } = self.resv(resv).slots[position];
            if of_slot <= usage {
                self.fence_get(fence);
                self.me().scratch.push(Value::fence(fence));
            }
        }
        self.me().ret = Value::Int(0);
        let frame = DependencyFrame { job, at: DependencyAt::Several(base) };
        self.call(Frame::Sched(SchedFrame::Dependency(frame)))
    }

    pub(crate) fn run_job_dependency(&mut self, mut frame: DependencyFrame) -> Flow {
        let job = frame.job;
        match frame.at {
            DependencyAt::Fence(fence) => match self.job_replace_dependency(job, fence) {
                Some(unwanted) => {
                    frame.at = DependencyAt::Put(0);
                    go!(self, SchedFrame::Dependency(frame), self.fence_put(unwanted));
                    Flow::Return(Value::Int(0))
                }
                None => {
                    frame.at = DependencyAt::Allocated(fence);
                    go!(self, SchedFrame::Dependency(frame), self.allocate(Gfp::KERNEL));
                    self.job_dependency_allocated(frame, fence)
                }
            },
            DependencyAt::Allocated(fence) => self.job_dependency_allocated(frame, fence),
            DependencyAt::Put(result) => Flow::Return(Value::Int(result)),
            DependencyAt::Found => {
                let error = self.ret().int();
                if error != 0 {
                    return Flow::Return(Value::Int(error));
                }
                let found = self.found_or_stub().index().unwrap_or(NONE);
                frame.at = DependencyAt::Fence(found);
                self.replace(Frame::Sched(SchedFrame::Dependency(frame)));
                Flow::Continue
            }
            DependencyAt::Several(base) => {
                let result = self.ret().int();
                if result < 0 {
                    frame.at = DependencyAt::Dropping(base, result);
                    self.replace(Frame::Sched(SchedFrame::Dependency(frame)));
                    return Flow::Continue;
                }
                match self.next_in_scratch(base) {
                    Some(fence) => self.job_add_dependency(job, fence),
                    None => Flow::Return(Value::Int(0)),
                }
            }
            DependencyAt::Dropping(base, result) => {
                while let Some(fence) = self.next_in_scratch(base) {
                    go!(self, SchedFrame::Dependency(frame), self.fence_put(fence));
                }
                Flow::Return(Value::Int(result))
            }
        }
    }

    /// The next of the fences in the scratch from there on.
    fn next_in_scratch(&mut self, base: u32) -> Option<u32> {
        let scratch = &mut self.me().scratch;
        if scratch.len() > base as usize { scratch.pop().and_then(Value::index) } else { None }
    }

    fn job_dependency_allocated(&mut self, mut frame: DependencyFrame, fence: u32) -> Flow {
        let memory = self.ret();
        if !memory.is_true() {
            frame.at = DependencyAt::Put(-ENOMEM);
            go!(self, SchedFrame::Dependency(frame), self.fence_put(fence));
            return Flow::Return(Value::errno(ENOMEM));
        }
        self.free_memory(memory);
        self.touch_spinlock(self.plan.scheds.xa_lock);
        let entry = self.w.scheds.dependencies.len() as u32;
        self.w.scheds.dependencies.push(Dependency { fence, next: NONE });
        match std::mem::replace(&mut self.job_mut(frame.job).last_dependency, entry) {
            NONE => self.job_mut(frame.job).first_dependency = entry,
            last => self.w.scheds.dependencies[last as usize].next = entry,
        }
        // One that is added after drm_sched_job_arm() is waited for as well.
        let job = self.job_mut(frame.job);
        if job.has(job_flag::ARMED) && !job.has(job_flag::PUSHED) && job.next_dependency == NONE {
            job.next_dependency = entry;
        }
        Flow::Return(Value::Int(0))
    }

    /// One dependency per context is enough, the latest. Returns the fence of the two that is not wanted; `None`:
    /// the job has none of this context.
    fn job_replace_dependency(&mut self, job: u32, fence: u32) -> Option<u32> {
        let context = self.w.fences.get(fence).context;
        let mut entry = self.job(job).first_dependency;
        while entry != NONE {
            let Dependency { fence: known, next } = self.w.scheds.dependencies[entry as usize];
            if known != NONE && self.w.fences.get(known).context == context {
                if !self.fence_is_later(fence, known) {
                    return Some(fence);
                }
                self.touch_spinlock(self.plan.scheds.xa_lock);
                self.w.scheds.dependencies[entry as usize].fence = fence;
                return Some(known);
            }
            entry = next;
        }
        None
    }

    /// `drm_sched_job_has_dependency()`.
    pub(crate) fn job_has_dependency(&self, job: u32, fence: u32) -> bool {
        let mut entry = self.job(job).first_dependency;
        while entry != NONE {
            let Dependency { fence: known, next } = self.w.scheds.dependencies[entry as usize];
            if known == fence {
                return true;
            }
            entry = next;
        }
        false
    }
}
