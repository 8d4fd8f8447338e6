//! The OOM killer and its reaper (`mm/oom_kill.c`): the process gets a fatal signal, and its memory is
//! unmapped without waiting for anything. One attempt; Linux makes up to ten.

use ringfence_base::scenario::Kind;

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::memory::MemoryFrame;
use crate::user_memory::{How, Span};
use crate::value::Value;

/// The reaper on its way: the next range to look at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OomFrame {
    mm: u32,
    next: u32,
}

impl Kernel<'_> {
    pub(crate) fn oom_kill(&mut self, call: Call<'_>) -> Flow {
        let Some(mm) = self.object(call, 0) else { return Flow::Return(Value::Null) };
        let plan = self.plan;
        for (task, context) in plan.contexts.iter().enumerate() {
            if context.mm == Some(mm) {
                self.send_signal(task as u32);
            }
        }
        if self.w.memory.mms[mm as usize].users == 0 || !self.mmap_read_trylock(mm) {
            return Flow::Return(Value::Null);
        }
        self.call(Frame::Memory(MemoryFrame::Oom(OomFrame { mm, next: 0 })))
    }

    pub(crate) fn run_oom(&mut self, frame: OomFrame) -> Flow {
        let OomFrame { mm, next } = frame;
        let count = self.plan.by_kind[Kind::UserRange as usize].len() as u32;
        let next = (next..count).find(|&range| {
            self.w.memory.ranges[range as usize].mapped && Span::of_range(self.plan, range).mm == mm
        });
        let Some(range) = next else {
            self.mmap_unlock(mm);
            return Flow::Return(Value::Null);
        };
        self.replace(Frame::Memory(MemoryFrame::Oom(OomFrame { mm, next: range + 1 })));
        self.zap(Span::of_range(self.plan, range), How::Reap)
    }
}
