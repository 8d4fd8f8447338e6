//! A schedule at work.

use ringfence_base::{Action, ChoiceKind, Decide};
use ringfence_explore::{Follow, Misfit, Random, Replay, RoundRobin, RunToCompletion, Strategy, Until};

use super::schedule::Schedule;

/// Whatever makes the choices of one execution, where that is known only at run time.
pub(super) enum Made<'a> {
    RunToCompletion(RunToCompletion),
    RoundRobin(RoundRobin),
    Random(Random),
    Replay(Replay),
    Follow(Follow<'a>),
    Until(Box<Until<'a, Self, Self>>),
}

impl From<&Schedule> for Made<'_> {
    fn from(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::RunToCompletion => Self::RunToCompletion(RunToCompletion::new(0)),
            Schedule::RoundRobin => Self::RoundRobin(RoundRobin::default()),
            Schedule::Random(seed) => Self::Random(Random::new(*seed)),
            Schedule::Choices(choices) => Self::Replay(Replay::new(choices.clone())),
        }
    }
}

/// The same of whichever it is.
macro_rules! of_each {
    ($made:expr, $strategy:ident => $use:expr) => {
        match $made {
            Self::RunToCompletion($strategy) => $use,
            Self::RoundRobin($strategy) => $use,
            Self::Random($strategy) => $use,
            Self::Replay($strategy) => $use,
            Self::Follow($strategy) => $use,
            Self::Until($strategy) => $use,
        }
    };
}

impl Decide for Made<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        of_each!(self, strategy => strategy.decide(kind, options))
    }
}

impl Strategy for Made<'_> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        of_each!(self, strategy => strategy.schedule(actions))
    }

    fn follow(&mut self, action: Action) {
        of_each!(self, strategy => strategy.follow(action));
    }

    fn misfit(&self) -> Option<Misfit> {
        of_each!(self, strategy => strategy.misfit())
    }
}
