//! `drivers/dma-buf/dma-fence-unwrap.c`: what is in chains of arrays, and merging of fences.

use core::cmp::Ordering;

use ringfence_base::Gfp;

use crate::dma_fence::{Fence, flag};
use crate::dma_fence_array::Keep;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::value::Value;

/// `__dma_fence_unwrap_merge()`: the fences to merge are in the context's scratch from `base` to `collected`, and
/// behind them those that were found unsignaled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct MergeFrame {
    base: u32,
    collected: u32,
    /// Which of the fences is being looked into.
    input: u32,
    /// The node in its chain, and the position in the array there.
    chain: u32,
    index: u32,
    /// How many were found unsignaled.
    count: u32,
    /// The latest time at which one was signaled.
    timestamp: u64,
    /// The second round: memory is there.
    collecting: bool,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Input,
    Leaf,
    Polled,
    Walked,
    Allocated,
    /// Superseded fences before this place are put.
    Putting(u32),
    Over,
}

impl Kernel<'_> {
    /// Merges the fences in the scratch from `base` on; cuts it to `base`. The caller keeps its references.
    pub(crate) fn unwrap_merge(&mut self, base: usize) -> Flow {
        let frame = MergeFrame {
            base: base as u32,
            collected: self.me().scratch.len() as u32,
            input: base as u32,
            chain: NONE,
            index: 0,
            count: 0,
            timestamp: 0,
            collecting: false,
            at: At::Input,
        };
        self.call(Frame::Fence(FenceFrame::Merge(frame)))
    }

    pub(crate) fn run_merge(&mut self, mut frame: MergeFrame) -> Flow {
        loop {
            match frame.at {
                At::Input => {
                    if frame.input == frame.collected {
                        return self.merge_round_over(frame);
                    }
                    let head = self.me().scratch[frame.input as usize].index().unwrap_or(NONE);
                    if head != NONE {
                        self.fence_get(head);
                    }
                    (frame.chain, frame.index, frame.at) = (head, 0, At::Leaf);
                }
                At::Leaf => {
                    let leaf = self.merge_leaf(frame);
                    if leaf != NONE {
                        frame.at = At::Polled;
                        go!(self, FenceFrame::Merge(frame), self.fence_is_signaled(leaf, false));
                    } else if frame.chain == NONE {
                        (frame.input, frame.at) = (frame.input + 1, At::Input);
                    } else {
                        frame.at = At::Walked;
                        go!(self, FenceFrame::Merge(frame), self.chain_walk(frame.chain));
                    }
                }
                At::Walked => {
                    frame.chain = self.ret().index().unwrap_or(NONE);
                    (frame.index, frame.at) = (0, At::Leaf);
                }
                At::Polled => {
                    let leaf = self.merge_leaf(frame);
                    if self.ret().is_true() {
                        frame.timestamp = frame.timestamp.max(self.w.fences.get(leaf).timestamp);
                    } else if frame.collecting {
                        self.fence_get(leaf);
                        self.me().scratch.push(Value::fence(leaf));
                    } else {
                        frame.count += 1;
                    }
                    (frame.index, frame.at) = (frame.index + 1, At::Leaf);
                }
                At::Allocated => {
                    let memory = self.ret();
                    if !memory.is_true() {
                        self.me().scratch.truncate(frame.base as usize);
                        return Flow::Return(Value::Null);
                    }
                    self.free_memory(memory);
                    (frame.collecting, frame.input, frame.at) = (true, frame.base, At::Input);
                }
                At::Putting(place) => match self.merge_superseded(place) {
                    Some((place, superseded)) => {
                        frame.at = At::Putting(place);
                        go!(self, FenceFrame::Merge(frame), self.fence_put(superseded));
                    }
                    None => return self.merge_result(frame),
                },
                At::Over => return Flow::Return(self.ret()),
            }
        }
    }

    fn merge_leaf(&self, frame: MergeFrame) -> u32 {
        self.array_member(self.chain_contained(frame.chain), frame.index)
    }

    /// All fences were looked into: once to count, and, if any is pending, once to collect.
    fn merge_round_over(&mut self, mut frame: MergeFrame) -> Flow {
        if !frame.collecting && frame.count != 0 {
            frame.at = At::Allocated;
            self.replace(Frame::Fence(FenceFrame::Merge(frame)));
            let flow = self.allocate(Gfp::KERNEL);
            return self.returned(flow);
        }
        let fences = &self.w.fences;
        let collected = &mut self.w.threads[self.task as usize].scratch[frame.collected as usize..];
        let entry = |value: &Value| fences.get(value.index().unwrap_or(NONE));
        crate::sort::sort(collected, |a, b| merge_order(entry(a), entry(b)));
        frame.at = At::Putting(frame.collected + 1);
        self.replace(Frame::Fence(FenceFrame::Merge(frame)));
        Flow::Continue
    }

    /// The next fence from `place` on that an earlier one of the same context stands for; it is taken out.
    fn merge_superseded(&mut self, mut place: u32) -> Option<(u32, u32)> {
        while (place as usize) < self.me().scratch.len() {
            let fence = self.me().scratch[place as usize].index().unwrap_or(NONE);
            let kept = self.me().scratch[place as usize - 1].index().unwrap_or(NONE);
            if self.w.fences.get(fence).context == self.w.fences.get(kept).context {
                self.me().scratch.remove(place as usize);
                return Some((place, fence));
            }
            place += 1;
        }
        None
    }

    fn merge_result(&mut self, mut frame: MergeFrame) -> Flow {
        let (base, found) = (frame.base as usize, frame.collected as usize);
        self.me().scratch.drain(base..found);
        frame.at = At::Over;
        self.replace(Frame::Fence(FenceFrame::Merge(frame)));
        let flow = match self.me().scratch.len() - base {
            0 => self.alloc_private_stub(frame.timestamp),
            1 => {
                let only = self.me().scratch[base];
                self.me().scratch.truncate(base);
                return Flow::Return(only);
            }
            _ => self.array_create(base, Keep::ForArray, 1, false),
        };
        match flow {
            Flow::Return(value) => {
                self.me().ret = value;
                Flow::Continue
            }
            flow => flow,
        }
    }
}

/// By context, and the latest first. Which fence's rule compares the numbers depends on the question.
fn merge_order(a: &Fence, b: &Fence) -> Ordering {
    let is_later = |a: &Fence, b: &Fence| match a.flags & flag::SEQNO64 {
        0 => (a.seqno as u32).wrapping_sub(b.seqno as u32).cast_signed() > 0,
        _ => a.seqno > b.seqno,
    };
    a.context.cmp(&b.context).then_with(|| match (is_later(b, a), is_later(a, b)) {
        (true, _) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => Ordering::Equal,
    })
}
