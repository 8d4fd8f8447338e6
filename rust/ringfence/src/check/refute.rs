//! Why a predicted circle of locks cannot close, when every execution there is has been looked at.

use std::collections::BTreeSet;

use ringfence_base::scenario::{Object, ObjectKind};
use ringfence_base::{Action, Decide, Dependent, End, EventKind, Footprint, System};
use ringfence_diag::{Link, LockFinding, LockReportKind, PlaceView};
use ringfence_model::{Held, Plan, World};

use super::describe::Describe;
use super::execution::Executor;

/// Whether an exhaustive search can refute a report: it is about locks that contexts of the scenario really wait for.
/// Annotations, and the locks inside fences and schedulers, stand for what others may do.
pub(super) fn refutable(plan: &Plan, lock: &LockFinding) -> bool {
    let circle = lock.kind == LockReportKind::Circular;
    let declared =
        |name: &str| plan.scenario().objects.iter().any(|object| class_of(object) == Some(plain(name)));
    let links = &lock.report.links;
    let declared_links = || links.iter().all(|link| declared(&link.from.name) && declared(&link.to.name));
    circle && declared(&lock.report.lock.class.name) && declared_links()
}

/// The class of a lock that the scenario declares.
fn class_of(object: &Object) -> Option<&str> {
    use ObjectKind::{Mutex, RawSpinlock, Rwlock, Rwsem, Spinlock};
    match &object.kind {
        Mutex { class } | Rwsem { class } | Spinlock { class } | RawSpinlock { class } | Rwlock { class } => {
            Some(class.as_deref().unwrap_or(&object.name))
        }
        _ => None,
    }
}

/// What every execution had in common that keeps the circle from closing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// One thread takes all the locks, one after the other. That refutes nothing: what one thread of the scenario
    /// does, two can do at the same time in the kernel.
    OneThread(String),
    /// One worker, or interrupt, takes all the locks, one after the other.
    OneContext(String),
    /// Whoever takes one of the locks holds this one.
    Guard(String),
    /// Two of the locks are never held at the same time in the manner that the circle needs.
    NeverTogether(String, String),
    /// None of these.
    Unknown,
}

impl Reason {
    /// For a note.
    pub(super) fn text(&self) -> String {
        match self {
            Self::OneThread(thread) => {
                format!(
                    "here only {thread} takes these locks; two threads that do so at the same time can hang"
                )
            }
            Self::OneContext(context) => {
                format!("it cannot happen here: {context} takes all these locks, and nobody else does")
            }
            Self::Guard(lock) => format!("it cannot happen here: whoever takes these locks holds {lock}"),
            Self::NeverTogether(one, other) => {
                format!(
                    "it cannot happen here: {one} and {other} are never held at the same time on this circle"
                )
            }
            Self::Unknown => "it cannot happen here: no execution there is closes the circle".to_owned(),
        }
    }
}

/// An executor under the eyes of somebody who looks for the reason.
pub(super) struct Observed<'p, 'l> {
    executor: Executor<'p>,
    plan: &'p Plan,
    links: &'l [Link],
    /// Per link: locks that were held whenever its second lock was taken.
    guards: Vec<Option<BTreeSet<u32>>>,
    /// Per link: contexts that took its second lock with the first one held.
    contexts: Vec<BTreeSet<u32>>,
    /// Pairs of links whose first locks were held by two contexts at the same time.
    together: BTreeSet<(usize, usize)>,
    /// Per link: who holds its first lock, taken where it says, at the moment.
    holders: Vec<Vec<u32>>,
}

impl<'p, 'l> Observed<'p, 'l> {
    pub(super) fn new(executor: Executor<'p>, plan: &'p Plan, lock: &'l LockFinding) -> Self {
        let links = lock.report.links.as_slice();
        Self {
            executor,
            plan,
            links,
            guards: vec![None; links.len()],
            contexts: vec![BTreeSet::new(); links.len()],
            together: BTreeSet::new(),
            holders: vec![Vec::new(); links.len()],
        }
    }

    /// What all executions so far had in common.
    pub(super) fn reason(&self) -> Reason {
        let contexts: BTreeSet<u32> = self.contexts.iter().flatten().copied().collect();
        let describe = Describe { plan: self.plan };
        if let (1, Some(&only)) = (contexts.len(), contexts.first()) {
            let is_thread = (only as usize) < self.plan.scenario().threads.len();
            let one = if is_thread { Reason::OneThread } else { Reason::OneContext };
            return one(describe.context(only));
        }
        let guards = self.guards.iter().flatten().cloned().reduce(|a, b| &a & &b);
        if let Some(&guard) = guards.as_ref().and_then(BTreeSet::first) {
            return Reason::Guard(self.plan.lock_name(self.executor.world(), guard));
        }
        for one in 0..self.links.len() {
            for other in one + 1..self.links.len() {
                if !self.together.contains(&(one, other)) {
                    let name = |link: usize| self.links[link].from.name.clone();
                    return Reason::NeverTogether(name(one), name(other));
                }
            }
        }
        Reason::Unknown
    }

    fn is_at(&self, site: ringfence_base::SiteId, place: &PlaceView) -> bool {
        let location = self.plan.scenario().site(site);
        location.is_some_and(|location| {
            place.file.as_deref() == Some(&*location.file) && place.line == Some(location.line)
        })
    }

    fn holds_first(&self, world: &World, link: &Link, held: &Held) -> bool {
        let class = world.locks().class(held.lock);
        self.plan.classes()[class as usize].name == plain(&link.from.name)
            && self.is_at(held.site, &link.held_at)
    }

    fn look(&mut self) {
        let world = self.executor.world();
        for event in self.executor.events() {
            let EventKind::Acquire(lock, _) = event.kind else { continue };
            let class = &self.plan.classes()[world.locks().class(lock.raw()) as usize].name;
            for (number, link) in self.links.iter().enumerate() {
                if class != plain(&link.to.name) || !self.is_at(event.origin.site, &link.taken_at) {
                    continue;
                }
                let held = world.threads()[event.origin.task.index()].held();
                if !held.iter().any(|held| self.holds_first(world, link, held)) {
                    continue;
                }
                let cycle = |held: &Held| {
                    let name = &self.plan.classes()[world.locks().class(held.lock) as usize].name;
                    self.links
                        .iter()
                        .any(|link| plain(&link.from.name) == name || plain(&link.to.name) == name)
                };
                let others: BTreeSet<u32> =
                    held.iter().filter(|held| !held.shared && !cycle(held)).map(|held| held.lock).collect();
                let known = self.guards[number].take();
                self.guards[number] = Some(known.map_or_else(|| others.clone(), |known| &known & &others));
                self.contexts[number].insert(event.origin.task.raw());
            }
        }
        self.hold_together();
    }

    fn hold_together(&mut self) {
        let world = self.executor.world();
        let mut holders = std::mem::take(&mut self.holders);
        for (number, link) in self.links.iter().enumerate() {
            let holds = |task: &u32| {
                world.threads()[*task as usize].held().iter().any(|held| self.holds_first(world, link, held))
            };
            holders[number].clear();
            holders[number].extend((0..world.threads().len() as u32).filter(holds));
        }
        for one in 0..holders.len() {
            for other in one + 1..holders.len() {
                if holders[one].iter().any(|task| holders[other].iter().any(|second| second != task)) {
                    self.together.insert((one, other));
                }
            }
        }
        self.holders = holders;
    }
}

/// A class's name without its number and subclass.
fn plain(name: &str) -> &str {
    name.split(['#', '/']).next().unwrap_or(name)
}

impl System for Observed<'_, '_> {
    fn restart(&mut self) {
        self.executor.restart();
    }

    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.executor.enabled(actions);
    }

    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.executor.step(action, decide);
        self.look();
    }

    fn over(&mut self) -> End {
        self.executor.over()
    }
}

impl Dependent for Observed<'_, '_> {
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
