//! Iterative widening of a bound: what deviates less comes first (Musuvathi and Qadeer, "Iterative context bounding for
//! systematic testing of multithreaded programs", PLDI 2007).

use ringfence_base::System;

use crate::choice_tree::Bound;
use crate::dfs::Dfs;
use crate::execution::Visit;
use crate::subtree::Subtree;
use crate::summary::{Budget, Stop, Summary};

/// Searches depth first with no deviation, then with one, and so on up to `most`. The visitor is told of each execution
/// once: in the round that has exactly as many deviations as it needs. So the first one with a mistake has the fewest
/// deviations that it takes.
///
/// The share is that of the latest round. It ends before `most` once a round had nothing to leave out.
pub fn widen<S: System>(
    system: &mut S,
    bound: fn(u32) -> Bound,
    most: u32,
    budget: Budget<'_>,
    visit: &mut impl Visit<S>,
) -> Summary {
    let mut all = Summary::default();
    for deviations in 0..=most {
        let mut dfs = Dfs::from_deviations(bound(deviations), &Subtree::all(), deviations);
        let executions_max = budget.executions_max - all.executions;
        let round = dfs.run(system, Budget { executions_max, ..budget }, visit);
        all = Summary {
            executions: all.executions + round.executions,
            bounded: all.bounded + round.bounded,
            steps: all.steps + round.steps,
            ..round
        };
        if !matches!(round.stopped, None | Some(Stop::Deviations | Stop::Steps)) {
            return all;
        }
        if !dfs.cut() {
            break;
        }
    }
    if all.stopped.is_none() && all.bounded > 0 {
        all.stopped = Some(Stop::Steps);
    }
    all
}
