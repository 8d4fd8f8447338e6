//! The life of a work on a GPU: it waits for semaphores, takes its locks, runs, writes semaphores, gives the locks
//! back.

use ringfence_base::scenario::{GpuHang, Kind, ObjectKind, SemaphorePoint};
use ringfence_base::{ChoiceKind, GpuEvent};

use crate::compile::Compiler;
use crate::engine::Phase;
use crate::kernel::Kernel;
use crate::ring::{Work, flag};
use crate::thread::NONE;
use crate::time::Timed;
use crate::value::Value;

/// What never changes about a declared job.
#[derive(Debug)]
pub(crate) struct JobInfo {
    /// A finite hang included.
    run_time: i64,
    hang: GpuHang,
    /// Semaphores and values.
    waits: Vec<(u32, i64)>,
    signals: Vec<(u32, i64)>,
    pub(crate) locks: Vec<u32>,
    /// User ranges.
    uses: Vec<u32>,
    fault: bool,
}

impl JobInfo {
    /// It needs other work to get done: writes of semaphores, locks.
    pub(crate) fn needs_others(&self) -> bool {
        !self.waits.is_empty() || !self.locks.is_empty()
    }

    /// The semaphores that it writes.
    pub(crate) fn semaphores(&self) -> impl Iterator<Item = u32> + '_ {
        self.signals.iter().map(|&(semaphore, _)| semaphore)
    }
}

impl Compiler {
    pub(crate) fn set_up_gpu_jobs(&mut self) {
        for id in &self.plan.by_kind[Kind::GpuJob as usize] {
            let ObjectKind::GpuJob { run_time, hang, waits, signals, locks, uses, fault } =
                &self.plan.scenario.objects[id.index()].kind
            else {
                continue;
            };
            let longer = if let GpuHang::Finite(longer) = *hang { longer } else { 0 };
            let points = |points: &[SemaphorePoint]| {
                points.iter().map(|point| (self.plan.index(point.semaphore), point.value)).collect()
            };
            self.plan.gpu.jobs.push(JobInfo {
                run_time: run_time.saturating_add(longer),
                hang: *hang,
                waits: points(waits),
                signals: points(signals),
                locks: locks.iter().map(|&lock| self.plan.index(lock)).collect(),
                uses: uses.iter().map(|&range| self.plan.index(range)).collect(),
                fault: *fault,
            });
        }
    }
}

impl Kernel<'_> {
    /// What a `drm_sched_job` has the GPU do: the declared job that it was allocated for.
    fn work_of_sched_job(&self, job: u32) -> Option<u32> {
        self.w.scheds.work_of(job)
    }

    /// A work as it is put on a ring, without its number.
    pub(crate) fn work_of(&self, what: Value, fence: u32) -> Work {
        let (job, sched_job) = match what {
            Value::Object(Kind::SchedJob, job) => (self.work_of_sched_job(job).unwrap_or(NONE), job),
            other => (other.index().unwrap_or(NONE), NONE),
        };
        let Some(info) = self.plan.gpu.jobs.get(job as usize) else {
            return Work { sched_job, ..Work::of_run_time(fence, 0) };
        };
        let mut work = Work { job, sched_job, ..Work::of_run_time(fence, info.run_time) };
        if info.hang == GpuHang::Infinite {
            work.flags |= flag::HANGS;
        }
        if info.fault {
            work.flags |= flag::FAULTS;
        }
        work
    }

    /// The semaphore that keeps it from beginning, and the value that it has to have.
    pub(crate) fn unmet_semaphore(&self, work: &Work) -> Option<(u32, i64)> {
        let info = self.plan.gpu.jobs.get(work.job as usize).filter(|_| !work.is(flag::BEGUN))?;
        let unmet =
            |&&(semaphore, value): &&(u32, i64)| self.w.gpu.semaphores[semaphore as usize].value() < value;
        info.waits.iter().find(unmet).copied()
    }

    /// An engine turns to the head of this ring, for the first time or again.
    pub(crate) fn work_begins(&mut self, ring: u32) {
        let work = self.w.gpu.rings[ring as usize].queue[0];
        let mut hangs = false;
        if !work.is(flag::BEGUN) {
            self.emit_work(GpuEvent::Begin, ring, 0);
            let can_hang = self.plan.scenario.environment.gpu_hangs;
            hangs = can_hang && self.choose(ChoiceKind::GpuHang, 2) == 1;
        } else if work.is(flag::PREEMPTED)
            && let Some(info) = self.plan.gpu.jobs.get(work.job as usize)
        {
            hangs = info.hang == GpuHang::AfterPreemption;
        }
        let head = &mut self.w.gpu.rings[ring as usize].queue[0];
        head.flags |= flag::BEGUN | if hangs { flag::HANGS } else { 0 };
    }

    /// The head of this ring, which has begun, goes on as far as it can.
    pub(crate) fn work_goes_on(&mut self, ring: u32) -> Phase {
        if !self.take_gpu_locks(ring) {
            return Phase::Waiting;
        }
        let work = self.w.gpu.rings[ring as usize].queue[0];
        let engine = self.plan.gpu.rings[ring as usize].engine;
        if work.is(flag::FAULTS) {
            self.emit_work(GpuEvent::Fault, ring, 0);
            let irq = self.plan.gpu.engines[engine as usize].irq;
            self.gpu_irq(irq.or(self.plan.gpu.rings[ring as usize].irq));
            return Phase::Faulted;
        }
        if !work.is(flag::STARTED) {
            self.work_uses_memory(&work);
            self.w.gpu.rings[ring as usize].queue[0].flags |= flag::STARTED;
        }
        if work.is(flag::HANGS) {
            self.emit_work(GpuEvent::Hang, ring, 0);
            return Phase::Hung;
        }
        Phase::Running(self.w.time.set(work.remaining, Timed::Engine(engine)))
    }

    /// The head of this ring is done.
    pub(crate) fn work_completes(&mut self, ring: u32) {
        let plan = self.plan;
        let work = self.ring_writes_back(ring);
        self.work_uses_memory(&work);
        self.gpu_irq(plan.gpu.rings[ring as usize].irq);
        self.give_gpu_locks_back(work.job, work.locks);
        if let Some(info) = plan.gpu.jobs.get(work.job as usize) {
            for &(semaphore, value) in &info.signals {
                self.semaphore_signal(semaphore, value);
            }
        }
    }

    fn work_uses_memory(&mut self, work: &Work) {
        let plan = self.plan;
        if let Some(info) = plan.gpu.jobs.get(work.job as usize) {
            for &range in &info.uses {
                self.gpu_access(range, work.at);
            }
        }
    }
}
