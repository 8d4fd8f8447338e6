//! Interrupts: who serves which, and what that context looks like.

use super::{Holds, holds};
use crate::frame::Frame;
use crate::plan::Plan;
use crate::world::World;

impl World {
    pub(super) fn check_interrupts(&self, plan: &Plan) -> Holds {
        let count = plan.sources.len();
        let pending = (0..count).filter(|&number| self.interrupts.is_pending(number)).count();
        holds!(self.interrupts.any_pending() == (pending != 0), "{pending} interrupts are pending");
        let mut served = vec![None; count];
        for (task, thread) in self.threads.iter().enumerate() {
            let (mut hard, mut soft) = (0, 0);
            for frame in &thread.frames {
                let Frame::Interrupt(frame) = frame else { continue };
                let number = frame.source as usize;
                holds!(served[number].is_none(), "interrupt {number} is served twice at once");
                served[number] = Some(task as u32);
                match plan.sources[number].is_hard() {
                    true => hard += 1,
                    false => soft += 1,
                }
            }
            let depths = (thread.hardirq, thread.softirq);
            holds!(depths == (hard, soft), "task {task} serves {hard} and {soft} interrupts, not {depths:?}");
        }
        for (number, served) in served.into_iter().enumerate() {
            let host = self.interrupts.host(number);
            holds!(host == served, "interrupt {number} is served by {served:?}, not {host:?}");
        }
        Ok(())
    }
}
