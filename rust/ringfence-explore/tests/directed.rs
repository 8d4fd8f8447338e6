//! Directed search on programs with locks: it closes the circles that can be closed, at once, and no others.

use ringfence_base::{End, SiteId, System};
use ringfence_explore::cells::{Cells, Op, at, constant};
use ringfence_explore::{
    Bound, Budget, Dfs, Directed, Goal, Leg, Limits, Random, Replay, Runner, Stop, Then, Trail,
};

/// Place of an operation of a thread.
fn place(programs: &[Vec<Op>], thread: usize, op: usize) -> SiteId {
    let before: usize = programs[..thread].iter().map(|program| program.len() + 1).sum();
    SiteId::new(1 + before + op)
}

fn lock(number: u32) -> Op {
    Op::Lock { lock: at(number) }
}

fn unlock(number: u32) -> Op {
    Op::Unlock { lock: at(number) }
}

fn work(cell: u32) -> Op {
    Op::Add { cell: at(cell), value: constant(1) }
}

/// Each thread holds one lock and takes the next one, the last one the first; `before` is what each does first.
fn ring(size: usize, before: &[Op]) -> (Vec<Vec<Op>>, Goal) {
    let two = |thread: usize| {
        let (first, second) = (thread as u32, ((thread + 1) % size) as u32);
        [before, &[lock(first), lock(second), unlock(second), unlock(first)]].concat()
    };
    let programs: Vec<Vec<Op>> = (0..size).map(two).collect();
    let leg = |thread: usize| Leg {
        hold: Some(place(&programs, thread, before.len())),
        then: Then::Takes(place(&programs, thread, before.len() + 1)),
        context: None,
    };
    let goal = Goal::new((0..size).map(leg).collect()).expect("a goal with legs");
    (programs, goal)
}

/// Its hangs among so many executions: the numbers of the executions, and their choices.
fn hangs(cells: &mut Cells, goal: &Goal, seed: u64, executions: u64) -> Vec<(u64, Vec<u32>)> {
    let (mut number, mut hangs) = (0, Vec::new());
    let budget = Budget { executions_max: executions, ..Budget::each(Limits::steps(1000)) };
    let mut visit = |_: &mut Cells, trail: &Trail, end: End| {
        number += 1;
        if end == End::Hung {
            hangs.push((number, trail.choices.clone()));
        }
        true
    };
    let summary = Directed::new(goal.clone(), seed).run(cells, budget, &mut visit);
    assert_eq!((summary.executions, summary.stopped), (executions, Some(Stop::Executions)));
    hangs
}

#[test]
fn a_circle_is_closed_in_the_first_execution_for_every_seed() {
    for size in [2, 3, 8, 20] {
        let (programs, goal) = ring(size, &[work(0), work(0), work(0)]);
        let mut cells = Cells::new(vec![0], size, &programs);
        for seed in 0..5 {
            assert_eq!(hangs(&mut cells, &goal, seed, 1).len(), 1, "{size} locks, seed {seed}");
        }
    }
}

/// That would be no test if anything found it.
#[test]
fn nobody_closes_a_large_circle_by_chance() {
    let (programs, _) = ring(12, &[work(0), work(0), work(0)]);
    let mut cells = Cells::new(vec![0], 12, &programs);
    let mut runner = Runner::default();
    let mut hung =
        |seed: u64| runner.run(&mut cells, &mut Random::new(seed), Limits::steps(1000), &mut ()) == End::Hung;
    assert_eq!((0..1000).filter(|seed| hung(*seed)).count(), 0);
}

#[test]
fn a_hang_is_one_when_its_choices_are_replayed() {
    let (programs, goal) = ring(3, &[work(0)]);
    let mut cells = Cells::new(vec![0], 3, &programs);
    let all = hangs(&mut cells, &goal, 7, 40);
    assert!(all.len() > 20, "{all:?}");
    for (_, choices) in all {
        let end = Runner::default().run(&mut cells, &mut Replay::new(choices), Limits::steps(1000), &mut ());
        assert_eq!(end, End::Hung);
    }
}

#[test]
fn equal_seeds_run_equal_executions_and_others_do_not() {
    let (programs, goal) = ring(4, &[work(0), work(1)]);
    let trails = |seed: u64| {
        let mut cells = Cells::new(vec![0, 0], 4, &programs);
        let mut search = Directed::new(goal.clone(), seed);
        let mut trails = Vec::new();
        for _ in 0..60 {
            search.one(&mut cells, Limits::steps(1000));
            trails.push(search.trail().clone());
        }
        trails
    };
    assert_eq!(trails(1), trails(1));
    let (one, two) = (trails(1), trails(2));
    assert_eq!(one[0], two[0], "the first execution is greedy");
    assert_ne!(one, two);
}

/// A lock that all take first; or the same order everywhere; or a thread that starts when the other is done.
#[test]
fn what_an_exhaustive_search_refutes_is_never_closed() {
    let gate = |first: u32, second: u32| {
        vec![lock(2), lock(first), lock(second), unlock(second), unlock(first), unlock(2)]
    };
    let gated = vec![gate(0, 1), gate(1, 0)];
    let plain = |first: u32, second: u32| vec![lock(first), lock(second), unlock(second), unlock(first)];
    let ordered = vec![plain(0, 1), plain(0, 1)];
    let after = Op::Await { cell: at(0), value: constant(1), done: ringfence_explore::cells::Register::A };
    let one_by_one = vec![[plain(0, 1), vec![work(0)]].concat(), [vec![after], plain(1, 0)].concat()];
    for (programs, at) in [(gated, 1), (ordered, 0), (one_by_one, 0)] {
        let later = usize::from(programs[1].len() > programs[0].len()) + at;
        let leg = |thread: usize, op: usize| Leg {
            hold: Some(place(&programs, thread, op)),
            then: Then::Takes(place(&programs, thread, op + 1)),
            context: Some(thread as u32),
        };
        let goal = Goal::new(vec![leg(0, at), leg(1, later)]).expect("two legs");
        let mut cells = Cells::new(vec![0], 3, &programs);
        let mut exhaustive = 0;
        let mut visit = |_: &mut Cells, _: &Trail, end: End| {
            exhaustive += u64::from(end == End::Hung);
            true
        };
        let all = Dfs::new(Bound::None).run(&mut cells, Budget::each(Limits::steps(1000)), &mut visit);
        assert!(all.complete() && exhaustive == 0, "{all:?}");
        assert_eq!(hangs(&mut cells, &goal, 0, 500), []);
    }
}

/// The other one only looks once whether it has to do anything: whoever is held back the first time misses it.
#[test]
fn the_second_time_at_a_place_is_tried_too() {
    use ringfence_explore::cells::Register::A;
    let twice = vec![
        lock(0),
        lock(1),
        work(0),
        unlock(1),
        unlock(0),
        Op::JumpUnlessZero { register: A, to: 8 },
        Op::Set { to: A, value: constant(1) },
        Op::Jump { to: 0 },
    ];
    let other = vec![
        Op::Read { cell: at(0), to: A },
        Op::JumpIfZero { register: A, to: 6 },
        lock(1),
        lock(0),
        unlock(0),
        unlock(1),
    ];
    let programs = vec![twice, other];
    let leg = |thread: usize, op: usize| Leg {
        hold: Some(place(&programs, thread, op)),
        then: Then::Takes(place(&programs, thread, op + 1)),
        context: Some(thread as u32),
    };
    let goal = Goal::new(vec![leg(0, 0), leg(1, 2)]).expect("two legs");
    let mut cells = Cells::new(vec![0], 2, &programs);
    for seed in 0..5 {
        let first = hangs(&mut cells, &goal, seed, 4).first().map(|hang| hang.0);
        assert_eq!(first, Some(3), "seed {seed}");
    }
}

#[test]
fn whoever_comes_to_a_place_is_held_back_until_all_others_are_done() {
    let programs = vec![vec![work(0), work(1)], vec![work(0); 5], vec![work(0); 5]];
    let mut cells = Cells::new(vec![0, 0], 1, &programs);
    let goal = Goal::place(place(&programs, 0, 1), None);
    let mut search = Directed::new(goal, 0);
    let end = search.one(&mut cells, Limits::steps(1000));
    assert_eq!(end, End::Finished);
    // The last step but one leaves only the place; it has no choice any more.
    let trail = search.trail().clone();
    let mut actions = Vec::new();
    let mut replay = Replay::new(trail.choices);
    cells.restart();
    for _ in 0..trail.steps - 1 {
        cells.enabled(&mut actions);
        let pick =
            if actions.len() > 1 { ringfence_explore::Strategy::schedule(&mut replay, &actions) } else { 0 };
        cells.step(actions[pick], &mut replay);
    }
    cells.enabled(&mut actions);
    assert_eq!(actions, [ringfence_base::Action::Run(0)]);
}

#[test]
fn it_stops_when_its_visitor_has_seen_enough_or_nobody_wants_it() {
    let (programs, goal) = ring(2, &[]);
    let mut cells = Cells::new(vec![0], 2, &programs);
    let mut visit = |_: &mut Cells, _: &Trail, _: End| false;
    let budget = Budget::each(Limits::steps(1000));
    let summary = Directed::new(goal.clone(), 0).run(&mut cells, budget, &mut visit);
    assert_eq!((summary.executions, summary.stopped), (1, Some(Stop::Visitor)));
    let limits = Limits { steps_max: 1000, go_on: Some(&|| false) };
    let mut visit = |_: &mut Cells, _: &Trail, _: End| true;
    let summary = Directed::new(goal, 0).run(&mut cells, Budget::each(limits), &mut visit);
    assert_eq!(summary.stopped, Some(Stop::Interrupted));
    assert!(summary.steps < 10_000, "{summary:?}");
}
