//! The validator behind its numbers.

use ringfence::base::{LockId, Origin, SiteId, TaskId};
use ringfence::validator::annotations::prime::Locks as PrimeLocks;
use ringfence::validator::annotations::{Annotations, LockKind};
use ringfence::validator::{KeyId, Misuse};

use crate::finding::Finding;

/// The validator, and one more than the highest number of each thing that was made, so that a foreign number
/// is refused.
pub(super) struct State {
    pub(super) annotations: Annotations,
    pub(super) keys: Vec<KeyId>,
    pub(super) locks: usize,
    pub(super) tasks: usize,
    pub(super) sites: usize,
    pub(super) calls: u64,
}

/// The kernel's classes that the priming takes, by the name of the lock.
pub(super) const PRIME: [(&str, &str, LockKind); 4] = [
    ("mmap_lock", "mmap_lock", LockKind::SLEEPING),
    ("ww_ctx", "reservation_ww_class_acquire", LockKind::MAP),
    ("resv", "reservation_ww_class_mutex", LockKind::SLEEPING),
    ("i_mmap_rwsem", "i_mmap_rwsem", LockKind::SLEEPING),
];

pub(super) const KINDS: [(&str, LockKind); 9] = [
    ("mutex", LockKind::SLEEPING),
    ("rwsem", LockKind::SLEEPING),
    ("ww_mutex", LockKind::SLEEPING),
    ("spinlock", LockKind::SPINLOCK),
    ("rwlock", LockKind::SPINLOCK),
    ("raw_spinlock", LockKind::RAW_SPINLOCK),
    ("local_lock", LockKind::LOCAL_LOCK),
    ("rcu", LockKind::RCU),
    ("map", LockKind::MAP),
];

impl State {
    pub(super) fn new(annotations: Annotations) -> Self {
        // Place 0 is the unknown one.
        let mut state = Self { annotations, keys: Vec::new(), locks: 0, tasks: 0, sites: 1, calls: 0 };
        let [mmap_lock, ww_ctx, resv, i_mmap_rwsem] = PRIME.map(|(name, class, kind)| {
            let key = state.add_key(class);
            state.add_lock(name, key, kind).expect("engine bug: a key that was just made is unknown")
        });
        state.annotations.set_prime_locks(PrimeLocks { mmap_lock, ww_ctx, resv, i_mmap_rwsem });
        state
    }

    pub(super) fn add_key(&mut self, name: &str) -> usize {
        self.keys.push(self.annotations.add_key(name));
        self.keys.len() - 1
    }

    pub(super) fn add_lock(&mut self, name: &str, key: usize, kind: LockKind) -> Result<LockId, Misuse> {
        let key = *self.keys.get(key).ok_or(Misuse::UnknownLock)?;
        let lock = self.annotations.add_lock(name, key, kind);
        // The annotations add locks and places of their own in between.
        self.locks = self.locks.max(lock.index() + 1);
        Ok(lock)
    }

    pub(super) fn lock(&self, lock: usize) -> Result<LockId, Misuse> {
        if lock < self.locks { Ok(LockId::new(lock)) } else { Err(Misuse::UnknownLock) }
    }

    pub(super) fn task(&self, task: usize) -> Result<TaskId, Misuse> {
        if task < self.tasks { Ok(TaskId::new(task)) } else { Err(Misuse::UnknownTask) }
    }

    /// The next call's number, task and place.
    pub(super) fn origin(&mut self, task: usize, site: usize) -> Result<Origin, Misuse> {
        let task = self.task(task)?;
        let site = if site < self.sites { SiteId::new(site) } else { SiteId::UNKNOWN };
        let op = self.calls;
        self.calls += 1;
        Ok(Origin { op, task, site })
    }

    pub(super) fn reported(&self) -> Vec<Finding> {
        let validator = self.annotations.validator();
        validator.reported().iter().map(|problem| validator.finding(*problem).into()).collect()
    }
}
