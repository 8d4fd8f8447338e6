//! Cursors over the fences of a reservation (`dma_resv_iter_*()` in `drivers/dma-buf/dma-resv.c`).

use crate::dma_resv::{Reservations, Slot, resv_object};
use crate::dma_resv_ops::{ResvFrame, go};
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;

/// `struct dma_resv_iter`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Iter {
    pub(crate) resv: u32,
    pub(crate) usage: u8,
    /// The cursor is in use.
    pub(crate) open: bool,
    pub(crate) is_restarted: bool,
    /// There was a list when the iteration began.
    has_list: bool,
    /// Which one it was.
    generation: u32,
    index: u32,
    pub(crate) num_fences: u32,
    /// The current fence, with a reference of the cursor's own if it walks without the lock.
    pub(crate) fence: u32,
    pub(crate) fence_usage: u8,
    /// `fence` is such a reference.
    referenced: bool,
}

/// `dma_resv_iter_first_unlocked()` and `dma_resv_iter_next_unlocked()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct IterFrame {
    iter: u32,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    /// Looks whether the list is still the one it began with.
    Check,
    /// Drops the fence before.
    Walk,
    Next,
    Polled,
    Over,
}

impl Reservations {
    /// `dma_resv_iter_begin()`.
    pub(crate) fn iter_begin(&mut self, resv: u32, usage: u8) -> u32 {
        let iter = Iter {
            resv,
            usage,
            open: true,
            is_restarted: false,
            has_list: false,
            generation: 0,
            index: 0,
            num_fences: 0,
            fence: NONE,
            fence_usage: 0,
            referenced: false,
        };
        if let Some(unused) = self.iters.iter().position(|iter| !iter.open) {
            self.iters[unused] = iter;
            return unused as u32;
        }
        self.iters.push(iter);
        self.iters.len() as u32 - 1
    }
}

impl Kernel<'_> {
    pub(crate) fn cursor(&mut self, iter: u32) -> &mut Iter {
        &mut self.w.resvs.iters[iter as usize]
    }

    /// `dma_resv_iter_end()`.
    pub(crate) fn iter_end(&mut self, iter: u32) -> Flow {
        let cursor = self.cursor(iter);
        cursor.open = false;
        let fence = if cursor.referenced { cursor.fence } else { NONE };
        (cursor.fence, cursor.referenced) = (NONE, false);
        self.fence_put(fence)
    }

    /// `dma_resv_iter_first_unlocked()`.
    pub(crate) fn iter_first_unlocked(&mut self, iter: u32) -> Flow {
        self.rcu_read_lock();
        self.iter_restart(iter);
        self.call(Frame::Resv(ResvFrame::Iter(IterFrame { iter, at: At::Walk })))
    }

    /// `dma_resv_iter_next_unlocked()`.
    pub(crate) fn iter_next_unlocked(&mut self, iter: u32) -> Flow {
        self.rcu_read_lock();
        self.cursor(iter).is_restarted = false;
        if self.list_is_another(iter) {
            self.iter_restart(iter);
        }
        self.call(Frame::Resv(ResvFrame::Iter(IterFrame { iter, at: At::Walk })))
    }

    fn iter_restart(&mut self, iter: u32) {
        let resv = self.cursor(iter).resv;
        let now = self.resv(resv);
        let (has_list, generation, num_fences) = (now.has_list, now.generation, now.slots.len() as u32);
        let cursor = self.cursor(iter);
        cursor.has_list = has_list;
        cursor.generation = generation;
        cursor.num_fences = num_fences;
        cursor.index = 0;
        cursor.is_restarted = true;
    }

    fn list_is_another(&mut self, iter: u32) -> bool {
        let Iter { resv, has_list, generation, .. } = *self.cursor(iter);
        let now = self.resv(resv);
        now.has_list != has_list || now.generation != generation
    }

    pub(crate) fn run_iter(&mut self, mut frame: IterFrame) -> Flow {
        let iter = frame.iter;
        loop {
            match frame.at {
                At::Walk if !self.cursor(iter).has_list => frame.at = At::Check,
                At::Walk => {
                    let cursor = self.cursor(iter);
                    let before = if cursor.referenced { cursor.fence } else { NONE };
                    (cursor.fence, cursor.referenced) = (NONE, false);
                    frame.at = At::Next;
                    go!(self, ResvFrame::Iter(frame), self.fence_put(before));
                }
                At::Next => match self.iter_take(iter) {
                    // What is left of a list that is not in place any more would be walked for nothing.
                    _ if self.list_is_another(iter) => frame.at = At::Check,
                    None => frame.at = At::Check,
                    Some(slot) if self.w.fences.get(slot.fence).refs == 0 => {
                        self.iter_restart(iter);
                        frame.at = At::Walk;
                    }
                    Some(slot) => {
                        self.fence_get(slot.fence);
                        let cursor = self.cursor(iter);
                        cursor.fence = slot.fence;
                        cursor.fence_usage = slot.usage;
                        cursor.referenced = true;
                        frame.at = At::Polled;
                        go!(self, ResvFrame::Iter(frame), self.fence_is_signaled(slot.fence, false));
                    }
                },
                At::Polled => {
                    let pending = !self.ret().is_true();
                    let cursor = self.cursor(iter);
                    let wanted = pending && cursor.usage >= cursor.fence_usage;
                    frame.at = if wanted { At::Check } else { At::Walk };
                }
                At::Check if self.list_is_another(iter) => {
                    self.iter_restart(iter);
                    frame.at = At::Walk;
                }
                At::Check => {
                    frame.at = At::Over;
                    self.rcu_read_unlock();
                }
                At::Over => {
                    let fence = self.cursor(iter).fence;
                    return Flow::Return(crate::dma_fence_chain::fence_or_null(fence));
                }
            }
        }
    }

    /// The slot at the cursor, which moves on.
    fn iter_take(&mut self, iter: u32) -> Option<Slot> {
        let cursor = self.cursor(iter);
        if cursor.index >= cursor.num_fences {
            return None;
        }
        let (resv, index) = (cursor.resv, cursor.index);
        cursor.index += 1;
        self.resv(resv).slots.get(index as usize).copied()
    }

    /// `dma_resv_iter_first()`, with the lock held.
    pub(crate) fn iter_first(&mut self, iter: u32) -> u32 {
        self.iter_restart(iter);
        let fence = self.iter_next(iter);
        self.cursor(iter).is_restarted = true;
        fence
    }

    /// `dma_resv_iter_next()`, with the lock held: signaled fences too; [`NONE`] at the end.
    pub(crate) fn iter_next(&mut self, iter: u32) -> u32 {
        let resv = self.cursor(iter).resv;
        let lock = self.resv_lock(resv);
        if !self.holds(lock) {
            self.broken("RF510", "locked iteration without the lock", resv_object(resv));
        }
        self.cursor(iter).is_restarted = false;
        loop {
            let index = self.cursor(iter).index;
            let Some(&slot) = self.resv(resv).slots.get(index as usize) else { return NONE };
            let cursor = self.cursor(iter);
            cursor.index += 1;
            cursor.fence_usage = slot.usage;
            if slot.usage <= cursor.usage {
                return slot.fence;
            }
        }
    }
}
