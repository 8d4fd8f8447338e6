//! Fence.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Fences {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FenceFrame {}

impl Compiler {
    pub(crate) fn set_up_fences(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn fence_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_fence(&mut self, frame: FenceFrame) -> Flow {
        match frame {}
    }
}

impl Kernel<'_> {
    pub(crate) fn serve_fence_irq_work(&mut self) -> Flow {
        Flow::Continue
    }

    /// The hardware is done with the fence: a driver's `signaled` op may say so from now on.
    pub(crate) fn fence_hw_done(&mut self, _fence: u32) {}
}
