//! Time: what is set, and for whom.

use super::{Holds, holds};
use crate::dma_fence_ops::FenceFrame;
use crate::engine::Engine;
use crate::frame::Frame;
use crate::plan::Plan;
use crate::sched_ops::SchedFrame;
use crate::sync::SyncFrame;
use crate::time::{Timed, TimerId};
use crate::timer::Timer;
use crate::world::World;

/// The timeout of a frame that waits.
pub(super) fn timeout(frame: &Frame) -> Option<TimerId> {
    match frame {
        Frame::Sleep(frame) => frame.timeout(),
        Frame::Fence(FenceFrame::Wait(frame)) => frame.timeout(),
        Frame::Fence(FenceFrame::WaitAny(frame)) => frame.timeout(),
        Frame::Sync(SyncFrame::Wait(frame)) => frame.timeout(),
        Frame::Sched(SchedFrame::End(frame)) => frame.timeout(),
        _ => None,
    }
}

impl World {
    pub(super) fn check_time(&self, plan: &Plan) -> Holds {
        for (id, event) in self.time.all() {
            holds!(
                id.due() >= *self.time.now,
                "{event:?} is due at {}, and it is {}",
                id.due(),
                *self.time.now
            );
            let wanted = match event {
                Timed::Wake(task) => {
                    self.threads[task as usize].frames.iter().any(|f| timeout(f) == Some(id))
                }
                Timed::Timer(timer) => self.deferred.timers[timer as usize].due() == Some(id),
                Timed::DelayedWork(delayed) => {
                    let work = plan.deferred.workqueues.delayed(delayed);
                    self.deferred.workqueues.timers().any(|known| known == (work, id))
                }
                Timed::Engine(engine) => self.gpu.engines[engine as usize].due() == Some(id),
                // The device has forgotten that it raised it.
                Timed::LateIrq(_) => true,
            };
            holds!(wanted, "{event:?} is set, and nobody knows");
        }
        let armed = self.deferred.timers.iter().filter_map(Timer::due);
        let delayed = self.deferred.workqueues.timers().map(|(_, id)| id);
        let running = self.gpu.engines.iter().filter_map(Engine::due);
        for id in armed.chain(delayed).chain(running) {
            holds!(self.time.is_set(id), "{id:?} is waited for, and not set");
        }
        Ok(())
    }
}
