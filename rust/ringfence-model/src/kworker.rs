//! Workers: who runs works, and what happens when there is no memory for another worker (`worker_thread()`,
//! `rescuer_thread()`, `maybe_create_worker()` in `kernel/workqueue.c`).
//!
//! Every workqueue has as many workers as it could ever use at once; those that it doesn't need idle. All
//! workqueues of a kind share a pool, which has one worker from the start. Whether more can be made is a choice
//! under memory pressure; if not, works wait until a work of the pool is done, or for the queue's rescuer.

use ringfence_base::{AcquireFlags, ChoiceKind, EventKind};

use crate::deferred::{DeferredFrame, Depths};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::State;
use crate::wait::Wait;
use crate::workqueue::WorkFunction;

/// What a worker is at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Slot {
    /// It has nothing to do.
    Idle,
    /// It is about to take a work.
    Awake,
    /// It should take a work, but there is no memory to make it.
    Starved,
    /// It runs this work.
    Busy(u32),
}

/// Workers that exist, for all workqueues of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Pool {
    /// How many have been made; counted under memory pressure only.
    made: u32,
    /// How many of them are awake or busy.
    busy: u32,
    /// The latest attempt to make another one failed, and no work has ended since.
    short: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Self { made: 1, busy: 0, short: false }
    }
}

/// What never changes about a worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotLayout {
    pub(crate) task: u32,
    pub(crate) wq: u32,
    /// It only runs works for which there is no worker.
    pub(crate) rescuer: bool,
}

/// A worker at work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct KworkerFrame {
    slot: u32,
    /// What the context looked like when it called the work's function; `None`: it has not taken a work yet.
    called: Option<Depths>,
    /// The work is a signalling section (strict mode).
    signalling: bool,
}

impl Kernel<'_> {
    /// The worker of this queue that runs the work.
    pub(crate) fn worker_of(&self, wq: u32, work: u32) -> Option<u32> {
        self.slots_of(wq).find(|&slot| self.slot(slot) == Slot::Busy(work))
    }

    /// Wakes as many workers as there are works that can be begun, and lets the others idle.
    pub(crate) fn settle_queue(&mut self, wq: u32) {
        let wanted = self.works_to_begin(wq).count();
        let mut assigned =
            self.slots_of(wq).filter(|&slot| matches!(self.slot(slot), Slot::Awake | Slot::Starved)).count();
        while assigned > wanted {
            self.dismiss_worker(wq);
            assigned -= 1;
        }
        while assigned < wanted {
            self.assign_worker(wq);
            assigned += 1;
        }
    }

    pub(crate) fn run_kworker(&mut self, frame: KworkerFrame) -> Flow {
        match (frame.called, self.slot(frame.slot)) {
            (None, Slot::Awake) => self.begin_work(frame.slot),
            // It was dismissed while it served an interrupt.
            (None, Slot::Idle) => {
                self.let_idle(frame.slot);
                Flow::Yield
            }
            (None, Slot::Starved) => Flow::Block(Wait::WorkerCreation(self.slot_layout(frame.slot).wq)),
            (Some(depths), Slot::Busy(work)) => self.end_work(frame, work, depths),
            (called, slot) => panic!("engine bug: a worker runs while it is {slot:?} ({called:?})"),
        }
    }

    fn begin_work(&mut self, slot: u32) -> Flow {
        let wq = self.slot_layout(slot).wq;
        let position = self.works_to_begin(wq).next();
        let position = position.expect("engine bug: a worker is awake without a work to begin");
        let workqueues = &mut self.w.deferred.workqueues;
        let work = workqueues.take(wq, position);
        workqueues.slots[slot as usize] = Slot::Busy(work);
        workqueues.flushes.started(work, slot);
        let layout = self.plan.deferred.workqueues.works[work as usize];
        self.me().site = layout.at;
        self.lock_acquire(self.plan.deferred.workqueues.queues[wq as usize].map, AcquireFlags::default());
        self.lock_acquire(layout.map, AcquireFlags::default());
        // Taking the work is a step of its own: from here on it can be queued again.
        self.stepped = true;
        let of_sched = self.plan.deferred.workqueues.queues[wq as usize].of_sched;
        let signalling = self.plan.strict && (of_sched || layout.function.is_signalling());
        let called = Some(self.depths());
        if signalling {
            self.begin_strict_section();
        }
        self.replace(Frame::Deferred(DeferredFrame::Kworker(KworkerFrame { slot, called, signalling })));
        match layout.function {
            WorkFunction::Program(program) => self.call_program(program, &[]),
            WorkFunction::RunJob(sched) => self.run_job_work(sched),
            WorkFunction::FreeJob(sched) => self.free_job_work(sched),
            WorkFunction::JobTimedout(sched) => self.job_timedout_work(sched),
            WorkFunction::KillJobs(entity) => self.kill_jobs_work(entity),
        }
    }

    fn end_work(&mut self, frame: KworkerFrame, work: u32, depths: Depths) -> Flow {
        let slot = frame.slot;
        let wq = self.slot_layout(slot).wq;
        if frame.signalling {
            self.end_strict_section(depths);
        }
        self.lock_release(self.plan.deferred.workqueues.works[work as usize].map);
        self.lock_release(self.plan.deferred.workqueues.queues[wq as usize].map);
        self.check_depths(depths);
        self.w.deferred.workqueues.queues[wq as usize].running -= 1;
        self.let_idle(slot);
        self.end_flushes(work, slot);
        if self.slot_layout(slot).rescuer {
            // What waits for memory goes to the rescuer, which is free now.
            if let Some(starved) = self.slots_of(wq).find(|&slot| self.slot(slot) == Slot::Starved) {
                self.let_idle(starved);
            }
        } else {
            self.worker_is_free(self.plan.deferred.workqueues.queues[wq as usize].pool);
        }
        self.settle_queue(wq);
        Flow::Yield
    }

    fn slot(&self, slot: u32) -> Slot {
        self.w.deferred.workqueues.slots[slot as usize]
    }

    fn slot_layout(&self, slot: u32) -> SlotLayout {
        self.plan.deferred.workqueues.slots[slot as usize]
    }

    fn slots_of(&self, wq: u32) -> std::ops::Range<u32> {
        let (start, end) = self.plan.deferred.workqueues.queues[wq as usize].slots;
        start..end
    }

    /// Positions of the waiting works that can be begun now: as many as may be active, and never one that this
    /// queue runs already.
    fn works_to_begin(&self, wq: u32) -> impl Iterator<Item = usize> + '_ {
        let queue = &self.w.deferred.workqueues.queues[wq as usize];
        let max_active = self.plan.deferred.workqueues.queues[wq as usize].max_active;
        let active = queue.waiting.iter().take((max_active - queue.running) as usize).enumerate();
        active.filter(move |&(_, &work)| self.worker_of(wq, work).is_none()).map(|(position, _)| position)
    }

    /// One more work of the queue is to be begun.
    fn assign_worker(&mut self, wq: u32) {
        let of_state = |kernel: &Self, rescuer: bool| {
            let mut slots = kernel.slots_of(wq);
            slots.find(|&slot| kernel.slot_layout(slot).rescuer == rescuer && kernel.slot(slot) == Slot::Idle)
        };
        let (regular, rescuer) = (of_state(self, false), of_state(self, true));
        let pool = self.plan.deferred.workqueues.queues[wq as usize].pool;
        let (slot, to) = match (regular, rescuer) {
            (Some(slot), _) if self.get_worker(pool) => (slot, Slot::Awake),
            (_, Some(rescuer)) => (rescuer, Slot::Awake),
            (Some(slot), None) => (slot, Slot::Starved),
            (None, None) => panic!("engine bug: a workqueue has fewer workers than it can use"),
        };
        let task = self.slot_layout(slot).task;
        let thread = &mut self.w.threads[task as usize];
        // Unless it was dismissed while it served an interrupt, and has not noticed yet.
        if thread.frames.is_empty() {
            let frame = KworkerFrame { slot, called: None, signalling: false };
            thread.frames.push(Frame::Deferred(DeferredFrame::Kworker(frame)));
        }
        self.set_slot(slot, to);
    }

    /// It serves an interrupt, and will see what has become of it when that is over. A worker without a work can
    /// do so if a work left a spinlock with it.
    fn is_interrupted(&self, slot: u32) -> bool {
        self.w.threads[self.slot_layout(slot).task as usize].frames.len() > 1
    }

    /// A work that was to be begun is gone: those that wait for memory, and the rescuer, give up first.
    fn dismiss_worker(&mut self, wq: u32) {
        let starved = self.slots_of(wq).find(|&slot| self.slot(slot) == Slot::Starved);
        let slot = starved.or_else(|| self.slots_of(wq).rfind(|&slot| self.slot(slot) == Slot::Awake));
        let slot = slot.expect("engine bug: no worker to dismiss");
        let had_worker = self.slot(slot) == Slot::Awake && !self.slot_layout(slot).rescuer;
        self.let_idle(slot);
        if had_worker {
            self.worker_is_free(self.plan.deferred.workqueues.queues[wq as usize].pool);
        }
    }

    fn set_slot(&mut self, slot: u32, to: Slot) {
        self.w.deferred.workqueues.slots[slot as usize] = to;
        if self.is_interrupted(slot) {
            return;
        }
        let SlotLayout { task, wq, .. } = self.slot_layout(slot);
        if to == Slot::Awake {
            self.emit(EventKind::WorkerAwake(task));
        }
        let state = match to {
            Slot::Idle => State::Idle,
            Slot::Starved => State::Blocked(Wait::WorkerCreation(wq)),
            Slot::Awake | Slot::Busy(_) => State::Ready,
        };
        self.w.set_state(task, state);
    }

    fn let_idle(&mut self, slot: u32) {
        if !self.is_interrupted(slot) {
            let task = self.slot_layout(slot).task;
            self.w.threads[task as usize].frames.pop();
        }
        self.set_slot(slot, Slot::Idle);
    }

    /// Whether the pool has a worker for one more work, or can make one.
    fn get_worker(&mut self, pool: usize) -> bool {
        if self.plan.scenario.environment.memory_pressure {
            let Pool { made, busy, short } = self.w.deferred.workqueues.pools[pool];
            if busy >= made {
                if short || self.choose(ChoiceKind::WorkerCreation, 2) == 1 {
                    self.w.deferred.workqueues.pools[pool].short = true;
                    return false;
                }
                self.w.deferred.workqueues.pools[pool].made += 1;
            }
        }
        self.w.deferred.workqueues.pools[pool].busy += 1;
        true
    }

    /// A worker of the pool is free: it takes a work that waits for one.
    fn worker_is_free(&mut self, pool: usize) {
        let entry = &mut self.w.deferred.workqueues.pools[pool];
        entry.busy -= 1;
        if !std::mem::take(&mut entry.short) {
            return;
        }
        for slot in 0..self.w.deferred.workqueues.slots.len() as u32 {
            let of_pool =
                self.plan.deferred.workqueues.queues[self.slot_layout(slot).wq as usize].pool == pool;
            if !of_pool || self.slot(slot) != Slot::Starved {
                continue;
            }
            let entry = &mut self.w.deferred.workqueues.pools[pool];
            if entry.busy == entry.made {
                entry.short = true;
                return;
            }
            entry.busy += 1;
            self.set_slot(slot, Slot::Awake);
        }
    }
}
