//! Searches over the executions and states of random scenarios find the same ends.

use std::collections::BTreeSet;

use ringfence::check::StateExecutor;
use ringfence::model::Plan;
use ringfence_base::{End, Stateful};
use ringfence_explore::{
    Bound, Budget, Dfs, Fingerprints, Limits, Replay, Runner, SnapshotDfs, Summary, Trail, WholeStates,
    states_breadth_first, states_depth_first,
};
use ringfence_lockdep::annotations::Profile;

use crate::random::{asked_for, tell};
use crate::survey::scenario;

/// What is searched to its end within this is compared; the rest would take too long.
const EXECUTIONS: u64 = 400;
const STEPS: u64 = 200;

type Ends = BTreeSet<(End, u64)>;

#[derive(Default, Debug)]
struct Tally {
    compared: u64,
    hung: u64,
    several: u64,
    executions: u64,
    states: u64,
}

fn budget() -> Budget<'static> {
    Budget { executions_max: EXECUTIONS, ..Budget::each(Limits::steps(STEPS)) }
}

/// The ends that a search tells of; each replays.
fn ends<'p>(
    executor: &mut StateExecutor<'p>,
    search: impl FnOnce(
        &mut StateExecutor<'p>,
        &mut dyn FnMut(&mut StateExecutor<'p>, &Trail, End) -> bool,
    ) -> Summary,
) -> (Ends, Summary) {
    let mut ends = Ends::new();
    let mut last = None;
    let mut visit = |executor: &mut StateExecutor<'p>, trail: &Trail, end| {
        ends.insert((end, executor.fingerprint()));
        last = Some((trail.clone(), end, executor.fingerprint()));
        true
    };
    let summary = search(executor, &mut visit);
    if let Some((trail, end, fingerprint)) = last {
        let mut replay = Replay::new(trail.choices.clone());
        let mut runner = Runner::default();
        let limits = Limits::steps(trail.steps + u64::from(end != End::Bound));
        assert_eq!(runner.run(executor, &mut replay, limits, &mut ()), end);
        assert_eq!(executor.fingerprint(), fingerprint);
        assert_eq!(*runner.trail(), trail);
    }
    (ends, summary)
}

fn compare(seed: u64, tally: &mut Tally) {
    let Ok(plan) = Plan::new(&scenario(seed)) else { return };
    let executor = &mut StateExecutor::new(&plan, Profile::default());
    let (expected, whole) = ends(executor, |executor, visit| {
        SnapshotDfs::new(Bound::None).run(executor, budget(), &mut { visit })
    });
    if !whole.complete() {
        return;
    }
    let (stateless, plain) =
        ends(executor, |executor, visit| Dfs::new(Bound::None).run(executor, budget(), &mut { visit }));
    assert_eq!((stateless, plain.executions), (expected.clone(), whole.executions), "{seed}");
    let (deep, by_depth) = ends(executor, |executor, visit| {
        states_depth_first(executor, &mut Fingerprints::new(), budget(), &mut { visit })
    });
    let (broad, by_breadth) = ends(executor, |executor, visit| {
        states_breadth_first(executor, &mut WholeStates::new(), budget(), &mut { visit })
    });
    assert!(by_depth.complete() && by_breadth.complete(), "{seed}");
    assert_eq!(deep, expected, "{seed}: depth first");
    assert_eq!(broad, expected, "{seed}: breadth first");
    assert_eq!(by_depth.states, by_breadth.states, "{seed}: two states share a fingerprint, or one has two");
    tally.compared += 1;
    tally.hung += u64::from(expected.iter().any(|(end, _)| *end == End::Hung));
    tally.several += u64::from(expected.len() > 1);
    tally.executions += whole.executions;
    tally.states += by_depth.states.unwrap_or(0);
}

#[test]
fn searches_find_the_same_ends() {
    let asked = asked_for("RINGFENCE_SEARCH_SEEDS");
    let mut tally = Tally::default();
    for seed in asked.clone().unwrap_or(0..500) {
        compare(seed, &mut tally);
    }
    if asked.is_some() {
        return tell(&format!("{tally:?}"));
    }
    assert!(tally.compared > 20 && tally.hung > 5 && tally.several > 8, "{tally:?}");
}
