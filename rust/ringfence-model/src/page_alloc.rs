//! Allocation: what a gfp mask and the task's scopes allow, and what comes of it
//! (`mm/page_alloc.c`, `mm/slub.c`, `include/linux/sched/mm.h`).

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{ChoiceKind, EventKind, Gfp, Scope};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::value::Value;

const NOTHING: Flow = Flow::Return(Value::Null);

tracked! {
    /// What was allocated. An index is not given out twice: that a program uses what it has freed must show.
    pub(crate) struct Allocations {
        freed: SharedList<bool>,
    }
}

/// What an allocation comes to.
#[derive(Clone, Copy)]
enum Outcome {
    /// There is memory.
    Memory,
    /// There is some after direct reclaim.
    DirectReclaim,
    /// There is some left, but kswapd is woken.
    Kswapd,
    /// There is none.
    Failure,
}

impl Kernel<'_> {
    pub(crate) fn page_alloc_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::Kmalloc => {
                let gfp = self.gfp(call, 0);
                return self.allocate(gfp);
            }
            Op::Kfree => self.kfree(call),
            Op::KmallocUse => self.use_memory(call),
            Op::MightAlloc => {
                let gfp = self.gfp(call, 0);
                self.might_alloc(gfp);
            }
            Op::FsReclaimAcquire => {
                let gfp = self.gfp(call, 0);
                self.emit(EventKind::FsReclaimAcquire(gfp));
            }
            Op::FsReclaimRelease => {
                let gfp = self.gfp(call, 0);
                self.emit(EventKind::FsReclaimRelease(gfp));
            }
            _ => return self.scope_op(call),
        }
        NOTHING
    }

    fn scope_op(&mut self, call: Call<'_>) -> Flow {
        let scope = match call.op {
            Op::MemallocNofsSave | Op::MemallocNofsRestore => Scope::Nofs,
            Op::MemallocNoioSave | Op::MemallocNoioRestore => Scope::Noio,
            Op::MemallocNoreclaimSave | Op::MemallocNoreclaimRestore => Scope::Memalloc,
            other => panic!("engine bug: {other:?} is no operation on allocations"),
        };
        match call.op {
            Op::MemallocNofsSave | Op::MemallocNoioSave | Op::MemallocNoreclaimSave => {
                Flow::Return(Value::bool(self.set_scope(scope, true)))
            }
            _ => {
                let before = self.arg(call, 0).is_true();
                self.set_scope(scope, before);
                NOTHING
            }
        }
    }

    fn gfp(&self, call: Call<'_>, n: usize) -> Gfp {
        Gfp::from_bits(u32::try_from(self.int(call, n)).unwrap_or(0))
    }

    /// Switches a scope; returns whether the task was in it. Only changes are events: a nested scope that
    /// ends does not end the outer one.
    pub(crate) fn set_scope(&mut self, scope: Scope, on: bool) -> bool {
        let scopes = &mut self.me().scopes;
        let flag = match scope {
            Scope::Nofs => &mut scopes.nofs,
            Scope::Noio => &mut scopes.noio,
            Scope::Memalloc => &mut scopes.memalloc,
        };
        let was = std::mem::replace(flag, on);
        if was != on {
            self.emit(if on { EventKind::ScopeSave(scope) } else { EventKind::ScopeRestore(scope) });
        }
        was
    }

    /// What every allocation tells the validator, whether it reclaims or not.
    #[inline]
    pub(crate) fn might_alloc(&mut self, gfp: Gfp) {
        self.emit(EventKind::Alloc(gfp));
        if gfp.contains(Gfp::DIRECT_RECLAIM) {
            self.might_sleep();
        }
    }

    /// An allocation: the memory, or NULL.
    #[inline]
    pub(crate) fn allocate(&mut self, gfp: Gfp) -> Flow {
        self.might_alloc(gfp);
        let environment = &self.plan.scenario.environment;
        if environment.memory_pressure || environment.allocation_failure {
            return self.allocate_when_short(gfp);
        }
        Flow::Return(self.allocated(true))
    }

    fn allocate_when_short(&mut self, gfp: Gfp) -> Flow {
        let reclaims = self.may_reclaim(gfp);
        let fails = self.plan.scenario.environment.allocation_failure && self.may_fail(gfp);
        let wakes = gfp.contains(Gfp::KSWAPD_RECLAIM) && self.kswapd_sleeps();
        let mut outcomes = [Outcome::Memory; 4];
        let mut count = 1;
        let further =
            [(reclaims, Outcome::DirectReclaim), (wakes, Outcome::Kswapd), (fails, Outcome::Failure)];
        for (_, outcome) in further.into_iter().filter(|&(possible, _)| possible) {
            outcomes[count] = outcome;
            count += 1;
        }
        match outcomes[self.choose(ChoiceKind::Allocation, count)] {
            Outcome::Memory => Flow::Return(self.allocated(true)),
            Outcome::DirectReclaim => self.direct_reclaim(gfp, true),
            // No allocation fails that has not tried to reclaim, if it may.
            Outcome::Failure if reclaims => self.direct_reclaim(gfp, false),
            Outcome::Failure => Flow::Return(self.allocated(false)),
            Outcome::Kswapd => {
                self.wake_kswapd();
                Flow::Return(self.allocated(true))
            }
        }
    }

    /// Whether this allocation, here, can enter direct reclaim.
    fn may_reclaim(&mut self, gfp: Gfp) -> bool {
        gfp.contains(Gfp::DIRECT_RECLAIM) && !self.me().scopes.memalloc && self.reclaim_has_work()
    }

    /// Whether it may return NULL. A small allocation that may reclaim is tried until it succeeds.
    fn may_fail(&mut self, gfp: Gfp) -> bool {
        let gives_up = gfp.contains(Gfp::NORETRY) || gfp.contains(Gfp::RETRY_MAYFAIL);
        let persists = gfp.contains(Gfp::DIRECT_RECLAIM) && !gives_up && !self.me().scopes.memalloc;
        !persists && !gfp.contains(Gfp::NOFAIL)
    }

    /// The end of an allocation.
    pub(crate) fn allocated(&mut self, success: bool) -> Value {
        self.emit(EventKind::Allocated(success));
        if !success {
            return Value::Null;
        }
        let freed = &mut self.w.memory.allocations.freed;
        freed.push(false);
        Value::Object(Kind::Memory, freed.len() as u32 - 1)
    }

    /// Drops memory that no program has seen.
    pub(crate) fn free_memory(&mut self, memory: Value) {
        let Some(index) = memory.index() else { return };
        let freed = &mut self.w.memory.allocations.freed;
        if index as usize + 1 == freed.len() {
            freed.all_mut().pop();
        } else {
            freed[index as usize] = true;
        }
    }

    fn kfree(&mut self, call: Call<'_>) {
        let memory = self.arg(call, 0);
        let Some(index) = memory.index() else { return };
        let freed = &mut self.w.memory.allocations.freed[index as usize];
        if std::mem::replace(freed, true) {
            self.broken("RF502", "kfree() of memory that was freed before", memory.object());
        }
    }

    fn use_memory(&mut self, call: Call<'_>) {
        let memory = self.arg(call, 0);
        match memory.index() {
            None => self.broken("RF403", "the result of a failed allocation is used", None),
            Some(index) if self.w.memory.allocations.freed[index as usize] => {
                self.broken("RF502", "memory is used after kfree()", memory.object());
            }
            Some(_) => {}
        }
    }
}
