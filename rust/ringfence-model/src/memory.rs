//! Memory.

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::value::Value;
use ringfence_base::{ChoiceKind, EventKind, Gfp, scenario::Kind};

/// State.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Memory {}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum MemoryFrame {}

impl Compiler {
    pub(crate) fn set_up_memory(&mut self) {}
}

impl Kernel<'_> {
    pub(crate) fn memory_op(&mut self, call: Call<'_>) -> Flow {
        panic!("engine bug: {:?} has no code", call.op)
    }

    pub(crate) fn run_memory(&mut self, frame: MemoryFrame) -> Flow {
        match frame {}
    }
}

impl Kernel<'_> {
    pub(crate) fn allocate(&mut self, gfp: Gfp) -> Flow {
        self.might_alloc(gfp);
        let failure = self.plan.scenario.environment.allocation_failure;
        let failed = failure && self.choose(ChoiceKind::Allocation, 2) == 1;
        self.emit(EventKind::Allocated(!failed));
        Flow::Return(if failed { Value::Null } else { Value::Object(Kind::Memory, 0) })
    }

    pub(crate) fn might_alloc(&mut self, gfp: Gfp) {
        self.emit(EventKind::Alloc(gfp));
        if gfp.contains(Gfp::DIRECT_RECLAIM) {
            self.might_sleep();
        }
    }

    pub(crate) fn free_memory(&mut self, _memory: Value) {}
}
