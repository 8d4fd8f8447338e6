//! The same scenario and schedule: the same events, byte for byte; the same report, however many threads make it.
//!
//! `determinism.jsonl` has scenarios, `determinism.txt` what happens in them. The Python tests compare the release
//! build with the same file.

use std::fmt::Write as _;
use std::hash::{Hash, Hasher};

use ringfence::check::{End, Execution, Options, Report, Schedule, check};
use ringfence::model::{Action, MODEL_VERSION, Plan, World};
use ringfence_base::rng::Rng;
use ringfence_base::scenario::Scenario;
use ringfence_base::{ChoiceKind, Decide};
use ringfence_lockdep::annotations::Profile;

use crate::survey::scenario;

const SCENARIOS: &str = include_str!("determinism.jsonl");
const EXPECTED: &str = include_str!("determinism.txt");
const SCHEDULES: [&str; 4] = ["run-to-completion", "round-robin", "random:1", "random:2"];
/// Steps per execution, and random executions per check.
const STEPS: u64 = 400;
const EXECUTIONS: u64 = 1_200;

/// FNV-1a: the same on every machine, and short in every language.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn fnv() -> Fnv {
    Fnv(0xcbf2_9ce4_8422_2325)
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = fnv();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn scenarios() -> impl Iterator<Item = Scenario> {
    SCENARIOS.lines().map(|line| Scenario::from_json(line).expect("a valid scenario"))
}

fn report_of(scenario: &Scenario, jobs: usize) -> Report {
    let options = Options { executions: EXECUTIONS, steps_max: STEPS, jobs, ..crate::unminimised() };
    check(scenario, &options, &|_| true).expect("a valid scenario")
}

fn json_of(scenario: &Scenario, jobs: usize) -> String {
    serde_json::to_string(&report_of(scenario, jobs)).expect("a report is JSON")
}

/// What happens in all scenarios under all schedules, and what is found in each.
fn log() -> String {
    let mut log = String::new();
    for scenario in scenarios() {
        for schedule in SCHEDULES {
            let parsed: Schedule = schedule.parse().expect("a schedule");
            let profile = Profile::default();
            let execution = Execution::of(&scenario, profile, &parsed, STEPS, &|| true);
            let execution = execution.expect("a valid scenario");
            let events: Vec<String> = execution.events().iter().map(|event| format!("{event:?}")).collect();
            let end = match execution.end() {
                End::Finished => "finished",
                End::Hung => "hung",
                _ => "bound",
            };
            let hash = hash_of(&events.join("\n"));
            let (name, steps) = (&scenario.name, execution.steps().len());
            let _ = writeln!(
                log,
                "{name}, {schedule}: {end} after {steps} steps, {} events, {hash:016x}",
                events.len()
            );
        }
        let Report { executions, steps, bound, .. } = report_of(&scenario, 0);
        let _ = writeln!(
            log,
            "{}, checked: {executions} executions, {steps} steps, {bound} cut off",
            scenario.name
        );
    }
    log
}

#[test]
fn what_happens_is_what_always_happened() {
    let log = log();
    assert!(log == EXPECTED, "if the change is meant, determinism.txt is now:\n{log}");
}

/// What the steps of an execution are, as far as this file knows; how a check searches is another matter.
const MODEL: (u32, u64) = (1, 0x6c42_76c3_f8ea_e3d6);

/// If the steps change, strings that were recorded before lead elsewhere: raise `MODEL_VERSION` if a version with the
/// old steps was released, and write down the new pair here.
#[test]
fn the_model_has_the_version_of_its_steps() {
    let steps: Vec<&str> = EXPECTED.lines().filter(|line| !line.contains(", checked: ")).collect();
    assert_eq!((MODEL_VERSION, hash_of(&steps.join("\n"))), MODEL);
}

#[test]
#[expect(clippy::print_stdout, reason = "another process reads it")]
fn prints_its_log() {
    println!("\n{}", log());
}

#[test]
fn another_process_sees_the_same() {
    let this = std::env::current_exe().expect("this test has a file");
    let arguments = ["--exact", "determinism::prints_its_log", "--nocapture"];
    let output = std::process::Command::new(this).args(arguments).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("a log is text");
    assert!(text.contains(EXPECTED), "{text}");
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    for scenario in scenarios() {
        let one = json_of(&scenario, 1);
        for jobs in [2, 8] {
            assert!(json_of(&scenario, jobs) == one, "{} with {jobs} jobs", scenario.name);
        }
    }
}

/// Random choices, and the same again for the same seed.
struct Choices(Rng);

impl Decide for Choices {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.0.below(options)
    }
}

fn world_hash(world: &World) -> u64 {
    let mut hasher = fnv();
    world.hash(&mut hasher);
    hasher.finish()
}

/// One step of a world.
fn step(plan: &Plan, world: &mut World, action: Action, number: u64, seed: u64) -> String {
    let mut events = Vec::new();
    world.step(plan, action, number, &mut events, &mut Choices(Rng::new(seed)));
    format!("{events:?}")
}

/// A copy, made afresh or in place of a world that was somewhere else, is equal and goes the same way.
#[test]
fn copies_of_worlds_are_equal_and_stay_so() {
    for seed in 0..150 {
        let plan = Plan::new(&scenario(seed)).expect("a valid scenario");
        let mut rng = Rng::new(seed);
        let mut world = plan.initial().clone();
        let mut reused = plan.initial().clone();
        let mut actions = Vec::new();
        for number in 0..120 {
            world.enabled(&plan, &mut actions);
            if actions.is_empty() {
                break;
            }
            let action = *rng.pick(&actions);
            let choices = rng.next_u64();
            let mut cloned = world.clone();
            reused.clone_from(&world);
            assert!(cloned == world && reused == world, "seed {seed}, step {number}: copies differ");
            let events = step(&plan, &mut world, action, number, choices);
            for copy in [&mut cloned, &mut reused] {
                let of_copy = step(&plan, copy, action, number, choices);
                assert_eq!(of_copy, events, "seed {seed}, step {number}");
                assert!(*copy == world, "seed {seed}, step {number}: copies went different ways");
                assert_eq!(world_hash(copy), world_hash(&world), "seed {seed}, step {number}");
            }
        }
    }
}
