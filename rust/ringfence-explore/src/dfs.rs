//! Depth-first search over all choices, without reduction: the judge of the searches that leave something out.
//!
//! Stateless, as CHESS does it: each execution begins anew, follows the branch of the one before up to the last choice
//! that can still be made otherwise, and makes it otherwise. Where the system's state can be kept,
//! [`SnapshotDfs`](crate::SnapshotDfs) sees the same executions in the same order, faster.

use core::ops::ControlFlow;

use ringfence_base::{End, System};

use crate::choice_tree::{Bound, ChoiceTree};
use crate::execution::{Runner, Visit};
use crate::subtree::Subtree;
use crate::summary::{Budget, Stop, Summary};

/// A depth-first search. It can be stopped between any two executions and gone on with.
#[derive(Clone, Debug)]
pub struct Dfs {
    tree: ChoiceTree,
    runner: Runner,
    count: Count,
}

impl Dfs {
    /// Of all executions within the bound.
    pub fn new(bound: Bound) -> Self {
        Self::of(bound, &Subtree::all())
    }

    /// Of those of them that are in the subtree.
    pub fn of(bound: Bound, subtree: &Subtree) -> Self {
        Self::from_deviations(bound, subtree, 0)
    }

    /// Of those that deviate so many times at least. The others are run, but not told of.
    pub(crate) fn from_deviations(bound: Bound, subtree: &Subtree, least: u32) -> Self {
        let tree = ChoiceTree::new(bound, subtree.choices().to_vec());
        Self { tree, runner: Runner::default(), count: Count::new(least) }
    }

    /// Goes on until everything is seen or the budget is spent. The summary is that of the whole search.
    pub fn run<S: System>(
        &mut self,
        system: &mut S,
        budget: Budget<'_>,
        visit: &mut impl Visit<S>,
    ) -> Summary {
        let Self { tree, runner, count } = self;
        let stopped = loop {
            if let ControlFlow::Break(stopped) = count.before(tree, budget) {
                break stopped;
            }
            tree.restart();
            let end = runner.run(system, tree, budget.execution, &mut ());
            count.steps += runner.trail().steps;
            if end == End::Interrupted {
                break Some(Stop::Interrupted);
            }
            if !count.after(tree, end, &mut || visit.execution(system, runner.trail(), end)) {
                break Some(Stop::Visitor);
            }
        };
        count.summary(tree, 0, stopped)
    }

    /// The share of all executions that were seen, if all possibilities of a choice weigh the same.
    pub fn share(&self) -> f64 {
        self.tree.share()
    }

    /// Something was left out because of the bound.
    pub(crate) fn cut(&self) -> bool {
        self.tree.cut()
    }
}

/// What a depth-first search has done, and how it goes from one execution to the next.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) executions: u64,
    pub(crate) bounded: u64,
    pub(crate) steps: u64,
    /// Executions with fewer deviations are not told of.
    least: u32,
    /// The number of steps at which whoever wants it is asked again.
    ask_at: u64,
}

/// Steps between two questions whether the search is still wanted.
const ASK_EVERY: u64 = 4096;

impl Count {
    pub(crate) fn new(least: u32) -> Self {
        Self { executions: 0, bounded: 0, steps: 0, least, ask_at: ASK_EVERY }
    }

    /// Whether the search ends before the next execution: with the reason, if it has not seen everything.
    #[inline]
    pub(crate) fn before(&mut self, tree: &ChoiceTree, budget: Budget<'_>) -> ControlFlow<Option<Stop>> {
        if tree.exhausted() {
            return ControlFlow::Break(if self.bounded > 0 {
                Some(Stop::Steps)
            } else {
                tree.cut().then_some(Stop::Deviations)
            });
        }
        if self.executions >= budget.executions_max {
            return ControlFlow::Break(Some(Stop::Executions));
        }
        if self.steps >= self.ask_at {
            self.ask_at = self.steps + ASK_EVERY;
            if budget.execution.go_on.is_some_and(|go_on| !go_on()) {
                return ControlFlow::Break(Some(Stop::Interrupted));
            }
            if tree.memory() > budget.memory_max {
                return ControlFlow::Break(Some(Stop::Memory));
            }
        }
        ControlFlow::Continue(())
    }

    /// The branch was run to its end, which `tell` tells of. Whether to go on.
    #[inline]
    pub(crate) fn after(&mut self, tree: &mut ChoiceTree, end: End, tell: &mut impl FnMut() -> bool) -> bool {
        let mut go_on = true;
        if tree.spent() >= self.least {
            self.executions += 1;
            self.bounded += u64::from(end == End::Bound);
            go_on = tell();
        }
        tree.advance();
        go_on
    }

    pub(crate) fn summary(&self, tree: &ChoiceTree, memory: u64, stopped: Option<Stop>) -> Summary {
        Summary {
            executions: self.executions,
            bounded: self.bounded,
            blocked: 0,
            steps: self.steps,
            states: None,
            share: tree.share(),
            memory: tree.memory() + memory,
            stopped,
        }
    }
}
