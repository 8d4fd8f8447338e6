//! The operations of the GPU scheduler.

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

impl Kernel<'_> {
    pub(crate) fn sched_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} is not modelled", call.op)
    }
}
