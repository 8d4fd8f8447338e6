//! Locks that work on a GPU holds while it runs. Who waits for one occupies its engine, so the GPU can deadlock.

use std::collections::VecDeque;

use crate::engine::Phase;
use crate::kernel::Kernel;
use crate::memory_usage::reserved_queue;
use crate::thread::NONE;

/// A lock of the GPU.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct GpuLock {
    /// The ring whose head holds it; [`NONE`].
    owner: u32,
    /// Rings whose heads wait for it, in the order in which they came.
    waiters: VecDeque<u32>,
}

impl Default for GpuLock {
    fn default() -> Self {
        Self { owner: NONE, waiters: VecDeque::new() }
    }
}

impl Clone for GpuLock {
    fn clone(&self) -> Self {
        Self { owner: self.owner, waiters: self.waiters.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.owner = source.owner;
        self.waiters.clone_from(&source.waiters);
    }
}

impl GpuLock {
    /// The ring whose head holds it.
    pub(crate) fn owner(&self) -> Option<u32> {
        (self.owner != NONE).then_some(self.owner)
    }

    /// Rings whose heads wait for it, in the order in which they came.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = u32> + '_ {
        self.waiters.iter().copied()
    }

    /// Bytes that its lists have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved_queue(&self.waiters)
    }
}

impl Kernel<'_> {
    /// The head of this ring takes the locks that it has not got yet, in order; false if it has to wait for one.
    pub(crate) fn take_gpu_locks(&mut self, ring: u32) -> bool {
        while let Some(lock) = self.next_gpu_lock(ring) {
            let entry = &mut self.w.gpu.locks[lock as usize];
            if entry.owner != NONE {
                entry.waiters.push_back(ring);
                return false;
            }
            entry.owner = ring;
            self.w.gpu.rings[ring as usize].queue[0].locks += 1;
        }
        true
    }

    /// The next lock that the head of this ring has not got yet.
    fn next_gpu_lock(&self, ring: u32) -> Option<u32> {
        let work = self.w.gpu.rings[ring as usize].queue[0];
        self.plan.gpu.jobs.get(work.job as usize)?.locks.get(work.locks as usize).copied()
    }

    pub(crate) fn stop_waiting_for_lock(&mut self, ring: u32) {
        let lock =
            self.next_gpu_lock(ring).expect("engine bug: a work waits for a lock that it does not take");
        self.w.gpu.locks[lock as usize].waiters.retain(|&waiter| waiter != ring);
    }

    /// A work that has taken so many of its job's locks gives them back; each goes to who has waited longest.
    pub(crate) fn give_gpu_locks_back(&mut self, job: u32, taken: u32) {
        let plan = self.plan;
        let Some(info) = plan.gpu.jobs.get(job as usize) else { return };
        for &lock in info.locks[..taken as usize].iter().rev() {
            let entry = &mut self.w.gpu.locks[lock as usize];
            entry.owner = entry.waiters.pop_front().unwrap_or(NONE);
            let heir = entry.owner;
            if heir == NONE {
                continue;
            }
            self.w.gpu.rings[heir as usize].queue[0].locks += 1;
            let engine = plan.gpu.rings[heir as usize].engine;
            debug_assert_eq!(self.w.gpu.engines[engine as usize].phase(), Phase::Waiting);
            self.engine_goes_on(engine);
        }
    }
}
