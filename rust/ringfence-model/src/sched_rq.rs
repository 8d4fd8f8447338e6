//! Run-queues: which entity's job is next (`struct drm_sched_rq`, `drm_sched_rq_*()` and
//! `drm_sched_select_entity()` in `drivers/gpu/drm/scheduler/sched_main.c`).

use ringfence_base::scenario::SchedPolicy;

use crate::kernel::Kernel;
use crate::sched_main::sched_object;
use crate::thread::NONE;

/// `struct drm_sched_rq`: the entities of one priority.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Rq {
    /// In the order in which they came.
    pub(crate) entities: Vec<u32>,
    /// Whose turn it was last.
    pub(crate) current: Option<u32>,
    /// The entities by the time their oldest job has waited since, or by the share of the GPU they have had.
    pub(crate) tree: Vec<(u64, u64, u32)>,
    /// What the entity that was chosen last had had of the GPU, for those that come back.
    pub(crate) min_vruntime: u64,
}

impl Clone for Rq {
    fn clone(&self) -> Self {
        let mut rq = Self::default();
        rq.clone_from(self);
        rq
    }

    fn clone_from(&mut self, source: &Self) {
        self.entities.clone_from(&source.entities);
        self.current = source.current;
        self.tree.clone_from(&source.tree);
        self.min_vruntime = source.min_vruntime;
    }
}

impl Rq {
    fn remove_from_tree(&mut self, key: (u64, u64, u32)) {
        if let Ok(position) = self.tree.binary_search(&key) {
            self.tree.remove(position);
        }
    }

    fn insert_into_tree(&mut self, key: (u64, u64, u32)) {
        if let Err(position) = self.tree.binary_search(&key) {
            self.tree.insert(position, key);
        }
    }
}

impl Kernel<'_> {
    fn rq_of(&mut self, sched: u32, rq: u32) -> &mut Rq {
        &mut self.w.scheds.sched_mut(sched).rqs[rq as usize]
    }

    /// `drm_sched_rq_add_entity()`; without effect if it is on its run-queue already.
    pub(crate) fn rq_add_entity(&mut self, entity: u32) {
        let entry = &mut self.w.scheds.entities[entity as usize];
        if entry.listed {
            return;
        }
        entry.listed = true;
        let (sched, rq) = (entry.sched, entry.rq);
        self.touch_spinlock(self.plan.scheds.list[sched as usize].rq_lock);
        self.w.scheds.sched_mut(sched).score += 1;
        self.rq_of(sched, rq).entities.push(entity);
    }

    /// `drm_sched_rq_remove_entity()`.
    pub(crate) fn rq_remove_entity(&mut self, entity: u32) {
        let entry = &mut self.w.scheds.entities[entity as usize];
        if !entry.listed {
            return;
        }
        entry.listed = false;
        let (sched, rq, key) = (entry.sched, entry.rq, entry.key.take());
        if !self.sched_is_usable(sched) {
            return;
        }
        self.touch_spinlock(self.plan.scheds.list[sched as usize].rq_lock);
        self.w.scheds.sched_mut(sched).score -= 1;
        let rq = self.rq_of(sched, rq);
        rq.entities.retain(|&known| known != entity);
        if rq.current == Some(entity) {
            rq.current = None;
        }
        if let Some((first, second)) = key {
            rq.remove_from_tree((first, second, entity));
        }
    }

    /// `drm_sched_rq_update_fifo_locked()`: its oldest job was pushed at this time. By the fair policy, the share
    /// of the GPU that it has had counts first.
    pub(crate) fn rq_update_tree(&mut self, entity: u32, time: u64) {
        let entry = &self.w.scheds.entities[entity as usize];
        let (sched, rq, vruntime, old) = (entry.sched, entry.rq, entry.vruntime, entry.key);
        let layout = &self.plan.scheds.list[sched as usize];
        let (lock, policy) = (layout.rq_lock, layout.policy);
        if policy == SchedPolicy::RoundRobin {
            return;
        }
        self.touch_spinlock(lock);
        let key = if policy == SchedPolicy::Fair {
            let queue = self.rq_of(sched, rq);
            let vruntime = if old.is_none() { vruntime.max(queue.min_vruntime) } else { vruntime };
            self.w.scheds.entities[entity as usize].vruntime = vruntime;
            (vruntime, time)
        } else {
            (time, 0)
        };
        self.w.scheds.entities[entity as usize].key = Some(key);
        let queue = self.rq_of(sched, rq);
        if let Some((first, second)) = old {
            queue.remove_from_tree((first, second, entity));
        }
        queue.insert_into_tree((key.0, key.1, entity));
    }

    /// `drm_sched_entity_is_ready()`: it could give a job.
    pub(crate) fn entity_is_ready(&self, entity: u32) -> bool {
        let entry = &self.w.scheds.entities[entity as usize];
        let late = self.plan.scheds.list[entry.sched as usize].bugs.counts_late;
        let has_job = if late { entry.queue.count > 0 } else { entry.queue.peek().is_some() };
        has_job && entry.dependency == NONE
    }

    /// The first entity that could give a job, by priority and policy: whether its job fits decides, and nobody is
    /// asked after it.
    pub(crate) fn select_entity(&mut self, sched: u32) -> Option<u32> {
        let policy = self.plan.scheds.list[sched as usize].policy;
        let rq_lock = self.plan.scheds.list[sched as usize].rq_lock;
        for rq in 0..self.w.scheds.sched(sched).rqs.len() {
            self.touch_spinlock(rq_lock);
            let queue = &self.w.scheds.sched(sched).rqs[rq];
            let found = match policy {
                SchedPolicy::RoundRobin => {
                    // Behind the one whose turn it was, then from the front up to that one.
                    let turn = queue.current.and_then(|entity| position(&queue.entities, entity));
                    let start = turn.map_or(0, |turn| turn + 1);
                    let (before, behind) = queue.entities.split_at(start);
                    behind.iter().chain(before).copied().find(|&entity| self.entity_is_ready(entity))
                }
                SchedPolicy::Fifo | SchedPolicy::Fair => {
                    let by_key = queue.tree.iter().map(|&(_, _, entity)| entity);
                    by_key.into_iter().find(|&entity| self.entity_is_ready(entity))
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// `drm_sched_can_queue()`: the first job of the entity fits. A job that never would is cut down.
    pub(crate) fn can_queue(&mut self, sched: u32, entity: u32) -> bool {
        let Some(job) = self.w.scheds.entities[entity as usize].queue.peek() else { return false };
        let limit = self.plan.scheds.list[sched as usize].credit_limit;
        let entry = &mut self.w.scheds.jobs[job as usize];
        if entry.credits > limit {
            entry.credits = limit;
            let what = "a job takes more credits than its scheduler has: it is cut down to the limit";
            self.broken("RF706", what, sched_object(sched));
        }
        limit.saturating_sub(self.w.scheds.sched(sched).credit_count)
            >= self.w.scheds.jobs[job as usize].credits
    }

    /// It is this entity's turn.
    pub(crate) fn take_turn(&mut self, sched: u32, entity: u32) {
        let entry = &mut self.w.scheds.entities[entity as usize];
        entry.idle = false;
        let (rq, vruntime) = (entry.rq, entry.vruntime);
        let queue = self.rq_of(sched, rq);
        queue.current = Some(entity);
        queue.min_vruntime = queue.min_vruntime.max(vruntime);
    }
}

fn position(entities: &[u32], entity: u32) -> Option<usize> {
    entities.iter().position(|&known| known == entity)
}
