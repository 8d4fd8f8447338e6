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

    /// Published, unsignaled fences.
    pub(crate) fn published_fences(&self) -> &[u32] {
        &[]
    }

    /// Takes a reference.
    pub(crate) fn fence_get(&mut self, _fence: u32) {}
}
