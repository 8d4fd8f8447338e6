//! What a step has touched of what contexts share: from the marks of the parts of a world to a footprint.
//!
//! Nothing has to be annotated for this: the parts mark themselves ([`tracked`](crate::tracked)). What is left out
//! on purpose, and why that is sound:
//!
//! * The context of the step is a resource that each of its steps writes, so that whoever else touches it (reads its
//!   state, hands it work, interrupts it) conflicts with all its steps. Its own accesses need no marks.
//! * That a step makes another context ready is no use of that context ([`World::set_state`]): a context is ready
//!   if what it waits for has come, which the one has written and the other reads when it goes on. Contexts that are
//!   looked at in search of those that wait for something ([`Kernel::wake`](crate::kernel::Kernel::wake)), and do
//!   not, are no use either: to begin to wait for it, they touch it.
//! * Which steps can come next is read off the contexts' states, the pending interrupts and the clock. An
//!   interrupt arrives by a step that writes its line and its host, and all that decides whether it can is
//!   written by steps that write one of them. That it may arrive elsewhere, on a context that takes a spinning lock
//!   now or gives it back, is a matter of both steps ([`Hosts`]). Time moves on because nothing else can happen,
//!   which is a barrier, or because something is due, which is in the queue that it writes, or because it may at any
//!   time (`early_timeouts`). The clock then asks whether anybody could have run, which every step reads.

use ringfence_base::scenario::Op;
use ringfence_base::{Access, Action, Footprint, Use};

use crate::frame::Frame;
use crate::hosts::Hosts;
use crate::plan::{Instr, Operand, Plan};
use crate::thread::NONE;
use crate::tracked::{Tracked, Uses};
use crate::world::World;

/// Whether anybody could run when time moved on.
const IDLENESS: u32 = 0;
/// The order in which contexts wait for locks.
const QUEUEING: u32 = 1;
/// On whom the interrupt of a source can arrive: one resource per source.
const HOSTS: u32 = 2;
/// Sources beyond the last that has a resource of its own share that.
const SOURCES_MAX: u32 = 15;
/// The contexts; then everything else.
const CONTEXTS: u32 = HOSTS + SOURCES_MAX + 1;
/// Contexts beyond the last that has a resource of its own share that.
const CONTEXTS_MAX: u32 = 127;
/// The locks come behind the contexts; then their unused places; then the cells.
const LOCKS: u32 = CONTEXTS + CONTEXTS_MAX + 1;
const UNUSED_LOCKS: u32 = LOCKS + 256;
const CELLS: u32 = UNUSED_LOCKS + 1;
const CELLS_END: u32 = CELLS + 64;

/// What of a step has to be known before it is taken, to tell its footprint afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Foreknown {
    only_waits: bool,
    barrier: bool,
    fixed: bool,
    early: bool,
    timeless: bool,
    hosts: Hosts,
}

/// What a context's next step begins with.
struct Next<'p> {
    op: Op,
    args: &'p [Operand; 4],
    base: u32,
    /// The program was called by nobody: behind it there is nothing in this step.
    outermost: bool,
}

impl World {
    /// From here on, uses count. What has to be known of the next step.
    pub fn before_step(&mut self, plan: &Plan, action: Action) -> Foreknown {
        let early = plan.scenario.environment.early_timeouts;
        let hosts = self.hosts(plan);
        let foreknown = match action {
            Action::Run(task) => Foreknown {
                only_waits: self.only_waits(plan, action),
                fixed: self.is_fixed(plan, task) && !hosts.is_one(task),
                barrier: false,
                early,
                timeless: plan.timeless,
                hosts,
            },
            Action::Interrupt { .. } => Foreknown { early, hosts, ..Foreknown::default() },
            Action::Expire => {
                Foreknown { barrier: !early && !self.time.is_due(), early, hosts, ..Foreknown::default() }
            }
        };
        self.forget();
        foreknown
    }

    /// What the step has touched, and whoever has looked at the world since. Returns the first number that is
    /// no resource of the world.
    pub fn footprint(
        &self,
        plan: &Plan,
        action: Action,
        before: Foreknown,
        footprint: &mut Footprint,
    ) -> u32 {
        footprint.clear();
        let task = match action {
            Action::Run(task) => task,
            Action::Interrupt { host, .. } => host,
            Action::Expire => NONE,
        };
        let mut uses = Uses::new(footprint, CONTEXTS);
        self.collect(&mut uses);
        let end = uses.take(0);
        if task != NONE {
            let own = CONTEXTS + task.min(CONTEXTS_MAX);
            footprint.uses.retain(|one| one.resource != own);
            footprint.add(own, Access::Write);
        }
        if before.early {
            let access = if action == Action::Expire { Access::Write } else { Access::Read };
            footprint.add(IDLENESS, access);
        }
        self.add_hosts(plan, action, before.hosts, footprint);
        let mut waits = false;
        for one in &mut footprint.uses {
            if one.access == Access::Wait {
                waits = before.only_waits;
                one.access = if before.only_waits { Access::Wait } else { Access::Write };
            }
        }
        // Once time has moved on, who waits longer matters.
        if waits && !before.timeless {
            footprint.add(QUEUEING, Access::Write);
        }
        footprint.barrier = before.barrier;
        footprint.fixed = before.fixed && footprint.uses.iter().all(|&one| is_fixed(one));
        end
    }

    /// Interrupts go by on whom they can arrive; those that steps open to them, or close, are no matter among these.
    fn add_hosts(&self, plan: &Plan, action: Action, before: Hosts, footprint: &mut Footprint) {
        if plan.sources.is_empty() {
            return;
        }
        let now = self.hosts(plan);
        for (number, source) in plan.sources.iter().enumerate() {
            let number = number as u32;
            let resource = HOSTS + number.min(SOURCES_MAX);
            if matches!(action, Action::Interrupt { source, .. } if source == number) {
                footprint.add(resource, Access::Write);
            } else if before.differ(now, source.is_hard()) {
                footprint.add(resource, Access::Read);
            }
        }
    }

    /// The context's next step would find a plain lock taken, and do nothing but wait for it.
    pub fn only_waits(&self, plan: &Plan, action: Action) -> bool {
        let Action::Run(task) = action else { return false };
        let Some(next) = self.next(plan, task) else { return false };
        if !takes_plain_lock(next.op) {
            return false;
        }
        let lock = self.operand(task, next.args[0], next.base);
        lock.is_some_and(|lock| plan.is_plain(lock) && self.locks.unmarked(lock).owner != NONE)
    }

    /// What the context's next step touches follows from its own state.
    fn is_fixed(&self, plan: &Plan, task: u32) -> bool {
        let Some(next) = self.next(plan, task).filter(|next| next.outermost) else { return false };
        match next.op {
            Op::CellRead | Op::CellWrite | Op::CellAdd => true,
            op if takes_plain_lock(op) || matches!(op, Op::MutexUnlock | Op::SpinUnlock) => {
                let lock = self.operand(task, next.args[0], next.base);
                lock.is_some_and(|lock| plan.is_plain(lock))
            }
            _ => false,
        }
    }

    /// The visible operation that the context's next step begins with, if it begins one.
    fn next<'p>(&self, plan: &'p Plan, task: u32) -> Option<Next<'p>> {
        let thread = &self.threads()[task as usize];
        let Some(Frame::Program(frame)) = thread.frames.last() else { return None };
        match &plan.code[frame.pc as usize] {
            Instr::Call { op, args, visible: true, .. } if !frame.called => {
                Some(Next { op: *op, args, base: frame.base, outermost: thread.frames.len() == 1 })
            }
            _ => None,
        }
    }

    fn operand(&self, task: u32, operand: Operand, base: u32) -> Option<u32> {
        match operand {
            Operand::Value(value) => value.index(),
            Operand::Register(register) => {
                self.threads()[task as usize].registers[base as usize + register as usize].index()
            }
            Operand::List { .. } | Operand::Registers { .. } => None,
        }
    }
}

/// What only depends on what a context does with its locks and cells, and not on what else it has met.
fn is_fixed(one: Use) -> bool {
    if (LOCKS..UNUSED_LOCKS).contains(&one.resource) {
        return matches!(one.access, Access::Acquire | Access::Release | Access::Wait);
    }
    let of_hosts = (HOSTS..CONTEXTS).contains(&one.resource);
    (one.resource < LOCKS && !of_hosts) || (CELLS..CELLS_END).contains(&one.resource)
}

/// Takes a lock, if it is a plain one, in a manner in which nothing but waiting is possible.
fn takes_plain_lock(op: Op) -> bool {
    matches!(op, Op::MutexLock | Op::MutexLockNested | Op::SpinLock | Op::SpinLockNested)
}

impl Plan {
    /// The lock is only ever taken exclusively, by contexts that nothing can happen to while they wait: no
    /// readers, no acquire contexts, and no interrupts where it spins.
    #[inline]
    pub(crate) fn is_plain(&self, lock: u32) -> bool {
        self.plain_locks.get(lock as usize).is_some_and(|&plain| plain)
    }
}
