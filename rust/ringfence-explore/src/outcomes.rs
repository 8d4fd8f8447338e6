//! What a directed search decides besides the schedule: at the places of its goal systematically, elsewhere with noise.

use ringfence_base::ChoiceKind;
use ringfence_base::rng::Rng;

/// Choices at the goal's places that are counted through; what comes behind them in an execution is as preferred.
const DIGITS_MAX: usize = 12;

/// Counts through the outcomes at the places of a goal, one combination for each execution. The first one is what a
/// hang most likely needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Odometer {
    /// Per choice in the order of an execution: how far its outcome is from the preferred one, and of how many it is.
    digits: Vec<(usize, usize)>,
    /// Choices so far in this execution.
    taken: usize,
}

impl Odometer {
    /// The next combination: the first choice turns fastest.
    pub(crate) fn advance(&mut self) {
        // What the latest execution did not come to says nothing about the next one.
        self.digits.truncate(self.taken);
        self.taken = 0;
        for (digit, options) in &mut self.digits {
            *digit += 1;
            if *digit < *options {
                return;
            }
            *digit = 0;
        }
    }

    /// The outcome of the next choice at a place of the goal.
    pub(crate) fn turn(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if self.taken == DIGITS_MAX {
            return preferred(kind);
        }
        if self.taken == self.digits.len() {
            self.digits.push((0, options));
        }
        let (digit, of) = &mut self.digits[self.taken];
        *of = options;
        *digit = (*digit).min(options - 1);
        self.taken += 1;
        (preferred(kind) + *digit) % options
    }
}

/// What a hang most likely needs: that memory is short, that user memory goes, that no worker is to be had.
fn preferred(kind: ChoiceKind) -> usize {
    use ChoiceKind::{Allocation, PageFault, Reclaim, WorkerCreation};
    usize::from(matches!(kind, Allocation | PageFault | Reclaim | WorkerCreation))
}

/// How often the choices of each kind are unusual elsewhere: drawn anew for each execution, most kinds never, so that
/// one misfortune does not hide another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noise {
    /// Per kind: in so many of 100 cases.
    percent: [usize; Self::KINDS],
}

impl Noise {
    const KINDS: usize = ChoiceKind::GpuRing as usize + 1;
    /// How often choices of a kind are unusual if they are.
    const RATES: [usize; 4] = [10, 30, 60, 100];

    /// In so many of 100 cases a kind is unusual at all.
    pub(crate) fn drawn(rng: &mut Rng, level: usize) -> Self {
        let mut percent = [0; Self::KINDS];
        for rate in &mut percent {
            let word = rng.percent(level);
            *rate = if word { *rng.pick(&Self::RATES) } else { 0 };
        }
        Self { percent }
    }

    /// The outcome of a choice.
    pub(crate) fn outcome(&self, rng: &mut Rng, kind: ChoiceKind, options: usize) -> usize {
        match self.percent[kind as usize] {
            0 => 0,
            percent if rng.percent(percent) => 1 + rng.below(options - 1),
            _ => 0,
        }
    }
}
