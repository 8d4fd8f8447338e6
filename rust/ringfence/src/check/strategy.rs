//! Simple strategies: what makes the choices of an execution.

use ringfence_base::rng::Rng;
use ringfence_base::{ChoiceKind, Decide};
use ringfence_model::Action;
use thiserror::Error;

/// Makes the choices of one execution.
pub trait Strategy: Decide {
    /// One of the enabled actions; at least two.
    fn schedule(&mut self, actions: &[Action]) -> usize;

    /// The first choice that it could not make as it was told to.
    fn misfit(&self) -> Option<Misfit> {
        None
    }
}

/// A recorded choice that was not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "choice {position} of the schedule is {choice}, but what is possible there is 0 to {most}: it is a schedule of \
     another scenario, profile or version"
)]
pub struct Misfit {
    /// 0-based number of the choice.
    pub position: usize,
    /// The choice.
    pub choice: u32,
    /// The highest choice that is possible.
    pub most: usize,
}

/// One context as long as it can run, then the next one; which comes first is turned by `first`. Everything else is
/// as ordinary as can be.
#[derive(Clone, Debug)]
pub struct RunToCompletion {
    first: u32,
    current: Option<Action>,
}

impl RunToCompletion {
    /// Begins with the context of this task id, as far as it is there.
    pub fn new(first: u32) -> Self {
        Self { first, current: None }
    }
}

impl Decide for RunToCompletion {
    fn decide(&mut self, _: ChoiceKind, _: usize) -> usize {
        0
    }
}

impl Strategy for RunToCompletion {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let again = self.current.and_then(|current| actions.iter().position(|action| *action == current));
        let pick = again.unwrap_or_else(|| {
            let from_first = actions.iter().position(|action| match action {
                Action::Run(task) => *task >= self.first,
                _ => false,
            });
            from_first.unwrap_or(0)
        });
        self.current = Some(actions[pick]);
        pick
    }
}

/// One step of each context in turn.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    last: Option<Action>,
}

impl Decide for RoundRobin {
    fn decide(&mut self, _: ChoiceKind, _: usize) -> usize {
        0
    }
}

impl Strategy for RoundRobin {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        // Time moves on last of all.
        let next = |action: &Action| *action != Action::Expire && Some(*action) > self.last;
        let pick = actions.iter().position(next).unwrap_or(0);
        self.last = Some(actions[pick]);
        pick
    }
}

/// Every choice at random. A context tends to go on for a while: how long is drawn for each execution, so that both
/// fine and coarse interleavings come up.
#[derive(Clone, Debug)]
pub struct Random {
    rng: Rng,
    /// In so many of 256 cases, the context that ran goes on.
    sticky: u64,
    /// In so many of 256 cases, a choice is not the most ordinary one.
    unusual: u64,
    current: Option<Action>,
}

impl Random {
    /// The execution of this seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let word = rng.next_u64();
        let sticky = [0, 64, 128, 200][(word & 3) as usize];
        let unusual = [32, 96, 128, 160][((word >> 2) & 3) as usize];
        Self { rng, sticky, unusual, current: None }
    }
}

impl Decide for Random {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        let word = self.rng.next_u64();
        if word & 0xff >= self.unusual {
            return 0;
        }
        1 + ((u128::from(word >> 32) * (options - 1) as u128) >> 32) as usize
    }
}

impl Strategy for Random {
    #[inline]
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let word = self.rng.next_u64();
        if word & 0xff < self.sticky
            && let Some(again) = actions.iter().position(|action| Some(*action) == self.current)
        {
            return again;
        }
        let mut pick = ((word >> 32) as usize * actions.len()) >> 32;
        // Time rarely overtakes those that can run.
        if actions[pick] == Action::Expire && (word >> 8) & 3 != 0 {
            pick = (((word >> 16) & 0xffff) as usize * (actions.len() - 1)) >> 16;
        }
        self.current = Some(actions[pick]);
        pick
    }
}

/// Recorded choices; behind their end, run to completion.
#[derive(Clone, Debug)]
pub struct Replay {
    choices: std::vec::IntoIter<u32>,
    taken: usize,
    rest: RunToCompletion,
    misfit: Option<Misfit>,
}

impl Replay {
    /// Takes these choices.
    pub fn new(choices: Vec<u32>) -> Self {
        Self { choices: choices.into_iter(), taken: 0, rest: RunToCompletion::new(0), misfit: None }
    }

    fn next(&mut self, options: usize) -> Option<usize> {
        let choice = self.choices.next()?;
        let position = self.taken;
        self.taken += 1;
        if (choice as usize) < options {
            return Some(choice as usize);
        }
        let most = options.saturating_sub(1);
        self.misfit.get_or_insert(Misfit { position, choice, most });
        None
    }
}

impl Decide for Replay {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.next(options).unwrap_or(0)
    }
}

impl Strategy for Replay {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        match self.next(actions.len()) {
            Some(pick) => pick,
            None => self.rest.schedule(actions),
        }
    }

    fn misfit(&self) -> Option<Misfit> {
        self.misfit
    }
}
