//! Whether an execution gets anywhere: a fingerprint in which time is counted from now.
//!
//! A context that sleeps, looks and sleeps again comes back to the same state, only later. In [`World`]'s hash it
//! never does.

use core::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::world::World;

impl World {
    /// Worlds that differ only in what time it is have the same, and go on equally: timed events are told by how long
    /// they are away, in their order. Points in time that are past count as they are. The same in every process; others
    /// have, but for bad luck, another.
    pub fn progress_fingerprint(&self) -> u64 {
        let mut hasher = FromNow { inner: FxHasher::default(), now: *self.time.now.unmarked() };
        let Self {
            threads,
            ready: _,
            locks,
            cells,
            time,
            interrupts,
            sleep,
            ww,
            deferred,
            memory,
            fences,
            sync,
            resvs,
            scheds,
            gpu,
        } = self;
        threads.hash(&mut hasher);
        (locks, cells, interrupts, sleep, ww).hash(&mut hasher);
        (deferred, memory, fences, sync, resvs, scheds, gpu).hash(&mut hasher);
        time.hash_queue(&mut hasher);
        hasher.finish()
    }
}

/// Hashes points in time as how far away they are. They are what is written as 128 bits.
struct FromNow {
    inner: FxHasher,
    now: u64,
}

impl Hasher for FromNow {
    fn finish(&self) -> u64 {
        self.inner.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.inner.write(bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.inner.write_u8(number);
    }

    fn write_u32(&mut self, number: u32) {
        self.inner.write_u32(number);
    }

    fn write_u64(&mut self, number: u64) {
        self.inner.write_u64(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.inner.write_usize(number);
    }

    fn write_u128(&mut self, point: u128) {
        self.inner.write_u64(((point >> 64) as u64).saturating_sub(self.now));
    }
}
