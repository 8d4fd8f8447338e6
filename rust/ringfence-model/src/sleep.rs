//! Completions, wait queues and sleeping (`kernel/sched/completion.c`, `include/linux/wait.h`).

use ringfence_base::scenario::Op;

use crate::compile::Compiler;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::thread::State;
use crate::time::{Timed, TimerId};
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::value::Value;
use crate::wait::Wait;
use ringfence_base::ObjectRef;
use ringfence_base::errno::ERESTARTSYS;
use ringfence_base::scenario::{Kind, ObjectKind};

tracked! {
    /// Completions and wait queues of a world.
    pub(crate) struct Sleepers {
        completions: SharedList<Completion>,
        /// Wait queues: nothing is known of one but who wakes it and who looks whether it was woken.
        queues: SharedList<()>,
    }
}

/// A completion.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Completion {
    /// `done`; [`COMPLETE_ALL`] for good.
    done: u32,
    /// Who waits, longest first.
    waiters: Vec<u32>,
}

/// `complete_all()` was called.
const COMPLETE_ALL: u32 = u32::MAX;

impl Clone for Completion {
    fn clone(&self) -> Self {
        Self { done: self.done, waiters: self.waiters.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.done = source.done;
        self.waiters.clone_from(&source.waiters);
    }
}

/// Waiting for something that somebody else does, perhaps for a limited time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SleepFrame {
    what: What,
    interruptible: bool,
    /// When the wait is over at the latest.
    timeout: Option<TimerId>,
}

impl SleepFrame {
    /// When the wait is over at the latest.
    pub(crate) fn timeout(&self) -> Option<TimerId> {
        self.timeout
    }
}

impl Sleepers {
    /// What each completion was completed for, and who waits for it.
    pub(crate) fn completions(&self) -> impl Iterator<Item = (u32, &[u32])> {
        self.completions.iter().map(|completion| (completion.done, completion.waiters.as_slice()))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum What {
    Completion(u32),
    Event { queue: u32, cell: u32, at_least: i64 },
    Time,
}

impl Compiler {
    pub(crate) fn set_up_sleep(&mut self) {
        for _ in self.names_of(Kind::Completion) {
            self.plan.initial.sleep.completions.push(Completion { done: 0, waiters: Vec::new() });
        }
        let queues = self.names_of(Kind::WaitQueue).len();
        self.plan.initial.sleep.queues.all_mut().resize(queues, ());
        for id in &self.plan.by_kind[Kind::Cell as usize] {
            if let ObjectKind::Cell { init } = self.plan.scenario.objects[id.index()].kind {
                self.plan.initial.cells.push(init);
            }
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn sleep_op(&mut self, call: Call<'_>) -> Flow {
        const NOTHING: Flow = Flow::Return(Value::Null);
        if matches!(call.op, Op::Msleep | Op::Udelay) {
            return self.delay(call);
        }
        let Some(object) = self.object(call, 0) else { return NOTHING };
        let completion = What::Completion(object);
        match call.op {
            Op::WaitForCompletion => self.sleep_on(completion, false, None),
            Op::WaitForCompletionInterruptible => self.sleep_on(completion, true, None),
            Op::WaitForCompletionTimeout => {
                let timeout = self.int(call, 1);
                self.sleep_on(completion, false, Some(timeout))
            }
            Op::TryWaitForCompletion => Flow::Return(Value::bool(self.take_completion(object))),
            Op::Complete => {
                self.complete(object);
                NOTHING
            }
            Op::CompleteAll => {
                self.w.sleep.completions[object as usize].done = COMPLETE_ALL;
                self.wake(|wait| wait == Wait::Completion(object));
                NOTHING
            }
            Op::ReinitCompletion => {
                self.w.sleep.completions[object as usize].done = 0;
                NOTHING
            }
            Op::WakeUp => {
                self.w.sleep.queues.mark_written(object as usize);
                self.wake(|wait| wait == Wait::WaitQueue(object));
                NOTHING
            }
            Op::WaitEvent | Op::WaitEventTimeout | Op::WaitEventInterruptible => {
                let Some(cell) = self.object(call, 1) else { return NOTHING };
                let what = What::Event { queue: object, cell, at_least: self.int(call, 2) };
                let timeout = (call.op == Op::WaitEventTimeout).then(|| self.int(call, 3));
                self.sleep_on(what, call.op == Op::WaitEventInterruptible, timeout)
            }
            other => panic!("engine bug: {other:?} is no operation on waiting primitives"),
        }
    }

    fn delay(&mut self, call: Call<'_>) -> Flow {
        let duration = self.int(call, 0);
        if call.op == Op::Msleep {
            self.might_sleep();
        }
        if duration <= 0 {
            return Flow::Return(Value::Null);
        }
        self.sleep_frame(What::Time, false, Some(duration))
    }

    fn sleep_on(&mut self, what: What, interruptible: bool, timeout: Option<i64>) -> Flow {
        self.might_sleep();
        if timeout.is_none_or(|timeout| timeout == i64::MAX) {
            self.check_bounded(what);
        }
        if self.has_come(what) {
            return Flow::Return(left(timeout.map(|timeout| timeout.max(1)), interruptible));
        }
        if timeout.is_some_and(|timeout| timeout <= 0) {
            return Flow::Return(Value::Int(0));
        }
        if interruptible && self.interrupted() {
            return Flow::Return(Value::errno(ERESTARTSYS));
        }
        if let What::Completion(completion) = what {
            let task = self.task;
            self.w.sleep.completions[completion as usize].waiters.push(task);
        }
        self.sleep_frame(what, interruptible, timeout)
    }

    /// Others wait for the fence that a signalling section is about, and fences alone are sure to come.
    fn check_bounded(&mut self, what: What) {
        if self.me().sections.is_empty() {
            return;
        }
        let (kind, index) = match what {
            What::Completion(completion) => (Kind::Completion, completion),
            What::Event { queue, .. } => (Kind::WaitQueue, queue),
            What::Time => return,
        };
        let what = "a wait without a timeout inside a signalling section";
        self.broken("RF304", what, Some(ObjectRef { kind, index }));
    }

    fn sleep_frame(&mut self, what: What, interruptible: bool, timeout: Option<i64>) -> Flow {
        let timeout = timeout.filter(|&timeout| timeout != i64::MAX);
        let timeout = timeout.map(|timeout| self.set_timeout(timeout));
        self.call(Frame::Sleep(SleepFrame { what, interruptible, timeout }))
    }

    /// This context looks again after that many nanoseconds, whatever it waits for.
    pub(crate) fn set_timeout(&mut self, timeout: i64) -> TimerId {
        let task = self.task;
        self.w.time.set(u64::try_from(timeout).unwrap_or(0), Timed::Wake(task))
    }

    /// What is left of a timeout, at least 1; `None` if it has run out. The timeout is cancelled.
    pub(crate) fn time_left(&mut self, timeout: TimerId) -> Option<i64> {
        let left = timeout.due().saturating_sub(*self.w.time.now);
        self.w.time.cancel(timeout).then(|| i64::try_from(left).unwrap_or(i64::MAX).max(1))
    }

    fn has_come(&mut self, what: What) -> bool {
        match what {
            What::Completion(completion) => self.take_completion(completion),
            What::Event { queue, cell, at_least } => {
                let come = self.w.cells[cell as usize] >= at_least;
                if !come {
                    self.w.sleep.queues.mark_read(queue as usize);
                }
                come
            }
            What::Time => false,
        }
    }

    fn take_completion(&mut self, completion: u32) -> bool {
        let done = &mut self.w.sleep.completions[completion as usize].done;
        match *done {
            0 => false,
            COMPLETE_ALL => true,
            _ => {
                *done -= 1;
                true
            }
        }
    }

    fn complete(&mut self, completion: u32) {
        let entry = &mut self.w.sleep.completions[completion as usize];
        if entry.done != COMPLETE_ALL {
            entry.done += 1;
        }
        let first = entry.waiters.iter().copied().find(|&task| {
            self.w.threads[task as usize].state == State::Blocked(Wait::Completion(completion))
        });
        if let Some(task) = first {
            self.w.set_state(task, State::Ready);
        }
    }

    pub(crate) fn run_sleep(&mut self, frame: SleepFrame) -> Flow {
        let SleepFrame { what, interruptible, timeout } = frame;
        if self.has_come(what) {
            let timeout = timeout.map(|timeout| self.time_left(timeout).unwrap_or(1));
            return self.awake(what, left(timeout, interruptible));
        }
        if let Some(timeout) = timeout
            && !self.w.time.is_set(timeout)
        {
            return self.awake(what, Value::Int(0));
        }
        if interruptible && self.signal_pending() {
            timeout.map(|timeout| self.w.time.cancel(timeout));
            return self.awake(what, Value::errno(ERESTARTSYS));
        }
        Flow::Block(match what {
            What::Completion(completion) => Wait::Completion(completion),
            What::Event { queue, .. } => Wait::WaitQueue(queue),
            What::Time => Wait::Sleep,
        })
    }

    /// The wait is over; going on is a step of its own.
    fn awake(&mut self, what: What, result: Value) -> Flow {
        if let What::Completion(completion) = what {
            let task = self.task;
            let waiters = &mut self.w.sleep.completions[completion as usize].waiters;
            // An interrupt that waits as well, which it must not, is on the list behind what it interrupted.
            if let Some(position) = waiters.iter().rposition(|&waiter| waiter == task) {
                waiters.remove(position);
            }
        }
        self.stepped = true;
        Flow::Return(result)
    }
}

/// Result of a wait that ended well: what is left of the timeout, or 0 for those that return an errno.
fn left(timeout: Option<i64>, interruptible: bool) -> Value {
    match timeout {
        Some(left) => Value::Int(left),
        None if interruptible => Value::Int(0),
        None => Value::Null,
    }
}
