//! All interleavings of a program on cells and locks, one by one, by an interpreter of its own, and the traces they
//! belong to.

use std::collections::BTreeMap;

use ringfence_base::Action;
use ringfence_explore::cells::{Clock, Index, Op, Register, Value};

/// A program for each thread, cells that are 0 and locks that are free.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) cells: usize,
    pub(crate) locks: usize,
    pub(crate) threads: Vec<Vec<Op>>,
    pub(crate) clock: Clock,
}

/// Something that threads share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shared {
    Cell(usize),
    Lock(usize),
    Timers,
    /// Time that moves on because nobody can run sees all.
    Everything,
}

/// A step: who, what was decided, and what it touched (true if it may change it).
#[derive(Clone, Debug)]
struct Event {
    party: Action,
    decided: Option<usize>,
    touched: Vec<(Shared, bool)>,
}

/// The Foata normal form of a trace: each event with the length of the longest chain of dependent events up to it.
pub(crate) type Trace = Vec<(usize, Action, Option<usize>)>;

/// Cells, owners of locks, registers of threads; and whether somebody still waits.
pub(crate) type Final = (Vec<i64>, Vec<Option<usize>>, Vec<Vec<i64>>, bool);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    Off,
    Armed(u64),
    Fired,
}

#[derive(Clone, Debug)]
struct Thread {
    next: usize,
    waiting: bool,
    timer: Timer,
    registers: [i64; 4],
}

/// The interpreter: between two steps.
#[derive(Clone, Debug)]
pub(crate) struct Naive<'a> {
    programs: &'a Programs,
    now: u64,
    cells: Vec<i64>,
    owners: Vec<Option<usize>>,
    threads: Vec<Thread>,
}

fn value(thread: &Thread, value: Value) -> i64 {
    value.plus + value.register.map_or(0, |register| thread.registers[register as usize])
}

fn index(thread: &Thread, index: Index, of: usize) -> usize {
    let number = i64::from(index.base) + index.register.map_or(0, |r: Register| thread.registers[r as usize]);
    number.rem_euclid(of as i64) as usize
}

impl<'a> Naive<'a> {
    pub(crate) fn new(programs: &'a Programs) -> Self {
        let thread = Thread { next: 0, waiting: false, timer: Timer::Off, registers: [0; 4] };
        let mut naive = Self {
            programs,
            now: 0,
            cells: vec![0; programs.cells],
            owners: vec![None; programs.locks],
            threads: vec![thread; programs.threads.len()],
        };
        for number in 0..naive.threads.len() {
            naive.private(number);
        }
        naive
    }

    /// The operation that the thread is in front of.
    fn front(&self, number: usize) -> Op {
        self.programs.threads[number].get(self.threads[number].next).copied().unwrap_or(Op::End)
    }

    /// Private operations.
    fn private(&mut self, number: usize) {
        loop {
            let op = self.front(number);
            let thread = &mut self.threads[number];
            match op {
                Op::Set { to, value: what } => thread.registers[to as usize] = value(thread, what),
                Op::JumpIfZero { register, to } if thread.registers[register as usize] == 0 => {
                    thread.next = to as usize;
                    continue;
                }
                Op::JumpUnlessZero { register, to } if thread.registers[register as usize] != 0 => {
                    thread.next = to as usize;
                    continue;
                }
                Op::JumpIfZero { .. } | Op::JumpUnlessZero { .. } => {}
                Op::Jump { .. } | Op::Remainder { .. } => panic!("the random programs have none of these"),
                _ => return,
            }
            thread.next += 1;
        }
    }

    fn can_run(&self, number: usize) -> bool {
        let thread = &self.threads[number];
        match self.front(number) {
            Op::End => false,
            Op::Lock { lock } => self.owners[index(thread, lock, self.owners.len())].is_none(),
            Op::Await { cell, value: what, .. } => {
                let met = self.cells[index(thread, cell, self.cells.len())] == value(thread, what);
                !thread.waiting || thread.timer == Timer::Fired || met
            }
            _ => true,
        }
    }

    pub(crate) fn enabled(&self) -> Vec<Action> {
        let mut enabled: Vec<Action> = (0..self.threads.len())
            .filter(|&number| self.can_run(number))
            .map(|number| Action::Run(number as u32))
            .collect();
        let armed = self.threads.iter().any(|thread| matches!(thread.timer, Timer::Armed(_)));
        if armed && (self.programs.clock == Clock::Free || enabled.is_empty()) {
            enabled.push(Action::Expire);
        }
        enabled
    }

    /// How many outcomes the step has.
    fn outcomes(&self, action: Action) -> usize {
        let Action::Run(number) = action else { return 1 };
        let thread = &self.threads[number as usize];
        match self.front(number as usize) {
            Op::Choose { options, .. } => options.max(1) as usize,
            Op::CompareAndSwap { cell, expected, weak: true, .. } => {
                let equal = self.cells[index(thread, cell, self.cells.len())] == value(thread, expected);
                1 + usize::from(equal)
            }
            _ => 1,
        }
    }

    /// The thread in front of a lock that is taken begins to wait: nothing that others see.
    pub(crate) fn only_waits(&self, action: Action) -> bool {
        matches!(action, Action::Run(number) if matches!(self.front(number as usize), Op::Lock { .. }))
            && !self.enabled().contains(&action)
    }

    fn expire(&mut self) -> Vec<(Shared, bool)> {
        let armed = self.threads.iter().enumerate().filter_map(|(number, thread)| match thread.timer {
            Timer::Armed(until) => Some((until, number)),
            _ => None,
        });
        let (until, number) = armed.min().expect("time moves on only for a timer");
        self.now = self.now.max(until);
        self.threads[number].timer = Timer::Fired;
        match self.programs.clock {
            Clock::Free => vec![(Shared::Timers, true)],
            Clock::Patient => vec![(Shared::Everything, true)],
        }
    }

    fn step(&mut self, action: Action, outcome: usize) -> Event {
        let decided = (self.outcomes(action) > 1).then_some(outcome);
        let Action::Run(number) = action else {
            return Event { party: action, decided, touched: self.expire() };
        };
        let number = number as usize;
        let op = self.front(number);
        let (cells, locks) = (self.cells.len(), self.owners.len());
        let thread = &mut self.threads[number];
        let mut touched = Vec::new();
        match op {
            Op::Read { cell, to } => {
                let cell = index(thread, cell, cells);
                touched.push((Shared::Cell(cell), false));
                thread.registers[to as usize] = self.cells[cell];
            }
            Op::Write { cell, value: what } => {
                let cell = index(thread, cell, cells);
                touched.push((Shared::Cell(cell), true));
                self.cells[cell] = value(thread, what);
            }
            Op::Add { cell, value: what } => {
                let cell = index(thread, cell, cells);
                touched.push((Shared::Cell(cell), true));
                self.cells[cell] += value(thread, what);
            }
            Op::CompareAndSwap { cell, expected, new, done, .. } => {
                let cell = index(thread, cell, cells);
                touched.push((Shared::Cell(cell), true));
                let swaps = self.cells[cell] == value(thread, expected) && outcome == 0;
                if swaps {
                    self.cells[cell] = value(thread, new);
                }
                thread.registers[done as usize] = i64::from(swaps);
            }
            Op::Lock { lock } => {
                let lock = index(thread, lock, locks);
                touched.push((Shared::Lock(lock), true));
                self.owners[lock] = Some(number);
            }
            Op::Unlock { lock } => {
                let lock = index(thread, lock, locks);
                if self.owners[lock] == Some(number) {
                    touched.push((Shared::Lock(lock), true));
                    self.owners[lock] = None;
                }
            }
            Op::TryLock { lock, done } => {
                let lock = index(thread, lock, locks);
                let free = self.owners[lock].is_none();
                touched.push((Shared::Lock(lock), free));
                if free {
                    self.owners[lock] = Some(number);
                }
                thread.registers[done as usize] = i64::from(free);
            }
            Op::Await { cell, value: what, done } => {
                let cell = index(thread, cell, cells);
                touched.push((Shared::Cell(cell), false));
                if thread.timer != Timer::Off {
                    touched.push((Shared::Timers, true));
                }
                let met = self.cells[cell] == value(thread, what);
                if !met && thread.timer != Timer::Fired {
                    thread.waiting = true;
                    return Event { party: action, decided, touched };
                }
                thread.waiting = false;
                thread.timer = Timer::Off;
                thread.registers[done as usize] = i64::from(met);
            }
            Op::Arm { ticks } => {
                touched.push((Shared::Timers, true));
                thread.timer = Timer::Armed(self.now + u64::from(ticks));
            }
            Op::Choose { to, .. } => thread.registers[to as usize] = outcome as i64,
            op => panic!("{op:?} is no step"),
        }
        thread.next += 1;
        self.private(number);
        Event { party: action, decided, touched }
    }

    fn outcome(&self) -> Final {
        let hung = (0..self.threads.len()).any(|number| self.front(number) != Op::End);
        let registers = self.threads.iter().map(|thread| thread.registers.to_vec()).collect();
        (self.cells.clone(), self.owners.clone(), registers, hung)
    }

    /// Runs these steps, with what is decided in them; steps that only wait are no steps here.
    pub(crate) fn follow(mut self, steps: &[(Action, Option<usize>)]) -> (Trace, Final) {
        let mut events = Vec::new();
        for &(action, decided) in steps {
            if !self.only_waits(action) {
                assert!(self.enabled().contains(&action), "{action:?} is not possible");
                events.push(self.step(action, decided.unwrap_or(0)));
            }
        }
        assert!(self.enabled().is_empty(), "the execution is not over: {:?}", self.enabled());
        (normal_form(&events), self.outcome())
    }
}

fn dependent(a: &Event, b: &Event) -> bool {
    let shares = |(x, changes): &(Shared, bool)| {
        b.touched.iter().any(|(y, also)| x == y && (*changes || *also) || *y == Shared::Everything)
            || *x == Shared::Everything
    };
    let everything = |event: &Event| event.touched.iter().any(|(x, _)| *x == Shared::Everything);
    a.party == b.party || everything(a) || everything(b) || a.touched.iter().any(shares)
}

fn normal_form(events: &[Event]) -> Trace {
    let mut levels: Vec<usize> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let before = events[..at].iter().zip(&levels).filter(|(earlier, _)| dependent(earlier, event));
        let level = before.map(|(_, level)| level + 1).max().unwrap_or(0);
        levels.push(level);
    }
    let mut form: Trace =
        events.iter().zip(levels).map(|(event, level)| (level, event.party, event.decided)).collect();
    form.sort();
    form
}

/// Every trace and where it ends, from every interleaving; none if there are more than `most` interleavings.
pub(crate) fn all_traces(programs: &Programs, most: usize) -> Option<BTreeMap<Trace, Final>> {
    let mut traces = BTreeMap::new();
    let mut left = most;
    let done = all_behind(&Naive::new(programs), &mut Vec::new(), &mut traces, &mut left);
    done.then_some(traces)
}

fn all_behind(
    naive: &Naive<'_>,
    events: &mut Vec<Event>,
    traces: &mut BTreeMap<Trace, Final>,
    left: &mut usize,
) -> bool {
    let enabled = naive.enabled();
    if enabled.is_empty() {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let outcome = naive.outcome();
        let known = traces.entry(normal_form(events)).or_insert_with(|| outcome.clone());
        assert_eq!(*known, outcome, "executions of one trace end differently: the judge is wrong");
        return true;
    }
    for action in enabled {
        for outcome in 0..naive.outcomes(action) {
            let mut after = naive.clone();
            events.push(after.step(action, outcome));
            let done = all_behind(&after, events, traces, left);
            events.pop();
            if !done {
                return false;
            }
        }
    }
    true
}
