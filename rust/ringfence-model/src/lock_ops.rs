//! The locks' operations: spinlocks, rwlocks, mutexes, rwsems, local locks
//! (`include/linux/spinlock.h`, `kernel/locking/{mutex,rwsem}.c`, `include/linux/local_lock.h`).

use ringfence_base::scenario::Op;
use ringfence_base::{AcquireFlags, EventKind, LockId};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::value::Value;

const READER: Manner = Manner { recursive: true, ..Manner::SHARED };
const INTERRUPTIBLE: Manner = Manner { interruptible: true, ..Manner::EXCLUSIVE };
const INTERRUPTIBLE_READER: Manner = Manner { interruptible: true, ..Manner::SHARED };

const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    /// Spinlocks and rwlocks: preemption goes off first.
    pub(crate) fn spin(&mut self, lock: u32, manner: Manner) -> Flow {
        self.me().preempt += 1;
        self.take_lock(lock, manner)
    }

    /// With interrupts off: returns whether they were on.
    fn spin_irqsave(&mut self, lock: u32, manner: Manner) -> Flow {
        let result = i64::from(self.irqs_on());
        self.irq_disable();
        self.spin(lock, Manner { result, ..manner })
    }

    pub(crate) fn unspin(&mut self, lock: u32) {
        let held = self.holds(lock);
        self.drop_lock(lock);
        if held {
            self.preempt_count_sub("a spinning lock is given back with preemption enabled before");
        }
    }

    fn try_spin(&mut self, lock: u32, manner: Manner) -> Flow {
        let got = self.try_lock(lock, manner);
        self.me().preempt += u32::from(got);
        Flow::Return(Value::bool(got))
    }

    /// Sleeping locks.
    #[inline]
    fn sleep_lock(&mut self, lock: u32, manner: Manner) -> Flow {
        self.might_sleep();
        self.take_lock(lock, manner)
    }

    #[inline(never)]
    pub(crate) fn lock_op(&mut self, call: Call<'_>) -> Flow {
        // What nearly all operations on locks are goes through no further function.
        match call.op {
            Op::MutexLock | Op::DownWrite => {
                let Some(lock) = self.object(call, 0) else { return NOTHING };
                self.might_sleep();
                self.take_lock_here(lock, Manner::EXCLUSIVE)
            }
            Op::MutexUnlock | Op::UpRead | Op::UpWrite => {
                let Some(lock) = self.object(call, 0) else { return NOTHING };
                self.lock_release(lock);
                self.unheld_here(lock);
                NOTHING
            }
            _ => self.other_lock_op(call),
        }
    }

    fn other_lock_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::WaitForCompletion
            | Op::WaitForCompletionTimeout
            | Op::WaitForCompletionInterruptible
            | Op::TryWaitForCompletion
            | Op::Complete
            | Op::CompleteAll
            | Op::ReinitCompletion
            | Op::WaitEvent
            | Op::WaitEventTimeout
            | Op::WaitEventInterruptible
            | Op::WakeUp => return self.sleep_op(call),
            _ => {}
        }
        let Some(lock) = self.object(call, 0) else { return NOTHING };
        match call.op {
            Op::SpinLock | Op::WriteLock | Op::LocalLock => self.spin(lock, Manner::EXCLUSIVE),
            Op::SpinLockNested => {
                let subclass = self.int(call, 1) as u32;
                self.spin(lock, Manner { subclass, ..Manner::EXCLUSIVE })
            }
            Op::SpinLockBh => {
                self.bh_disable();
                self.spin(lock, Manner::EXCLUSIVE)
            }
            Op::SpinLockIrq => {
                self.irq_disable();
                self.spin(lock, Manner::EXCLUSIVE)
            }
            Op::SpinLockIrqsave | Op::WriteLockIrqsave => self.spin_irqsave(lock, Manner::EXCLUSIVE),
            Op::ReadLockIrqsave => self.spin_irqsave(lock, READER),
            Op::ReadLock => self.spin(lock, READER),
            Op::SpinTrylock | Op::WriteTrylock => self.try_spin(lock, Manner::EXCLUSIVE),
            Op::ReadTrylock => self.try_spin(lock, READER),
            Op::MutexLockNested => {
                let subclass = self.int(call, 1) as u32;
                self.sleep_lock(lock, Manner { subclass, ..Manner::EXCLUSIVE })
            }
            Op::MutexLockInterruptible | Op::DownWriteKillable => self.sleep_lock(lock, INTERRUPTIBLE),
            Op::DownRead => self.sleep_lock(lock, Manner::SHARED),
            Op::DownReadInterruptible => self.sleep_lock(lock, INTERRUPTIBLE_READER),
            Op::MutexTrylock | Op::DownWriteTrylock => {
                Flow::Return(Value::bool(self.try_lock(lock, Manner::EXCLUSIVE)))
            }
            Op::DownReadTrylock => Flow::Return(Value::bool(self.try_lock(lock, Manner::SHARED))),
            _ => {
                self.unlock_op(call, lock);
                NOTHING
            }
        }
    }

    #[inline(never)]
    fn unlock_op(&mut self, call: Call<'_>, lock: u32) {
        match call.op {
            Op::SpinUnlock | Op::ReadUnlock | Op::WriteUnlock | Op::LocalUnlock => self.unspin(lock),
            Op::SpinUnlockBh => {
                self.unspin(lock);
                self.bh_enable();
            }
            Op::SpinUnlockIrq => {
                self.unspin(lock);
                self.irq_enable();
            }
            Op::SpinUnlockIrqrestore | Op::ReadUnlockIrqrestore | Op::WriteUnlockIrqrestore => {
                self.unspin(lock);
                let on = self.arg(call, 1).is_true();
                self.irq_restore(on);
            }
            Op::DowngradeWrite => self.downgrade_lock(lock),
            Op::FreeLock => self.emit(EventKind::Free(LockId::from_raw(lock))),
            Op::LockdepAssertHeld => {
                if !self.holds(lock) {
                    self.broken(
                        "RF510",
                        "lockdep_assert_held(): the lock is not held",
                        call_object(self, call),
                    );
                }
            }
            Op::MightLock => {
                self.lock_acquire(lock, AcquireFlags::default());
                self.lock_release(lock);
            }
            other => panic!("engine bug: {other:?} is no operation on locks"),
        }
    }
}

fn call_object(kernel: &Kernel<'_>, call: Call<'_>) -> Option<ringfence_base::ObjectRef> {
    kernel.arg(call, 0).object()
}
