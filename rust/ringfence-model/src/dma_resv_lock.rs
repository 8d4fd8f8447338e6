//! The lock of a reservation (`include/linux/dma-resv.h`): a `ww_mutex` of `reservation_ww_class`, in which the
//! younger one backs off.

use ringfence_base::scenario::Op;

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::value::Value;

impl Kernel<'_> {
    /// `dma_resv_lock()` and what belongs to it.
    pub(crate) fn resv_lock_op(&mut self, call: Call<'_>) -> Flow {
        let Some(resv) = self.object(call, 0) else { return Flow::Return(Value::Null) };
        let lock = self.resv_lock(resv);
        if call.op == Op::DmaResvUnlock {
            self.resv_unlocked(resv);
            self.ww_mutex_unlock(lock);
            return Flow::Return(Value::Null);
        }
        self.ww_lock_op(call, lock)
    }
}
