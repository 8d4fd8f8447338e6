//! Usage states and the irq rules (`mark_usage()`, `mark_lock()`, `mark_lock_irq()`,
//! `mark_held_locks()`, `check_irq_usage()`).

use ringfence_base::{ClassId, Origin, Read};
use ringfence_diag::Silence;

use crate::class::{Class, LockType};
use crate::config::Search;
use crate::graph::Direction;
use crate::held::HeldLock;
use crate::problem::{Detail, Path};
use crate::search::{Marking, Step, Visit};
use crate::usage::{UsageBit, UsageMask};
use crate::validator::Validator;

/// A pair of classes and paths that an irq search found.
struct IrqMatch {
    before: Path,
    after: Path,
    safe: UsageBit,
    unsafe_: UsageBit,
}

fn step_if(class: &Class, matched: bool) -> Step {
    match class.lock_type {
        LockType::Normal if matched => Step::Match,
        LockType::Normal => Step::Expand,
        LockType::PerCpu | LockType::WaitOverride => Step::Skip,
    }
}

impl Validator {
    pub(crate) fn marking(&self) -> Marking {
        match self.config.search {
            Search::Kernel => Marking::Kernel,
            Search::Exact => Marking::Exact,
        }
    }

    /// Puts the usage bits that are new on the lock's class: first those of being used in an irq, then
    /// those of being held with it on. False if a report switched the validator off.
    #[cold]
    pub(crate) fn mark_usage(&mut self, usage: UsageMask, held: &HeldLock) -> bool {
        let irq = UsageMask::USED_IN.union(UsageMask::ENABLED);
        for part in [UsageMask::USED_IN, UsageMask::ENABLED] {
            for bit in usage.intersection(part).bits() {
                if !self.mark_lock(held, bit) {
                    return false;
                }
            }
        }
        usage.minus(irq).bits().all(|bit| self.mark_lock(held, bit))
    }

    /// All locks held by the task are used with an irq on from now on. `bit` is the writers' variant.
    pub(crate) fn mark_held_locks(&mut self, origin: Origin, bit: UsageBit) -> bool {
        let task = origin.task.index();
        (0..self.tasks[task].held.len()).all(|index| {
            let held = self.tasks[task].held[index];
            let bit = if held.read.is_read() { bit.read() } else { bit };
            !held.check || self.mark_lock(&held, bit)
        })
    }

    /// One bit: false if a report switched the validator off.
    fn mark_lock(&mut self, held: &HeldLock, bit: UsageBit) -> bool {
        if self.registry.class(held.class).usage.contains(bit) {
            return true;
        }
        self.registry.record_usage(held.class, bit, self.now);
        if bit.is_irq() {
            self.mark_lock_irq(held, bit);
            self.reach.add_usage(&self.graph, &mut self.registry.classes, held.class, bit.mask());
        }
        self.on
    }

    fn mark_lock_irq(&mut self, held: &HeldLock, new: UsageBit) {
        let usage = self.registry.class(held.class).usage;
        let clashing = new.exclusive();
        let inconsistent = [clashing, clashing.read()]
            .into_iter()
            .find(|old| usage.contains(*old) && (!new.is_read() || !old.is_read()));
        if let Some(old) = inconsistent {
            return self.report(Detail::InconsistentUsage { old, new }, held);
        }
        self.check_usage(held, new);
    }

    /// Nothing held with the irq on may come after a class used in it, and the other way round
    /// (`check_usage_forwards()`, `check_usage_backwards()`).
    fn check_usage(&mut self, held: &HeldLock, new: UsageBit) {
        let reachable = if new.is_enabled() {
            self.registry.class(held.class).used_before(held.read)
        } else {
            self.registry.class(held.class).enabled_after(held.read)
        };
        if reachable >> new.irq() & 1 == 0 {
            return;
        }
        let Some((path, other)) = self.find_usage(held, new, self.marking()) else {
            assert!(
                self.config.search == Search::Kernel,
                "engine bug: an irq usage in reach that no search finds"
            );
            return;
        };
        let silence = match self.config.search {
            Search::Kernel => None,
            Search::Exact => {
                let found = |this: &mut Self, marking| this.find_usage(held, new, marking).is_some();
                self.why_silent(&path, found)
            }
        };
        let write = new.exclusive();
        let bit = if self.registry.class(other).usage.contains(write) { write } else { write.read() };
        let forwards = !new.is_enabled();
        self.report_silent(Detail::IrqInversion { path, other, bit, new, forwards }, held, silence);
    }

    /// The shortest strong path from the lock to a class whose usage clashes with `new`.
    fn find_usage(&mut self, held: &HeldLock, new: UsageBit, marking: Marking) -> Option<(Path, ClassId)> {
        let mask = new.exclusive().mask().union(new.exclusive().read().mask());
        let (direction, weak) = if new.is_enabled() {
            (Direction::Backwards, held.read.is_read())
        } else {
            (Direction::Forwards, held.read == Read::Recursive)
        };
        let classes = &self.registry.classes;
        let mut other = held.class;
        let path = self.search.find(
            &self.graph,
            classes,
            Visit { class: held.class, weak },
            direction,
            marking,
            |visit| {
                other = visit.class;
                let class = &classes[visit.class.index()];
                step_if(class, !class.usage.at_end(visit.weak).intersection(mask).is_empty())
            },
        );
        path.map(|path| (path, other))
    }

    /// `prev -> next` must not connect a class used in an irq with one held with that irq on. True if it
    /// does and was reported.
    pub(crate) fn check_irq_usage(
        &mut self,
        prev: &HeldLock,
        next: &HeldLock,
        silence: Option<Silence>,
    ) -> bool {
        let before = self.registry.class(prev.class).used_before(prev.read);
        if before == 0 || before & self.registry.class(next.class).enabled_after(next.read) == 0 {
            return false;
        }
        let marking = self.marking();
        let Some(found) = self.find_irq_dependency(prev, next, marking) else {
            assert!(
                self.config.search == Search::Kernel,
                "engine bug: an irq dependency in reach that no search finds"
            );
            return false;
        };
        let silence = match self.config.search {
            Search::Kernel => None,
            Search::Exact => silence.or_else(|| {
                let path: Path = found.before.iter().chain(&found.after).copied().collect();
                let finds =
                    |this: &mut Self, marking| this.find_irq_dependency(prev, next, marking).is_some();
                self.why_silent(&path, finds)
            }),
        };
        let IrqMatch { before, after, safe, unsafe_ } = found;
        self.report_silent(
            Detail::IrqDependency { prev: *prev, before, after, safe, unsafe_ },
            next,
            silence,
        );
        true
    }

    /// The four steps of the kernel's `check_irq_usage()`.
    fn find_irq_dependency(
        &mut self,
        prev: &HeldLock,
        next: &HeldLock,
        marking: Marking,
    ) -> Option<IrqMatch> {
        let backwards_root = Visit { class: prev.class, weak: prev.read.is_read() };
        let forwards_root = Visit { class: next.class, weak: next.read == Read::Recursive };
        let classes = &self.registry.classes;
        let mut safe_usage = UsageMask::NONE;
        self.search.find(&self.graph, classes, backwards_root, Direction::Backwards, marking, |visit| {
            let class = &classes[visit.class.index()];
            if class.lock_type == LockType::Normal {
                safe_usage = safe_usage.union(class.usage.at_end(visit.weak));
            }
            step_if(class, false)
        });
        let clashing = safe_usage.intersection(UsageMask::USED_IN).opposite();
        let mut unsafe_usage = (UsageMask::NONE, UsageMask::NONE);
        let after =
            self.search.find(&self.graph, classes, forwards_root, Direction::Forwards, marking, |visit| {
                let class = &classes[visit.class.index()];
                let usage = class.usage.at_end(visit.weak).intersection(clashing);
                unsafe_usage = (usage, class.usage.intersection(UsageMask::ENABLED));
                step_if(class, !usage.is_empty())
            })?;
        // Linux forgets here whether the far class was reached weakly.
        let unsafe_usage = if marking == Marking::Kernel { unsafe_usage.1 } else { unsafe_usage.0 };
        let clashing = unsafe_usage.opposite();
        let mut safe_usage = UsageMask::NONE;
        let mut before = self.search.find(
            &self.graph,
            classes,
            backwards_root,
            Direction::Backwards,
            marking,
            |visit| {
                let class = &classes[visit.class.index()];
                safe_usage = class.usage.at_end(visit.weak).intersection(clashing);
                step_if(class, !safe_usage.is_empty())
            },
        )?;
        // From the safe class to `prev`, in the order in which the locks are taken.
        before.reverse();
        let safe = safe_usage.bits().next()?;
        let unsafe_ = [safe.exclusive(), safe.exclusive().read()]
            .into_iter()
            .find(|bit| unsafe_usage.contains(*bit))?;
        Some(IrqMatch { before, after, safe, unsafe_ })
    }
}
