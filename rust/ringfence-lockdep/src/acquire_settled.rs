//! The fast path of taking a lock.

use ringfence_base::{AcquireFlags, LockId, Origin};

use crate::chain::{Chain, Manner, Step};
use crate::config::Search;
use crate::held::HeldLock;
use crate::validator::Validator;

impl Validator {
    /// Nearly every acquisition: the same chain was made in the same manner before, and nothing was
    /// reported. Then only the stack changes. Otherwise false, with nothing done, and
    /// [`lock_acquire`](Validator::lock_acquire) decides.
    ///
    /// The entry is built in one place and its address never taken, so that it goes from registers to the
    /// stack of held locks; built in memory and copied, it would cost more than all the rest.
    #[inline]
    pub(crate) fn acquire_settled(&mut self, origin: Origin, lock: LockId, flags: &AcquireFlags) -> bool {
        let AcquireFlags { subclass, trylock, read, check, nest } = *flags;
        if nest.is_some() || !self.on || !self.reported.is_empty() {
            return false;
        }
        let Some(class) = self.class_of(lock, subclass) else { return false };
        let exact = self.config.search == Search::Exact;
        let step =
            if exact { Step::exact(class, read, trylock, check, false) } else { Step::kernel(class, read) };
        let task = &mut self.tasks[origin.task.index()];
        let irq_context = task.irqs.context();
        let prev_chain = task.chain;
        let (chain, whole) = match task.held.last() {
            Some(top) if top.irq_context == irq_context => (prev_chain, top.whole),
            top => (Chain::EMPTY, top.is_none()),
        };
        let chain = self.chains.likely_step(chain, step);
        let hardirqs_off = !task.irqs.hardirqs_enabled();
        let manner = Manner::of(&task.irqs, flags, hardirqs_off);
        let Some(wait_limit) = self.chains.settled(chain, manner) else { return false };
        if self.config.limits.depth.is_some_and(|depth| task.held.len() + 1 >= depth) {
            return false;
        }
        // What is held in other irq contexts is no part of the chain, but may be the same class.
        if exact && !whole && task.held.iter().any(|held| held.recurses(class, read)) {
            return false;
        }
        task.chain = chain;
        task.held.push(HeldLock {
            origin,
            lock,
            class,
            prev_chain,
            nest,
            references: 0,
            read,
            trylock,
            check,
            sync: false,
            hardirqs_off,
            irq_context,
            wait_limit,
            whole,
            incomplete: false,
        });
        true
    }
}
