//! Reservations (`drivers/dma-buf/dma-resv.c`, `include/linux/dma-resv.h`): the list of fences of a buffer, and
//! how it changes.

use ringfence_base::errno::{EINVAL, ENOMEM};
use ringfence_base::scenario::Kind;
use ringfence_base::{Gfp, ObjectRef, Published};

use crate::compile::Compiler;
use crate::dma_resv_iter::Iter;
use crate::dma_resv_ops::{ResvFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::plan::class;
use crate::thread::NONE;
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::value::Value;

/// `struct dma_resv`.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Resv {
    /// Index in the world's locks.
    pub(crate) lock: u32,
    /// Changes whenever another list is put in place of this one. Slots that change leave it as it is.
    pub(crate) generation: u32,
    /// There is a list, perhaps an empty one.
    pub(crate) has_list: bool,
    /// How many slots may be used.
    pub(crate) max_fences: u32,
    pub(crate) slots: Vec<Slot>,
}

/// A fence in a reservation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Slot {
    pub(crate) fence: u32,
    pub(crate) usage: u8,
}

tracked! {
    /// All reservations of a world.
    pub(crate) struct Reservations {
        pub(crate) list: SharedList<Resv>,
        pub(crate) iters: SharedList<Iter>,
    }
}

impl Clone for Resv {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), ..*self }
    }

    fn clone_from(&mut self, source: &Self) {
        self.lock = source.lock;
        self.generation = source.generation;
        self.has_list = source.has_list;
        self.max_fences = source.max_fences;
        self.slots.clone_from(&source.slots);
    }
}

/// `dma_resv_reserve_fences()`. Whether each fence of the old list is signaled is in the context's scratch, from
/// `base` on; later those that are dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReserveFrame {
    resv: u32,
    /// Room in the new list.
    max: u32,
    base: u32,
    at: ReserveAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum ReserveAt {
    Allocated,
    /// So many fences were asked.
    Polled(u32),
    Putting,
}

/// `dma_resv_add_fence()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AddFrame {
    resv: u32,
    fence: u32,
    usage: u8,
    slot: u32,
    at: AddAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum AddAt {
    Slot,
    Polled,
    Over,
}

/// `dma_resv_replace_fences()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReplaceFrame {
    resv: u32,
    context: u64,
    by: u32,
    usage: u8,
    slot: u32,
}

/// Bytes before the slots of a list, and of a slot.
const LIST_HEADER: u64 = 24;
const SLOT_SIZE: u64 = 8;

/// Slots of a list that was asked for so many: all that fit into the memory it gets, which comes in certain sizes.
pub(crate) fn list_capacity(slots: u32) -> u32 {
    let bytes = LIST_HEADER + SLOT_SIZE * u64::from(slots);
    let size = match bytes {
        65..=96 => 96,
        129..=192 => 192,
        _ => bytes.next_power_of_two(),
    };
    u32::try_from((size - LIST_HEADER) / SLOT_SIZE).unwrap_or(u32::MAX)
}

/// An object reference to a reservation.
#[expect(clippy::unnecessary_wraps, reason = "goes where an object may be missing")]
pub(crate) const fn resv_object(resv: u32) -> Option<ObjectRef> {
    Some(ObjectRef { kind: Kind::Resv, index: resv })
}

impl Compiler {
    pub(crate) fn set_up_resv(&mut self) {
        for name in self.names_of(Kind::Resv) {
            let lock = self.lock_of_class(&name, class::RESV_MUTEX);
            let resv = Resv { lock, generation: 0, has_list: false, max_fences: 0, slots: Vec::new() };
            self.plan.initial.resvs.list.push(resv);
        }
    }
}

impl Kernel<'_> {
    /// The lock of a reservation.
    pub(crate) fn resv_lock(&self, resv: u32) -> u32 {
        self.resv(resv).lock
    }

    #[inline]
    pub(crate) fn resv(&self, resv: u32) -> &Resv {
        &self.w.resvs.list[resv as usize]
    }

    #[inline]
    pub(crate) fn resv_mut(&mut self, resv: u32) -> &mut Resv {
        &mut self.w.resvs.list[resv as usize]
    }

    /// Before a reservation is unlocked: what was reserved is reserved no more, as with `CONFIG_DEBUG_MUTEXES`.
    pub(crate) fn resv_unlocked(&mut self, resv: u32) {
        let resv = self.resv_mut(resv);
        resv.max_fences = resv.slots.len() as u32;
    }

    /// Changing a reservation takes its lock; a finding otherwise.
    pub(crate) fn resv_assert_held(&mut self, resv: u32, what: &'static str) {
        let lock = self.resv_lock(resv);
        if !self.holds(lock) {
            self.broken("RF506", what, resv_object(resv));
        }
    }

    /// `dma_resv_reserve_fences()`: 0, -EINVAL or -ENOMEM.
    pub(crate) fn resv_reserve(&mut self, resv: u32, count: i64) -> Flow {
        self.resv_assert_held(resv, "dma_resv_reserve_fences() without the lock");
        let Ok(count) = u32::try_from(count) else { return Flow::Return(Value::errno(EINVAL)) };
        if count == 0 {
            self.broken("RF706", "dma_resv_reserve_fences() of nothing", resv_object(resv));
            return Flow::Return(Value::errno(EINVAL));
        }
        let Resv { max_fences, ref slots, .. } = *self.resv(resv);
        let wanted = (slots.len() as u32).saturating_add(count);
        let max = if max_fences == 0 {
            count.checked_next_power_of_two().unwrap_or(u32::MAX).max(4)
        } else if wanted <= max_fences {
            return Flow::Return(Value::Int(0));
        } else {
            wanted.max(max_fences.saturating_mul(2))
        };
        let base = self.me().scratch.len() as u32;
        let frame = ReserveFrame { resv, max, base, at: ReserveAt::Allocated };
        self.call(Frame::Resv(ResvFrame::Reserve(frame)));
        let flow = self.allocate(Gfp::KERNEL);
        self.returned(flow)
    }

    pub(crate) fn run_reserve(&mut self, mut frame: ReserveFrame) -> Flow {
        if frame.at == ReserveAt::Allocated {
            let memory = self.ret();
            if !memory.is_true() {
                return Flow::Return(Value::errno(ENOMEM));
            }
            self.free_memory(memory);
            frame.at = ReserveAt::Polled(0);
        }
        while let ReserveAt::Polled(count) = frame.at {
            let asked = self.me().scratch.len() as u32 - frame.base;
            if asked < count {
                let signaled = self.ret();
                self.me().scratch.push(signaled);
                continue;
            }
            let Some(&slot) = self.resv(frame.resv).slots.get(count as usize) else {
                self.new_list(frame);
                frame.at = ReserveAt::Putting;
                continue;
            };
            frame.at = ReserveAt::Polled(count + 1);
            go!(self, ResvFrame::Reserve(frame), self.fence_is_signaled(slot.fence, false));
        }
        while self.me().scratch.len() > frame.base as usize {
            let fence = self.me().scratch.pop().and_then(Value::index).unwrap_or(NONE);
            go!(self, ResvFrame::Reserve(frame), self.fence_put(fence));
        }
        Flow::Return(Value::Int(0))
    }

    /// Puts the new list in place; fences that were found signaled go to the scratch.
    fn new_list(&mut self, frame: ReserveFrame) {
        let base = frame.base as usize;
        let thread = &mut self.w.threads[self.task as usize];
        let resv = &mut self.w.resvs.list[frame.resv as usize];
        let (mut asked, mut dropped) = (base, base);
        resv.slots.retain(|slot| {
            let signaled = thread.scratch.get(asked).is_some_and(|answer| answer.is_true());
            asked += 1;
            if signaled {
                thread.scratch[dropped] = Value::fence(slot.fence);
                dropped += 1;
            }
            !signaled
        });
        thread.scratch.truncate(dropped);
        resv.max_fences = list_capacity(frame.max);
        resv.has_list = true;
        resv.generation = resv.generation.wrapping_add(1);
    }

    /// `dma_resv_add_fence()`.
    pub(crate) fn resv_add(&mut self, resv: u32, fence: u32, usage: u8) -> Flow {
        self.fence_get(fence);
        self.resv_assert_held(resv, "dma_resv_add_fence() without the lock");
        if self.fence_is_container(fence) {
            self.broken("RF504", "a container is added to a reservation", resv_object(resv));
        }
        let at = if self.resv(resv).has_list {
            AddAt::Slot
        } else {
            self.broken("RF505", "dma_resv_add_fence() without any slot reserved", resv_object(resv));
            AddAt::Over
        };
        self.call(Frame::Resv(ResvFrame::Add(AddFrame { resv, fence, usage, slot: 0, at })));
        if at == AddAt::Slot {
            return Flow::Continue;
        }
        match self.fence_put(fence) {
            Flow::Return(_) => Flow::Continue,
            flow => flow,
        }
    }

    pub(crate) fn run_add(&mut self, mut frame: AddFrame) -> Flow {
        loop {
            match frame.at {
                AddAt::Over => return Flow::Return(Value::Null),
                AddAt::Slot => {
                    let Some(&old) = self.resv(frame.resv).slots.get(frame.slot as usize) else {
                        return self.append(frame);
                    };
                    if self.supersedes(frame, old) {
                        return self.replace_slot(frame);
                    }
                    frame.at = AddAt::Polled;
                    go!(self, ResvFrame::Add(frame), self.fence_is_signaled(old.fence, false));
                }
                AddAt::Polled if self.ret().is_true() => return self.replace_slot(frame),
                AddAt::Polled => (frame.slot, frame.at) = (frame.slot + 1, AddAt::Slot),
            }
        }
    }

    /// The new fence stands for the old one too.
    fn supersedes(&mut self, frame: AddFrame, old: Slot) -> bool {
        let same_context = self.w.fences.get(old.fence).context == self.w.fences.get(frame.fence).context;
        same_context
            && old.usage >= frame.usage
            && (old.fence == frame.fence || self.fence_is_later(frame.fence, old.fence))
    }

    fn replace_slot(&mut self, mut frame: AddFrame) -> Flow {
        let AddFrame { resv, fence, usage, slot, .. } = frame;
        frame.at = AddAt::Over;
        let Some(place) = self.resv_mut(resv).slots.get_mut(slot as usize) else {
            return self.append(frame);
        };
        let old = std::mem::replace(place, Slot { fence, usage });
        self.publish_fence(fence, Published::Resv);
        go!(self, ResvFrame::Add(frame), self.fence_put(old.fence));
        Flow::Return(Value::Null)
    }

    fn append(&mut self, mut frame: AddFrame) -> Flow {
        let AddFrame { resv, fence, usage, .. } = frame;
        if self.resv(resv).slots.len() as u32 >= self.resv(resv).max_fences {
            self.broken("RF505", "dma_resv_add_fence() with no reserved slot left", resv_object(resv));
            frame.at = AddAt::Over;
            go!(self, ResvFrame::Add(frame), self.fence_put(fence));
            return Flow::Return(Value::Null);
        }
        self.resv_mut(resv).slots.push(Slot { fence, usage });
        self.publish_fence(fence, Published::Resv);
        Flow::Return(Value::Null)
    }

    /// `dma_resv_replace_fences()`.
    pub(crate) fn resv_replace(&mut self, resv: u32, context: u64, by: u32, usage: u8) -> Flow {
        self.resv_assert_held(resv, "dma_resv_replace_fences() without the lock");
        let frame = ReplaceFrame { resv, context, by, usage, slot: 0 };
        self.call(Frame::Resv(ResvFrame::Replace(frame)))
    }

    pub(crate) fn run_replace(&mut self, mut frame: ReplaceFrame) -> Flow {
        while let Some(&old) = self.resv(frame.resv).slots.get(frame.slot as usize) {
            let slot = frame.slot as usize;
            frame.slot += 1;
            if self.w.fences.get(old.fence).context != frame.context {
                continue;
            }
            self.fence_get(frame.by);
            self.resv_mut(frame.resv).slots[slot] = Slot { fence: frame.by, usage: frame.usage };
            self.publish_fence(frame.by, Published::Resv);
            go!(self, ResvFrame::Replace(frame), self.fence_put(old.fence));
        }
        Flow::Return(Value::Null)
    }
}
