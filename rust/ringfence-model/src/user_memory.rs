//! User memory: which of a process's ranges are mapped and in memory, who has references to their pages, and
//! how they go (`mm/mmap.c`, `mm/memory.c`, `mm/rmap.c`).

use ringfence_base::errno::EAGAIN;
use ringfence_base::scenario::{Kind, ObjectKind, Op};

use crate::fault::range_object;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::memory::MemoryFrame;
use crate::plan::Plan;
use crate::thread::NONE;
use crate::value::Value;

const NOTHING: Flow = Flow::Return(Value::Null);

/// A range of user memory. Its pages come and go together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct UserRange {
    /// The process still has it.
    pub(crate) mapped: bool,
    /// Its pages are in memory.
    pub(crate) present: bool,
    /// References that `get_user_pages()` took.
    pub(crate) pins: u32,
    /// What the driver found when it looked the pages up last.
    pub(crate) pfns: Pages,
    /// What the GPU's page tables refer to.
    pub(crate) gpu: Pages,
}

/// Pages that somebody remembers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Pages {
    /// None.
    Nothing,
    /// Those of the range, or such that are held by a reference.
    Allocated,
    /// They have gone back to the system: they are somebody else's now.
    Freed,
}

impl Default for UserRange {
    fn default() -> Self {
        Self { mapped: true, present: true, pins: 0, pfns: Pages::Nothing, gpu: Pages::Nothing }
    }
}

impl UserRange {
    /// Reclaim can take it.
    pub(crate) fn is_evictable(self) -> bool {
        self.present && self.pins == 0
    }

    /// The driver looks its pages up.
    pub(crate) fn look_up(&mut self) {
        self.pfns = Pages::Allocated;
    }

    /// And takes a reference.
    pub(crate) fn pin(&mut self) {
        self.look_up();
        self.pins += 1;
    }

    /// Nobody holds the pages any more: whoever remembers them is wrong from now on.
    fn free_pages(&mut self) {
        for pages in [&mut self.pfns, &mut self.gpu] {
            if *pages == Pages::Allocated {
                *pages = Pages::Freed;
            }
        }
    }
}

/// What is unmapped, and what notifiers are told of: a range, or all of an mm.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Span {
    pub(crate) mm: u32,
    /// The range; [`NONE`]: all.
    pub(crate) range: u32,
}

impl Span {
    /// One range.
    pub(crate) fn of_range(plan: &Plan, range: u32) -> Self {
        let &ObjectKind::UserRange { mm } = plan.declared(Kind::UserRange, range) else {
            panic!("engine bug: user range {range} is declared as something else");
        };
        Self { mm: plan.index(mm), range }
    }

    /// All of an mm.
    pub(crate) fn of_mm(mm: u32) -> Self {
        Self { mm, range: NONE }
    }

    /// Whether this range is in it.
    pub(crate) fn contains(self, plan: &Plan, range: u32) -> bool {
        range == self.range || (self.range == NONE && Self::of_range(plan, range).mm == self.mm)
    }
}

/// Why memory is unmapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum How {
    /// Reclaim takes the pages; the process can fault them in again.
    Evict,
    /// For good.
    Unmap,
    /// For good, by the OOM reaper, which must not wait.
    Reap,
}

/// Unmapping, between notifiers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ZapFrame {
    span: Span,
    how: How,
    phase: ZapPhase,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum ZapPhase {
    Start,
    Started,
    Zap,
    End,
}

/// `munmap()` on its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MunmapFrame {
    range: u32,
    phase: MunmapPhase,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum MunmapPhase {
    Lock,
    Locked,
    Unmapped,
}

impl Kernel<'_> {
    pub(crate) fn user_memory_op(&mut self, call: Call<'_>) -> Flow {
        let Some(range) = self.object(call, 0) else { return NOTHING };
        match call.op {
            Op::PutPages => {
                self.put_pages(range);
                NOTHING
            }
            Op::Munmap => {
                let frame = MunmapFrame { range, phase: MunmapPhase::Lock };
                self.call(Frame::Memory(MemoryFrame::Munmap(frame)))
            }
            other => panic!("engine bug: {other:?} is no operation on user memory"),
        }
    }

    fn put_pages(&mut self, range: u32) {
        let state = &mut self.w.memory.ranges[range as usize];
        let Some(left) = state.pins.checked_sub(1) else {
            self.broken("RF513", "put_pages() without get_user_pages()", Some(range_object(range)));
            return;
        };
        state.pins = left;
        if left == 0 && !state.mapped {
            state.free_pages();
        }
    }

    pub(crate) fn run_munmap(&mut self, frame: MunmapFrame) -> Flow {
        let span = Span::of_range(self.plan, frame.range);
        let phase = |phase| Frame::Memory(MemoryFrame::Munmap(MunmapFrame { phase, ..frame }));
        match frame.phase {
            MunmapPhase::Lock => {
                self.replace(phase(MunmapPhase::Locked));
                let flow = self.mmap_lock(span.mm, Manner::EXCLUSIVE);
                self.go_on(flow)
            }
            MunmapPhase::Locked => {
                self.replace(phase(MunmapPhase::Unmapped));
                let mapped = self.w.memory.ranges[frame.range as usize].mapped;
                if mapped { self.zap(span, How::Unmap) } else { Flow::Continue }
            }
            MunmapPhase::Unmapped => {
                self.mmap_unlock(span.mm);
                NOTHING
            }
        }
    }

    /// Unmaps, notifiers included. The result is 0, or -EAGAIN if it must not wait and would have to.
    pub(crate) fn zap(&mut self, span: Span, how: How) -> Flow {
        self.call(Frame::Memory(MemoryFrame::Zap(ZapFrame { span, how, phase: ZapPhase::Start })))
    }

    pub(crate) fn run_zap(&mut self, frame: ZapFrame) -> Flow {
        let ZapFrame { span, how, phase } = frame;
        let blockable = how != How::Reap;
        match phase {
            ZapPhase::Start => {
                self.zap_phase(frame, ZapPhase::Started);
                let flow = self.invalidate_range_start(span, blockable);
                self.go_on(flow)
            }
            ZapPhase::Started if self.ret() == Value::errno(EAGAIN) => Flow::Return(Value::errno(EAGAIN)),
            ZapPhase::Started => {
                self.zap_phase(frame, ZapPhase::Zap);
                Flow::Continue
            }
            // That the notifiers are done, that the pages are gone and that the invalidation is over are
            // three moments: others can run between them.
            ZapPhase::Zap | ZapPhase::End if self.stepped && self.has_notifiers(span.mm) => Flow::Yield,
            ZapPhase::Zap => {
                self.stepped = true;
                self.free_pages(span, how);
                self.zap_phase(frame, ZapPhase::End);
                Flow::Continue
            }
            ZapPhase::End => {
                self.stepped = true;
                self.invalidate_range_end(span, blockable);
                Flow::Return(Value::Int(0))
            }
        }
    }

    fn zap_phase(&mut self, frame: ZapFrame, phase: ZapPhase) {
        self.replace(Frame::Memory(MemoryFrame::Zap(ZapFrame { phase, ..frame })));
    }

    fn free_pages(&mut self, span: Span, how: How) {
        let plan = self.plan;
        for (index, range) in self.w.memory.ranges.all_mut().iter_mut().enumerate() {
            if !span.contains(plan, index as u32) {
                continue;
            }
            // Reclaim gives up on pages that somebody has taken a reference to meanwhile.
            if how == How::Evict && range.pins != 0 {
                continue;
            }
            range.present = false;
            range.mapped &= how == How::Evict;
            if range.pins == 0 {
                range.free_pages();
            }
        }
    }
}
