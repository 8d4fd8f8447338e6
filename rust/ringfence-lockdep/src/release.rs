//! Giving a lock back (`__lock_release()`, `__lock_downgrade()`, `reacquire_held_locks()`) and freeing
//! its memory.

use ringfence_base::{LockId, Origin, Read};

use crate::acquire::{Acquired, Kept};
use crate::class::NO_CLASS;
use crate::problem::Detail;
use crate::validator::{Validator, matches};

impl Validator {
    /// `lock_release()`. Returns how many problems were reported.
    #[inline]
    pub fn release(&mut self, origin: Origin, lock: LockId) -> usize {
        let task = &mut self.tasks[origin.task.index()];
        if self.on
            && self.reported.is_empty()
            && let Some(top) = task.held.last()
            && top.lock == lock
            && top.references == 0
        {
            task.chain = top.prev_chain;
            task.held.pop();
            return 0;
        }
        if self.begin(origin) {
            self.lock_release(origin, lock);
        }
        self.reported.len()
    }

    fn lock_release(&mut self, origin: Origin, lock: LockId) {
        let Some(index) = self.find_held_lock(origin, lock) else {
            return self.report_unheld(origin, lock);
        };
        let held = &mut self.tasks[origin.task.index()].held[index];
        if held.references > 1 {
            held.references -= 1;
            return;
        }
        self.reacquire_from(origin, index, false);
    }

    /// `lock_downgrade()`: held for writing, from now on held for reading. The lock and all above it
    /// are taken again. Returns how many problems were reported.
    pub fn downgrade(&mut self, origin: Origin, lock: LockId) -> usize {
        if self.begin(origin) {
            match self.find_held_lock(origin, lock) {
                Some(index) => self.reacquire_from(origin, index, true),
                None => self.report_unheld(origin, lock),
            }
        }
        self.reported.len()
    }

    /// The memory of the lock is freed or initialised again: the current task must not hold it
    /// (`debug_check_no_locks_freed()`). Returns how many problems were reported.
    pub fn free(&mut self, origin: Origin, lock: LockId) -> usize {
        if self.begin(origin) {
            let held = self.tasks[origin.task.index()].held.iter().find(|held| held.lock == lock).copied();
            if let Some(held) = held {
                self.report(Detail::HeldLockFreed, &held);
            }
        }
        self.reported.len()
    }

    /// `find_held_lock()`: from the top, stopping where the irq context changes; the top entry always
    /// counts.
    fn find_held_lock(&mut self, origin: Origin, lock: LockId) -> Option<usize> {
        let class0 = self.class_of(lock, 0);
        let held = &self.tasks[origin.task.index()].held;
        let top = held.last()?;
        if matches(top, lock, class0) {
            return Some(held.len() - 1);
        }
        let context = top.irq_context;
        let below = held.iter().enumerate().rev().skip(1);
        below
            .take_while(|(_, entry)| entry.irq_context == context)
            .find(|(_, entry)| matches(entry, lock, class0))
            .map(|(index, _)| index)
    }

    /// Takes the stack down to `index` and takes everything above again, in the current context; the entry
    /// itself comes back only if it is downgraded.
    fn reacquire_from(&mut self, origin: Origin, index: usize, downgrade: bool) {
        let task = &mut self.tasks[origin.task.index()];
        let mut again = task.held.split_off(index);
        task.chain = again[0].prev_chain;
        if downgrade {
            again[0].read = Read::Shared;
            again[0].origin = origin;
        }
        for held in &again[usize::from(!downgrade)..] {
            let subclass = self.registry.class(held.class).subclass;
            let kept =
                Kept { taken: held.origin, hardirqs_off: held.hardirqs_off, references: held.references };
            if self.lock_acquire(held.lock, held.flags(subclass), kept, false) == Acquired::Off {
                return;
            }
        }
    }

    #[cold]
    fn report_unheld(&mut self, origin: Origin, lock: LockId) {
        let class = self.class_of(lock, 0).unwrap_or(NO_CLASS);
        let bare = self.bare(origin, lock, class);
        self.report(Detail::UnlockImbalance, &bare);
    }
}
