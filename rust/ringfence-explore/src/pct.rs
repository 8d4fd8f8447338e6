//! PCT (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of
//! finding bugs", ASPLOS 2010).

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide};
use rustc_hash::FxHashMap;

use crate::random_walk::{UNUSUAL, now_and_then_unusual};
use crate::strategy::Strategy;

/// Every party has a priority, drawn at random, and the highest one runs. After `depth` − 1 steps, drawn among
/// the first `steps`, whoever took that step falls below all others, each time to a level of its own.
///
/// A bug has depth d if some schedule of d ordering constraints ("this step before that one") is sure to show it. One
/// of depth `depth` in a system of n parties whose executions have at most `steps` steps is found with a probability of
/// at least [`guarantee`]`(n, steps, depth)` in each execution, provided that it takes nothing unusual besides the
/// schedule: decisions are made at random, which costs a factor of its own.
///
/// Time is a party as any other: in some executions it overtakes everybody, in some nobody. A party that has taken more
/// than `steps` steps in a row falls below all others too: it may spin for what they should do. That is beyond what
/// the guarantee is about.
#[derive(Clone, Debug)]
pub struct Pct {
    rng: Rng,
    unusual: u64,
    /// The highest runs. From 2^62 on as drawn; from 1 to depth − 1 after a change; negative after going on too long.
    priorities: FxHashMap<Action, i64>,
    /// The steps after which a priority changes, the earliest first, with the new one.
    changes: Vec<(u64, i64)>,
    /// Steps that an execution is expected to have.
    steps: u64,
    taken: u64,
    /// Who took the latest step, and how many in a row.
    current: Option<Action>,
    in_a_row: u64,
    lowest: i64,
}

/// With at least this probability, one execution shows a bug of this depth, in a system of so many parties whose
/// executions have at most so many steps: 1 / (n · k^(d − 1)).
#[expect(clippy::cast_precision_loss, reason = "an estimate, or a bound")]
pub fn guarantee(parties: u32, steps: u64, depth: u32) -> f64 {
    let changes = i32::try_from(depth.saturating_sub(1)).unwrap_or(i32::MAX);
    1.0 / (f64::from(parties.max(1)) * (steps.max(1) as f64).powi(changes))
}

impl Pct {
    /// The execution of this seed. A depth of 0 is one of 1.
    pub fn new(seed: u64, depth: u32, steps: u64) -> Self {
        let mut rng = Rng::new(seed);
        let unusual = UNUSUAL[rng.below(UNUSUAL.len())];
        let steps = steps.max(1);
        let mut change = |level| (1 + rng.below(steps as usize) as u64, i64::from(level));
        let mut changes: Vec<(u64, i64)> = (1..depth).map(&mut change).collect();
        changes.sort_unstable();
        Self {
            rng,
            unusual,
            priorities: FxHashMap::default(),
            changes,
            steps,
            taken: 0,
            current: None,
            in_a_row: 0,
            lowest: 0,
        }
    }

    /// The priority, drawn when the party first could run.
    #[inline]
    fn priority(&mut self, action: Action) -> i64 {
        let Self { priorities, rng, .. } = self;
        *priorities.entry(action).or_insert_with(|| (1 << 62) | (rng.next_u64() >> 2) as i64)
    }

    /// The party takes a step.
    fn taken(&mut self, action: Action) {
        self.taken += 1;
        self.in_a_row = if self.current == Some(action) { self.in_a_row + 1 } else { 1 };
        self.current = Some(action);
        let due = self.changes.partition_point(|(step, _)| *step <= self.taken);
        // Two changes after one step leave the lower priority, as the paper's loop over all of them could.
        if let Some(level) = self.changes.drain(..due).map(|(_, level)| level).min() {
            self.priorities.insert(action, level);
        }
        if self.in_a_row > self.steps {
            self.lowest -= 1;
            self.priorities.insert(action, self.lowest);
            self.in_a_row = 0;
        }
    }
}

impl Decide for Pct {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        now_and_then_unusual(&mut self.rng, self.unusual, options)
    }
}

impl Strategy for Pct {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let mut pick = (0, i64::MIN);
        for (index, &action) in actions.iter().enumerate() {
            let priority = self.priority(action);
            if priority > pick.1 {
                pick = (index, priority);
            }
        }
        self.taken(actions[pick.0]);
        pick.0
    }

    fn follow(&mut self, action: Action) {
        // Drawn now rather than later, so that a change can fall on it.
        self.priority(action);
        self.taken(action);
    }
}
