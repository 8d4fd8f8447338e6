//! The state of programs on cells and locks.

use super::program::{Index, REGISTERS, Register, Value};

/// Nobody holds the lock.
pub(super) const FREE: u32 = u32::MAX;

/// A thread's timer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Timer {
    Off,
    /// Runs out at this time.
    Armed(u64),
    RunOut,
}

/// A thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Thread {
    /// The operation that comes next, of all programs one after the other.
    pub(super) next: u32,
    /// It has begun to wait in the operation that it is in front of.
    pub(super) waits: bool,
    pub(super) timer: Timer,
    pub(super) registers: [i64; REGISTERS],
}

impl Thread {
    #[inline]
    pub(super) fn value(&self, value: Value) -> i64 {
        let register = value.register.map_or(0, |register| self.registers[register as usize]);
        value.plus.wrapping_add(register)
    }

    #[inline]
    pub(super) fn index(&self, index: Index, of: usize) -> usize {
        match index.register {
            None if (index.base as usize) < of => index.base as usize,
            None => index.base as usize % of.max(1),
            Some(register) => {
                let number = i64::from(index.base).wrapping_add(self.registers[register as usize]);
                number.rem_euclid(of.max(1) as i64) as usize
            }
        }
    }

    #[inline]
    pub(super) fn set(&mut self, register: Register, value: i64) {
        self.registers[register as usize] = value;
    }
}

/// A state between two steps.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) now: u64,
    pub(super) cells: Vec<i64>,
    pub(super) owners: Vec<u32>,
    pub(super) threads: Vec<Thread>,
}

impl Clone for State {
    fn clone(&self) -> Self {
        let Self { now, cells, owners, threads } = self;
        Self { now: *now, cells: cells.clone(), owners: owners.clone(), threads: threads.clone() }
    }

    /// Keeps the memory that is there.
    #[inline]
    fn clone_from(&mut self, from: &Self) {
        self.now = from.now;
        self.cells.clone_from(&from.cells);
        self.owners.clone_from(&from.owners);
        self.threads.clone_from(&from.threads);
    }
}

impl State {
    /// What is in the cells.
    pub fn cells(&self) -> &[i64] {
        &self.cells
    }

    /// What is in a register of a thread; none if there is no such thread.
    pub fn register(&self, thread: usize, register: Register) -> Option<i64> {
        Some(self.threads.get(thread)?.registers[register as usize])
    }

    /// Who holds a lock, if anybody does.
    pub fn owner(&self, lock: usize) -> Option<usize> {
        let owner = *self.owners.get(lock)?;
        (owner != FREE).then_some(owner as usize)
    }
}
