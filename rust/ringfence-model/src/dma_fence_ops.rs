//! The operations on fences, and the frames of their kernel functions.

use ringfence_base::errno::EINVAL;
use ringfence_base::scenario::Op;
use ringfence_base::{EventKind, Gfp, Published};

use crate::dma_fence::{fence_object, flag};
use crate::dma_fence_array::{ArrayFrame, CreateFrame, Keep};
use crate::dma_fence_chain::{EachFrame, FindFrame, WalkFrame, fence_or_null};
use crate::dma_fence_irq_work::IrqWorkFrame;
use crate::dma_fence_release::ReleaseFrame;
use crate::dma_fence_signal::{Doing, EnableFrame, LockedFrame, PollFrame};
use crate::dma_fence_stub::{DeadlineFrame, LaterFrame, NewFrame};
use crate::dma_fence_unwrap::MergeFrame;
use crate::dma_fence_wait::{AnyFrame, WaitFrame};
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::thread::NONE;
use crate::value::Value;

/// Does something, and goes on in the given state: at once if that is done, otherwise when the frame is entered
/// again. The result is then `ret()`.
macro_rules! go {
    ($kernel:ident, $frame:expr, $what:expr) => {{
        $kernel.replace($crate::frame::Frame::Fence($frame));
        match $what {
            $crate::frame::Flow::Return(value) => $kernel.me().ret = value,
            flow => return flow,
        }
    }};
}
pub(crate) use go;

/// A kernel function on fences that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum FenceFrame {
    /// Under a fence's lock.
    Locked(LockedFrame),
    /// The callbacks of a fence that was signaled.
    Callbacks(u32),
    /// `__dma_fence_enable_signaling()`.
    Enable(EnableFrame),
    /// `dma_fence_is_signaled()`.
    Poll(PollFrame),
    /// `dma_fence_release()`.
    Release(ReleaseFrame),
    /// `dma_fence_wait_timeout()`.
    Wait(WaitFrame),
    /// `dma_fence_wait_any_timeout()`.
    WaitAny(AnyFrame),
    /// `dma_fence_array_create()`.
    ArrayCreate(CreateFrame),
    /// `dma_fence_array_enable_signaling()`.
    ArrayEnable(ArrayFrame),
    /// `dma_fence_array_signaled()`.
    ArrayPoll(ArrayFrame),
    /// `dma_fence_chain_walk()`.
    Walk(WalkFrame),
    /// `dma_fence_chain_for_each()`.
    ChainEach(EachFrame),
    /// `dma_fence_chain_find_seqno()`.
    Find(FindFrame),
    /// `irq_work_run()`.
    IrqWork(IrqWorkFrame),
    /// `__dma_fence_unwrap_merge()`.
    Merge(MergeFrame),
    /// An allocated fence.
    New(NewFrame),
    /// `dma_fence_later()`.
    Later(LaterFrame),
    /// `dma_fence_set_deadline()`.
    Deadline(DeadlineFrame),
}

/// What RF105 says of signalling.
const SIGNALS_FOREIGN: &str = "a driver signals another driver's fence";
const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    pub(crate) fn run_fence(&mut self, frame: FenceFrame) -> Flow {
        match frame {
            FenceFrame::Locked(frame) => self.run_locked(frame),
            FenceFrame::Callbacks(fence) => self.run_callbacks(fence),
            FenceFrame::Enable(frame) => self.run_enable(frame),
            FenceFrame::Poll(frame) => self.run_poll(frame),
            FenceFrame::Release(frame) => self.run_release(frame),
            FenceFrame::Wait(frame) => self.run_fence_wait(frame),
            FenceFrame::WaitAny(frame) => self.run_wait_any(frame),
            FenceFrame::ArrayCreate(frame) => self.run_array_create(frame),
            FenceFrame::ArrayEnable(frame) => self.run_array_enable(frame),
            FenceFrame::ArrayPoll(frame) => self.run_array_poll(frame),
            FenceFrame::Walk(frame) => self.run_walk(frame),
            FenceFrame::ChainEach(frame) => self.run_chain_each(frame),
            FenceFrame::Find(frame) => self.run_find(frame),
            FenceFrame::IrqWork(frame) => self.run_fence_irq_work(frame),
            FenceFrame::Merge(frame) => self.run_merge(frame),
            FenceFrame::New(frame) => self.run_new(frame),
            FenceFrame::Later(frame) => self.run_later(frame),
            FenceFrame::Deadline(frame) => self.run_deadline(frame),
        }
    }

    /// The fence that an argument is, if it is one and its memory is still there; otherwise the finding has been
    /// reported.
    pub(crate) fn fence_arg(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        let fence = self.object(call, n)?;
        self.fence_is_usable(fence).then_some(fence)
    }

    /// Its memory is still there; otherwise the finding has been reported.
    pub(crate) fn fence_is_usable(&mut self, fence: u32) -> bool {
        let freed = self.w.fences.has(fence, flag::FREED);
        if freed {
            self.broken("RF502", "a fence is used after it was freed", fence_object(fence));
        }
        !freed
    }

    /// A fence argument that may be NULL, as [`NONE`]. `None`: the finding has been reported.
    fn fence_arg_or_null(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        match self.arg(call, n).index() {
            None => Some(NONE),
            Some(_) => self.fence_arg(call, n),
        }
    }

    pub(crate) fn fence_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::DmaFenceInit
            | Op::DmaFenceInitSeqno
            | Op::DmaFenceInitOps
            | Op::DmaFenceAllocInit
            | Op::DmaFenceGetStub
            | Op::DmaFenceAllocatePrivateStub
            | Op::DmaFenceArrayCreate
            | Op::DmaFenceUnwrapMerge
            | Op::DmaFenceChainInit => self.new_fence_op(call),
            Op::DmaFenceBeginSignalling => Flow::Return(Value::Int(self.begin_signalling())),
            Op::DmaFenceEndSignalling => {
                let cookie = self.int(call, 0);
                self.end_signalling(cookie);
                NOTHING
            }
            Op::DmaFenceMightWait => {
                self.emit(EventKind::MightWait);
                NOTHING
            }
            Op::DmaFenceChainFound => Flow::Return(self.me().found),
            Op::DmaFenceWaitAnyTimeout => self.wait_any_op(call),
            Op::DmaFencePut
            | Op::DmaFenceSignal
            | Op::DmaFenceSignalTimestamp
            | Op::DmaFenceChainFindSeqno
            | Op::DmaFenceChainWalk
            | Op::DmaFenceChainContained
            | Op::DmaFenceArrayFirst
            | Op::DmaFenceArrayNext => self.nullable_fence_op(call),
            Op::DmaFenceGet if !self.arg(call, 0).is_true() => NOTHING,
            _ => match self.fence_arg_rcu(call) {
                Some(fence) => self.one_fence_op(call, fence),
                None => NOTHING,
            },
        }
    }

    /// What `dma_fence_get_rcu()` is for: the fence may have lost its last reference while this context reads.
    fn fence_arg_rcu(&mut self, call: Call<'_>) -> Option<u32> {
        if call.op == Op::DmaFenceGetRcu
            && self.me().rcu != 0
            && let Some(fence) = self.arg(call, 0).index()
        {
            return Some(fence);
        }
        self.fence_arg(call, 0)
    }

    fn new_fence_op(&mut self, call: Call<'_>) -> Flow {
        let fence = match call.op {
            Op::DmaFenceGetStub => {
                let stub = *self.w.fences.stub;
                self.fence_get(stub);
                return Flow::Return(Value::fence(stub));
            }
            Op::DmaFenceAllocatePrivateStub => {
                let timestamp = u64::try_from(self.int(call, 0)).unwrap_or(0);
                return self.alloc_private_stub(timestamp);
            }
            Op::DmaFenceArrayCreate => {
                let Some(base) = self.fences_to_scratch(call, 1) else { return NOTHING };
                let (seqno, any) = (self.int(call, 1).cast_unsigned(), self.arg(call, 2).is_true());
                return self.array_create(base, Keep::ForCaller, seqno, any);
            }
            Op::DmaFenceUnwrapMerge => {
                let Some(base) = self.fences_to_scratch(call, 1) else { return NOTHING };
                return self.unwrap_merge(base);
            }
            Op::DmaFenceChainInit => {
                let Some(prev) = self.fence_arg_or_null(call, 0) else { return NOTHING };
                let Some(contained) = self.fence_arg(call, 1) else { return NOTHING };
                let seqno = self.int(call, 2).cast_unsigned();
                self.chain_init(prev, contained, seqno)
            }
            _ => {
                let Some(timeline) = self.object(call, 0) else { return NOTHING };
                let seqno = match call.op {
                    Op::DmaFenceInitSeqno | Op::DmaFenceInitOps => Some(self.int(call, 1).cast_unsigned()),
                    _ => None,
                };
                if call.op == Op::DmaFenceAllocInit {
                    let gfp = Gfp::from_bits(self.int(call, 1).cast_unsigned() as u32);
                    return self.alloc_fence(timeline, gfp);
                }
                let ops = (call.op == Op::DmaFenceInitOps).then(|| self.arg(call, 2).index().unwrap_or(NONE));
                self.fence_init(timeline, seqno, ops)
            }
        };
        Flow::Return(Value::fence(fence))
    }

    /// Puts the fences of a list on the scratch, `stride` places for each; where they begin. `None`: one of them
    /// is NULL or gone, which has been reported.
    fn fences_to_scratch(&mut self, call: Call<'_>, stride: usize) -> Option<usize> {
        let base = self.me().scratch.len();
        for fence in self.list(call, 0) {
            let usable = if let Some(fence) = fence.index() {
                self.fence_is_usable(fence)
            } else {
                self.broken("RF509", "NULL pointer dereference", None);
                false
            };
            if !usable {
                self.me().scratch.truncate(base);
                return None;
            }
            let scratch = &mut self.me().scratch;
            scratch.push(fence);
            scratch.resize(scratch.len() + stride - 1, Value::Null);
        }
        Some(base)
    }

    fn wait_any_op(&mut self, call: Call<'_>) -> Flow {
        let Some(base) = self.fences_to_scratch(call, 2) else { return Flow::Return(Value::errno(EINVAL)) };
        let (interruptible, timeout) = (self.arg(call, 1).is_true(), self.int(call, 2));
        self.fence_wait_any(base, interruptible, timeout)
    }

    fn nullable_fence_op(&mut self, call: Call<'_>) -> Flow {
        if call.op == Op::DmaFencePut {
            // One too many is a finding of its own, although the fence is gone with the one before.
            return self.fence_put(self.arg(call, 0).index().unwrap_or(NONE));
        }
        let Some(fence) = self.fence_arg_or_null(call, 0) else { return NOTHING };
        match call.op {
            Op::DmaFenceSignal | Op::DmaFenceSignalTimestamp if fence == NONE => {
                Flow::Return(Value::errno(EINVAL))
            }
            Op::DmaFenceSignal => {
                self.check_annotated(fence);
                self.check_own_fence(fence, SIGNALS_FOREIGN);
                self.fence_signal(fence)
            }
            Op::DmaFenceSignalTimestamp => {
                self.check_own_fence(fence, SIGNALS_FOREIGN);
                let timestamp = u64::try_from(self.int(call, 1)).unwrap_or(0);
                self.with_fence_lock(fence, Doing::SignalTimestamp(timestamp))
            }
            Op::DmaFenceChainFindSeqno => {
                let seqno = self.int(call, 1).cast_unsigned();
                self.chain_find_seqno(fence, seqno)
            }
            Op::DmaFenceChainWalk if fence == NONE => NOTHING,
            Op::DmaFenceChainWalk => self.chain_walk(fence),
            Op::DmaFenceChainContained => Flow::Return(fence_or_null(self.chain_contained(fence))),
            Op::DmaFenceArrayFirst => Flow::Return(fence_or_null(self.array_member(fence, 0))),
            _ => {
                let index = u32::try_from(self.int(call, 1)).unwrap_or(NONE);
                Flow::Return(fence_or_null(self.array_member(fence, index)))
            }
        }
    }

    fn one_fence_op(&mut self, call: Call<'_>, fence: u32) -> Flow {
        let now = *self.w.time.now;
        match call.op {
            Op::DmaFenceSignalLocked => {
                self.check_own_fence(fence, SIGNALS_FOREIGN);
                self.fence_signal_locked(fence, now)
            }
            Op::DmaFenceGetStatus => self.with_fence_lock(fence, Doing::Status),
            Op::DmaFenceIsSignaled => self.fence_is_signaled(fence, false),
            Op::DmaFenceIsSignaledLocked => self.fence_is_signaled(fence, true),
            Op::DmaFenceEnableSwSignaling => self.with_fence_lock(fence, Doing::Enable),
            Op::DmaFenceAddCallback => match self.object(call, 1) {
                Some(node) => self.fence_add_callback(fence, node),
                None => Flow::Return(Value::errno(EINVAL)),
            },
            Op::DmaFenceRemoveCallback => match self.object(call, 1) {
                Some(node) => self.with_fence_lock(fence, Doing::RemoveCallback(node)),
                None => NOTHING,
            },
            Op::DmaFenceWait => {
                let interruptible = self.arg(call, 1).is_true();
                self.fence_wait(fence, interruptible)
            }
            Op::DmaFenceWaitTimeout => {
                let (interruptible, timeout) = (self.arg(call, 1).is_true(), self.int(call, 2));
                self.fence_wait_timeout(fence, interruptible, timeout)
            }
            Op::DmaFenceSetDeadline => {
                let deadline = self.int(call, 1);
                self.fence_set_deadline(fence, deadline)
            }
            Op::DmaFenceLock => self.lock_fence(fence),
            Op::DmaFenceLater => match self.fence_arg(call, 1) {
                Some(other) => self.fence_later(fence, other),
                None => NOTHING,
            },
            _ => self.plain_fence_op(call, fence),
        }
    }

    /// What neither blocks nor calls anybody.
    fn plain_fence_op(&mut self, call: Call<'_>, fence: u32) -> Flow {
        let entry = *self.w.fences.get(fence);
        Flow::Return(match call.op {
            Op::DmaFenceGetRcu if entry.refs == 0 => Value::Null,
            Op::DmaFenceGet | Op::DmaFenceGetRcu => {
                self.fence_get(fence);
                Value::fence(fence)
            }
            Op::DmaFencePublish => {
                self.publish_fence(fence, Published::Otherwise);
                Value::Null
            }
            Op::DmaFenceSetError => {
                self.check_own_fence(fence, "a driver sets an error on another driver's fence");
                let error = self.int(call, 1);
                self.fence_set_error(fence, error);
                Value::Null
            }
            Op::DmaFenceIsLater => match self.fence_arg(call, 1) {
                Some(other) => Value::bool(self.fence_is_later(fence, other)),
                None => Value::Null,
            },
            Op::DmaFenceSeqno => Value::Int(entry.seqno.cast_signed()),
            Op::DmaFenceContext => Value::Int(entry.context.cast_signed()),
            Op::DmaFenceChainPrevSeqno => {
                let seqno = self.chain_of(fence).map_or(0, |chain| chain.prev_seqno);
                Value::Int(seqno.cast_signed())
            }
            Op::DmaFenceUnlock => {
                let on = self.arg(call, 1).is_true();
                self.unlock_fence(fence, on);
                Value::Null
            }
            Op::DmaFenceHwDone => {
                self.fence_hw_done(fence);
                Value::Null
            }
            Op::DmaFenceHwIsDone => Value::bool(entry.flags & flag::HW_DONE != 0),
            other => panic!("engine bug: {other:?} is no operation on fences"),
        })
    }

    /// `dma_fence_set_error()`.
    pub(crate) fn fence_set_error(&mut self, fence: u32, error: i64) {
        if self.w.fences.has(fence, flag::SIGNALED) {
            self.broken("RF512", "an error is set on a fence that is signaled already", fence_object(fence));
        }
        if !(-ringfence_base::errno::MAX_ERRNO..0).contains(&error) {
            self.broken("RF512", "the error of a fence is no negative errno", fence_object(fence));
        }
        // What Linux stores after its warning, cut to an int as there.
        self.w.fences.get_mut(fence).error = error as i32;
    }
}
