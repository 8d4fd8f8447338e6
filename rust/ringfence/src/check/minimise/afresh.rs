//! An executor whose validator forgets: what it says of an execution depends on that alone.

use ringfence_base::{Action, Decide, End, System};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::Plan;

use crate::check::execution::Executor;

/// An executor of one plan.
pub(super) struct Afresh<'p> {
    plan: &'p Plan,
    profile: Profile,
    pub(super) executor: Executor<'p>,
    /// Whether the validator has to forget.
    forgets: bool,
}

impl<'p> Afresh<'p> {
    pub(super) fn new(plan: &'p Plan, profile: Profile, forgets: bool) -> Self {
        Self { plan, profile, executor: Executor::new(plan, profile), forgets }
    }
}

impl System for Afresh<'_> {
    fn restart(&mut self) {
        if self.forgets {
            self.executor = Executor::new(self.plan, self.profile);
        }
        self.executor.restart();
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
