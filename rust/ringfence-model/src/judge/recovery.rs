//! Hangs of GPUs and what drivers do about them, as the events tell it: which work is where, whose timeout is being
//! handled, what is being reset. The clauses that can be judged at an event are here: RF102, RF104. Those about
//! fences that are never signaled are in `unsignaled.rs`.

use ringfence_base::scenario::Kind;
use ringfence_base::{GpuEvent, JobEvent, ObjectRef, Origin};

use crate::dma_fence::FenceSort;
use crate::plan::Plan;
use crate::thread::NONE;
use crate::world::World;

/// Where work on a GPU is, as far as it can be told from events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// On a ring, or being executed.
    OnRing,
    /// It will never end by itself: hung, or at a memory fault.
    Stuck,
    Completed,
    /// It was taken off its ring before it was completed.
    Lost,
}

/// The latest work of a fence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct WorkLog {
    pub(super) stage: Stage,
    pub(super) engine: u32,
    /// Resets of its engine that had ended when it was emitted.
    pub(super) resets: u32,
    /// The interrupt that should have told of its end was lost.
    pub(super) irq_lost: bool,
    /// It was stuck itself at some time.
    guilty: bool,
    /// Its own timeout is over, or its engine was reset because of it: it takes too long, stuck or not.
    blamed: bool,
    /// It needed other work to get done, which may be gone.
    needs_others: bool,
}

/// What is known of a `drm_sched_job`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct JobLog {
    /// The fence of the work that was emitted for it last; [`NONE`].
    pub(super) fence: u32,
    /// How often its timeout was handled since its ring got anything done.
    pub(super) handled: u32,
    /// What its engine had completed when its timeout was handled last.
    completed: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct EngineLog {
    /// Resets of it that have ended, or were refused.
    resets: u32,
    /// Work completed.
    completed: u32,
}

/// A timeout that is being handled.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Handler {
    task: u32,
    sched: u32,
    /// What it has reset last.
    of: Option<ObjectRef>,
    /// That has not worked.
    failed: bool,
    /// Schedulers that were stopped when it began: they are started again one after the other.
    stopped: Vec<u32>,
}

/// What is known of one run.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Recovery {
    /// Per fence.
    works: Vec<Option<WorkLog>>,
    /// Per job.
    jobs: Vec<JobLog>,
    engines: Vec<EngineLog>,
    /// Per task: the job that it has called `run_job` for last.
    runs: Vec<u32>,
    handlers: Vec<Handler>,
    /// Resets under way: of what, by which task.
    resets: Vec<(ObjectRef, u32)>,
    /// Contexts whose work was stuck, with the GPU.
    guilty: Vec<(u32, u64)>,
    /// GPUs of which an engine could not be reset.
    engine_reset_failed: Vec<u32>,
    /// The fence of the work that was completed last; [`NONE`].
    last_completed: u32,
}

impl Recovery {
    /// It is for a plan with so many engines.
    pub(super) fn fits(&self, plan: &Plan) -> bool {
        self.engines.len() == plan.gpu.engines.len()
    }

    /// A new run begins.
    pub(super) fn restart(&mut self, plan: &Plan) {
        self.works.clear();
        self.jobs.clear();
        self.engines.clear();
        self.engines.resize(plan.gpu.engines.len(), EngineLog::default());
        self.runs.clear();
        self.handlers.clear();
        self.resets.clear();
        self.guilty.clear();
        self.engine_reset_failed.clear();
        self.last_completed = NONE;
    }

    /// The latest work of a fence.
    pub(super) fn work(&self, fence: u32) -> Option<&WorkLog> {
        self.works.get(fence as usize)?.as_ref()
    }

    /// What is known of a job.
    pub(super) fn job(&self, job: u32) -> Option<&JobLog> {
        self.jobs.get(job as usize)
    }

    /// A reset of the work's engine was tried since it was emitted.
    pub(super) fn was_tried(&self, work: &WorkLog) -> bool {
        self.engines[work.engine as usize].resets != work.resets
    }

    fn work_mut(&mut self, fence: u32) -> Option<&mut WorkLog> {
        self.works.get_mut(fence as usize)?.as_mut()
    }

    fn job_mut(&mut self, job: u32) -> &mut JobLog {
        let index = job as usize;
        if self.jobs.len() <= index {
            self.jobs.resize(index + 1, JobLog { fence: NONE, handled: 0, completed: 0 });
        }
        &mut self.jobs[index]
    }

    /// Something is done with a job.
    pub(super) fn job_event(&mut self, world: &World, event: JobEvent, job: u32, origin: Origin) {
        let task = origin.task.raw();
        match event {
            JobEvent::Run => {
                let index = task as usize;
                if self.runs.len() <= index {
                    self.runs.resize(index + 1, NONE);
                }
                self.runs[index] = job;
            }
            JobEvent::TimedOut => {
                let sched = world.scheds.jobs[job as usize].sched;
                self.handlers.push(Handler { task, sched, of: None, failed: false, stopped: Vec::new() });
                let work = self.job(job).and_then(|log| self.work(log.fence));
                let completed = work.map_or(0, |work| self.engines[work.engine as usize].completed);
                let log = self.job_mut(job);
                if log.completed != completed {
                    (log.handled, log.completed) = (0, completed);
                }
                let fence = log.fence;
                if let Some(work) = self.work_mut(fence) {
                    work.blamed = true;
                }
            }
            JobEvent::Handled => {
                self.handlers.retain(|handler| handler.task != task);
                self.job_mut(job).handled += 1;
            }
            JobEvent::Arm | JobEvent::Push | JobEvent::Cancel | JobEvent::Free => {}
        }
    }

    /// A GPU does something, or something is done with it. Whether work was submitted to it that must not be: RF102.
    pub(super) fn gpu_event(
        &mut self,
        plan: &Plan,
        world: &World,
        event: GpuEvent,
        of: ObjectRef,
        origin: Origin,
    ) -> Option<&'static str> {
        let task = origin.task.raw();
        match event {
            GpuEvent::Emit(fence) => {
                let job = self.emitted(plan, world, fence, of, task);
                return self.submitted_after_hang(plan, world, plan.engine_of(of), task, job);
            }
            GpuEvent::Hang(Some(fence)) | GpuEvent::Fault(Some(fence)) => {
                self.is_stuck(plan, world, fence);
            }
            GpuEvent::Complete(fence) => {
                self.engines[plan.engine_of(of) as usize].completed += 1;
                self.last_completed = fence.unwrap_or(NONE);
                if let Some(work) = self.work_mut(self.last_completed) {
                    work.stage = Stage::Completed;
                }
            }
            GpuEvent::Lost(Some(fence)) => self.is_lost(plan, fence, task),
            GpuEvent::IrqLost => {
                if let Some(work) = self.work_mut(self.last_completed) {
                    work.irq_lost = true;
                }
            }
            GpuEvent::ResetBegin => {
                self.resets.push((of, task));
                if let Some(handler) = self.handlers.iter_mut().find(|handler| handler.task == task) {
                    handler.of = Some(of);
                    let scheds = 0..world.scheds.list.len() as u32;
                    handler.stopped = scheds.filter(|&sched| world.scheds.sched(sched).paused).collect();
                }
            }
            GpuEvent::ResetEnd(error) => self.reset_ended(plan, of, task, error),
            GpuEvent::Begin(_)
            | GpuEvent::Preempt(_)
            | GpuEvent::Wedge
            | GpuEvent::Hang(None)
            | GpuEvent::Fault(None)
            | GpuEvent::Lost(None) => {}
        }
        None
    }

    /// Work is put on a ring. The job that it is for, or [`NONE`].
    fn emitted(&mut self, plan: &Plan, world: &World, fence: Option<u32>, of: ObjectRef, task: u32) -> u32 {
        let running = self.runs.get(task as usize).copied().unwrap_or(NONE);
        let Some(fence) = fence else { return running };
        let engine = plan.engine_of(of);
        let ring = if of.kind == Kind::Ring { of.index } else { plan.gpu.engines[engine as usize].rings[0] };
        let queue = world.gpu.rings[ring as usize].queue.iter().rev();
        let work = queue.into_iter().find(|work| work.fence == fence);
        let of_work = work.map(|work| work.sched_job).filter(|&job| job != NONE);
        let job = of_work.unwrap_or(running);
        let needs_others = work
            .and_then(|work| plan.gpu.jobs.get(work.job as usize))
            .is_some_and(crate::gpu_job::JobInfo::needs_others);
        let index = fence as usize;
        if self.works.len() <= index {
            self.works.resize(index + 1, None);
        }
        self.works[index] = Some(WorkLog {
            stage: Stage::OnRing,
            engine,
            resets: self.engines[engine as usize].resets,
            irq_lost: false,
            guilty: false,
            blamed: false,
            needs_others,
        });
        if job != NONE {
            self.job_mut(job).fence = fence;
        }
        job
    }

    /// A work is taken off its ring. One that is lost with the reset of its engine is what that was about, unless
    /// something else there is stuck.
    fn is_lost(&mut self, plan: &Plan, fence: u32, task: u32) {
        let Some(&WorkLog { engine, .. }) = self.work(fence) else { return };
        let of_engine =
            |&(of, by): &(ObjectRef, u32)| by == task && of.kind != Kind::Gpu && is_of(plan, of, engine);
        let is_stuck = |work: &WorkLog| work.engine == engine && work.stage == Stage::Stuck;
        // An engine reset loses one work; a full reset, which loses any number, blames nobody.
        let blamed = self.resets.iter().any(of_engine) && {
            let stuck = self.works.iter().flatten().filter(|work| is_stuck(work)).count();
            stuck == usize::from(self.work(fence).is_some_and(is_stuck))
        };
        if let Some(work) = self.work_mut(fence) {
            work.stage = Stage::Lost;
            work.blamed |= blamed;
        }
    }

    fn is_stuck(&mut self, plan: &Plan, world: &World, fence: u32) {
        let Some(work) = self.work_mut(fence) else { return };
        (work.stage, work.guilty) = (Stage::Stuck, true);
        let gpu = plan.gpu.engines[work.engine as usize].gpu;
        self.guilty.push((gpu, world.fences.get(fence).context));
        let job = self.jobs.iter().position(|job| job.fence == fence);
        if let Some(job) = job {
            let finished = world.scheds.jobs[job].finished;
            if finished != NONE {
                self.guilty.push((gpu, world.fences.get(finished).context));
            }
        }
    }

    fn reset_ended(&mut self, plan: &Plan, of: ObjectRef, task: u32, error: i32) {
        let under_way = self.resets.iter().position(|&reset| reset == (of, task));
        if let Some(position) = under_way {
            self.resets.remove(position);
        }
        for engine in 0..self.engines.len() as u32 {
            if is_of(plan, of, engine) {
                self.engines[engine as usize].resets += 1;
            }
        }
        if error != 0 && of.kind == Kind::Engine {
            self.engine_reset_failed.push(plan.gpu_of(of));
        }
        if let Some(handler) = self.handlers.iter_mut().find(|handler| handler.task == task) {
            handler.failed = error != 0;
        }
    }

    /// Whether work was accepted that is lost with a reset, or runs on what is known to be broken.
    fn submitted_after_hang(
        &self,
        plan: &Plan,
        world: &World,
        engine: u32,
        task: u32,
        job: u32,
    ) -> Option<&'static str> {
        let reset = self.resets.iter().find(|(of, _)| is_of(plan, *of, engine));
        if reset.is_some_and(|&(_, by)| by != task) {
            return Some("work is submitted while the hardware is reset: it is lost");
        }
        let sched_of = |job: u32| world.scheds.jobs.get(job as usize).map(|job| job.sched);
        let recovers = |handler: &&Handler| handler.of.is_some_and(|of| is_of(plan, of, engine));
        let handler = self.handlers.iter().filter(|handler| handler.task != task).find(recovers)?;
        // drm_sched_stop() waits for the scheduler's own worker.
        let of_stopped = |sched| sched == handler.sched || handler.stopped.contains(&sched);
        let goes_on = world.scheds.sched(handler.sched).paused && !sched_of(job).is_some_and(of_stopped);
        (handler.failed || goes_on).then_some("work is submitted before the recovery from a hang is over")
    }

    /// A published fence ends with an error. Whether that comes of a hang of another context, whose work alone had to
    /// go: RF104.
    pub(super) fn is_innocent(&self, plan: &Plan, world: &World, fence: u32) -> bool {
        if self.guilty.is_empty() {
            return false;
        }
        let work = match world.fences.get(fence).sort {
            FenceSort::Finished(job) => {
                // The jobs of a killed entity end like this.
                let owner = world.scheds.jobs[job as usize].owner;
                if world.scheds.entities.get(owner as usize).is_some_and(|entity| entity.stopped) {
                    return false;
                }
                self.job(job).and_then(|log| self.work(log.fence))
            }
            _ => self.work(fence),
        };
        let Some(work) = work else { return false };
        let gpu = plan.gpu.engines[work.engine as usize].gpu;
        let context = world.fences.get(fence).context;
        let hung_here = self.guilty.iter().any(|&(of, _)| of == gpu);
        matches!(work.stage, Stage::Lost | Stage::OnRing)
            && !work.guilty
            && !work.blamed
            && !work.needs_others
            && hung_here
            && !self.guilty.contains(&(gpu, context))
            && plan.gpu.gpus[gpu as usize].has_engine_reset()
            && !self.engine_reset_failed.contains(&gpu)
    }
}

/// Whether a reset of something is one of this engine.
fn is_of(plan: &Plan, of: ObjectRef, engine: u32) -> bool {
    match of.kind {
        Kind::Gpu => plan.gpu.gpus[of.index as usize].engines.contains(&engine),
        _ => of.index == engine,
    }
}
