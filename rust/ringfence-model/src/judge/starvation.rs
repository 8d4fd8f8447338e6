//! Jobs that could run, but are overtaken again and again by jobs of the same scheduler that came later (RF704).

use ringfence_base::limits::OVERTAKEN_MAX;
use ringfence_base::scenario::SchedPolicy;

use crate::dma_fence::flag;
use crate::plan::Plan;
use crate::sched_job::Job;
use crate::thread::NONE;
use crate::world::World;

/// Of each run-queue at most so many entities are looked at whenever a job is handed to the hardware, the oldest first.
const LOOKED_AT: usize = 64;

/// How often jobs were overtaken.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Starvation {
    /// Per job.
    overtaken: Vec<u32>,
}

impl Starvation {
    /// A new run begins.
    pub(super) fn restart(&mut self) {
        self.overtaken.clear();
    }

    /// A job is handed to the hardware. The jobs that have been overtaken too often now.
    pub(super) fn runs(&mut self, plan: &Plan, world: &World, job: u32, starved: &mut Vec<u32>) {
        let Job { sched, submitted, .. } = world.scheds.jobs[job as usize];
        let policy = plan.scheds.list[sched as usize].policy;
        for rq in &world.scheds.sched(sched).rqs {
            if policy == SchedPolicy::Fifo {
                let older = rq.tree.iter().take_while(|&&(pushed, _, _)| pushed < submitted);
                for &(_, _, entity) in older.take(LOOKED_AT) {
                    self.overtakes(plan, world, submitted, entity, starved);
                }
            } else {
                for &entity in rq.entities.iter().take(LOOKED_AT) {
                    self.overtakes(plan, world, submitted, entity, starved);
                }
            }
        }
    }

    /// The job at the head of the entity's queue is overtaken, if it came earlier and could run.
    fn overtakes(&mut self, plan: &Plan, world: &World, submitted: u64, entity: u32, starved: &mut Vec<u32>) {
        let Some(job) = world.scheds.entities[entity as usize].queue.peek() else { return };
        if world.scheds.jobs[job as usize].submitted >= submitted || !could_run(plan, world, entity, job) {
            return;
        }
        let index = job as usize;
        if self.overtaken.len() <= index {
            self.overtaken.resize(index + 1, 0);
        }
        self.overtaken[index] += 1;
        if self.overtaken[index] == OVERTAKEN_MAX {
            starved.push(job);
        }
    }
}

/// Nothing keeps the job but others: what it depends on is there, and it would fit if it were alone.
fn could_run(plan: &Plan, world: &World, entity: u32, job: u32) -> bool {
    let there = |fence: u32| fence == NONE || world.fences.has(fence, flag::SIGNALED);
    let entry = &world.scheds.entities[entity as usize];
    let Job { credits, sched, mut next_dependency, .. } = world.scheds.jobs[job as usize];
    if entry.stopped || !there(entry.dependency) || credits > plan.scheds.list[sched as usize].credit_limit {
        return false;
    }
    while next_dependency != NONE {
        let known = world.scheds.dependencies[next_dependency as usize];
        if !there(known.fence) {
            return false;
        }
        next_dependency = known.next;
    }
    true
}
