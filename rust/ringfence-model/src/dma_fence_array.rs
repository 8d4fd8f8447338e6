//! `drivers/dma-buf/dma-fence-array.c`: a fence that is signaled when all, or any, of several are.

use ringfence_base::Gfp;

use crate::dma_fence::{FenceSort, fence_object, flag};
use crate::dma_fence_cb::Callback;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::class;
use crate::thread::NONE;
use crate::value::Value;

/// What a `dma_fence_array` has besides its fence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Array {
    /// Its members: a range of the world's.
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// How many must still be signaled.
    num_pending: i32,
}

/// A member of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Member {
    pub(crate) fence: u32,
    /// Its callback, which counts the array down.
    pub(crate) node: u32,
}

/// `base.error` of an array none of whose members has failed yet.
const PENDING_ERROR: i32 = 1;

/// `dma_fence_array_enable_signaling()` and `dma_fence_array_signaled()`: member by member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ArrayFrame {
    fence: u32,
    member: u32,
    /// Of those asked so far, counted down.
    pending: i32,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Next,
    Answered,
    Put,
}

/// `dma_fence_array_create()`: the members are in the context's scratch, from `base` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CreateFrame {
    base: u32,
    keep: Keep,
    seqno: u64,
    signal_on_any: bool,
    at: CreateAt,
}

/// Whose the references to the members are if there is no memory for the array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Keep {
    /// The caller's.
    ForCaller,
    /// They were taken for the array only, and are dropped.
    ForArray,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum CreateAt {
    Start,
    Allocated,
    Failed,
}

impl Kernel<'_> {
    /// `dma_fence_array_create()` in a new context, of the fences in the scratch from `base` on, which it takes
    /// over. NULL if there is no memory. The scratch is cut to `base`.
    pub(crate) fn array_create(&mut self, base: usize, keep: Keep, seqno: u64, signal_on_any: bool) -> Flow {
        let frame = CreateFrame { base: base as u32, keep, seqno, signal_on_any, at: CreateAt::Start };
        self.call(Frame::Fence(FenceFrame::ArrayCreate(frame)))
    }

    pub(crate) fn run_array_create(&mut self, mut frame: CreateFrame) -> Flow {
        let base = frame.base as usize;
        if frame.at == CreateAt::Start {
            frame.at = CreateAt::Allocated;
            go!(self, FenceFrame::ArrayCreate(frame), self.allocate(Gfp::KERNEL));
        }
        if frame.at == CreateAt::Allocated {
            let memory = self.ret();
            if memory.is_true() {
                self.free_memory(memory);
                let fence = self.array_init(base, frame.seqno, frame.signal_on_any);
                self.me().scratch.truncate(base);
                return Flow::Return(Value::fence(fence));
            }
            frame.at = CreateAt::Failed;
            if frame.keep == Keep::ForCaller {
                self.me().scratch.truncate(base);
            }
        }
        while self.me().scratch.len() > base {
            let member = self.me().scratch.pop().and_then(Value::index).unwrap_or(NONE);
            go!(self, FenceFrame::ArrayCreate(frame), self.fence_put(member));
        }
        Flow::Return(Value::Null)
    }

    /// `dma_fence_array_init()`.
    fn array_init(&mut self, base: usize, seqno: u64, signal_on_any: bool) -> u32 {
        let number = self.w.fences.arrays.len() as u32;
        let start = self.w.fences.members.len() as u32;
        let context = self.w.fences.new_context();
        let seqno = u64::from(seqno as u32);
        let array = self.fence_init_own(FenceSort::Array(number), class::FENCE_ARRAY, context, seqno);
        for position in base..self.me().scratch.len() {
            let Some(fence) = self.me().scratch[position].index() else { continue };
            let node = self.w.fences.new_node(Callback::Array(array));
            self.w.fences.members.push(Member { fence, node });
            if self.fence_is_container(fence) {
                self.broken("RF504", "a container inside a dma_fence_array", fence_object(fence));
            }
        }
        let len = self.w.fences.members.len() as u32 - start;
        if len == 0 {
            self.broken("RF706", "a dma_fence_array of nothing", fence_object(array));
        }
        let num_pending = if signal_on_any { 1 } else { len.cast_signed() };
        self.w.fences.arrays.push(Array { start, len, num_pending });
        self.w.fences.get_mut(array).error = PENDING_ERROR;
        array
    }

    /// The first member that has failed gives the array its error.
    fn array_set_pending_error(&mut self, fence: u32, error: i32) {
        let own = &mut self.w.fences.get_mut(fence).error;
        if error != 0 && *own == PENDING_ERROR {
            *own = error;
        }
    }

    pub(crate) fn array_clear_pending_error(&mut self, fence: u32) {
        let error = &mut self.w.fences.get_mut(fence).error;
        if *error == PENDING_ERROR {
            *error = 0;
        }
    }

    fn array_of(&self, fence: u32) -> u32 {
        match self.w.fences.get(fence).sort {
            FenceSort::Array(array) => array,
            _ => panic!("engine bug: fence {fence} is no array"),
        }
    }

    /// One member less to wait for; true if it was the last.
    fn array_count_down(&mut self, fence: u32) -> bool {
        let array = self.array_of(fence);
        let pending = &mut self.w.fences.arrays[array as usize].num_pending;
        *pending -= 1;
        *pending == 0
    }

    /// `dma_fence_array_cb_func()`. Signalling the array is left to an interrupt: its lock is outside those of
    /// its members where it enables them, and would be inside here.
    pub(crate) fn array_callback(&mut self, array: u32, member: u32) -> Flow {
        let error = self.w.fences.get(member).error;
        self.array_set_pending_error(array, error);
        if self.array_count_down(array) {
            self.queue_fence_irq_work(array);
            return Flow::Return(Value::Null);
        }
        self.fence_put(array)
    }

    pub(crate) fn array_enable_signaling(&mut self, fence: u32) -> Flow {
        let frame = ArrayFrame { fence, member: 0, pending: 0, at: At::Next };
        self.call(Frame::Fence(FenceFrame::ArrayEnable(frame)))
    }

    pub(crate) fn run_array_enable(&mut self, mut frame: ArrayFrame) -> Flow {
        let array = self.w.fences.arrays[self.array_of(frame.fence) as usize];
        while frame.member < array.len {
            let member = self.w.fences.members[(array.start + frame.member) as usize];
            if frame.at == At::Next {
                frame.at = At::Answered;
                // Callbacks may still come when the array is signaled already.
                self.fence_get(frame.fence);
                go!(self, FenceFrame::ArrayEnable(frame), self.fence_add_callback(member.fence, member.node));
            }
            if frame.at == At::Answered && self.ret().int() != 0 {
                let error = self.w.fences.get(member.fence).error;
                self.array_set_pending_error(frame.fence, error);
                frame.at = At::Put;
                go!(self, FenceFrame::ArrayEnable(frame), self.fence_put(frame.fence));
            }
            if frame.at == At::Put && self.array_count_down(frame.fence) {
                self.array_clear_pending_error(frame.fence);
                return Flow::Return(Value::bool(false));
            }
            frame.member += 1;
            frame.at = At::Next;
        }
        Flow::Return(Value::bool(true))
    }

    pub(crate) fn array_signaled(&mut self, fence: u32) -> Flow {
        let pending = self.w.fences.arrays[self.array_of(fence) as usize].num_pending;
        if self.w.fences.has(fence, flag::ENABLE_SIGNAL) {
            return Flow::Return(Value::bool(self.array_is_complete(fence, pending <= 0)));
        }
        let frame = ArrayFrame { fence, member: 0, pending, at: At::Next };
        self.call(Frame::Fence(FenceFrame::ArrayPoll(frame)))
    }

    fn array_is_complete(&mut self, fence: u32, complete: bool) -> bool {
        if complete {
            self.array_clear_pending_error(fence);
        }
        complete
    }

    pub(crate) fn run_array_poll(&mut self, mut frame: ArrayFrame) -> Flow {
        let array = self.w.fences.arrays[self.array_of(frame.fence) as usize];
        while frame.member < array.len {
            if frame.at == At::Next {
                frame.at = At::Answered;
                let member = self.w.fences.members[(array.start + frame.member) as usize].fence;
                go!(self, FenceFrame::ArrayPoll(frame), self.fence_is_signaled(member, false));
            }
            if self.ret().is_true() {
                frame.pending -= 1;
                if frame.pending == 0 {
                    return Flow::Return(Value::bool(self.array_is_complete(frame.fence, true)));
                }
            }
            frame.member += 1;
            frame.at = At::Next;
        }
        Flow::Return(Value::bool(false))
    }

    /// The `n`-th fence in an array; of any other fence itself is the only one. [`NONE`] behind the end.
    pub(crate) fn array_member(&self, fence: u32, n: u32) -> u32 {
        if fence == NONE {
            return NONE;
        }
        match self.w.fences.get(fence).sort {
            FenceSort::Array(array) => {
                let array = self.w.fences.arrays[array as usize];
                if n >= array.len {
                    return NONE;
                }
                self.w.fences.members[(array.start + n) as usize].fence
            }
            _ if n == 0 => fence,
            _ => NONE,
        }
    }
}
