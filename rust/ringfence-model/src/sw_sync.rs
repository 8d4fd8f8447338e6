//! `drivers/dma-buf/sw_sync.c`: a timeline that user space moves on.

use ringfence_base::scenario::Op;
use ringfence_base::{EventKind, Gfp, Published};

use crate::dma_fence::{FenceSort, flag};
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::lock::Manner;
use crate::sync::{SyncFrame, go};
use crate::thread::NONE;
use crate::value::Value;
use crate::world::World;

/// `struct sync_timeline`.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct SwSync {
    context: u64,
    lock: u32,
    value: u32,
    /// Its unsignaled fences, in the order of their numbers, without a reference.
    points: Vec<u32>,
}

impl SwSync {
    pub(crate) fn new(lock: u32, context: u64) -> Self {
        Self { context, lock, value: 0, points: Vec::new() }
    }

    /// Its unsignaled fences, in the order of their numbers.
    pub(crate) fn points(&self) -> &[u32] {
        &self.points
    }
}

impl Clone for SwSync {
    fn clone(&self) -> Self {
        Self { points: self.points.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.context = source.context;
        self.lock = source.lock;
        self.value = source.value;
        self.points.clone_from(&source.points);
    }
}

/// `sw_sync_ioctl_create_fence()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CreateFrame {
    timeline: u32,
    value: u32,
    fence: u32,
    at: CreateAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum CreateAt {
    Start,
    Allocated,
    Locked,
    Polled,
}

/// `sync_timeline_signal()`. The fences that are due are in the context's scratch, from `base` on, each with a
/// reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IncFrame {
    timeline: u32,
    /// What is left to add, if it is more than the kernel adds at a time.
    left: u32,
    base: u32,
    at: IncAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum IncAt {
    Start,
    Locked,
    Signalling,
    Putting(u32),
}

const NOTHING: Flow = Flow::Return(Value::Null);

impl World {
    /// `timeline_fence_signaled()`.
    pub(crate) fn sw_sync_reached(&self, timeline: u32, fence: u32) -> bool {
        let value = u64::from(self.sync.timelines[timeline as usize].value);
        !self.fences.is_later(self.fences.get(fence).seqno, value, fence)
    }
}

impl Kernel<'_> {
    pub(crate) fn sw_sync_op(&mut self, call: Call<'_>) -> Flow {
        let Some(timeline) = self.object(call, 0) else { return NOTHING };
        let value = self.int(call, 1).cast_unsigned() as u32;
        let frame = if call.op == Op::SwSyncCreateFence {
            SyncFrame::SwCreate(CreateFrame { timeline, value, fence: NONE, at: CreateAt::Start })
        } else {
            let base = self.me().scratch.len() as u32;
            SyncFrame::SwInc(IncFrame { timeline, left: value, base, at: IncAt::Start })
        };
        self.call(Frame::Sync(frame))
    }

    /// `spin_lock_irq(&obj->lock)`.
    fn lock_sw_sync(&mut self, timeline: u32) -> Flow {
        let lock = self.w.sync.timelines[timeline as usize].lock;
        self.irq_disable();
        self.spin(lock, Manner::EXCLUSIVE)
    }

    fn unlock_sw_sync(&mut self, timeline: u32) {
        let lock = self.w.sync.timelines[timeline as usize].lock;
        self.unspin(lock);
        self.irq_enable();
    }

    /// The caller gets the reference that the file would have.
    pub(crate) fn run_sw_sync_create(&mut self, mut frame: CreateFrame) -> Flow {
        let CreateFrame { timeline, value, .. } = frame;
        if frame.at == CreateAt::Start {
            frame.at = CreateAt::Allocated;
            go!(self, SyncFrame::SwCreate(frame), self.allocate(Gfp::KERNEL));
        }
        if frame.at == CreateAt::Allocated {
            let memory = self.ret();
            if !memory.is_true() {
                return NOTHING;
            }
            self.free_memory(memory);
            frame.fence = self.sw_sync_init(timeline, value);
            frame.at = CreateAt::Locked;
            go!(self, SyncFrame::SwCreate(frame), self.lock_sw_sync(timeline));
        }
        if frame.at == CreateAt::Locked {
            frame.at = CreateAt::Polled;
            go!(self, SyncFrame::SwCreate(frame), self.fence_is_signaled(frame.fence, true));
        }
        if !self.ret().is_true() {
            frame.fence = self.sw_sync_add(timeline, frame.fence, value);
        }
        self.unlock_sw_sync(timeline);
        self.publish_fence(frame.fence, Published::SyncFile);
        Flow::Return(Value::fence(frame.fence))
    }

    fn sw_sync_init(&mut self, timeline: u32, value: u32) -> u32 {
        let SwSync { lock, context, .. } = self.w.sync.timelines[timeline as usize];
        let fence = self.w.fences.add(FenceSort::SwSync(timeline), lock, context, u64::from(value), 0);
        self.emit(EventKind::FenceInit(fence));
        fence
    }

    /// Puts a fence in its place. If there is one with that number already, that is used, with a reference, and the
    /// new one goes.
    fn sw_sync_add(&mut self, timeline: u32, fence: u32, value: u32) -> u32 {
        let (mut place, mut same) = (0, NONE);
        for (position, &other) in self.w.sync.timelines[timeline as usize].points.iter().enumerate() {
            let entry = self.w.fences.get(other);
            match value.wrapping_sub(entry.seqno as u32).cast_signed() {
                0 if entry.refs != 0 => same = other,
                // One that is being released at this moment.
                0 => {}
                later if later > 0 => place = position + 1,
                _ => {}
            }
        }
        if same == NONE {
            self.w.sync.timelines[timeline as usize].points.insert(place, fence);
            return fence;
        }
        self.fence_get(same);
        let entry = self.w.fences.get_mut(fence);
        entry.flags |= flag::RELEASED | flag::FREED;
        entry.refs = 0;
        self.emit(EventKind::FenceFree(fence));
        same
    }

    pub(crate) fn run_sw_sync_inc(&mut self, mut frame: IncFrame) -> Flow {
        let timeline = frame.timeline;
        loop {
            match frame.at {
                IncAt::Start => {
                    frame.at = IncAt::Locked;
                    go!(self, SyncFrame::SwInc(frame), self.lock_sw_sync(timeline));
                }
                IncAt::Locked => {
                    let step = frame.left.min(i32::MAX.cast_unsigned());
                    frame.left -= step;
                    let value = &mut self.w.sync.timelines[timeline as usize].value;
                    *value = value.wrapping_add(step);
                    frame.at = IncAt::Signalling;
                }
                IncAt::Signalling => {
                    let Some(fence) = self.sw_sync_due(timeline) else {
                        self.unlock_sw_sync(timeline);
                        frame.at = IncAt::Putting(frame.base);
                        continue;
                    };
                    self.me().scratch.push(Value::fence(fence));
                    let now = *self.w.time.now;
                    go!(self, SyncFrame::SwInc(frame), self.fence_signal_locked(fence, now));
                }
                IncAt::Putting(position) => {
                    let Some(&fence) = self.me().scratch.get(position as usize) else {
                        self.me().scratch.truncate(frame.base as usize);
                        if frame.left == 0 {
                            return NOTHING;
                        }
                        frame.at = IncAt::Start;
                        continue;
                    };
                    frame.at = IncAt::Putting(position + 1);
                    let fence = fence.index().unwrap_or(NONE);
                    go!(self, SyncFrame::SwInc(frame), self.fence_put(fence));
                }
            }
        }
    }

    /// The next fence that the timeline has reached, taken off its list, with a reference.
    fn sw_sync_due(&mut self, timeline: u32) -> Option<u32> {
        let &fence = self.w.sync.timelines[timeline as usize].points.first()?;
        if !self.w.sw_sync_reached(timeline, fence) {
            return None;
        }
        self.fence_get(fence);
        self.w.sync.timelines[timeline as usize].points.remove(0);
        Some(fence)
    }

    /// `timeline_fence_release()`, under the lock.
    pub(crate) fn sw_sync_forget(&mut self, fence: u32) {
        if let FenceSort::SwSync(timeline) = self.w.fences.get(fence).sort {
            self.w.sync.timelines[timeline as usize].points.retain(|&point| point != fence);
        }
    }
}
