//! Rings: work that an engine executes in the order in which it was put there. The GPU writes the number of what is
//! completed back, in order, too.

use std::collections::VecDeque;

use ringfence_base::errno::{ENODEV, ENOSPC};
use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{GpuEvent, ObjectRef, SiteId};

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::memory_usage::reserved_queue;
use crate::plan::Plan;
use crate::thread::NONE;
use crate::value::Value;

/// What is known of a work on a ring.
pub(crate) mod flag {
    /// An engine has turned to it.
    pub(crate) const BEGUN: u8 = 1;
    /// It has all its locks, and its memory has been looked at.
    pub(crate) const STARTED: u8 = 2;
    /// It was preempted.
    pub(crate) const PREEMPTED: u8 = 4;
    /// It never ends.
    pub(crate) const HANGS: u8 = 8;
    /// It will stop at a memory fault, or has.
    pub(crate) const FAULTS: u8 = 16;
    /// It was put on the ring while its engine was reset, and goes with that.
    pub(crate) const DOOMED: u8 = 32;
}

/// A work on a ring.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Work {
    /// [`NONE`]: nobody wants to know.
    pub(crate) fence: u32,
    /// The declared job; [`NONE`]: it takes its time, and nothing else.
    pub(crate) job: u32,
    /// The `drm_sched_job` that it was emitted for; [`NONE`].
    pub(crate) sched_job: u32,
    /// How many of its locks it has.
    pub(crate) locks: u32,
    /// Which one it is of all that were ever put on the ring, from 1.
    pub(crate) number: u64,
    /// Virtual nanoseconds that it has still to run.
    pub(crate) remaining: u64,
    pub(crate) flags: u8,
    /// Where it was put on the ring.
    pub(crate) at: SiteId,
}

impl Work {
    /// It takes its time; [`i64::MAX`]: it never ends.
    pub(crate) fn of_run_time(fence: u32, run_time: i64) -> Self {
        let flags = if run_time == i64::MAX { flag::HANGS } else { 0 };
        let remaining = u64::try_from(run_time).unwrap_or(0);
        let at = SiteId::UNKNOWN;
        Self { fence, job: NONE, sched_job: NONE, locks: 0, number: 0, remaining, flags, at }
    }

    /// Its fence, if somebody wants to know.
    pub(crate) fn fence(&self) -> Option<u32> {
        (self.fence != NONE).then_some(self.fence)
    }

    /// Whether it is all of this.
    pub(crate) fn is(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// A ring.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ring {
    /// Put there and not completed, oldest first.
    pub(crate) queue: VecDeque<Work>,
    /// Fences of completed work that nobody has asked for yet, oldest first.
    completed: VecDeque<u32>,
    /// Fences of lost work that nobody has asked for yet, oldest first.
    lost: VecDeque<u32>,
    /// How much was ever put on it.
    emitted: u64,
    /// What the GPU has written back.
    seqno: u64,
    /// The semaphore and value that its head waits for; the semaphore knows.
    pub(crate) awaits: Option<(u32, i64)>,
}

/// What never changes about a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingInfo {
    pub(crate) engine: u32,
    /// Among those of its engine.
    pub(crate) position: u32,
    slots: u32,
    /// Raised after each completion.
    pub(crate) irq: Option<u32>,
}

impl Clone for Ring {
    fn clone(&self) -> Self {
        let (completed, lost) = (self.completed.clone(), self.lost.clone());
        Self { queue: self.queue.clone(), completed, lost, ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.queue.clone_from(&source.queue);
        self.completed.clone_from(&source.completed);
        self.lost.clone_from(&source.lost);
        self.emitted = source.emitted;
        self.seqno = source.seqno;
        self.awaits = source.awaits;
    }
}

impl Ring {
    fn new() -> Self {
        let (queue, completed, lost) = Default::default();
        Self { queue, completed, lost, emitted: 0, seqno: 0, awaits: None }
    }

    /// The fence of its oldest work.
    pub(crate) fn head(&self) -> Value {
        self.queue.front().map_or(Value::Null, |work| fence_or_null(work.fence))
    }

    /// How much was ever put on it, and how far that is completed.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        (self.emitted, self.seqno)
    }

    /// Bytes that its lists have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        reserved_queue(&self.queue) + reserved_queue(&self.completed) + reserved_queue(&self.lost)
    }
}

fn fence_or_null(fence: u32) -> Value {
    if fence == NONE { Value::Null } else { Value::fence(fence) }
}

impl Plan {
    /// The ring, as an object; the engine, where it has none that was declared.
    pub(crate) fn ring_object(&self, ring: u32) -> ObjectRef {
        match (ring as usize) < self.by_kind[Kind::Ring as usize].len() {
            true => ObjectRef { kind: Kind::Ring, index: ring },
            false => ObjectRef { kind: Kind::Engine, index: self.gpu.rings[ring as usize].engine },
        }
    }
}

impl Compiler {
    pub(crate) fn set_up_rings(&mut self) {
        let rings = self.plan.by_kind[Kind::Ring as usize].clone();
        let declared = rings.len();
        // Those of the engines' own come last in the list, and first in their engine.
        let own: Vec<u32> = (0..self.plan.gpu.engines.len() as u32)
            .map(|engine| self.add_to_engine(engine, declared as u32 + engine))
            .collect();
        for (index, id) in rings.into_iter().enumerate() {
            let ObjectKind::Ring { engine, slots, irq } = self.plan.scenario.objects[id.index()].kind else {
                continue;
            };
            let engine = self.plan.index(engine);
            let irq = irq.map(|irq| self.plan.index(irq));
            let irq = irq.or(self.plan.gpu.engines[engine as usize].irq);
            let position = self.add_to_engine(engine, index as u32);
            self.plan.gpu.rings.push(RingInfo { engine, position, slots, irq });
        }
        for (engine, position) in own.into_iter().enumerate() {
            let irq = self.plan.gpu.engines[engine].irq;
            let info = RingInfo { engine: engine as u32, position, slots: u32::MAX, irq };
            self.plan.gpu.rings.push(info);
        }
        self.plan.initial.gpu.rings.all_mut().resize_with(self.plan.gpu.rings.len(), Ring::new);
    }
}

impl Kernel<'_> {
    pub(crate) fn ring_op(&mut self, call: Call<'_>, ring: u32) -> Flow {
        let entry = &self.w.gpu.rings[ring as usize];
        let count = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        Flow::Return(match call.op {
            Op::RingSpace => Value::Int(self.ring_space(ring) as i64),
            Op::RingCompleted => self.ring_completed(ring),
            Op::RingLost => {
                let lost = self.w.gpu.rings[ring as usize].lost.pop_front();
                lost.map_or(Value::Null, Value::fence)
            }
            Op::RingSeqno => count(entry.seqno),
            Op::RingEmitted => count(entry.emitted),
            Op::RingIdle => Value::bool(entry.queue.is_empty()),
            Op::RingHead => entry.head(),
            Op::RingClear => {
                self.ring_loses_all(ring);
                self.engine_serves(self.plan.gpu.rings[ring as usize].engine);
                Value::Null
            }
            Op::RingPreempt => {
                self.engine_is_preempted(ring);
                Value::Null
            }
            other => panic!("engine bug: {other:?} is no operation on devices"),
        })
    }

    fn ring_space(&self, ring: u32) -> usize {
        let slots = self.plan.gpu.rings[ring as usize].slots as usize;
        slots.saturating_sub(self.w.gpu.rings[ring as usize].queue.len())
    }

    pub(crate) fn ring_emit(&mut self, call: Call<'_>, ring: u32) -> Flow {
        let fence = self.arg(call, 2).index().unwrap_or(NONE);
        if fence != NONE && !self.fence_is_usable(fence) {
            return Flow::Return(Value::Null);
        }
        if self.is_wedged(self.plan.gpu.rings[ring as usize].engine) {
            return Flow::Return(Value::errno(ENODEV));
        }
        if self.ring_space(ring) == 0 {
            return Flow::Return(Value::errno(ENOSPC));
        }
        let work = self.work_of(self.arg(call, 1), fence);
        self.ring_takes(ring, work);
        Flow::Return(Value::Int(0))
    }

    /// The work goes to the end of the ring.
    pub(crate) fn ring_takes(&mut self, ring: u32, mut work: Work) {
        let engine = self.plan.gpu.rings[ring as usize].engine;
        if self.w.gpu.engines[engine as usize].is_resetting() {
            work.flags |= flag::DOOMED;
        }
        let at = self.me().site;
        let entry = &mut self.w.gpu.rings[ring as usize];
        entry.emitted += 1;
        work.number = entry.emitted;
        work.at = at;
        entry.queue.push_back(work);
        let last = entry.queue.len() - 1;
        self.emit_work(GpuEvent::Emit, ring, last);
        if last == 0 {
            self.ring_has_new_head(ring);
            self.engine_serves(engine);
        }
    }

    pub(crate) fn ring_completed(&mut self, ring: u32) -> Value {
        let fence = self.w.gpu.rings[ring as usize].completed.pop_front();
        fence.map_or(Value::Null, Value::fence)
    }

    /// Another work is its oldest, or none: the engine can turn to it, or it waits for a semaphore.
    pub(crate) fn ring_has_new_head(&mut self, ring: u32) {
        if let Some((semaphore, value)) = self.w.gpu.rings[ring as usize].awaits.take() {
            self.w.gpu.semaphores[semaphore as usize].stop_waiting(ring, value);
        }
        let runnable = match self.w.gpu.rings[ring as usize].queue.front() {
            Some(&work) => match self.unmet_semaphore(&work) {
                Some((semaphore, value)) => {
                    self.w.gpu.semaphores[semaphore as usize].wait(ring, value);
                    self.w.gpu.rings[ring as usize].awaits = Some((semaphore, value));
                    false
                }
                None => true,
            },
            None => false,
        };
        let info = self.plan.gpu.rings[ring as usize];
        self.w.gpu.engines[info.engine as usize].set_runnable(info.position, runnable);
    }

    /// Its oldest work is done, which the GPU writes back.
    pub(crate) fn ring_writes_back(&mut self, ring: u32) -> Work {
        self.emit_work(GpuEvent::Complete, ring, 0);
        let entry = &mut self.w.gpu.rings[ring as usize];
        let work = entry.queue.pop_front().expect("engine bug: work is done that is not there");
        entry.seqno = work.number;
        if work.fence != NONE {
            entry.completed.push_back(work.fence);
            self.fence_hw_done(work.fence);
        }
        self.ring_has_new_head(ring);
        work
    }

    /// A work is taken off it, wherever it is.
    pub(crate) fn ring_loses(&mut self, ring: u32, position: usize) {
        self.work_is_lost(ring, position);
        if position == 0 {
            self.ring_leaves_head(ring);
        }
        self.w.gpu.rings[ring as usize].queue.remove(position);
        if position == 0 {
            self.ring_has_new_head(ring);
        }
    }

    /// Everything is taken off it.
    pub(crate) fn ring_loses_all(&mut self, ring: u32) {
        if self.w.gpu.rings[ring as usize].queue.is_empty() {
            return;
        }
        for position in 0..self.w.gpu.rings[ring as usize].queue.len() {
            self.work_is_lost(ring, position);
        }
        self.ring_leaves_head(ring);
        self.w.gpu.rings[ring as usize].queue.clear();
        self.ring_has_new_head(ring);
    }

    /// A work will never be completed; whoever has put it there can ask for its fence.
    fn work_is_lost(&mut self, ring: u32, position: usize) {
        self.emit_work(GpuEvent::Lost, ring, position);
        let entry = &mut self.w.gpu.rings[ring as usize];
        let fence = entry.queue[position].fence;
        // Nobody can ask about what was submitted to an engine without a ring.
        if fence != NONE && self.plan.ring_object(ring).kind == Kind::Ring {
            entry.lost.push_back(fence);
        }
    }

    /// What came during a reset is taken off it.
    pub(crate) fn ring_loses_doomed(&mut self, ring: u32) {
        let is_doomed = |work: &Work| work.is(flag::DOOMED);
        let mut doomed = self.w.gpu.rings[ring as usize].queue.iter();
        if let Some(first) = doomed.position(is_doomed) {
            while self.w.gpu.rings[ring as usize].queue.len() > first {
                self.ring_loses(ring, first);
            }
        }
    }

    /// Nobody is at its oldest work any more, and that has no locks.
    fn ring_leaves_head(&mut self, ring: u32) {
        let engine = self.plan.gpu.rings[ring as usize].engine;
        if self.w.gpu.engines[engine as usize].current() == Some(ring) {
            self.engine_leaves(engine);
        }
        let work = &mut self.w.gpu.rings[ring as usize].queue[0];
        let (job, locks) = (work.job, std::mem::take(&mut work.locks));
        self.give_gpu_locks_back(job, locks);
    }
}
