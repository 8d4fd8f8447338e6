//! Random walk: every choice at random.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

/// In so many of 256 cases a choice is not the most ordinary one: drawn for each execution.
pub(crate) const UNUSUAL: [u64; 4] = [32, 96, 128, 160];

/// The most ordinary possibility, but in `unusual` of 256 cases one of the others.
pub(crate) fn now_and_then_unusual(rng: &mut Rng, unusual: u64, options: usize) -> usize {
    let word = rng.next_u64();
    if word & 0xff >= unusual {
        return 0;
    }
    1 + ((u128::from(word >> 32) * (options - 1) as u128) >> 32) as usize
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
        let unusual = UNUSUAL[((word >> 2) & 3) as usize];
        Self { rng, sticky, unusual, current: None }
    }
}

impl Decide for Random {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        now_and_then_unusual(&mut self.rng, self.unusual, options)
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
