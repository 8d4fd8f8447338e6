//! Whole checks of random scenarios, one after the other: nothing panics, every finding replays, nothing is kept.
//!
//! `RINGFENCE_SOAK_SEEDS=0..100000` in the environment runs as many as wanted, and tells now and then how much memory
//! the process takes.

use ringfence::check::{Execution, Fit, Options, ReplayOptions, check};
use ringfence::diag::{Finding, Verdict};
use ringfence_base::scenario::{Environment, Scenario};

use crate::random::{asked_for, tell};
use crate::sched_scenario;
use crate::survey;

/// Executions of each search.
const EXECUTIONS: u64 = 100;
/// Steps of each.
const STEPS_MAX: u64 = 600;
/// Bytes that a search may keep.
const MEMORY_MAX: u64 = 64 << 20;
/// Scenarios between two lines that tell of it.
const TELL_EVERY: u64 = 50;

#[derive(Default, Debug)]
struct Soak {
    scenarios: u64,
    executions: u64,
    findings: u64,
    confirmed: u64,
    against_contract: u64,
    replayed: u64,
}

impl Soak {
    fn add(&mut self, scenario: &Scenario, seed: u64) {
        let options = Options {
            executions: EXECUTIONS,
            steps_max: STEPS_MAX,
            memory_max: MEMORY_MAX,
            seed,
            jobs: 2,
            ..Options::default()
        };
        let report = check(scenario, &options, &|_| true).expect("a valid scenario");
        self.scenarios += 1;
        self.executions += report.executions;
        for finding in report.findings {
            self.findings += 1;
            self.confirmed += u64::from(finding.verdict == Verdict::Confirmed);
            self.against_contract += u64::from(finding.against_contract);
            assert_replays(scenario, &finding, seed);
            self.replayed += 1;
        }
    }
}

/// The scenario in which a finding was found.
fn found_in(scenario: &Scenario, finding: &Finding) -> Scenario {
    let mut scenario = scenario.clone();
    if finding.against_contract {
        let fence_bound = scenario.environment.fence_bound;
        scenario.environment = Environment { fence_bound, ..Environment::contract() };
    }
    scenario
}

fn assert_replays(scenario: &Scenario, finding: &Finding, seed: u64) {
    let witness = finding.witness.as_ref().expect("each has one");
    let recorded = witness.schedule.parse().expect("it is a replay string");
    let scenario = found_in(scenario, finding);
    let again = Execution::replayed(&scenario, &recorded, &ReplayOptions::default(), &|| true);
    let again = again.unwrap_or_else(|error| panic!("seed {seed}, {}: {error}", finding.rule));
    assert_eq!(again.fit(), Some(&Fit::Identical), "seed {seed}, {}", finding.rule);
    assert_eq!(again.steps(), &*witness.steps, "seed {seed}, {}", finding.rule);
}

fn of(seed: u64) -> Scenario {
    match seed % 4 {
        3 => sched_scenario::made(seed).scenario,
        _ => survey::scenario(seed),
    }
}

/// Resident memory of this process in MiB, now and at most, where the system tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

#[test]
fn checks_one_after_the_other() {
    let asked = asked_for("RINGFENCE_SOAK_SEEDS");
    let mut soak = Soak::default();
    for seed in asked.clone().unwrap_or(0..6) {
        soak.add(&of(seed), seed);
        if asked.is_some() && soak.scenarios.is_multiple_of(TELL_EVERY) {
            tell(&format!("{soak:?}, MiB now and at most: {:?}", memory()));
        }
    }
    match asked {
        Some(_) => tell(&format!("{soak:?}, MiB now and at most: {:?}", memory())),
        None => assert!(soak.confirmed > 4 && soak.replayed > 8, "{soak:?}"),
    }
}
