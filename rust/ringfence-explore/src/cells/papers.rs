//! The programs of "Optimal Dynamic Partial Order Reduction" (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014), and a few
//! that testers are compared by.

use super::program::{Op, Register, at, at_register, constant, register};
use super::{Cells, Index};

impl Cells {
    /// One writer of one cell, and so many readers: 2ⁿ traces.
    pub fn readers(n: u32) -> Self {
        let write = vec![Op::Write { cell: at(0), value: constant(42) }];
        let read = vec![Op::Read { cell: at(0), to: Register::A }];
        let mut programs = vec![write];
        programs.resize(n as usize + 1, read);
        Self::new(vec![0], 0, &programs)
    }

    /// A reader looks for the last zero of an array of n + 1 cells, from its end; writer j sets cell j to one more than
    /// what is in cell j - 1: (n + 3) 2ⁿ⁻² traces.
    pub fn lastzero(n: u32) -> Self {
        let reader = vec![
            Op::Set { to: Register::A, value: constant(i64::from(n) + 1) },
            Op::Set { to: Register::A, value: register(Register::A, -1) },
            Op::Read { cell: at_register(Register::A), to: Register::B },
            Op::JumpUnlessZero { register: Register::B, to: 1 },
        ];
        let writer = |cell: u32| {
            vec![
                Op::Read { cell: at(cell - 1), to: Register::A },
                Op::Write { cell: at(cell), value: register(Register::A, 1) },
            ]
        };
        let mut programs = vec![reader];
        programs.extend((1..=n).map(writer));
        Self::new(vec![0; n as usize + 1], 0, &programs)
    }

    /// A hash table of 128 cells; each of n threads inserts four values by compare-and-swap, and goes on to the next
    /// cell if it fails. From 12 threads on they collide: 8ⁿ⁻¹¹ traces.
    pub fn indexer(n: u32) -> Self {
        let program = |thread: u32| {
            let mut ops = Vec::new();
            for turn in 1..=4 {
                let value = turn * 11 + thread;
                let hash = i64::from(value) * 7 % 128;
                ops.push(Op::Set { to: Register::A, value: constant(hash) });
                let again = ops.len() as u32;
                ops.extend([
                    Op::CompareAndSwap {
                        cell: at_register(Register::A),
                        expected: constant(0),
                        new: constant(i64::from(value)),
                        done: Register::B,
                        weak: false,
                    },
                    Op::JumpUnlessZero { register: Register::B, to: again + 5 },
                    Op::Set { to: Register::A, value: register(Register::A, 1) },
                    Op::Remainder { of: Register::A, by: 128 },
                    Op::Jump { to: again },
                ]);
            }
            ops
        };
        Self::new(vec![0; 128], 0, &(0..n).map(program).collect::<Vec<_>>())
    }

    /// 32 inodes and 26 blocks with a lock each; each of n threads gives its inode a block, if it has none. From 14
    /// threads on they collide: 2, 8, 32, 64 traces of 14, 16, 18, 19 threads.
    pub fn filesystem(n: u32) -> Self {
        const INODES: u32 = 32;
        const BLOCKS: u32 = 26;
        // Inodes and blocks are numbered in one row, cells and locks alike.
        let block = Index { base: INODES, register: Some(Register::A) };
        let program = |thread: u32| {
            let inode = at(thread % INODES);
            vec![
                Op::Lock { lock: inode },
                Op::Read { cell: inode, to: Register::B },
                Op::JumpUnlessZero { register: Register::B, to: 15 },
                Op::Set { to: Register::A, value: constant(i64::from(thread % INODES * 2 % BLOCKS)) },
                Op::Lock { lock: block },
                Op::Read { cell: block, to: Register::B },
                Op::JumpIfZero { register: Register::B, to: 11 },
                Op::Unlock { lock: block },
                Op::Set { to: Register::A, value: register(Register::A, 1) },
                Op::Remainder { of: Register::A, by: BLOCKS },
                Op::Jump { to: 4 },
                Op::Write { cell: block, value: constant(1) },
                Op::Write { cell: inode, value: register(Register::A, 1) },
                Op::Unlock { lock: block },
                Op::Jump { to: 15 },
                Op::Unlock { lock: inode },
            ]
        };
        let cells = (INODES + BLOCKS) as usize;
        Self::new(vec![0; cells], cells, &(0..n).map(program).collect::<Vec<_>>())
    }

    /// Two threads take two locks in opposite order: 3 traces, one of them a deadlock.
    pub fn abba() -> Self {
        Self::new(Vec::new(), 2, &[nested(0, 1), nested(1, 0)])
    }

    /// n threads take two locks in the same order: n! traces.
    pub fn ordered(n: u32) -> Self {
        let programs: Vec<_> = (0..n).map(|_| nested(0, 1)).collect();
        Self::new(Vec::new(), 2, &programs)
    }

    /// n threads with a lock of their own each: 1 trace.
    pub fn own(n: u32) -> Self {
        let program = |lock| vec![Op::Lock { lock: at(lock) }, Op::Unlock { lock: at(lock) }];
        Self::new(Vec::new(), n as usize, &(0..n).map(program).collect::<Vec<_>>())
    }

    /// A waiter waits for a flag with a lock in its hands that the worker needs to set it: 2 traces, one of them a
    /// deadlock that no order of locks shows.
    pub fn fence() -> Self {
        let (outer, inner, flag) = (at(0), at(1), at(0));
        let worker = vec![
            Op::Lock { lock: outer },
            Op::Lock { lock: inner },
            Op::Write { cell: flag, value: constant(1) },
            Op::Unlock { lock: inner },
            Op::Unlock { lock: outer },
        ];
        let waiter = vec![
            Op::Lock { lock: outer },
            Op::Lock { lock: inner },
            Op::Read { cell: flag, to: Register::A },
            Op::JumpUnlessZero { register: Register::A, to: 7 },
            Op::Unlock { lock: inner },
            Op::Await { cell: flag, value: constant(1), done: Register::A },
            Op::Lock { lock: inner },
            Op::Unlock { lock: inner },
            Op::Unlock { lock: outer },
        ];
        Self::new(vec![0], 2, &[worker, waiter])
    }
}

/// Takes two locks, and gives them back.
fn nested(first: u32, second: u32) -> Vec<Op> {
    let (first, second) = (at(first), at(second));
    vec![
        Op::Lock { lock: first },
        Op::Lock { lock: second },
        Op::Unlock { lock: second },
        Op::Unlock { lock: first },
    ]
}
