//! Programs on shared cells and locks, those of the papers among them: small systems with known numbers of traces, for
//! tests and benchmarks of searches.

mod holding;
mod papers;
mod program;
mod state;

use core::hash::{Hash, Hasher};

use ringfence_base::{
    Access, Action, ChoiceKind, Decide, Dependent, End, Footprint, Located, Recurrent, SiteId, Stateful,
    System,
};
use rustc_hash::FxHasher;

pub use program::{Index, Op, Register, Value, at, at_register, constant, register};
pub use state::State;

use state::{FREE, Thread, Timer};

/// Private operations in a row; a loop of them ends the step, and goes on in the next one.
const PRIVATE_MAX: u32 = 1024;

/// Whether time can move on while somebody can run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Clock {
    /// At any time.
    #[default]
    Free,
    /// Only when nobody can run.
    Patient,
}

/// Threads with programs over shared cells and locks.
#[derive(Clone, Debug)]
pub struct Cells {
    ops: Vec<Op>,
    initial: State,
    clock: Clock,
    state: State,
    track: bool,
    footprint: Footprint,
}

impl Cells {
    /// One thread for each program, on these cells and so many free locks.
    pub fn new(cells: Vec<i64>, locks: usize, programs: &[Vec<Op>]) -> Self {
        let mut ops = Vec::new();
        let mut threads = Vec::new();
        for program in programs {
            let base = ops.len() as u32;
            let end = program.len() as u32;
            let moved = |to: u32| base + to.min(end);
            ops.extend(program.iter().map(|op| match *op {
                Op::Jump { to } => Op::Jump { to: moved(to) },
                Op::JumpIfZero { register, to } => Op::JumpIfZero { register, to: moved(to) },
                Op::JumpUnlessZero { register, to } => Op::JumpUnlessZero { register, to: moved(to) },
                op => op,
            }));
            ops.push(Op::End);
            threads.push(Thread { next: base, waits: false, timer: Timer::Off, registers: [0; 4] });
        }
        for thread in &mut threads {
            go_on(thread, &ops);
        }
        // An index means something even if there are none.
        let cells = if cells.is_empty() { vec![0] } else { cells };
        let initial = State { now: 0, cells, owners: vec![FREE; locks.max(1)], threads };
        let state = initial.clone();
        let footprint = Footprint::default();
        Self { ops, initial, clock: Clock::Free, state, track: false, footprint }
    }

    /// With time that moves on like this.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where it is now.
    pub fn now(&self) -> &State {
        &self.state
    }

    /// Whether the thread's next step gets it further, be it only that it begins to wait.
    #[inline]
    fn ready(&self, thread: &Thread) -> bool {
        let State { cells, owners, .. } = &self.state;
        match self.ops[thread.next as usize] {
            Op::End => false,
            Op::Lock { lock } if thread.waits => owners[thread.index(lock, owners.len())] == FREE,
            Op::Await { cell, value, .. } if thread.waits => {
                thread.timer == Timer::RunOut || cells[thread.index(cell, cells.len())] == thread.value(value)
            }
            _ => true,
        }
    }

    /// The thread whose timer runs out first, and when.
    fn first_timer(&self) -> Option<(u64, usize)> {
        let armed = |(number, thread): (usize, &Thread)| match thread.timer {
            Timer::Armed(until) => Some((until, number)),
            _ => None,
        };
        self.state.threads.iter().enumerate().filter_map(armed).min()
    }

    #[inline]
    fn touches(&mut self, resource: usize, access: Access) {
        if self.track {
            self.footprint.add(resource as u32, access);
        }
    }

    fn touches_lock(&mut self, lock: usize, access: Access) {
        self.touches(self.state.cells.len() + lock, access);
    }

    fn touches_timers(&mut self) {
        self.touches(self.state.cells.len() + self.state.owners.len(), Access::Write);
    }

    fn expire(&mut self) {
        let Some((until, number)) = self.first_timer() else { return };
        self.touches_timers();
        self.footprint.barrier = self.clock == Clock::Patient;
        self.state.now = self.state.now.max(until);
        self.state.threads[number].timer = Timer::RunOut;
    }

    fn run(&mut self, number: usize, decide: &mut impl Decide) {
        let mut thread = self.state.threads[number];
        let op = self.ops[thread.next as usize];
        let (cells, locks) = (self.state.cells.len(), self.state.owners.len());
        thread.next += 1;
        match op {
            Op::Read { cell, to } => {
                let cell = thread.index(cell, cells);
                self.touches(cell, Access::Read);
                thread.set(to, self.state.cells[cell]);
            }
            Op::Write { cell, value } => {
                let cell = thread.index(cell, cells);
                self.touches(cell, Access::Write);
                self.state.cells[cell] = thread.value(value);
            }
            Op::Add { cell, value } => {
                let cell = thread.index(cell, cells);
                self.touches(cell, Access::Write);
                self.state.cells[cell] = self.state.cells[cell].wrapping_add(thread.value(value));
            }
            Op::CompareAndSwap { cell, expected, new, done, weak } => {
                let cell = thread.index(cell, cells);
                self.touches(cell, Access::Write);
                let equal = self.state.cells[cell] == thread.value(expected);
                let swaps = equal && !(weak && decide.decide(ChoiceKind::Named, 2) == 1);
                if swaps {
                    self.state.cells[cell] = thread.value(new);
                }
                thread.set(done, i64::from(swaps));
            }
            Op::Lock { lock } => {
                let lock = thread.index(lock, locks);
                if self.state.owners[lock] == FREE {
                    self.touches_lock(lock, Access::Acquire);
                    self.state.owners[lock] = number as u32;
                    thread.waits = false;
                } else {
                    self.touches_lock(lock, Access::Wait);
                    self.state.threads[number].waits = true;
                    return;
                }
            }
            Op::Unlock { lock } => {
                let lock = thread.index(lock, locks);
                if self.state.owners[lock] == number as u32 {
                    self.touches_lock(lock, Access::Release);
                    self.state.owners[lock] = FREE;
                }
            }
            Op::TryLock { lock, done } => {
                let lock = thread.index(lock, locks);
                let free = self.state.owners[lock] == FREE;
                self.touches_lock(lock, if free { Access::Write } else { Access::Read });
                self.footprint.fixed = false;
                if free {
                    self.state.owners[lock] = number as u32;
                }
                thread.set(done, i64::from(free));
            }
            Op::Await { cell, value, done } => {
                let cell = thread.index(cell, cells);
                self.touches(cell, Access::Read);
                if thread.timer != Timer::Off {
                    self.touches_timers();
                }
                let met = self.state.cells[cell] == thread.value(value);
                if !met && thread.timer != Timer::RunOut {
                    self.state.threads[number].waits = true;
                    return;
                }
                thread.waits = false;
                thread.timer = Timer::Off;
                thread.set(done, i64::from(met));
            }
            Op::Arm { ticks } => {
                self.touches_timers();
                thread.timer = Timer::Armed(self.state.now + u64::from(ticks));
            }
            Op::Choose { options, to } if options > 1 => {
                thread.set(to, decide.decide(ChoiceKind::Named, options as usize) as i64);
            }
            Op::Choose { to, .. } => thread.set(to, 0),
            // A loop of private operations, whose turns in one step were used up.
            _ => thread.next -= 1,
        }
        go_on(&mut thread, &self.ops);
        self.state.threads[number] = thread;
    }
}

/// Private operations, up to one that takes a step.
#[inline]
fn go_on(thread: &mut Thread, ops: &[Op]) {
    for _ in 0..PRIVATE_MAX {
        let jumps = match ops[thread.next as usize] {
            Op::Set { to, value } => {
                let value = thread.value(value);
                thread.set(to, value);
                None
            }
            Op::Remainder { of, by } => {
                if by != 0 {
                    let left = thread.registers[of as usize].rem_euclid(i64::from(by));
                    thread.set(of, left);
                }
                None
            }
            Op::Jump { to } => Some(to),
            Op::JumpIfZero { register, to } => (thread.registers[register as usize] == 0).then_some(to),
            Op::JumpUnlessZero { register, to } => (thread.registers[register as usize] != 0).then_some(to),
            _ => return,
        };
        thread.next = jumps.unwrap_or(thread.next + 1);
    }
}

impl System for Cells {
    #[inline]
    fn restart(&mut self) {
        self.state.clone_from(&self.initial);
    }

    #[inline]
    fn enabled(&mut self, actions: &mut Vec<Action>) {
        actions.clear();
        for (number, thread) in self.state.threads.iter().enumerate() {
            if self.ready(thread) {
                actions.push(Action::Run(number as u32));
            }
        }
        let time = match self.clock {
            Clock::Free => true,
            Clock::Patient => actions.is_empty(),
        };
        if time && self.first_timer().is_some() {
            actions.push(Action::Expire);
        }
    }

    #[inline]
    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.footprint.clear();
        self.footprint.fixed = true;
        match action {
            Action::Run(number) => self.run(number as usize, decide),
            Action::Expire => self.expire(),
            Action::Interrupt { .. } => panic!("engine bug: cells have no interrupts"),
        }
    }

    fn over(&mut self) -> End {
        let over = |thread: &Thread| self.ops[thread.next as usize] == Op::End;
        if self.state.threads.iter().all(over) { End::Finished } else { End::Hung }
    }
}

impl Dependent for Cells {
    fn track(&mut self, on: bool) {
        self.track = on;
    }

    #[inline]
    fn footprint(&mut self, footprint: &mut Footprint) {
        footprint.uses.clear();
        footprint.uses.extend_from_slice(&self.footprint.uses);
        footprint.barrier = self.footprint.barrier;
        footprint.fixed = self.footprint.fixed;
    }

    #[inline]
    fn only_waits(&mut self, action: Action) -> bool {
        let Action::Run(number) = action else { return false };
        let State { owners, threads, .. } = &self.state;
        let thread = &threads[number as usize];
        match self.ops[thread.next as usize] {
            Op::Lock { lock } => owners[thread.index(lock, owners.len())] != FREE,
            _ => false,
        }
    }
}

impl Stateful for Cells {
    type State = State;

    fn save(&self, state: &mut State) {
        state.clone_from(&self.state);
    }

    fn state(&self) -> State {
        self.state.clone()
    }

    fn load(&mut self, state: &State) {
        self.state.clone_from(state);
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.state.hash(&mut hasher);
        hasher.finish()
    }
}

impl Recurrent for Cells {
    fn recurrence(&self) -> u64 {
        let State { now, cells, owners, threads } = &self.state;
        let mut hasher = FxHasher::default();
        (cells, owners).hash(&mut hasher);
        for thread in threads {
            let timer = match thread.timer {
                Timer::Armed(until) => Timer::Armed(until.saturating_sub(*now)),
                timer => timer,
            };
            Thread { timer, ..*thread }.hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Located for Cells {
    fn site(&mut self, action: Action) -> SiteId {
        match action {
            Action::Run(number) => SiteId::from_raw(1 + self.state.threads[number as usize].next),
            _ => SiteId::UNKNOWN,
        }
    }
}
