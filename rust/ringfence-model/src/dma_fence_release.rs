//! References to fences and what happens when the last one is gone (`dma_fence_put()`, `dma_fence_release()`).

use ringfence_base::{EventKind, LockId};

use crate::dma_fence::{FenceSort, fence_object, flag};
use crate::dma_fence_array::Array;
use crate::dma_fence_cb::Callback;
use crate::dma_fence_ops::{FenceFrame, go};
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::Kernel;
use crate::thread::NONE;
use crate::value::Value;

/// `dma_fence_release()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ReleaseFrame {
    fence: u32,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Start,
    Signaled,
    /// The members of an array before this one are put.
    Members(u32),
    /// Predecessors of a chain node are being unlinked.
    Unlinking,
    Contained,
    Gone,
}

impl Kernel<'_> {
    /// `dma_fence_get()`.
    pub(crate) fn fence_get(&mut self, fence: u32) {
        let entry = self.w.fences.get_mut(fence);
        if entry.flags & flag::RELEASED != 0 {
            self.broken("RF513", "a reference is taken to a fence that has none left", fence_object(fence));
            return;
        }
        entry.refs += 1;
    }

    /// `dma_fence_put()`; [`NONE`] is NULL.
    pub(crate) fn fence_put(&mut self, fence: u32) -> Flow {
        if fence == NONE {
            return Flow::Return(Value::Null);
        }
        let entry = self.w.fences.get_mut(fence);
        if entry.refs == 0 {
            self.broken("RF513", "a reference is dropped that nobody had", fence_object(fence));
            return Flow::Return(Value::Null);
        }
        entry.refs -= 1;
        if entry.refs != 0 {
            return Flow::Return(Value::Null);
        }
        entry.flags |= flag::RELEASED;
        self.call(Frame::Fence(FenceFrame::Release(ReleaseFrame { fence, at: At::Start })))
    }

    pub(crate) fn run_release(&mut self, mut frame: ReleaseFrame) -> Flow {
        let fence = frame.fence;
        if frame.at == At::Start {
            frame.at = At::Signaled;
            let entry = self.w.fences.get(fence);
            if entry.first != NONE && entry.flags & flag::SIGNALED == 0 {
                self.broken(
                    "RF503",
                    "a fence is released unsignaled, with callbacks pending",
                    fence_object(fence),
                );
                go!(self, FenceFrame::Release(frame), self.with_fence_lock(fence, Doing::SignalDead));
            }
        }
        if frame.at == At::Signaled {
            match self.w.fences.get(fence).sort {
                FenceSort::SwSync(_) => {
                    frame.at = At::Gone;
                    go!(self, FenceFrame::Release(frame), self.with_fence_lock(fence, Doing::Unlist));
                }
                FenceSort::Finished(job) => {
                    frame.at = At::Gone;
                    let scheduled = self.job(job).scheduled;
                    go!(self, FenceFrame::Release(frame), self.fence_put(scheduled));
                }
                FenceSort::Scheduled(job) => {
                    frame.at = At::Gone;
                    let parent = std::mem::replace(&mut self.job_mut(job).parent, NONE);
                    go!(self, FenceFrame::Release(frame), self.fence_put(parent));
                }
                FenceSort::Array(_) => frame.at = At::Members(0),
                FenceSort::Chain(_) => frame.at = At::Unlinking,
                FenceSort::Driver(_) | FenceSort::Stub => {
                    frame.at = At::Gone;
                    if let Some(program) = self.fence_ops(fence).release {
                        self.replace(Frame::Fence(FenceFrame::Release(frame)));
                        return self.call_fence_op(program, &[Value::fence(fence)]);
                    }
                }
            }
        }
        match self.w.fences.get(fence).sort {
            FenceSort::Array(array) => self.release_array(frame, array),
            FenceSort::Chain(chain) => self.release_chain(frame, chain),
            FenceSort::Driver(_)
            | FenceSort::Stub
            | FenceSort::SwSync(_)
            | FenceSort::Scheduled(_)
            | FenceSort::Finished(_) => self.fence_is_gone(fence),
        }
    }

    fn release_array(&mut self, mut frame: ReleaseFrame, array: u32) -> Flow {
        let Array { start, len, .. } = self.w.fences.arrays[array as usize];
        while let At::Members(member) = frame.at
            && member < len
        {
            frame.at = At::Members(member + 1);
            let member = self.w.fences.members[(start + member) as usize];
            self.w.fences.drop_node(member.node);
            go!(self, FenceFrame::Release(frame), self.fence_put(member.fence));
        }
        self.fence_is_gone(frame.fence)
    }

    /// Predecessors that nobody else has go one after the other, not by recursion.
    fn release_chain(&mut self, mut frame: ReleaseFrame, chain: u32) -> Flow {
        while frame.at == At::Unlinking {
            let prev = self.w.fences.chains[chain as usize].prev;
            let before = (prev != NONE).then(|| *self.w.fences.get(prev));
            match before.map(|before| (before.refs, before.sort)) {
                Some((0 | 1, FenceSort::Chain(before))) => {
                    let chains = &mut self.w.fences.chains;
                    chains[chain as usize].prev = std::mem::replace(&mut chains[before as usize].prev, NONE);
                }
                _ => frame.at = At::Contained,
            }
            go!(self, FenceFrame::Release(frame), self.fence_put(prev));
        }
        if frame.at == At::Contained {
            frame.at = At::Gone;
            let entry = self.w.fences.chains[chain as usize];
            self.w.fences.drop_node(entry.node);
            go!(self, FenceFrame::Release(frame), self.fence_put(entry.fence));
        }
        self.fence_is_gone(frame.fence)
    }

    /// Callbacks that were added while the fence was being released. Whoever waits looks again, and sees.
    fn forget_callbacks(&mut self, fence: u32) {
        while let Some(node) = self.w.fences.first_callback(fence) {
            self.broken(
                "RF502",
                "freed with callbacks that were added during its release",
                fence_object(fence),
            );
            self.w.fences.unlink(node);
            if let Callback::Wake(task) = self.w.fences.nodes[node as usize].callback {
                self.wake_fence_waiter(task);
            }
        }
    }

    fn fence_is_gone(&mut self, fence: u32) -> Flow {
        let entry = self.w.fences.get_mut(fence);
        entry.flags |= flag::FREED;
        let (lock, own) = (entry.lock, entry.flags & flag::OWN_LOCK != 0);
        self.w.fences.forget_published(fence);
        self.forget_callbacks(fence);
        self.emit(EventKind::FenceFree(fence));
        // Whoever still holds or wants the lock uses it after free; it stays for them, so that this is found.
        let used = self.w.locks.owner(lock).is_some() || !self.w.locks.get(lock).waiters.is_empty();
        if own && !used && lock as usize >= self.plan.lock_names.len() {
            self.emit(EventKind::Free(LockId::from_raw(lock)));
            self.w.locks.remove(lock);
        }
        Flow::Return(Value::Null)
    }
}
