//! Kthread workers: one thread each, works in order (`kthread_worker_fn()` in `kernel/kthread.c`).
//!
//! The validator knows nothing of them: there are no maps as for workqueues.

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::deferred::{DeferredFrame, Depths, Then};
use crate::flush::{Ended, Flushes};
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::{ContextKind, Plan};
use crate::thread::{NONE, State};
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::value::Value;
use crate::wait::Wait;

tracked! {
    /// Kthread workers and works of a world.
    pub(crate) struct KthreadWorkers {
        workers: SharedList<Worker>,
        works: SharedList<Work>,
        pub(crate) flushes: Shared<Flushes>,
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Worker {
    /// Works not begun yet, longest first.
    waiting: Vec<u32>,
    /// The work it runs; [`NONE`].
    current: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Work {
    /// The worker it was queued on last; [`NONE`]: never.
    worker: u32,
    queued: bool,
    /// Synchronous cancellations in progress: it can't be queued.
    canceling: u32,
}

/// What never changes about kthread workers and works.
#[derive(Debug, Default)]
pub(crate) struct KthreadLayout {
    /// The context of each worker.
    tasks: Vec<u32>,
    /// The function of each work, and where it was declared.
    works: Vec<(ProgramId, SiteId)>,
}

impl KthreadLayout {
    /// The context of a worker.
    pub(crate) fn task(&self, worker: u32) -> u32 {
        self.tasks[worker as usize]
    }

    /// The function of a work.
    pub(crate) fn function(&self, work: u32) -> ProgramId {
        self.works[work as usize].0
    }
}

impl KthreadWorkers {
    /// Works that a worker has not begun yet.
    pub(crate) fn queued(&self, worker: u32) -> &[u32] {
        &self.workers[worker as usize].waiting
    }

    /// How many workers there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// The work that a worker runs; [`NONE`].
    pub(crate) fn current(&self, worker: u32) -> u32 {
        self.workers[worker as usize].current
    }

    /// How many works are queued.
    pub(crate) fn count_queued(&self) -> usize {
        self.works.iter().filter(|work| work.queued).count()
    }

    /// The context of the worker that a work was queued on last.
    pub(crate) fn task_of_work(&self, plan: &Plan, work: u32) -> Vec<u32> {
        match self.works[work as usize].worker {
            NONE => Vec::new(),
            worker => vec![plan.deferred.kthreads.task(worker)],
        }
    }
}

/// A kthread worker at work.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct KthreadFrame {
    worker: u32,
    /// What the context looked like when it called the work's function; `None`: it has not taken a work yet.
    called: Option<Depths>,
}

impl Clone for Worker {
    fn clone(&self) -> Self {
        Self { waiting: self.waiting.clone(), current: self.current }
    }

    fn clone_from(&mut self, source: &Self) {
        self.waiting.clone_from(&source.waiting);
        self.current = source.current;
    }
}

impl KthreadWorkers {
    /// A cancellation is over: the work can be queued again.
    pub(crate) fn enable(&mut self, work: u32) {
        self.works[work as usize].canceling -= 1;
    }
}

impl Compiler {
    pub(crate) fn set_up_kthread_workers(&mut self) {
        for (index, name) in self.names_of(Kind::KthreadWorker).into_iter().enumerate() {
            let task = self.context(name, ContextKind::KthreadWorker(index as u32));
            self.plan.deferred.kthreads.tasks.push(task);
            let worker = Worker { waiting: Vec::new(), current: NONE };
            self.plan.initial.deferred.kthreads.workers.push(worker);
        }
        for id in &self.plan.by_kind[Kind::KthreadWork as usize] {
            let object = &self.plan.scenario.objects[id.index()];
            if let ObjectKind::KthreadWork { function } = object.kind {
                self.plan.deferred.kthreads.works.push((function, object.at));
                let work = Work { worker: NONE, queued: false, canceling: 0 };
                self.plan.initial.deferred.kthreads.works.push(work);
            }
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn kthread_worker_op(&mut self, call: Call<'_>) -> Flow {
        let Some(first) = self.object(call, 0) else { return Flow::Return(Value::Null) };
        match call.op {
            Op::KthreadQueueWork => {
                let Some(work) = self.object(call, 1) else { return Flow::Return(Value::Int(0)) };
                Flow::Return(Value::bool(self.kthread_queue_work(first, work)))
            }
            Op::KthreadFlushWork => {
                if self.start_kthread_flush(first) {
                    self.might_sleep();
                }
                self.until(Wait::KthreadWork(first), Then::Return(Value::Null))
            }
            Op::KthreadCancelWorkSync => self.kthread_cancel_work_sync(first),
            Op::KthreadFlushWorker => self.kthread_flush_worker(first),
            other => panic!("engine bug: {other:?} is no operation on kthread workers"),
        }
    }

    fn kthread_queue_work(&mut self, worker: u32, work: u32) -> bool {
        let kthreads = &mut self.w.deferred.kthreads;
        let entry = &mut kthreads.works[work as usize];
        if entry.queued || entry.canceling != 0 {
            return false;
        }
        let other = entry.worker != NONE && entry.worker != worker;
        (entry.worker, entry.queued) = (worker, true);
        kthreads.workers[worker as usize].waiting.push(work);
        self.wake_kthread_worker(worker);
        if other {
            let object = Some(ObjectRef { kind: Kind::KthreadWork, index: work });
            self.broken("RF615", "a kthread work is queued on a second worker", object);
        }
        true
    }

    fn wake_kthread_worker(&mut self, worker: u32) {
        let task = self.plan.deferred.kthreads.tasks[worker as usize];
        if self.w.threads[task as usize].state == State::Idle {
            let frame = KthreadFrame { worker, called: None };
            self.w.threads[task as usize].frames.push(Frame::Deferred(DeferredFrame::Kthread(frame)));
            self.w.set_state(task, State::Ready);
        }
    }

    /// Begins to wait for the work; false if there is nothing to wait for.
    fn start_kthread_flush(&mut self, work: u32) -> bool {
        let kthreads = &self.w.deferred.kthreads;
        let Work { worker, queued, .. } = kthreads.works[work as usize];
        if worker == NONE {
            return false;
        }
        let runs = kthreads.workers[worker as usize].current == work;
        if !queued && !runs {
            return false;
        }
        let own = self.plan.deferred.kthreads.tasks[worker as usize] == self.task;
        if !queued && own {
            self.waits_for_itself("a kthread work waits for its own end", Kind::KthreadWork, work);
        }
        let waiter = (self.task, self.me().frames.len() as u32);
        let instance = if queued { NONE } else { worker };
        self.w.deferred.kthreads.flushes.wait_for(waiter, work, instance);
        true
    }

    fn kthread_cancel_work_sync(&mut self, work: u32) -> Flow {
        let Work { worker, queued, .. } = self.w.deferred.kthreads.works[work as usize];
        if queued {
            self.w.deferred.kthreads.works[work as usize].queued = false;
            self.w.deferred.kthreads.workers[worker as usize].waiting.retain(|&waiting| waiting != work);
            self.end_kthread_flushes(work, NONE);
            self.dismiss_kthread_worker(worker);
        }
        self.w.deferred.kthreads.works[work as usize].canceling += 1;
        if self.start_kthread_flush(work) {
            self.might_sleep();
        }
        self.until(Wait::KthreadWork(work), Then::EnableKthreadWork { work, pending: queued })
    }

    fn kthread_flush_worker(&mut self, worker: u32) -> Flow {
        self.might_sleep();
        let waiter = (self.task, self.me().frames.len() as u32);
        let KthreadWorkers { workers, flushes, .. } = &mut self.w.deferred.kthreads;
        let Worker { waiting, current } = &workers[worker as usize];
        for &work in waiting {
            flushes.wait_for(waiter, work, NONE);
        }
        if *current != NONE {
            flushes.wait_for(waiter, *current, worker);
        }
        if self.plan.deferred.kthreads.tasks[worker as usize] == self.task {
            self.waits_for_itself("a kthread work flushes its own worker", Kind::KthreadWorker, worker);
        }
        self.until(Wait::KthreadWorker(worker), Then::Return(Value::Null))
    }

    fn end_kthread_flushes(&mut self, work: u32, worker: u32) {
        while let Some(ended) = self.w.deferred.kthreads.flushes.pop_ended(work, worker) {
            if let Ended::Wakes(task) = ended
                && matches!(self.w.threads[task as usize].state, State::Blocked(_))
            {
                self.w.set_state(task, State::Ready);
            }
        }
    }

    /// If the worker was about to take a work that is gone, it idles again. One that serves an interrupt, which it
    /// can do if a work left a spinlock with it, sees that when it goes on.
    fn dismiss_kthread_worker(&mut self, worker: u32) {
        let Worker { waiting, current } = &self.w.deferred.kthreads.workers[worker as usize];
        let task = self.plan.deferred.kthreads.tasks[worker as usize];
        let interrupted = self.w.threads[task as usize].frames.len() > 1;
        if waiting.is_empty() && *current == NONE && !interrupted {
            self.let_kthread_worker_idle(worker);
        }
    }

    fn let_kthread_worker_idle(&mut self, worker: u32) {
        let task = self.plan.deferred.kthreads.tasks[worker as usize];
        self.w.threads[task as usize].frames.pop();
        self.w.set_state(task, State::Idle);
    }

    pub(crate) fn run_kthread_worker(&mut self, frame: KthreadFrame) -> Flow {
        let KthreadFrame { worker, called } = frame;
        let entry = &mut self.w.deferred.kthreads.workers[worker as usize];
        if let Some(depths) = called {
            let work = std::mem::replace(&mut entry.current, NONE);
            let idle = entry.waiting.is_empty();
            self.check_depths(depths);
            self.end_kthread_flushes(work, worker);
            if idle {
                self.let_kthread_worker_idle(worker);
            } else {
                let next = KthreadFrame { worker, called: None };
                self.replace(Frame::Deferred(DeferredFrame::Kthread(next)));
            }
            return Flow::Yield;
        }
        if entry.waiting.is_empty() {
            self.let_kthread_worker_idle(worker);
            return Flow::Yield;
        }
        let work = entry.waiting.remove(0);
        entry.current = work;
        self.w.deferred.kthreads.works[work as usize].queued = false;
        self.w.deferred.kthreads.flushes.started(work, worker);
        let (function, at) = self.plan.deferred.kthreads.works[work as usize];
        self.me().site = at;
        // Taking the work is a step of its own: from here on it can be queued again.
        self.stepped = true;
        let called = Some(self.depths());
        self.replace(Frame::Deferred(DeferredFrame::Kthread(KthreadFrame { worker, called })));
        self.call_program(function, &[])
    }
}
