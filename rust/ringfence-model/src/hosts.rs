//! On whom interrupts can arrive besides idle CPUs: partial order reduction has to know when that changes.
//!
//! An interrupt that has arrived somewhere could have arrived on a context that held a spinning lock at another time.
//! Nothing that the two have done shows that: they have touched nothing in common. But in the other order, with the
//! interrupt pending while the lock is held, there is one more thing that can happen. So whatever makes a context one
//! on which interrupts of a sort can arrive, or ends that, conflicts with the arrivals of all of that sort, wherever.

use crate::plan::{ContextKind, Plan};
use crate::thread::{State, Thread};
use crate::wait::Wait;
use crate::world::World;

/// The contexts that are told apart.
const CONTEXTS_MAX: usize = 64;

/// On whom interrupts can arrive, a bit for each context; idle CPUs are no hosts of this kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hosts {
    hard: u64,
    soft: u64,
    /// There are more contexts than bits.
    too_many: bool,
}

impl Hosts {
    /// Whether those of hard, or of soft interrupts are not the same.
    pub(crate) fn differ(self, other: Self, hard: bool) -> bool {
        let of = |hosts: Self| if hard { hosts.hard } else { hosts.soft };
        self.too_many || of(self) != of(other)
    }

    /// An interrupt of some sort can arrive on this context.
    pub(crate) fn is_one(self, task: u32) -> bool {
        self.too_many || (self.hard | self.soft) >> task & 1 != 0
    }
}

impl World {
    /// On whom interrupts can arrive, if there are any.
    #[inline]
    pub(crate) fn hosts(&self, plan: &Plan) -> Hosts {
        if plan.sources.is_empty() { Hosts::default() } else { self.hosts_now(plan) }
    }

    fn hosts_now(&self, plan: &Plan) -> Hosts {
        let threads = self.threads.unmarked();
        if threads.len() > CONTEXTS_MAX {
            return Hosts { too_many: true, ..Hosts::default() };
        }
        let mut hosts = Hosts::default();
        for (number, thread) in threads.iter().enumerate() {
            hosts.hard |= u64::from(self.is_host(plan, thread, true)) << number;
            hosts.soft |= u64::from(self.is_host(plan, thread, false)) << number;
        }
        hosts
    }

    /// A hard or a soft interrupt arrives on an idle CPU, or on a context where it matters: one that holds a lock that
    /// spins, or one that serves a soft interrupt whose end others may spin for.
    fn is_host(&self, plan: &Plan, thread: &Thread, hard: bool) -> bool {
        let running = match thread.state {
            State::Ready => true,
            // It spins, and can be interrupted while it does.
            State::Blocked(Wait::Lock { lock, .. }) => {
                plan.classes[self.locks.class(lock) as usize].sort.spins()
            }
            _ => false,
        };
        let open =
            !thread.irqs_off && thread.hardirq == 0 && (hard || (thread.bh_off == 0 && thread.softirq == 0));
        running && open && (thread.spinning != 0 || thread.softirq != 0)
    }

    /// Whether the interrupt of a source can arrive on this context.
    pub(crate) fn can_host(&self, plan: &Plan, source: usize, host: u32) -> bool {
        let source = plan.sources[source];
        let thread = &self.threads.unmarked()[host as usize];
        match plan.contexts[host as usize].kind {
            ContextKind::Idle(own) if thread.state == State::Idle => own == source,
            _ => self.is_host(plan, thread, source.is_hard()),
        }
    }
}
