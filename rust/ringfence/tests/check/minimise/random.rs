//! Whatever random scenarios break stays the same when it is made smaller.

use ringfence::check::{Execution, Options, Schedule, minimise};
use ringfence::diag::Finding;
use ringfence_base::scenario::Scenario;

use super::Size;
use crate::random::{asked_for, tell};
use crate::survey::scenario;

const STEPS: u64 = 400;

/// The findings of an execution of these choices.
fn findings(scenario: &Scenario, choices: &[u32], steps: u64) -> Vec<Finding> {
    let (profile, schedule) = (Options::default().profile, Schedule::Choices(choices.to_vec()));
    let execution = Execution::of(scenario, profile, &schedule, steps, &|| true).expect("a valid scenario");
    assert_eq!(execution.misfit(), None, "the schedule is one of this scenario");
    execution.findings(scenario, profile).expect("a valid scenario")
}

/// The same rule at the same line. What the validator has seen before a hang may give that a name of its own.
fn is_same(one: &Finding, other: &Finding) -> bool {
    let named = |finding: &Finding| finding.rule == "RF701" || finding.rule.starts_with("RF6");
    let hangs = !one.chain.is_empty() && !other.chain.is_empty() && named(one) && named(other);
    (hangs || one.rule == other.rule) && (&one.at.file, one.at.line) == (&other.at.file, other.at.line)
}

#[test]
fn what_is_found_stays_the_same() {
    let options = Options { steps_max: STEPS, ..Options::default() };
    let (mut cases, mut smaller, mut executions) = (0_u64, 0_u64, 0_u64);
    for seed in asked_for("RINGFENCE_MINIMISE_SEEDS").unwrap_or(0..5) {
        let scenario = scenario(seed);
        let schedule = Schedule::Random(seed);
        let execution = Execution::of(&scenario, options.profile, &schedule, STEPS, &|| true);
        let choices = execution.expect("a valid scenario").choices().to_vec();
        for finding in findings(&scenario, &choices, STEPS) {
            let Some(minimised) = minimise(&scenario, &finding, &choices, &options, &|| true) else {
                continue;
            };
            let small = &minimised.in_scenario;
            small_is_valid(&minimised.scenario, &scenario, seed);
            let (schedule, chain) = (&minimised.schedule, &minimised.chain);
            assert_eq!(finding.chain.is_empty(), chain.is_empty(), "seed {seed}");
            // What only the validator says is said of where it noticed, which is one of several places.
            if !finding.chain.is_empty() || finding.lock.is_none() {
                let again = findings(&scenario, &schedule.choices, schedule.steps + 1);
                assert!(again.iter().any(|found| is_same(found, &finding)), "seed {seed}: {finding:#?}");
                let again = findings(&minimised.scenario, &small.choices, small.steps + 1);
                assert!(again.iter().any(|found| is_same(found, &finding)), "seed {seed}: {finding:#?}");
            }
            let twice = minimise(&scenario, &finding, &choices, &options, &|| true).expect("it was there");
            assert_eq!((&twice.scenario, &twice.in_scenario), (&minimised.scenario, small), "seed {seed}");
            cases += 1;
            smaller += u64::from(Size::of(&minimised.scenario) < Size::of(&scenario));
            executions = executions.max(minimised.spent.executions);
        }
    }
    assert!(cases > 0 && smaller * 2 > cases, "{smaller} of {cases} got smaller");
    tell(&format!("{cases} findings, {smaller} smaller, at most {executions} executions"));
}

/// Nothing is larger, and places are those of the original.
fn small_is_valid(small: &Scenario, original: &Scenario, seed: u64) {
    small.validate().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(small.sites, original.sites, "seed {seed}");
    let (small, original) = (Size::of(small), Size::of(original));
    assert!(small.threads <= original.threads, "seed {seed}");
    assert!(small.statements <= original.statements, "seed {seed}");
    assert!(small.objects <= original.objects, "seed {seed}");
    assert!(small.parts.iter().all(|part| original.parts.contains(part)), "seed {seed}");
}
