//! Waiting for works: `flush_work()`, `cancel_work_sync()`, `flush_workqueue()`, and what the validator and
//! `check_flush_dependency()` make of that (`kernel/workqueue.c`).

use ringfence_base::scenario::Kind;
use ringfence_base::{AcquireFlags, ObjectRef};

use crate::deferred::Then;
use crate::flush::Ended;
use crate::frame::Flow;
use crate::kernel::Kernel;
use crate::kworker::Slot;
use crate::thread::{NONE, State};
use crate::value::Value;
use crate::wait::Wait;
use crate::workqueue::{Pending, QueueLayout, Work, Workqueues};

impl Kernel<'_> {
    /// Wakes who waited for this instance of a work, unless it waits for others as well.
    pub(crate) fn end_flushes(&mut self, work: u32, worker: u32) {
        while let Some(ended) = self.w.deferred.workqueues.flushes.pop_ended(work, worker) {
            if let Ended::Wakes(task) = ended
                && matches!(self.w.threads[task as usize].state, State::Blocked(_))
            {
                self.w.set_state(task, State::Ready);
            }
        }
    }

    pub(crate) fn flush_work(&mut self, work: u32) -> Flow {
        self.might_sleep();
        if !self.start_flush(work, false) {
            return Flow::Return(Value::bool(false));
        }
        self.until(self.plan.deferred.workqueues.wait(work), Then::Return(Value::bool(true)))
    }

    pub(crate) fn flush_delayed_work(&mut self, work: u32) -> Flow {
        self.irq_disable();
        if let Some(map) = self.plan.deferred.workqueues.works[work as usize].timer_map {
            self.touch_map(map);
        }
        if let Pending::Timer { timer, .. } = self.w.deferred.workqueues.works[work as usize].pending {
            self.w.time.cancel(timer);
            self.delay_is_over(work);
        }
        self.irq_enable();
        self.flush_work(work)
    }

    pub(crate) fn cancel_work_sync(&mut self, work: u32) -> Flow {
        let pending = self.grab_pending(work);
        self.w.deferred.workqueues.works[work as usize].disabled += 1;
        self.might_sleep();
        self.start_flush(work, true);
        let wait = self.plan.deferred.workqueues.wait(work);
        self.until(wait, Then::EnableWork { work, pending })
    }

    /// Begins to wait for the work; false if there is nothing to wait for. The validator hears of the wait only
    /// then.
    fn start_flush(&mut self, work: u32, from_cancel: bool) -> bool {
        let Work { pending, wq, .. } = self.w.deferred.workqueues.works[work as usize];
        let worker = match pending {
            Pending::Queued => NONE,
            _ => match self.worker_of(wq, work) {
                Some(worker) => worker,
                None => return false,
            },
        };
        let layout = self.plan.deferred.workqueues.queues[wq as usize];
        let (kind, index) = self.plan.deferred.workqueues.kind(work);
        if !from_cancel {
            self.check_flush_dependency(wq);
        }
        if worker != NONE && self.plan.deferred.workqueues.slots[worker as usize].task == self.task {
            self.waits_for_itself("a work waits for its own end", kind, index);
        }
        let waiter = (self.task, self.me().frames.len() as u32);
        self.w.deferred.workqueues.flushes.wait_for(waiter, work, worker);
        self.touch_map(self.plan.deferred.workqueues.works[work as usize].map);
        // Behind a work of the same queue it would never run; a rescuer runs one at a time.
        if !from_cancel && (layout.max_active == 1 || layout.mem_reclaim) {
            self.touch_map(layout.map);
        }
        true
    }

    pub(crate) fn flush_workqueue(&mut self, wq: u32) -> Flow {
        let QueueLayout { map, mutex, slots: (start, end), .. } =
            self.plan.deferred.workqueues.queues[wq as usize];
        self.touch_map(map);
        self.might_sleep();
        self.lock_acquire(mutex, AcquireFlags::default());
        let waiter = (self.task, self.me().frames.len() as u32);
        let mut something = false;
        let Workqueues { queues, slots, flushes, .. } = &mut self.w.deferred.workqueues;
        for &work in &queues[wq as usize].waiting {
            flushes.wait_for(waiter, work, NONE);
            something = true;
        }
        let mut own = false;
        for slot in start..end {
            if let Slot::Busy(work) = slots[slot as usize] {
                flushes.wait_for(waiter, work, slot);
                something = true;
                own |= self.plan.deferred.workqueues.slots[slot as usize].task == self.task;
            }
        }
        if something {
            self.check_flush_dependency(wq);
        }
        if own {
            self.waits_for_itself("a work flushes its own workqueue", Kind::Workqueue, wq);
        }
        self.lock_release(mutex);
        self.until(Wait::Workqueue(wq), Then::Return(Value::Null))
    }

    /// Whoever makes memory free must not wait for works that may need memory to run.
    fn check_flush_dependency(&mut self, wq: u32) {
        let layout = &self.plan.deferred.workqueues;
        if layout.queues[wq as usize].mem_reclaim {
            return;
        }
        let object = Some(ObjectRef { kind: Kind::Workqueue, index: wq });
        if self.me().scopes.memalloc {
            self.broken("RF615", "a PF_MEMALLOC task flushes a !WQ_MEM_RECLAIM workqueue", object);
        }
        let task = self.task;
        let mut own = layout.slots.iter().zip(&*self.w.deferred.workqueues.slots);
        let own = own.find(|(slot, state)| slot.task == task && matches!(state, Slot::Busy(_)));
        if own.is_some_and(|(slot, _)| layout.queues[slot.wq as usize].mem_reclaim) {
            self.broken("RF615", "a WQ_MEM_RECLAIM work flushes a !WQ_MEM_RECLAIM workqueue", object);
        }
    }
}
