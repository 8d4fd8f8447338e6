//! `irq_work` (`kernel/irq_work.c`): a function that runs in hard interrupt context soon.

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{ObjectRef, ProgramId, SiteId};

use crate::compile::Compiler;
use crate::deferred::Then;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::plan::Source;
use crate::value::Value;
use crate::wait::Wait;

/// What never changes about an `irq_work`. All else is in its interrupt: queued is pending, busy is pending or
/// being served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IrqWorkLayout {
    /// Index of its interrupt source.
    source: usize,
    function: ProgramId,
    /// Where it was declared.
    at: SiteId,
}

impl IrqWorkLayout {
    /// Index of its interrupt source.
    pub(crate) fn source(&self) -> usize {
        self.source
    }
}

impl Compiler {
    pub(crate) fn set_up_irq_works(&mut self) {
        for (index, id) in self.plan.by_kind[Kind::IrqWork as usize].clone().into_iter().enumerate() {
            let object = &self.plan.scenario.objects[id.index()];
            let ObjectKind::IrqWork { function } = object.kind else { continue };
            let (source, at) = (self.plan.sources.len(), object.at);
            self.source(Source::IrqWork(index as u32));
            self.plan.deferred.irq_works.push(IrqWorkLayout { source, function, at });
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn irq_work_op(&mut self, call: Call<'_>) -> Flow {
        let Some(work) = self.object(call, 0) else { return Flow::Return(Value::Null) };
        let source = self.plan.deferred.irq_works[work as usize].source;
        match call.op {
            Op::IrqWorkQueue => Flow::Return(Value::bool(self.w.interrupts.raise(source))),
            Op::IrqWorkSync => {
                let object = Some(ObjectRef { kind: Kind::IrqWork, index: work });
                if !self.irqs_on() {
                    self.broken("RF510", "irq_work_sync(): interrupts are off", object);
                }
                self.might_sleep();
                if self.w.interrupts.host(source) == Some(self.task) {
                    self.waits_for_itself("an irq_work waits for its own end", Kind::IrqWork, work);
                }
                self.until(Wait::IrqWork(work), Then::Return(Value::Null))
            }
            other => panic!("engine bug: {other:?} is no operation on irq_work"),
        }
    }

    /// It is neither queued nor being run.
    pub(crate) fn irq_work_is_quiet(&self, work: u32) -> bool {
        let source = self.plan.deferred.irq_works[work as usize].source;
        !self.w.interrupts.is_pending(source) && self.w.interrupts.host(source).is_none()
    }

    pub(crate) fn serve_irq_work(&mut self, work: u32) -> Flow {
        let IrqWorkLayout { function, at, .. } = self.plan.deferred.irq_works[work as usize];
        self.me().site = at;
        self.call_program(function, &[])
    }

    pub(crate) fn irq_work_served(&mut self, work: u32) {
        if self.irq_work_is_quiet(work) {
            self.wake(|wait| wait == Wait::IrqWork(work));
        }
    }
}
