//! What the judges ask of GPU schedulers: what a job's fences need, and who would signal them.

use std::collections::BTreeSet;

use ringfence_base::{ProgramId, SiteId};

use crate::dma_fence::FenceSort;
use crate::kworker::Slot;
use crate::plan::{ContextKind, Plan};
use crate::sched_job::{Job, job_flag};
use crate::thread::NONE;
use crate::workqueue::WorkFunction;
use crate::world::World;

impl World {
    /// Fences that have to be signaled before the fences of this job can be: what the hardware owes for it; while
    /// it is queued, its dependencies, the job before it, and those that have the scheduler's credits.
    pub(crate) fn job_needs(&self, job: u32) -> Vec<u32> {
        let entry = &self.scheds.jobs[job as usize];
        let mut needs = vec![entry.parent];
        if entry.has(job_flag::DYING) {
            // What it waits for now, and what it has not waited for yet.
            needs.extend((entry.node != NONE).then(|| self.fences.fence_of_node(entry.node)).flatten());
            needs.extend(self.dependencies_from(entry.first_dependency));
            return needs;
        }
        if !entry.has(job_flag::QUEUED) || entry.entity == NONE {
            return needs;
        }
        let entity = &self.scheds.entities[entry.entity as usize];
        needs.push(entity.dependency);
        // That one needs those before it.
        let (mut before, mut previous) = (entity.queue.head, NONE);
        while before != NONE && before != job {
            let Job { finished, next_queued, .. } = self.scheds.jobs[before as usize];
            previous = finished;
            before = next_queued;
        }
        needs.push(previous);
        needs.extend(self.dependencies_from(entry.next_dependency));
        let mut running = self.scheds.sched(entry.sched).first_pending;
        while running != NONE {
            let Job { finished, next_pending, .. } = self.scheds.jobs[running as usize];
            needs.push(finished);
            running = next_pending;
        }
        needs
    }

    /// The fences of a job's list of dependencies, from this entry on.
    fn dependencies_from(&self, first: u32) -> Vec<u32> {
        let (mut fences, mut entry) = (Vec::new(), first);
        while entry != NONE {
            let known = self.scheds.dependencies[entry as usize];
            fences.push(known.fence);
            entry = known.next;
        }
        fences
    }

    /// The job of this finished fence is on the hardware.
    pub(crate) fn is_on_hardware(&self, finished: u32) -> bool {
        match self.fences.get(finished).sort {
            FenceSort::Finished(job) => {
                self.scheds.jobs[job as usize].flags & (job_flag::PENDING | job_flag::DONE)
                    == job_flag::PENDING
            }
            _ => false,
        }
    }

    /// Where the scheduler of a finished fence's job was declared, if nothing happens when the job takes for ever.
    pub(crate) fn scheduler_without_timeout(&self, plan: &Plan, finished: u32) -> Option<SiteId> {
        let FenceSort::Finished(job) = self.fences.get(finished).sort else { return None };
        let sched = self.scheds.jobs[job as usize].sched;
        let layout = plan.scheds.list.get(sched as usize)?;
        let none = self.scheds.sched(sched).timeout == i64::MAX || layout.ops.timedout_job.is_none();
        none.then_some(layout.at)
    }

    /// What a worker runs for schedulers, and what it has still to run once it goes on.
    fn sched_works(&self, plan: &Plan, task: u32) -> Vec<WorkFunction> {
        let ContextKind::Worker { wq, .. } = plan.contexts[task as usize].kind else { return Vec::new() };
        let layout = &plan.deferred.workqueues;
        let state = &self.deferred.workqueues;
        let own = layout.slots.iter().zip(&*state.slots).find(|(slot, _)| slot.task == task);
        let busy = own.and_then(|(_, slot)| match slot {
            Slot::Busy(work) => Some(*work),
            _ => None,
        });
        let queued = state.queues[wq as usize].waiting.iter().copied();
        let queued = queued.filter(|_| !self.is_starved(plan, task, wq));
        busy.into_iter().chain(queued).map(|work| layout.works[work as usize].function).collect()
    }

    /// Fences that a worker would signal if it went on with the scheduler's works.
    pub(crate) fn sched_signals(&self, plan: &Plan, task: u32) -> BTreeSet<u32> {
        let works = self.sched_works(plan, task);
        let mut fences = BTreeSet::new();
        if works.iter().all(|work| matches!(work, WorkFunction::Program(_))) {
            return fences;
        }
        for job in &*self.scheds.jobs {
            if !job.has(job_flag::PUSHED) || job.flags & (job_flag::DONE | job_flag::FREED) != 0 {
                continue;
            }
            let signals = works.iter().any(|&work| match work {
                WorkFunction::RunJob(sched) => job.sched == sched && job.parent == NONE,
                // It is in the way of the other work where only one can run at a time.
                WorkFunction::FreeJob(sched) => job.sched == sched && job.has(job_flag::QUEUED),
                WorkFunction::JobTimedout(sched) => job.sched == sched && !job.has(job_flag::QUEUED),
                WorkFunction::KillJobs(entity) => job.owner == entity && job.has(job_flag::DYING),
                WorkFunction::Program(_) => false,
            });
            if signals {
                fences.extend([job.scheduled, job.finished]);
            }
        }
        fences
    }

    /// Programs that a worker would still call for schedulers.
    pub(crate) fn sched_programs(&self, plan: &Plan, task: u32) -> Vec<ProgramId> {
        let works = self.sched_works(plan, task).into_iter();
        let programs = works.flat_map(|work| match work {
            WorkFunction::RunJob(sched) => {
                let ops = plan.scheds.list[sched as usize].ops;
                vec![Some(ops.run_job), ops.prepare_job, ops.update_job_credits]
            }
            WorkFunction::FreeJob(sched) => vec![Some(plan.scheds.list[sched as usize].ops.free_job)],
            WorkFunction::JobTimedout(sched) => {
                let ops = plan.scheds.list[sched as usize].ops;
                vec![ops.timedout_job, Some(ops.free_job)]
            }
            WorkFunction::KillJobs(entity) => {
                let dying = self.scheds.jobs.iter().filter(|job| job.owner == entity);
                let dying = dying.filter(|job| job.has(job_flag::DYING));
                dying.map(|job| Some(plan.scheds.list[job.sched as usize].ops.free_job)).collect()
            }
            WorkFunction::Program(_) => Vec::new(),
        });
        programs.flatten().collect()
    }

    /// Who has to let go of an entity, or to empty its queue.
    pub(crate) fn entity_runners(&self, plan: &Plan, entity: u32) -> Vec<u32> {
        let sched = self.scheds.entities[entity as usize].sched;
        let Some(layout) = plan.scheds.list.get(sched as usize) else { return Vec::new() };
        plan.deferred.workqueues.tasks(layout.submit_wq).collect()
    }
}
