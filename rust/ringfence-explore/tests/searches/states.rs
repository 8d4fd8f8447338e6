//! Exhaustive search over states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use ringfence_base::{Action, End};
use ringfence_explore::cells::{Cells, Op, at, constant};
use ringfence_explore::{
    Bound, Budget, Fingerprints, Limits, Path, Seen, SnapshotDfs, Stop, Summary, Trail, Visit, VisitStates,
    WholeStates, states_breadth_first, states_depth_first,
};

use super::reference::{Ends, all, assert_replays, end_of, independent, naive, random_system};

const STEPS_MAX: u64 = 1_000_000;

/// Which search, and which set of states.
const SEARCHES: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

fn search(
    (breadth, whole): (bool, bool),
    system: &mut Cells,
    budget: Budget<'_>,
    visit: &mut impl VisitStates<Cells>,
) -> Summary {
    match (breadth, whole) {
        (false, false) => states_depth_first(system, &mut Fingerprints::new(), budget, visit),
        (false, true) => states_depth_first(system, &mut WholeStates::new(), budget, visit),
        (true, false) => states_breadth_first(system, &mut Fingerprints::new(), budget, visit),
        (true, true) => states_breadth_first(system, &mut WholeStates::new(), budget, visit),
    }
}

#[test]
fn the_ends_and_states_of_random_systems_are_all_found_and_replay() {
    for seed in 0..400 {
        let mut system = random_system(seed, 4);
        let expected = naive(&system);
        for kind in SEARCHES {
            let mut ends = Ends::new();
            let mut told = 0;
            let mut tell = |system: &mut Cells, trail: &Trail, end: End| {
                assert_replays(system, trail, &end_of(system, end));
                ends.insert(end_of(system, end));
                told += 1;
                true
            };
            let summary = search(kind, &mut system, all(STEPS_MAX), &mut tell);
            assert!(summary.complete(), "{seed} {kind:?}");
            assert_eq!(ends, expected.ends, "{seed} {kind:?}");
            assert_eq!(told, ends.len(), "{seed} {kind:?}: an end was told twice");
            assert_eq!(summary.states, Some(expected.states.len() as u64), "{seed} {kind:?}");
            assert!((summary.share - 1.0).abs() < f64::EPSILON, "{seed} {kind:?}: {}", summary.share);
        }
    }
}

#[test]
fn states_of_private_locks_are_three_to_the_n() {
    for n in 1..=7 {
        for kind in SEARCHES {
            let mut tell = |_: &mut Cells, _: &Trail, _: End| true;
            let summary = search(kind, &mut Cells::own(n), all(STEPS_MAX), &mut tell);
            assert_eq!(summary.states, Some(3u64.pow(n)));
            assert_eq!(summary.executions, 1);
            // Of each state, one step for each thread that is not at its end.
            assert_eq!(summary.steps, u64::from(n) * 2 * 3u64.pow(n - 1));
        }
    }
}

#[test]
fn breadth_first_meets_each_end_on_a_shortest_way() {
    let mut differing = 0;
    for seed in 0..1500 {
        let mut system = random_system(seed, 4);
        let mut shortest = BTreeMap::new();
        let mut tell = |system: &mut Cells, trail: &Trail, end: End| {
            let steps: &mut u64 = shortest.entry(end_of(system, end)).or_insert(trail.steps);
            *steps = trail.steps.min(*steps);
            true
        };
        SnapshotDfs::new(Bound::None).run(&mut system, all(STEPS_MAX), &mut tell);
        let mut found = BTreeMap::new();
        let mut tell = |system: &mut Cells, trail: &Trail, end: End| {
            found.insert(end_of(system, end), trail.steps);
            true
        };
        states_breadth_first(&mut system, &mut WholeStates::new(), all(STEPS_MAX), &mut tell);
        assert_eq!(found, shortest, "{seed}");
        let lengths: BTreeSet<u64> = found.into_values().collect();
        differing += u32::from(lengths.len() > 1);
    }
    assert!(differing > 20, "all ways were equally long");
}

/// Is told of every step.
#[derive(Default)]
struct Steps {
    count: u64,
    progress: Vec<Summary>,
    checked: u64,
    system: Option<Cells>,
}

impl Visit<Cells> for Steps {
    fn execution(&mut self, _: &mut Cells, _: &Trail, _: End) -> bool {
        true
    }
}

impl VisitStates<Cells> for Steps {
    fn step(&mut self, system: &mut Cells, _: Action, path: &dyn Path) -> bool {
        self.count += 1;
        if self.count % 64 == 1 {
            let trail = path.trail();
            let fresh = self.system.get_or_insert_with(|| system.clone());
            let mut replay = ringfence_explore::Replay::new(trail.choices.clone());
            let mut runner = ringfence_explore::Runner::default();
            runner.run(fresh, &mut replay, Limits::steps(trail.steps), &mut ());
            assert_eq!(fresh.now(), system.now());
            self.checked += 1;
        }
        true
    }

    fn progress(&mut self, so_far: &Summary) {
        self.progress.push(so_far.clone());
    }
}

#[test]
fn every_step_is_told_with_the_way_that_led_to_it() {
    for kind in SEARCHES {
        for mut system in [Cells::own(6), Cells::fence(), random_system(3, 6)] {
            let mut steps = Steps::default();
            let summary = search(kind, &mut system, all(STEPS_MAX), &mut steps);
            assert_eq!(summary.steps, steps.count);
            assert!(steps.checked > 0);
        }
        let mut steps = Steps::default();
        search(kind, &mut Cells::own(7), all(STEPS_MAX), &mut steps);
        assert_eq!(steps.progress.len(), 2);
        let states: Vec<_> = steps.progress.iter().map(|so_far| so_far.states).collect();
        assert!(states[0] < states[1], "{states:?}");
        assert!(steps.progress.iter().all(|so_far| so_far.share > 0.0 && so_far.share < 1.0));
    }
}

#[test]
fn memory_stops_a_search_with_what_was_found() {
    for (breadth, whole) in SEARCHES {
        let memory_max = 200_000;
        let budget = Budget { memory_max, ..all(STEPS_MAX) };
        let mut tell = |_: &mut Cells, _: &Trail, _: End| true;
        let summary = search((breadth, whole), &mut Cells::own(9), budget, &mut tell);
        assert_eq!(summary.stopped, Some(Stop::Memory), "{breadth} {whole}");
        assert!(summary.memory <= memory_max + memory_max / 100, "{} bytes", summary.memory);
        assert!(summary.states > Some(100), "{:?}", summary.states);
        assert!(summary.states < Some(19_683));
    }
}

#[test]
fn an_interruption_a_visitor_and_a_budget_stop_it() {
    for kind in SEARCHES {
        let asked = AtomicU64::new(0);
        let go_on = || asked.fetch_add(1, Ordering::Relaxed) < 3;
        let limits = Limits { steps_max: STEPS_MAX, go_on: Some(&go_on) };
        let mut tell = |_: &mut Cells, _: &Trail, _: End| true;
        let summary = search(kind, &mut Cells::own(8), Budget::each(limits), &mut tell);
        assert_eq!(summary.stopped, Some(Stop::Interrupted));
        assert_eq!(summary.steps, 4 * 4096);

        let hung = |_: &mut Cells, _: &Trail, end: End| end != End::Hung;
        let summary = search(kind, &mut Cells::abba(), all(STEPS_MAX), &mut { hung });
        assert_eq!(summary.stopped, Some(Stop::Visitor));

        let budget = Budget { executions_max: 1, ..all(STEPS_MAX) };
        let summary = search(kind, &mut Cells::abba(), budget, &mut tell);
        assert_eq!((summary.stopped, summary.executions), (Some(Stop::Executions), 1));
        // As many as there are is no reason to stop.
        let budget = Budget { executions_max: 1, ..all(STEPS_MAX) };
        assert!(search(kind, &mut independent(&[2, 2]), budget, &mut tell).complete());
    }
}

#[test]
fn what_the_bound_on_steps_cuts_off_is_told_as_such() {
    for kind in SEARCHES {
        let mut ends = Vec::new();
        let mut tell = |_: &mut Cells, trail: &Trail, end: End| {
            ends.push((trail.steps, end));
            true
        };
        let summary = search(kind, &mut independent(&[2, 2]), all(3), &mut tell);
        assert_eq!(summary.stopped, Some(Stop::Steps));
        assert_eq!(ends, [(3, End::Bound), (3, End::Bound)]);
        assert_eq!(summary.bounded, 2);
    }
}

#[test]
fn endless_programs_have_few_states() {
    let spin = vec![
        Op::Read { cell: at(0), to: ringfence_explore::cells::Register::A },
        Op::JumpIfZero { register: ringfence_explore::cells::Register::A, to: 0 },
    ];
    let set = vec![Op::Write { cell: at(0), value: constant(1) }];
    for kind in SEARCHES {
        let mut ends = Vec::new();
        let mut tell = |_: &mut Cells, _: &Trail, end: End| {
            ends.push(end);
            true
        };
        let mut system = Cells::new(vec![0], 0, &[spin.clone(), set.clone()]);
        let summary = search(kind, &mut system, all(STEPS_MAX), &mut tell);
        assert!(summary.complete());
        assert_eq!(ends, [End::Finished]);
        assert_eq!(summary.states, Some(3));
    }
}

#[test]
fn a_set_of_fingerprints_is_a_set() {
    let mut seen = Fingerprints::new();
    let mut rng = ringfence_base::rng::Rng::new(7);
    let mut known = BTreeSet::new();
    for _ in 0..200_000 {
        // Few enough to meet again, in the upper bits only as well as in the lower ones only.
        let number = rng.below(50_000) as u64;
        let fingerprint = if rng.percent(50) { number + 1 } else { (number + 1) << 40 };
        assert_eq!(seen.add(fingerprint), known.insert(fingerprint));
    }
    assert_eq!(Seen::<Cells>::len(&seen), known.len());
    // No number is lost or taken for none.
    assert!(Fingerprints::new().add(0) && Fingerprints::new().add(u64::MAX));
}

#[test]
fn what_was_seen_is_not_gone_through_again() {
    let mut seen = WholeStates::new();
    let mut tell = |_: &mut Cells, _: &Trail, _: End| true;
    let mut system = Cells::own(3);
    states_depth_first(&mut system, &mut seen, all(STEPS_MAX), &mut tell);
    let again = states_breadth_first(&mut system, &mut seen, all(STEPS_MAX), &mut tell);
    assert_eq!((again.steps, again.executions, again.stopped), (0, 0, None));
}
