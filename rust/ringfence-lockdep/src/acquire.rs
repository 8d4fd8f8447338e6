//! Taking a lock (`__lock_acquire()`).

use ringfence_base::{AcquireFlags, ClassId, LockId, Origin};

use crate::chain::{Chain, Manner, Step};
use crate::class::Class;
use crate::class::NONE;
use crate::config::Search;
use crate::held::{HeldLock, WaitLimit};
use crate::problem::{Detail, Limit};
use crate::reach::Closure;
use crate::usage::UsageMask;
use crate::validator::{Validator, matches};

/// How an acquisition ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Acquired {
    /// A report switched the validator off.
    Off,
    /// On the stack (or, for a sync, done).
    Held,
    /// Merged into the top entry.
    Merged,
}

/// What a re-acquisition keeps of the entry it replaces.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    /// Where the lock was first taken.
    pub(crate) taken: Origin,
    pub(crate) hardirqs_off: bool,
    pub(crate) references: u32,
}

impl Validator {
    /// `lock_acquire()`. Returns how many problems were reported.
    #[inline]
    pub fn acquire(&mut self, origin: Origin, lock: LockId, flags: AcquireFlags) -> usize {
        if self.acquire_settled(origin, lock, &flags) {
            0
        } else {
            self.acquire_unsettled(origin, lock, flags)
        }
    }

    fn acquire_unsettled(&mut self, origin: Origin, lock: LockId, flags: AcquireFlags) -> usize {
        if self.begin(origin) {
            let hardirqs_off = !self.tasks[origin.task.index()].irqs.hardirqs_enabled();
            self.lock_acquire(lock, flags, Kept { taken: origin, hardirqs_off, references: 0 }, false);
        }
        self.reported.len()
    }

    /// `lock_sync()`: checked like an acquisition, but holds nothing. Returns how many problems were
    /// reported.
    pub fn sync(&mut self, origin: Origin, lock: LockId, flags: AcquireFlags) -> usize {
        if self.begin(origin) {
            let hardirqs_off = !self.tasks[origin.task.index()].irqs.hardirqs_enabled();
            let flags = AcquireFlags { trylock: false, ..flags };
            self.lock_acquire(lock, flags, Kept { taken: origin, hardirqs_off, references: 0 }, true);
        }
        self.reported.len()
    }

    /// The checks in Linux's order: merge, wait context, usage, nest lock, then the chain.
    pub(crate) fn lock_acquire(
        &mut self,
        lock: LockId,
        flags: AcquireFlags,
        kept: Kept,
        sync: bool,
    ) -> Acquired {
        let origin = kept.taken;
        let task_id = origin.task;
        let class = match self.class_of(lock, flags.subclass) {
            Some(class) => class,
            None => match self.register_lock_class(origin, lock, flags.subclass) {
                Some(class) => class,
                None => return Acquired::Off,
            },
        };
        let task = &mut self.tasks[task_id.index()];
        if !sync
            && flags.nest.is_some()
            && let Some(top) = task.held.last_mut()
            && top.class == class
        {
            top.references = top.references.max(1) + kept.references.max(1);
            return Acquired::Merged;
        }

        let irq_context = task.irqs.context();
        let below = task.held.last().filter(|top| top.irq_context == irq_context);
        let limit = below.map_or(WaitLimit::OPEN, |top| top.wait_limit);
        let (prev_chain, is_head) = (task.chain, below.is_none());
        let chain = if is_head { Chain::EMPTY } else { prev_chain };
        let whole = is_head == task.held.is_empty() && below.is_none_or(|top| top.whole);
        let manner = Manner::of(&task.irqs, &flags, kept.hardirqs_off);
        let reports = self.reports;
        let data = self.registry.class(class);
        let mut held = HeldLock {
            origin,
            lock,
            class,
            prev_chain,
            nest: flags.nest,
            references: kept.references,
            read: flags.read,
            trylock: flags.trylock,
            check: flags.check,
            sync,
            hardirqs_off: kept.hardirqs_off,
            irq_context,
            wait_limit: limit.and(data),
            whole,
            incomplete: false,
        };
        if !flags.trylock && data.requires() > limit.allows(self.scale.context(task)) {
            self.report(Detail::WaitContext, &held);
            if !self.on {
                return Acquired::Off;
            }
        }
        let task = &self.tasks[task_id.index()];
        let usage = task.usage_of(&flags, kept.hardirqs_off, sync);
        if !usage.minus(self.registry.class(class).usage).is_empty() && !self.mark_usage(usage, &held) {
            return Acquired::Off;
        }
        if let Some(nest) = flags.nest
            && !self.check_nest_lock(nest, &held)
        {
            return Acquired::Off;
        }
        let Some(chain) = self.validate_chain(&mut held, chain, is_head) else { return Acquired::Off };
        if !sync {
            let task = &mut self.tasks[task_id.index()];
            task.chain = chain;
            task.held.push(held);
            if self.reports == reports && flags.nest.is_none() {
                self.chains.settle(chain, manner, held.wait_limit);
            }
            if self.config.limits.depth.is_some_and(|depth| task.held.len() >= depth) {
                self.report(Detail::LimitReached(Limit::Depth), &held);
            }
        }
        Acquired::Held
    }

    /// The nest lock must be held, in whatever context (`print_lock_nested_lock_not_held()`).
    fn check_nest_lock(&mut self, nest: LockId, held: &HeldLock) -> bool {
        let class0 = self.registry.look_up(nest, 0);
        let is_held =
            self.tasks[held.origin.task.index()].held.iter().any(|entry| matches(entry, nest, class0));
        if !is_held {
            self.report(Detail::NestLockNotHeld { nest }, held);
        }
        self.on
    }

    /// The step this acquisition adds to the chain.
    #[inline]
    pub(crate) fn chain_step(&self, held: &HeldLock, excused: bool) -> Step {
        match self.config.search {
            Search::Kernel => Step::kernel(held.class, held.read),
            Search::Exact => Step::exact(held.class, held.read, held.trylock, held.check, excused),
        }
    }

    /// `register_lock_class()`: the first use of a lock of this key at this subclass. `None` if that
    /// reached a limit and the validator is off.
    #[cold]
    fn register_lock_class(&mut self, origin: Origin, lock: LockId, subclass: u32) -> Option<ClassId> {
        let limits = self.config.limits;
        let count = self.registry.classes.len();
        assert!(count < Step::CLASSES_MAX, "engine bug: more than 2^27 lock classes");
        let over = |limit: Option<usize>, value: usize| limit.is_some_and(|limit| value >= limit);
        let reached = match () {
            () if over(limits.subclasses, subclass as usize) => Some(Limit::Subclasses),
            () if over(limits.classes, count) => Some(Limit::Keys),
            () => None,
        };
        let data = *self.registry.lock(lock);
        let class = self.registry.add_class(Class {
            key: data.key,
            subclass,
            older: NONE,
            usage: UsageMask::NONE,
            wait_inner: self.scale.number(data.wait_inner),
            wait_outer: self.scale.number(data.wait_outer),
            lock_type: data.lock_type,
            last_usage: NONE,
            newest_out: NONE,
            newest_in: NONE,
            closure: Closure::default(),
        });
        self.chains.add_class();
        if let Some(order) = &mut self.order {
            order.add_class(class);
        }
        if let Some(limit) = reached {
            let held = self.bare(origin, lock, class);
            self.report(Detail::LimitReached(limit), &held);
        }
        self.on.then_some(class)
    }

    /// An entry that stands for a lock not taken, for reports.
    pub(crate) fn bare(&self, origin: Origin, lock: LockId, class: ClassId) -> HeldLock {
        let task = &self.tasks[origin.task.index()];
        HeldLock {
            origin,
            lock,
            class,
            prev_chain: task.chain,
            nest: None,
            references: 0,
            read: ringfence_base::Read::Exclusive,
            trylock: false,
            check: true,
            sync: false,
            hardirqs_off: !task.irqs.hardirqs_enabled(),
            irq_context: task.irqs.context(),
            wait_limit: WaitLimit::OPEN,
            whole: false,
            incomplete: false,
        }
    }
}
