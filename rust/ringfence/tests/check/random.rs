//! Any scenario goes through: what is wrong with it is a finding, and the world stays consistent after every step.

use ringfence_base::rng::Rng;
use ringfence_base::scenario::Scenario;

use crate::survey::{Survey, mutated, run_watched, scenario, twisted};

/// Random schedules per scenario, besides ordered ones.
const SCHEDULES: u64 = 2;
/// Steps per execution at most.
const BOUND: u64 = 600;

/// Runs the scenarios of these seeds; a panic names the seed.
fn survey(seeds: std::ops::Range<u64>, make: impl Fn(u64) -> Option<Scenario>) -> Survey {
    let mut survey = Survey::default();
    for seed in seeds {
        let Some(scenario) = make(seed) else { continue };
        let run = std::panic::AssertUnwindSafe(|| run_watched(&scenario, seed, SCHEDULES, BOUND));
        let one = std::panic::catch_unwind(run);
        survey.add(one.unwrap_or_else(|_| panic!("the scenario of seed {seed}:\n{}", scenario.to_json())));
    }
    survey
}

/// Seeds that somebody wants to be run, as `RINGFENCE_RANDOM_SEEDS=100000..200000` in the environment.
#[expect(clippy::disallowed_methods, reason = "how many is for whoever starts it")]
pub(crate) fn asked_for(name: &str) -> Option<std::ops::Range<u64>> {
    let seeds = std::env::var(name).ok()?;
    let parsed = seeds.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    Some(parsed.expect("seeds as 0..1000"))
}

#[expect(clippy::print_stdout, reason = "somebody waits for it")]
pub(crate) fn tell(text: &str) {
    println!("{text}");
}

#[test]
fn random_scenarios_go_through() {
    if let Some(seeds) = asked_for("RINGFENCE_RANDOM_SEEDS") {
        return tell(&format!("{:?}", survey(seeds, |seed| Some(scenario(seed)))));
    }
    let survey = survey(0..700, |seed| Some(scenario(seed)));
    assert_eq!(survey.executions(), 700 * (SCHEDULES + 2));
    // It is worth something only if all sorts of things happen.
    assert!(survey.finished > 500 && survey.hung > 300 && survey.bound > 100, "{survey:?}");
    assert!(survey.breaches > 10_000 && survey.problems > 5_000, "{survey:?}");
}

#[test]
fn mutated_scenarios_that_are_still_valid_go_through() {
    let make = |seed| Scenario::from_json(&mutated(&scenario(seed).to_json(), &mut Rng::new(seed))).ok();
    let survey = survey(10_000..12_000, make);
    assert!(survey.executions() > 1_000, "nearly all of them are refused: {survey:?}");
}

#[test]
fn scenarios_in_which_nothing_belongs_together_go_through() {
    let make = |seed| Some(twisted(seed)).filter(|twisted| twisted.validate().is_ok());
    if let Some(seeds) = asked_for("RINGFENCE_RANDOM_SEEDS") {
        return tell(&format!("{:?}", survey(seeds, make)));
    }
    let survey = survey(20_000..20_500, make);
    assert!(survey.executions() > 1_000, "nearly all of them are refused: {survey:?}");
}
