//! An engine of a GPU: executes the work at the head of one of its rings, then that of the next, and raises
//! interrupts. What is submitted to it without a ring goes onto one of its own, which has no end of slots.

use ringfence_base::ChoiceKind;
use ringfence_base::scenario::{Kind, ObjectKind};

use crate::compile::Compiler;
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::time::TimerId;

/// What an engine is at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// Its work waits for a lock, and occupies it.
    Waiting,
    /// Its work is done at that time.
    Running(TimerId),
    /// Its work never ends.
    Hung,
    /// Its work has accessed memory that is not mapped.
    Faulted,
    /// It has work, but was stopped.
    Stopped,
}

/// An engine.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Engine {
    /// The ring whose head it is at; [`NONE`].
    current: u32,
    /// Position of the ring that it was at last, among its own.
    last: u32,
    phase: Phase,
    /// `engine_hang()`: it does nothing until it is reset.
    hung: bool,
    /// Resets that are under way.
    resets: u32,
    /// One bit per ring of its own: the work at its head waits for no semaphore.
    runnable: Vec<u64>,
    /// How many bits are set.
    runnables: u32,
}

/// What never changes about an engine.
#[derive(Debug)]
pub(crate) struct EngineInfo {
    pub(crate) gpu: u32,
    /// Raised where the ring has none of its own.
    pub(crate) irq: Option<u32>,
    /// It can leave work in the middle.
    pub(crate) preemption: bool,
    /// Its rings; the first one is for what is submitted without a ring.
    pub(crate) rings: Vec<u32>,
}

impl Clone for Engine {
    fn clone(&self) -> Self {
        Self { runnable: self.runnable.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        let mut runnable = std::mem::take(&mut self.runnable);
        runnable.clone_from(&source.runnable);
        *self = Self { runnable, ..*source };
    }
}

impl Engine {
    fn new() -> Self {
        Self {
            current: NONE,
            last: 0,
            phase: Phase::Idle,
            hung: false,
            resets: 0,
            runnable: vec![0],
            runnables: 0,
        }
    }

    /// What it is at.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// The ring whose head it is at.
    pub(crate) fn current(&self) -> Option<u32> {
        (self.current != NONE).then_some(self.current)
    }

    /// A reset of it is under way.
    pub(crate) fn is_resetting(&self) -> bool {
        self.resets != 0
    }

    /// Resets of it that are under way.
    pub(crate) fn resets(&self) -> u32 {
        self.resets
    }

    /// `engine_hang()` was called.
    pub(crate) fn is_hung(&self) -> bool {
        self.hung
    }

    /// `engine_hang()`.
    pub(crate) fn hang(&mut self) {
        self.hung = true;
    }

    /// When its work is done, if it ever is.
    pub(crate) fn due(&self) -> Option<TimerId> {
        match self.phase {
            Phase::Running(due) => Some(due),
            _ => None,
        }
    }

    /// Whether the ring at this position could be served.
    pub(crate) fn is_runnable(&self, position: u32) -> bool {
        self.runnable[position as usize / 64] >> (position % 64) & 1 == 1
    }

    /// Says whether the ring at this position could be served.
    pub(crate) fn set_runnable(&mut self, position: u32, runnable: bool) {
        if self.is_runnable(position) != runnable {
            self.runnable[position as usize / 64] ^= 1 << (position % 64);
            self.runnables = if runnable { self.runnables + 1 } else { self.runnables - 1 };
        }
    }

    /// How many of its rings could be served.
    pub(crate) fn runnables(&self) -> u32 {
        self.runnables
    }

    /// Positions of rings that could be served, from this one on.
    fn runnable_from(&self, start: u32) -> impl Iterator<Item = u32> + '_ {
        let first = start as usize / 64;
        let words = self.runnable.iter().copied().enumerate().skip(first);
        words.flat_map(move |(word, bits)| {
            let mut bits = if word == first { bits & (u64::MAX << (start % 64)) } else { bits };
            std::iter::from_fn(move || {
                if bits == 0 {
                    return None;
                }
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                Some(word as u32 * 64 + bit)
            })
        })
    }

    /// Positions of rings that could be served: whose turn it is comes first.
    fn in_turn(&self) -> impl Iterator<Item = u32> + '_ {
        let last = self.last;
        self.runnable_from(last + 1).chain(self.runnable_from(0).take_while(move |&other| other <= last))
    }
}

impl Compiler {
    pub(crate) fn set_up_engines(&mut self) {
        for (index, id) in self.plan.by_kind[Kind::Engine as usize].clone().into_iter().enumerate() {
            let ObjectKind::Engine { irq, gpu, preemption } = self.plan.scenario.objects[id.index()].kind
            else {
                continue;
            };
            let gpu = match gpu {
                Some(gpu) => self.plan.index(gpu),
                None => self.implicit_gpu(),
            };
            let irq = irq.map(|irq| self.plan.index(irq));
            self.plan.gpu.gpus[gpu as usize].engines.push(index as u32);
            self.plan.gpu.engines.push(EngineInfo { gpu, irq, preemption, rings: Vec::new() });
            self.plan.initial.gpu.engines.push(Engine::new());
        }
    }

    /// The engine gets a ring.
    pub(crate) fn add_to_engine(&mut self, engine: u32, ring: u32) -> u32 {
        let rings = &mut self.plan.gpu.engines[engine as usize].rings;
        rings.push(ring);
        let count = rings.len();
        self.plan.initial.gpu.engines[engine as usize].runnable.resize(count.div_ceil(64), 0);
        count as u32 - 1
    }
}

impl Kernel<'_> {
    pub(crate) fn engine_is_stopped(&self, engine: u32) -> bool {
        let entry = &self.w.gpu.engines[engine as usize];
        entry.hung || entry.is_resetting() || self.is_wedged(engine)
    }

    /// The GPU of the engine was given up.
    pub(crate) fn is_wedged(&self, engine: u32) -> bool {
        self.w.gpu.wedged[self.plan.gpu.engines[engine as usize].gpu as usize]
    }

    /// Begins with one of its rings, if it has nothing to do.
    pub(crate) fn engine_serves(&mut self, engine: u32) {
        let entry = &self.w.gpu.engines[engine as usize];
        if entry.current == NONE && entry.runnables != 0 && !self.engine_is_stopped(engine) {
            self.engine_turns_to(engine, NONE);
        }
    }

    /// Turns to one of its rings, if possible to another one than that at the position `except`.
    pub(crate) fn engine_turns_to(&mut self, engine: u32, except: u32) {
        let entry = &self.w.gpu.engines[engine as usize];
        let only = entry.runnables == 1;
        let excepted = except != NONE && !only && entry.is_runnable(except);
        let options = entry.runnables - u32::from(excepted);
        let choice = self.choose(ChoiceKind::GpuRing, options as usize);
        let entry = &mut self.w.gpu.engines[engine as usize];
        let position = entry.in_turn().filter(|&position| only || position != except).nth(choice);
        let position = position.expect("engine bug: fewer rings can be served than were counted");
        entry.last = position;
        entry.current = self.plan.gpu.engines[engine as usize].rings[position as usize];
        let ring = entry.current;
        self.work_begins(ring);
        self.engine_goes_on(engine);
    }

    /// Its work goes on, as far as it can.
    pub(crate) fn engine_goes_on(&mut self, engine: u32) {
        let ring = self.w.gpu.engines[engine as usize].current;
        let phase = match self.engine_is_stopped(engine) {
            true => Phase::Stopped,
            false => self.work_goes_on(ring),
        };
        self.w.gpu.engines[engine as usize].phase = phase;
    }

    /// Its work rests until it is allowed to go on.
    pub(crate) fn engine_stops(&mut self, engine: u32) {
        let entry = &mut self.w.gpu.engines[engine as usize];
        if let Phase::Running(due) = entry.phase {
            entry.phase = Phase::Stopped;
            let ring = entry.current as usize;
            self.w.time.cancel(due);
            let now = *self.w.time.now;
            self.w.gpu.rings[ring].queue[0].remaining = due.due().saturating_sub(now);
        }
    }

    /// Its work is taken from it.
    pub(crate) fn engine_leaves(&mut self, engine: u32) {
        let ring = self.w.gpu.engines[engine as usize].current;
        match self.w.gpu.engines[engine as usize].phase {
            Phase::Running(_) => self.engine_stops(engine),
            Phase::Waiting => self.stop_waiting_for_lock(ring),
            _ => {}
        }
        let entry = &mut self.w.gpu.engines[engine as usize];
        (entry.current, entry.phase) = (NONE, Phase::Idle);
    }

    /// It is as new, with nothing on its rings.
    pub(crate) fn engine_is_emptied(&mut self, engine: u32) {
        let plan = self.plan;
        for &ring in &plan.gpu.engines[engine as usize].rings {
            self.ring_loses_all(ring);
        }
        self.w.gpu.engines[engine as usize].hung = false;
    }

    /// What stopped it is over, or something else is on its rings.
    pub(crate) fn engine_resumes(&mut self, engine: u32) {
        match self.w.gpu.engines[engine as usize].phase {
            Phase::Stopped if !self.engine_is_stopped(engine) => self.engine_goes_on(engine),
            _ => self.engine_serves(engine),
        }
    }

    /// A reset of it begins.
    pub(crate) fn engine_reset_begins(&mut self, engine: u32) {
        self.engine_stops(engine);
        self.w.gpu.engines[engine as usize].resets += 1;
    }

    /// And is over. It has worked, or not.
    pub(crate) fn engine_reset_ends(&mut self, engine: u32, worked: bool) {
        let entry = &mut self.w.gpu.engines[engine as usize];
        entry.resets -= 1;
        entry.hung &= !worked;
        self.engine_resumes(engine);
    }

    /// Its work is done.
    pub(crate) fn engine_completes(&mut self, engine: u32) {
        let entry = &mut self.w.gpu.engines[engine as usize];
        let ring = entry.current;
        (entry.current, entry.phase) = (NONE, Phase::Idle);
        self.work_completes(ring);
        self.engine_serves(engine);
    }
}
