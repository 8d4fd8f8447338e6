//! One execution under one strategy.

use ringfence_base::{Action, ChoiceKind, Decide, End, System};

use crate::strategy::Strategy;

/// Steps between two questions whether the execution is still wanted: little enough for a person to wait.
const ASK_EVERY: u64 = 4096;

/// How far an execution may go.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// At most so many steps.
    pub steps_max: u64,
    /// Asked now and then whether the execution is still wanted.
    pub go_on: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Limits<'_> {
    /// So many steps, come what may.
    pub const fn steps(steps_max: u64) -> Self {
        Limits { steps_max, go_on: None }
    }

    /// How the execution ends here, if it does.
    #[inline]
    pub fn end(&self, steps: u64) -> Option<End> {
        if steps == self.steps_max {
            return Some(End::Bound);
        }
        let ask = steps % ASK_EVERY == ASK_EVERY - 1;
        (ask && self.go_on.is_some_and(|go_on| !go_on())).then_some(End::Interrupted)
    }
}

/// What an execution was: all that it takes to have it again.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Trail {
    /// Of each point with more than one possibility, which was taken.
    pub choices: Vec<u32>,
    /// How many steps were taken.
    pub steps: u64,
}

impl Trail {
    /// Nothing yet.
    pub fn clear(&mut self) {
        self.choices.clear();
        self.steps = 0;
    }

    /// `choice` of `options` was taken.
    #[inline]
    pub fn note(&mut self, choice: usize, options: usize) {
        if options > 1 {
            self.choices.push(choice as u32);
        }
    }
}

/// Sees each step of an execution.
pub trait Watch<S> {
    /// Before the step.
    #[inline]
    fn before(&mut self, _: &S, _: Action) {}

    /// After it.
    #[inline]
    fn after(&mut self, _: &S, _: Action) {}
}

/// Nobody watches.
impl<S> Watch<S> for () {}

/// Is told of each execution of a search.
pub trait Visit<S> {
    /// The system is at the end of an execution. Whether to go on.
    fn execution(&mut self, system: &mut S, trail: &Trail, end: End) -> bool;

    /// Now and then, from a search that estimates it: the share of everything that was seen, from 0 to 1.
    fn share(&mut self, share: f64) {
        let _ = share;
    }
}

impl<S, F: FnMut(&mut S, &Trail, End) -> bool> Visit<S> for F {
    fn execution(&mut self, system: &mut S, trail: &Trail, end: End) -> bool {
        self(system, trail, end)
    }
}

/// Notes the decisions that a strategy makes.
pub struct Noting<'a, D> {
    /// Makes them.
    pub decide: &'a mut D,
    /// Where they are noted.
    pub trail: &'a mut Trail,
}

impl<D: Decide> Decide for Noting<'_, D> {
    #[inline]
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let choice = self.decide.decide(kind, options);
        self.trail.note(choice, options);
        choice
    }
}

/// What one execution after the other works with: memory that is kept.
#[derive(Clone, Debug, Default)]
pub struct Runner {
    actions: Vec<Action>,
    trail: Trail,
}

impl Runner {
    /// Runs one execution from the start.
    #[inline]
    pub fn run<S: System>(
        &mut self,
        system: &mut S,
        strategy: &mut impl Strategy,
        limits: Limits<'_>,
        watch: &mut impl Watch<S>,
    ) -> End {
        let Self { actions, trail } = self;
        system.restart();
        trail.clear();
        system.enabled(actions);
        loop {
            if actions.is_empty() {
                return system.over();
            }
            if let Some(end) = limits.end(trail.steps) {
                return end;
            }
            let pick = match actions.len() {
                1 => {
                    strategy.follow(actions[0]);
                    0
                }
                options => {
                    let pick = strategy.schedule(actions);
                    trail.note(pick, options);
                    pick
                }
            };
            let action = actions[pick];
            watch.before(system, action);
            system.step(action, &mut Noting { decide: strategy, trail });
            trail.steps += 1;
            watch.after(system, action);
            system.enabled_again(actions);
        }
    }

    /// The latest execution.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }
}
