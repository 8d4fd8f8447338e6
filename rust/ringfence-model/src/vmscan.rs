//! Reclaim: direct, in an allocation, and in kswapd (`mm/vmscan.c`, `__perform_reclaim()` in
//! `mm/page_alloc.c`).
//!
//! Reclaim runs every shrinker once, as it does when memory is tightest, and then may take one range of user
//! memory from its process.

use ringfence_base::scenario::Kind;
use ringfence_base::{ChoiceKind, EventKind, Gfp, Scope};

use crate::compile::Compiler;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::memory::MemoryFrame;
use crate::plan::ContextKind;
use crate::thread::State;
use crate::user_memory::{How, Span};
use crate::value::Value;

/// Reclaim on its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReclaimFrame {
    gfp: Gfp,
    purpose: Purpose,
    phase: Phase,
}

impl ReclaimFrame {
    /// The mask of the allocation that it is for; `None`: kswapd runs.
    pub(crate) fn allocation(&self) -> Option<Gfp> {
        matches!(self.purpose, Purpose::Allocation { .. }).then_some(self.gfp)
    }
}

/// Why it runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Purpose {
    /// For an allocation, which then succeeds or not.
    Allocation { succeeds: bool },
    /// kswapd was woken.
    Kswapd,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Begin,
    /// The next shrinker.
    Shrinkers(u32),
    /// User memory.
    UserMemory,
    End,
}

impl Compiler {
    /// kswapd, if it can matter: somebody could hear of it.
    pub(crate) fn set_up_kswapd(&mut self) {
        let environment = &self.plan.scenario.environment;
        let any = |kind: Kind| !self.plan.by_kind[kind as usize].is_empty();
        let work = any(Kind::Shrinker) || (environment.user_memory && any(Kind::UserRange));
        if environment.memory_pressure && work {
            *self.plan.initial.memory.kswapd = Some(self.context("kswapd0".into(), ContextKind::Kswapd));
        }
    }
}

impl Kernel<'_> {
    /// Reclaim would run something that others can see.
    pub(crate) fn reclaim_has_work(&self) -> bool {
        let environment = &self.plan.scenario.environment;
        environment.memory_pressure
            && (!self.w.memory.deferred.is_empty()
                || (environment.user_memory && self.evictable().next().is_some()))
    }

    /// User memory that reclaim can take.
    fn evictable(&self) -> impl Iterator<Item = u32> + '_ {
        let ranges = self.w.memory.ranges.iter().enumerate();
        ranges.filter(|(_, range)| range.is_evictable()).map(|(index, _)| index as u32)
    }

    /// An allocation reclaims. Its result is then the memory, or NULL.
    pub(crate) fn direct_reclaim(&mut self, gfp: Gfp, succeeds: bool) -> Flow {
        let reclaiming = |frame: &Frame| matches!(frame, Frame::Memory(MemoryFrame::Reclaim(_)));
        if self.me().frames.iter().any(reclaiming) {
            self.broken("RF405", "an allocation inside reclaim enters reclaim again", None);
            return Flow::Return(self.allocated(succeeds));
        }
        self.call(begin(gfp, Purpose::Allocation { succeeds }))
    }

    /// kswapd is there and has nothing to do, but would have once woken.
    pub(crate) fn kswapd_sleeps(&self) -> bool {
        let Some(kswapd) = *self.w.memory.kswapd.unmarked() else { return false };
        self.w.threads[kswapd as usize].state == State::Idle && self.reclaim_has_work()
    }

    /// It runs once.
    pub(crate) fn wake_kswapd(&mut self) {
        let Some(kswapd) = *self.w.memory.kswapd else { return };
        self.w.threads[kswapd as usize].frames.push(begin(Gfp::KERNEL, Purpose::Kswapd));
        self.w.set_state(kswapd, State::Ready);
    }

    pub(crate) fn run_reclaim(&mut self, frame: ReclaimFrame) -> Flow {
        match frame.phase {
            Phase::Begin => {
                self.emit(EventKind::FsReclaimAcquire(frame.gfp));
                self.set_scope(Scope::Memalloc, true);
                self.reclaim_phase(frame, Phase::Shrinkers(0));
            }
            Phase::Shrinkers(next) if (next as usize) < self.w.memory.deferred.len() => {
                self.reclaim_phase(frame, Phase::Shrinkers(next + 1));
                return self.shrink_slab(next);
            }
            Phase::Shrinkers(_) => self.reclaim_phase(frame, Phase::UserMemory),
            Phase::UserMemory => {
                self.reclaim_phase(frame, Phase::End);
                if let Some(victim) = self.choose_victim() {
                    let span = Span::of_range(self.plan, victim);
                    return self.zap(span, How::Evict);
                }
            }
            Phase::End => return self.reclaim_ends(frame),
        }
        Flow::Continue
    }

    fn reclaim_phase(&mut self, frame: ReclaimFrame, phase: Phase) {
        self.replace(Frame::Memory(MemoryFrame::Reclaim(ReclaimFrame { phase, ..frame })));
    }

    /// Which range of user memory goes, if any.
    fn choose_victim(&mut self) -> Option<u32> {
        if !self.plan.scenario.environment.user_memory {
            return None;
        }
        let count = self.evictable().count();
        let chosen = self.choose(ChoiceKind::Reclaim, count + 1);
        chosen.checked_sub(1).and_then(|n| self.evictable().nth(n))
    }

    fn reclaim_ends(&mut self, frame: ReclaimFrame) -> Flow {
        self.set_scope(Scope::Memalloc, false);
        self.emit(EventKind::FsReclaimRelease(frame.gfp));
        match frame.purpose {
            Purpose::Allocation { succeeds } => Flow::Return(self.allocated(succeeds)),
            Purpose::Kswapd => {
                self.me().frames.pop();
                self.me().ret = Value::Null;
                self.w.set_state(self.task, State::Idle);
                Flow::Yield
            }
        }
    }
}

fn begin(gfp: Gfp, purpose: Purpose) -> Frame {
    Frame::Memory(MemoryFrame::Reclaim(ReclaimFrame { gfp, purpose, phase: Phase::Begin }))
}
