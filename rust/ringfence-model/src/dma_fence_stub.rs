//! Fences that are allocated, stubs, the later of two fences, and deadlines.

use ringfence_base::Gfp;

use crate::dma_fence::{FenceSort, flag};
use crate::dma_fence_ops::{FenceFrame, go};
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::value::Value;

/// A fence that is allocated first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NewFrame {
    sort: NewSort,
    at: NewAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum NewSort {
    /// On a declared timeline.
    On(u32),
    /// `dma_fence_allocate_private_stub()`: signaled at this time.
    Stub(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum NewAt {
    Allocated,
    Signaled(u32),
}

/// `dma_fence_later()`: the later one is asked whether it is signaled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LaterFrame {
    later: u32,
}

/// `dma_fence_set_deadline()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct DeadlineFrame {
    fence: u32,
    deadline: i64,
    at: DeadlineAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum DeadlineAt {
    Polled,
    /// The members of an array before this one were told.
    Members(u32),
    /// A node of a chain is told, and then the chain walked.
    Node(u32),
    Told(u32),
    Walked,
    Over,
}

impl Kernel<'_> {
    /// Allocates a fence and initialises it; NULL if there is no memory.
    pub(crate) fn alloc_fence(&mut self, timeline: u32, gfp: Gfp) -> Flow {
        self.new_fence(NewSort::On(timeline), gfp)
    }

    /// `dma_fence_allocate_private_stub()`.
    pub(crate) fn alloc_private_stub(&mut self, timestamp: u64) -> Flow {
        self.new_fence(NewSort::Stub(timestamp), Gfp::KERNEL)
    }

    fn new_fence(&mut self, sort: NewSort, gfp: Gfp) -> Flow {
        self.call(Frame::Fence(FenceFrame::New(NewFrame { sort, at: NewAt::Allocated })));
        let flow = self.allocate(gfp);
        self.returned(flow)
    }

    pub(crate) fn run_new(&mut self, mut frame: NewFrame) -> Flow {
        if let NewAt::Signaled(fence) = frame.at {
            return Flow::Return(Value::fence(fence));
        }
        let memory = self.ret();
        if !memory.is_true() {
            return Flow::Return(Value::Null);
        }
        self.free_memory(memory);
        let fence = match frame.sort {
            NewSort::On(timeline) => self.fence_init(timeline, None, None),
            NewSort::Stub(timestamp) => {
                let lock = self.w.fences.get(*self.w.fences.stub).lock;
                let fence = self.fence_init_with(lock, 0, 0);
                let entry = self.w.fences.get_mut(fence);
                entry.sort = FenceSort::Stub;
                entry.flags |= flag::ENABLE_SIGNAL;
                frame.at = NewAt::Signaled(fence);
                go!(
                    self,
                    FenceFrame::New(frame),
                    self.with_fence_lock(fence, Doing::SignalTimestamp(timestamp))
                );
                fence
            }
        };
        Flow::Return(Value::fence(fence))
    }

    /// `dma_fence_later()`: NULL if the later one is signaled.
    pub(crate) fn fence_later(&mut self, a: u32, b: u32) -> Flow {
        if self.w.fences.get(a).context != self.w.fences.get(b).context {
            self.fence_is_later(a, b);
            return Flow::Return(Value::Null);
        }
        let later = if self.fence_is_later(a, b) { a } else { b };
        self.call(Frame::Fence(FenceFrame::Later(LaterFrame { later })));
        let flow = self.fence_is_signaled(later, false);
        self.returned(flow)
    }

    pub(crate) fn run_later(&mut self, frame: LaterFrame) -> Flow {
        Flow::Return(if self.ret().is_true() { Value::Null } else { Value::fence(frame.later) })
    }

    /// `dma_fence_set_deadline()`: containers pass it on.
    pub(crate) fn fence_set_deadline(&mut self, fence: u32, deadline: i64) -> Flow {
        let has_op = match self.w.fences.get(fence).sort {
            FenceSort::Driver(_) | FenceSort::Stub => self.fence_ops(fence).set_deadline.is_some(),
            FenceSort::Scheduled(_) => false,
            FenceSort::Array(_) | FenceSort::Chain(_) | FenceSort::SwSync(_) | FenceSort::Finished(_) => true,
        };
        if !has_op {
            return Flow::Return(Value::Null);
        }
        let frame = DeadlineFrame { fence, deadline, at: DeadlineAt::Polled };
        self.call(Frame::Fence(FenceFrame::Deadline(frame)));
        let flow = self.fence_is_signaled(fence, false);
        self.returned(flow)
    }

    pub(crate) fn run_deadline(&mut self, mut frame: DeadlineFrame) -> Flow {
        loop {
            match frame.at {
                DeadlineAt::Polled => {
                    if self.ret().is_true() {
                        return Flow::Return(Value::Null);
                    }
                    match self.begin_deadline(&mut frame) {
                        Flow::Return(_) => {}
                        flow => return flow,
                    }
                }
                DeadlineAt::Members(member) => {
                    let fence = self.array_member(frame.fence, member);
                    if fence == NONE {
                        return Flow::Return(Value::Null);
                    }
                    frame.at = DeadlineAt::Members(member + 1);
                    go!(self, FenceFrame::Deadline(frame), self.fence_set_deadline(fence, frame.deadline));
                }
                DeadlineAt::Node(node) => {
                    frame.at = DeadlineAt::Told(node);
                    let contained = self.chain_contained(node);
                    go!(
                        self,
                        FenceFrame::Deadline(frame),
                        self.fence_set_deadline(contained, frame.deadline)
                    );
                }
                DeadlineAt::Told(node) => {
                    frame.at = DeadlineAt::Walked;
                    go!(self, FenceFrame::Deadline(frame), self.chain_walk(node));
                }
                DeadlineAt::Walked => match self.ret().index() {
                    Some(node) => frame.at = DeadlineAt::Node(node),
                    None => return Flow::Return(Value::Null),
                },
                DeadlineAt::Over => return Flow::Return(Value::Null),
            }
        }
    }

    fn begin_deadline(&mut self, frame: &mut DeadlineFrame) -> Flow {
        let DeadlineFrame { fence, deadline, .. } = *frame;
        frame.at = match self.w.fences.get(fence).sort {
            FenceSort::Array(_) => DeadlineAt::Members(0),
            FenceSort::Chain(_) => {
                self.fence_get(fence);
                DeadlineAt::Node(fence)
            }
            FenceSort::Driver(_)
            | FenceSort::Stub
            | FenceSort::SwSync(_)
            | FenceSort::Scheduled(_)
            | FenceSort::Finished(_) => DeadlineAt::Over,
        };
        self.replace(Frame::Fence(FenceFrame::Deadline(*frame)));
        if let FenceSort::Finished(job) = self.w.fences.get(fence).sort {
            return match self.sched_fence_deadline(job, deadline) {
                Some(parent) => self.fence_set_deadline(parent, deadline),
                None => Flow::Return(Value::Null),
            };
        }
        if matches!(self.w.fences.get(fence).sort, FenceSort::SwSync(_)) {
            return self.with_fence_lock(fence, Doing::Deadline);
        }
        match self.fence_ops(fence).set_deadline {
            Some(program) => self.call_fence_op(program, &[Value::fence(fence), Value::Int(deadline)]),
            None => Flow::Return(Value::Null),
        }
    }
}
