//! A device that completes submitted work in order, after a while, and raises an interrupt.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// Devices of a world.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Engines {}

impl Compiler {
    pub(crate) fn set_up_device(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn device_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn engine_completes(&mut self, _engine: u32) {}
}
