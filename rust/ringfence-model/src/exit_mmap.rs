//! References to an mm, and its end (`mmput()` in `kernel/fork.c`, `exit_mmap()` in `mm/mmap.c`).

use ringfence_base::ObjectRef;
use ringfence_base::scenario::{Kind, Op};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::memory::MemoryFrame;
use crate::user_memory::{How, Span};
use crate::value::Value;

const NOTHING: Flow = Flow::Return(Value::Null);

/// The last reference is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ExitFrame {
    mm: u32,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Release,
    LockForReading,
    Unmap,
    LockForWriting,
    Destroy,
}

impl Kernel<'_> {
    pub(crate) fn mm_users_op(&mut self, call: Call<'_>) -> Flow {
        let Some(mm) = self.object(call, 0) else { return NOTHING };
        let object = Some(ObjectRef { kind: Kind::Mm, index: mm });
        let users = self.w.memory.mms[mm as usize].users;
        match call.op {
            Op::MmgetNotZero => {
                self.w.memory.mms[mm as usize].users += u32::from(users != 0);
                return Flow::Return(Value::bool(users != 0));
            }
            Op::Mmget if users == 0 => self.broken("RF502", "mmget() of an mm that is gone", object),
            Op::Mmget => self.w.memory.mms[mm as usize].users += 1,
            Op::Mmput => {
                self.might_sleep();
                match users {
                    0 => self.broken("RF513", "mmput() without a reference", object),
                    _ => self.w.memory.mms[mm as usize].users -= 1,
                }
                if users == 1 {
                    return self
                        .call(Frame::Memory(MemoryFrame::Exit(ExitFrame { mm, phase: Phase::Release })));
                }
            }
            other => panic!("engine bug: {other:?} does not count references to an mm"),
        }
        NOTHING
    }

    pub(crate) fn run_exit(&mut self, frame: ExitFrame) -> Flow {
        let mm = frame.mm;
        match frame.phase {
            Phase::Release => {
                self.exit_phase(mm, Phase::LockForReading);
                if self.has_notifiers(mm) { self.mmu_notifier_release(mm) } else { Flow::Continue }
            }
            Phase::LockForReading => {
                self.exit_phase(mm, Phase::Unmap);
                let flow = self.mmap_lock(mm, Manner::SHARED);
                self.go_on(flow)
            }
            Phase::Unmap => {
                self.exit_phase(mm, Phase::LockForWriting);
                self.zap(Span::of_mm(mm), How::Unmap)
            }
            Phase::LockForWriting => {
                self.mmap_unlock(mm);
                self.exit_phase(mm, Phase::Destroy);
                let flow = self.mmap_lock(mm, Manner::EXCLUSIVE);
                self.go_on(flow)
            }
            Phase::Destroy => {
                self.mmap_unlock(mm);
                NOTHING
            }
        }
    }

    fn exit_phase(&mut self, mm: u32, phase: Phase) {
        self.replace(Frame::Memory(MemoryFrame::Exit(ExitFrame { mm, phase })));
    }
}
