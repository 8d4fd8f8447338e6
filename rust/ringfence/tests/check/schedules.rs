//! One execution, and the questions around it: does the schedule fit, what does it break, is it still wanted.

use std::sync::atomic::{AtomicU64, Ordering};

use ringfence::check::{CheckError, End, Execution, Method, Options, Progress, Schedule, check};
use ringfence::validator::annotations::Profile;
use ringfence_base::SiteId;
use ringfence_base::scenario::{Op, Scenario, Stmt};

use crate::build::{Build, obj, op};

/// Two mutexes in two orders.
pub(crate) fn abba() -> Scenario {
    let mut build = Build::default();
    let (a, b) = (build.mutex("a"), build.mutex("b"));
    for (name, first, second) in [("one", a, b), ("two", b, a)] {
        let ops = [(Op::MutexLock, first), (Op::MutexLock, second)];
        let undo = [(Op::MutexUnlock, second), (Op::MutexUnlock, first)];
        let body = ops.into_iter().chain(undo).map(|(which, mutex)| op(which, &[obj(mutex)]));
        build.thread(name, &[], body.collect());
    }
    build.scenario
}

/// A thread that never ends.
pub(crate) fn endless() -> Scenario {
    let mut build = Build::default();
    let at = SiteId::UNKNOWN;
    let body = vec![op(Op::CondResched, &[])];
    build.thread("spinner", &[], vec![Stmt::Loop { body, at }]);
    build.scenario
}

fn run(scenario: &Scenario, schedule: &str, steps_max: u64) -> Execution {
    let schedule: Schedule = schedule.parse().expect("a schedule");
    Execution::of(scenario, Profile::default(), &schedule, steps_max, &|| true).expect("a valid scenario")
}

#[test]
fn a_choice_that_is_not_possible_is_told_the_first_one() {
    assert_eq!(run(&abba(), "0,1,1", 1000).misfit(), None);
    let misfit = run(&abba(), "0,2,7", 1000).misfit().expect("there are two threads");
    assert_eq!((misfit.position, misfit.choice, misfit.most), (1, 2, 1));
}

#[test]
fn what_one_execution_breaks() {
    let broken = |schedule: &str| {
        let execution = run(&abba(), schedule, 1000);
        let findings = execution.findings(&abba(), Profile::default()).expect("a valid scenario");
        (execution.end(), findings.iter().map(|finding| finding.verdict.as_str()).collect::<Vec<_>>())
    };
    // One after the other: the validator predicts from both orders.
    assert_eq!(broken("0,0,0,0"), (End::Finished, vec!["PREDICTED"]));
    assert_eq!(broken("0,1"), (End::Hung, vec!["CONFIRMED"]));
}

#[test]
fn an_execution_that_is_not_wanted_any_more_ends() {
    let asked = AtomicU64::new(0);
    let go_on = || asked.fetch_add(1, Ordering::Relaxed) < 3;
    let schedule = Schedule::RunToCompletion;
    let execution = Execution::of(&endless(), Profile::default(), &schedule, 1 << 40, &go_on);
    let execution = execution.expect("a valid scenario");
    assert_eq!(execution.end(), End::Interrupted);
    assert!(execution.steps().len() < 100_000);
}

/// In the middle of an execution, and of a chunk of them.
#[test]
fn a_check_that_is_not_wanted_any_more_ends() {
    let interrupted_after = |scenario: &Scenario, times: u64| {
        let asked = AtomicU64::new(0);
        let go_on = |_: &Progress| asked.fetch_add(1, Ordering::Relaxed) < times;
        let options = Options {
            executions: 1 << 40,
            steps_max: 1 << 40,
            jobs: 2,
            method: Method::Random,
            ..Options::default()
        };
        check(scenario, &options, &go_on).expect("a valid scenario")
    };
    let report = interrupted_after(&endless(), 2);
    assert!(report.interrupted);
    assert_eq!(report.executions, 0);
    let report = interrupted_after(&abba(), 100);
    assert!(report.interrupted);
    assert!((1..200).contains(&report.executions), "{}", report.executions);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn no_executions_and_as_many_as_there_are_numbers() {
    let none = Options { executions: 0, method: Method::Random, ..Options::default() };
    assert_eq!(check(&abba(), &none, &|_| true).expect("a valid scenario").executions, 3);
    let endless =
        Options { executions: u64::MAX, seed: u64::MAX, method: Method::Random, ..Options::default() };
    let report =
        check(&abba(), &endless, &|progress: &Progress| progress.executions < 50).expect("a valid scenario");
    assert!(report.interrupted);
}

#[test]
fn errors_name_what_is_wrong() {
    let error = CheckError::Threads { jobs: 7, why: "no memory".into() };
    assert_eq!(error.to_string(), "can't start 7 threads: no memory; ask for fewer jobs");
}
