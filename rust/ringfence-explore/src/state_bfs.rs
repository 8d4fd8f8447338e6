//! Exhaustive search over states, breadth first: whatever it meets, it has met on a shortest way.

use ringfence_base::{Action, End, Stateful};

use crate::execution::{Noting, Trail};
use crate::seen::Seen;
use crate::state_search::{ASK_EVERY, Outcomes, Path, VisitStates};
use crate::summary::{Budget, Stop, Summary};

/// Goes through all states that can be reached, those with fewer steps first. What `seen` holds already is not gone
/// through.
///
/// Keeps whole the states of two layers, those with one number of steps and with one more, and of each state how it was
/// reached, in about ten bytes. The share is that of the states found so far that were gone through; most are still
/// to be found early on.
pub fn states_breadth_first<S: Stateful>(
    system: &mut S,
    seen: &mut impl Seen<S>,
    budget: Budget<'_>,
    visit: &mut impl VisitStates<S>,
) -> Summary {
    let mut search = Search::<S> {
        now: Layer::default(),
        next: Layer::default(),
        nodes: Nodes::default(),
        actions: Vec::new(),
        outcomes: Outcomes::default(),
        step: Trail::default(),
        gone_through: 0,
        summary: Summary::default(),
    };
    let stopped = search.run(system, seen, budget, visit);
    search.summary.stopped = stopped.or((search.summary.bounded > 0).then_some(Stop::Steps));
    search.tell(seen);
    search.summary
}

/// How each state was reached: from which other, by which choices.
#[derive(Default)]
struct Nodes {
    parents: Vec<u32>,
    /// Where the choices end; they begin where those of the node before end.
    ends: Vec<u32>,
    /// Seven bits per byte, the low ones first; the eighth says that more follow.
    choices: Vec<u8>,
}

/// The first state has none before it.
const NONE: u32 = u32::MAX;

impl Nodes {
    fn add(&mut self, parent: u32, choices: &[u32]) -> u32 {
        for &choice in choices {
            let mut rest = choice;
            while rest >= 0x80 {
                self.choices.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            self.choices.push(rest as u8);
        }
        self.parents.push(parent);
        self.ends.push(self.choices.len() as u32);
        self.parents.len() as u32 - 1
    }

    /// One more might not be numbered any more.
    fn is_full(&self) -> bool {
        self.parents.len() >= NONE as usize - 1 || self.choices.len() >= (u32::MAX / 2) as usize
    }

    /// The choices that lead to a node, and behind it.
    fn trail(&self, mut node: u32, step: &Trail) -> Trail {
        let mut backwards: Vec<u32> = step.choices.iter().rev().copied().collect();
        let mut steps = step.steps;
        while self.parents[node as usize] != NONE {
            let begin = self.ends[node as usize - 1] as usize;
            let mut bytes = self.choices[begin..self.ends[node as usize] as usize].iter().rev().peekable();
            // Read from behind: the first byte has no further ones behind it.
            while let Some(&last) = bytes.next() {
                let mut choice = u32::from(last);
                while let Some(&&more) = bytes.peek()
                    && more & 0x80 != 0
                {
                    choice = choice << 7 | u32::from(more & 0x7f);
                    bytes.next();
                }
                backwards.push(choice);
            }
            steps += 1;
            node = self.parents[node as usize];
        }
        backwards.reverse();
        Trail { choices: backwards, steps }
    }

    fn memory(&self) -> u64 {
        (self.parents.capacity() * 8 + self.choices.capacity()) as u64
    }
}

/// The way to a node, and one step more.
struct Way<'a> {
    nodes: &'a Nodes,
    node: u32,
    step: &'a Trail,
}

impl Path for Way<'_> {
    fn trail(&self) -> Trail {
        self.nodes.trail(self.node, self.step)
    }
}

/// States with one number of steps.
struct Layer<T> {
    /// With their nodes; behind those of the layer, memory to be used again.
    states: Vec<(T, u32)>,
    live: usize,
    /// Bytes of all of them, about.
    bytes: u64,
}

impl<T> Default for Layer<T> {
    fn default() -> Self {
        Self { states: Vec::new(), live: 0, bytes: 0 }
    }
}

impl<T> Layer<T> {
    #[inline]
    fn keep<S: Stateful<State = T>>(&mut self, system: &S, node: u32) {
        if let Some(kept) = self.states.get_mut(self.live) {
            system.save(&mut kept.0);
            kept.1 = node;
        } else {
            let state = system.state();
            self.bytes += (S::state_bytes(&state) + size_of::<u32>()) as u64;
            self.states.push((state, node));
        }
        self.live += 1;
    }
}

struct Search<S: Stateful> {
    now: Layer<S::State>,
    next: Layer<S::State>,
    nodes: Nodes,
    actions: Vec<Action>,
    outcomes: Outcomes,
    /// The choices of one step.
    step: Trail,
    gone_through: u64,
    summary: Summary,
}

impl<S: Stateful> Search<S> {
    fn run(
        &mut self,
        system: &mut S,
        seen: &mut impl Seen<S>,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Option<Stop> {
        system.restart();
        if seen.insert(system) {
            let first = self.nodes.add(NONE, &[]);
            self.next.keep(system, first);
        }
        let mut depth = 0;
        while self.next.live > 0 {
            core::mem::swap(&mut self.now, &mut self.next);
            self.next.live = 0;
            for at in 0..self.now.live {
                let bound = depth >= budget.execution.steps_max;
                if let Err(stop) = self.expand(system, at, bound, seen, budget, visit) {
                    return Some(stop);
                }
                self.gone_through += 1;
            }
            depth += 1;
        }
        None
    }

    /// Goes through one state.
    #[inline]
    fn expand(
        &mut self,
        system: &mut S,
        at: usize,
        bound: bool,
        seen: &mut impl Seen<S>,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Result<(), Stop> {
        let node = self.now.states[at].1;
        system.load(&self.now.states[at].0);
        system.enabled(&mut self.actions);
        if self.actions.is_empty() || bound {
            let end = if self.actions.is_empty() { system.over() } else { End::Bound };
            return self.end(system, node, end, budget, visit);
        }
        // Whether the system is in the state that is gone through.
        let mut there = true;
        for pick in 0..self.actions.len() {
            let action = self.actions[pick];
            loop {
                if !there {
                    system.load(&self.now.states[at].0);
                }
                there = false;
                self.take(system, action, pick);
                self.arrived(system, node, action, seen, budget, visit)?;
                if !self.outcomes.advance() {
                    break;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn take(&mut self, system: &mut S, action: Action, pick: usize) {
        self.step.clear();
        self.step.note(pick, self.actions.len());
        self.step.steps = 1;
        self.outcomes.again();
        system.step(action, &mut Noting { decide: &mut self.outcomes, trail: &mut self.step });
        self.summary.steps += 1;
    }

    #[inline]
    fn arrived(
        &mut self,
        system: &mut S,
        from: u32,
        action: Action,
        seen: &mut impl Seen<S>,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Result<(), Stop> {
        if !visit.step(system, action, &Way { nodes: &self.nodes, node: from, step: &self.step }) {
            return Err(Stop::Visitor);
        }
        if self.summary.steps.is_multiple_of(ASK_EVERY) {
            if budget.execution.go_on.is_some_and(|go_on| !go_on()) {
                return Err(Stop::Interrupted);
            }
            self.tell(seen);
            visit.progress(&self.summary);
        }
        if seen.growth() + self.memory(seen) > budget.memory_max || self.nodes.is_full() {
            return Err(Stop::Memory);
        }
        if seen.insert(system) {
            let node = self.nodes.add(from, &self.step.choices);
            self.next.keep(system, node);
        }
        Ok(())
    }

    fn end(
        &mut self,
        system: &mut S,
        node: u32,
        end: End,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Result<(), Stop> {
        if self.summary.executions == budget.executions_max {
            return Err(Stop::Executions);
        }
        self.summary.executions += 1;
        self.summary.bounded += u64::from(end == End::Bound);
        let trail = self.nodes.trail(node, &Trail::default());
        if !visit.execution(system, &trail, end) {
            return Err(Stop::Visitor);
        }
        Ok(())
    }

    fn memory(&self, seen: &impl Seen<S>) -> u64 {
        seen.memory() + self.nodes.memory() + self.now.bytes + self.next.bytes
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn tell(&mut self, seen: &impl Seen<S>) {
        let found = self.nodes.parents.len();
        self.summary.states = Some(seen.len() as u64);
        self.summary.memory = self.memory(seen);
        self.summary.share = self.gone_through as f64 / found.max(1) as f64;
    }
}
