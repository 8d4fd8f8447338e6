//! An executor that notes what everybody was told of: each event, and what its context was inside of.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use ringfence::check::Executor;
use ringfence::model::{Action, Plan};
use ringfence_base::{Decide, Dependent, End, Event, EventKind, Footprint, LockId, SiteId, System};
use ringfence_lockdep::annotations::Profile;
use rustc_hash::FxHasher;

/// The product's executor, with all judges.
pub(crate) struct Watched<'p> {
    pub(crate) executor: Executor<'p>,
    pub(crate) told: Told,
}

impl<'p> Watched<'p> {
    pub(crate) fn new(plan: &'p Plan, in_words: bool) -> Self {
        let told = Told { words: in_words.then(BTreeMap::new), ..Told::default() };
        Self { executor: Executor::new(plan, Profile::default()), told }
    }
}

impl System for Watched<'_> {
    fn restart(&mut self) {
        self.executor.restart();
        self.told.contexts.clear();
    }

    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.executor.enabled(actions);
    }

    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.executor.step(action, decide);
        for event in self.executor.events() {
            self.told.take(event);
        }
    }

    fn over(&mut self) -> End {
        self.executor.over()
    }
}

impl Dependent for Watched<'_> {
    fn track(&mut self, on: bool) {
        self.executor.track(on);
    }

    fn footprint(&mut self, footprint: &mut Footprint) {
        self.executor.footprint(footprint);
    }

    fn only_waits(&mut self, action: Action) -> bool {
        self.executor.only_waits(action)
    }
}

/// What a context is inside of, as far as judges care.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Inside {
    /// Locks that it has taken and sections that it has begun, where, and how many interrupts it was serving then:
    /// in their order.
    held: Vec<(EventKind, SiteId, u32)>,
    /// Hard and soft interrupts being served.
    interrupts: [u32; 2],
    irqs_off: bool,
    /// `local_bh_disable()` and `preempt_disable()`.
    off: [u32; 2],
    /// Scopes of allocations.
    scopes: [u32; 3],
}

/// Everything that was told, once. What the validator says follows from this and the order in which it was told.
#[derive(Default)]
pub(crate) struct Told {
    contexts: Vec<Inside>,
    pub(crate) all: BTreeSet<u64>,
    /// Their texts, if somebody wants to read them.
    pub(crate) words: Option<BTreeMap<u64, String>>,
}

impl Told {
    fn take(&mut self, event: &Event) {
        // That somebody waits for a lock is nobody's business: what he holds, and that he wants it, was told before.
        if matches!(event.kind, EventKind::Block(_)) {
            return;
        }
        let task = event.origin.task;
        // Time is nobody's.
        let index = if task.raw() == u32::MAX { 0 } else { task.index() + 1 };
        if self.contexts.len() <= index {
            self.contexts.resize(index + 1, Inside::default());
        }
        let inside = &mut self.contexts[index];
        let mut hasher = FxHasher::default();
        (task, event.origin.site, event.kind, &*inside).hash(&mut hasher);
        let number = hasher.finish();
        if self.all.insert(number)
            && let Some(words) = &mut self.words
        {
            words.insert(number, format!("{:?} at {:?} inside of {inside:?}", event.kind, event.origin));
        }
        inside.follow(event);
    }
}

impl Inside {
    /// The context goes in somewhere, or comes out.
    fn follow(&mut self, event: &Event) {
        use EventKind::{
            Acquire, BeginSignalling, BeginStrict, BhDisable, BhEnable, EndSignalling, HardirqEnter,
            HardirqExit, IrqOff, IrqOn, PreemptDisable, PreemptEnable, Release, ScopeRestore, ScopeSave,
            SoftirqEnter, SoftirqExit,
        };
        match event.kind {
            Acquire(..) | BeginSignalling | BeginStrict => {
                let serving = self.interrupts.iter().sum();
                self.held.push((event.kind, event.origin.site, serving));
            }
            Release(lock) => self.leave(|kind| is_of(kind, lock)),
            EndSignalling => self.leave(|kind| matches!(kind, BeginSignalling | BeginStrict)),
            IrqOff => self.irqs_off = true,
            IrqOn => self.irqs_off = false,
            HardirqEnter { .. } => self.interrupts[0] += 1,
            HardirqExit => count_down(&mut self.interrupts[0]),
            SoftirqEnter => self.interrupts[1] += 1,
            SoftirqExit => count_down(&mut self.interrupts[1]),
            BhDisable => self.off[0] += 1,
            BhEnable => count_down(&mut self.off[0]),
            PreemptDisable => self.off[1] += 1,
            PreemptEnable => count_down(&mut self.off[1]),
            ScopeSave(scope) => self.scopes[scope as usize] += 1,
            ScopeRestore(scope) => count_down(&mut self.scopes[scope as usize]),
            _ => {}
        }
    }

    fn leave(&mut self, is: impl Fn(&EventKind) -> bool) {
        if let Some(last) = self.held.iter().rposition(|(kind, ..)| is(kind)) {
            self.held.remove(last);
        }
    }
}

/// What ends without having begun changes nothing.
fn count_down(count: &mut u32) {
    *count = count.saturating_sub(1);
}

fn is_of(kind: &EventKind, lock: LockId) -> bool {
    matches!(kind, EventKind::Acquire(taken, _) if *taken == lock)
}
