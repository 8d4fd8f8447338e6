//! A fair schedule: whoever can go on gets its turn.

use core::hash::{Hash, Hasher};

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

/// A few steps of each party in turn; time moves on at the end of each round, if it can. Everything else is as ordinary
/// as can be.
#[derive(Clone, Debug)]
pub struct FairRounds {
    /// Steps in a row.
    turn: u32,
    used: u32,
    current: Option<Action>,
    /// Something was decided for which no outcome is the most ordinary one.
    partial: bool,
}

impl FairRounds {
    /// So many steps in a row; at least one.
    pub fn new(turn: u32) -> Self {
        Self { turn: turn.max(1), used: 0, current: None, partial: false }
    }

    /// Whether something was decided, since the question was asked last, for which no outcome is the most ordinary one:
    /// to take the same one for ever is not fair then.
    pub(crate) fn take_partial(&mut self) -> bool {
        core::mem::take(&mut self.partial)
    }

    fn went(&mut self, action: Action) {
        // Whoever goes on alone begins a new turn.
        let same = self.current == Some(action) && self.used < self.turn;
        self.used = if same { self.used + 1 } else { 1 };
        self.current = Some(action);
    }
}

/// What it does next is determined by this and the system's state.
impl Hash for FairRounds {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.current, self.used).hash(state);
    }
}

impl Decide for FairRounds {
    fn decide(&mut self, kind: ChoiceKind, _: usize) -> usize {
        // Of the others, 0 is the one that sets nobody back: the allocation succeeds, the interrupt arrives.
        self.partial |= matches!(
            kind,
            ChoiceKind::Named | ChoiceKind::ForeignFence | ChoiceKind::Reclaim | ChoiceKind::GpuRing
        );
        0
    }
}

impl Strategy for FairRounds {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let again = actions.iter().position(|action| Some(*action) == self.current);
        let in_turn = || actions.iter().position(|action| Some(*action) > self.current).unwrap_or(0);
        let pick = again.filter(|_| self.used < self.turn).unwrap_or_else(in_turn);
        self.went(actions[pick]);
        pick
    }

    fn follow(&mut self, action: Action) {
        self.went(action);
    }
}
