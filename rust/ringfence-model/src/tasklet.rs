//! Tasklets (`kernel/softirq.c`): scheduled is a pending soft interrupt, running is one being served.

use ringfence_base::ProgramId;
use ringfence_base::SiteId;
use ringfence_base::scenario::{Kind, ObjectKind, Op};

use crate::compile::Compiler;
use crate::deferred::Then;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::plan::Source;
use crate::thread::NONE;
use crate::value::Value;
use crate::wait::Wait;

/// A tasklet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tasklet {
    /// Who kills it, and has seen that it is not scheduled: it can't be scheduled meanwhile; [`NONE`].
    killer: u32,
}

/// What never changes about a tasklet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskletLayout {
    /// Index of its interrupt source.
    source: usize,
    function: ProgramId,
    /// Where it was declared.
    at: SiteId,
}

impl Tasklet {
    /// Who kills it, and has seen that it is not scheduled.
    pub(crate) fn killer(self) -> u32 {
        self.killer
    }
}

impl TaskletLayout {
    /// Index of its interrupt source.
    pub(crate) fn source(&self) -> usize {
        self.source
    }
}

impl Compiler {
    pub(crate) fn set_up_tasklets(&mut self) {
        for (index, id) in self.plan.by_kind[Kind::Tasklet as usize].clone().into_iter().enumerate() {
            let object = &self.plan.scenario.objects[id.index()];
            let ObjectKind::Tasklet { function } = object.kind else { continue };
            let (source, at) = (self.plan.sources.len(), object.at);
            self.source(Source::Tasklet(index as u32));
            self.plan.deferred.tasklets.push(TaskletLayout { source, function, at });
            self.plan.initial.deferred.tasklets.push(Tasklet { killer: NONE });
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn tasklet_op(&mut self, call: Call<'_>) -> Flow {
        let nothing = Flow::Return(Value::Null);
        let Some(tasklet) = self.object(call, 0) else { return nothing };
        let source = self.plan.deferred.tasklets[tasklet as usize].source;
        match call.op {
            Op::TaskletSchedule => {
                if self.w.deferred.tasklets[tasklet as usize].killer == NONE {
                    self.w.interrupts.raise(source);
                }
                nothing
            }
            Op::TaskletKill => {
                self.might_sleep();
                if self.w.interrupts.host(source) == Some(self.task) {
                    self.waits_for_itself("a tasklet kills itself", Kind::Tasklet, tasklet);
                }
                self.until(Wait::Tasklet(tasklet), Then::ReleaseTasklet(tasklet))
            }
            other => panic!("engine bug: {other:?} is no operation on tasklets"),
        }
    }

    /// This context kills the tasklet: first it waits until it is not scheduled, and keeps it so, then until it
    /// does not run.
    pub(crate) fn seize_tasklet(&mut self, tasklet: u32) -> bool {
        let source = self.plan.deferred.tasklets[tasklet as usize].source;
        let entry = &mut self.w.deferred.tasklets[tasklet as usize];
        if entry.killer == NONE && !self.w.interrupts.is_pending(source) {
            entry.killer = self.task;
        }
        entry.killer == self.task && self.w.interrupts.host(source).is_none()
    }

    pub(crate) fn release_tasklet(&mut self, tasklet: u32) {
        self.w.deferred.tasklets[tasklet as usize].killer = NONE;
        self.wake(|wait| wait == Wait::Tasklet(tasklet));
    }

    pub(crate) fn serve_tasklet(&mut self, tasklet: u32) -> Flow {
        let TaskletLayout { function, at, .. } = self.plan.deferred.tasklets[tasklet as usize];
        self.me().site = at;
        // Whoever wants to kill it sees that it is not scheduled any more.
        self.wake(|wait| wait == Wait::Tasklet(tasklet));
        self.call_program(function, &[])
    }

    pub(crate) fn tasklet_served(&mut self, tasklet: u32) {
        self.wake(|wait| wait == Wait::Tasklet(tasklet));
    }
}
