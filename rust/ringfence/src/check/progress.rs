//! How far a check is, for those who wait for it.

use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a check is at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u64)]
pub enum Phase {
    /// Ordered schedules.
    #[default]
    Ordered,
    /// One execution of each class of equivalent ones.
    Systematic,
    /// Random schedules.
    Random,
    /// Towards what was predicted.
    Directed,
    /// The same, with everything that the contract allows others.
    Contract,
    /// Witnesses are made small.
    Minimising,
}

impl Phase {
    const ALL: [Self; 6] =
        [Self::Ordered, Self::Systematic, Self::Random, Self::Directed, Self::Contract, Self::Minimising];

    /// As shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Systematic => "systematic",
            Self::Random => "random",
            Self::Directed => "directed",
            Self::Contract => "against the contract",
            Self::Minimising => "minimising",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a check is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// Executions so far.
    pub executions: u64,
    /// Distinct problems so far.
    pub found: u64,
    /// The part of all classes of equivalent executions that was run, from 0 to 1: an estimate, from how many
    /// alternatives are left on the way to the present execution.
    pub share: f64,
}

/// Is asked all the time, by all threads, whether the check is still wanted.
pub type GoOn<'a> = &'a (dyn Fn(&Progress) -> bool + Sync);

/// A counter of one thread, or of several: so far from others that they don't share a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Own(AtomicU64);

/// So many threads have a counter of their own.
const OWN: usize = 16;
/// Executions of a thread until the others are told.
const UNTOLD: u64 = 8;

/// What all threads of a check tell of themselves.
pub(super) struct Watch<'a> {
    phase: AtomicU64,
    /// Those that all threads were told of: written once in a while, for each write costs all others.
    executions: AtomicU64,
    own: [Own; OWN],
    found: AtomicU64,
    /// Found before the searches began.
    known: AtomicU64,
    share: AtomicU64,
    go_on: GoOn<'a>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(go_on: GoOn<'a>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            phase: zero(),
            executions: zero(),
            own: Default::default(),
            found: zero(),
            known: zero(),
            share: zero(),
            go_on,
        }
    }

    /// Those that the present thread has run.
    fn own(&self) -> &AtomicU64 {
        &self.own[rayon::current_thread_index().unwrap_or(0) % OWN].0
    }

    /// As the present thread sees it: of others' latest executions it may not know.
    fn progress(&self) -> Progress {
        let phase = self.phase.load(Ordering::Relaxed) as usize;
        Progress {
            phase: Phase::ALL[phase],
            executions: self.executions.load(Ordering::Relaxed) + self.own().load(Ordering::Relaxed) % UNTOLD,
            found: self.known.load(Ordering::Relaxed) + self.found.load(Ordering::Relaxed),
            share: f64::from_bits(self.share.load(Ordering::Relaxed)),
        }
    }

    /// Whether it is still wanted.
    pub(super) fn go_on(&self) -> bool {
        (self.go_on)(&self.progress())
    }

    /// One execution more; whether to go on.
    pub(super) fn one_more(&self) -> bool {
        let own = self.own().fetch_add(1, Ordering::Relaxed) + 1;
        if own.is_multiple_of(UNTOLD) {
            self.executions.fetch_add(UNTOLD, Ordering::Relaxed);
        }
        self.go_on()
    }

    /// What comes now.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u64, Ordering::Relaxed);
    }

    /// So much is known before anything is searched.
    pub(super) fn known(&self, known: usize) {
        self.known.store(known as u64, Ordering::Relaxed);
    }

    /// So much was found by the searches until now.
    pub(super) fn found(&self, found: usize) {
        self.found.store(found as u64, Ordering::Relaxed);
    }

    /// How much of all is done.
    pub(super) fn share(&self, share: f64) {
        self.share.store(share.to_bits(), Ordering::Relaxed);
    }
}
