//! An executor whose validator forgets: what it says of an execution depends on that alone.

use ringfence_base::{Action, Decide, End, System};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use super::same::Same;
use crate::check::execution::Executor;

/// An executor of one plan.
pub(super) struct Afresh<'p> {
    plan: &'p Plan,
    profile: Profile,
    pub(super) executor: Executor<'p>,
    /// Whether the validator has to forget.
    forgets: bool,
    /// So many of its problems in this execution were looked at.
    looked: usize,
    /// One of them was the same.
    shown: bool,
}

impl<'p> Afresh<'p> {
    pub(super) fn new(plan: &'p Plan, profile: Profile, forgets: bool) -> Self {
        Self { plan, profile, executor: Executor::new(plan, profile), forgets, looked: 0, shown: false }
    }

    /// As [`Same::shows`]; may be asked after each step.
    pub(super) fn shows(&mut self, same: &Same, end: Option<End>) -> bool {
        if !same.is_of_validator() {
            return same.shows(self.plan, &self.executor, end);
        }
        // To put a problem in words takes much longer than a step.
        for &(problem, _) in &self.executor.problems()[self.looked..] {
            self.shown |= same.is_problem(&self.executor, problem);
        }
        self.looked = self.executor.problems().len();
        self.shown
    }
}

impl System for Afresh<'_> {
    fn restart(&mut self) {
        if self.forgets {
            self.executor = Executor::new(self.plan, self.profile);
        }
        self.executor.restart();
        (self.looked, self.shown) = (0, false);
    }

    #[inline]
    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.executor.enabled(actions);
    }

    #[inline]
    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.executor.step(action, decide);
    }

    fn over(&mut self) -> End {
        self.executor.over()
    }
}
