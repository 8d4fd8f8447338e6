//! The `irq_work` in which containers are signaled: in hard interrupt context, with no lock of a member held.

use crate::dma_fence::FenceSort;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::Source;
use crate::value::Value;

/// `irq_work_run()` over the containers that were queued.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IrqWorkFrame {
    fence: u32,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Next,
    /// A chain has looked for another fence to wait for.
    Rearmed,
    Signaled,
}

impl Kernel<'_> {
    /// `irq_work_queue()` of a container, whose reference the work takes over.
    pub(crate) fn queue_fence_irq_work(&mut self, fence: u32) {
        self.w.fences.irq_work.push_back(fence);
        let number = self.source(Source::FenceIrqWork);
        self.w.interrupts.raise(number);
    }

    /// The interrupt serves what is queued when it arrives, the latest first, as a lock-less list does.
    pub(crate) fn serve_fence_irq_work(&mut self) -> Flow {
        let fences = &mut *self.w.fences;
        fences.irq_work_serving.append(&mut fences.irq_work);
        let frame = IrqWorkFrame { fence: 0, at: At::Next };
        self.call(Frame::Fence(FenceFrame::IrqWork(frame)))
    }

    pub(crate) fn run_fence_irq_work(&mut self, mut frame: IrqWorkFrame) -> Flow {
        loop {
            match frame.at {
                At::Next => {
                    let Some(fence) = self.w.fences.irq_work_serving.pop_back() else {
                        return Flow::Return(Value::Null);
                    };
                    frame.fence = fence;
                    frame.at = At::Rearmed;
                    go!(self, FenceFrame::IrqWork(frame), self.rearm(fence));
                }
                At::Rearmed => {
                    let rearmed = self.ret().is_true();
                    frame.at = At::Signaled;
                    if !rearmed {
                        go!(self, FenceFrame::IrqWork(frame), self.fence_signal(frame.fence));
                    }
                }
                At::Signaled => {
                    frame.at = At::Next;
                    go!(self, FenceFrame::IrqWork(frame), self.fence_put(frame.fence));
                }
            }
        }
    }

    /// A chain goes on to its next unsignaled fence: 1 if there is one.
    fn rearm(&mut self, fence: u32) -> Flow {
        match self.w.fences.get(fence).sort {
            FenceSort::Chain(_) => self.chain_enable_signaling(fence),
            FenceSort::Array(_) => {
                self.array_clear_pending_error(fence);
                Flow::Return(Value::bool(false))
            }
            FenceSort::Driver(_)
            | FenceSort::Stub
            | FenceSort::SwSync(_)
            | FenceSort::Scheduled(_)
            | FenceSort::Finished(_) => {
                panic!("engine bug: irq_work of a plain fence")
            }
        }
    }
}
