//! Three searches find the same in the real model, with all judges: partial order reduction, which runs one of all
//! equivalent executions; depth-first search without any reduction, which runs all; and search over states, which
//! takes each step from each state once.
//!
//! What must be the same, of each scenario:
//!
//! * the final states: whole worlds,
//! * the hangs: who waits where for what, and who could have ended that in which way,
//! * what the monitors say: rule, place, context, object, certainty,
//! * what the judges were told: each event, with the locks and sections that its context was inside of, where these
//!   were taken and began, and with which interrupts off,
//! * what the validator says: kind of the report, its classes, and the links of a circle with their places.
//!
//! Two things are left out, for reasons:
//!
//! * That a context begins to wait for a lock is told to nobody ([`EventKind::Block`](ringfence_base::EventKind)). Whom
//!   nothing else can happen to in front of a lock that is taken may as well not have come there yet, and partial order
//!   reduction puts such steps off. That he wants the lock, and what he holds, is told when he takes it, or when he
//!   waits for it at last.
//! * The validator remembers from one execution to the next, and says of each problem once what it has met first. When
//!   a circle closes, or an interrupt meets its lock, the dependency or usage that is reported is not recorded, as in
//!   Linux. So what it says depends on the order in which it is told the same: of two circles with a dependency in
//!   common it may report one or both; of a lock that is taken in an interrupt, with it on, and around a class that
//!   must not be, an inconsistent usage alone or a bad dependency too. Different searches have different orders, and
//!   equivalent executions, too, may tell the same in two orders. So a report that one search has and another has not
//!   is no mistake of theirs if the other one has a report of the same family, circles or interrupts, on a class in
//!   common. This must stay rare, and all other kinds of reports must be the same. (`rust/ringfence-reference`
//!   tests the validator itself.)

mod cases;
mod compare;
mod found;
mod smaller;
mod tally;
mod watched;

use std::ops::Range;

use ringfence::model::Plan;
use ringfence_base::scenario::Scenario;
use ringfence_base::scenario::random::random_scenario;

use crate::contended::{Size, contended};
use crate::random::{asked_for, tell};
use compare::{Budgets, Compared, compare};
use smaller::smallest;
use tally::Tally;

/// What a debug build has the time for.
const FEW: Budgets = Budgets { executions: 1_200, steps: 2_000 };
/// What an optimised one has.
const MANY: Budgets = Budgets { executions: 20_000, steps: 40_000 };

const TWO: Size = Size { threads: 2..3, things: 1..4 };
const CROWD: Size = Size { threads: 3..5, things: 1..2 };
const LONGER: Size = Size { threads: 2..4, things: 1..3 };

/// Mostly threads that contend, sometimes all the kernel's objects.
fn scenario(seed: u64) -> Scenario {
    match seed % 8 {
        0..3 => contended(seed, &TWO),
        3..5 => contended(seed, &CROWD),
        5..7 => contended(seed, &LONGER),
        _ => random_scenario(seed, 3 + (seed / 8) as usize % 8),
    }
}

/// Compares the scenarios of these seeds; if the searches disagree, tells of the smallest scenario of which they do.
fn survey(seeds: Range<u64>, budgets: Budgets) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let scenario = scenario(seed);
        let Ok(plan) = Plan::new(&scenario) else { continue };
        match compare(&plan, budgets, false) {
            Compared { differs: Some(_), .. } => panic!("seed {seed}: {}", explained(scenario, budgets)),
            compared => tally.add(&scenario, &compared),
        }
    }
    tally
}

fn explained(scenario: Scenario, budgets: Budgets) -> String {
    let differs = |scenario: &Scenario, in_words| {
        Plan::new(scenario).ok().and_then(|plan| compare(&plan, budgets, in_words).differs)
    };
    let small = smallest(scenario, &|scenario| differs(scenario, false).is_some());
    let what = differs(&small, true).unwrap_or_default();
    format!("{what}\nof {}", small.to_json())
}

/// In an optimised build (`cargo test --release`) so many that it takes minutes.
#[test]
fn searches_find_the_same() {
    if let Some(seeds) = asked_for("RINGFENCE_EQUIVALENCE_SEEDS") {
        return tell(&survey(seeds, MANY).to_string());
    }
    if cfg!(debug_assertions) {
        survey(0..400, FEW).assert_worth_something(240);
    } else {
        let tally = survey(0..8_000, MANY);
        tell(&tally.to_string());
        tally.assert_worth_something(5_000);
    }
}
