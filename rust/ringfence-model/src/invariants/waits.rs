//! Waits: nobody sleeps whose wait is over.

use super::time::timeout;
use super::{Holds, holds};
use crate::deferred::DeferredFrame;
use crate::dma_fence::flag;
use crate::frame::Frame;
use crate::plan::Plan;
use crate::thread::{NONE, State};
use crate::wait::Wait;
use crate::world::World;

impl World {
    pub(super) fn check_waits(&self, plan: &Plan) -> Holds {
        for (task, thread) in self.threads.iter().enumerate() {
            let State::Blocked(wait) = thread.state else { continue };
            if let Some(id) = thread.frames.last().and_then(timeout) {
                holds!(self.time.is_set(id), "task {task} sleeps, but its timeout has run out");
            }
            let until = matches!(thread.frames.last(), Some(Frame::Deferred(DeferredFrame::Until(_))));
            let over = match until {
                true => self.has_ended(plan, task as u32, wait),
                false => self.is_over_by_itself(task as u32, wait),
            };
            holds!(!over, "task {task} sleeps, but its wait is over: {wait:?}");
        }
        self.check_completions()
    }

    /// A wait for a fence, a thread, an invalidation.
    fn is_over_by_itself(&self, task: u32, wait: Wait) -> bool {
        match wait {
            Wait::Fence(fence) => self.has_woken(fence),
            Wait::AnyFence(_) => {
                let fences = self.fences_of_wait(task);
                // A wait around this one keeps its fences there as well, so only all of them can say anything.
                !fences.is_empty() && fences.iter().all(|&fence| self.has_woken(fence))
            }
            Wait::Task(other) => self.threads[other as usize].state == State::Done,
            _ => false,
        }
    }

    /// The fence is signaled, and all of its callbacks have run.
    fn has_woken(&self, fence: u32) -> bool {
        self.fences.has(fence, flag::SIGNALED) && self.fences.first_callback(fence).is_none()
    }

    /// What a context waits for to end has ended.
    fn has_ended(&self, plan: &Plan, task: u32, wait: Wait) -> bool {
        let depth = self.threads[task as usize].frames.len() as u32 - 1;
        let quiet = |source: usize| self.interrupts.host(source).is_none();
        let layout = &plan.deferred;
        match wait {
            Wait::Work(_) | Wait::DelayedWork(_) | Wait::Workqueue(_) => {
                !self.deferred.workqueues.flushes.is_waiting(task, depth)
            }
            Wait::KthreadWork(_) | Wait::KthreadWorker(_) => {
                !self.deferred.kthreads.flushes.is_waiting(task, depth)
            }
            Wait::Timer(timer) => quiet(layout.timers[timer as usize].source()),
            Wait::IrqWork(work) => {
                let source = layout.irq_works[work as usize].source();
                quiet(source) && !self.interrupts.is_pending(source)
            }
            Wait::Tasklet(tasklet) => {
                let source = layout.tasklets[tasklet as usize].source();
                let killer = self.deferred.tasklets[tasklet as usize].killer();
                let seized = killer == task || (killer == NONE && !self.interrupts.is_pending(source));
                seized && quiet(source)
            }
            Wait::Rcu => self.deferred.rcu.grace_period_is_over(task, depth),
            Wait::RcuBarrier => !self.deferred.rcu.is_at_barrier(task, depth),
            _ => false,
        }
    }

    /// So many waiters are awake as the completion was completed for.
    fn check_completions(&self) -> Holds {
        for (index, (done, waiters)) in self.sleep.completions().enumerate() {
            let asleep = |&&task: &&u32| {
                self.threads[task as usize].state == State::Blocked(Wait::Completion(index as u32))
            };
            let sleeping = waiters.iter().filter(asleep).count();
            let awake = waiters.len() - sleeping;
            let enough = sleeping == 0 || awake >= done as usize;
            holds!(enough, "completion {index}: done {done}, {awake} waiters awake, {sleeping} asleep");
        }
        Ok(())
    }
}
