//! Recursion and dependencies (`validate_chain()`, `check_deadlock()`, `check_prevs_add()`,
//! `check_prev_add()`).

use ringfence_base::Read;
use ringfence_diag::Silence;

use crate::chain::Chain;
use crate::class::LockType;
use crate::config::Search;
use crate::dependency::Kind;
use crate::graph::{Direction, Witness};
use crate::held::HeldLock;
use crate::problem::{Detail, Limit, Path};
use crate::search::{Marking, Step, Visit};
use crate::validator::Validator;

/// What `check_deadlock()` finds among the held locks.
enum Recursion {
    None,
    /// The class is held, but so is the nest lock that serialises it: no report, and no dependency either.
    Excused,
    Deadlock(HeldLock),
}

impl Validator {
    /// Proves the chain that `next` makes, unless it is proven already. Returns it, or `None` if a report
    /// switched the validator off.
    #[inline]
    pub(crate) fn validate_chain(
        &mut self,
        next: &mut HeldLock,
        chain: Chain,
        is_head: bool,
    ) -> Option<Chain> {
        let adds = !next.trylock && next.check;
        let exact = self.config.search == Search::Exact;
        let mut recursion = Recursion::None;
        if adds && exact {
            recursion = self.check_deadlock(next);
        }
        next.incomplete = matches!(recursion, Recursion::Excused | Recursion::Deadlock(_));
        let step = self.chain_step(next, next.incomplete);
        let chain = self.chains.step(chain, step);
        if !adds || (self.chains.is_proven(chain) && !matches!(recursion, Recursion::Deadlock(_))) {
            return Some(chain);
        }
        self.prove_chain(next, chain, is_head, recursion);
        self.on.then_some(chain)
    }

    #[cold]
    fn prove_chain(&mut self, next: &mut HeldLock, chain: Chain, is_head: bool, recursion: Recursion) {
        let reports = self.reports;
        let kernel_skips = self.chains.kernel_look_up_add(chain);
        if self.config.search == Search::Kernel && kernel_skips {
            self.chains.mark_proven(chain);
            return;
        }
        if self.config.limits.chains.is_some_and(|limit| self.chains.kernel_cached > limit) {
            self.report(Detail::LimitReached(Limit::Chains), next);
        }
        let recursion = match self.config.search {
            Search::Exact => recursion,
            Search::Kernel => self.check_deadlock(next),
        };
        match recursion {
            Recursion::Deadlock(prev) => {
                let silence = kernel_skips.then_some(Silence::ChainCache);
                self.report_silent(Detail::Recursive { prev }, next, silence);
                next.incomplete = true;
            }
            Recursion::Excused => next.incomplete = true,
            Recursion::None if !is_head => self.check_prevs_add(next, kernel_skips),
            Recursion::None => {}
        }
        if self.on && self.reports == reports {
            self.chains.mark_proven(chain);
        }
    }

    /// Is the class held already, by a task that would then wait for itself?
    #[inline]
    fn check_deadlock(&self, next: &HeldLock) -> Recursion {
        let mut nest_seen = false;
        for prev in &self.tasks[next.origin.task.index()].held {
            nest_seen |= Some(prev.lock) == next.nest;
            if !prev.recurses(next.class, next.read) {
                continue;
            }
            return if nest_seen { Recursion::Excused } else { Recursion::Deadlock(*prev) };
        }
        Recursion::None
    }

    /// Adds the dependencies on the locks held in this irq context, nearest first.
    ///
    /// Linux stops at the nearest lock that was not a trylock, because that one depends on the others
    /// already. The exact search stops only where that argument holds: the path through the lock must be as
    /// strong as the direct dependency (so not a recursive reader, whose R end an S start may not follow),
    /// must carry irq dependencies (so a normal lock), and must be on record as a whole, the new dependency
    /// included.
    fn check_prevs_add(&mut self, next: &mut HeldLock, kernel_skips: bool) {
        let task = next.origin.task.index();
        let mut silence = kernel_skips.then_some(Silence::ChainCache);
        for index in (0..self.tasks[task].held.len()).rev() {
            let prev = self.tasks[task].held[index];
            if prev.irq_context != next.irq_context {
                return;
            }
            if !prev.check {
                continue;
            }
            let reports = self.reports;
            let recorded = self.check_prev_add(&prev, next, silence);
            if !self.on {
                return;
            }
            next.incomplete |= self.reports != reports;
            if prev.trylock {
                continue;
            }
            let stands_for_the_rest = recorded
                && prev.read != Read::Recursive
                && !prev.incomplete
                && self.registry.class(prev.class).lock_type == LockType::Normal;
            if self.config.search == Search::Kernel || stands_for_the_rest {
                return;
            }
            silence = silence.or(Some(Silence::NearestLockOnly));
        }
    }

    /// One dependency: closes no circle, connects nothing irq-safe with anything irq-unsafe; then it goes
    /// on record. False if it was refused and is not.
    fn check_prev_add(&mut self, prev: &HeldLock, next: &HeldLock, silence: Option<Silence>) -> bool {
        let kind = Kind::of(prev.read, next.read);
        if self.check_noncircular(prev, next, kind, silence) {
            return false;
        }
        if self.check_irq_usage(prev, next, silence) && !self.on {
            return false;
        }
        let covered = self.graph.kinds(prev.class, next.class).contains(kind.set());
        if covered && silence.is_some() {
            return true;
        }
        let witness =
            Witness { held: prev.origin, taken: next.origin, held_read: prev.read, taken_read: next.read };
        self.graph.add(&mut self.registry.classes, prev.class, next.class, kind, silence, witness);
        if !covered {
            self.reach.add_edge(&self.graph, &mut self.registry.classes, prev.class, next.class, kind);
        }
        let entries = self.config.limits.list_entries;
        if entries.is_some_and(|limit| 2 * self.graph.edge_count() > limit) {
            self.report(Detail::LimitReached(Limit::Entries), next);
        }
        true
    }

    /// Reports a circle that `prev -> next` would close; true if it did.
    fn check_noncircular(
        &mut self,
        prev: &HeldLock,
        next: &HeldLock,
        kind: Kind,
        silence: Option<Silence>,
    ) -> bool {
        if let Some(order) = &mut self.order
            && order.insert(&self.graph, &self.registry.classes, prev.class, next.class, kind).is_ok()
        {
            return false;
        }
        let marking = self.marking();
        let Some(path) = self.find_circle(prev, next, marking) else {
            assert!(
                self.config.search == Search::Kernel,
                "engine bug: the order knows of a circle that no search finds"
            );
            // Linux misses this one and records it: from now on there is no order to rely on.
            self.order = None;
            return false;
        };
        let silence = match self.config.search {
            Search::Kernel => None,
            Search::Exact => silence.or_else(|| {
                let found = |this: &mut Self, marking| this.find_circle(prev, next, marking).is_some();
                self.why_silent(&path, found)
            }),
        };
        let detail = if prev.class == next.class {
            Detail::Recursive { prev: *prev }
        } else {
            Detail::Circular { prev: *prev, path }
        };
        self.report_silent(detail, next, silence);
        true
    }

    /// The shortest strong path from `next` to `prev` that the new dependency would close.
    fn find_circle(&mut self, prev: &HeldLock, next: &HeldLock, marking: Marking) -> Option<Path> {
        let root = Visit { class: next.class, weak: next.read == Read::Recursive };
        self.search.find(&self.graph, &self.registry.classes, root, Direction::Forwards, marking, |visit| {
            let conflict = visit.class == prev.class && (prev.read == Read::Exclusive || !visit.weak);
            if conflict { Step::Match } else { Step::Expand }
        })
    }

    /// Why Linux, looking at this very place, would not have found what the exact search found.
    pub(crate) fn why_silent(
        &mut self,
        path: &[crate::search::PathStep],
        mut finds: impl FnMut(&mut Self, Marking) -> bool,
    ) -> Option<Silence> {
        if finds(self, Marking::Kernel) {
            return None;
        }
        let unknown = path.iter().find_map(|step| self.graph.edge(step.edge).unknown_to_kernel);
        if finds(self, Marking::ExactOverKernelEdges) { Some(Silence::VisitedBeforeFilter) } else { unknown }
    }
}
