//! Interval notifiers: the sequence protocol by which a driver sees that memory went while it looked
//! (`mm/mmu_notifier.c`).

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{EventKind, ObjectRef, ProgramId, Read};

use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::memory::MemoryFrame;
use crate::plan::Plan;
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::user_memory::Span;
use crate::value::Value;
use crate::wait::Wait;

const NOTHING: Flow = Flow::Return(Value::Null);

tracked! {
    /// All interval notifiers of a world.
    pub(crate) struct Intervals {
        list: SharedList<Interval>,
    }
}

/// One interval notifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Interval {
    /// `invalidate_seq`; odd, and that of its mm while it is being invalidated.
    seq: i64,
    /// It is in the tree.
    inserted: bool,
    /// It goes into the tree, or out of it, when the invalidations that run are over.
    deferred: bool,
}

impl Intervals {
    /// So many, inserted before the scenario begins.
    pub(crate) fn add(&mut self, count: usize) {
        self.list.all_mut().resize(count, Interval { seq: 1, inserted: true, deferred: false });
    }

    /// A notifier's sequence number.
    pub(crate) fn seq(&self, notifier: u32) -> i64 {
        self.list[notifier as usize].seq
    }
}

/// Waiting until the mm's sequence number is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IntervalWait {
    notifier: u32,
    seq: i64,
}

fn declaration(plan: &Plan, notifier: u32) -> (u32, ProgramId) {
    let &ObjectKind::IntervalNotifier { range, invalidate } = plan.declared(Kind::IntervalNotifier, notifier)
    else {
        panic!("engine bug: interval notifier {notifier} is declared as something else");
    };
    (plan.index(range), invalidate)
}

/// The range that an interval notifier watches.
pub(crate) fn range_of(plan: &Plan, notifier: u32) -> u32 {
    declaration(plan, notifier).0
}

fn mm_of(plan: &Plan, notifier: u32) -> u32 {
    Span::of_range(plan, range_of(plan, notifier)).mm
}

impl Kernel<'_> {
    pub(crate) fn mmu_interval_op(&mut self, call: Call<'_>) -> Flow {
        let Some(notifier) = self.object(call, 0) else { return Flow::Return(Value::Int(0)) };
        match call.op {
            Op::MmuIntervalReadBegin => self.interval_read_begin(notifier),
            Op::MmuIntervalReadRetry => {
                let seq = self.int(call, 1);
                Flow::Return(Value::bool(self.w.memory.intervals.seq(notifier) != seq))
            }
            Op::MmuIntervalSetSeq => {
                self.w.memory.intervals.list[notifier as usize].seq = self.int(call, 1);
                NOTHING
            }
            Op::MmuIntervalNotifierInsert => {
                self.interval_insert(notifier);
                NOTHING
            }
            Op::MmuIntervalNotifierRemove => self.interval_remove(notifier),
            other => panic!("engine bug: {other:?} is no operation on interval notifiers"),
        }
    }

    /// Somebody watches ranges of the mm, or did.
    pub(crate) fn has_intervals(&self, mm: u32) -> bool {
        (0..self.w.memory.intervals.list.len() as u32).any(|index| mm_of(self.plan, index) == mm)
    }

    /// The next interval notifier that overlaps, from this one on, and its `invalidate`.
    pub(crate) fn next_interval(&self, span: Span, from: u32) -> Option<(u32, ProgramId)> {
        let list = &self.w.memory.intervals.list;
        let overlaps = |index: u32| {
            let (range, program) = declaration(self.plan, index);
            (list[index as usize].inserted && span.contains(self.plan, range)).then_some((index, program))
        };
        (from..list.len() as u32).find_map(overlaps)
    }

    /// An invalidation begins. Returns whether an interval notifier has to be called.
    pub(crate) fn interval_start(&mut self, span: Span) -> bool {
        if !self.has_intervals(span.mm) {
            return false;
        }
        let overlaps = self.next_interval(span, 0).is_some();
        let mm = &mut self.w.memory.mms[span.mm as usize];
        mm.active += 1;
        mm.seq |= i64::from(overlaps);
        overlaps
    }

    /// It is over. With the last one, what was deferred is done and who waits goes on.
    pub(crate) fn interval_end(&mut self, mm: u32) {
        if !self.has_intervals(mm) {
            return;
        }
        let state = &mut self.w.memory.mms[mm as usize];
        let Some(active) = state.active.checked_sub(1) else {
            let object = ObjectRef { kind: Kind::Mm, index: mm };
            self.broken("RF614", "mmu_notifier_invalidate_range_end() without its start", Some(object));
            return;
        };
        state.active = active;
        if active != 0 || !state.is_invalidating() {
            return;
        }
        state.seq += 1;
        let plan = self.plan;
        for (index, interval) in self.w.memory.intervals.list.all_mut().iter_mut().enumerate() {
            if interval.deferred && mm_of(plan, index as u32) == mm {
                interval.deferred = false;
                interval.inserted = !interval.inserted;
            }
        }
        self.wake(|wait| matches!(wait, Wait::IntervalNotifier(index) if mm_of(plan, index) == mm));
    }

    /// Who waits for an invalidation counts as being in one.
    fn touch_notifier_map(&mut self) {
        self.emit(EventKind::InvalidateRangeStart);
        self.emit(EventKind::InvalidateRangeEnd);
    }

    fn interval_read_begin(&mut self, notifier: u32) -> Flow {
        let seq = self.w.memory.intervals.seq(notifier);
        let mm = mm_of(self.plan, notifier);
        let invalidating = seq == self.w.memory.mms[mm as usize].seq;
        self.touch_notifier_map();
        if !invalidating {
            return Flow::Return(Value::Int(seq));
        }
        self.might_sleep();
        self.call(Frame::Memory(MemoryFrame::Interval(IntervalWait { notifier, seq })))
    }

    pub(crate) fn run_interval_wait(&mut self, wait: IntervalWait) -> Flow {
        let mm = mm_of(self.plan, wait.notifier);
        if self.w.memory.mms[mm as usize].seq == wait.seq {
            return Flow::Block(Wait::IntervalNotifier(wait.notifier));
        }
        self.stepped = true;
        Flow::Return(Value::Int(wait.seq))
    }

    fn interval_insert(&mut self, notifier: u32) {
        let mm = mm_of(self.plan, notifier);
        self.might_lock_mmap(mm, Read::Exclusive);
        let memory = &mut *self.w.memory;
        let state = &mut memory.mms[mm as usize];
        let interval = &mut memory.intervals.list[notifier as usize];
        if interval.inserted || interval.deferred || state.users == 0 {
            let object = ObjectRef { kind: Kind::IntervalNotifier, index: notifier };
            let what = match state.users {
                0 => "mmu_interval_notifier_insert() into an mm that is gone",
                _ => "mmu_interval_notifier_insert() of one that is inserted",
            };
            self.broken("RF706", what, Some(object));
            return;
        }
        if state.active == 0 {
            interval.seq = state.seq - 1;
            interval.inserted = true;
            return;
        }
        // Nobody knows which ranges are being invalidated; this one is taken to be among them.
        interval.deferred = state.is_invalidating();
        interval.inserted = !interval.deferred;
        state.seq |= 1;
        interval.seq = state.seq;
    }

    /// Returns when `invalidate` does not run any more and will not be called again.
    fn interval_remove(&mut self, notifier: u32) -> Flow {
        self.might_sleep();
        let mm = mm_of(self.plan, notifier);
        let state = self.w.memory.mms[mm as usize];
        let interval = &mut self.w.memory.intervals.list[notifier as usize];
        let mut waits = false;
        match (interval.inserted, interval.deferred) {
            (true, false) if state.is_invalidating() => {
                interval.deferred = true;
                waits = true;
            }
            (true, false) => interval.inserted = false,
            // It was to be inserted later.
            (false, true) => interval.deferred = false,
            _ => {
                let object = ObjectRef { kind: Kind::IntervalNotifier, index: notifier };
                self.broken(
                    "RF706",
                    "mmu_interval_notifier_remove() of one that is not inserted",
                    Some(object),
                );
            }
        }
        self.touch_notifier_map();
        if !waits {
            return NOTHING;
        }
        self.call(Frame::Memory(MemoryFrame::Interval(IntervalWait { notifier, seq: state.seq })))
    }
}
