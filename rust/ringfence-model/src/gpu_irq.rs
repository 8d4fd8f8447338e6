//! How the rest of the world learns of what a GPU does: interrupts, and events for the judges.

use ringfence_base::scenario::Kind;
use ringfence_base::{ChoiceKind, EventKind, GpuEvent, ObjectRef};

use crate::kernel::Kernel;
use crate::time::Timed;

/// So many virtual nanoseconds later a late interrupt comes.
const LATE: u64 = 5_000_000;

impl Kernel<'_> {
    /// An interrupt of a GPU, which can be lost or come late where the environment says so.
    pub(crate) fn gpu_irq(&mut self, irq: Option<u32>) {
        let Some(irq) = irq else { return };
        let choice = match self.plan.scenario.environment.irq_loss {
            true => self.choose(ChoiceKind::GpuIrq, 3),
            false => 0,
        };
        match choice {
            0 => self.raise_irq(irq),
            1 => self.emit(EventKind::Gpu(GpuEvent::IrqLost, ObjectRef { kind: Kind::Irq, index: irq })),
            _ => drop(self.w.time.set(LATE, Timed::LateIrq(irq))),
        }
    }

    /// Something happens to the work at this place of a ring.
    pub(crate) fn emit_work(&mut self, event: fn(Option<u32>) -> GpuEvent, ring: u32, position: usize) {
        let fence = self.w.gpu.rings[ring as usize].queue[position].fence();
        self.emit(EventKind::Gpu(event(fence), self.plan.ring_object(ring)));
    }
}
