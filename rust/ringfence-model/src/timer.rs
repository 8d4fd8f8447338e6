//! Timers (`kernel/time/timer.c`). A function runs in soft interrupt context, under the timer's map, and never
//! twice at once.

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{AcquireFlags, ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::deferred::{DeferredFrame, Then};
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::{LockSort, Source};
use crate::time::{Timed, TimerId};
use crate::value::Value;
use crate::wait::Wait;

/// A timer. Between its expiry and its function it is a pending interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Timer {
    /// It is armed.
    due: Option<TimerId>,
}

/// What never changes about a timer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerLayout {
    map: u32,
    function: ProgramId,
    /// `TIMER_IRQSAFE`.
    irqsafe: bool,
    /// Index of its interrupt source.
    source: usize,
    /// Where it was declared.
    at: SiteId,
}

/// A timer's function, about to be called or called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TimerFrame {
    timer: u32,
    called: bool,
}

impl Timer {
    /// When it is due, if it is armed.
    pub(crate) fn due(&self) -> Option<TimerId> {
        self.due
    }
}

impl TimerLayout {
    /// Index of its interrupt source.
    pub(crate) fn source(&self) -> usize {
        self.source
    }
}

impl Compiler {
    pub(crate) fn set_up_timers(&mut self) {
        let mut classes: Vec<(ProgramId, u32)> = Vec::new();
        for (index, id) in self.plan.by_kind[Kind::Timer as usize].clone().into_iter().enumerate() {
            let object = &self.plan.scenario.objects[id.index()];
            let ObjectKind::Timer { function, irqsafe } = object.kind else { continue };
            let (name, at) = (format!("({})", object.name), object.at);
            // One timer_setup() has one class, and one function.
            let known = classes.iter().find(|(known, _)| *known == function).map(|&(_, class)| class);
            let class = known.unwrap_or_else(|| {
                let class = self.add_class(&name, LockSort::Map);
                classes.push((function, class));
                class
            });
            let map = self.lock_of_class(&name, class);
            let source = self.plan.sources.len();
            self.source(Source::Timer(index as u32));
            let layout = TimerLayout { map, function, irqsafe, source, at };
            self.plan.deferred.timers.push(layout);
            self.plan.initial.deferred.timers.push(Timer { due: None });
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn timer_op(&mut self, call: Call<'_>) -> Flow {
        let Some(timer) = self.object(call, 0) else { return Flow::Return(Value::Int(0)) };
        match call.op {
            Op::ModTimer => {
                let delay = self.int(call, 1);
                Flow::Return(Value::bool(self.mod_timer(timer, delay)))
            }
            Op::TimerDelete => Flow::Return(Value::bool(self.timer_delete(timer))),
            Op::TimerDeleteSync => self.timer_delete_sync(timer),
            other => panic!("engine bug: {other:?} is no operation on timers"),
        }
    }

    fn mod_timer(&mut self, timer: u32, delay: i64) -> bool {
        let was_pending = self.timer_delete(timer);
        let id = self.w.time.set(u64::try_from(delay).unwrap_or(0), Timed::Timer(timer));
        self.w.deferred.timers[timer as usize].due = Some(id);
        was_pending
    }

    /// Disarms the timer, or takes back its interrupt; false if neither was there.
    pub(crate) fn timer_delete(&mut self, timer: u32) -> bool {
        match self.w.deferred.timers[timer as usize].due.take() {
            Some(id) => self.w.time.cancel(id),
            None => self.w.interrupts.clear(self.plan.deferred.timers[timer as usize].source),
        }
    }

    fn timer_delete_sync(&mut self, timer: u32) -> Flow {
        let TimerLayout { map, irqsafe, .. } = self.plan.deferred.timers[timer as usize];
        let irqs_on = self.irqs_on();
        self.irq_disable();
        self.touch_map(map);
        self.irq_restore(irqs_on);
        if self.me().hardirq != 0 && !irqsafe {
            let object = Some(ObjectRef { kind: Kind::Timer, index: timer });
            self.broken("RF610", "timer_delete_sync() in a hard interrupt", object);
        }
        if self.timer_host(timer) == Some(self.task) {
            self.waits_for_itself("a timer's function waits for its own end", Kind::Timer, timer);
        }
        self.until(Wait::Timer(timer), Then::DeleteTimer(timer))
    }

    /// The context on which the timer's function runs.
    pub(crate) fn timer_host(&self, timer: u32) -> Option<u32> {
        self.w.interrupts.host(self.plan.deferred.timers[timer as usize].source)
    }

    pub(crate) fn timer_expires(&mut self, timer: u32) {
        self.w.deferred.timers[timer as usize].due = None;
        self.w.interrupts.raise(self.plan.deferred.timers[timer as usize].source);
    }

    pub(crate) fn serve_timer(&mut self, timer: u32) -> Flow {
        self.call(Frame::Deferred(DeferredFrame::Timer(TimerFrame { timer, called: false })))
    }

    pub(crate) fn run_timer(&mut self, frame: TimerFrame) -> Flow {
        let TimerFrame { timer, called } = frame;
        let TimerLayout { map, function, irqsafe, at, .. } = self.plan.deferred.timers[timer as usize];
        if called {
            self.lock_release(map);
            if irqsafe {
                self.irq_enable();
            }
            return Flow::Return(Value::Null);
        }
        self.me().site = at;
        if irqsafe {
            self.irq_disable();
        }
        self.lock_acquire(map, AcquireFlags::default());
        self.replace(Frame::Deferred(DeferredFrame::Timer(TimerFrame { timer, called: true })));
        self.call_program(function, &[])
    }

    pub(crate) fn timer_served(&mut self, timer: u32) {
        self.wake(|wait| wait == Wait::Timer(timer));
    }
}
