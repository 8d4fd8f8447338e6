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

#[derive(Default)]
pub(crate) struct Reach {
    classes: Vec<Closure>,
    queue: Vec<ClassId>,
}

/// What a class carries.
#[derive(Clone, Copy, Default)]
struct Closure {
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

impl Reach {
    pub(crate) fn clear(&mut self) {
        self.classes.clear();
    }

    pub(crate) fn add_class(&mut self) {
        self.classes.push(Closure::default());
    }

    /// Irqs in which something at the start of a path to `class` is used, the class itself included, if
    /// the path goes on from an acquisition that was shared or not.
    pub(crate) fn used_before(&self, classes: &[Class], class: ClassId, read: Read) -> u8 {
        let entry = &classes[class.index()];
        if !carries_irq(entry) {
            return 0;
        }
        let before = self.classes[class.index()].before;
        let shared = read.is_read();
        used_in(entry, shared) | before.strong | if shared { 0 } else { before.weak }
    }

    /// Irqs with which something at the end of a path from `class` is held, the class itself included,
    /// if the path arrives by this acquisition.
    pub(crate) fn enabled_after(&self, classes: &[Class], class: ClassId, read: Read) -> u8 {
        let entry = &classes[class.index()];
        if !carries_irq(entry) {
            return 0;
        }
        let after = self.classes[class.index()].after;
        let recursive = read == Read::Recursive;
        enabled(entry, recursive) | if recursive { after.weak } else { after.strong }
    }

    /// Takes a new edge, or a new kind of an old one, into account.
    pub(crate) fn add_edge(
        &mut self,
        graph: &Graph,
        classes: &[Class],
        from: ClassId,
        to: ClassId,
        kind: Kind,
    ) {
        let (source, target) = (&classes[from.index()], &classes[to.index()]);
        if !carries_irq(source) || !carries_irq(target) {
            return;
        }
        let before = self.before_through(source, from, kind.set());
        if self.grow(Direction::Forwards, to, before) {
            self.spread(graph, classes, Direction::Forwards, to);
        }
        let after = self.after_through(target, to, kind.set());
        if self.grow(Direction::Backwards, from, after) {
            self.spread(graph, classes, Direction::Backwards, from);
        }
    }

    /// Takes new usage bits of a class into account.
    pub(crate) fn add_usage(&mut self, graph: &Graph, classes: &[Class], class: ClassId, added: UsageMask) {
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

    /// What `before` of the far end gets through edges of these kinds.
    fn before_through(&self, source: &Class, from: ClassId, kinds: Kinds) -> States {
        let mut through = States::default();
        for kind in kinds.iter() {
            let before = self.classes[from.index()].before;
            let irqs = used_in(source, !kind.exclusive)
                | before.strong
                | if kind.exclusive { before.weak } else { 0 };
            *(if kind.recursive { &mut through.weak } else { &mut through.strong }) |= irqs;
        }
        through
    }

    /// What `after` of the near end gets through edges of these kinds.
    fn after_through(&self, target: &Class, to: ClassId, kinds: Kinds) -> States {
        let mut through = States::default();
        for kind in kinds.iter() {
            let after = self.classes[to.index()].after;
            let irqs =
                enabled(target, kind.recursive) | if kind.recursive { after.weak } else { after.strong };
            through.strong |= irqs;
            through.weak |= if kind.exclusive { irqs } else { 0 };
        }
        through
    }

    fn grow(&mut self, direction: Direction, class: ClassId, by: States) -> bool {
        let closure = &mut self.classes[class.index()];
        let entry = match direction {
            Direction::Forwards => &mut closure.before,
            Direction::Backwards => &mut closure.after,
        };
        let grown = entry.union(by);
        let changed = grown != *entry;
        *entry = grown;
        changed
    }

    /// Carries a change at `class` along the edges until nothing grows any more.
    fn spread(&mut self, graph: &Graph, classes: &[Class], direction: Direction, class: ClassId) {
        let mut queue = core::mem::take(&mut self.queue);
        queue.push(class);
        while let Some(class) = queue.pop() {
            for (_, edge) in graph.edges(class, direction) {
                let far = edge.far(direction);
                if !carries_irq(&classes[far.index()]) {
                    continue;
                }
                let by = match direction {
                    Direction::Forwards => self.before_through(&classes[class.index()], class, edge.kinds),
                    Direction::Backwards => self.after_through(&classes[class.index()], class, edge.kinds),
                };
                if self.grow(direction, far, by) {
                    queue.push(far);
                }
            }
        }
        self.queue = queue;
    }
}
