//! Semaphores of the GPU: numbers in memory, which work waits for and writes, and the CPU, too.

use std::collections::VecDeque;

use crate::kernel::Kernel;
use crate::memory_usage::reserved_queue;

/// A semaphore.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Semaphore {
    value: i64,
    /// Values that are waited for, with the ring whose head does; smallest first.
    waiters: VecDeque<(i64, u32)>,
}

impl Clone for Semaphore {
    fn clone(&self) -> Self {
        Self { value: self.value, waiters: self.waiters.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.value = source.value;
        self.waiters.clone_from(&source.waiters);
    }
}

impl Semaphore {
    pub(crate) fn value(&self) -> i64 {
        self.value
    }

    /// Values that are waited for, with the ring whose head does; smallest first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.waiters.iter().copied()
    }

    fn position(&self, ring: u32, value: i64) -> usize {
        self.waiters.partition_point(|&waiter| waiter < (value, ring))
    }

    /// The head of this ring waits for this value.
    pub(crate) fn wait(&mut self, ring: u32, value: i64) {
        self.waiters.insert(self.position(ring, value), (value, ring));
    }

    /// It does not any more.
    pub(crate) fn stop_waiting(&mut self, ring: u32, value: i64) {
        let removed = self.waiters.remove(self.position(ring, value));
        assert_eq!(removed, Some((value, ring)), "engine bug: a ring is no waiter of its semaphore");
    }

    /// The next ring whose wait is over.
    fn pop_met(&mut self) -> Option<u32> {
        let &(value, ring) = self.waiters.front()?;
        if value > self.value {
            return None;
        }
        self.waiters.pop_front();
        Some(ring)
    }

    /// Bytes that its lists have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved_queue(&self.waiters)
    }
}

impl Kernel<'_> {
    /// The semaphore is at least that from now on: who waits for it looks for what else there is to wait for.
    pub(crate) fn semaphore_signal(&mut self, semaphore: u32, value: i64) {
        let entry = &mut self.w.gpu.semaphores[semaphore as usize];
        entry.value = entry.value.max(value);
        while let Some(ring) = self.w.gpu.semaphores[semaphore as usize].pop_met() {
            self.w.gpu.rings[ring as usize].awaits = None;
            self.ring_has_new_head(ring);
            self.engine_serves(self.plan.gpu.rings[ring as usize].engine);
        }
    }
}
