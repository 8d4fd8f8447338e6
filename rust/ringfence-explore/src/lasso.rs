//! Executions that go round for ever: a way to a state, and a round that leads back to it.
//!
//! That an execution did not end within some bound says nothing. This says more: from that state on, the same steps can
//! be taken again and again, so there is an execution without an end; and it is a fair one, so nobody can say
//! that somebody only had to be let run. Fairness is the strong one: whoever could go on anywhere in the round does
//! so in the round. And whatever is decided in it is as ordinary as can be: that an allocation fails for ever, or
//! that the same of several equal outcomes comes for ever, is nobody's livelock.

use core::hash::{Hash, Hasher};
use std::collections::BTreeSet;

use ringfence_base::{Action, End, Recurrent};
use rustc_hash::{FxHashMap, FxHasher};

use crate::execution::{Limits, Noting, Trail};
use crate::fairness::FairRounds;
use crate::random_walk::Random;
use crate::strategy::Strategy;

/// An execution without an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasso {
    /// The way to the round.
    pub stem: Trail,
    /// The round; its choices follow those of the stem, once or as often as one likes.
    pub round: Trail,
    /// Whoever takes a step in the round, in order.
    pub parties: Vec<Action>,
}

/// How an execution goes that is tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Attempt {
    /// Steps of each party in a row, once it is fair.
    pub turn: u32,
    /// Before, so many steps of a random walk.
    pub astray: u64,
    /// Its seed.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Round {
    /// It ended; with the bound on steps, it is not known whether it would.
    Ended(End),
    /// It goes round, but not in a way that convicts anybody.
    Unfair,
    /// It goes round, fairly.
    Fair(Lasso),
}

/// Steps of an execution before anybody asks whether it goes round: most have ended by then.
const PATIENCE: u64 = 256;

/// Runs one execution, and sees whether it goes round. The system is at the end of a round then.
pub fn go_round<S: Recurrent>(system: &mut S, attempt: Attempt, limits: Limits<'_>) -> Round {
    let quick = Limits { steps_max: limits.steps_max.min(attempt.astray.saturating_add(PATIENCE)), ..limits };
    match Walk::new(quick).run(system, attempt, |_, _, _| None) {
        Round::Ended(End::Bound) => {}
        round => return round,
    }
    // Where a state was met: the choices and steps that lead there.
    let mut met = FxHashMap::default();
    Walk::new(limits).run(system, attempt, |system, fair, trail| {
        met.insert(key(system, fair), (trail.choices.len(), trail.steps))
    })
}

/// What determines how it goes on.
fn key<S: Recurrent>(system: &S, fair: &FairRounds) -> u64 {
    let mut hasher = FxHasher::default();
    system.recurrence().hash(&mut hasher);
    fair.hash(&mut hasher);
    hasher.finish()
}

/// Fairness knows who goes on, not where an interrupt arrives.
fn party(action: Action) -> Action {
    match action {
        Action::Interrupt { source, .. } => Action::Interrupt { source, host: 0 },
        action => action,
    }
}

struct Walk<'a> {
    actions: Vec<Action>,
    trail: Trail,
    limits: Limits<'a>,
}

impl<'a> Walk<'a> {
    fn new(limits: Limits<'a>) -> Self {
        Self { actions: Vec::new(), trail: Trail::default(), limits }
    }

    /// An execution, until it ends or `met` says after how many choices and steps the present state was met before.
    fn run<S: Recurrent>(
        mut self,
        system: &mut S,
        attempt: Attempt,
        mut met: impl FnMut(&S, &FairRounds, &Trail) -> Option<(usize, u64)>,
    ) -> Round {
        system.restart();
        let mut random = Random::new(attempt.seed);
        while self.trail.steps < attempt.astray {
            if let Some(end) = self.step(system, &mut random, |_, _| ()) {
                return Round::Ended(end);
            }
        }
        let mut fair = FairRounds::new(attempt.turn);
        loop {
            if let Some((choices, steps)) = met(system, &fair, &self.trail) {
                return self.confirm(system, &mut fair, choices, steps);
            }
            if let Some(end) = self.step(system, &mut fair, |_, _| ()) {
                return Round::Ended(end);
            }
        }
    }

    /// One step, if there is one. `look` sees what could be taken, and what is.
    fn step<S: Recurrent>(
        &mut self,
        system: &mut S,
        strategy: &mut impl Strategy,
        mut look: impl FnMut(&[Action], Action),
    ) -> Option<End> {
        let Self { actions, trail, limits } = self;
        system.enabled(actions);
        if actions.is_empty() {
            return Some(system.over());
        }
        if let Some(end) = limits.end(trail.steps) {
            return Some(end);
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
        look(actions, actions[pick]);
        system.step(actions[pick], &mut Noting { decide: strategy, trail });
        trail.steps += 1;
        None
    }

    /// Goes round once more, and looks whether it is the same round and a fair one.
    fn confirm<S: Recurrent>(
        mut self,
        system: &mut S,
        fair: &mut FairRounds,
        choices: usize,
        steps: u64,
    ) -> Round {
        let round = self.trail.choices.split_off(choices);
        let length = self.trail.steps - steps;
        let stem = Trail { choices: core::mem::take(&mut self.trail.choices), steps };
        let start = key(system, fair);
        fair.take_partial();
        let (mut able, mut parties) = (BTreeSet::new(), BTreeSet::new());
        self.trail.steps = 0;
        while self.trail.steps < length {
            let look = |actions: &[Action], action| {
                able.extend(actions.iter().copied().map(party));
                parties.insert(party(action));
            };
            if let Some(end) = self.step(system, fair, look) {
                return Round::Ended(end);
            }
        }
        let same = self.trail.choices == round && key(system, fair) == start;
        if !same || fair.take_partial() || able != parties {
            return Round::Unfair;
        }
        Round::Fair(Lasso { stem, round: self.trail, parties: parties.into_iter().collect() })
    }
}
