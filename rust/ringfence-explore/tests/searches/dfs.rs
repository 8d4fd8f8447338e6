//! Depth-first search: counts, bounds, subtrees, stops.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use ringfence_base::{Action, End, System};
use ringfence_explore::cells::Cells;
use ringfence_explore::{
    Bound, Budget, Dfs, Limits, SnapshotDfs, Stop, Subtree, Summary, Trail, random_descents, split,
    weighted_backtrack, widen,
};

use super::reference::{Ends, all, assert_replays, end_of, independent, naive, random_system};

const STEPS_MAX: u64 = 10_000;

fn factorial(n: usize) -> u64 {
    (1..=n as u64).product()
}

/// In how many orders steps of several threads can be taken.
fn multinomial(lengths: &[usize]) -> u64 {
    let all = factorial(lengths.iter().sum());
    lengths.iter().fold(all, |left, &length| left / factorial(length))
}

/// All executions that a search tells of: the trails, and the ends.
fn executions(system: &mut Cells, mut dfs: Dfs) -> (Vec<Trail>, Ends, Summary) {
    let (mut trails, mut ends) = (Vec::new(), Ends::new());
    let summary = dfs.run(system, all(STEPS_MAX), &mut |system: &mut Cells, trail: &Trail, end: End| {
        trails.push(trail.clone());
        ends.insert(end_of(system, end));
        true
    });
    (trails, ends, summary)
}

fn count(system: &mut Cells, bound: Bound) -> u64 {
    executions(system, Dfs::new(bound)).2.executions
}

#[test]
fn independent_steps_come_in_all_orders() {
    for lengths in [&[1][..], &[3, 4], &[2, 2, 2], &[1, 2, 3], &[1, 1, 1, 1, 1], &[5, 1, 2]] {
        let (trails, ends, summary) = executions(&mut independent(lengths), Dfs::new(Bound::None));
        assert_eq!(summary.executions, multinomial(lengths), "{lengths:?}");
        assert_eq!(summary.executions, trails.len() as u64);
        assert!(summary.complete());
        assert!((summary.share - 1.0).abs() < f64::EPSILON);
        assert_eq!(ends.len(), 1);
    }
}

#[test]
fn random_systems_have_the_executions_that_plain_recursion_sees() {
    let (mut hung, mut decided) = (0, 0);
    for seed in 0..400 {
        let mut system = random_system(seed, 4);
        let expected = naive(&system);
        let (trails, ends, summary) = executions(&mut system, Dfs::new(Bound::None));
        assert_eq!(summary.executions, expected.executions, "{seed}");
        assert_eq!(ends, expected.ends, "{seed}");
        let mut distinct = trails.clone();
        distinct.sort_by(|a, b| a.choices.cmp(&b.choices));
        distinct.dedup();
        assert_eq!(distinct.len(), trails.len(), "{seed}: an execution was run twice");
        hung += u32::from(ends.iter().any(|(end, _)| *end == End::Hung));
        decided += u32::from(ends.len() > 1);
    }
    assert!(hung > 40 && decided > 40, "too tame: {hung} hang, {decided} have several ends");
}

#[test]
fn snapshots_change_nothing_but_the_steps() {
    let mut steps = [0; 3];
    for seed in 0..150 {
        for bound in [Bound::None, Bound::Preemptions(1), Bound::Delays(2)] {
            let mut system = random_system(seed, 4);
            let (trails, _, stateless) = executions(&mut system, Dfs::new(bound));
            // With room for all states, and for hardly any.
            for memory_max in [u64::MAX, 1200] {
                let mut same = trails.iter();
                let mut tell = |system: &mut Cells, trail: &Trail, end: End| {
                    assert_eq!(same.next(), Some(trail), "{seed} {bound:?}");
                    if trail.steps.is_multiple_of(8) {
                        assert_replays(system, trail, &end_of(system, end));
                    }
                    true
                };
                let budget = Budget { memory_max, ..all(STEPS_MAX) };
                let summary = SnapshotDfs::new(bound).run(&mut system, budget, &mut tell);
                assert_eq!(same.next(), None, "{seed} {bound:?}");
                assert_eq!(summary.executions, stateless.executions);
                assert_eq!(summary.stopped, stateless.stopped);
                assert!(summary.steps <= stateless.steps);
                steps[usize::from(memory_max != u64::MAX)] += summary.steps;
                steps[2] += stateless.steps;
            }
        }
    }
    assert!(steps[0] < steps[1] && 2 * steps[1] < steps[2], "{steps:?}");
}

/// How many schedules of independent threads have at most so many preemptions: steps that are left of each, and whose
/// turn it is.
fn schedules(left: &[usize], current: Option<usize>, preemptions: u32) -> u64 {
    if left.iter().all(|&steps| steps == 0) {
        return 1;
    }
    let mut sum = 0;
    for next in (0..left.len()).filter(|&next| left[next] > 0) {
        let preempts = current.is_some_and(|current| current != next && left[current] > 0);
        let Some(rest) = preemptions.checked_sub(u32::from(preempts)) else { continue };
        let mut left = left.to_vec();
        left[next] -= 1;
        sum += schedules(&left, Some(next), rest);
    }
    sum
}

#[test]
fn preemptions_are_bounded() {
    for lengths in [&[2, 2][..], &[3, 3], &[1, 2, 3], &[2, 2, 2], &[4, 1, 2]] {
        let mut system = independent(lengths);
        // None: each thread runs to its end, in any order.
        assert_eq!(count(&mut system, Bound::Preemptions(0)), factorial(lengths.len()));
        for bound in 0..6 {
            let expected = schedules(lengths, None, bound);
            assert_eq!(count(&mut system, Bound::Preemptions(bound)), expected, "{lengths:?} {bound}");
        }
        assert_eq!(count(&mut system, Bound::Preemptions(20)), multinomial(lengths));
    }
}

/// How many schedules of independent threads a scheduler makes that may pass over so many threads.
fn delayed(left: &[usize], current: usize, delays: usize) -> u64 {
    let threads = left.len();
    let ready: Vec<usize> =
        (0..threads).map(|turn| (current + turn) % threads).filter(|&thread| left[thread] > 0).collect();
    if ready.is_empty() {
        return 1;
    }
    let mut sum = 0;
    for (passed_over, &next) in ready.iter().enumerate().take(delays + 1) {
        let mut left = left.to_vec();
        left[next] -= 1;
        sum += delayed(&left, next, delays - passed_over);
    }
    sum
}

#[test]
fn delays_are_bounded() {
    for lengths in [&[2, 2][..], &[3, 3], &[1, 2, 3], &[2, 2, 2], &[4, 1, 2]] {
        let mut system = independent(lengths);
        assert_eq!(count(&mut system, Bound::Delays(0)), 1);
        for bound in 0..6 {
            let expected = delayed(lengths, 0, bound as usize);
            assert_eq!(count(&mut system, Bound::Delays(bound)), expected, "{lengths:?} {bound}");
        }
        assert_eq!(count(&mut system, Bound::Delays(40)), multinomial(lengths));
    }
}

#[test]
fn a_bound_that_left_something_out_says_so() {
    let stopped = |bound| executions(&mut independent(&[2, 2]), Dfs::new(bound)).2.stopped;
    assert_eq!(stopped(Bound::Preemptions(0)), Some(Stop::Deviations));
    assert_eq!(stopped(Bound::Preemptions(1)), Some(Stop::Deviations));
    // One thread's two steps can be parted twice at most.
    assert_eq!(stopped(Bound::Preemptions(2)), None);
    assert_eq!(stopped(Bound::Delays(0)), Some(Stop::Deviations));
    assert_eq!(stopped(Bound::Delays(9)), None);
}

#[test]
fn widening_tells_each_execution_once_and_ends_with_all() {
    for lengths in [&[3, 3][..], &[2, 2, 2], &[1, 2, 3]] {
        let mut system = independent(lengths);
        for bound in [Bound::Preemptions as fn(u32) -> Bound, Bound::Delays] {
            let mut trails = Vec::new();
            let mut tell = |_: &mut Cells, trail: &Trail, _: End| {
                trails.push(trail.choices.clone());
                true
            };
            let summary = widen(&mut system, bound, 50, all(STEPS_MAX), &mut tell);
            assert!(summary.complete());
            assert_eq!(summary.executions, multinomial(lengths));
            trails.sort();
            trails.dedup();
            assert_eq!(trails.len() as u64, multinomial(lengths));
        }
    }
}

#[test]
fn widening_meets_what_takes_the_fewest_preemptions_first() {
    // The deadlock of two locks taken in opposite order takes one.
    let mut ends = Vec::new();
    let mut tell = |_: &mut Cells, _: &Trail, end: End| {
        ends.push(end);
        end != End::Hung
    };
    let summary = widen(&mut Cells::abba(), Bound::Preemptions, 5, all(STEPS_MAX), &mut tell);
    assert_eq!(summary.stopped, Some(Stop::Visitor));
    let without = count(&mut Cells::abba(), Bound::Preemptions(0)) as usize;
    assert!(ends.len() > without, "found without a preemption");
    let within_one = count(&mut Cells::abba(), Bound::Preemptions(1)) as usize;
    assert!(ends.len() <= within_one);
}

#[test]
fn subtrees_together_are_the_whole_in_its_order() {
    for seed in 0..120 {
        let mut system = random_system(seed, 4);
        for (bound, parts) in
            [(Bound::None, 1), (Bound::None, 7), (Bound::Preemptions(1), 5), (Bound::Delays(1), 30)]
        {
            let (whole, _, summary) = executions(&mut system, Dfs::new(bound));
            let subtrees = split(&mut system, bound, parts, Limits::steps(STEPS_MAX));
            assert!(subtrees.len() >= parts.min(whole.len()), "{seed}: {} of {parts}", subtrees.len());
            let weight: f64 = subtrees.iter().map(Subtree::weight).sum();
            assert!((weight - 1.0).abs() < 1e-9);
            let mut snapshots = Vec::new();
            let mut stateless = Vec::new();
            for subtree in &subtrees {
                let (trails, _, _) = executions(&mut system, Dfs::of(bound, subtree));
                stateless.extend(trails);
                let mut tell = |_: &mut Cells, trail: &Trail, _: End| {
                    snapshots.push(trail.clone());
                    true
                };
                SnapshotDfs::of(bound, subtree).run(&mut system, all(STEPS_MAX), &mut tell);
            }
            assert_eq!(stateless, whole, "{seed} {bound:?} {parts}");
            assert_eq!(snapshots, whole, "{seed} {bound:?} {parts}");
            assert_eq!(summary.executions, whole.len() as u64);
        }
    }
}

#[test]
fn a_search_goes_on_where_it_was_stopped() {
    let mut system = independent(&[4, 4, 3]);
    let bound = Bound::Preemptions(3);
    let (whole, _, _) = executions(&mut system, Dfs::new(bound));
    let mut dfs = Dfs::new(bound);
    let mut snapshots = SnapshotDfs::new(bound);
    let (mut trails, mut others) = (Vec::new(), Vec::new());
    let mut share = 0.0;
    for executions_max in (100..).step_by(100) {
        let budget = Budget { executions_max, ..all(STEPS_MAX) };
        let summary = dfs.run(&mut system, budget, &mut |_: &mut Cells, trail: &Trail, _: End| {
            trails.push(trail.clone());
            true
        });
        let same = snapshots.run(&mut system, budget, &mut |_: &mut Cells, trail: &Trail, _: End| {
            others.push(trail.clone());
            true
        });
        assert_eq!((summary.executions, summary.stopped), (same.executions, same.stopped));
        assert!(summary.share > share, "no progress");
        share = summary.share;
        assert!((share - dfs.share()).abs() < f64::EPSILON);
        if summary.stopped == Some(Stop::Deviations) {
            break;
        }
        assert_eq!(summary.stopped, Some(Stop::Executions));
        assert_eq!(summary.executions, executions_max);
    }
    assert!((share - 1.0).abs() < f64::EPSILON);
    assert_eq!(trails, whole);
    assert_eq!(others, whole);
}

#[test]
fn an_interrupted_search_goes_on_without_a_gap() {
    let mut system = independent(&[8, 8, 8]);
    let bound = Bound::Preemptions(3);
    let (whole, _, _) = executions(&mut system, Dfs::new(bound));
    let asked = AtomicU64::new(0);
    // Every third question is answered with no.
    let go_on = || asked.fetch_add(1, Ordering::Relaxed) % 3 != 2;
    let budget = Budget::each(Limits { steps_max: STEPS_MAX, go_on: Some(&go_on) });
    let mut dfs = SnapshotDfs::new(bound);
    let mut trails = Vec::new();
    let mut interrupted = 0;
    loop {
        let summary = dfs.run(&mut system, budget, &mut |_: &mut Cells, trail: &Trail, _: End| {
            trails.push(trail.clone());
            true
        });
        match summary.stopped {
            Some(Stop::Interrupted) => interrupted += 1,
            stopped => break assert_eq!(stopped, Some(Stop::Deviations)),
        }
    }
    assert!(interrupted > 0, "never interrupted");
    assert_eq!(trails, whole);
}

#[test]
fn the_bound_on_steps_is_its_own_outcome() {
    let told = Cell::new(0);
    let mut tell = |_: &mut Cells, trail: &Trail, end: End| {
        assert_eq!((trail.steps, end), (3, End::Bound));
        told.set(told.get() + 1);
        true
    };
    let summary = Dfs::new(Bound::None).run(&mut independent(&[2, 2]), all(3), &mut tell);
    assert_eq!(summary.stopped, Some(Stop::Steps));
    // All sequences of three steps; each leaves one.
    assert_eq!((summary.executions, summary.bounded, told.get()), (6, 6, 6));
}

#[test]
fn memory_that_the_way_itself_takes_is_bounded() {
    let mut system = independent(&[4000, 4000]);
    let budget = Budget { memory_max: 10_000, ..all(STEPS_MAX) };
    let summary =
        Dfs::new(Bound::None).run(&mut system, budget, &mut |_: &mut Cells, _: &Trail, _: End| true);
    assert_eq!(summary.stopped, Some(Stop::Memory));
    assert_eq!(summary.executions, 1);
    assert!(summary.memory > 10_000);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn estimates_are_exact_at_the_end_and_fair_before() {
    let mut system = Cells::ordered(2);
    let executions = count(&mut system, Bound::None);
    assert_eq!(weighted_backtrack(executions, 1.0), Some(executions as f64));
    assert_eq!(weighted_backtrack(0, 0.0), None);
    // Every execution counts as it is likely: with all possibilities alike, any part of the tree tells the whole.
    let mut dfs = Dfs::new(Bound::None);
    let budget = Budget { executions_max: 3, ..all(STEPS_MAX) };
    let summary = dfs.run(&mut independent(&[1, 1, 1]), budget, &mut |_: &mut Cells, _: &Trail, _: End| true);
    let expected = weighted_backtrack(3, summary.share).expect("three executions were run");
    assert!((expected - 6.0).abs() < 1e-9, "{expected}");

    let mean =
        random_descents(&mut system, 20_000, 1, Limits::steps(STEPS_MAX)).expect("there were descents");
    let off = (mean - executions as f64).abs() / executions as f64;
    assert!(off < 0.03, "{mean} instead of {executions}");
}

#[test]
fn a_system_without_choices_is_one_execution() {
    let mut system = independent(&[5]);
    let mut actions = Vec::new();
    system.restart();
    system.enabled(&mut actions);
    assert_eq!(actions, [Action::Run(0)]);
    let (trails, _, summary) = executions(&mut system, Dfs::new(Bound::None));
    assert_eq!(trails, [Trail { choices: Vec::new(), steps: 5 }]);
    assert!(summary.complete());
    assert_eq!(split(&mut system, Bound::None, 8, Limits::steps(9)), [Subtree::all()]);
}
