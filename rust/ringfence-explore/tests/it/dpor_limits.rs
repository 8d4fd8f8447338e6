//! Why a search ends, what it tells its visitor, and what it says of itself.

use ringfence_base::End;
use ringfence_explore::cells::{Cells, Clock, Op, Register, State, at, constant};
use ringfence_explore::{Budget, Dpor, Limits, Replay, Runner, Stop, Summary, Trail};

use crate::random_programs::{Menu, random_programs};

const STEPS: u64 = 1_000;

/// Explores with this budget: the summary, and the ends that the visitor was told.
fn explore(mut cells: Cells, budget: Budget<'_>) -> (Summary, Vec<End>) {
    let mut ends = Vec::new();
    let mut visit = |_: &mut Cells, _: &Trail, end: End| {
        ends.push(end);
        true
    };
    let summary = Dpor::default().explore(&mut cells, budget, &mut visit);
    (summary, ends)
}

#[test]
fn every_trail_replays() {
    let mut dpor = Dpor::default();
    let mut runner = Runner::default();
    for seed in 0..60 {
        let clock = [Clock::Free, Clock::Patient][seed as usize % 2];
        let programs = random_programs(seed, Menu { trylocks: true, choices: true, waits: true, clock });
        let new = || {
            Cells::new(vec![0; programs.cells], programs.locks, &programs.threads).with_clock(programs.clock)
        };
        let mut seen: Vec<(Trail, End, State)> = Vec::new();
        let mut visit = |cells: &mut Cells, trail: &Trail, end: End| {
            seen.push((trail.clone(), end, cells.now().clone()));
            seen.len() < 50
        };
        dpor.explore(&mut new(), Budget::each(Limits::steps(STEPS)), &mut visit);
        assert!(!seen.is_empty());
        for (trail, end, state) in seen {
            let mut cells = new();
            let mut replay = Replay::new(trail.choices.clone());
            let again = runner.run(&mut cells, &mut replay, Limits::steps(STEPS), &mut ());
            assert_eq!((again, runner.trail(), cells.now()), (end, &trail, &state), "seed {seed}");
        }
    }
}

#[test]
fn a_visitor_stops_it() {
    let mut told = 0;
    let mut visit = |_: &mut Cells, _: &Trail, _: End| {
        told += 1;
        told < 3
    };
    let budget = Budget::each(Limits::steps(STEPS));
    let summary = Dpor::default().explore(&mut Cells::ordered(3), budget, &mut visit);
    assert_eq!((told, summary.executions, summary.stopped), (3, 3, Some(Stop::Visitor)));
    assert!(!summary.complete() && summary.share > 0.0 && summary.share < 1.0, "{summary:?}");
}

#[test]
fn the_number_of_executions_ends_it() {
    let budget = Budget { executions_max: 5, ..Budget::each(Limits::steps(STEPS)) };
    let (summary, ends) = explore(Cells::ordered(3), budget);
    assert_eq!((summary.executions, ends.len(), summary.stopped), (5, 5, Some(Stop::Executions)));
    assert!(summary.share > 0.3 && summary.share < 1.0, "{summary:?}");
    // Just as many as there are is enough.
    let budget = Budget { executions_max: 6, ..budget };
    let (summary, _) = explore(Cells::ordered(3), budget);
    assert_eq!((summary.executions, summary.stopped), (6, None));
}

#[test]
fn too_little_memory_ends_it() {
    let budget = Budget { memory_max: 4_000, ..Budget::each(Limits::steps(STEPS)) };
    let (summary, _) = explore(Cells::lastzero(8), budget);
    assert_eq!(summary.stopped, Some(Stop::Memory), "{summary:?}");
    assert!(summary.memory > 4_000 && summary.executions > 0 && summary.executions < 704, "{summary:?}");
}

#[test]
fn nobody_wants_it_any_more() {
    let go_on = || false;
    let budget = Budget::each(Limits { steps_max: STEPS, go_on: Some(&go_on) });
    let (summary, ends) = explore(Cells::lastzero(10), budget);
    assert_eq!(summary.stopped, Some(Stop::Interrupted));
    assert_eq!(ends.last(), Some(&End::Interrupted));
    assert_eq!(ends.len() as u64, summary.executions + 1);
    // Short executions are asked about as well.
    assert!(summary.steps < 10_000, "{summary:?}");
}

#[test]
fn a_bound_on_steps_is_no_end() {
    // One thread waits in a circle for a flag that the other never sets again.
    let spins =
        vec![Op::Read { cell: at(0), to: Register::A }, Op::JumpUnlessZero { register: Register::A, to: 0 }];
    let sets = vec![Op::Write { cell: at(0), value: constant(1) }];
    let (summary, ends) = explore(Cells::new(vec![0], 0, &[spins, sets]), Budget::each(Limits::steps(20)));
    assert_eq!((summary.executions, summary.bounded, summary.stopped), (2, 1, Some(Stop::Steps)));
    assert_eq!(ends, [End::Finished, End::Bound]);
}

#[test]
fn nothing_to_do_is_one_execution() {
    let (summary, ends) = explore(Cells::new(Vec::new(), 0, &[]), Budget::each(Limits::steps(STEPS)));
    assert_eq!((summary.executions, summary.steps, ends), (1, 0, vec![End::Finished]));
    assert!(summary.complete());
}
