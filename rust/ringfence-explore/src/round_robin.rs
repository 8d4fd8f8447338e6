//! The fairest schedule.

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

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
