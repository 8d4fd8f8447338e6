//! Executions that go round for ever: a way to a state, and a round that leads back to it.
//!
//! That an execution did not end within some bound says nothing. This says more: from that state on, the same steps can
//! be taken again and again, so there is an execution without an end; and it is a fair one, so nobody can say
//! that somebody only had to be let run. Fairness is the strong one: whoever could go on anywhere in the round does
//! so in the round. And whatever is decided in it is as ordinary as can be: that an allocation fails for ever, or
//! that the same of several equal outcomes comes for ever, is nobody's livelock.

use core::hash::{Hash, Hasher};
use std::collections::BTreeSet;

use ringfence_base::{Action, ChoiceKind, Decide, End, Recurrent};
use rustc_hash::{FxHashMap, FxHasher};

use crate::execution::{Limits, Noting, Trail};
use crate::fairness::{FairRounds, is_fair_for_ever};
use crate::random_walk::Random;
use crate::replay::Replay;
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

/// Runs one execution, and sees whether it goes round. The system is at the end of a round then.
///
/// A look at a state costs as much as the system is large: `looks` says how many there may still be. What is spent is
/// taken off; with none left, an execution that goes on is as one that has met the bound on steps.
pub fn go_round<S: Recurrent>(
    system: &mut S,
    attempt: Attempt,
    limits: Limits<'_>,
    looks: &mut u64,
) -> Round {
    // Most end, and need not be looked at.
    match Walk::new(limits, &mut 0).run(system, attempt, false) {
        Round::Ended(End::Bound) if *looks != 0 => Walk::new(limits, looks).run(system, attempt, true),
        ended => ended,
    }
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

/// How many choices and steps lead to a state.
#[derive(Clone, Copy)]
struct Position {
    choices: usize,
    steps: u64,
}

/// What a round is, looked at once more.
enum Verdict {
    Fair(Lasso),
    /// It would be fair if time did not stand still.
    OutOfTime,
    Unfair,
    Ended(End),
}

struct Walk<'a> {
    actions: Vec<Action>,
    trail: Trail,
    limits: Limits<'a>,
    looks: &'a mut u64,
}

impl<'a> Walk<'a> {
    fn new(limits: Limits<'a>, looks: &'a mut u64) -> Self {
        Self { actions: Vec::new(), trail: Trail::default(), limits, looks }
    }

    /// An execution, until it ends or, if somebody looks, goes round.
    fn run<S: Recurrent>(mut self, system: &mut S, attempt: Attempt, look: bool) -> Round {
        system.restart();
        let mut random = Random::new(attempt.seed);
        while self.trail.steps < attempt.astray {
            if let Some(end) = self.step(system, &mut random, |_, _| ()) {
                return Round::Ended(end);
            }
        }
        let mut fair = FairRounds::new(attempt.turn);
        // States since time was hurried, and those in which it was.
        let (mut met, mut hurried) = (FxHashMap::default(), FxHashMap::default());
        loop {
            if look && *self.looks == 0 {
                return Round::Ended(End::Bound);
            }
            *self.looks = self.looks.saturating_sub(u64::from(look));
            if look && let Some(before) = met.insert(key(system, &fair), self.position()) {
                let verdict = match self.look(system, before) {
                    Verdict::OutOfTime => match hurried.insert(key(system, &fair), self.position()) {
                        Some(before) => self.look(system, before),
                        None => Verdict::OutOfTime,
                    },
                    verdict => verdict,
                };
                match verdict {
                    Verdict::Fair(lasso) => return Round::Fair(lasso),
                    Verdict::Unfair => return Round::Unfair,
                    Verdict::Ended(end) => return Round::Ended(end),
                    Verdict::OutOfTime => {
                        fair.hurry();
                        met.clear();
                    }
                }
            }
            if let Some(end) = self.step(system, &mut fair, |_, _| ()) {
                return Round::Ended(end);
            }
        }
    }

    fn position(&self) -> Position {
        Position { choices: self.trail.choices.len(), steps: self.trail.steps }
    }

    /// One step, if there is one. `see` is told what could be taken, and what is.
    fn step<S: Recurrent>(
        &mut self,
        system: &mut S,
        strategy: &mut impl Strategy,
        mut see: impl FnMut(&[Action], Action),
    ) -> Option<End> {
        let Self { actions, trail, limits, .. } = self;
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
        see(actions, actions[pick]);
        system.step(actions[pick], &mut Noting { decide: strategy, trail });
        trail.steps += 1;
        None
    }

    /// Goes round once more, by the choices that were made since `before`, and looks whether it is a fair round.
    fn look<S: Recurrent>(&mut self, system: &mut S, before: Position) -> Verdict {
        let end = self.position();
        let round = self.trail.choices[before.choices..].to_vec();
        let start = system.recurrence();
        let mut again = Again { replay: Replay::new(round.clone()), fair: true };
        let (mut able, mut parties) = (BTreeSet::new(), BTreeSet::new());
        for _ in before.steps..end.steps {
            let see = |actions: &[Action], action| {
                able.extend(actions.iter().copied().map(party));
                parties.insert(party(action));
            };
            if let Some(end) = self.step(system, &mut again, see) {
                return Verdict::Ended(end);
            }
        }
        let same = system.recurrence() == start && self.trail.choices[end.choices..] == round;
        if !same || !again.fair {
            return Verdict::Unfair;
        }
        if able != parties {
            parties.insert(Action::Expire);
            return if able == parties { Verdict::OutOfTime } else { Verdict::Unfair };
        }
        let choices = self.trail.choices[..before.choices].to_vec();
        let stem = Trail { choices, steps: before.steps };
        let round = Trail { choices: round, steps: end.steps - before.steps };
        Verdict::Fair(Lasso { stem, round, parties: parties.into_iter().collect() })
    }
}

/// A round once more.
struct Again {
    replay: Replay,
    /// Nothing was decided that would be unfair for ever.
    fair: bool,
}

impl Decide for Again {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let choice = self.replay.decide(kind, options);
        self.fair &= choice == 0 && is_fair_for_ever(kind);
        choice
    }
}

impl Strategy for Again {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        self.replay.schedule(actions)
    }

    fn follow(&mut self, action: Action) {
        self.replay.follow(action);
    }
}
