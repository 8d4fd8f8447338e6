//! Deferred.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Deferred {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum DeferredFrame {}

impl Compiler {
    pub(crate) fn set_up_deferred(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn deferred_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_deferred(&mut self, frame: DeferredFrame) -> Flow {
        match frame {}
    }
}

impl Kernel<'_> {
    pub(crate) fn timer_expires(&mut self, _timer: u32) {}
    pub(crate) fn delayed_work_expires(&mut self, _work: u32) {}
    pub(crate) fn serve_irq(&mut self, _irq: u32) -> Flow {
        Flow::Continue
    }
    pub(crate) fn serve_timer(&mut self, _timer: u32) -> Flow {
        Flow::Continue
    }
    pub(crate) fn serve_tasklet(&mut self, _tasklet: u32) -> Flow {
        Flow::Continue
    }
    pub(crate) fn serve_irq_work(&mut self, _work: u32) -> Flow {
        Flow::Continue
    }
    pub(crate) fn serve_rcu(&mut self) -> Flow {
        Flow::Continue
    }
    pub(crate) fn irq_served(&mut self, _irq: u32, _result: crate::value::Value) {}
    pub(crate) fn timer_served(&mut self, _timer: u32) {}
    pub(crate) fn tasklet_served(&mut self, _tasklet: u32) {}
    pub(crate) fn irq_work_served(&mut self, _work: u32) {}
    pub(crate) fn rcu_served(&mut self) {}
    pub(crate) fn rcu_reader_left(&mut self) {}
    pub(crate) fn rcu_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }
    pub(crate) fn plan_rcu_map(&self) -> u32 {
        0
    }
}
