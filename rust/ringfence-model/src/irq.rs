//! Interrupt lines and their handlers, threaded ones included (`kernel/irq/{manage,handle}.c`).

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::deferred::{DeferredFrame, Depths, Then};
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::plan::{ContextKind, Source};
use crate::thread::State;
use crate::value::Value;
use crate::wait::Wait;

/// The threaded handler of an interrupt line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IrqThread {
    /// The hard handler has woken it, and it has not begun yet (`IRQTF_RUNTHREAD`).
    wanted: bool,
    running: bool,
}

/// What never changes about an interrupt line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IrqLayout {
    /// Index of its interrupt source.
    source: usize,
    handler: Option<ProgramId>,
    /// The threaded handler and its context.
    thread: Option<(ProgramId, u32)>,
    /// Where it was declared.
    at: SiteId,
}

/// A threaded handler, about to be called or called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IrqThreadFrame {
    irq: u32,
    /// What the context looked like when it called the handler.
    called: Option<Depths>,
}

impl IrqLayout {
    /// Index of its interrupt source.
    pub(crate) fn source(&self) -> usize {
        self.source
    }

    /// The context of its threaded handler.
    pub(crate) fn thread_task(&self) -> Option<u32> {
        self.thread.map(|(_, task)| task)
    }

    /// Without a hard handler there is nobody to quieten the device: the line stays masked until the thread is
    /// done (`IRQF_ONESHOT`).
    fn is_oneshot(self) -> bool {
        self.handler.is_none() && self.thread.is_some()
    }
}

impl Compiler {
    pub(crate) fn set_up_irqs(&mut self) {
        for (index, id) in self.plan.by_kind[Kind::Irq as usize].clone().into_iter().enumerate() {
            let object = &self.plan.scenario.objects[id.index()];
            let ObjectKind::Irq { handler, thread } = object.kind else { continue };
            let (name, at) = (format!("irq/{index}-{}", object.name), object.at);
            let source = self.plan.sources.len();
            self.source(Source::Irq(index as u32));
            let thread =
                thread.map(|thread| (thread, self.context(name, ContextKind::IrqThread(index as u32))));
            self.plan.deferred.irqs.push(IrqLayout { source, handler, thread, at });
            self.plan.initial.deferred.irq_threads.push(IrqThread { wanted: false, running: false });
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn irq_op(&mut self, call: Call<'_>) -> Flow {
        let nothing = Flow::Return(Value::Null);
        let Some(irq) = self.object(call, 0) else { return nothing };
        let source = self.plan.deferred.irqs[irq as usize].source;
        match call.op {
            Op::RaiseIrq => self.raise_irq(irq),
            Op::DisableIrqNosync => self.w.interrupts.disable(source),
            Op::EnableIrq => {
                if !self.w.interrupts.enable(source) {
                    let object = Some(ObjectRef { kind: Kind::Irq, index: irq });
                    self.broken("RF614", "enable_irq() without disable_irq()", object);
                }
            }
            Op::DisableIrq => {
                self.w.interrupts.disable(source);
                return self.synchronize_irq(irq);
            }
            Op::SynchronizeIrq => return self.synchronize_irq(irq),
            other => panic!("engine bug: {other:?} is no operation on interrupts"),
        }
        nothing
    }

    /// A device raises its interrupt. Twice before it arrives is once.
    pub(crate) fn raise_irq(&mut self, irq: u32) {
        self.w.interrupts.raise(self.plan.deferred.irqs[irq as usize].source);
    }

    fn synchronize_irq(&mut self, irq: u32) -> Flow {
        self.might_sleep();
        let IrqLayout { source, thread, .. } = self.plan.deferred.irqs[irq as usize];
        let own_thread = thread.is_some_and(|(_, task)| task == self.task)
            && self.w.deferred.irq_threads[irq as usize].running;
        if own_thread || self.w.interrupts.host(source) == Some(self.task) {
            self.waits_for_itself("an interrupt handler waits for its own end", Kind::Irq, irq);
        }
        self.until(Wait::Irq(irq), Then::Return(Value::Null))
    }

    /// None of its handlers runs or is about to.
    pub(crate) fn irq_is_quiet(&self, irq: u32) -> bool {
        let thread = self.w.deferred.irq_threads[irq as usize];
        let host = self.w.interrupts.host(self.plan.deferred.irqs[irq as usize].source);
        host.is_none() && !thread.wanted && !thread.running
    }

    fn wake_if_quiet(&mut self, irq: u32) {
        if self.irq_is_quiet(irq) {
            self.wake(|wait| wait == Wait::Irq(irq));
        }
    }

    pub(crate) fn serve_irq(&mut self, irq: u32) -> Flow {
        let IrqLayout { handler, at, .. } = self.plan.deferred.irqs[irq as usize];
        let Some(handler) = handler else {
            self.me().ret = Value::Int(1);
            return Flow::Continue;
        };
        self.me().site = at;
        self.call_program(handler, &[])
    }

    /// The hard handler has returned: if it says so, the thread goes on.
    pub(crate) fn irq_served(&mut self, irq: u32, result: Value) {
        let layout = self.plan.deferred.irqs[irq as usize];
        if let Some((_, task)) = layout.thread
            && result.is_true()
        {
            self.w.deferred.irq_threads[irq as usize].wanted = true;
            if layout.is_oneshot() {
                self.w.interrupts.mask(layout.source, true);
            }
            if self.w.threads[task as usize].state == State::Idle {
                let frame = IrqThreadFrame { irq, called: None };
                self.w.threads[task as usize].frames.push(Frame::Deferred(DeferredFrame::IrqThread(frame)));
                self.w.set_state(task, State::Ready);
            }
        }
        self.wake_if_quiet(irq);
    }

    pub(crate) fn run_irq_thread(&mut self, frame: IrqThreadFrame) -> Flow {
        let IrqThreadFrame { irq, called } = frame;
        let layout = self.plan.deferred.irqs[irq as usize];
        let Some((handler, task)) = layout.thread else {
            panic!("engine bug: a line without a threaded handler has a thread");
        };
        let thread = &mut self.w.deferred.irq_threads[irq as usize];
        let Some(depths) = called else {
            (thread.wanted, thread.running) = (false, true);
            self.me().site = layout.at;
            // Beginning is a step of its own: from here on the hard handler can want it again.
            self.stepped = true;
            let called = Some(self.depths());
            self.replace(Frame::Deferred(DeferredFrame::IrqThread(IrqThreadFrame { irq, called })));
            return self.call_program(handler, &[]);
        };
        thread.running = false;
        if thread.wanted {
            self.replace(Frame::Deferred(DeferredFrame::IrqThread(IrqThreadFrame { irq, called: None })));
        } else {
            self.w.interrupts.mask(layout.source, false);
            self.me().frames.pop();
            self.w.set_state(task, State::Idle);
        }
        self.check_depths(depths);
        self.wake_if_quiet(irq);
        Flow::Yield
    }
}
