//! The smallest schedule is the smallest of all: judged by a search through everything.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide, End, System};
use ringfence_explore::cells::{Cells, Op, Register, at, constant, register};
use ringfence_explore::minimise::{Effort, Minimality, find, minimise};
use ringfence_explore::{Limits, Random, Replay, Runner};

const STEPS: Limits<'static> = Limits::steps(200);
const EFFORT: Effort = Effort { executions: 200_000, steps: 4_000_000 };

/// What is looked for: a hang, or two threads at the same place.
type Shows = fn(&mut Cells, Option<End>) -> bool;

fn hangs(_: &mut Cells, end: Option<End>) -> bool {
    end == Some(End::Hung)
}

fn meets(cells: &mut Cells, _: Option<End>) -> bool {
    cells.now().cells()[0] == 2
}

/// Only with choices that are not the ordinary ones.
fn crowds(cells: &mut Cells, _: Option<End>) -> bool {
    cells.now().cells()[0] >= 4
}

/// Two or three threads that nest locks, choose, wait with a timer, and count who is at a place.
fn random_cells(rng: &mut Rng) -> Cells {
    let count = 2 + usize::from(rng.below(4) == 0);
    let program = |rng: &mut Rng| {
        let mut ops = Vec::new();
        let mut held = Vec::new();
        for _ in 0..4 - count + rng.below(2) {
            match rng.below(9) {
                0 | 5 => ops.push(Op::Choose { options: 2 + rng.below(2) as u32, to: Register::A }),
                1 | 4 => ops.extend([
                    Op::Add { cell: at(0), value: register(Register::A, 1) },
                    Op::Write { cell: at(0), value: constant(0) },
                ]),
                2 => ops.extend([
                    Op::Arm { ticks: 1 },
                    Op::Await { cell: at(1), value: constant(1), done: Register::A },
                ]),
                3 => ops.push(Op::Write { cell: at(1), value: constant(1) }),
                _ => {
                    let lock = at(rng.below(3) as u32);
                    ops.push(Op::Lock { lock });
                    held.push(lock);
                }
            }
        }
        ops.extend(held.into_iter().rev().map(|lock| Op::Unlock { lock }));
        ops
    };
    let programs: Vec<Vec<Op>> = (0..count).map(|_| program(rng)).collect();
    Cells::new(vec![0, 0], 3, &programs)
}

/// Answers from a script, 0 behind its end, and notes how many answers there were to choose from.
struct Script<'a> {
    answers: &'a [usize],
    asked: Vec<usize>,
}

impl Decide for Script<'_> {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.asked.push(options);
        self.answers.get(self.asked.len() - 1).copied().unwrap_or(0)
    }
}

/// The fewest deviations, and with those the fewest steps, of all executions. What is ordinary is written down here
/// once more: who took a step takes the next one, else the first one does; time is nobody.
fn smallest(
    cells: &Cells,
    shows: Shows,
    last: Option<Action>,
    so_far: (usize, u64),
    best: &mut Option<(usize, u64)>,
) {
    if best.is_some_and(|best| best <= so_far) {
        return;
    }
    let mut actions = Vec::new();
    let mut here = cells.clone();
    here.enabled(&mut actions);
    if actions.is_empty() {
        let end = here.over();
        if shows(&mut here, Some(end)) {
            *best = Some(so_far);
        }
        return;
    }
    let goes_on = last.filter(|last| *last != Action::Expire && actions.contains(last));
    let usual = goes_on.unwrap_or(actions[0]);
    actions.sort_by_key(|action| *action != usual);
    for action in actions {
        let mut scripts: Vec<Vec<usize>> = vec![Vec::new()];
        while let Some(answers) = scripts.pop() {
            let mut next = cells.clone();
            let mut script = Script { answers: &answers, asked: Vec::new() };
            next.step(action, &mut script);
            for (index, &options) in script.asked.iter().enumerate().skip(answers.len()) {
                let zeros = vec![0; index - answers.len()];
                scripts.extend((1..options).map(|answer| [&answers[..], &zeros, &[answer]].concat()));
            }
            let unusual = answers.iter().filter(|answer| **answer != 0).count();
            let deviations = so_far.0 + usize::from(action != usual) + unusual;
            let size = (deviations, so_far.1 + 1);
            if shows(&mut next, None) {
                *best = Some(best.map_or(size, |best| best.min(size)));
            } else {
                smallest(&next, shows, Some(action), size, best);
            }
        }
    }
}

/// The choices of a random execution that shows it.
fn shown_by_chance(cells: &mut Cells, shows: Shows, seed: u64) -> Option<Vec<u32>> {
    let mut runner = Runner::default();
    let end = runner.run(cells, &mut Random::new(seed), STEPS, &mut ());
    let mut watch = Meets { shows, met: shows(cells, Some(end)) };
    let choices = runner.trail().choices.clone();
    runner.run(cells, &mut Replay::new(choices.clone()), STEPS, &mut watch);
    watch.met.then_some(choices)
}

struct Meets {
    shows: Shows,
    met: bool,
}

impl ringfence_explore::Watch<Cells> for Meets {
    fn after(&mut self, cells: &Cells, _: Action) {
        self.met |= (self.shows)(&mut cells.clone(), None);
    }
}

#[test]
fn the_smallest_of_all_schedules_is_found_and_known_to_be() {
    let (mut cases, mut by_deviations) = (0, [0; 6]);
    for seed in 0..1_200 {
        let mut rng = Rng::new(seed);
        let mut cells = random_cells(&mut rng);
        for shows in [hangs as Shows, meets, crowds] {
            let Some(choices) = (0..40).find_map(|seed| shown_by_chance(&mut cells, shows, seed)) else {
                continue;
            };
            let (minimal, _) = minimise(&mut cells, &choices, STEPS, EFFORT, shows);
            let minimal = minimal.expect("the choices show it");
            let mut best = None;
            cells.restart();
            smallest(&cells, shows, None, (0, 0), &mut best);
            let size = (minimal.deviations.len(), minimal.steps);
            assert_eq!(Some(size), best, "seed {seed}: {minimal:?}");
            assert_eq!(minimal.minimality, Minimality::Shortest, "seed {seed}");
            assert_eq!(minimal.intents.len(), minimal.deviations.len());
            assert!(minimal.deviations.is_sorted_by_key(|deviation| deviation.position));
            assert!(minimal.deviations.last().is_none_or(|last| last.position < minimal.choices.len()));
            again(&mut cells, &minimal.choices, minimal.steps, shows, seed);
            cases += 1;
            by_deviations[size.0.min(5)] += 1;
        }
    }
    assert!(cases > 500, "{cases} cases are too few to tell");
    assert!(by_deviations[..4].iter().all(|&count| count > 3), "all sizes come up: {by_deviations:?}");
}

/// The choices of the smallest schedule show it after so many steps, and not before.
fn again(cells: &mut Cells, choices: &[u32], steps: u64, shows: Shows, seed: u64) {
    let mut runner = Runner::default();
    let mut shown = |bound| {
        let end = runner.run(cells, &mut Replay::new(choices.to_vec()), Limits::steps(bound), &mut ());
        shows(cells, Some(end))
    };
    assert!(shown(steps), "seed {seed}: not after {steps} steps");
    assert!(steps == 0 || !shown(steps - 1), "seed {seed}: sooner than after {steps} steps");
}

/// With next to no effort there is no proof, but the schedule that comes out shows it and is no larger.
#[test]
fn whatever_the_effort_suffices_for_is_no_worse() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut cells = random_cells(&mut rng);
        let Some(choices) = (0..20).find_map(|seed| shown_by_chance(&mut cells, hangs, seed)) else {
            continue;
        };
        let sizes = [1, 2, 5, 20, 100, 10_000].map(|executions| {
            let effort = Effort { executions, steps: u64::MAX };
            let (minimal, spent) = minimise(&mut cells, &choices, STEPS, effort, hangs);
            // One more tells what it is.
            assert!(spent.executions <= executions + 1, "{spent:?}");
            let minimal = minimal.expect("the choices show it");
            again(&mut cells, &minimal.choices, minimal.steps, hangs, seed);
            (minimal.deviations.len(), minimal.steps)
        });
        assert!(sizes.is_sorted_by(|more, less| more >= less), "seed {seed}: {sizes:?}");
    }
}

#[test]
fn what_does_not_show_it_is_not_minimised() {
    let lock = |lock| Op::Lock { lock: at(lock) };
    let programs = [vec![lock(0), lock(1)], vec![lock(1), lock(0)]];
    let mut cells = Cells::new(vec![0], 2, &programs);
    // Nobody gives a lock back: even one after the other they hang, and that is the smallest schedule.
    let (minimal, _) = minimise(&mut cells, &[0, 0], STEPS, EFFORT, hangs);
    assert_eq!(minimal.map(|minimal| minimal.deviations.len()), Some(0));
    let (minimal, _) = minimise(&mut cells, &[0, 0], STEPS, EFFORT, |_, _| false);
    assert_eq!(minimal, None);
}

#[test]
fn when_it_is_not_wanted_any_more_the_best_so_far_comes_out() {
    let lock = |lock| Op::Lock { lock: at(lock) };
    let unlock = |lock| Op::Unlock { lock: at(lock) };
    let program = |a, b| vec![lock(a), lock(b), unlock(b), unlock(a)];
    let mut cells = Cells::new(vec![0], 2, &[program(0, 1), program(1, 0)]);
    let never = || false;
    let limits = Limits { steps_max: 100, go_on: Some(&never) };
    assert_eq!(minimise(&mut cells, &[0, 1], limits, EFFORT, hangs).0, None, "nothing was run");
    let (minimal, _) = minimise(&mut cells, &[0, 1], STEPS, EFFORT, hangs);
    let minimal = minimal.expect("they hang");
    assert_eq!((minimal.deviations.len(), minimal.steps), (1, 4));
}

/// Deviations of one system in another one, which has more, or fewer, steps before them.
#[test]
fn deviations_fit_a_similar_system() {
    let work = Op::Add { cell: at(1), value: constant(1) };
    let lock = |lock| Op::Lock { lock: at(lock) };
    let unlock = |lock| Op::Unlock { lock: at(lock) };
    let system = |first: usize, second: usize| {
        let program = |count: usize, a, b| {
            let nested = [lock(a), lock(b), unlock(b), unlock(a)];
            vec![work; count].into_iter().chain(nested).collect::<Vec<_>>()
        };
        Cells::new(vec![0, 0], 2, &[program(first, 0, 1), program(second, 1, 0)])
    };
    let mut large = system(4, 3);
    let choices = (0..1000).find_map(|seed| shown_by_chance(&mut large, hangs, seed)).expect("it can hang");
    let minimal = minimise(&mut large, &choices, STEPS, EFFORT, hangs).0.expect("it hangs");
    for (first, second) in [(4, 3), (4, 0), (0, 3), (2, 2)] {
        let few = Effort { executions: 10, steps: 1000 };
        let (found, _) = find(&mut system(first, second), &minimal.intents, 0, STEPS, few, hangs);
        assert_eq!(found.map(|found| found.deviations.len()), Some(1), "{first}, {second}");
    }
    // Where none of them is possible, all schedules with few deviations are looked at.
    let (found, _) = find(&mut system(0, 0), &[], 2, STEPS, EFFORT, hangs);
    assert_eq!(found.map(|found| found.deviations.len()), Some(1));
}
