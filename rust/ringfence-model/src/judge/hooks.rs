//! What the judges ask of the world.

use ringfence_base::{Gfp, ProgramId};

use crate::deferred::Deferred;
use crate::dma_fence::FenceSort;
use crate::frame::Frame;
use crate::memory::MemoryFrame;
use crate::plan::Plan;
use crate::wait::Wait;
use crate::world::World;

impl World {
    /// The mask of the allocation in which the context reclaims memory, if it does.
    pub(crate) fn reclaiming(&self, _task: u32) -> Option<Gfp> {
        None
    }

    /// Unsignaled fences that this one needs: members of an array, payloads of a chain.
    pub(crate) fn fence_parts(&self, _fence: u32) -> Vec<u32> {
        Vec::new()
    }

    /// The `sw_sync` timeline of a fence.
    pub(crate) fn sw_sync_of(&self, fence: u32) -> Option<u32> {
        match self.fences.get(fence).sort {
            FenceSort::SwSync(timeline) => Some(timeline),
            _ => None,
        }
    }

    /// The fences of a wait for any of several.
    pub(crate) fn fences_of_wait(&self, _wait: u32) -> Vec<u32> {
        Vec::new()
    }

    /// Virtual nanoseconds that a published fence may take.
    pub(crate) fn fence_bound(&self, plan: &Plan, _fence: u32) -> u64 {
        u64::try_from(plan.scenario.environment.fence_bound).unwrap_or(0)
    }

    /// Contexts that run what the wait is for, or have to; true: they are inside a section that must end.
    pub(crate) fn runners(&self, _plan: &Plan, _wait: Wait) -> Vec<(u32, bool)> {
        Vec::new()
    }
}

impl Deferred {
    /// Functions of the works that are queued on a workqueue.
    pub(crate) fn queued_works(&self, _plan: &Plan, _wq: u32) -> Vec<ProgramId> {
        Vec::new()
    }

    /// Functions of the works that are queued on a kthread worker.
    pub(crate) fn queued_kthread_works(&self, _plan: &Plan, _worker: u32) -> Vec<ProgramId> {
        Vec::new()
    }
}

impl World {
    /// What the context is inside of, outermost first: programs, interrupts, reclaim.
    pub fn inside(&self, plan: &Plan, task: u32) -> Vec<String> {
        let describe = |frame: &Frame| match frame {
            Frame::Program(frame) => Some(plan.program_at(frame.pc).to_owned()),
            Frame::Interrupt(frame) => Some(match plan.sources[frame.source as usize].is_hard() {
                true => "hard irq".into(),
                false => "soft irq".into(),
            }),
            Frame::Memory(frame) => self.describe_memory_frame(frame),
            _ => None,
        };
        self.threads[task as usize].frames.iter().filter_map(describe).collect()
    }

    fn describe_memory_frame(&self, _frame: &MemoryFrame) -> Option<String> {
        None
    }
}
