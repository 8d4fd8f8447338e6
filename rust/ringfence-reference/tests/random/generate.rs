//! Making random traces.

use ringfence_base::Read;
use ringfence_lockdep::trace::{AcquireOp, LockDecl, Op, Trace};

use crate::flavour::Flavour;
use crate::rng::Rng;

/// An interrupt or a region without one, and how much was held when it began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Hardirq,
    Softirq,
    Bh,
}

/// What the generator knows about a task: enough to keep most of a trace sensible.
#[derive(Default)]
struct Task {
    held: Vec<u32>,
    inside: Vec<(Inside, usize)>,
}

impl Task {
    /// What may be released without reaching out of the interrupt.
    fn reachable(&self) -> usize {
        self.inside.last().map_or(0, |(_, held)| *held)
    }
}

struct Generator<'a> {
    rng: &'a mut Rng,
    flavour: &'a Flavour,
    locks: Vec<LockDecl>,
    tasks: Vec<Task>,
    current: usize,
    ops: Vec<Op>,
}

/// A random trace of this flavour.
pub(crate) fn trace(rng: &mut Rng, flavour: &Flavour, id: String) -> Trace {
    let classes = 2 + rng.below(4);
    let mut locks = Vec::new();
    for class in 0..classes {
        let kind = rng.pick(flavour.kinds);
        for instance in 0..=rng.below(2) {
            let name = format!("{}{}", (b'a' + class as u8) as char, "'".repeat(instance));
            locks.push(LockDecl { name, class: class as u32, kind });
        }
    }
    let tasks = 1 + rng.below(3);
    let length = 4 + rng.below(flavour.length - 4);
    let mut generator = Generator {
        rng,
        flavour,
        locks,
        tasks: (0..tasks).map(|_| Task::default()).collect(),
        current: 0,
        ops: Vec::new(),
    };
    if flavour.irq_roles {
        for task in (0..tasks as u32).rev() {
            generator.ops.extend([Op::Task(task), Op::IrqOff]);
        }
    }
    while generator.ops.len() < length {
        generator.step();
    }
    let Generator { locks, ops, .. } = generator;
    Trace {
        id,
        family: flavour.name.into(),
        locks,
        classes: (0..classes).map(|class| String::from((b'A' + class as u8) as char)).collect(),
        tasks: (0..tasks as u64).collect(),
        ops,
        expected: None,
    }
}

impl Generator<'_> {
    fn task(&mut self) -> &mut Task {
        &mut self.tasks[self.current]
    }

    fn step(&mut self) {
        let mut weights = self.flavour.steps;
        let depth = self.task().held.len();
        if depth >= self.flavour.depth {
            weights[0] = 1;
        }
        if depth == self.task().reachable() && !self.rng.percent(self.flavour.misuse) {
            weights[1] = 0;
            weights[5] = 0;
        }
        match self.weighted(&weights) {
            0 => self.acquire(),
            1 => self.release(),
            2 => {
                self.current = self.rng.below(self.tasks.len());
                self.ops.push(Op::Task(self.current as u32));
            }
            3 if self.flavour.irq_roles => self.moment(),
            3 => self.irq(),
            4 => {
                let op = self.acquire_op();
                self.ops.push(Op::Sync(op));
            }
            5 => {
                if let Some(lock) = self.held_lock() {
                    self.ops.push(Op::Downgrade(lock));
                }
            }
            _ => {
                let lock = self.any_lock();
                self.ops.push(Op::Free(lock));
            }
        }
    }

    /// Index of a weight, chosen in proportion to it.
    fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.rng.below(weights.iter().sum());
        let chosen = weights.iter().position(|weight| {
            let found = at < *weight;
            at = at.wrapping_sub(*weight);
            found
        });
        chosen.expect("below the sum")
    }

    fn any_lock(&mut self) -> u32 {
        self.rng.below(self.locks.len()) as u32
    }

    /// Mostly a lock of a class that is not held yet, and that fits into the common order.
    fn lock_to_take(&mut self) -> u32 {
        let again = self.rng.percent(self.flavour.again);
        let in_order = self.rng.percent(self.flavour.in_order);
        for _ in 0..12 {
            let lock = self.any_lock();
            let class = self.locks[lock as usize].class;
            let mut held = self.tasks[self.current].held.iter().map(|held| self.locks[*held as usize].class);
            let fits = if in_order && !again {
                held.all(|held| held < class)
            } else {
                held.any(|held| held == class) == again
            };
            if fits {
                return lock;
            }
        }
        self.any_lock()
    }

    fn acquire_op(&mut self) -> AcquireOp {
        let lock = self.lock_to_take();
        let flavour = self.flavour;
        let read = match self.rng.below(100) as u64 {
            at if at < flavour.recursive => Read::Recursive,
            at if at < flavour.recursive + flavour.shared => Read::Shared,
            _ => Read::Exclusive,
        };
        let nest = self.rng.percent(flavour.nest).then(|| {
            let held = (!self.rng.percent(flavour.misuse)).then(|| self.held_lock()).flatten();
            held.filter(|_| self.rng.percent(97)).unwrap_or_else(|| self.any_lock())
        });
        AcquireOp {
            lock,
            subclass: u32::from(self.rng.percent(flavour.subclass)),
            trylock: self.rng.percent(flavour.trylock),
            read,
            check: !self.rng.percent(flavour.unchecked),
            // A nest lock that nobody holds ends the trace at once; one try is enough.
            nest: nest.filter(|_| !self.task().held.is_empty() || self.rng.percent(3)),
        }
    }

    fn acquire(&mut self) {
        let op = self.acquire_op();
        self.task().held.push(op.lock);
        self.ops.push(Op::Acquire(op));
    }

    fn held_lock(&mut self) -> Option<u32> {
        let held = &self.tasks[self.current].held;
        (!held.is_empty()).then(|| self.rng.pick(held))
    }

    fn release(&mut self) {
        if self.rng.percent(self.flavour.misuse) {
            let lock = self.any_lock();
            self.ops.push(Op::Release(lock));
            return;
        }
        let reachable = self.task().reachable();
        let count = self.task().held.len();
        if count <= reachable {
            return;
        }
        let out_of_order = self.rng.percent(self.flavour.out_of_order);
        let at = if out_of_order { reachable + self.rng.below(count - reachable) } else { count - 1 };
        let lock = self.task().held.remove(at);
        self.ops.push(Op::Release(lock));
    }

    fn irq(&mut self) {
        let held = self.task().held.len();
        let in_hardirq = self.task().inside.iter().any(|(inside, _)| *inside == Inside::Hardirq);
        let enter = |this: &mut Self, inside, op| {
            this.task().inside.push((inside, held));
            this.ops.push(op);
        };
        match self.rng.below(9) {
            0 => self.ops.push(Op::IrqOff),
            1 if !in_hardirq => self.ops.push(Op::IrqOn),
            2 => {
                let threaded = self.rng.percent(50);
                enter(self, Inside::Hardirq, Op::HardirqEnter { threaded });
            }
            3 => enter(self, Inside::Softirq, Op::SoftirqEnter),
            4 => enter(self, Inside::Bh, Op::BhDisable),
            _ => self.leave(),
        }
    }

    /// Irqs are on, or one comes, for as long as it takes to take one or two locks.
    fn moment(&mut self) {
        let (enter, exit) = match self.rng.below(4) {
            0 => (Op::HardirqEnter { threaded: true }, Op::HardirqExit),
            1 => (Op::SoftirqEnter, Op::SoftirqExit),
            // Irqs that go on mark all that is held.
            _ if !self.task().held.is_empty() && self.rng.percent(80) => return,
            2 => (Op::IrqOn, Op::IrqOff),
            _ => {
                self.ops.extend([Op::BhDisable, Op::IrqOn]);
                (Op::BhDisable, Op::BhEnable)
            }
        };
        self.ops.push(enter);
        let mut taken = Vec::new();
        for _ in 0..=self.rng.below(2) {
            let op = self.acquire_op();
            self.ops.push(Op::Acquire(op));
            taken.push(op.lock);
        }
        self.ops.extend(taken.into_iter().rev().map(Op::Release));
        self.ops.push(exit);
        if enter == Op::BhDisable {
            self.ops.extend([Op::IrqOff, Op::BhEnable]);
        }
    }

    /// Ends the innermost interrupt; what it took is mostly released before.
    fn leave(&mut self) {
        let Some((inside, held)) = self.task().inside.pop() else { return };
        while self.task().held.len() > held && inside != Inside::Bh && !self.rng.percent(3) {
            let lock = self.task().held.pop().expect("more than before");
            self.ops.push(Op::Release(lock));
        }
        self.ops.push(match inside {
            Inside::Hardirq => Op::HardirqExit,
            Inside::Softirq => Op::SoftirqExit,
            Inside::Bh => Op::BhEnable,
        });
    }
}
