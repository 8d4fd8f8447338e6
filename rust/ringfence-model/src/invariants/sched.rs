//! GPU schedulers: every job in exactly one place, credits conserved, run-queues and lists in order.

use super::{Holds, holds};
use crate::dma_fence::FenceSort;
use crate::plan::Plan;
use crate::sched_entity::Entity;
use crate::sched_job::{Job, job_flag};
use crate::thread::NONE;
use crate::world::World;

impl World {
    pub(super) fn check_scheds(&self, plan: &Plan) -> Holds {
        for sched in 0..self.scheds.list.len() as u32 {
            self.check_sched(sched).map_err(|what| format!("scheduler {sched}: {what}"))?;
        }
        for (number, entity) in self.scheds.entities.iter().enumerate() {
            self.check_entity(plan, number as u32, entity)
                .map_err(|what| format!("entity {number}: {what}"))?;
        }
        for (number, job) in self.scheds.jobs.iter().enumerate() {
            self.check_job(number as u32, job).map_err(|what| format!("job {number}: {what}"))?;
        }
        Ok(())
    }

    /// The credits in use are those of the jobs that the hardware has; the list of pending jobs is one.
    fn check_sched(&self, sched: u32) -> Holds {
        let entry = self.scheds.sched(sched);
        let of = |job: &&Job| job.sched == sched;
        let credited = |job: &&Job| job.has(job_flag::CREDITED);
        let credits: u32 = self.scheds.jobs.iter().filter(of).filter(credited).map(|job| job.credits).sum();
        holds!(credits == entry.credit_count, "{} credits are in use, by jobs {credits}", entry.credit_count);
        let (mut job, mut before, mut count) = (entry.first_pending, NONE, 0);
        while job != NONE {
            let Job { prev_pending, next_pending, flags, .. } = self.scheds.jobs[job as usize];
            holds!(prev_pending == before, "job {job} comes after {before}, not {prev_pending}");
            holds!(flags & job_flag::PENDING != 0, "job {job} is pending, and does not know");
            count += 1;
            holds!(count <= self.scheds.jobs.len(), "its pending jobs are in a circle");
            (before, job) = (job, next_pending);
        }
        holds!(entry.last_pending == before, "its last pending job is {before}, not {}", entry.last_pending);
        let pending = self.scheds.jobs.iter().filter(of).filter(|job| job.has(job_flag::PENDING)).count();
        holds!(pending == count, "{pending} jobs say that they are pending, {count} are listed");
        // One that was taken down does not hear of it when its entities move.
        for (rq, queue) in entry.rqs.iter().enumerate().filter(|_| entry.alive) {
            let sorted = queue.tree.is_sorted();
            holds!(sorted, "run-queue {rq} is not in order: {:?}", queue.tree);
            for &entity in &queue.entities {
                let known = &self.scheds.entities[entity as usize];
                let mine = known.listed && (known.sched, known.rq as usize) == (sched, rq);
                holds!(mine, "entity {entity} is on run-queue {rq}, and does not know");
            }
        }
        Ok(())
    }

    fn check_entity(&self, plan: &Plan, number: u32, entity: &Entity) -> Holds {
        let (mut job, mut count) = (entity.queue.head, 0);
        while job != NONE {
            let Job { next_queued, flags, .. } = self.scheds.jobs[job as usize];
            holds!(flags & job_flag::QUEUED != 0, "job {job} is on its queue, and does not know");
            count += 1;
            holds!(count <= self.scheds.jobs.len(), "its queue is a circle");
            job = next_queued;
        }
        // Whichever scheduler it had when the job was pushed.
        let late = plan.scheds.list.iter().any(|layout| layout.bugs.counts_late);
        holds!(late || entity.queue.count == count as i32, "{count} jobs, counted as {}", entity.queue.count);
        if entity.listed && self.scheds.sched(entity.sched).alive {
            let queue = &self.scheds.sched(entity.sched).rqs[entity.rq as usize];
            let places = queue.entities.iter().filter(|&&known| known == number).count();
            holds!(places == 1, "it is on its run-queue {places} times");
        }
        Ok(())
    }

    /// A job that was submitted is on its entity's queue, pending, being dealt with, or given back; its fences are
    /// signaled one after the other.
    fn check_job(&self, number: u32, job: &Job) -> Holds {
        let queued = job.has(job_flag::QUEUED);
        let pending = job.has(job_flag::PENDING);
        holds!(!(queued && pending), "it is queued and pending");
        if queued && job.entity != NONE {
            let queue = &self.scheds.entities[job.entity as usize].queue;
            let mut known = queue.head;
            while known != NONE && known != number {
                known = self.scheds.jobs[known as usize].next_queued;
            }
            holds!(known == number, "it says that it is queued, and is not");
        }
        holds!(
            !job.has(job_flag::CREDITED) || job.has(job_flag::PUSHED),
            "it has credits before it was pushed"
        );
        if job.scheduled == NONE {
            return Ok(());
        }
        let (scheduled, finished) = (self.fences.get(job.scheduled), self.fences.get(job.finished));
        holds!(scheduled.sort == FenceSort::Scheduled(number), "its scheduled fence is {:?}", scheduled.sort);
        holds!(finished.sort == FenceSort::Finished(number), "its finished fence is {:?}", finished.sort);
        holds!(
            scheduled.refs != 0 || finished.refs == 0,
            "its finished fence has references, and its scheduled one none"
        );
        Ok(())
    }
}
