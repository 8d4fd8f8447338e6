//! Sorts of random traces: each stirs up one part of the rules, the last one everything.

use ringfence_lockdep::annotations::LockKind;
use ringfence_lockdep::{LockType, WaitType};

/// What a random trace is made of. Shares are in percent.
pub(crate) struct Flavour {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [LockKind],
    /// Acquisitions that are shared, and that are recursive reads.
    pub(crate) shared: u64,
    pub(crate) recursive: u64,
    pub(crate) trylock: u64,
    pub(crate) unchecked: u64,
    pub(crate) nest: u64,
    pub(crate) subclass: u64,
    /// Acquisitions of a class that the task holds already.
    pub(crate) again: u64,
    /// Acquisitions of a later class than all that are held: circles are rare then.
    pub(crate) in_order: u64,
    /// Releases of another lock than the newest.
    pub(crate) out_of_order: u64,
    /// Releases of locks that may not be held.
    pub(crate) misuse: u64,
    /// Weights of steps: acquire, release, task, irq, sync, downgrade, free.
    pub(crate) steps: [usize; 7],
    /// So many locks are held at once at most, by intent.
    pub(crate) depth: usize,
    /// Irqs are off, but for short moments, and irqs come one at a time and take one lock: so that classes
    /// keep their roles and it takes a path to find a clash.
    pub(crate) irq_roles: bool,
    /// Most operations, or a few more.
    pub(crate) length: usize,
}

const PER_CPU: LockKind =
    LockKind { lock_type: LockType::PerCpu, wait_inner: WaitType::Config, ..LockKind::MAP };
const OVERRIDE: LockKind =
    LockKind { lock_type: LockType::WaitOverride, wait_inner: WaitType::Config, ..LockKind::MAP };
const RAW: LockKind = LockKind::RAW_SPINLOCK;
const MAP: LockKind = LockKind::MAP;

const PLAIN: Flavour = Flavour {
    name: "plain",
    kinds: &[MAP],
    shared: 0,
    recursive: 0,
    trylock: 0,
    unchecked: 0,
    nest: 0,
    subclass: 0,
    again: 2,
    in_order: 0,
    out_of_order: 10,
    misuse: 0,
    steps: [10, 8, 2, 0, 1, 0, 0],
    depth: 3,
    irq_roles: false,
    length: 30,
};

const READS: Flavour =
    Flavour { name: "reads", shared: 25, recursive: 35, steps: [10, 8, 1, 0, 0, 1, 0], ..PLAIN };

/// Much held at once by readers: the nearest lock is seldom the one that matters.
const DEEP: Flavour = Flavour {
    name: "deep reads",
    shared: 20,
    recursive: 50,
    again: 0,
    out_of_order: 3,
    steps: [10, 6, 1, 0, 0, 0, 0],
    depth: 5,
    ..PLAIN
};

const TRYLOCK: Flavour = Flavour {
    name: "trylocks",
    shared: 15,
    recursive: 30,
    trylock: 25,
    unchecked: 15,
    steps: [10, 7, 2, 0, 1, 1, 0],
    depth: 4,
    ..PLAIN
};

const IRQ: Flavour = Flavour {
    name: "irqs",
    kinds: &[RAW, MAP],
    shared: 15,
    recursive: 20,
    trylock: 5,
    unchecked: 3,
    again: 1,
    steps: [10, 9, 1, 8, 1, 1, 0],
    ..PLAIN
};

/// Read against read is harmless in an interrupt, but only at some ends.
const IRQ_READS: Flavour = Flavour {
    name: "irqs and readers",
    kinds: &[MAP, MAP, MAP, MAP, MAP, PER_CPU, OVERRIDE],
    shared: 30,
    recursive: 50,
    again: 0,
    steps: [10, 8, 1, 8, 0, 1, 0],
    ..PLAIN
};

const NEST: Flavour = Flavour {
    name: "nest locks",
    shared: 15,
    recursive: 15,
    trylock: 10,
    unchecked: 5,
    nest: 40,
    subclass: 15,
    again: 35,
    out_of_order: 25,
    steps: [10, 7, 1, 1, 1, 1, 0],
    depth: 5,
    ..PLAIN
};

const WAIT: Flavour = Flavour {
    name: "wait types",
    kinds: &[RAW, LockKind::SPINLOCK, LockKind::SLEEPING, MAP, LockKind::LOCAL_LOCK, LockKind::RCU, OVERRIDE],
    recursive: 20,
    trylock: 25,
    unchecked: 10,
    steps: [10, 9, 1, 4, 1, 0, 0],
    ..PLAIN
};

const IRQ_ROLES: Flavour = Flavour {
    name: "irq roles",
    shared: 15,
    recursive: 40,
    again: 0,
    in_order: 85,
    out_of_order: 3,
    steps: [10, 8, 1, 4, 0, 0, 0],
    irq_roles: true,
    length: 50,
    ..PLAIN
};

const IRQ_ROLES_SKIPPED: Flavour = Flavour {
    name: "irq roles, some skipped",
    kinds: &[MAP, MAP, MAP, PER_CPU, OVERRIDE],
    trylock: 10,
    unchecked: 3,
    ..IRQ_ROLES
};

/// The same locks taken inside an interrupt, with and without their class being held outside.
const NEST_IRQ: Flavour = Flavour {
    name: "nest locks and irqs",
    nest: 50,
    again: 30,
    out_of_order: 5,
    steps: [10, 8, 0, 3, 0, 0, 0],
    irq_roles: true,
    length: 50,
    depth: 4,
    ..PLAIN
};

/// All that decides which of the held locks stand for which others, and no misuse to cut it short.
const DEEP_IRQ: Flavour = Flavour {
    name: "deep irqs",
    kinds: &[MAP, MAP, MAP, PER_CPU, OVERRIDE],
    shared: 20,
    recursive: 35,
    trylock: 15,
    unchecked: 5,
    nest: 10,
    again: 5,
    out_of_order: 15,
    steps: [12, 6, 1, 5, 0, 1, 0],
    depth: 5,
    ..PLAIN
};

const EVERYTHING: Flavour = Flavour {
    name: "everything",
    kinds: &[RAW, RAW, MAP, MAP, MAP, MAP, LockKind::SPINLOCK, LockKind::SLEEPING, PER_CPU, OVERRIDE],
    shared: 20,
    recursive: 30,
    trylock: 20,
    unchecked: 8,
    nest: 10,
    subclass: 10,
    again: 8,
    in_order: 30,
    out_of_order: 15,
    misuse: 2,
    steps: [40, 30, 6, 16, 4, 4, 1],
    depth: 4,
    irq_roles: false,
    length: 30,
};

pub(crate) const FLAVOURS: [Flavour; 13] = [
    PLAIN,
    READS,
    DEEP,
    TRYLOCK,
    IRQ,
    IRQ_READS,
    IRQ_ROLES,
    IRQ_ROLES_SKIPPED,
    NEST,
    NEST_IRQ,
    WAIT,
    DEEP_IRQ,
    EVERYTHING,
];
