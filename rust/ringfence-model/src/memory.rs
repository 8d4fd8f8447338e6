//! Memory as a whole: what a world knows of it, and from an operation to the file of its concept.

use ringfence_base::scenario::{Kind, Op};

use crate::compile::Compiler;
use crate::exit_mmap::ExitFrame;
use crate::fault::FaultFrame;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::mmu_interval_notifier::{IntervalWait, Intervals};
use crate::mmu_notifier::{InvalidateFrame, Mm};
use crate::oom::OomFrame;
use crate::page_alloc::Allocations;
use crate::plan::class;
use crate::shrinker::ShrinkFrame;
use crate::tracked::{Shared, tracked};
use crate::tracked_list::SharedList;
use crate::user_memory::{MunmapFrame, UserRange, ZapFrame};
use crate::vmscan::ReclaimFrame;

tracked! {
    /// Allocations, user memory, shrinkers and notifiers of a world.
    pub(crate) struct Memory {
        pub(crate) allocations: Allocations,
        pub(crate) mms: SharedList<Mm>,
        pub(crate) ranges: SharedList<UserRange>,
        /// Per `mmu_notifier`: it is on its mm's list.
        pub(crate) registered: SharedList<bool>,
        pub(crate) intervals: Intervals,
        /// Per shrinker: `nr_deferred`, what earlier rounds left to scan.
        pub(crate) deferred: SharedList<i64>,
        /// The context of kswapd; none if there is nothing for it to do.
        pub(crate) kswapd: Shared<Option<u32>>,
    }
}

/// The functions of memory management that can block or call programs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum MemoryFrame {
    /// Reclaim, in an allocation or in kswapd.
    Reclaim(ReclaimFrame),
    /// One shrinker.
    Shrink(ShrinkFrame),
    /// Notifiers of a range.
    Invalidate(InvalidateFrame),
    /// Until an interval notifier's invalidation is over.
    Interval(IntervalWait),
    /// Unmapping, notifiers included.
    Zap(ZapFrame),
    /// `munmap()`.
    Munmap(MunmapFrame),
    /// Looking at user memory.
    Fault(FaultFrame),
    /// The OOM reaper.
    Oom(OomFrame),
    /// The last `mmput()`.
    Exit(ExitFrame),
}

impl Compiler {
    pub(crate) fn set_up_memory(&mut self) {
        for name in self.names_of(Kind::Mm) {
            let lock = self.lock_of_class(&format!("{name}->mmap_lock"), class::MMAP_LOCK);
            self.plan.initial.memory.mms.push(Mm::new(lock));
        }
        let count = |kind: Kind| self.plan.by_kind[kind as usize].len();
        let (ranges, notifiers) = (count(Kind::UserRange), count(Kind::MmuNotifier));
        let (intervals, shrinkers) = (count(Kind::IntervalNotifier), count(Kind::Shrinker));
        let memory = &mut self.plan.initial.memory;
        memory.ranges.all_mut().resize(ranges, UserRange::default());
        memory.registered.all_mut().resize(notifiers, true);
        memory.intervals.add(intervals);
        memory.deferred.all_mut().resize(shrinkers, 0);
        self.set_up_kswapd();
    }
}

impl Kernel<'_> {
    #[inline]
    pub(crate) fn memory_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::Kmalloc
            | Op::Kfree
            | Op::KmallocUse
            | Op::MightAlloc
            | Op::FsReclaimAcquire
            | Op::FsReclaimRelease
            | Op::MemallocNofsSave
            | Op::MemallocNofsRestore
            | Op::MemallocNoioSave
            | Op::MemallocNoioRestore
            | Op::MemallocNoreclaimSave
            | Op::MemallocNoreclaimRestore => self.page_alloc_op(call),
            Op::MmapReadLock
            | Op::MmapReadUnlock
            | Op::MmapReadTrylock
            | Op::MmapWriteLock
            | Op::MmapWriteUnlock => self.mmap_lock_op(call),
            Op::CopyFromUser
            | Op::CopyToUser
            | Op::GetUser
            | Op::PutUser
            | Op::GetUserPages
            | Op::GetUserPagesFast
            | Op::HmmRangeFault
            | Op::MightFault => self.fault_op(call),
            Op::PutPages | Op::Munmap => self.user_memory_op(call),
            Op::MmuNotifierInvalidateRangeStart | Op::MmuNotifierInvalidateRangeEnd => {
                self.mmu_notifier_op(call)
            }
            Op::MmuIntervalReadBegin
            | Op::MmuIntervalReadRetry
            | Op::MmuIntervalSetSeq
            | Op::MmuIntervalNotifierInsert
            | Op::MmuIntervalNotifierRemove => self.mmu_interval_op(call),
            Op::Mmget | Op::MmgetNotZero | Op::Mmput => self.mm_users_op(call),
            Op::GpuMap | Op::GpuUnmap | Op::GpuAccess => self.gpu_mapping_op(call),
            Op::Oom => self.oom_kill(call),
            other => panic!("engine bug: {other:?} is no operation on memory"),
        }
    }

    pub(crate) fn run_memory(&mut self, frame: MemoryFrame) -> Flow {
        match frame {
            MemoryFrame::Reclaim(frame) => self.run_reclaim(frame),
            MemoryFrame::Shrink(frame) => self.run_shrink(frame),
            MemoryFrame::Invalidate(frame) => self.run_invalidate(frame),
            MemoryFrame::Interval(frame) => self.run_interval_wait(frame),
            MemoryFrame::Zap(frame) => self.run_zap(frame),
            MemoryFrame::Munmap(frame) => self.run_munmap(frame),
            MemoryFrame::Fault(frame) => self.run_fault(frame),
            MemoryFrame::Oom(frame) => self.run_oom(frame),
            MemoryFrame::Exit(frame) => self.run_exit(frame),
        }
    }

    /// Goes on in the innermost frame with the result of a call, whether that returned at once or has a frame
    /// of its own.
    pub(crate) fn go_on(&mut self, flow: Flow) -> Flow {
        let Flow::Return(value) = flow else { return flow };
        self.me().ret = value;
        Flow::Continue
    }
}
