//! `mmap_lock` (`include/linux/mmap_lock.h`).

use ringfence_base::scenario::Op;
use ringfence_base::{AcquireFlags, Read};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::value::Value;

impl Kernel<'_> {
    pub(crate) fn mmap_lock_op(&mut self, call: Call<'_>) -> Flow {
        let Some(mm) = self.object(call, 0) else { return Flow::Return(Value::Int(0)) };
        match call.op {
            Op::MmapReadLock => self.mmap_lock(mm, Manner::SHARED),
            Op::MmapWriteLock => self.mmap_lock(mm, Manner::EXCLUSIVE),
            Op::MmapReadTrylock => Flow::Return(Value::bool(self.mmap_read_trylock(mm))),
            Op::MmapReadUnlock | Op::MmapWriteUnlock => {
                self.mmap_unlock(mm);
                Flow::Return(Value::Null)
            }
            other => panic!("engine bug: {other:?} is no operation on mmap_lock"),
        }
    }

    fn mmap_lock_of(&self, mm: u32) -> u32 {
        self.w.memory.mms[mm as usize].lock
    }

    /// Takes the lock, or waits for it.
    pub(crate) fn mmap_lock(&mut self, mm: u32, manner: Manner) -> Flow {
        self.might_sleep();
        self.take_lock(self.mmap_lock_of(mm), manner)
    }

    /// Takes it for reading if that needs no waiting.
    pub(crate) fn mmap_read_trylock(&mut self, mm: u32) -> bool {
        self.try_lock(self.mmap_lock_of(mm), Manner::SHARED)
    }

    /// Gives it back, whichever way it is held.
    pub(crate) fn mmap_unlock(&mut self, mm: u32) {
        self.drop_lock(self.mmap_lock_of(mm));
    }

    /// `mmap_assert_locked()`.
    pub(crate) fn mmap_assert_locked(&mut self, mm: u32) {
        if !self.holds(self.mmap_lock_of(mm)) {
            self.broken("RF510", "mmap_lock is not held", None);
        }
    }

    /// Tells the validator that the lock may be taken here.
    pub(crate) fn might_lock_mmap(&mut self, mm: u32, read: Read) {
        let lock = self.mmap_lock_of(mm);
        self.lock_acquire(lock, AcquireFlags { read, ..AcquireFlags::default() });
        self.lock_release(lock);
    }
}
