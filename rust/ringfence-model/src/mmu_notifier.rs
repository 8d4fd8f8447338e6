//! MMU notifiers: who is told before user memory goes (`mm/mmu_notifier.c`, `include/linux/mmu_notifier.h`).

use ringfence_base::errno::EAGAIN;
use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{EventKind, ObjectId, ObjectRef, ProgramId};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::memory::MemoryFrame;
use crate::user_memory::Span;
use crate::value::Value;

/// An mm, with what its notifiers share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Mm {
    /// Its `mmap_lock`.
    pub(crate) lock: u32,
    /// `mm_users`.
    pub(crate) users: u32,
    /// `invalidate_seq`: odd while an invalidation of a range with an interval notifier runs.
    pub(crate) seq: i64,
    /// `active_invalidate_ranges`.
    pub(crate) active: u32,
}

impl Mm {
    pub(crate) fn new(lock: u32) -> Self {
        Self { lock, users: 1, seq: 2, active: 0 }
    }

    /// `mn_itree_is_invalidating()`.
    pub(crate) fn is_invalidating(&self) -> bool {
        self.seq & 1 == 1
    }
}

/// Notifiers being called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct InvalidateFrame {
    span: Span,
    why: Why,
    phase: Phase,
    /// One that must not wait said it would have to.
    again: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Why {
    /// `mmu_notifier_invalidate_range_start()`.
    Range { blockable: bool },
    /// `mmu_notifier_release()`: the mm goes.
    Release,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    /// The next interval notifier to look at.
    Interval(u32),
    /// This one was called.
    IntervalCalled(u32),
    /// The next notifier to look at.
    Notifier(u32),
    /// This one was called.
    NotifierCalled(u32),
}

impl Why {
    fn may_block(self) -> bool {
        !matches!(self, Self::Range { blockable: false })
    }
}

impl Kernel<'_> {
    pub(crate) fn mmu_notifier_op(&mut self, call: Call<'_>) -> Flow {
        let Some(range) = self.object(call, 0) else { return Flow::Return(Value::Null) };
        let span = Span::of_range(self.plan, range);
        match call.op {
            Op::MmuNotifierInvalidateRangeStart => self.invalidate_range_start(span, true),
            Op::MmuNotifierInvalidateRangeEnd => {
                self.invalidate_range_end(span, true);
                Flow::Return(Value::Null)
            }
            other => panic!("engine bug: {other:?} is no operation on notifiers"),
        }
    }

    /// Somebody watches the mm.
    pub(crate) fn has_notifiers(&self, mm: u32) -> bool {
        self.has_intervals(mm) || self.next_notifier(mm, 0).is_some()
    }

    /// The next notifier on the mm's list, from this one on.
    fn next_notifier(&self, mm: u32, from: u32) -> Option<u32> {
        let count = self.w.memory.registered.len() as u32;
        (from..count).find(|&index| {
            self.w.memory.registered[index as usize] && self.plan.index(self.notifier(index).0) == mm
        })
    }

    fn notifier(&self, index: u32) -> (ObjectId, Option<ProgramId>, Option<ProgramId>) {
        let &ObjectKind::MmuNotifier { mm, invalidate, release } =
            self.plan.declared(Kind::MmuNotifier, index)
        else {
            panic!("engine bug: notifier {index} is declared as something else");
        };
        (mm, invalidate, release)
    }

    /// Calls the notifiers. The result is 0, or -EAGAIN if it must not wait and would have to; then there is
    /// no end.
    pub(crate) fn invalidate_range_start(&mut self, span: Span, blockable: bool) -> Flow {
        if blockable {
            self.might_sleep();
        }
        self.emit(EventKind::InvalidateRangeStart);
        if !self.has_notifiers(span.mm) {
            self.emit(EventKind::InvalidateRangeEnd);
            return Flow::Return(Value::Int(0));
        }
        self.call_notifiers(span, Why::Range { blockable })
    }

    /// `mmu_notifier_release()`.
    pub(crate) fn mmu_notifier_release(&mut self, mm: u32) -> Flow {
        self.call_notifiers(Span::of_mm(mm), Why::Release)
    }

    fn call_notifiers(&mut self, span: Span, why: Why) -> Flow {
        let overlaps = self.interval_start(span);
        let phase = if overlaps { Phase::Interval(0) } else { Phase::Notifier(0) };
        if !overlaps && why == Why::Release {
            self.interval_end(span.mm);
        }
        let frame = InvalidateFrame { span, why, phase, again: false };
        self.call(Frame::Memory(MemoryFrame::Invalidate(frame)))
    }

    /// The end of an invalidation that was started.
    pub(crate) fn invalidate_range_end(&mut self, span: Span, blockable: bool) {
        if blockable {
            self.might_sleep();
        }
        if self.has_notifiers(span.mm) {
            self.emit(EventKind::InvalidateRangeStart);
            self.interval_end(span.mm);
            self.emit(EventKind::InvalidateRangeEnd);
        }
    }

    pub(crate) fn run_invalidate(&mut self, mut frame: InvalidateFrame) -> Flow {
        match frame.phase {
            Phase::Interval(next) => {
                if let Some((index, program)) = self.next_interval(frame.span, next) {
                    let seq = Value::Int(self.w.memory.mms[frame.span.mm as usize].seq);
                    let blockable = Value::bool(frame.why.may_block());
                    return self.call_notifier(
                        frame,
                        Phase::IntervalCalled(index),
                        program,
                        &[blockable, seq],
                    );
                }
                if frame.why == Why::Release {
                    self.interval_end(frame.span.mm);
                }
                frame.phase = Phase::Notifier(0);
                self.invalidate_goes_on(frame)
            }
            Phase::IntervalCalled(index) => {
                if !self.notifier_returned(frame).is_true() {
                    let object = ObjectRef { kind: Kind::IntervalNotifier, index };
                    if !self.refused(frame, object) {
                        self.interval_end(frame.span.mm);
                        self.emit(EventKind::InvalidateRangeEnd);
                        return Flow::Return(Value::errno(EAGAIN));
                    }
                }
                frame.phase = Phase::Interval(index + 1);
                self.invalidate_goes_on(frame)
            }
            Phase::Notifier(next) => self.next_invalidation(frame, next),
            Phase::NotifierCalled(index) => {
                let failed = self.notifier_returned(frame).is_true();
                if failed && matches!(frame.why, Why::Range { .. }) {
                    let object = ObjectRef { kind: Kind::MmuNotifier, index };
                    frame.again |= !self.refused(frame, object);
                }
                frame.phase = Phase::Notifier(index + 1);
                self.invalidate_goes_on(frame)
            }
        }
    }

    /// The notifiers on the list; they are all called, also if one fails.
    fn next_invalidation(&mut self, mut frame: InvalidateFrame, next: u32) -> Flow {
        let Some(index) = self.next_notifier(frame.span.mm, next) else {
            return self.notifiers_called(frame);
        };
        let (_, invalidate, release) = self.notifier(index);
        let program = if frame.why == Why::Release { release } else { invalidate };
        let blockable = [Value::bool(frame.why.may_block())];
        let args: &[Value] = if frame.why == Why::Release { &[] } else { &blockable };
        if let Some(program) = program {
            return self.call_notifier(frame, Phase::NotifierCalled(index), program, args);
        }
        frame.phase = Phase::Notifier(index + 1);
        self.invalidate_goes_on(frame)
    }

    fn notifiers_called(&mut self, frame: InvalidateFrame) -> Flow {
        if frame.why == Why::Release {
            let mm = frame.span.mm;
            while let Some(index) = self.next_notifier(mm, 0) {
                self.w.memory.registered[index as usize] = false;
            }
            return Flow::Return(Value::Int(0));
        }
        self.emit(EventKind::InvalidateRangeEnd);
        // As in Linux: the caller does not call the end, and nobody undoes the start of the interval
        // notifiers.
        Flow::Return(if frame.again { Value::errno(EAGAIN) } else { Value::Int(0) })
    }

    fn invalidate_goes_on(&mut self, frame: InvalidateFrame) -> Flow {
        self.replace(Frame::Memory(MemoryFrame::Invalidate(frame)));
        Flow::Continue
    }

    fn call_notifier(
        &mut self,
        mut frame: InvalidateFrame,
        phase: Phase,
        program: ProgramId,
        args: &[Value],
    ) -> Flow {
        frame.phase = phase;
        self.replace(Frame::Memory(MemoryFrame::Invalidate(frame)));
        if !frame.why.may_block() {
            self.me().non_block += 1;
        }
        self.call_program(program, args)
    }

    fn notifier_returned(&mut self, frame: InvalidateFrame) -> Value {
        if !frame.why.may_block() {
            self.me().non_block = self.me().non_block.saturating_sub(1);
        }
        self.ret()
    }

    /// A notifier did not do it. Only one that must not wait may say so; returns true, and has reported it,
    /// if this one may wait.
    fn refused(&mut self, frame: InvalidateFrame, object: ObjectRef) -> bool {
        if frame.why.may_block() {
            self.broken("RF404", "a notifier that may block refused to invalidate", Some(object));
        }
        frame.why.may_block()
    }
}
