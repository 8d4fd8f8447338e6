//! Recorded executions, run again: identically, in part, and in scenarios that have been edited since.

use ringfence::check::{
    Execution, Fit, NoSelection, Options, Recorded, ReplayError, ReplayOptions, Schedule, Selection, check,
};
use ringfence::diag::Finding;
use ringfence::validator::annotations::Profile;
use ringfence_base::scenario::{Environment, Op, Scenario, Stmt};
use ringfence_base::{Course, End, SiteId};

use crate::build::{Build, op};
use crate::schedules::{abba, endless};
use crate::survey::scenario;

const SCENARIOS: &str = include_str!("determinism.jsonl");

fn run(scenario: &Scenario, schedule: &str, steps_max: u64) -> Execution {
    let schedule: Schedule = schedule.parse().expect("a schedule");
    Execution::of(scenario, Profile::default(), &schedule, steps_max, &|| true).expect("a valid scenario")
}

fn string(execution: &Execution) -> String {
    execution.recorded().to_string()
}

fn replay_with(scenario: &Scenario, text: &str, options: &ReplayOptions) -> Result<Execution, ReplayError> {
    let recorded: Recorded = text.parse().expect("a replay string");
    Execution::replayed(scenario, &recorded, options, &|| true)
}

fn replay(scenario: &Scenario, text: &str) -> Execution {
    replay_with(scenario, text, &ReplayOptions::default()).expect("it can be replayed")
}

fn assert_same(execution: &Execution, again: &Execution) {
    assert_eq!(again.fit(), Some(&Fit::Identical));
    assert_eq!(again.events(), execution.events());
    assert_eq!(again.steps(), execution.steps());
    assert_eq!(again.choices(), execution.choices());
    assert_eq!(again.end(), execution.end());
    assert_eq!(again.recorded().to_string(), execution.recorded().to_string());
}

/// Runs of random scenarios with all schedules, also those that are cut off.
#[test]
fn random_executions_again() {
    let stored = SCENARIOS.lines().map(|line| Scenario::from_json(line).expect("a valid scenario"));
    let all = (0..120).map(scenario).chain(stored);
    let mut ends = [0; 3];
    for (number, scenario) in all.enumerate() {
        for schedule in ["run-to-completion", "round-robin", &format!("random:{number}"), "0,1,1,0,1"] {
            for steps_max in [400, 30] {
                let execution = run(&scenario, schedule, steps_max);
                ends[execution.end() as usize] += 1;
                assert_same(&execution, &replay(&scenario, &string(&execution)));
            }
        }
    }
    assert!(ends.iter().all(|&count| count > 50), "{ends:?}");
}

/// Every finding of a check, under several profiles; its string is short.
#[test]
fn findings_again() {
    let mut lengths = Vec::new();
    let stored = SCENARIOS.lines().map(|line| Scenario::from_json(line).expect("a valid scenario"));
    for (number, scenario) in (0..40).map(scenario).chain(stored).chain([abba()]).enumerate() {
        let profile = Profile::named(Profile::NAMES[number % 3]).expect("it is one");
        let options = Options { executions: 60, steps_max: 400, profile, ..Options::default() };
        for finding in check(&scenario, &options, &|_| true).expect("a valid scenario").findings {
            let witness = finding.witness.expect("each has one");
            let again = replay(&scenario, &witness.schedule);
            assert_eq!((again.fit(), again.steps()), (Some(&Fit::Identical), &*witness.steps));
            let found = again.findings(&scenario, profile).expect("a valid scenario");
            let rules: Vec<&str> = found.iter().map(|finding| finding.rule).collect();
            // A hang may be told as what the validator says of the same locks, if that comes with it.
            let is_same = |found: &Finding| match finding.chain.is_empty() {
                true => found.rule == finding.rule,
                false => found.chain == finding.chain,
            };
            assert!(found.iter().any(is_same), "{}: {} is not among {rules:?}", scenario.name, finding.rule);
            if witness.steps.len() <= 20 {
                lengths.push(witness.schedule.len());
            }
        }
    }
    lengths.sort_unstable();
    assert!(lengths.len() > 20, "{lengths:?}");
    assert!(lengths[lengths.len() / 2] <= 40 && lengths[lengths.len() - 1] <= 60, "{lengths:?}");
}

/// A long random execution is told by its seed: the string does not grow.
#[test]
fn a_long_execution_has_a_short_string() {
    let text = string(&run(&endless(), "random:7", 10_000));
    assert!(text.len() <= 40, "{text}");
    let mut build = Build::default();
    for name in ["one", "two", "three"] {
        let body = vec![op(Op::CondResched, &[])];
        build.thread(name, &[], vec![Stmt::Loop { body, at: SiteId::UNKNOWN }]);
    }
    let spin = build.scenario;
    let execution = run(&spin, "random:2", 10_000);
    assert_eq!((execution.end(), execution.steps().len()), (End::Bound, 10_000));
    assert_eq!(execution.recorded().course, Course::Random(2));
    assert!(string(&execution).len() <= 40);
    assert_same(&execution, &replay(&spin, &string(&execution)));
    // Where nobody knows the seed, the deviations are there.
    let choices: Vec<String> = execution.choices().iter().map(u32::to_string).collect();
    let told = run(&spin, &choices.join(","), 10_000);
    assert!((1000..20_000).contains(&string(&told).len()), "{}", string(&told).len());
    assert_same(&told, &replay(&spin, &string(&told)));
}

#[test]
fn a_beginning_and_then_something_else() {
    let whole = run(&abba(), "0,1", 1000);
    assert_eq!(whole.end(), End::Hung);
    let text = string(&whole);
    let steps = |steps, then: Option<&str>| {
        let then = then.map(|then| then.parse().expect("a schedule"));
        let options = ReplayOptions { steps: Some(steps), then, ..ReplayOptions::default() };
        replay_with(&abba(), &text, &options).expect("it can be replayed")
    };
    for count in 0..whole.steps().len() {
        let part = steps(count as u64, None);
        assert_eq!((part.end(), part.steps()), (End::Bound, &whole.steps()[..count]));
        let of = whole.steps().len() as u64;
        assert_eq!(part.fit(), Some(&Fit::Beginning { steps: count as u64, of, edited: false }));
    }
    // Only the first one has its lock: the other order does not hang.
    let finished = steps(1, Some("run-to-completion"));
    assert_eq!((finished.end(), finished.steps()[0].clone()), (End::Finished, whole.steps()[0].clone()));
    for seed in 0..20 {
        let then = format!("random:{seed}");
        let random = steps(2, Some(&then));
        assert_eq!(random.steps()[..2], whole.steps()[..2]);
        assert_eq!(steps(0, Some(&then)).events(), run(&abba(), &then, 1000).events());
    }
    let options = ReplayOptions { steps: Some(50), ..ReplayOptions::default() };
    let of = whole.steps().len() as u64;
    assert_eq!(
        replay_with(&abba(), &text, &options).err(),
        Some(ReplayError::NotSoManySteps { asked: 50, recorded: of })
    );
    let options = ReplayOptions { steps_max: Some(1), ..ReplayOptions::default() };
    let cut = replay_with(&abba(), &text, &options).expect("it can be replayed");
    assert_eq!(cut.fit(), Some(&Fit::Beginning { steps: 1, of, edited: false }));
}

#[test]
fn an_execution_that_was_cut_off_goes_on() {
    let text = string(&run(&endless(), "run-to-completion", 50));
    assert_eq!(replay(&endless(), &text).steps().len(), 50);
    let then = Some(Schedule::RoundRobin);
    let options = ReplayOptions { then, steps_max: Some(200), ..ReplayOptions::default() };
    let longer = replay_with(&endless(), &text, &options).expect("it can be replayed");
    assert_eq!(longer.steps().len(), 200);
    assert_eq!(longer.fit(), Some(&Fit::Beginning { steps: 50, of: 50, edited: false }));
}

/// The same scenario with another body of the second thread.
fn edited(edit: impl Fn(&mut Vec<Stmt>)) -> Scenario {
    let mut scenario = abba();
    let program = scenario.threads[1].program;
    edit(&mut scenario.programs[program.index()].body);
    scenario
}

#[test]
fn an_edited_scenario_is_replayed_as_far_as_it_fits() {
    let whole = run(&abba(), "0,1", 1000);
    let text = string(&whole);
    // It does something more, which is not reached: nothing changes.
    let more = edited(|body| body.push(op(Op::CondResched, &[])));
    let again = replay(&more, &text);
    assert_eq!((again.fit(), again.events()), (Some(&Fit::Identical), whole.events()));
    // It does something more at first: everything fits.
    let before = edited(|body| body.insert(0, op(Op::CondResched, &[])));
    let again = replay(&before, &text);
    assert_eq!((again.fit(), again.end()), (Some(&Fit::Edited), End::Hung));
    assert_eq!(again.steps().len(), whole.steps().len() + 1);
    // It takes no second lock: everything fits, nothing hangs.
    let fixed = edited(|body| body.truncate(1));
    let again = replay(&fixed, &text);
    assert_eq!((again.fit(), again.end()), (Some(&Fit::Edited), End::Hung));
    // It does nothing at all: where it was to take its lock, it has returned.
    let gone = edited(Vec::clear);
    let mut waits = abba();
    waits.threads.pop();
    for other in [gone, waits] {
        let again = replay(&other, &text);
        let Some(Fit::Stopped { step, why }) = again.fit() else { panic!("{:?}", again.fit()) };
        assert_eq!(*step as usize, again.steps().len());
        assert!(!why.is_empty());
        assert_eq!(again.steps()[..1], whole.steps()[..1]);
        let options = ReplayOptions { then: Some(Schedule::RunToCompletion), ..ReplayOptions::default() };
        let on = replay_with(&other, &text, &options).expect("it can be replayed");
        assert_eq!((on.end(), on.fit()), (End::Finished, again.fit()));
    }
}

#[test]
fn what_fits_is_said_in_a_sentence() {
    let fit = |fit: Fit| (fit.fits(), fit.stopped_at(), fit.to_string());
    let all = [
        (Fit::Identical, (true, None, "replayed: the same steps and events as recorded")),
        (
            Fit::Beginning { steps: 7, of: 20, edited: true },
            (true, None, "replayed: the first 7 of 20 recorded steps; the scenario was edited since"),
        ),
        (
            Fit::Stopped { step: 7, why: "one was to go on, which is not possible".into() },
            (
                false,
                Some(7),
                "the scenario was edited since this was recorded; the recording fits up to step 7: there one was to go \
                 on, which is not possible",
            ),
        ),
    ];
    for (one, (fits, stopped_at, text)) in all {
        assert_eq!(fit(one), (fits, stopped_at, text.to_owned()));
    }
    assert!(Fit::Edited.fits() && !Fit::Different { step: Some(1) }.fits());
}

/// A name may change, and the code may move; both together with what is in it is another scenario.
#[test]
fn other_scenarios_profiles_and_models() {
    let text = string(&run(&abba(), "0,1", 1000));
    let renamed = Scenario { name: "other".into(), ..abba() };
    assert_eq!(replay(&renamed, &text).fit(), Some(&Fit::Identical));
    let other = Scenario { name: "other".into(), environment: Environment::contract(), ..abba() };
    let default = ReplayOptions::default();
    let error = replay_with(&other, &text, &default).err();
    assert_eq!(error, Some(ReplayError::OtherScenario { name: "other".into() }));
    let refused = |change: fn(&mut Recorded), options: &ReplayOptions| {
        let mut recorded: Recorded = text.parse().expect("a replay string");
        change(&mut recorded);
        Execution::replayed(&abba(), &recorded, options, &|| true).expect_err("it is refused").to_string()
    };
    assert_eq!(
        refused(|recorded| recorded.model = 77, &default),
        "the replay string was recorded by version 77 of ringfence's model, and this is version 1: the same choices \
         would lead elsewhere; run the check again for a new one, or replay it with the ringfence that made it"
    );
    assert!(
        refused(|recorded| recorded.profile = 1 << 20, &default).contains("a switch that this ringfence")
    );
    let options = ReplayOptions { profile: Some(Profile::NEXT), ..ReplayOptions::default() };
    assert_eq!(
        refused(|recorded| recorded.profile = 0b100_1100, &options),
        "the replay string was recorded with profile 5.9 strict=off, not next; it says so itself: name no profile"
    );
    let same = ReplayOptions { profile: Some(Profile::V6_12), ..ReplayOptions::default() };
    assert!(replay_with(&abba(), &text, &same).is_ok());
}

/// What is the same in name and content but goes another way can only be a bug, and is said to be one.
#[test]
fn what_differs_without_an_edit_is_a_bug() {
    let other = string(&run(&abba(), "0,0", 1000));
    let mut recorded: Recorded = string(&run(&abba(), "0,1", 1000)).parse().expect("a replay string");
    let other: Recorded = other.parse().expect("a replay string");
    recorded.course = other.course;
    let again =
        Execution::replayed(&abba(), &recorded, &ReplayOptions::default(), &|| true).expect("it runs");
    assert!(matches!(again.fit(), Some(Fit::Different { .. })), "{:?}", again.fit());
}

#[test]
fn a_selection_is_a_schedule_or_a_replay_string() {
    let execution = run(&abba(), "0,1", 1000);
    let text = string(&execution);
    assert_eq!(text.parse(), Ok(Selection::Recorded(execution.recorded().clone())));
    assert_eq!("0,1".parse(), Ok(Selection::By(Schedule::Choices(vec![0, 1]))));
    assert!(matches!("sideways".parse::<Selection>(), Err(NoSelection::NoSchedule(_))));
    assert!(matches!("rf1:sideways".parse::<Selection>(), Err(NoSelection::NotAReplayString(_))));
}
