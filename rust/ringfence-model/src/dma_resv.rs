//! Resv.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Reservations {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ResvFrame {}

impl Compiler {
    pub(crate) fn set_up_resv(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn resv_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_resv(&mut self, frame: ResvFrame) -> Flow {
        match frame {}
    }
}
