//! Sync.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct SyncObjects {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SyncFrame {}

impl Compiler {
    pub(crate) fn set_up_sync(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn sync_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_sync(&mut self, frame: SyncFrame) -> Flow {
        match frame {}
    }
}
