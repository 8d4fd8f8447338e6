//! Contexts that run later: workqueues, kthread workers, timers, interrupts, tasklets, `irq_work`, RCU callbacks.
//! Each has a file; this one has what they share: waiting until something under way has ended, and looking whether
//! a function left its context as it found it.

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{AcquireFlags, EventKind, ObjectRef};

use crate::compile::Compiler;
use crate::frame::{Flow, Frame};
use crate::irq::{IrqLayout, IrqThread, IrqThreadFrame};
use crate::irq_work::IrqWorkLayout;
use crate::kernel::{Call, Kernel};
use crate::kthread_worker::{KthreadFrame, KthreadLayout, KthreadWorkers};
use crate::kworker::KworkerFrame;
use crate::plan::class;
use crate::rcu::{Rcu, RcuFrame, RcuLayout};
use crate::tasklet::{Tasklet, TaskletLayout};
use crate::timer::{Timer, TimerFrame, TimerLayout};
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::value::Value;
use crate::wait::Wait;
use crate::workqueue::{WorkqueueLayout, Workqueues};

tracked! {
    /// Everything that runs later, of a world.
    pub(crate) struct Deferred {
        /// Works, their queues and workers.
        pub(crate) workqueues: Workqueues,
        /// Kthread workers and their works.
        pub(crate) kthreads: KthreadWorkers,
        /// Timers.
        pub(crate) timers: SharedList<Timer>,
        /// Threaded handlers, one per interrupt line.
        pub(crate) irq_threads: SharedList<IrqThread>,
        /// Tasklets.
        pub(crate) tasklets: SharedList<Tasklet>,
        /// Grace periods and callbacks.
        pub(crate) rcu: Shared<Rcu>,
    }
}

/// What never changes while a plan runs: validator maps, functions, contexts, interrupt sources.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) workqueues: WorkqueueLayout,
    pub(crate) kthreads: KthreadLayout,
    pub(crate) timers: Vec<TimerLayout>,
    pub(crate) irqs: Vec<IrqLayout>,
    pub(crate) tasklets: Vec<TaskletLayout>,
    pub(crate) irq_works: Vec<IrqWorkLayout>,
    pub(crate) rcu: RcuLayout,
}

/// Frames of what runs later, and of those who wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum DeferredFrame {
    /// A worker of a workqueue.
    Kworker(KworkerFrame),
    /// A kthread worker.
    Kthread(KthreadFrame),
    /// A timer's function.
    Timer(TimerFrame),
    /// A threaded interrupt handler.
    IrqThread(IrqThreadFrame),
    /// RCU callbacks.
    Rcu(RcuFrame),
    /// Waiting until something has ended.
    Until(UntilFrame),
}

/// Waiting until something under way has ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct UntilFrame {
    wait: Wait,
    then: Then,
}

/// What is left to do after a wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Then {
    /// Nothing; this is the result.
    Return(Value),
    /// `cancel_work_sync()`: the work can be queued again.
    EnableWork {
        work: u32,
        /// It was pending.
        pending: bool,
    },
    /// `kthread_cancel_work_sync()`: likewise.
    EnableKthreadWork {
        work: u32,
        /// It was pending.
        pending: bool,
    },
    /// `timer_delete_sync()`: the function may have armed the timer again.
    DeleteTimer(u32),
    /// `tasklet_kill()`: the tasklet can be scheduled again.
    ReleaseTasklet(u32),
}

/// How deep a context is in everything that a function has to leave as it found it; the default is a thread that
/// begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Depths {
    held: u32,
    sections: u32,
    preempt: u32,
    bh_off: u32,
    rcu: u32,
    irqs_off: bool,
}

impl Compiler {
    pub(crate) fn set_up_deferred(&mut self) {
        self.plan.deferred.rcu.map = self.lock_of_class("rcu_read_lock", class::RCU);
        self.set_up_workqueues();
        self.set_up_kthread_workers();
        self.set_up_timers();
        self.set_up_irqs();
        self.set_up_tasklets();
        self.set_up_irq_works();
        self.set_up_rcu();
    }
}

impl Kernel<'_> {
    pub(crate) fn deferred_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::QueueWork
            | Op::FlushWork
            | Op::CancelWork
            | Op::CancelWorkSync
            | Op::FlushWorkqueue
            | Op::QueueDelayedWork
            | Op::ModDelayedWork
            | Op::FlushDelayedWork
            | Op::CancelDelayedWork
            | Op::CancelDelayedWorkSync => self.workqueue_op(call),
            Op::KthreadQueueWork
            | Op::KthreadFlushWork
            | Op::KthreadCancelWorkSync
            | Op::KthreadFlushWorker => self.kthread_worker_op(call),
            Op::ModTimer | Op::TimerDelete | Op::TimerDeleteSync => self.timer_op(call),
            Op::TaskletSchedule | Op::TaskletKill => self.tasklet_op(call),
            Op::IrqWorkQueue | Op::IrqWorkSync => self.irq_work_op(call),
            Op::RaiseIrq | Op::DisableIrq | Op::DisableIrqNosync | Op::EnableIrq | Op::SynchronizeIrq => {
                self.irq_op(call)
            }
            other => panic!("engine bug: {other:?} defers nothing"),
        }
    }

    pub(crate) fn run_deferred(&mut self, frame: DeferredFrame) -> Flow {
        match frame {
            DeferredFrame::Kworker(frame) => self.run_kworker(frame),
            DeferredFrame::Kthread(frame) => self.run_kthread_worker(frame),
            DeferredFrame::Timer(frame) => self.run_timer(frame),
            DeferredFrame::IrqThread(frame) => self.run_irq_thread(frame),
            DeferredFrame::Rcu(frame) => self.run_rcu(frame),
            DeferredFrame::Until(frame) => self.run_until(frame),
        }
    }

    /// Waits until `wait` is over, then does what is left.
    pub(crate) fn until(&mut self, wait: Wait, then: Then) -> Flow {
        let depth = self.me().frames.len() as u32;
        if self.is_over(wait, depth) {
            return self.then(then);
        }
        self.call(Frame::Deferred(DeferredFrame::Until(UntilFrame { wait, then })))
    }

    fn run_until(&mut self, frame: UntilFrame) -> Flow {
        let depth = self.me().frames.len() as u32 - 1;
        if !self.is_over(frame.wait, depth) {
            return Flow::Block(frame.wait);
        }
        // Going on is a step of its own.
        self.stepped = true;
        self.then(frame.then)
    }

    /// Whether this context, whose wait stands at `depth` on its stack, can go on.
    fn is_over(&mut self, wait: Wait, depth: u32) -> bool {
        let task = self.task;
        match wait {
            Wait::Work(_) | Wait::DelayedWork(_) | Wait::Workqueue(_) => {
                !self.w.deferred.workqueues.flushes.is_waiting(task, depth)
            }
            Wait::KthreadWork(_) | Wait::KthreadWorker(_) => {
                !self.w.deferred.kthreads.flushes.is_waiting(task, depth)
            }
            Wait::Timer(timer) => self.timer_host(timer).is_none(),
            Wait::Irq(irq) => self.irq_is_quiet(irq),
            Wait::Tasklet(tasklet) => self.seize_tasklet(tasklet),
            Wait::IrqWork(work) => self.irq_work_is_quiet(work),
            Wait::Rcu => self.w.deferred.rcu.grace_period_is_over(task, depth),
            Wait::RcuBarrier => !self.w.deferred.rcu.is_at_barrier(task, depth),
            other => panic!("engine bug: {other:?} is no wait for something that runs later"),
        }
    }

    fn then(&mut self, then: Then) -> Flow {
        Flow::Return(match then {
            Then::Return(value) => value,
            Then::EnableWork { work, pending } => {
                self.w.deferred.workqueues.enable(work);
                Value::bool(pending)
            }
            Then::EnableKthreadWork { work, pending } => {
                self.w.deferred.kthreads.enable(work);
                Value::bool(pending)
            }
            Then::DeleteTimer(timer) => Value::bool(self.timer_delete(timer)),
            Then::ReleaseTasklet(tasklet) => {
                self.release_tasklet(tasklet);
                Value::Null
            }
        })
    }

    /// Whoever waits for its own end waits for ever.
    pub(crate) fn waits_for_itself(&mut self, what: &'static str, kind: Kind, index: u32) {
        self.broken("RF615", what, Some(ObjectRef { kind, index }));
    }

    /// The validator is told that something is waited for under which functions hold this map.
    pub(crate) fn touch_map(&mut self, map: u32) {
        self.lock_acquire(map, AcquireFlags::default());
        self.lock_release(map);
    }

    pub(crate) fn depths(&mut self) -> Depths {
        let thread = self.me();
        Depths {
            held: thread.held.len() as u32,
            sections: thread.sections.len() as u32,
            preempt: thread.preempt,
            bh_off: thread.bh_off,
            rcu: thread.rcu,
            irqs_off: thread.irqs_off,
        }
    }

    /// Ends the section in which strict mode has put a function that began like this.
    pub(crate) fn end_strict_section(&mut self, before: Depths) {
        let sections = &mut self.me().sections;
        if sections.len() > before.sections as usize {
            sections.remove(before.sections as usize);
            self.emit(EventKind::EndSignalling);
        }
    }

    /// A function that began like this has returned: reports what it left behind, and cleans up as far as the
    /// kernel does, for the sake of what its context was doing before.
    pub(crate) fn check_depths(&mut self, before: Depths) {
        let now = self.depths();
        if now == before {
            return;
        }
        if now.sections != before.sections {
            self.broken("RF204", "a signalling section is still open when the function returns", None);
        }
        if now.held != before.held {
            // Its preemption goes with the lock.
            let kept = self.me().held.last().map(|held| held.lock);
            let kept =
                kept.filter(|_| now.held > before.held).map(|index| ObjectRef { kind: Kind::Mutex, index });
            return self.broken("RF613", "a lock is still held when the function returns", kept);
        }
        if now.preempt != before.preempt || now.bh_off != before.bh_off {
            self.broken("RF614", "preemption count is not what it was before the function", None);
            self.restore_preemption(before);
        }
        if now.rcu != before.rcu {
            self.broken("RF614", "RCU nesting is not what it was before the function", None);
        }
        if now.irqs_off != before.irqs_off {
            self.broken("RF614", "interrupts are not as they were before the function", None);
            if before.irqs_off {
                self.irq_disable();
            } else {
                self.irq_enable();
            }
        }
    }

    fn restore_preemption(&mut self, before: Depths) {
        while self.me().preempt > before.preempt {
            self.me().preempt -= 1;
            self.emit(EventKind::PreemptEnable);
        }
        while self.me().preempt < before.preempt {
            self.me().preempt += 1;
            self.emit(EventKind::PreemptDisable);
        }
        while self.me().bh_off > before.bh_off {
            self.me().bh_off -= 1;
            self.emit(EventKind::BhEnable);
        }
        while self.me().bh_off < before.bh_off {
            self.me().bh_off += 1;
            self.emit(EventKind::BhDisable);
        }
    }
}
