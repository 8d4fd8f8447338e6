//! Breadth-first search along strong paths (`__bfs()`), in two markings.
//!
//! A visit is a class together with whether the path that led there is weak at this end: forwards, it ends
//! only in R; backwards, it starts only with S. [`Marking::Exact`] marks pairs of both, after the weak
//! edges are dropped, and so finds a strong path whenever there is one: a suffix that can follow a weak
//! visit can follow any visit, and nothing else about the way there matters. [`Marking::Kernel`] marks the
//! class alone and before weak edges are dropped, as Linux does, and therefore misses some.

use ringfence_base::ClassId;

use crate::class::Class;
use crate::dependency::Kinds;
use crate::graph::{Direction, EdgeId, Graph};

/// How visits are marked, and which edges there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Marking {
    /// As Linux, over the edges Linux has.
    Kernel,
    /// Complete, over the edges Linux has.
    ExactOverKernelEdges,
    /// Complete, over all edges.
    Exact,
}

/// A class reached by the search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) class: ClassId,
    /// The path is weak at this end.
    pub(crate) weak: bool,
}

/// One step of a found path, from the root outwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PathStep {
    pub(crate) edge: EdgeId,
    /// The kinds that the strong-path rule leaves at this step.
    pub(crate) kinds: Kinds,
}

/// What the search does with a class it reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Found.
    Match,
    /// Go on through it.
    Expand,
    /// Don't go through it.
    Skip,
}

/// An entry of the search's queue.
#[derive(Clone, Copy)]
struct Entry {
    class: ClassId,
    parent: u32,
    /// Edge by which it was reached; meaningless for the root.
    edge: EdgeId,
    kinds: Kinds,
    weak: bool,
}

const ROOT: u32 = u32::MAX;

/// Memory of the search, kept between searches.
#[derive(Default)]
pub(crate) struct Search {
    queue: Vec<Entry>,
    /// Per class: the search that visited it last, `generation << 2 | visited weak << 1 | strong`.
    visited: Vec<u32>,
    generation: u32,
}

const STRONG: u32 = 1;
const WEAK: u32 = 2;

impl Search {
    /// The shortest strong path from `root` to a class for which `visit` answers [`Step::Match`], as the
    /// steps from the root outwards (none if the root itself matches); `None` if there is none.
    pub(crate) fn find(
        &mut self,
        graph: &Graph,
        classes: &[Class],
        root: Visit,
        direction: Direction,
        marking: Marking,
        mut visit: impl FnMut(Visit) -> Step,
    ) -> Option<Vec<PathStep>> {
        self.start(root);
        let mut front = 0;
        while front < self.queue.len() {
            let at = front as u32;
            let mut entry = self.queue[front];
            front += 1;
            if marking == Marking::Kernel && !self.mark(entry.class, STRONG) {
                continue;
            }
            if entry.parent != ROOT {
                let weak = self.queue[entry.parent as usize].weak;
                entry.kinds = match direction {
                    Direction::Forwards => entry.kinds.after(weak),
                    Direction::Backwards => entry.kinds.before(weak),
                };
                if entry.kinds.is_empty() {
                    continue;
                }
                entry.weak = match direction {
                    Direction::Forwards => entry.kinds.ends_weak(),
                    Direction::Backwards => entry.kinds.starts_weak(),
                };
                self.queue[at as usize] = entry;
            }
            // A visit that is not weak can go on wherever a weak one can.
            if marking != Marking::Kernel
                && !self.mark(entry.class, if entry.weak { WEAK } else { STRONG | WEAK })
            {
                continue;
            }
            match visit(Visit { class: entry.class, weak: entry.weak }) {
                Step::Match => return Some(self.path(at)),
                Step::Skip => continue,
                Step::Expand => {}
            }
            let children = self.queue.len();
            for (edge, data) in graph.edges(&classes[entry.class.index()], direction) {
                if marking == Marking::Exact || data.unknown_to_kernel.is_none() {
                    let class = data.far(direction);
                    self.queue.push(Entry { class, parent: at, edge, kinds: data.kinds, weak: false });
                }
            }
            // In the order in which the dependencies were met: the kernel's verdict may depend on it.
            self.queue[children..].reverse();
        }
        None
    }

    fn start(&mut self, root: Visit) {
        self.queue.clear();
        let root = Entry {
            class: root.class,
            parent: ROOT,
            edge: EdgeId(0),
            kinds: Kinds::default(),
            weak: root.weak,
        };
        self.queue.push(root);
        self.generation += 1;
        if self.generation >= 1 << 30 {
            self.visited.fill(0);
            self.generation = 1;
        }
    }

    /// Marks the class; false if all of `states` was marked before.
    fn mark(&mut self, class: ClassId, states: u32) -> bool {
        if self.visited.len() <= class.index() {
            self.visited.resize(class.index() + 1, 0);
        }
        let entry = &mut self.visited[class.index()];
        if *entry >> 2 != self.generation {
            *entry = self.generation << 2;
        }
        // Reaching a class weakly adds nothing once it was reached either way.
        let wanted = if states == WEAK { WEAK } else { STRONG };
        let fresh = *entry & wanted == 0;
        *entry |= states;
        fresh
    }

    fn path(&self, mut at: u32) -> Vec<PathStep> {
        let mut path = Vec::new();
        loop {
            let entry = &self.queue[at as usize];
            if entry.parent == ROOT {
                break;
            }
            path.push(PathStep { edge: entry.edge, kinds: entry.kinds });
            at = entry.parent;
        }
        path.reverse();
        path
    }
}
