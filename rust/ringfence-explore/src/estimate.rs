//! How large a tree of choices is, before or while it is searched.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide, End, System};

use crate::execution::{Limits, Runner};
use crate::strategy::Strategy;

/// How many executions a depth-first search will have run at its end, once it has run so many and seen that share:
/// the weighted backtrack estimator (Kilby, Slaney, Thiébaux and Walsh, "Estimating search tree size", AAAI 2006),
/// for which every execution counts as much as a random descent would have met it. It is exact at the end; before, it
/// knows only the part of the tree that was walked. None before the first execution.
#[expect(clippy::cast_precision_loss, reason = "an estimate, or a bound")]
pub fn weighted_backtrack(executions: u64, share: f64) -> Option<f64> {
    (executions > 0 && share > 0.0).then(|| executions as f64 / share)
}

/// How many executions there are, from so many random descents (Knuth, "Estimating the efficiency of backtrack
/// programs", Mathematics of Computation 29, 1975): the mean of the products of the numbers of possibilities. Its
/// expectation is the number of executions; its variance can be large. Executions that meet the bound on steps count
/// as ended. None if it was interrupted before the first descent was over.
pub fn random_descents<S: System>(
    system: &mut S,
    descents: u64,
    seed: u64,
    limits: Limits<'_>,
) -> Option<f64> {
    let mut runner = Runner::default();
    let (mut sum, mut count) = (0.0, 0);
    for number in 0..descents {
        let mut descent = Descent { rng: Rng::new(seed.wrapping_add(number)), weight: 1.0 };
        if runner.run(system, &mut descent, limits, &mut ()) == End::Interrupted {
            break;
        }
        sum += descent.weight;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// Every possibility is as likely as the others.
struct Descent {
    rng: Rng,
    /// One by the probability of what was chosen.
    weight: f64,
}

impl Descent {
    #[expect(clippy::cast_precision_loss, reason = "an estimate, or a bound")]
    fn choose(&mut self, options: usize) -> usize {
        self.weight *= options as f64;
        self.rng.below(options)
    }
}

impl Decide for Descent {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.choose(options)
    }
}

impl Strategy for Descent {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        self.choose(actions.len())
    }
}
