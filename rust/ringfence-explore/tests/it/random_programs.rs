//! Random programs, small enough for all their interleavings.

use ringfence_base::rng::Rng;
use ringfence_explore::cells::{Clock, Index, Op, Register, Value, at, constant, register};

use crate::naive::Programs;

const REGISTERS: [Register; 2] = [Register::A, Register::B];

/// What they may do besides reading, writing and locking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Menu {
    pub(crate) trylocks: bool,
    pub(crate) choices: bool,
    pub(crate) waits: bool,
    pub(crate) clock: Clock,
}

impl Menu {
    /// Where every step touches the same wherever it is taken, and nothing is decided.
    pub(crate) const PLAIN: Self = Self { trylocks: false, choices: false, waits: false, clock: Clock::Free };
}

fn some_index(rng: &mut Rng, of: usize) -> Index {
    match rng.percent(15) {
        true => Index { base: rng.below(of) as u32, register: Some(*rng.pick(&REGISTERS)) },
        false => at(rng.below(of) as u32),
    }
}

fn some_value(rng: &mut Rng) -> Value {
    match rng.percent(30) {
        true => register(*rng.pick(&REGISTERS), rng.number(0, 1)),
        false => constant(rng.number(0, 2)),
    }
}

fn some_op(rng: &mut Rng, menu: Menu, cells: usize, locks: usize) -> Op {
    let to = *rng.pick(&REGISTERS);
    let special = rng.below(100);
    if menu.trylocks && special < 25 {
        return Op::TryLock { lock: some_index(rng, locks), done: to };
    }
    if menu.choices && (25..45).contains(&special) {
        if rng.percent(40) {
            return Op::Choose { options: 2 + rng.below(2) as u32, to };
        }
        let (expected, new) = (constant(rng.number(0, 1)), constant(rng.number(1, 2)));
        return Op::CompareAndSwap { cell: some_index(rng, cells), expected, new, done: to, weak: true };
    }
    if menu.waits && special >= 60 {
        if rng.percent(35) {
            return Op::Arm { ticks: 1 + rng.below(2) as u32 };
        }
        let value = constant(rng.number(0, 1));
        return Op::Await { cell: some_index(rng, cells), value, done: to };
    }
    match rng.below(10) {
        0 | 1 => Op::Read { cell: some_index(rng, cells), to },
        2 | 3 => Op::Write { cell: some_index(rng, cells), value: some_value(rng) },
        4 => Op::Add { cell: some_index(rng, cells), value: constant(1) },
        5 => {
            let (expected, new) = (constant(rng.number(0, 1)), some_value(rng));
            Op::CompareAndSwap { cell: some_index(rng, cells), expected, new, done: to, weak: false }
        }
        6..8 => Op::Lock { lock: some_index(rng, locks) },
        _ => Op::Unlock { lock: some_index(rng, locks) },
    }
}

/// A body that often gives back what it took, and sometimes does the next thing only if a register says so.
fn some_thread(rng: &mut Rng, menu: Menu, cells: usize, locks: usize, length: usize) -> Vec<Op> {
    let mut ops = Vec::new();
    let mut steps = 0;
    while steps < length {
        if rng.percent(12) {
            let to = ops.len() as u32 + 2;
            let register = *rng.pick(&REGISTERS);
            ops.push(match rng.percent(50) {
                true => Op::JumpIfZero { register, to },
                false => Op::JumpUnlessZero { register, to },
            });
        }
        let op = some_op(rng, menu, cells, locks);
        ops.push(op);
        steps += 1;
        if let Op::Lock { lock } = op
            && rng.percent(60)
        {
            if rng.percent(60) {
                ops.push(some_op(rng, menu, cells, locks));
            }
            ops.push(Op::Unlock { lock });
            steps += 1;
        }
    }
    ops
}

/// The programs of a seed.
pub(crate) fn random_programs(seed: u64, menu: Menu) -> Programs {
    let mut rng = Rng::new(seed);
    let threads = 2 + rng.below(3);
    let length = [0, 0, 5, 3, 2][threads];
    let (cells, locks) = (1 + rng.below(2), 1 + rng.below(3));
    let threads = (0..threads)
        .map(|_| {
            let length = 1 + rng.below(length);
            some_thread(&mut rng, menu, cells, locks, length)
        })
        .collect();
    Programs { cells, locks, threads, clock: menu.clock }
}
