//! A schedule that shows something, made as small as can be: fewest deviations from the run-to-completion schedule
//! first, then fewest steps.
//!
//! The deviations of the schedule that is there are reduced by delta debugging ([`ddmin`]). Then all schedules are
//! looked at, fewest deviations first, as long as there are not too many: that finds the smallest, and shows that it
//! is ([`Minimality`]). Otherwise a local search goes on from where delta debugging came to.

mod course;
mod ddmin;
mod deviation;
mod exchange;
mod levels;
mod search;

use std::collections::BTreeSet;

use ringfence_base::{Action, End, System};

use self::course::{Ended, Wish};
pub use self::ddmin::ddmin;
pub use self::deviation::{Chosen, Deviation, Intent};
use self::exchange::exchange;
use self::levels::levels;
use self::search::{Enough, Search};
use crate::execution::Limits;

/// What minimising may cost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Effort {
    /// At most so many executions.
    pub executions: u64,
    /// At most so many steps of all of them; the latest execution may take a few more.
    pub steps: u64,
}

/// What it has cost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Spent {
    /// Executions that were run.
    pub executions: u64,
    /// Steps of all of them.
    pub steps: u64,
}

/// How sure it is that there is no smaller schedule, of all that take no more steps than an execution may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Minimality {
    /// None was found.
    Unproved,
    /// All schedules with fewer deviations were looked at.
    Fewest,
    /// And all with as many: none is shorter.
    Shortest,
}

/// A small schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Minimal {
    /// Its choices up to where it shows.
    pub choices: Vec<u32>,
    /// Its steps up to there.
    pub steps: u64,
    /// What is special about it.
    pub deviations: Vec<Deviation>,
    /// The same, for another system that has the same parties.
    pub intents: Vec<Intent>,
    /// Whether there is a smaller one.
    pub minimality: Minimality,
}

/// Of the effort that is left after delta debugging, one part in so many is for the local search.
const LOCAL: u64 = 2;
/// A party of a similar system may do what it is told to so many steps earlier: it has fewer to take.
const SHIFTS: u32 = 4;

/// From a schedule that shows something, one as small as can be. `shows` is asked after each step, and at the end of
/// each execution with how it ended; what it says depends on that execution alone. `None`: these choices do not show
/// it. When the effort is spent, or `limits` say that it is not wanted any more: the best so far.
pub fn minimise<S: System>(
    system: &mut S,
    choices: &[u32],
    limits: Limits<'_>,
    effort: Effort,
    shows: impl FnMut(&mut S, Option<End>) -> bool,
) -> (Option<Minimal>, Spent) {
    let mut search = Search::new(system, shows, limits, effort);
    // That nothing more is to be spent is no failure.
    let _ = from_choices(&mut search, choices);
    (search.told(), search.spent)
}

fn from_choices<S: System, F: FnMut(&mut S, Option<End>) -> bool>(
    search: &mut Search<'_, S, F>,
    choices: &[u32],
) -> Result<(), Enough> {
    let places: Vec<(u32, u32)> = (0..).zip(choices.iter().copied()).collect();
    let wish = Wish { at: &places, ..Wish::default() };
    if search.run(wish, search.limits.steps_max)? != Ended::Shown {
        return Ok(());
    }
    let mut before = None;
    while before.replace(search.size()) != Some(search.size()) {
        let intents = search.intents()?;
        let steps_max = search.limits.steps_max;
        let shows = |part: &[Intent]| {
            let ended = search.run(Wish { intents: part, ..Wish::default() }, steps_max);
            ended.map(|ended| ended == Ended::Shown)
        };
        ddmin(&intents, shows);
    }
    let left = search.left();
    let spare = Effort { executions: left.executions / LOCAL, steps: left.steps / LOCAL };
    levels(search, usize::MAX, spare)?;
    let (fewest, _) = search.size();
    if search.levels <= fewest { exchange(search) } else { Ok(()) }
}

/// The first schedule that is found to show something: with the deviations of a similar system, or one with fewer
/// deviations than so many. It is not minimised.
pub fn find<S: System>(
    system: &mut S,
    intents: &[Intent],
    deviations_below: usize,
    limits: Limits<'_>,
    effort: Effort,
    shows: impl FnMut(&mut S, Option<End>) -> bool,
) -> (Option<Minimal>, Spent) {
    let mut search = Search::new(system, shows, limits, effort);
    search.first_will_do = true;
    // Nothing more is to be run once it is found.
    let _ = from_intents(&mut search, intents, deviations_below);
    (search.told(), search.spent)
}

fn from_intents<S: System, F: FnMut(&mut S, Option<End>) -> bool>(
    search: &mut Search<'_, S, F>,
    intents: &[Intent],
    deviations_below: usize,
) -> Result<(), Enough> {
    let steps_max = search.limits.steps_max;
    search.run(Wish { intents, ..Wish::default() }, steps_max)?;
    let parties: BTreeSet<Action> = intents.iter().map(Intent::party).collect();
    for party in parties {
        for earlier in 1..=SHIFTS {
            let shift = |intent: &Intent| match intent.party() == party {
                true => Intent { after: intent.after.saturating_sub(earlier), ..*intent },
                false => *intent,
            };
            let shifted: Vec<Intent> = intents.iter().map(shift).collect();
            search.run(Wish { intents: &shifted, ..Wish::default() }, steps_max)?;
        }
    }
    levels(search, deviations_below, Effort { executions: 0, steps: 0 })
}
