//! Replay of recorded choices.

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::run_to_completion::RunToCompletion;
use crate::strategy::{Misfit, Strategy};

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
            Some(pick) => {
                self.rest.follow(actions[pick]);
                pick
            }
            None => self.rest.schedule(actions),
        }
    }

    #[inline]
    fn follow(&mut self, action: Action) {
        self.rest.follow(action);
    }

    fn misfit(&self) -> Option<Misfit> {
        self.misfit
    }
}
