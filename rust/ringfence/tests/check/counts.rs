//! How many executions partial order reduction runs of scenarios of which that is known, with all judges.

use ringfence::check::{End, Executor, Trail};
use ringfence::model::Plan;
use ringfence_base::scenario::{Arg, Op, Scenario, Stmt};
use ringfence_explore::{Budget, Dpor, Limits, Summary};
use ringfence_lockdep::annotations::Profile;

use crate::build::{Build, obj, op};

/// Runs all of it. Nothing goes wrong in it, and nothing is reported.
fn explored(scenario: &Scenario) -> Summary {
    let plan = Plan::new(scenario).expect("a valid scenario");
    let mut executor = Executor::new(&plan, Profile::default());
    let mut visit = |executor: &mut Executor<'_>, _: &Trail, end| {
        assert_eq!(end, End::Finished);
        assert!(executor.problems().is_empty() && executor.monitor().breaches().is_empty());
        true
    };
    let summary = Dpor::default().explore(&mut executor, Budget::each(Limits::steps(1_000)), &mut visit);
    assert!(summary.complete());
    summary
}

fn nested(locks: &[Arg], inner: Stmt) -> Vec<Stmt> {
    let taken = locks.iter().map(|lock| op(Op::MutexLock, std::slice::from_ref(lock)));
    let given_back = locks.iter().rev().map(|lock| op(Op::MutexUnlock, std::slice::from_ref(lock)));
    taken.chain([inner]).chain(given_back).collect()
}

/// Each thread once before each other: the first lock decides.
#[test]
fn threads_that_take_the_same_locks_in_the_same_order() {
    let mut expected = 1;
    for threads in 1..=6 {
        expected *= threads;
        for locks in 1..=3 {
            let mut build = Build::default();
            let locks: Vec<Arg> = (0..locks).map(|n| obj(build.mutex(&format!("lock {n}")))).collect();
            for number in 0..threads {
                let body = nested(&locks, op(Op::CondResched, &[]));
                build.thread(&format!("thread {number}"), &[], body);
            }
            let summary = explored(&build.scenario);
            assert_eq!(
                (summary.executions, summary.blocked),
                (expected, 0),
                "{threads} threads: {summary:?}"
            );
        }
    }
}

/// Nobody is in anybody's way.
#[test]
fn threads_with_locks_of_their_own() {
    for threads in 1..=6 {
        let mut build = Build::default();
        for number in 0..threads {
            let own: Vec<Arg> =
                ["outer", "inner"].map(|name| obj(build.mutex(&format!("{name} {number}")))).to_vec();
            build.thread(&format!("thread {number}"), &[], nested(&own, op(Op::CondResched, &[])));
        }
        let summary = explored(&build.scenario);
        assert_eq!((summary.executions, summary.blocked), (1, 0), "{threads} threads: {summary:?}");
    }
}
