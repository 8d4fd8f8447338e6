//! Works and workers.

use super::{Holds, holds};
use crate::kworker::Slot;
use crate::plan::Plan;
use crate::thread::{NONE, State};
use crate::wait::Wait;
use crate::world::World;

impl World {
    pub(super) fn check_deferred(&self, plan: &Plan) -> Holds {
        self.check_workers(plan)?;
        self.check_queues(plan)?;
        self.check_kthread_workers(plan)
    }

    fn check_workers(&self, plan: &Plan) -> Holds {
        let slots = &self.deferred.workqueues.slots;
        for (slot, layout) in slots.iter().zip(&plan.deferred.workqueues.slots) {
            let thread = &self.threads[layout.task as usize];
            let expected = match slot {
                Slot::Idle => thread.state == State::Idle && thread.frames.is_empty(),
                Slot::Awake => thread.state == State::Ready,
                Slot::Starved => {
                    thread.state == State::Blocked(Wait::WorkerCreation(layout.wq))
                        || (thread.state == State::Ready && thread.signal)
                }
                Slot::Busy(_) => !matches!(thread.state, State::Idle | State::Done),
            };
            holds!(expected, "task {}: a worker that is {slot:?} is {:?}", layout.task, thread.state);
        }
        Ok(())
    }

    fn check_queues(&self, plan: &Plan) -> Holds {
        let workqueues = &self.deferred.workqueues;
        for (wq, queue) in workqueues.queues.iter().enumerate() {
            let layout = &plan.deferred.workqueues.queues[wq];
            let (start, end) = (layout.slots.0 as usize, layout.slots.1 as usize);
            let of =
                |wanted: fn(&Slot) -> bool| workqueues.slots[start..end].iter().filter(|s| wanted(s)).count();
            let busy = of(|slot| matches!(slot, Slot::Busy(_)));
            holds!(busy == queue.running as usize, "workqueue {wq} runs {busy} works, not {}", queue.running);
            holds!(queue.running <= layout.max_active, "workqueue {wq} runs {} works at once", queue.running);
            let assigned = of(|slot| matches!(slot, Slot::Awake | Slot::Starved));
            holds!(
                assigned <= queue.waiting.len(),
                "workqueue {wq}: {assigned} workers for {:?}",
                queue.waiting
            );
            for &work in &queue.waiting {
                let queued = workqueues.queued().any(|known| known == (work, wq as u32));
                holds!(queued, "work {work} is on workqueue {wq}, and does not know");
            }
            let front = queue
                .waiting
                .first()
                .is_some_and(|&work| !workqueues.slots[start..end].contains(&Slot::Busy(work)));
            let stuck = front && assigned == 0 && queue.running < layout.max_active;
            holds!(!stuck, "workqueue {wq} has works that nobody begins: {:?}", queue.waiting);
        }
        let waiting: usize = workqueues.queues.iter().map(|queue| queue.waiting.len()).sum();
        let queued = workqueues.queued().count();
        holds!(queued == waiting, "{queued} works say that they are queued, {waiting} are");
        Ok(())
    }

    fn check_kthread_workers(&self, plan: &Plan) -> Holds {
        let kthreads = &self.deferred.kthreads;
        let mut waiting = 0;
        for worker in 0..kthreads.len() as u32 {
            let task = plan.deferred.kthreads.task(worker);
            let thread = &self.threads[task as usize];
            let idle = kthreads.queued(worker).is_empty() && kthreads.current(worker) == NONE;
            let is_idle = thread.state == State::Idle;
            holds!(idle == is_idle, "task {task}: a kthread worker is {:?}, idle {idle}", thread.state);
            waiting += kthreads.queued(worker).len();
        }
        let queued = kthreads.count_queued();
        holds!(queued == waiting, "{queued} kthread works say that they are queued, {waiting} are");
        Ok(())
    }
}
