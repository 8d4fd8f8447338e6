//! An incremental topological order that stays sound under the read rules.
//!
//! Almost every new dependency agrees with the order that locks have been taken in so far; then nothing has
//! to be searched. Only one that runs against the order starts a search, and that search stays between the
//! two ends.
//!
//! **What is ordered.** The graph of classes is no good: `A -(ER)-> B -(SN)-> A` is a circle of classes but
//! can't block, and both edges are on record. So the order is over *states*: `(v, N)`, at v by an edge that
//! ends in N, or at the start; and `(v, R)`, at v by an edge that ends in R, after which only E edges may
//! follow. An edge u→v with kinds K gives
//!
//! * from `(u, N)`: to `(v, N)` if K has SN or EN, else to `(v, R)`;
//! * from `(u, R)`: to `(v, N)` if K has EN, else to `(v, R)` if K has ER, else nothing.
//!
//! (Where N is possible R is left out: everything that leaves `(v, R)` leaves `(v, N)` too.) A closed walk
//! of edges is strong, the wrap-around included, exactly if it lifts to a closed walk of states: the state
//! at a class is the end of the edge before it, and the edge after it is one that this state allows. So *a
//! new dependency closes a strong circle if and only if it closes a circle of states*, and as long as such
//! dependencies are reported and not recorded, the states stay acyclic and have a topological order.
//! `ringfence-reference` checks both directions against an enumeration of closed walks.
//!
//! **How it is kept.** Two-way search between the ends of the offending edge, as in Haeupler, Kavitha,
//! Mathew, Sen and Tarjan, "Incremental Cycle Detection, Topological Ordering, and Strong Component
//! Maintenance" (ACM TALG 8(1), 2012), §2–3; instead of their balanced stopping rule, whichever side runs
//! dry first ends the search and is the side that moves, which needs no more than twice the edges of the
//! smaller side. The list is [`OrderedList`].

use ringfence_base::ClassId;

use crate::class::Class;
use crate::dependency::{Kind, Kinds};
use crate::graph::{Direction, EdgeId, Graph};
use crate::ordered_list::OrderedList;

/// The new dependency would close a strong circle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClosesCircle;

/// A state: class times two, plus one if it was reached by R.
type State = u32;

fn state(class: ClassId, weak: bool) -> State {
    class.raw() << 1 | u32::from(weak)
}

fn class_of(state: State) -> ClassId {
    ClassId::from_raw(state >> 1)
}

fn is_weak(state: State) -> bool {
    state & 1 != 0
}

/// Where an edge of these kinds leads from a state: to a weak state or not, or nowhere.
fn target(kinds: Kinds, from_weak: bool) -> Option<bool> {
    let kinds = kinds.after(from_weak);
    (!kinds.is_empty()).then(|| kinds.ends_weak())
}

/// One side of the two-way search.
#[derive(Default)]
struct Side {
    reached: Vec<State>,
    /// States still to be expanded: an index into `reached`.
    front: usize,
    /// Next edge of the state at the front.
    cursor: Option<EdgeId>,
}

#[derive(Default)]
pub(crate) struct TopologicalOrder {
    list: OrderedList,
    /// Per state: `generation << 1 | side` of the search that reached it last.
    reached: Vec<u32>,
    generation: u32,
    forwards: Side,
    backwards: Side,
    /// Edges looked at by all searches.
    pub(crate) steps: u64,
}

enum Progress {
    Going,
    Dry,
    Circle,
}

impl TopologicalOrder {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.reached.clear();
        self.generation = 0;
        self.steps = 0;
    }

    /// A new class comes last. Its R state joins the order when an edge first needs it.
    pub(crate) fn add_class(&mut self, class: ClassId) {
        self.list.add_element();
        self.list.add_element();
        self.reached.extend([0, 0]);
        self.list.push_last(state(class, false));
    }

    /// Orders the states for a dependency that is about to be recorded.
    ///
    /// # Errors
    /// [`ClosesCircle`] if it would close a strong circle. The order is then still one of the graph without
    /// it.
    pub(crate) fn insert(
        &mut self,
        graph: &Graph,
        classes: &[Class],
        from: ClassId,
        to: ClassId,
        kind: Kind,
    ) -> Result<(), ClosesCircle> {
        if kind.recursive {
            self.activate_weak(graph, classes, to);
        }
        let kinds = kind.set();
        for from_weak in [false, true] {
            let source = state(from, from_weak);
            if let Some(weak) = target(kinds, from_weak)
                && self.list.contains(source)
            {
                self.order(graph, classes, source, state(to, weak))?;
            }
        }
        Ok(())
    }

    /// Brings the R state of a class into the order: right after the N state, then behind nothing and
    /// before all that an E edge leads to.
    fn activate_weak(&mut self, graph: &Graph, classes: &[Class], class: ClassId) {
        let weak = state(class, true);
        if self.list.contains(weak) {
            return;
        }
        self.list.insert_after(state(class, false), weak);
        for (_, edge) in graph.edges(&classes[class.index()], Direction::Forwards) {
            if let Some(to_weak) = target(edge.kinds, true) {
                let ordered = self.order(graph, classes, weak, state(edge.to, to_weak));
                assert!(ordered.is_ok(), "engine bug: a state that nothing leads to is on a circle");
            }
        }
    }

    /// Makes `source` come before `target`.
    fn order(
        &mut self,
        graph: &Graph,
        classes: &[Class],
        source: State,
        target: State,
    ) -> Result<(), ClosesCircle> {
        if source == target {
            return Err(ClosesCircle);
        }
        if self.list.label(source) < self.list.label(target) {
            return Ok(());
        }
        self.start(classes, source, target);
        loop {
            match self.advance(graph, classes, Direction::Backwards, source, target) {
                Progress::Going => {}
                Progress::Circle => return Err(ClosesCircle),
                Progress::Dry => {
                    self.move_before(target);
                    return Ok(());
                }
            }
            match self.advance(graph, classes, Direction::Forwards, source, target) {
                Progress::Going => {}
                Progress::Circle => return Err(ClosesCircle),
                Progress::Dry => {
                    self.move_after(source);
                    return Ok(());
                }
            }
        }
    }

    fn start(&mut self, classes: &[Class], source: State, target: State) {
        self.generation += 1;
        if self.generation >= 1 << 31 {
            self.reached.fill(0);
            self.generation = 1;
        }
        for (side, root, direction) in [
            (&mut self.forwards, target, Direction::Forwards),
            (&mut self.backwards, source, Direction::Backwards),
        ] {
            side.reached.clear();
            side.reached.push(root);
            side.front = 0;
            side.cursor = classes[class_of(root).index()].newest_edge(direction);
        }
        self.reached[target as usize] = self.generation << 1;
        self.reached[source as usize] = self.generation << 1 | 1;
    }

    /// Looks at one edge on one side.
    fn advance(
        &mut self,
        graph: &Graph,
        classes: &[Class],
        direction: Direction,
        source: State,
        goal: State,
    ) -> Progress {
        let side = match direction {
            Direction::Forwards => &mut self.forwards,
            Direction::Backwards => &mut self.backwards,
        };
        let Some(edge) = side.cursor else {
            side.front += 1;
            let Some(next) = side.reached.get(side.front) else { return Progress::Dry };
            side.cursor = classes[class_of(*next).index()].newest_edge(direction);
            return Progress::Going;
        };
        let at = side.reached[side.front];
        side.cursor = graph.older(edge, direction);
        self.steps += 1;
        let edge = graph.edge(edge);
        match direction {
            Direction::Forwards => {
                if let Some(weak) = target(edge.kinds, is_weak(at)) {
                    return self.reach(direction, state(edge.to, weak), source, goal);
                }
            }
            Direction::Backwards => {
                for from_weak in [false, true] {
                    let from = state(edge.from, from_weak);
                    if target(edge.kinds, from_weak) == Some(is_weak(at))
                        && self.list.contains(from)
                        && matches!(self.reach(direction, from, source, goal), Progress::Circle)
                    {
                        return Progress::Circle;
                    }
                }
            }
        }
        Progress::Going
    }

    /// Takes a state that an edge leads to, if it lies between the two ends.
    fn reach(&mut self, direction: Direction, at: State, source: State, goal: State) -> Progress {
        let label = self.list.label(at);
        let (end, inside, mark) = match direction {
            Direction::Forwards => (source, label < self.list.label(source), self.generation << 1),
            Direction::Backwards => (goal, label > self.list.label(goal), self.generation << 1 | 1),
        };
        let seen = self.reached[at as usize];
        if at == end || (inside && seen >> 1 == self.generation && seen != mark) {
            return Progress::Circle;
        }
        if inside && seen != mark {
            self.reached[at as usize] = mark;
            match direction {
                Direction::Forwards => self.forwards.reached.push(at),
                Direction::Backwards => self.backwards.reached.push(at),
            }
        }
        Progress::Going
    }

    /// Moves all that the backward side reached in front of `target`, in its own order.
    fn move_before(&mut self, target: State) {
        let mut moved = core::mem::take(&mut self.backwards.reached);
        moved.sort_unstable_by_key(|state| self.list.label(*state));
        for state in &moved {
            self.list.remove(*state);
            self.list.insert_before(target, *state);
        }
        self.backwards.reached = moved;
    }

    /// Moves all that the forward side reached behind `source`, in its own order.
    fn move_after(&mut self, source: State) {
        let mut moved = core::mem::take(&mut self.forwards.reached);
        moved.sort_unstable_by_key(|state| self.list.label(*state));
        for state in moved.iter().rev() {
            self.list.remove(*state);
            self.list.insert_after(source, *state);
        }
        self.forwards.reached = moved;
    }
}
