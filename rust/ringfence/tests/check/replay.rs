//! Recorded executions, run again: identically, in part, and in scenarios that have been edited since.

use ringfence::check::{
    Execution, Fit, NoSelection, Options, Recorded, ReplayError, ReplayOptions, Schedule, Selection, check,
};
use ringfence::diag::Finding;
use ringfence::validator::annotations::Profile;
use ringfence_base::rng::Rng;
use ringfence_base::scenario::{Environment, Op, Scenario, Stmt};
use ringfence_base::{Course, End, SiteId};

use crate::build::{Build, op};
use crate::random::{asked_for, tell};
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

/// Executions of one scenario with all schedules, also those that are cut off; how they ended is counted.
fn again(scenario: &Scenario, seed: u64, ends: &mut [u64; 3]) {
    for schedule in ["run-to-completion", "round-robin", &format!("random:{seed}"), "0,1,1,0,1"] {
        for steps_max in [400, 30] {
            let execution = run(scenario, schedule, steps_max);
            ends[execution.end() as usize] += 1;
            assert_same(&execution, &replay(scenario, &string(&execution)));
        }
    }
}

#[test]
fn random_executions_again() {
    let mut ends = [0; 3];
    if let Some(seeds) = asked_for("RINGFENCE_REPLAY_SEEDS") {
        seeds.for_each(|seed| again(&scenario(seed), seed, &mut ends));
        return tell(&format!("finished, hung, cut off: {ends:?}"));
    }
    (0..80).for_each(|seed| again(&scenario(seed), seed, &mut ends));
    for (seed, line) in SCENARIOS.lines().enumerate() {
        again(&Scenario::from_json(line).expect("a valid scenario"), seed as u64, &mut ends);
    }
    assert!(ends.iter().all(|&count| count > 50), "{ends:?}");
}

/// The scenario with something taken out or said twice; None if it makes no sense any more, or nothing has changed.
fn edit(scenario: &Scenario, rng: &mut Rng) -> Option<Scenario> {
    let mut other = scenario.clone();
    for _ in 0..=rng.below(3) {
        let which = rng.below(other.programs.len());
        let body = &mut other.programs.get_mut(which)?.body;
        let at = rng.below(body.len());
        match rng.below(8) {
            0 => drop(other.threads.pop()),
            1 => body.insert(at, body.get(at)?.clone()),
            _ if body.is_empty() => return None,
            _ => drop(body.remove(at)),
        }
    }
    (other.validate().is_ok() && other.identity() != scenario.identity()).then_some(other)
}

/// Edits at random: where a recording stops to fit, so many steps of it do fit, and it goes on if it is told to.
#[test]
fn random_edits() {
    let asked = asked_for("RINGFENCE_REPLAY_SEEDS");
    let (mut edited, mut stopped) = (0, 0);
    for seed in asked.clone().unwrap_or(0..400) {
        let scenario = scenario(seed);
        let Some(other) = edit(&scenario, &mut Rng::new(seed)) else { continue };
        let execution = run(&scenario, &format!("random:{seed}"), 60);
        let text = string(&execution);
        let replayed = replay(&other, &text);
        edited += 1;
        let Some(Fit::Stopped { step, .. }) = replayed.fit() else {
            assert!(replayed.fit().is_some_and(Fit::fits), "seed {seed}: {:?}", replayed.fit());
            continue;
        };
        stopped += 1;
        assert_eq!(replayed.steps().len() as u64, *step, "seed {seed}");
        let options = ReplayOptions { steps: Some(*step), ..ReplayOptions::default() };
        let before = replay_with(&other, &text, &options).expect("it can be replayed");
        assert!(before.fit().is_some_and(Fit::fits), "seed {seed}: {:?}", before.fit());
        assert_eq!(before.events(), replayed.events(), "seed {seed}");
        let then = Some(Schedule::Random(seed));
        let options = ReplayOptions { then, steps_max: Some(400), ..ReplayOptions::default() };
        let on = replay_with(&other, &text, &options).expect("it can be replayed");
        assert_eq!(on.fit(), replayed.fit(), "seed {seed}");
        assert_eq!(&on.steps()[..*step as usize], replayed.steps(), "seed {seed}");
        assert_same(&on, &replay(&other, &string(&on)));
    }
    match asked {
        Some(_) => tell(&format!("{edited} edited, {stopped} of them stop to fit")),
        None => assert!(edited > 100 && stopped > 20, "{edited} edited, {stopped} of them stop to fit"),
    }
}

/// Every finding of a check, under several profiles; its string is short.
#[test]
fn findings_again() {
    let mut lengths = Vec::new();
    let stored = SCENARIOS.lines().map(|line| Scenario::from_json(line).expect("a valid scenario"));
    for (number, scenario) in (0..40).map(scenario).chain(stored).chain([abba()]).enumerate() {
        let profile = Profile::named(Profile::NAMES[number % 3]).expect("it is one");
        let options =
            Options { executions: 60, steps_max: 400, profile, minimise: false, ..Options::default() };
        let findings = check(&scenario, &options, &|_| true).expect("a valid scenario").findings;
        // A livelock is a round, which one execution alone does not show; against the contract it is another scenario.
        for finding in findings.into_iter().filter(|item| item.rule != "RF702" && !item.against_contract) {
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

/// These strings are out there: what is in them is the same in every process and on every machine. If this fails
/// though the model's steps are the same, it is a mistake; otherwise `MODEL_VERSION` says so.
#[test]
fn strings_are_for_good() {
    let strings =
        ["run-to-completion", "0,1", "random:3"].map(|schedule| string(&run(&abba(), schedule, 1000)));
    let known =
        ["rf1:w6x7mcngrmz9rfrshv4f510", "rf1:epvzhp5grmz9rfrqr1q7chnr", "rf1:4chmmf5grmz9rfrt8j1b58n6pb00"];
    assert_eq!(strings, known);
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
    // It does nothing at all, but is there.
    assert_eq!(replay(&edited(Vec::clear), &text).fit(), Some(&Fit::Edited));
}

#[test]
fn an_edited_scenario_stops_to_fit() {
    // Both take a step or two between their locks.
    let mut long = abba();
    for program in &mut long.programs {
        program.body.insert(1, op(Op::CondResched, &[]));
        program.body.insert(1, op(Op::CondResched, &[]));
    }
    let mut one_order = long.clone();
    one_order.programs[0].body = long.programs[1].body.clone();
    let mut alone = long.clone();
    alone.threads.pop();
    let whole = run(&long, "1,1,0,1,0", 1000);
    let text = string(&whole);
    for (other, at) in [(one_order, 4), (alone, 0)] {
        let again = replay(&other, &text);
        let Some(Fit::Stopped { step, why }) = again.fit() else { panic!("{:?}", again.fit()) };
        assert_eq!((*step, again.steps().len() as u64, again.end()), (at, at, End::Bound));
        let expected = match at {
            0 => "something was to go on, or to arrive, that there is not any more",
            _ => "one was to go on, which is not possible",
        };
        assert_eq!(why, expected);
        let options = ReplayOptions { then: Some(Schedule::RunToCompletion), ..ReplayOptions::default() };
        let on = replay_with(&other, &text, &options).expect("it can be replayed");
        assert_eq!((on.end(), on.fit()), (End::Finished, again.fit()));
        assert_eq!(&on.steps()[..at as usize], again.steps());
        let options = ReplayOptions { steps: Some(at), ..ReplayOptions::default() };
        let before = replay_with(&other, &text, &options).expect("it can be replayed");
        let of = whole.steps().len() as u64;
        assert_eq!(before.fit(), Some(&Fit::Beginning { steps: at, of, edited: true }));
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
