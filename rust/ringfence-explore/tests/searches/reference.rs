//! What searches are judged by: plain recursion that clones the system, and random small systems.

use std::collections::BTreeSet;

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide, End, System};
use ringfence_explore::cells::{Cells, Clock, Index, Op, Register, at, constant, register};
use ringfence_explore::{Budget, Limits, Replay, Runner, Trail};

/// Only the length of each execution is limited.
pub(crate) fn all(steps_max: u64) -> Budget<'static> {
    Budget::each(Limits::steps(steps_max))
}

/// So many steps of a thread of its own each, that nobody else sees.
pub(crate) fn independent(lengths: &[usize]) -> Cells {
    let step = |cell| Op::Add { cell: at(cell), value: constant(1) };
    let programs: Vec<Vec<Op>> =
        lengths.iter().enumerate().map(|(cell, &steps)| vec![step(cell as u32); steps]).collect();
    Cells::new(vec![0; lengths.len()], 0, &programs)
}

/// A system of a few threads with locks, shared cells, choices and timers.
pub(crate) fn random_system(seed: u64, operations_max: usize) -> Cells {
    let rng = &mut Rng::new(seed);
    let mut programs = Vec::new();
    // Three threads have fewer operations, so that plain recursion ends.
    let threads = 2 + rng.below(2);
    for _ in 0..threads {
        let count = 1 + rng.below(operations_max + 2 - threads);
        programs.push((0..count as u32).map(|number| operation(rng, number, count as u32)).collect());
    }
    let clock = if rng.percent(50) { Clock::Free } else { Clock::Patient };
    Cells::new(vec![0; 2], 2, &programs).with_clock(clock)
}

fn operation(rng: &mut Rng, number: u32, count: u32) -> Op {
    let cell: Index = at(rng.below(2) as u32);
    let lock = cell;
    let to = *rng.pick(&[Register::A, Register::B]);
    let value = if rng.percent(50) { constant(rng.number(0, 2)) } else { register(to, 1) };
    match rng.below(12) {
        0 | 1 => Op::Lock { lock },
        2 | 3 => Op::Unlock { lock },
        4 => Op::TryLock { lock, done: to },
        5 => Op::Choose { options: 2, to },
        6 => Op::Await { cell, value: constant(1), done: to },
        7 => Op::Arm { ticks: rng.below(3) as u32 },
        8 => Op::Read { cell, to },
        9 => Op::JumpIfZero { register: to, to: count.min(number + 2) },
        10 => Op::Add { cell, value },
        _ => Op::Write { cell, value },
    }
}

/// An end: how, and in which state.
pub(crate) type Ends = BTreeSet<(End, String)>;

/// The ends that are there for somebody to see: Debug shows the whole state.
pub(crate) fn end_of(system: &Cells, end: End) -> (End, String) {
    (end, format!("{:?}", system.now()))
}

/// Every decision as the script says; past its end, the first possibility.
struct Script {
    taken: Vec<usize>,
    options: Vec<usize>,
}

impl Decide for Script {
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        self.options.push(options);
        self.taken.get(self.options.len() - 1).copied().unwrap_or(0)
    }
}

/// What plain recursion sees: how many executions, and their ends.
#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) executions: u64,
    pub(crate) ends: Ends,
    /// States on the way, the first and the last ones included.
    pub(crate) states: BTreeSet<String>,
}

pub(crate) fn naive(system: &Cells) -> Naive {
    let mut system = system.clone();
    system.restart();
    let mut seen = Naive::default();
    recurse(&system, &mut seen);
    seen
}

fn recurse(system: &Cells, seen: &mut Naive) {
    let mut actions = Vec::new();
    seen.states.insert(format!("{:?}", system.now()));
    let mut here = system.clone();
    here.enabled(&mut actions);
    if actions.is_empty() {
        seen.executions += 1;
        let end = here.over();
        seen.ends.insert(end_of(system, end));
    }
    for action in actions {
        outcomes(system, action, Vec::new(), seen);
    }
}

/// All outcomes of an action that begin with these decisions.
fn outcomes(system: &Cells, action: Action, taken: Vec<usize>, seen: &mut Naive) {
    let mut next = system.clone();
    let mut script = Script { taken, options: Vec::new() };
    next.step(action, &mut script);
    let Script { taken, options } = script;
    match options.get(taken.len()) {
        None => recurse(&next, seen),
        Some(&more) => {
            for choice in 0..more {
                let taken = taken.iter().copied().chain([choice]).collect();
                outcomes(system, action, taken, seen);
            }
        }
    }
}

/// The trail leads to this end when it is run.
pub(crate) fn assert_replays(system: &Cells, trail: &Trail, expected: &(End, String)) {
    let mut system = system.clone();
    let mut runner = Runner::default();
    let mut replay = Replay::new(trail.choices.clone());
    let end = runner.run(&mut system, &mut replay, Limits::steps(trail.steps + 1), &mut ());
    assert_eq!(&end_of(&system, end), expected);
    assert_eq!(runner.trail(), trail);
}
