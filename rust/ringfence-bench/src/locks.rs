//! Locks of a validator, made and taken as the benchmarks need them.

use ringfence_base::{AcquireFlags, LockId, Origin, SiteId, TaskId};
use ringfence_lockdep::{Config, LockInit, LockType, Search, Validator, WaitType};

/// A validator with mutexes, each of a class of its own, and a task.
pub struct Bench {
    /// The validator.
    pub validator: Validator,
    task: TaskId,
    op: u64,
}

impl Bench {
    /// A validator that decides by `search`, with `count` mutexes.
    pub fn new(search: Search, count: usize) -> Self {
        let mut validator = Validator::new(Config { search, ..Config::default() });
        let task = validator.add_task("task");
        for number in 0..count {
            let name = format!("mutex{number}");
            let key = validator.add_key(&name);
            let lock = validator.add_lock(&LockInit {
                name: &name,
                key,
                wait_inner: WaitType::Sleep,
                wait_outer: WaitType::None,
                lock_type: LockType::Normal,
            });
            assert_eq!(lock.index(), number);
        }
        Self { validator, task, op: 0 }
    }

    /// Where the next operation happens.
    #[inline]
    fn origin(&mut self) -> Origin {
        self.op += 1;
        Origin { op: self.op, task: self.task, site: SiteId::UNKNOWN }
    }

    /// Takes a lock.
    #[inline]
    pub fn acquire(&mut self, lock: u32) -> usize {
        let origin = self.origin();
        self.validator.acquire(origin, LockId::from_raw(lock), AcquireFlags::default())
    }

    /// Gives a lock back.
    #[inline]
    pub fn release(&mut self, lock: u32) -> usize {
        let origin = self.origin();
        self.validator.release(origin, LockId::from_raw(lock))
    }

    /// Takes locks `0..depth`, each inside the one before, and gives them back, the latest first.
    #[inline]
    pub fn nest(&mut self, depth: u32) {
        for lock in 0..depth {
            self.acquire(lock);
        }
        for lock in (0..depth).rev() {
            self.release(lock);
        }
    }

    /// The same, the oldest first: what is above a lock is taken again.
    #[inline]
    pub fn nest_oldest_first(&mut self, depth: u32) {
        for lock in 0..depth {
            self.acquire(lock);
        }
        for lock in 0..depth {
            self.release(lock);
        }
    }

    /// Takes `inner` inside `outer`.
    #[inline]
    pub fn depend(&mut self, (outer, inner): (u32, u32)) {
        self.acquire(outer);
        self.acquire(inner);
        self.release(inner);
        self.release(outer);
    }
}
