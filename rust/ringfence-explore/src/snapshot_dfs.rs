//! Depth-first search that goes back to kept states instead of running again what it has run.

use core::ops::ControlFlow;

use ringfence_base::{Action, End, Stateful};

use crate::choice_tree::{Bound, ChoiceTree};
use crate::dfs::Count;
use crate::execution::{Noting, Trail, Visit};
use crate::strategy::Strategy;
use crate::subtree::Subtree;
use crate::summary::{Budget, Stop, Summary};

/// As [`Dfs`](crate::Dfs): the same executions in the same order.
///
/// The state is kept at each choice of the schedule that can still be made otherwise. Once that takes more memory than
/// the budget allows, no more are kept, and the way from the latest one is run again.
#[derive(Clone, Debug)]
pub struct SnapshotDfs<S: Stateful> {
    tree: ChoiceTree,
    count: Count,
    actions: Vec<Action>,
    trail: Trail,
    /// Those of the branch, the first one first; behind them, memory to be used again.
    kept: Vec<Kept<S::State>>,
    /// How many are of the branch.
    live: usize,
    /// Bytes that all of them take, about.
    bytes: u64,
}

/// A state on the branch.
#[derive(Clone, Debug)]
struct Kept<T> {
    state: T,
    /// How many choices lead to it.
    at: usize,
    /// And how many steps.
    steps: u64,
}

impl<S: Stateful> SnapshotDfs<S> {
    /// Of all executions within the bound.
    pub fn new(bound: Bound) -> Self {
        Self::of(bound, &Subtree::all())
    }

    /// Of those of them that are in the subtree.
    pub fn of(bound: Bound, subtree: &Subtree) -> Self {
        Self {
            tree: ChoiceTree::new(bound, subtree.choices().to_vec()),
            count: Count::new(0),
            actions: Vec::new(),
            trail: Trail::default(),
            kept: Vec::new(),
            live: 0,
            bytes: 0,
        }
    }

    /// Goes on until everything is seen or the budget is spent. The summary is that of the whole search.
    pub fn run(&mut self, system: &mut S, budget: Budget<'_>, visit: &mut impl Visit<S>) -> Summary {
        let stopped = loop {
            if let ControlFlow::Break(stopped) = self.count.before(&self.tree, budget) {
                break stopped;
            }
            let from = self.go_back(system);
            let end = self.execution(system, budget);
            self.count.steps += self.trail.steps - from;
            if end == End::Interrupted {
                break Some(Stop::Interrupted);
            }
            let trail = &self.trail;
            if !self.count.after(&mut self.tree, end, &mut || visit.execution(system, trail, end)) {
                break Some(Stop::Visitor);
            }
        };
        self.count.summary(&self.tree, self.bytes, stopped)
    }

    /// The share of all executions that were seen, if all possibilities of a choice weigh the same.
    pub fn share(&self) -> f64 {
        self.tree.share()
    }

    /// To the latest kept state of the branch, or the start. Returns how many steps lead there.
    #[inline]
    fn go_back(&mut self, system: &mut S) -> u64 {
        // The choice behind a kept state is on the branch, or the state is of another one.
        let choices = self.tree.length();
        while self.live > 0 && self.kept[self.live - 1].at >= choices {
            self.live -= 1;
        }
        let Some(kept) = self.kept[..self.live].last() else {
            system.restart();
            self.tree.restart();
            self.trail.clear();
            return 0;
        };
        system.load(&kept.state);
        self.tree.rewind(kept.at);
        self.trail.choices.truncate(kept.at);
        self.trail.steps = kept.steps;
        kept.steps
    }

    #[inline]
    fn execution(&mut self, system: &mut S, budget: Budget<'_>) -> End {
        loop {
            system.enabled(&mut self.actions);
            if self.actions.is_empty() {
                return system.over();
            }
            if let Some(end) = budget.execution.end(self.trail.steps) {
                return end;
            }
            let options = self.actions.len();
            let action = if options == 1 {
                self.tree.follow(self.actions[0]);
                self.actions[0]
            } else {
                let new = self.tree.is_new();
                let pick = self.tree.schedule(&self.actions);
                if new && self.tree.forks() {
                    self.keep(system, budget.memory_max);
                }
                self.trail.note(pick, options);
                self.actions[pick]
            };
            system.step(action, &mut Noting { decide: &mut self.tree, trail: &mut self.trail });
            self.trail.steps += 1;
        }
    }

    /// Keeps the present state, to which all but the latest choice lead.
    #[inline]
    fn keep(&mut self, system: &S, memory_max: u64) {
        let (at, steps) = (self.tree.at() - 1, self.trail.steps);
        if let Some(kept) = self.kept.get_mut(self.live) {
            system.save(&mut kept.state);
            (kept.at, kept.steps) = (at, steps);
            self.live += 1;
            return;
        }
        if self.bytes + self.tree.memory() >= memory_max {
            return;
        }
        let state = system.state();
        self.bytes += (S::state_bytes(&state) + size_of::<Kept<()>>()) as u64;
        self.kept.push(Kept { state, at, steps });
        self.live += 1;
    }
}
