//! How much memory a world takes: what grows with a scenario.

use std::collections::VecDeque;
use std::mem::size_of;

use crate::world::World;

/// Bytes that a list has reserved for its elements.
pub(crate) fn reserved<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// Likewise, for a queue.
pub(crate) fn reserved_queue<T>(queue: &VecDeque<T>) -> usize {
    queue.capacity() * size_of::<T>()
}

impl World {
    /// Bytes that its contexts, locks, fences, reservations, variables and GPUs have reserved. All else is small.
    pub fn memory_usage(&self) -> usize {
        let contexts = self.threads.unmarked().iter().map(crate::thread::Thread::memory_usage).sum::<usize>();
        let resvs = self.resvs.list.unmarked().iter().map(|resv| reserved(&resv.slots)).sum::<usize>();
        size_of::<Self>()
            + reserved(self.threads.unmarked())
            + contexts
            + reserved(&self.ready.0)
            + self.locks.memory_usage()
            + self.fences.memory_usage()
            + self.scheds.memory_usage()
            + reserved(self.resvs.list.unmarked())
            + resvs
            + reserved(self.resvs.iters.unmarked())
            + reserved(self.cells.unmarked())
            + self.gpu.memory_usage()
    }
}
