//! Looking at user memory, and what happens if it is not there: copying, `get_user_pages()`,
//! `hmm_range_fault()` (`mm/memory.c`, `mm/gup.c`, `mm/hmm.c`).
//!
//! A fault takes `mmap_lock` for reading, unless the caller has it, and allocates with `GFP_KERNEL`.

use ringfence_base::errno::{EBUSY, EFAULT};
use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{ChoiceKind, Gfp, ObjectRef, Read};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::memory::MemoryFrame;
use crate::mmu_interval_notifier::range_of;
use crate::user_memory::Span;
use crate::value::Value;

/// A fault being handled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FaultFrame {
    range: u32,
    access: Access,
    phase: Phase,
}

/// Who wants the memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Access {
    /// `copy_from_user()` and `copy_to_user()`.
    Copy,
    /// `get_user()` and `put_user()`.
    Word,
    /// `get_user_pages()`.
    Pages,
    /// `get_user_pages_fast()`.
    PagesFast,
    /// `hmm_range_fault()`: the notifier and the sequence number it began with.
    Hmm(u32, i64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Lock,
    Locked,
    Allocated,
}

impl Access {
    /// The caller holds `mmap_lock`.
    fn is_locked(self) -> bool {
        matches!(self, Self::Pages | Self::Hmm(..))
    }

    fn failure(self) -> Value {
        match self {
            Self::Copy => Value::Int(1),
            _ => Value::errno(EFAULT),
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn fault_op(&mut self, call: Call<'_>) -> Flow {
        let Some(object) = self.object(call, 0) else { return Flow::Return(Value::errno(EFAULT)) };
        let (range, access) = match call.op {
            Op::MightFault => {
                self.might_fault(object);
                return Flow::Return(Value::Null);
            }
            Op::CopyFromUser | Op::CopyToUser => (object, Access::Copy),
            Op::GetUser | Op::PutUser => (object, Access::Word),
            Op::GetUserPages => (object, Access::Pages),
            Op::GetUserPagesFast => (object, Access::PagesFast),
            Op::HmmRangeFault => (range_of(self.plan, object), Access::Hmm(object, self.int(call, 1))),
            other => panic!("engine bug: {other:?} does not look at user memory"),
        };
        let Span { mm, .. } = Span::of_range(self.plan, range);
        match access {
            Access::Copy | Access::Word => self.might_fault(mm),
            Access::PagesFast => self.might_lock_mmap(mm, Read::Shared),
            Access::Pages | Access::Hmm(..) => self.mmap_assert_locked(mm),
        }
        if self.collided(access) {
            return Flow::Return(Value::errno(EBUSY));
        }
        if self.is_there(range) {
            return Flow::Return(self.accessed(range, access));
        }
        let phase = if access.is_locked() { Phase::Locked } else { Phase::Lock };
        self.call(Frame::Memory(MemoryFrame::Fault(FaultFrame { range, access, phase })))
    }

    /// `might_fault()`.
    fn might_fault(&mut self, mm: u32) {
        self.might_sleep();
        self.might_lock_mmap(mm, Read::Shared);
    }

    /// The pages can be used without a fault; by choice, they can't although they are in memory: they were
    /// write-protected, or old.
    fn is_there(&mut self, range: u32) -> bool {
        self.w.memory.ranges[range as usize].present
            && !(self.plan.scenario.environment.user_memory && self.choose(ChoiceKind::PageFault, 2) == 1)
    }

    /// An invalidation came since `hmm_range_fault()`'s caller began.
    fn collided(&self, access: Access) -> bool {
        match access {
            Access::Hmm(notifier, seq) => self.w.memory.intervals.seq(notifier) != seq,
            _ => false,
        }
    }

    pub(crate) fn run_fault(&mut self, frame: FaultFrame) -> Flow {
        let FaultFrame { range, access, phase } = frame;
        let Span { mm, .. } = Span::of_range(self.plan, range);
        match phase {
            Phase::Lock => {
                self.fault_phase(frame, Phase::Locked);
                let flow = self.mmap_lock(mm, Manner::SHARED);
                self.go_on(flow)
            }
            Phase::Locked if !self.w.memory.ranges[range as usize].mapped => {
                self.fault_ends(mm, access);
                Flow::Return(access.failure())
            }
            Phase::Locked => {
                self.fault_phase(frame, Phase::Allocated);
                let flow = self.allocate(Gfp::KERNEL);
                self.go_on(flow)
            }
            Phase::Allocated => {
                let memory = self.ret();
                self.free_memory(memory);
                // The OOM reaper may have been here meanwhile, under the same lock.
                let state = &mut self.w.memory.ranges[range as usize];
                state.present |= state.mapped && memory.is_true();
                let present = state.present;
                self.fault_ends(mm, access);
                Flow::Return(match (self.collided(access), present) {
                    (true, _) => Value::errno(EBUSY),
                    (false, true) => self.accessed(range, access),
                    (false, false) => access.failure(),
                })
            }
        }
    }

    fn fault_phase(&mut self, frame: FaultFrame, phase: Phase) {
        self.replace(Frame::Memory(MemoryFrame::Fault(FaultFrame { phase, ..frame })));
    }

    fn fault_ends(&mut self, mm: u32, access: Access) {
        if !access.is_locked() {
            self.mmap_unlock(mm);
        }
    }

    /// The pages are there.
    fn accessed(&mut self, range: u32, access: Access) -> Value {
        let range = &mut self.w.memory.ranges[range as usize];
        match access {
            Access::Copy | Access::Word => {}
            Access::Pages | Access::PagesFast => range.pin(),
            Access::Hmm(..) => range.look_up(),
        }
        Value::Int(0)
    }
}

/// The range, for reports.
pub(crate) fn range_object(range: u32) -> ObjectRef {
    ObjectRef { kind: Kind::UserRange, index: range }
}
