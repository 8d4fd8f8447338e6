//! `drm_syncobj` and `sw_sync`: who waits is on the list, and what is on a timeline's list is still to come.

use super::{Holds, holds};
use crate::dma_fence::{FenceSort, flag};
use crate::frame::Frame;
use crate::sync::SyncFrame;
use crate::thread::State;
use crate::wait::Wait;
use crate::world::World;

impl World {
    pub(super) fn check_sync(&self) -> Holds {
        for (index, syncobj) in self.sync.syncobjs.iter().enumerate() {
            for waiter in &syncobj.waiters {
                let waits = |frame: &Frame| match frame {
                    Frame::Sync(SyncFrame::Wait(frame)) => frame.is_queued(index as u32, waiter.slot),
                    _ => false,
                };
                let thread = &self.threads[waiter.task as usize];
                let task = waiter.task;
                holds!(thread.frames.iter().any(waits), "task {task} waits at syncobj {index} unknowingly");
                let come = thread.scratch[waiter.slot as usize].is_true();
                holds!(!come, "task {task} has its fence of syncobj {index}, and still waits for it");
            }
        }
        for (task, thread) in self.threads.iter().enumerate() {
            if let State::Blocked(Wait::Syncobj(index)) = thread.state {
                let waiters = &self.sync.syncobjs[index as usize].waiters;
                let known = waiters.iter().any(|waiter| waiter.task as usize == task);
                holds!(known, "task {task} waits at syncobj {index}, which does not know it");
            }
        }
        self.check_sw_sync()
    }

    fn check_sw_sync(&self) -> Holds {
        for (number, timeline) in self.sync.timelines.iter().enumerate() {
            let seqno = |fence: u32| self.fences.get(fence).seqno as u32;
            let points = timeline.points();
            for &fence in points {
                let sort = self.fences.get(fence).sort;
                holds!(sort == FenceSort::SwSync(number as u32), "fence {fence} is on timeline {number}");
                holds!(!self.fences.has(fence, flag::FREED), "fence {fence} is gone, but on its timeline");
            }
            for pair in points.windows(2) {
                let ordered = seqno(pair[1]).wrapping_sub(seqno(pair[0])).cast_signed() >= 0;
                holds!(ordered, "timeline {number}: {pair:?} are out of order");
            }
        }
        Ok(())
    }
}
