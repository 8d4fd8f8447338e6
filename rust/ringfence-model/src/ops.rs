//! From an operation to the file of its concept.

use ringfence_base::scenario::{Family, Op};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

impl Kernel<'_> {
    // One jump to the file of the concept, made where the program runs.
    #[inline]
    pub(crate) fn operation(&mut self, call: Call<'_>) -> Flow {
        match call.op.spec().family {
            Family::Data => self.data_op(call),
            Family::Context => self.context_op(call),
            Family::Lock => self.lock_op(call),
            Family::Ww => self.ww_op(call),
            Family::Deferred => self.deferred_op(call),
            Family::Memory => self.memory_op(call),
            Family::Fence => self.fence_op(call),
            Family::Sync => self.sync_op(call),
            Family::Resv => self.resv_op(call),
            Family::Device if call.op == Op::ForeignFence => self.foreign_fence(),
            Family::Device => self.device_op(call),
            Family::Sched => self.sched_op(call),
        }
    }
}
