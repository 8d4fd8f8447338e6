//! Which interrupts matter at either end of the strong paths through a class, kept up to date as edges and
//! usages are added.
//!
//! Linux walks the whole graph behind and before every new dependency to see whether it connects an
//! irq-safe with an irq-unsafe class. Here each class carries the answer. With a walk's state at a class
//! being "arrived by N" or "arrived by R" (only E edges may follow), define
//!
//! * `before[v, s]`: the irqs in which some class at the start of a strong path that arrives at v in state
//!   s is used, counting only its writers if the path starts with S;
//! * `after[v, s]`: the irqs with which some class at the end of a strong path leaving v in state s is
//!   held, counting only its writers if the path ends with R.
//!
//! Both grow only, by at most two bits per class and state, so that all updates together cost at most a
//! constant per edge. The answers are exact for the edges on record; the search that follows a "yes" only
//! names the classes.

use ringfence_base::{ClassId, Read};

use crate::class::{Class, LockType};
use crate::dependency::{Kind, Kinds};
use crate::graph::{Direction, Graph};
use crate::usage::UsageMask;

/// Two bits (hard, soft) for each of the two states.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct States {
    /// Arrived by N.
    strong: u8,
    /// Arrived by R.
    weak: u8,
}

impl States {
    fn union(self, other: Self) -> Self {
        Self { strong: self.strong | other.strong, weak: self.weak | other.weak }
    }
}

/// Memory of the updates, kept between them.
#[derive(Default)]
pub(crate) struct Reach {
    queue: Vec<ClassId>,
}

/// What a class carries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Closure {
    before: States,
    after: States,
}

/// Irqs (bit 0 hard, bit 1 soft) in which the class itself is used, from the weak or strong end of a path.
fn used_in(class: &Class, weak: bool) -> u8 {
    class.usage.at_end(weak).irqs(UsageMask::USED_IN)
}

/// Irqs with which the class itself is held.
fn enabled(class: &Class, weak: bool) -> u8 {
    class.usage.at_end(weak).irqs(UsageMask::ENABLED)
}

/// `usage_skip()`: per-CPU locks and wait overrides carry no irq dependency.
fn carries_irq(class: &Class) -> bool {
    class.lock_type == LockType::Normal
}

impl Class {
    /// Irqs in which something at the start of a path to the class is used, itself included, if
    /// the path goes on from an acquisition that was shared or not.
    pub(crate) fn used_before(&self, read: Read) -> u8 {
        if !carries_irq(self) {
            return 0;
        }
        let before = self.closure.before;
        let shared = read.is_read();
        used_in(self, shared) | before.strong | if shared { 0 } else { before.weak }
    }

    /// Irqs with which something at the end of a path from the class is held, itself included,
    /// if the path arrives by this acquisition.
    pub(crate) fn enabled_after(&self, read: Read) -> u8 {
        if !carries_irq(self) {
            return 0;
        }
        let after = self.closure.after;
        let recursive = read == Read::Recursive;
        enabled(self, recursive) | if recursive { after.weak } else { after.strong }
    }

    /// What `before` of the far end gets through edges of these kinds.
    fn before_through(&self, kinds: Kinds) -> States {
        let mut through = States::default();
        for kind in kinds.iter() {
            let before = self.closure.before;
            let irqs =
                used_in(self, !kind.exclusive) | before.strong | if kind.exclusive { before.weak } else { 0 };
            *(if kind.recursive { &mut through.weak } else { &mut through.strong }) |= irqs;
        }
        through
    }

    /// What `after` of the near end gets through edges of these kinds.
    fn after_through(&self, kinds: Kinds) -> States {
        let mut through = States::default();
        for kind in kinds.iter() {
            let after = self.closure.after;
            let irqs = enabled(self, kind.recursive) | if kind.recursive { after.weak } else { after.strong };
            through.strong |= irqs;
            through.weak |= if kind.exclusive { irqs } else { 0 };
        }
        through
    }

    fn grow(&mut self, direction: Direction, by: States) -> bool {
        let entry = match direction {
            Direction::Forwards => &mut self.closure.before,
            Direction::Backwards => &mut self.closure.after,
        };
        let grown = entry.union(by);
        let changed = grown != *entry;
        *entry = grown;
        changed
    }
}

impl Reach {
    /// Takes a new edge, or a new kind of an old one, into account.
    pub(crate) fn add_edge(
        &mut self,
        graph: &Graph,
        classes: &mut [Class],
        from: ClassId,
        to: ClassId,
        kind: Kind,
    ) {
        if !carries_irq(&classes[from.index()]) || !carries_irq(&classes[to.index()]) {
            return;
        }
        let before = classes[from.index()].before_through(kind.set());
        if classes[to.index()].grow(Direction::Forwards, before) {
            self.spread(graph, classes, Direction::Forwards, to);
        }
        let after = classes[to.index()].after_through(kind.set());
        if classes[from.index()].grow(Direction::Backwards, after) {
            self.spread(graph, classes, Direction::Backwards, from);
        }
    }

    /// Takes new usage bits of a class into account.
    pub(crate) fn add_usage(
        &mut self,
        graph: &Graph,
        classes: &mut [Class],
        class: ClassId,
        added: UsageMask,
    ) {
        if !carries_irq(&classes[class.index()]) {
            return;
        }
        if !added.intersection(UsageMask::USED_IN).is_empty() {
            self.spread(graph, classes, Direction::Forwards, class);
        }
        if !added.intersection(UsageMask::ENABLED).is_empty() {
            self.spread(graph, classes, Direction::Backwards, class);
        }
    }

    /// Carries a change at `class` along the edges until nothing grows any more.
    fn spread(&mut self, graph: &Graph, classes: &mut [Class], direction: Direction, class: ClassId) {
        let mut queue = core::mem::take(&mut self.queue);
        queue.push(class);
        while let Some(class) = queue.pop() {
            let near = classes[class.index()];
            for (_, edge) in graph.edges(&near, direction) {
                let far = edge.far(direction);
                if !carries_irq(&classes[far.index()]) {
                    continue;
                }
                let by = match direction {
                    Direction::Forwards => near.before_through(edge.kinds),
                    Direction::Backwards => near.after_through(edge.kinds),
                };
                if classes[far.index()].grow(direction, by) {
                    queue.push(far);
                }
            }
        }
        self.queue = queue;
    }
}
