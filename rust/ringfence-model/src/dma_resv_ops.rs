//! The operations on reservations, and the frames of their kernel functions.

use ringfence_base::EventKind;
use ringfence_base::LockId;
use ringfence_base::scenario::Op;

use crate::dma_fence_chain::fence_or_null;
use crate::dma_resv::{AddFrame, ReplaceFrame, ReserveFrame, resv_object};
use crate::dma_resv_all::AllFrame;
use crate::dma_resv_iter::IterFrame;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::thread::NONE;
use crate::value::Value;

/// `DMA_RESV_USAGE_BOOKKEEP`, the last usage.
pub(crate) const BOOKKEEP: u8 = 3;

/// As for fences: does something, and goes on in the given state.
macro_rules! go {
    ($kernel:ident, $frame:expr, $what:expr) => {{
        $kernel.replace($crate::frame::Frame::Resv($frame));
        match $what {
            $crate::frame::Flow::Return(value) => $kernel.me().ret = value,
            flow => return flow,
        }
    }};
}
pub(crate) use go;

/// A kernel function on reservations that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ResvFrame {
    /// `dma_resv_reserve_fences()`.
    Reserve(ReserveFrame),
    /// `dma_resv_add_fence()`.
    Add(AddFrame),
    /// `dma_resv_replace_fences()`.
    Replace(ReplaceFrame),
    /// An unlocked step of a cursor.
    Iter(IterFrame),
    /// Something done with all fences.
    All(AllFrame),
    /// `dma_resv_fini()`: the fences are in the scratch, from there on.
    Fini(u32),
}

const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    pub(crate) fn run_resv(&mut self, frame: ResvFrame) -> Flow {
        match frame {
            ResvFrame::Reserve(frame) => self.run_reserve(frame),
            ResvFrame::Add(frame) => self.run_add(frame),
            ResvFrame::Replace(frame) => self.run_replace(frame),
            ResvFrame::Iter(frame) => self.run_iter(frame),
            ResvFrame::All(frame) => self.run_all(frame),
            ResvFrame::Fini(base) => self.run_fini(base),
        }
    }

    pub(crate) fn resv_op(&mut self, call: Call<'_>) -> Flow {
        let Some(object) = self.object(call, 0) else { return NOTHING };
        match call.op {
            Op::DmaResvLock
            | Op::DmaResvLockInterruptible
            | Op::DmaResvLockSlow
            | Op::DmaResvLockSlowInterruptible
            | Op::DmaResvTrylock
            | Op::DmaResvUnlock => self.resv_lock_op(call),
            Op::DmaResvIterFirstUnlocked
            | Op::DmaResvIterNextUnlocked
            | Op::DmaResvIterIsRestarted
            | Op::DmaResvIterFirst
            | Op::DmaResvIterNext
            | Op::DmaResvIterEnd
            | Op::DmaResvIterUsage => self.iter_op(call, object),
            _ => self.resv_list_op(call, object),
        }
    }

    /// A usage; one that is none is reported, and counts as the last.
    pub(crate) fn usage(&mut self, call: Call<'_>, n: usize) -> u8 {
        match u8::try_from(self.int(call, n)) {
            Ok(usage) if usage <= BOOKKEEP => usage,
            _ => {
                self.broken(
                    "RF508",
                    "a fence is added, or looked for, with a usage that does not exist",
                    None,
                );
                BOOKKEEP
            }
        }
    }

    fn resv_list_op(&mut self, call: Call<'_>, resv: u32) -> Flow {
        match call.op {
            Op::DmaResvReserveFences => {
                let count = self.int(call, 1);
                self.resv_reserve(resv, count)
            }
            Op::DmaResvAddFence => {
                let Some(fence) = self.fence_arg(call, 1) else { return NOTHING };
                let usage = self.usage(call, 2);
                self.resv_add(resv, fence, usage)
            }
            Op::DmaResvReplaceFences => {
                let Some(context_of) = self.fence_arg(call, 1) else { return NOTHING };
                let Some(by) = self.fence_arg(call, 2) else { return NOTHING };
                let (context, usage) = (self.w.fences.get(context_of).context, self.usage(call, 3));
                self.resv_replace(resv, context, by, usage)
            }
            Op::DmaResvCopyFences => match self.object(call, 1) {
                Some(src) => self.resv_copy(resv, src),
                None => NOTHING,
            },
            Op::DmaResvFini => self.resv_fini(resv),
            _ => {
                let usage = self.usage(call, 1);
                self.resv_usage_op(call, resv, usage)
            }
        }
    }

    fn resv_usage_op(&mut self, call: Call<'_>, resv: u32, usage: u8) -> Flow {
        match call.op {
            Op::DmaResvIterBegin => {
                let iter = self.w.resvs.iter_begin(resv, usage);
                Flow::Return(Value::Object(ringfence_base::scenario::Kind::ResvIter, iter))
            }
            Op::DmaResvGetSingleton => self.resv_get_singleton(resv, usage),
            Op::DmaResvWaitTimeout => {
                let (interruptible, timeout) = (self.arg(call, 2).is_true(), self.int(call, 3));
                self.resv_wait_timeout(resv, usage, interruptible, timeout)
            }
            Op::DmaResvTestSignaled => self.resv_test_signaled(resv, usage),
            Op::DmaResvSetDeadline => {
                let deadline = self.int(call, 2);
                self.resv_set_deadline(resv, usage, deadline)
            }
            other => panic!("engine bug: {other:?} is no operation on reservations"),
        }
    }

    fn iter_op(&mut self, call: Call<'_>, iter: u32) -> Flow {
        if !self.cursor(iter).open {
            self.broken("RF502", "a dma_resv_iter is used after its end", None);
            return NOTHING;
        }
        match call.op {
            Op::DmaResvIterFirstUnlocked => self.iter_first_unlocked(iter),
            Op::DmaResvIterNextUnlocked => self.iter_next_unlocked(iter),
            Op::DmaResvIterIsRestarted => Flow::Return(Value::bool(self.cursor(iter).is_restarted)),
            Op::DmaResvIterFirst => Flow::Return(fence_or_null(self.iter_first(iter))),
            Op::DmaResvIterNext => Flow::Return(fence_or_null(self.iter_next(iter))),
            Op::DmaResvIterUsage => Flow::Return(Value::Int(i64::from(self.cursor(iter).fence_usage))),
            _ => self.iter_end(iter),
        }
    }

    /// `dma_resv_fini()`.
    fn resv_fini(&mut self, resv: u32) -> Flow {
        let lock = self.resv_lock(resv);
        if self.w.locks.owner(lock).is_some() {
            self.broken("RF502", "a reservation that is locked goes away", resv_object(resv));
        }
        self.emit(EventKind::Free(LockId::from_raw(lock)));
        let base = self.me().scratch.len() as u32;
        let entry = &mut self.w.resvs.list[resv as usize];
        let scratch = &mut self.w.threads[self.task as usize].scratch;
        scratch.extend(entry.slots.iter().rev().map(|slot| Value::fence(slot.fence)));
        entry.slots.clear();
        (entry.has_list, entry.max_fences) = (false, 0);
        entry.generation = entry.generation.wrapping_add(1);
        self.call(Frame::Resv(ResvFrame::Fini(base)))
    }

    fn run_fini(&mut self, base: u32) -> Flow {
        while self.me().scratch.len() > base as usize {
            let fence = self.me().scratch.pop().and_then(Value::index).unwrap_or(NONE);
            go!(self, ResvFrame::Fini(base), self.fence_put(fence));
        }
        NOTHING
    }
}
