//! Memory.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Memory {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum MemoryFrame {}

impl Compiler {
    pub(crate) fn set_up_memory(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn memory_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_memory(&mut self, frame: MemoryFrame) -> Flow {
        match frame {}
    }
}
