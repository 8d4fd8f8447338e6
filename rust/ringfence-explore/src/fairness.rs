//! A fair schedule: whoever can go on gets its turn.

use core::hash::{Hash, Hasher};

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

/// A few steps of each party in turn. Time stands still as long as anybody can run: next to what happens in a timeout,
/// a step takes no time. Everything else is as ordinary as can be.
#[derive(Clone, Debug)]
pub struct FairRounds {
    /// Steps in a row.
    turn: u32,
    used: u32,
    current: Option<Action>,
    /// Time moves on as soon as it can.
    hurried: bool,
}

impl FairRounds {
    /// So many steps in a row; at least one.
    pub fn new(turn: u32) -> Self {
        Self { turn: turn.max(1), used: 0, current: None, hurried: false }
    }

    /// Lets time move on once, as soon as it can: whoever can run has nothing else to do but to wait for that.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
    }

    fn went(&mut self, action: Action) {
        // Whoever goes on alone begins a new turn.
        let same = self.current == Some(action) && self.used < self.turn;
        self.used = if same { self.used + 1 } else { 1 };
        self.current = Some(action);
        self.hurried &= action != Action::Expire;
    }
}

/// What it does next is determined by this and the system's state.
impl Hash for FairRounds {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.current, self.used, self.hurried).hash(state);
    }
}

impl Decide for FairRounds {
    fn decide(&mut self, _: ChoiceKind, _: usize) -> usize {
        0
    }
}

impl Strategy for FairRounds {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let time = |action: &Action| *action == Action::Expire;
        let again = || actions.iter().position(|action| Some(*action) == self.current && !time(action));
        let in_turn = || actions.iter().position(|action| Some(*action) > self.current && !time(action));
        let first = || actions.iter().position(|action| !time(action)).unwrap_or(0);
        let hurried = self.hurried.then(|| actions.iter().position(time)).flatten();
        let in_turn = || again().filter(|_| self.used < self.turn).or_else(in_turn).unwrap_or_else(first);
        let pick = hurried.unwrap_or_else(in_turn);
        self.went(actions[pick]);
        pick
    }

    fn follow(&mut self, action: Action) {
        self.went(action);
    }
}

/// Whether always taking the first of the possibilities of such a choice sets nobody back: the allocation succeeds,
/// the interrupt arrives. Of the others no outcome is the ordinary one, and to take the same one for ever is not fair.
pub(crate) fn is_fair_for_ever(kind: ChoiceKind) -> bool {
    match kind {
        ChoiceKind::Named | ChoiceKind::ForeignFence | ChoiceKind::Reclaim | ChoiceKind::GpuRing => false,
        ChoiceKind::Allocation
        | ChoiceKind::Trylock
        | ChoiceKind::Interrupted
        | ChoiceKind::DeadlockInjection
        | ChoiceKind::WorkerCreation
        | ChoiceKind::PageFault
        | ChoiceKind::GpuHang
        | ChoiceKind::GpuIrq
        | ChoiceKind::GpuReset => true,
    }
}
