//! What a thread on cells and locks does.

/// A register of a thread. All are 0 at first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Register {
    /// The first.
    A,
    /// The second.
    B,
    /// The third.
    C,
    /// The fourth.
    D,
}

/// Registers of a thread.
pub(super) const REGISTERS: usize = 4;

/// A cell or a lock: a number, and what is in a register. Numbers wrap around, so that every one means something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Index {
    /// The number.
    pub base: u32,
    /// What is added to it.
    pub register: Option<Register>,
}

/// The one with this number.
pub const fn at(base: u32) -> Index {
    Index { base, register: None }
}

/// The one whose number is in this register.
pub const fn at_register(register: Register) -> Index {
    Index { base: 0, register: Some(register) }
}

/// A value: a constant, and what is in a register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Value {
    /// The constant.
    pub plus: i64,
    /// What is added to it.
    pub register: Option<Register>,
}

/// This constant.
pub const fn constant(plus: i64) -> Value {
    Value { plus, register: None }
}

/// What is in the register, and a constant.
pub const fn register(register: Register, plus: i64) -> Value {
    Value { plus, register: Some(register) }
}

/// One operation. The first group takes a step each; the others are private to their thread, and are done at the end of
/// the step before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Reads a cell.
    Read {
        /// Which.
        cell: Index,
        /// Where the value goes.
        to: Register,
    },
    /// Writes a cell.
    Write {
        /// Which.
        cell: Index,
        /// What.
        value: Value,
    },
    /// Adds to a cell.
    Add {
        /// Which.
        cell: Index,
        /// How much.
        value: Value,
    },
    /// Writes a cell if it has the expected value. Counts as a write in any case.
    CompareAndSwap {
        /// Which.
        cell: Index,
        /// Expected value.
        expected: Value,
        /// What is written.
        new: Value,
        /// Becomes 1 if it was written, and 0 if not.
        done: Register,
        /// It may fail for no reason.
        weak: bool,
    },
    /// Takes an exclusive lock. A thread that finds it taken begins to wait, which is a step; then it can go on once
    /// the lock is free.
    Lock {
        /// Which.
        lock: Index,
    },
    /// Gives the lock back; does nothing if the thread does not hold it.
    Unlock {
        /// Which.
        lock: Index,
    },
    /// Takes a lock if it is free.
    TryLock {
        /// Which.
        lock: Index,
        /// Becomes 1 if it was taken, and 0 if not.
        done: Register,
    },
    /// Waits until a cell has this value, or the thread's timer has run out. To begin to wait is a step. The timer is
    /// off after it.
    Await {
        /// Which.
        cell: Index,
        /// The value.
        value: Value,
        /// Becomes 1 if the cell has the value, and 0 if only the timer has run out.
        done: Register,
    },
    /// Sets the thread's timer.
    Arm {
        /// How long it runs.
        ticks: u32,
    },
    /// A choice that is no choice of threads; none if there are less than two options.
    Choose {
        /// How many possibilities.
        options: u32,
        /// Where the number of the possibility goes.
        to: Register,
    },

    /// Sets a register.
    Set {
        /// Which.
        to: Register,
        /// What.
        value: Value,
    },
    /// What is left of a register after division.
    Remainder {
        /// Which.
        of: Register,
        /// The divisor; 0 leaves the register as it is.
        by: u32,
    },
    /// Goes on elsewhere.
    Jump {
        /// Number of the operation in the thread's program.
        to: u32,
    },
    /// Goes on elsewhere if the register is 0.
    JumpIfZero {
        /// Which.
        register: Register,
        /// Number of the operation.
        to: u32,
    },
    /// Goes on elsewhere if the register is not 0.
    JumpUnlessZero {
        /// Which.
        register: Register,
        /// Number of the operation.
        to: u32,
    },
    /// The thread is over; so it is at the end of its program.
    End,
}
