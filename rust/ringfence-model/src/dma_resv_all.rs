//! What is done with all fences of a reservation, without its lock (`dma_resv_copy_fences()`,
//! `dma_resv_get_singleton()`, `dma_resv_wait_timeout()` and their like in `drivers/dma-buf/dma-resv.c`).

use ringfence_base::Gfp;
use ringfence_base::errno::ENOMEM;

use crate::dma_fence_array::Keep;
use crate::dma_resv::{Slot, list_capacity};
use crate::dma_resv_ops::{BOOKKEEP, ResvFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::value::Value;

/// Goes over the unsignaled fences. What it collects is in the context's scratch, from `base` on: fences with
/// references, each followed by its usage.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AllFrame {
    what: What,
    iter: u32,
    base: u32,
    /// What is left of the timeout.
    timeout: i64,
    /// Room in the new list.
    capacity: u32,
    result: i64,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum What {
    CopyTo(u32),
    GetSingleton,
    Wait { interruptible: bool },
    Test,
    SetDeadline(i64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Start,
    /// The cursor has moved on.
    Fence,
    /// What was collected before the list changed is dropped.
    Discard,
    Allocated,
    Done,
    Next,
    End,
    Ended,
    /// The fences that were in the reservation before are dropped.
    Putting,
}

impl Kernel<'_> {
    /// `dma_resv_copy_fences()`: 0 or -ENOMEM.
    pub(crate) fn resv_copy(&mut self, dst: u32, src: u32) -> Flow {
        self.resv_assert_held(dst, "dma_resv_copy_fences() without the lock");
        self.resv_all(What::CopyTo(dst), src, BOOKKEEP, 0)
    }

    /// `dma_resv_get_singleton()`: a fence with a reference, or NULL.
    pub(crate) fn resv_get_singleton(&mut self, resv: u32, usage: u8) -> Flow {
        self.resv_all(What::GetSingleton, resv, usage, 0)
    }

    /// `dma_resv_wait_timeout()`: what is left of the timeout, 0, or -ERESTARTSYS.
    pub(crate) fn resv_wait_timeout(
        &mut self,
        resv: u32,
        usage: u8,
        interruptible: bool,
        timeout: i64,
    ) -> Flow {
        self.resv_all(What::Wait { interruptible }, resv, usage, timeout)
    }

    /// `dma_resv_test_signaled()`.
    pub(crate) fn resv_test_signaled(&mut self, resv: u32, usage: u8) -> Flow {
        self.resv_all(What::Test, resv, usage, 0)
    }

    /// `dma_resv_set_deadline()`.
    pub(crate) fn resv_set_deadline(&mut self, resv: u32, usage: u8, deadline: i64) -> Flow {
        self.resv_all(What::SetDeadline(deadline), resv, usage, 0)
    }

    fn resv_all(&mut self, what: What, resv: u32, usage: u8, timeout: i64) -> Flow {
        let iter = self.w.resvs.iter_begin(resv, usage);
        let base = self.me().scratch.len() as u32;
        let result = match what {
            What::Wait { .. } if timeout != 0 => timeout,
            What::Wait { .. } | What::Test => 1,
            _ => 0,
        };
        let frame = AllFrame { what, iter, base, timeout, capacity: 0, result, at: At::Start };
        self.call(Frame::Resv(ResvFrame::All(frame)))
    }

    pub(crate) fn run_all(&mut self, mut frame: AllFrame) -> Flow {
        loop {
            match frame.at {
                At::Start => {
                    frame.at = At::Fence;
                    go!(self, ResvFrame::All(frame), self.iter_first_unlocked(frame.iter));
                }
                At::Next => {
                    frame.at = At::Fence;
                    go!(self, ResvFrame::All(frame), self.iter_next_unlocked(frame.iter));
                }
                At::Fence => match self.ret().index() {
                    None => frame.at = At::End,
                    Some(fence) => self.visit(&mut frame, fence),
                },
                At::Discard => {
                    if self.me().scratch.len() == frame.base as usize {
                        frame.at = At::Allocated;
                        frame.capacity = list_capacity(self.cursor(frame.iter).num_fences);
                        go!(self, ResvFrame::All(frame), self.allocate(Gfp::KERNEL));
                        continue;
                    }
                    self.me().scratch.pop();
                    let fence = self.me().scratch.pop().and_then(Value::index).unwrap_or(NONE);
                    go!(self, ResvFrame::All(frame), self.fence_put(fence));
                }
                At::Allocated => {
                    let memory = self.ret();
                    if memory.is_true() {
                        self.free_memory(memory);
                        let fence = self.cursor(frame.iter).fence;
                        self.collect(frame.iter, fence);
                        frame.at = At::Next;
                    } else {
                        (frame.result, frame.at) = (-ENOMEM, At::End);
                    }
                }
                At::Done => self.visited(&mut frame),
                At::End => {
                    frame.at = At::Ended;
                    go!(self, ResvFrame::All(frame), self.iter_end(frame.iter));
                }
                At::Ended => match self.all_over(&mut frame) {
                    Some(flow) => return flow,
                    None => frame.at = At::Putting,
                },
                At::Putting => {
                    if self.me().scratch.len() == frame.base as usize {
                        return Flow::Return(Value::Int(frame.result));
                    }
                    let fence = self.me().scratch.pop().and_then(Value::index).unwrap_or(NONE);
                    go!(self, ResvFrame::All(frame), self.fence_put(fence));
                }
            }
            if frame.at == At::Done
                && let Some(flow) = self.start_visit(&mut frame)
            {
                return flow;
            }
        }
    }

    /// Decides what is done with a fence.
    fn visit(&mut self, frame: &mut AllFrame, fence: u32) {
        match frame.what {
            What::CopyTo(_) | What::GetSingleton => {
                if self.cursor(frame.iter).is_restarted {
                    frame.at = At::Discard;
                } else {
                    self.collect(frame.iter, fence);
                    frame.at = At::Next;
                }
            }
            What::Test => (frame.result, frame.at) = (0, At::End),
            What::Wait { .. } | What::SetDeadline(_) => frame.at = At::Done,
        }
    }

    /// Waits for the current fence, or tells it the deadline. `None`: that is done already.
    fn start_visit(&mut self, frame: &mut AllFrame) -> Option<Flow> {
        let fence = self.cursor(frame.iter).fence;
        self.replace(Frame::Resv(ResvFrame::All(*frame)));
        let flow = match frame.what {
            What::Wait { interruptible } => self.fence_wait_timeout(fence, interruptible, frame.timeout),
            What::SetDeadline(deadline) => self.fence_set_deadline(fence, deadline),
            _ => Flow::Return(Value::Null),
        };
        match flow {
            Flow::Return(value) => {
                self.me().ret = value;
                self.visited(frame);
                None
            }
            flow => Some(flow),
        }
    }

    fn visited(&mut self, frame: &mut AllFrame) {
        frame.at = At::Next;
        if matches!(frame.what, What::Wait { .. }) {
            frame.result = self.ret().int();
            if frame.result <= 0 {
                frame.at = At::End;
            } else if frame.timeout != 0 {
                // Even without a timeout the result is 1.
                frame.timeout = frame.result;
            }
        }
    }

    fn collect(&mut self, iter: u32, fence: u32) {
        self.fence_get(fence);
        let usage = self.cursor(iter).fence_usage;
        self.me().scratch.extend([Value::fence(fence), Value::Int(i64::from(usage))]);
    }

    /// All fences were seen. `None`: what is in the scratch must still be put.
    fn all_over(&mut self, frame: &mut AllFrame) -> Option<Flow> {
        let base = frame.base as usize;
        let failed = frame.result < 0;
        match frame.what {
            What::CopyTo(dst) if !failed => {
                self.install_copy(dst, base, frame.capacity);
                None
            }
            What::GetSingleton if !failed => Some(self.singleton(base)),
            What::GetSingleton | What::SetDeadline(_) => Some(Flow::Return(Value::Null)),
            _ => Some(Flow::Return(Value::Int(frame.result))),
        }
    }

    /// The collected fences are the reservation's from now on; those that it had go to the scratch.
    fn install_copy(&mut self, dst: u32, base: usize, capacity: u32) {
        let thread = &mut self.w.threads[self.task as usize];
        let resv = &mut self.w.resvs.list[dst as usize];
        let new = thread.scratch.split_off(base);
        thread.scratch.extend(resv.slots.iter().rev().map(|slot| Value::fence(slot.fence)));
        resv.slots.clear();
        resv.slots.extend(new.chunks_exact(2).map(|pair| Slot {
            fence: pair[0].index().unwrap_or(NONE),
            usage: pair[1].int().cast_unsigned() as u8,
        }));
        resv.has_list = !resv.slots.is_empty();
        resv.max_fences = if resv.has_list { capacity } else { 0 };
        resv.generation = resv.generation.wrapping_add(1);
    }

    fn singleton(&mut self, base: usize) -> Flow {
        let scratch = &mut self.me().scratch;
        let mut position = 0;
        let mut place = base;
        while base + position < scratch.len() {
            scratch[place] = scratch[base + position];
            place += 1;
            position += 2;
        }
        scratch.truncate(place);
        match place - base {
            0 => Flow::Return(Value::Null),
            1 => Flow::Return(scratch.pop().unwrap_or(Value::Null)),
            _ => {
                // The array's frame takes this one's place: its result is the result.
                self.me().frames.pop();
                self.array_create(base, Keep::ForArray, 1, false)
            }
        }
    }
}
