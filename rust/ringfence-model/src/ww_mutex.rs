//! Ww.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct WwContexts {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum WwFrame {}

impl Compiler {
    pub(crate) fn set_up_ww(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn ww_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_ww(&mut self, frame: WwFrame) -> Flow {
        match frame {}
    }
}
