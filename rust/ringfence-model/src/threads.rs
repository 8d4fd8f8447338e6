//! The contexts of a world before its first step.

use ringfence_base::SiteId;

use crate::compile::Compiler;
use crate::frame::{Frame, ProgramFrame};
use crate::plan::ContextKind;
use crate::thread::{State, Thread};
use crate::value::Value;

impl Compiler {
    /// Last of all, when every part of the kernel has declared its contexts.
    pub(crate) fn set_up_threads(&mut self) {
        for context in &self.plan.contexts {
            let mut thread = Thread::new(State::Idle);
            thread.site = SiteId::UNKNOWN;
            if let (ContextKind::Thread, Some(program)) = (context.kind, context.program) {
                let info = self.plan.programs[program.index()];
                thread.state = State::Ready;
                thread.registers.resize(info.registers as usize, Value::Null);
                thread.frames.push(Frame::Program(ProgramFrame { pc: info.entry, base: 0, called: false }));
            }
            self.plan.initial.add_thread(thread);
        }
        for _ in &self.plan.sources {
            self.plan.initial.interrupts.add();
        }
    }
}
