//! `drivers/dma-buf/dma-fence-chain.c`: fences in a row, each node standing for itself and all before it.

use ringfence_base::errno::EINVAL;

use crate::dma_fence::{FenceSort, fence_object};
use crate::dma_fence_cb::Callback;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::class;
use crate::thread::NONE;
use crate::value::Value;

/// What a `dma_fence_chain` node has besides its fence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Chain {
    /// What it waits for itself.
    pub(crate) fence: u32,
    /// The node before it, or some fence, or [`NONE`].
    pub(crate) prev: u32,
    pub(crate) prev_seqno: u64,
    /// Its one callback.
    pub(crate) node: u32,
}

/// `dma_fence_chain_walk()`: from a node, whose reference it drops, to the one before it that is not signaled, on
/// which it takes one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct WalkFrame {
    fence: u32,
    prev: u32,
    at: WalkAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum WalkAt {
    Next,
    Polled,
    Unlinked,
    Done,
}

/// What is done node by node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Each {
    /// `dma_fence_chain_enable_signaling()`.
    Enable,
    /// `dma_fence_chain_signaled()`.
    Poll,
}

/// Walks a chain from its head.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct EachFrame {
    each: Each,
    head: u32,
    cursor: u32,
    at: EachAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum EachAt {
    Node,
    Answered,
    /// The reference to what the node contains is dropped again.
    Contained,
    Walked,
    /// Over, with this answer.
    Over(bool),
}

/// `dma_fence_chain_find_seqno()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FindFrame {
    head: u32,
    cursor: u32,
    seqno: u64,
    at: FindAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum FindAt {
    Node,
    Walked,
    Found,
}

impl Kernel<'_> {
    /// The chain node that the fence is, if it is one.
    pub(crate) fn chain_of(&self, fence: u32) -> Option<&Chain> {
        match self.w.fences.list.get(fence as usize)?.sort {
            FenceSort::Chain(chain) => Some(&self.w.fences.chains[chain as usize]),
            _ => None,
        }
    }

    /// `dma_fence_chain_contained()`.
    pub(crate) fn chain_contained(&self, fence: u32) -> u32 {
        self.chain_of(fence).map_or(fence, |chain| chain.fence)
    }

    /// `dma_fence_chain_init()`; takes over both references. `prev` may be [`NONE`].
    pub(crate) fn chain_init(&mut self, prev: u32, contained: u32, seqno: u64) -> u32 {
        let (mut seqno, mut prev_seqno, mut context) = (seqno, 0, None);
        if self.chain_of(prev).is_some() {
            let before = *self.w.fences.get(prev);
            if self.w.fences.is_later(seqno, before.seqno, prev) {
                context = Some(before.context);
                prev_seqno = before.seqno;
            } else {
                seqno = seqno.max(before.seqno);
            }
        }
        let context = context.unwrap_or_else(|| self.w.fences.new_context());
        let number = self.w.fences.chains.len() as u32;
        let chain = self.fence_init_own(FenceSort::Chain(number), class::FENCE_CHAIN, context, seqno);
        let node = self.w.fences.new_node(Callback::Chain(chain));
        self.w.fences.chains.push(Chain { fence: contained, prev, prev_seqno, node });
        if self.chain_of(contained).is_some() {
            self.broken("RF504", "a dma_fence_chain contains another", fence_object(contained));
        }
        chain
    }

    /// `dma_fence_chain_walk()`: the next fence, or NULL.
    pub(crate) fn chain_walk(&mut self, fence: u32) -> Flow {
        self.call(Frame::Fence(FenceFrame::Walk(WalkFrame { fence, prev: NONE, at: WalkAt::Next })))
    }

    /// `dma_fence_chain_get_prev()`: with a reference.
    fn chain_get_prev(&mut self, chain: u32) -> u32 {
        let prev = self.chain_of(chain).map_or(NONE, |chain| chain.prev);
        if prev != NONE {
            self.fence_get(prev);
        }
        prev
    }

    pub(crate) fn run_walk(&mut self, mut frame: WalkFrame) -> Flow {
        loop {
            match frame.at {
                WalkAt::Next => {
                    frame.prev = self.chain_get_prev(frame.fence);
                    if frame.prev == NONE {
                        frame.at = WalkAt::Done;
                        go!(self, FenceFrame::Walk(frame), self.fence_put(frame.fence));
                        continue;
                    }
                    frame.at = WalkAt::Polled;
                    let contained = self.chain_contained(frame.prev);
                    go!(self, FenceFrame::Walk(frame), self.fence_is_signaled(contained, false));
                }
                WalkAt::Polled => {
                    if !self.ret().is_true() {
                        frame.at = WalkAt::Done;
                        go!(self, FenceFrame::Walk(frame), self.fence_put(frame.fence));
                        continue;
                    }
                    frame.at = WalkAt::Unlinked;
                    let dropped = self.chain_unlink_prev(frame.fence, frame.prev);
                    go!(self, FenceFrame::Walk(frame), self.fence_put(dropped));
                }
                WalkAt::Unlinked => {
                    frame.at = WalkAt::Next;
                    go!(self, FenceFrame::Walk(frame), self.fence_put(frame.prev));
                }
                WalkAt::Done => return Flow::Return(fence_or_null(frame.prev)),
            }
        }
    }

    /// Takes a signaled predecessor out of the chain; returns the fence whose reference is too many now.
    fn chain_unlink_prev(&mut self, chain: u32, prev: u32) -> u32 {
        let replacement = self.chain_get_prev(prev);
        let FenceSort::Chain(number) = self.w.fences.get(chain).sort else {
            panic!("engine bug: fence {chain} is no chain");
        };
        let own = &mut self.w.fences.chains[number as usize].prev;
        if *own != prev {
            // Somebody else was quicker.
            return replacement;
        }
        *own = replacement;
        prev
    }

    pub(crate) fn chain_enable_signaling(&mut self, fence: u32) -> Flow {
        self.fence_get(fence);
        self.chain_each(Each::Enable, fence)
    }

    pub(crate) fn chain_signaled(&mut self, fence: u32) -> Flow {
        self.chain_each(Each::Poll, fence)
    }

    fn chain_each(&mut self, each: Each, head: u32) -> Flow {
        self.fence_get(head);
        let frame = EachFrame { each, head, cursor: head, at: EachAt::Node };
        self.call(Frame::Fence(FenceFrame::ChainEach(frame)))
    }

    pub(crate) fn run_chain_each(&mut self, mut frame: EachFrame) -> Flow {
        loop {
            match frame.at {
                EachAt::Node => {
                    frame.at = EachAt::Answered;
                    let contained = self.chain_contained(frame.cursor);
                    go!(
                        self,
                        FenceFrame::ChainEach(frame),
                        self.chain_ask(frame.each, frame.head, contained)
                    );
                }
                EachAt::Answered => {
                    let contained = self.chain_contained(frame.cursor);
                    let signaled = match frame.each {
                        Each::Enable => self.ret().int() != 0,
                        Each::Poll => self.ret().is_true(),
                    };
                    if !signaled {
                        frame.at = EachAt::Over(frame.each == Each::Enable);
                        go!(self, FenceFrame::ChainEach(frame), self.fence_put(frame.cursor));
                        continue;
                    }
                    frame.at = EachAt::Contained;
                    let taken = if frame.each == Each::Enable { contained } else { NONE };
                    go!(self, FenceFrame::ChainEach(frame), self.fence_put(taken));
                }
                EachAt::Contained => {
                    frame.at = EachAt::Walked;
                    go!(self, FenceFrame::ChainEach(frame), self.chain_walk(frame.cursor));
                }
                EachAt::Walked => match self.ret().index() {
                    Some(cursor) => (frame.cursor, frame.at) = (cursor, EachAt::Node),
                    None if frame.each == Each::Enable => {
                        frame.at = EachAt::Over(false);
                        go!(self, FenceFrame::ChainEach(frame), self.fence_put(frame.head));
                    }
                    None => frame.at = EachAt::Over(true),
                },
                EachAt::Over(answer) => return Flow::Return(Value::bool(answer)),
            }
        }
    }

    /// Asks one fence of the chain: nonzero if it is signaled.
    fn chain_ask(&mut self, each: Each, head: u32, contained: u32) -> Flow {
        match each {
            Each::Enable => {
                self.fence_get(contained);
                let node = self.chain_of(head).map_or(NONE, |chain| chain.node);
                self.fence_add_callback(contained, node)
            }
            Each::Poll => self.fence_is_signaled(contained, false),
        }
    }

    /// `dma_fence_chain_find_seqno()`: the result is the errno; what was found is in the context. On success the
    /// caller's reference has become one to what was found.
    pub(crate) fn chain_find_seqno(&mut self, fence: u32, seqno: u64) -> Flow {
        self.me().found = fence_or_null(fence);
        if seqno == 0 {
            return Flow::Return(Value::Int(0));
        }
        if self.chain_of(fence).is_none() || self.w.fences.get(fence).seqno < seqno {
            return Flow::Return(Value::errno(EINVAL));
        }
        self.fence_get(fence);
        let frame = FindFrame { head: fence, cursor: fence, seqno, at: FindAt::Node };
        self.call(Frame::Fence(FenceFrame::Find(frame)))
    }

    pub(crate) fn run_find(&mut self, mut frame: FindFrame) -> Flow {
        loop {
            match frame.at {
                FindAt::Node if self.is_what_is_sought(frame) => {
                    frame.at = FindAt::Found;
                    go!(self, FenceFrame::Find(frame), self.fence_put(frame.head));
                }
                FindAt::Node => {
                    frame.at = FindAt::Walked;
                    go!(self, FenceFrame::Find(frame), self.chain_walk(frame.cursor));
                }
                FindAt::Walked => {
                    frame.cursor = self.ret().index().unwrap_or(NONE);
                    frame.at = FindAt::Node;
                }
                FindAt::Found => {
                    self.me().found = fence_or_null(frame.cursor);
                    return Flow::Return(Value::Int(0));
                }
            }
        }
    }

    fn is_what_is_sought(&self, frame: FindFrame) -> bool {
        let context = self.w.fences.get(frame.head).context;
        match self.chain_of(frame.cursor) {
            Some(chain) => {
                self.w.fences.get(frame.cursor).context != context || chain.prev_seqno < frame.seqno
            }
            None => true,
        }
    }
}

/// A fence, or NULL for [`NONE`].
pub(crate) fn fence_or_null(fence: u32) -> Value {
    if fence == NONE { Value::Null } else { Value::fence(fence) }
}
