//! RCU: grace periods and callbacks (`kernel/rcu/tree.c`).
//!
//! A grace period ends as early as it may: when the last reader has left that was inside when it was asked for.
//! That callbacks and waiters can be later than that is a matter of schedules.

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::deferred::{DeferredFrame, Then};
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::Source;
use crate::thread::State;
use crate::value::Value;
use crate::wait::Wait;

/// Grace periods and callbacks of a world.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Rcu {
    /// Callbacks and barriers, in the order of their calls.
    queue: Vec<Queued>,
    /// Who waits for the end of a grace period, and a reader that was inside when it began and still is.
    inside: Vec<(Waiter, u32)>,
}

/// Who waits for a grace period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Waiter {
    /// `synchronize_rcu()` at this depth of the context's stack.
    Task { task: u32, depth: u32 },
    /// A callback.
    Head(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Queued {
    Head(u32),
    /// A callback that is being run, always the front one. It can queue itself again.
    Running,
    /// `rcu_barrier()` at this depth of the context's stack.
    Barrier {
        task: u32,
        depth: u32,
    },
}

/// What never changes about RCU.
#[derive(Debug, Default)]
pub(crate) struct RcuLayout {
    /// What the validator knows readers by.
    pub(crate) map: u32,
    /// Index of the callbacks' interrupt source, if there are callbacks.
    source: Option<usize>,
    /// Function of each callback, and where it was declared.
    heads: Vec<(ProgramId, SiteId)>,
}

/// Callbacks being run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RcuFrame {
    /// The front callback is running.
    called: bool,
}

impl Clone for Rcu {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), inside: self.inside.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.queue.clone_from(&source.queue);
        self.inside.clone_from(&source.inside);
    }
}

impl Rcu {
    /// All readers have left that this `synchronize_rcu()` waits for.
    pub(crate) fn grace_period_is_over(&self, task: u32, depth: u32) -> bool {
        self.has_passed(Waiter::Task { task, depth })
    }

    /// This `rcu_barrier()` still has callbacks before it.
    pub(crate) fn is_at_barrier(&self, task: u32, depth: u32) -> bool {
        self.queue.contains(&Queued::Barrier { task, depth })
    }

    fn has_passed(&self, waiter: Waiter) -> bool {
        !self.inside.iter().any(|&(known, _)| known == waiter)
    }

    /// The front callback, if its grace period is over.
    fn due(&self) -> Option<u32> {
        match self.queue.first() {
            Some(&Queued::Head(head)) if self.has_passed(Waiter::Head(head)) => Some(head),
            _ => None,
        }
    }
}

impl Compiler {
    pub(crate) fn set_up_rcu(&mut self) {
        for id in &self.plan.by_kind[Kind::RcuHead as usize] {
            let object = &self.plan.scenario.objects[id.index()];
            if let ObjectKind::RcuHead { function } = object.kind {
                self.plan.deferred.rcu.heads.push((function, object.at));
            }
        }
        if !self.plan.deferred.rcu.heads.is_empty() {
            self.plan.deferred.rcu.source = Some(self.plan.sources.len());
            self.source(Source::Rcu);
        }
    }
}

impl Kernel<'_> {
    /// What the validator knows readers by.
    pub(crate) fn plan_rcu_map(&self) -> u32 {
        self.plan.deferred.rcu.map
    }

    pub(crate) fn rcu_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::SynchronizeRcu => self.synchronize_rcu(),
            Op::CallRcu => {
                if let Some(head) = self.object(call, 0) {
                    self.call_rcu(head);
                }
                Flow::Return(Value::Null)
            }
            Op::RcuBarrier => self.rcu_barrier(),
            other => panic!("engine bug: {other:?} is no operation on RCU"),
        }
    }

    fn synchronize_rcu(&mut self) -> Flow {
        self.might_sleep();
        let depth = self.me().frames.len() as u32;
        self.begin_grace_period(Waiter::Task { task: self.task, depth });
        self.until(Wait::Rcu, Then::Return(Value::Null))
    }

    fn call_rcu(&mut self, head: u32) {
        // The front one may be running: from then on it can be queued again, by its own function too.
        let source = self.plan.deferred.rcu.source;
        let running = source.is_some_and(|source| self.w.interrupts.host(source).is_some());
        let mut waiting = self.w.deferred.rcu.queue.iter().skip(usize::from(running));
        if waiting.any(|&queued| queued == Queued::Head(head)) {
            let object = Some(ObjectRef { kind: Kind::RcuHead, index: head });
            return self.broken("RF502", "call_rcu() for a callback that is queued already", object);
        }
        self.begin_grace_period(Waiter::Head(head));
        self.w.deferred.rcu.queue.push(Queued::Head(head));
        self.raise_rcu();
    }

    fn rcu_barrier(&mut self) -> Flow {
        self.might_sleep();
        let (task, depth) = (self.task, self.me().frames.len() as u32);
        if !self.w.deferred.rcu.queue.is_empty() {
            self.w.deferred.rcu.queue.push(Queued::Barrier { task, depth });
        }
        self.until(Wait::RcuBarrier, Then::Return(Value::Null))
    }

    fn begin_grace_period(&mut self, waiter: Waiter) {
        let readers = self.w.threads.iter().enumerate().filter(|(_, thread)| thread.rcu != 0);
        self.w.deferred.rcu.inside.extend(readers.map(|(reader, _)| (waiter, reader as u32)));
    }

    /// This context has left its outermost section.
    pub(crate) fn rcu_reader_left(&mut self) {
        let task = self.task;
        let rcu = &mut self.w.deferred.rcu;
        if !rcu.inside.iter().any(|&(_, reader)| reader == task) {
            return;
        }
        rcu.inside.retain(|&(_, reader)| reader != task);
        for task in 0..self.w.threads.len() as u32 {
            let thread = &self.w.threads[task as usize];
            let depth = (thread.frames.len() as u32).saturating_sub(1);
            if thread.state == State::Blocked(Wait::Rcu)
                && self.w.deferred.rcu.grace_period_is_over(task, depth)
            {
                self.w.set_state(task, State::Ready);
            }
        }
        self.raise_rcu();
    }

    /// Callbacks whose grace period is over are run in a soft interrupt.
    fn raise_rcu(&mut self) {
        if let Some(source) = self.plan.deferred.rcu.source
            && self.w.interrupts.host(source).is_none()
            && self.w.deferred.rcu.due().is_some()
        {
            self.w.interrupts.raise(source);
        }
    }

    pub(crate) fn serve_rcu(&mut self) -> Flow {
        self.call(Frame::Deferred(DeferredFrame::Rcu(RcuFrame { called: false })))
    }

    pub(crate) fn run_rcu(&mut self, frame: RcuFrame) -> Flow {
        if frame.called {
            self.w.deferred.rcu.queue.remove(0);
            self.pass_barriers();
        }
        let Some(head) = self.w.deferred.rcu.due() else { return Flow::Return(Value::Null) };
        let (function, at) = self.plan.deferred.rcu.heads[head as usize];
        self.w.deferred.rcu.queue[0] = Queued::Running;
        self.me().site = at;
        self.replace(Frame::Deferred(DeferredFrame::Rcu(RcuFrame { called: true })));
        self.call_program(function, &[])
    }

    fn pass_barriers(&mut self) {
        while let Some(&Queued::Barrier { task, .. }) = self.w.deferred.rcu.queue.first() {
            self.w.deferred.rcu.queue.remove(0);
            if self.w.threads[task as usize].state == State::Blocked(Wait::RcuBarrier) {
                self.w.set_state(task, State::Ready);
            }
        }
    }

    pub(crate) fn rcu_served(&mut self) {
        self.raise_rcu();
    }
}
