//! Exhaustive search that tells states apart: what all searches over states have in common.

use ringfence_base::{Action, ChoiceKind, Decide, End};

use crate::execution::{Trail, Visit};
use crate::summary::Summary;

/// How a state was reached.
pub trait Path {
    /// The choices and steps that lead there. Made when it is asked for.
    fn trail(&self) -> Trail;
}

/// Is told of what a search over states meets: of each state in which nothing can happen any more or that the bound on
/// steps cut off, once, as of an execution; and, if it likes, of each step.
pub trait VisitStates<S>: Visit<S> {
    /// The system has taken this step, to a new state or a known one. Whether to go on.
    #[inline]
    fn step(&mut self, _: &mut S, _: Action, _: &dyn Path) -> bool {
        true
    }

    /// Now and then: what was done so far.
    #[inline]
    fn progress(&mut self, _: &Summary) {}
}

impl<S, F: FnMut(&mut S, &Trail, End) -> bool> VisitStates<S> for F {}

/// Steps between two questions whether the search is still wanted.
pub(crate) const ASK_EVERY: u64 = 4096;

/// All outcomes of one step after the other: what is decided in it takes every possibility.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    /// What is taken, of how many; those of further steps below it.
    script: Vec<(u32, u32)>,
    /// Where that of the present step begins.
    base: usize,
    at: usize,
}

impl Outcomes {
    /// The step is taken again.
    #[inline]
    pub(crate) fn again(&mut self) {
        self.at = self.base;
    }

    /// On to the next outcome of the step; none left if false.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        while self.script.len() > self.base {
            let last = self.script.len() - 1;
            let (taken, options) = &mut self.script[last];
            if *taken + 1 < *options {
                *taken += 1;
                return true;
            }
            self.script.pop();
        }
        false
    }

    /// Turns to another step, while the present one has outcomes left. Returns what [`Outcomes::back`] takes.
    pub(crate) fn deeper(&mut self) -> usize {
        core::mem::replace(&mut self.base, self.script.len())
    }

    /// Back to the step before.
    pub(crate) fn back(&mut self, base: usize) {
        self.script.truncate(self.base);
        self.base = base;
    }
}

impl Decide for Outcomes {
    #[inline]
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        if self.at == self.script.len() {
            self.script.push((0, options as u32));
        }
        let (taken, _) = self.script[self.at];
        self.at += 1;
        taken as usize
    }
}
