//! The lock of a reservation.

use ringfence_base::scenario::Op;

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::value::Value;

impl Kernel<'_> {
    pub(crate) fn resv_lock_op(&mut self, call: Call<'_>, resv: u32) -> Flow {
        let lock = self.resv_lock(resv);
        match call.op {
            Op::DmaResvUnlock => {
                self.resv_unlocked(resv);
                self.drop_lock(lock);
                Flow::Return(Value::Null)
            }
            Op::DmaResvTrylock => Flow::Return(Value::bool(self.try_lock(lock, Manner::EXCLUSIVE))),
            op => {
                self.might_sleep();
                let interruptible =
                    matches!(op, Op::DmaResvLockInterruptible | Op::DmaResvLockSlowInterruptible);
                self.take_lock(lock, Manner { interruptible, ..Manner::EXCLUSIVE })
            }
        }
    }
}
