//! When a world goes on as it did at another time.
//!
//! No program reads the clock, and whatever happens at a certain time is in the clock's queue. So two worlds go on
//! equally if they are equal but for the time, and in the queue is the same at the same distance from it. Everything
//! that is counted (sequence numbers, jobs that were pushed) stays: a world that counts on does not recur.

use core::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::thread::State;
use crate::world::World;

impl World {
    /// A number that worlds share which go on equally, be it at another time.
    pub fn recurrence(&self) -> u64 {
        let Self {
            threads,
            ready,
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
        let mut hasher = FxHasher::default();
        (threads, ready, locks, cells, interrupts, sleep, ww, deferred).hash(&mut hasher);
        (memory, fences, sync, resvs, scheds, gpu).hash(&mut hasher);
        for (left, event) in time.left() {
            (left, event).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Something will happen once its time has come.
    pub fn awaits_time(&self) -> bool {
        !self.time.is_empty()
    }

    /// Somebody has not got done yet who will not be idle once he is.
    pub fn is_unfinished(&self) -> bool {
        self.threads.unmarked().iter().any(|thread| matches!(thread.state, State::Ready | State::Blocked(_)))
    }
}
